"""What other systems say of removals: done, or not any more. Their word is a claim like anybody's; only a later reading proves it."""

from django.db import transaction

from certify.lib import clock
from certify.lib.times import rfc3339
from ledger.actions import entries
from remediation import rules
from remediation.models import Attempt, RemediationTask
from remediation.states import ATTEMPT_ENTRIES, TO_DO, AttemptKind, TaskState


def _locked(task_id: int) -> RemediationTask:
    found = RemediationTask.objects.select_for_update(of=("self",), no_key=True).select_related("item")
    return found.get(pk=task_id)


def _facts(task: RemediationTask, now) -> dict[str, str]:
    return {"task": str(task.pk), "campaign": str(task.campaign_id), "item": str(task.item.number), "at": rfc3339(now)}


@transaction.atomic
def claim(*, task_id: int, note: str, link: str = "", by) -> bool:
    """Record that a system, or a closed ticket there, says that a removal is done; `link` is where that can be seen.

    Whether anything was recorded: not for what nobody has to do any more.
    """
    task, now = _locked(task_id), clock.now()
    if task.state not in TO_DO:
        return False
    facts = {"note": note, "proof_name": "", "proof_sha256": "", **({"proof_link": link} if link else {})}
    entry = entries.record(
        kind=ATTEMPT_ENTRIES[AttemptKind.CLAIM],
        subject=f"remediation.task:{task.pk}",
        by=by,
        at=now,
        data=_facts(task, now) | facts,
    )
    name = by.signed_as
    Attempt.objects.create(
        task=task, kind=AttemptKind.CLAIM, note=note, proof_link=link, by=None, by_name=name, at=now, entry_uid=entry.uid
    )
    RemediationTask.objects.filter(pk=task.pk).update(state=TaskState.CLAIMED_DONE)
    return True


@transaction.atomic
def hand_back(*, task_id: int, note: str, by) -> bool:
    """Record that a removal which was handed on, or which a ticket reported done, is to be done again: its ticket says so.

    What a person reported done stays reported. Whether anything was recorded.
    """
    task, now = _locked(task_id), clock.now()
    if task.state == TaskState.CLAIMED_DONE:
        last = task.attempts.filter(kind=AttemptKind.CLAIM).last()
        is_ours = last is not None and last.by_id is None
    else:
        is_ours = task.state == TaskState.SENT
    if not is_ours:
        return False
    rules.check_transition(task.state, TaskState.OPEN)
    entries.record(
        kind="removal:handed-back",
        subject=f"remediation.task:{task.pk}",
        by=by,
        at=now,
        data=_facts(task, now) | {"note": note},
    )
    RemediationTask.objects.filter(pk=task.pk).update(state=TaskState.OPEN)
    return True
