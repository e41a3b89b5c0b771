"""Risk exceptions: access that stays for a time although it was to be removed, asked for by one person and approved by another."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, datetime, timedelta

from django.conf import settings
from django.db import connection, transaction
from django.utils.translation import gettext as _

from certify.lib import clock
from certify.lib.errors import InvalidInput, NotAllowed
from certify.lib.language import english
from certify.lib.times import rfc3339
from inventory.models import Snapshot
from ledger.actions import entries
from people.actions import mails
from people.hours import mail_at
from people.models import User
from people.states import Role
from remediation import permissions, rules
from remediation.models import RemediationTask, RiskException
from remediation.states import EndReason, ExceptionState, TaskState

RELATED = ("task__item", "task__campaign__owner", "requested_by")


@dataclass(frozen=True)
class Wanted:
    """What is asked for: why the access stays, what limits the risk meanwhile, and the last day."""

    reason: str
    control: str
    expires_on: date


def _task(task_id: int) -> RemediationTask:
    found = RemediationTask.objects.select_for_update(of=("self",), no_key=True).select_related("item", "campaign__owner")
    return found.get(pk=task_id)


def _locked(exception_id: int) -> RiskException:
    """The exception; its removal is locked first, which is what verification and everybody else locks."""
    task_id = RiskException.objects.values_list("task_id", flat=True).get(pk=exception_id)
    _task(task_id)
    return RiskException.objects.select_for_update(of=("self",), no_key=True).select_related(*RELATED).get(pk=exception_id)


def _record(step: str, exception: RiskException, by, at: datetime, **more: str):
    task = exception.task
    data = {
        "task": str(task.pk),
        "campaign": str(task.campaign_id),
        "item": str(task.item.number),
        "exception": str(exception.pk),
        "requested_by": f"people.user:{exception.requested_by_id}",
        "expires_on": exception.expires_on.isoformat(),
        "at": rfc3339(at),
        **more,
    }
    return entries.record(kind=f"exception:{step}", subject=f"remediation.task:{task.pk}", by=by, at=at, data=data)


@transaction.atomic
def request(*, task_id: int, wanted: Wanted, by: User) -> RiskException:
    """Ask that access is left until a day. Another person must approve it; until then the removal goes on.

    Refuses strangers, words that say too little, a day that is not ahead or too far, and a second request at a time.
    """
    task, now = _task(task_id), clock.now()
    if not permissions.can_request_exception(by, task):
        raise NotAllowed(_("Only the person who must remove this access, or a control owner, may ask for an exception."))
    if task.exceptions.filter(state=ExceptionState.REQUESTED).exists():
        raise InvalidInput(_("An exception is asked for already; it waits for approval."))
    reason = rules.check_words(wanted.reason, rules.SAY_WHY_IT_STAYS, "reason")
    control = rules.check_words(wanted.control, rules.SAY_WHAT_LIMITS, "control")
    rules.check_last_day(wanted.expires_on, now.date())
    exception = RiskException(task=task, reason=reason, control=control, expires_on=wanted.expires_on, requested_at=now)
    exception.requested_by, exception.requested_by_name = by, by.name
    exception.pk = _next_id()
    exception.entry_uid = _record("requested", exception, by, now, reason=reason, control=control).uid
    exception.save(force_insert=True)
    others = User.objects.with_role(Role.CONTROL_OWNER).exclude(pk=by.pk)
    owner = task.campaign.owner
    asked = [owner] if owner in others else list(others)
    _mail("exception_requested", exception, asked, now, by)
    return exception


def _next_id() -> int:
    """From the table's own sequence: the entry names the exception before its row is written."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT nextval(pg_get_serial_sequence('remediation_riskexception', 'id'))")
        return cursor.fetchone()[0]


@transaction.atomic
def approve(*, exception_id: int, note: str, by: User) -> RiskException:
    """Accept the risk: the removal is excepted from now on. One that holds already ends, replaced by this one.

    Refuses whoever asked for it, words that say too little, a day that has passed meanwhile, and a removal that is settled.
    """
    exception = _decided(exception_id, ExceptionState.APPROVED, note, by)
    task, now = exception.task, exception.decided_at
    rules.check_last_day(exception.expires_on, now.date() - timedelta(days=1))
    for earlier in task.exceptions.select_related(*RELATED).filter(state=ExceptionState.APPROVED):
        _end(earlier, EndReason.REPLACED, by, now)
    if task.state != TaskState.EXCEPTED:
        rules.check_transition(task.state, TaskState.EXCEPTED)
    exception.save(update_fields=["state", "decided_by", "decided_by_name", "decided_at", "note"])
    _record("approved", exception, by, now, note=exception.note)
    RemediationTask.objects.filter(pk=task.pk).update(state=TaskState.EXCEPTED)
    _mail("exception_decided", exception, [exception.requested_by], now, by)
    return exception


@transaction.atomic
def decline(*, exception_id: int, note: str, by: User) -> RiskException:
    """Turn a request down, with the reason; the removal goes on."""
    exception = _decided(exception_id, ExceptionState.DECLINED, note, by)
    exception.save(update_fields=["state", "decided_by", "decided_by_name", "decided_at", "note"])
    _record("declined", exception, by, exception.decided_at, note=exception.note)
    _mail("exception_decided", exception, [exception.requested_by], exception.decided_at, by)
    return exception


