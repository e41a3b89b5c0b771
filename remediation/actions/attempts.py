"""What people do about removals: hand them on, report them done, prove that, and close what no data will ever prove.

None of it proves anything: only a later reading does (`remediation.actions.verification`).
"""

from collections.abc import Iterable
from dataclasses import dataclass
from uuid import UUID

from django.db import transaction
from django.utils.translation import gettext as _

from campaigns.models import Assignment
from certify.lib import clock
from certify.lib.batches import batched
from certify.lib.errors import DomainError, InvalidInput, NotAllowed
from certify.lib.files import StoredFile
from certify.lib.times import rfc3339
from ledger.actions import entries
from people.models import User
from remediation import permissions, rules
from remediation.models import Attempt, RemediationTask
from remediation.states import ATTEMPT_ENTRIES, AttemptKind, TaskState

BATCH = 5_000
#: How many removals one act may be about.
MOST = 5_000


@dataclass(frozen=True)
class Proof:
    """A proof file as it was uploaded: its name and where it was stored."""

    name: str
    file: StoredFile


@dataclass(frozen=True)
class Act:
    """What was done, in words, and what shows it: a file, the address of a ticket or page, both, or nothing."""

    note: str
    proof: Proof | None = None
    link: str = ""

    @property
    def is_proved(self) -> bool:
        """Whether there is anything to look at."""
        return bool(self.proof or self.link)


@dataclass(frozen=True)
class Done:
    """What a bulk act did, and why it left others out: reason → how many."""

    count: int
    left_out: dict[str, int]


def _locked(ids: Iterable[int]) -> list[RemediationTask]:
    found = RemediationTask.objects.select_for_update(of=("self",), no_key=True).select_related("item", "campaign")
    return list(found.filter(pk__in=set(ids)).order_by("pk"))


def _one(task_id: int) -> RemediationTask:
    """The removal, locked."""
    found = _locked([task_id])
    if not found:
        raise RemediationTask.DoesNotExist
    return found[0]


def _checked(act: Act) -> Act:
    return Act(rules.check_note(act.note), act.proof, rules.check_link(act.link))


def _answered(tasks: Iterable[RemediationTask], by) -> set[int]:
    """Items of these removals about which somebody submitted an answer, for themselves or for others."""
    if not isinstance(by, User):
        return set()
    strict = [task.item_id for task in tasks if task.campaign.terms.get("other_remediator")]
    mine = Assignment.objects.filter(item_id__in=strict, decided_by_id=by.pk, sign_off__isnull=False)
    return set(mine.values_list("item_id", flat=True))


def _check_claim(task: RemediationTask, answered: set[int], by) -> None:
    rules.check_transition(task.state, TaskState.CLAIMED_DONE)
    if not permissions.can_claim_done(by, task):
        raise NotAllowed(_("Only the person who must remove this access, or a control owner, can report it done."))
    if task.item_id in answered:
        raise NotAllowed(_("You reviewed this item. This campaign wants its removal reported by somebody else."))


@transaction.atomic
def claim(*, task_ids: Iterable[int], act: Act, by) -> Done:
    """Report many removals done in the same words. That is a claim: only a later FULL snapshot proves it.

    What may not be reported is left out, with the reason. Refuses a note that says too little, more than `MOST` at once, and an act
    that would report nothing.
    """
    act = _checked(act)
    tasks = _locked(_few(task_ids))
    answered, taken, left_out = _answered(tasks, by), [], {}
    for task in tasks:
        try:
            _check_claim(task, answered, by)
            taken.append(task)
        except DomainError as refusal:
            left_out[refusal.message] = left_out.get(refusal.message, 0) + 1
    if not taken:
        raise InvalidInput(next(iter(left_out), _("Choose at least one removal.")))
    _write(taken, AttemptKind.CLAIM, act, by)
    return Done(len(taken), left_out)


def _few(ids: Iterable[int]) -> set[int]:
    found = set(ids)
    if len(found) > MOST:
        raise InvalidInput(_("At most {most} removals at once; these are {n}.").format(most=f"{MOST:,}", n=f"{len(found):,}"))
    return found


@transaction.atomic
def claim_one(*, task_id: int, act: Act, by) -> RemediationTask:
    """Report one removal done; refuses strangers, a note that says too little, and what is reported or proved already."""
    task, act = _one(task_id), _checked(act)
    _check_claim(task, _answered([task], by), by)
    return _write([task], AttemptKind.CLAIM, act, by)[0]


