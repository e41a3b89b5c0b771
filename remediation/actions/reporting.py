"""What a program, or a person with a file, reports about removals: each row for itself, none of it a proof."""

from dataclasses import dataclass

from django.db import transaction

from certify.lib import clock
from certify.lib.errors import Conflict, InvalidInput, NotAllowed
from certify.lib.times import rfc3339
from ledger.actions import entries
from people.models import ApiToken, User
from remediation import permissions, rules
from remediation.actions import attempts
from remediation.models import ApplyResult, RemediationTask
from remediation.states import TO_DO, ReportedResult

MAX_KEY, MAX_WORDS = 100, 2_000


@dataclass(frozen=True)
class Report:
    """What is said of one removal. `key` is the reporter's own name of this report: the same one twice is one report."""

    task_id: int
    result: str
    description: str
    key: str = ""


@dataclass(frozen=True)
class Reported:
    """What is on record now, and whether it was before."""

    result: ApplyResult
    is_repeated: bool


@transaction.atomic
def report(*, said: Report, by: ApiToken | User) -> Reported:
    """Put one report on record. “Applied” is a claim, which later data has to prove; everything else leaves the removal to be done.

    Refuses what the reporter may not see or do, words that say too little, a removal that waits for nobody, and a key that named
    another report. A report that comes again under its key changes nothing.
    """
    if said.result not in ReportedResult.values:
        raise InvalidInput(f"result is one of {', '.join(ReportedResult.values)}.", field="result")
    if len(said.key) > MAX_KEY or len(said.description) > MAX_WORDS:
        raise InvalidInput(f"A key has at most {MAX_KEY} characters, a description {MAX_WORDS:,}.", field="description")
    description = rules.check_words(said.description, "Say what was done or why it could not be.", "description")
    task = _task(said.task_id, by)
    if earlier := _earlier(said, by):
        if (earlier.task_id, earlier.result, earlier.description) == (task.pk, said.result, description):
            return Reported(earlier, is_repeated=True)
        raise Conflict(f"The key “{said.key}” named another report, about removal {earlier.task_id}.")
    if not permissions.can_act(by, task):
        raise NotAllowed("Reports about this removal are not yours to make.")
    if task.state not in TO_DO:
        raise Conflict(f"The removal is “{task.get_state_display()}”: it waits for no report.")
    found = ApplyResult(task=task, result=said.result, description=description, key=said.key, at=clock.now())
    found.by_name = by.signed_as
    found.token, found.by = (by, None) if isinstance(by, ApiToken) else (None, by)
    found.entry_uid = _written(found, by)
    found.save(force_insert=True)
    return Reported(found, is_repeated=False)


def _task(task_id: int, by) -> RemediationTask:
    """The removal, locked, if the reporter may see it."""
    visible = RemediationTask.objects.visible_to(by).select_for_update(of=("self",), no_key=True)
    return visible.select_related("item", "campaign").get(pk=task_id)


def _earlier(said: Report, by) -> ApplyResult | None:
    if not said.key or not isinstance(by, ApiToken):
        return None
    return ApplyResult.objects.filter(token=by, key=said.key).first()


def _written(found: ApplyResult, by):
    """The entry of the report: that of a claim where the access is said to be gone."""
    if found.result == ReportedResult.APPLIED:
        attempts.claim_one(task_id=found.task_id, act=attempts.Act(found.description), by=by)
        return found.task.attempts.latest("id").entry_uid
    data = {
        "task": str(found.task_id),
        "campaign": str(found.task.campaign_id),
        "item": str(found.task.item.number),
        "result": found.result,
        "description": found.description,
        "at": rfc3339(found.at),
    }
    subject = f"remediation.task:{found.task_id}"
    return entries.record(kind="removal:result-reported", subject=subject, by=by, at=found.at, data=data).uid