def _decided(exception_id: int, state: ExceptionState, note: str, by: User) -> RiskException:
    exception = _locked(exception_id)
    rules.check_exception_transition(exception.state, state)
    if not permissions.can_decide_exception(by, exception):
        raise NotAllowed(_("A control owner who did not ask for this exception must decide it."))
    exception.note = rules.check_words(note, rules.SAY_WHY, "note")
    exception.state, exception.decided_by, exception.decided_by_name = state, by, by.name
    exception.decided_at = clock.now()
    return exception


@transaction.atomic
def end(*, exception_id: int, by: User) -> RiskException:
    """Take a request back, or end an exception that holds before its last day: the access is to be removed again."""
    exception = _locked(exception_id)
    if not permissions.can_end_exception(by, exception):
        raise NotAllowed(_("Whoever asked takes a request back; a control owner ends one that holds."))
    was_in_force = exception.state == ExceptionState.APPROVED
    due_at = _open_again(exception.task) if was_in_force else None
    _end(exception, EndReason.WITHDRAWN, by, clock.now(), due_at)
    return exception


@transaction.atomic
def expire(*, by) -> int:
    """End every exception whose last day has passed and ask for the removal again; returns how many ended. Safe to run twice."""
    now, ended = clock.now(), 0
    past = RiskException.objects.filter(
        state__in=(ExceptionState.APPROVED, ExceptionState.REQUESTED), expires_on__lt=now.date()
    )
    for pk in list(past.order_by("task_id", "pk").values_list("pk", flat=True)):
        exception = _locked(pk)
        if exception.state not in (ExceptionState.APPROVED, ExceptionState.REQUESTED):
            continue
        due_at = _open_again(exception.task) if exception.state == ExceptionState.APPROVED else None
        _end(exception, EndReason.EXPIRED, by, now, due_at)
        people = {exception.requested_by, exception.task.campaign.owner}
        _mail("exception_ended", exception, people, now, by)
        ended += 1
    return ended


@transaction.atomic
def warn(*, by) -> int:
    """Tell those who asked for exceptions, and the owners of the reviews, that these end soon; once each. Returns how many mails."""
    now = clock.now()
    soon = RiskException.objects.in_force(now.date()).select_related(*RELATED)
    queued = 0
    for exception in soon.filter(expires_on__lte=now.date() + timedelta(days=rules.EXCEPTION_ENDS_SOON)):
        queued += _mail("exception_ends", exception, {exception.requested_by, exception.task.campaign.owner}, now, by)
    return queued


@transaction.atomic
def end_for_gone(*, snapshot: Snapshot, by) -> None:
    """End what was asked for or approved about removals that this reading has proved."""
    now = clock.now()
    running = RiskException.objects.filter(
        task__verified_in=snapshot, state__in=(ExceptionState.REQUESTED, ExceptionState.APPROVED)
    )
    for exception in running.select_for_update(of=("self",), no_key=True).select_related(*RELATED).order_by("pk"):
        _end(exception, EndReason.GONE, by, now)


def _open_again(task: RemediationTask) -> datetime:
    """The removal is due again, as from a new decision."""
    days = rules.removal_days(
        task.campaign.terms["removal_days"], settings.CERTIFY_PRIVILEGED_REMOVAL_DAYS, task.item.privileged
    )
    due_at = rules.removal_due(clock.now(), days)
    rules.check_transition(task.state, TaskState.OPEN)
    RemediationTask.objects.filter(pk=task.pk).update(state=TaskState.OPEN, due_at=due_at)
    return due_at


def _end(exception: RiskException, why: EndReason, by, now: datetime, due_at: datetime | None = None) -> None:
    rules.check_exception_transition(exception.state, ExceptionState.ENDED)
    was = exception.state
    exception.state, exception.end_reason, exception.ended_at = ExceptionState.ENDED, why, now
    exception.ended_by_name, exception.ended_by_ref = by.signed_as, by.actor_ref()["id"]
    exception.save(update_fields=["state", "end_reason", "ended_at", "ended_by_name", "ended_by_ref"])
    _record("ended", exception, by, now, was=was, why=why.value, due_at=rfc3339(due_at))


def _mail(template: str, exception: RiskException, people: Iterable[User], now: datetime, by) -> int:
    """One mail to each, in their working hours; the same one is never queued twice."""
    item = exception.task.item
    context = {
        "what": str(item),
        "source": item.source_name,
        "state": english(ExceptionState(exception.state).label).lower(),
        "reason": exception.reason,
        "control": exception.control,
        "note": exception.note,
        "expires_on": exception.expires_on.isoformat(),
        "requested_by": exception.requested_by_name,
        "path": f"/removals/exceptions/{exception.pk}/",
    }
    drafts = [
        mails.Draft(
            recipient_id=person.pk,
            template=template,
            context=context,
            subject_ref=f"campaigns.campaign:{exception.task.campaign_id}",
            dedupe_key=f"{template}:{exception.pk}:{person.pk}",
            due_at=mail_at(person.hours, now),
        )
        for person in people
    ]
    return mails.queue_many(drafts=drafts, by=by)