@transaction.atomic
def add_proof(*, task_id: int, act: Act, by) -> RemediationTask:
    """Add a proof to a removal that is reported done and that no data can verify yet. Refuses strangers and an act without proof."""
    task, act = _one(task_id), _checked(act)
    if task.state != TaskState.CLAIMED_DONE or not permissions.can_act(by, task):
        raise NotAllowed(_("A proof is added by those who may report the removal done, until data verifies it."))
    if not act.is_proved:
        raise InvalidInput(_("Add a file, or the address of a page that shows it."), field="proof")
    return _write([task], AttemptKind.PROOF, act, by)[0]


@transaction.atomic
def hand_on(*, task_ids: Iterable[int], act: Act, by) -> Done:
    """Record that removals were handed to somebody as a list; `act.proof` is the list. They are then waited for, not done."""
    act = _checked(act)
    tasks = [task for task in _locked(_few(task_ids)) if permissions.can_hand_on(by, task)]
    if not tasks:
        raise InvalidInput(_("None of these is waiting to be removed by you."))
    _write(tasks, AttemptKind.LIST, act, by)
    return Done(len(tasks), {})


@transaction.atomic
def close(*, task_id: int, act: Act, by) -> RemediationTask:
    """Close, as a control owner, a reported removal of which no full reading will come. It stays counted as never verified.

    Refuses whoever reported it, and a removal that nobody has proved with a file or an address. A later full reading is still held
    against it, and may show the access again.
    """
    task, act = _one(task_id), _checked(act)
    rules.check_transition(task.state, TaskState.CLOSED)
    earlier = list(task.attempts.filter(kind__in=(AttemptKind.CLAIM, AttemptKind.PROOF)))
    if not permissions.can_close(by, task) or by.pk in {attempt.by_id for attempt in earlier}:
        raise NotAllowed(_("A control owner who did not report this removal must close it."))
    if not any(attempt.stored_as or attempt.proof_link for attempt in earlier):
        raise InvalidInput(_("Nothing shows that the access is gone. Ask for a proof first."))
    return _write([task], AttemptKind.CLOSE, act, by)[0]


#: Where each act leaves a removal; a proof leaves it where it is.
LEADS_TO = {
    AttemptKind.CLAIM: TaskState.CLAIMED_DONE,
    AttemptKind.LIST: TaskState.SENT,
    AttemptKind.CLOSE: TaskState.CLOSED,
}


def _write(tasks: list[RemediationTask], kind: AttemptKind, act: Act, by) -> list[RemediationTask]:
    now, made = clock.now(), []
    for batch in batched(tasks, BATCH):
        recorded = entries.record_many(
            kind=ATTEMPT_ENTRIES[kind],
            by=by,
            at=now,
            rows=[(f"remediation.task:{task.pk}", _facts(task, act) | {"at": rfc3339(now)}) for task in batch],
        )
        made += [_attempt(task, kind, act, by, now, entry.uid) for task, entry in zip(batch, recorded, strict=True)]
    Attempt.objects.bulk_create(made, batch_size=BATCH)
    if kind in LEADS_TO:
        RemediationTask.objects.filter(pk__in=[task.pk for task in tasks]).update(state=LEADS_TO[kind])
        for task in tasks:
            task.state = LEADS_TO[kind]
    return tasks


def _facts(task: RemediationTask, act: Act) -> dict[str, str]:
    return {
        "task": str(task.pk),
        "campaign": str(task.campaign_id),
        "item": str(task.item.number),
        "note": act.note,
        "proof_name": act.proof.name if act.proof else "",
        "proof_sha256": act.proof.file.sha256 if act.proof else "",
        **({"proof_link": act.link} if act.link else {}),
    }


def _attempt(task: RemediationTask, kind: AttemptKind, act: Act, by, now, uid: UUID) -> Attempt:
    attempt = Attempt(task=task, kind=kind, note=act.note, proof_link=act.link, at=now, entry_uid=uid)
    attempt.by, attempt.by_name = by if isinstance(by, User) else None, by.signed_as
    if act.proof:
        attempt.proof_name, attempt.proof_sha256 = act.proof.name, act.proof.file.sha256
        attempt.proof_size, attempt.stored_as = act.proof.file.size, act.proof.file.stored_as
    return attempt
