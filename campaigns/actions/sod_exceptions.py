"""Exceptions from rules of duties: asked for by one person, approved by another, until a day. Append-only, each step in the ledger."""

from dataclasses import dataclass
from datetime import date, timedelta

from django.db import IntegrityError, transaction
from django.db.models import F
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from campaigns import permissions, rules, sod_reading
from campaigns.models import SodConflict, SodConflictGrant, SodException, SodExceptionRight, SodExceptionStep, SodRule
from campaigns.states import ExceptionStep, Side
from certify.lib import clock
from certify.lib.errors import InvalidInput, NotAllowed
from certify.lib.language import dated
from ledger.actions import entries
from people.actions import mails

#: An exception is looked at again at least once a year.
LONGEST_DAYS = 366
#: It names every right it covers, in its entry too.
MOST_RIGHTS = 100


@dataclass(frozen=True)
class Ask:
    """What is asked for: what limits the harm, why it is needed, and the last day."""

    control: str
    reason: str
    ends_on: date


@dataclass(frozen=True)
class Held:
    """A right that is held of a side of the rule."""

    side: str
    entitlement: int
    reference: str
    words: str


def _subject(exception: SodException) -> str:
    return f"campaigns.sodexception:{exception.pk}"


@transaction.atomic
def ask(*, conflict_id: int, wanted: Ask, by) -> SodException:
    """Ask that the person of a standing conflict may hold what they hold of both sides until a day; the rights are named with it.

    Refuses an account without a known person, a day that is past or more than a year ahead, a second request while one waits, and
    more than a hundred rights.
    """
    if not permissions.can_keep_duties_apart(by):
        raise NotAllowed(_("Only a control owner or administrator may ask for an exception."))
    found = SodConflict.objects.select_for_update(of=("self",), no_key=True).select_related("rule", "identity")
    conflict, now = found.get(pk=conflict_id), clock.now()
    _check(conflict, wanted, now.date())
    control = _words(wanted.control, gettext_lazy("Say what limits the harm."), "control")
    reason = _words(wanted.reason, gettext_lazy("Say why both are needed."), "reason")
    person, held = conflict.identity, _held(conflict)
    facts = {"identity_key": person.key, "control": control, "reason": reason}
    facts |= {"ends_on": wanted.ends_on, "rule_version": conflict.rule.version}
    told = facts | {"rule": conflict.rule.key, "ends_on": wanted.ends_on.isoformat()}
    told["rights"] = {side: [one.reference for one in held if one.side == side] for side in Side.values}
    entry = entries.record(kind="sod-exception:asked", subject=f"campaigns.sodconflict:{conflict.pk}", by=by, at=now, data=told)
    made = SodException.objects.create(
        rule=conflict.rule,
        identity=person,
        identity_name=person.name,
        asked_by=by,
        asked_by_name=by.name,
        asked_at=now,
        entry_uid=entry.uid,
        **facts,
    )
    SodExceptionRight.objects.bulk_create(
        SodExceptionRight(exception=made, side=one.side, entitlement_id=one.entitlement, words=one.words) for one in held
    )
    return made


def _held(conflict: SodConflict) -> list[Held]:
    """What is held of both sides now, each right once a side."""
    parts = SodConflictGrant.objects.filter(conflict=conflict).order_by("side", "grant__source__key", "grant__entitlement__key")
    names = ("grant__source__key", "grant__source__name", "grant__entitlement__key", "grant__entitlement__name")
    found = {}
    for side, entitlement, source, system, key, name in parts.values_list("side", "grant__entitlement_id", *names):
        found[side, entitlement] = Held(side, entitlement, f"{source}/{key}", f"{system}: {name or key}")
    if len(found) > MOST_RIGHTS:
        raise InvalidInput(
            _("An exception names at most {most} rights; {n} are held of this rule.").format(most=MOST_RIGHTS, n=len(found))
        )
    return list(found.values())


def _words(text: str, why: str, field: str) -> str:
    try:
        return rules.check_reason(text, why)
    except InvalidInput as refusal:
        raise InvalidInput(refusal.message, field=field) from None


def _check(conflict: SodConflict, wanted: Ask, today: date) -> None:
    if conflict.ended_at is not None or not conflict.rule.is_active:
        raise InvalidInput(_("This conflict is over: there is nothing to except."))
    if conflict.identity is None:
        raise InvalidInput(_("Nobody knows whose account this is. Find that out first: an exception is for a person."))
    last = today + timedelta(days=LONGEST_DAYS)
    if not today <= wanted.ends_on <= last:
        raise InvalidInput(
            _("Its last day lies between today and {day}: it is looked at every year.").format(day=dated(last, "d F Y")),
            field="ends_on",
        )
    same = SodException.objects.filter(rule=conflict.rule, identity=conflict.identity, rule_version=conflict.rule.version)
    if same.waiting(today).exists():
        raise InvalidInput(_("An exception for this conflict waits to be judged already."))


@transaction.atomic
def judge(*, exception_id: int, code: str, reason: str = "", by) -> SodExceptionStep:
    """Approve or decline what somebody asked for. Who asked may only decline it, which takes it back.

    Refuses the person whom it is for, one that was judged already, and one whose day has passed, whose rule has changed since, or
    whose person holds more of it since: what is approved is what was named.
    """
    exception, now = _locked(exception_id), clock.now()
    if code == ExceptionStep.APPROVED and not permissions.can_approve_exception(by, exception):
        raise NotAllowed(
            _("An exception is approved by a control owner or administrator who did not ask for it and is not meant by it.")
        )
    if code not in (ExceptionStep.APPROVED, ExceptionStep.DECLINED) or not permissions.can_keep_duties_apart(by):
        raise NotAllowed(_("You may not judge this exception."))
    if exception.steps.exists():
        raise InvalidInput(_("This exception was judged already."))
    if code == ExceptionStep.APPROVED and exception.ends_on < now.date():
        raise InvalidInput(_("Its last day has passed. Ask again."))
    if code == ExceptionStep.APPROVED and exception.rule_version != exception.rule.version:
        raise InvalidInput(_("The rule has changed since this was asked. Ask again."))
    if code == ExceptionStep.APPROVED and (more := sod_reading.beyond([exception.pk]).get(exception.pk)):
        raise InvalidInput(
            _("More is held since this was asked: {rights}. Decline it, and ask again.").format(
                rights=", ".join(more.rights[:5])
            )
        )
    if code == ExceptionStep.DECLINED:
        reason = rules.check_reason(reason, gettext_lazy("Say why it is declined."))
    return _step(exception, code, reason.strip(), now, by)


@transaction.atomic
def end(*, exception_id: int, reason: str, by) -> SodExceptionStep:
    """End an approved exception before its day."""
    exception, now = _locked(exception_id), clock.now()
    if not permissions.can_keep_duties_apart(by):
        raise NotAllowed(_("Only a control owner or administrator may end an exception."))
    codes = set(exception.steps.values_list("code", flat=True))
    if ExceptionStep.APPROVED not in codes or ExceptionStep.ENDED in codes or exception.ends_on < now.date():
        raise InvalidInput(_("Only an exception that holds can be ended."))
    return _step(exception, ExceptionStep.ENDED, rules.check_reason(reason, gettext_lazy("Say why it ends.")), now, by)


def _locked(exception_id: int) -> SodException:
    """The exception, with its rule locked: exceptions are append-only, and the application may not lock rows of such tables."""
    exception = SodException.objects.select_related("identity").get(pk=exception_id)
    exception.rule = SodRule.objects.select_for_update(of=("self",), no_key=True).get(pk=exception.rule_id)
    return exception


def _step(exception: SodException, code: str, reason: str, now, by) -> SodExceptionStep:
    data = {"exception": str(exception.pk), "rule": exception.rule.key, "person": exception.identity_key, "reason": reason}
    entry = entries.record(kind=f"sod-exception:{code}", subject=_subject(exception), by=by, at=now, data=data)
    try:
        with transaction.atomic():
            return SodExceptionStep.objects.create(
                exception=exception,
                code=code,
                asked_by_id=exception.asked_by_id,
                by=by,
                by_name=by.name,
                reason=reason,
                at=now,
                entry_uid=entry.uid,
            )
    except IntegrityError:
        raise InvalidInput(_("This exception was judged already.")) from None


@transaction.atomic
def tell_of_ended(*, by) -> int:
    """Tell the owners of rules, once, of exceptions whose last day has passed while the conflict stands; returns how many."""
    today = clock.now().date()
    drafts = [
        mails.Draft(
            recipient_id=one.rule.owner_id,
            template="sod_exception_ended",
            context={
                "person": one.identity_name or one.identity_key,
                "rule": one.rule.name,
                "ended_on": one.ends_on.isoformat(),
                "path": f"/duties/{conflict}/",
            },
            subject_ref=_subject(one),
            dedupe_key=f"sod-exception-ended:{one.pk}",
        )
        for one, conflict in _ended(today)
    ]
    return mails.queue_many(drafts=drafts, by=by)


@transaction.atomic
def tell_of_more(*, by) -> int:
    """Tell the owners of rules, once for each right, of people who hold more than their exception names; returns how many mails."""
    today = clock.now().date()
    in_force = SodException.objects.in_force(today).filter(rule_version=F("rule__version"), rule__is_active=True)
    found = {one.pk: one for one in in_force.select_related("rule__owner")}
    drafts = [
        mails.Draft(
            recipient_id=found[pk].rule.owner_id,
            template="sod_exception_outgrown",
            context={
                "person": found[pk].identity_name or found[pk].identity_key,
                "rule": found[pk].rule.name,
                "rights": more.rights[:20],
                "more": max(0, len(more.rights) - 20),
                "path": f"/duties/{more.conflict}/",
            },
            subject_ref=_subject(found[pk]),
            dedupe_key=f"sod-exception-outgrown:{pk}:{max(more.entitlements)}:{len(more.entitlements)}",
        )
        for pk, more in sod_reading.beyond(found).items()
    ]
    return mails.queue_many(drafts=drafts, by=by)


def _ended(today: date) -> list[tuple[SodException, int]]:
    """Approved exceptions that ran out in the last week, with the conflict that stands again."""
    steps = SodExceptionStep.objects.filter(code=ExceptionStep.APPROVED).values("exception")
    gone = SodExceptionStep.objects.filter(code=ExceptionStep.ENDED).values("exception")
    found = SodException.objects.filter(ends_on__lt=today, ends_on__gte=today - timedelta(days=7), pk__in=steps)
    found = list(found.exclude(pk__in=gone).select_related("rule__owner"))
    pairs = {
        (one.rule_id, one.identity_id): one.pk
        for one in SodConflict.objects.standing()
        .with_exception(today)
        .filter(rule__in={one.rule_id for one in found}, identity__in={one.identity_id for one in found}, is_excepted=False)
    }
    return [(one, pairs[one.rule_id, one.identity_id]) for one in found if (one.rule_id, one.identity_id) in pairs]
