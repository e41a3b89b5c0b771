"""The second factor of a sign-in: set up, used, renewed, ended, and reset by an administrator. Each act is in the ledger."""

from dataclasses import dataclass, replace
from datetime import datetime

from django.db import transaction
from django.utils.translation import gettext as _

from certify.lib import clock, sealing
from certify.lib.errors import Conflict, InvalidInput, NotAllowed
from ledger.actions import entries
from people import factors, permissions
from people.actions import mails
from people.models import SecondFactor, User
from people.states import CodeFailure, Means

PURPOSE = "second factors"


@dataclass(frozen=True)
class Verdict:
    """What became of a code: by what `means` one is signed in now, or the `failure`, and until when nothing more is looked at.

    `codes` are recovery codes that were made for it.
    """

    means: Means | None = None
    failure: CodeFailure | None = None
    until: datetime | None = None
    codes: tuple[str, ...] = ()


@transaction.atomic
def enrol(*, user_id: int, secret: str, code: str, by) -> tuple[SecondFactor, list[str]]:
    """Set up a second factor whose app has just shown `code`; returns it with its recovery codes, which are shown once.

    Refuses everybody but the person, a code that the secret does not give now, and a second one beside the first.
    """
    person = _own(user_id, by)
    now = clock.now()
    if SecondFactor.objects.filter(person=person).exists():
        raise Conflict(_("You have a second factor already."))
    step = factors.matching_step(secret, factors.tidy(code), now)
    if step is None:
        raise InvalidInput(_("That is not the code of this minute. Is the clock of your phone right?"), field="code")
    codes = factors.new_recovery_codes()
    factor = SecondFactor.objects.create(
        person=person,
        secret=sealing.seal(secret, purpose=PURPOSE),
        recovery=[factors.recovery_hash(one) for one in codes],
        last_step=step,
        created_at=now,
    )
    _record("factor:set-up", person, by)
    _tell(person, "set up", now, by)
    return factor, codes


@transaction.atomic
def check(*, user_id: int, code: str, by) -> Verdict:
    """Take a code of the app or a recovery code, once. A refusal is counted and recorded, so it is returned, not raised.

    Five failures in a row lock the person out; meanwhile nothing is looked at, counted or recorded. Attempts made at once wait for each
    other. Refuses everybody but the person, and one who has no second factor.
    """
    person = _own(user_id, by)
    factor = _locked(person)
    now, typed = clock.now(), factors.tidy(code)
    until = factors.locked_until(factor.failures, factor.failed_at)
    if until and now < until:
        return Verdict(failure=CodeFailure.LOCKED_OUT, until=until)
    if factors.is_app_code(typed):
        step = factors.matching_step(sealing.unseal(factor.secret, purpose=PURPOSE), typed, now)
        if step is None or step <= factor.last_step:
            return _failed(factor, CodeFailure.WRONG if step is None else CodeFailure.USED, now, by)
        factor.last_step = step
        return _passed(factor, Means.CODE)
    kept = factors.recovery_hash(typed)
    if kept not in factor.recovery:
        return _failed(factor, CodeFailure.WRONG, now, by)
    factor.recovery = [one for one in factor.recovery if one != kept]
    _record("factor:recovery-code-used", person, by, left=len(factor.recovery))
    _tell(person, "recovery code", now, by, left=len(factor.recovery))
    return _passed(factor, Means.RECOVERY)


def _passed(factor: SecondFactor, means: Means) -> Verdict:
    factor.failures, factor.failed_at = 0, None
    factor.save(update_fields=["last_step", "recovery", "failures", "failed_at"])
    return Verdict(means=means)


def _failed(factor: SecondFactor, failure: CodeFailure, now: datetime, by) -> Verdict:
    factor.failures, factor.failed_at = factor.failures + 1, now
    factor.save(update_fields=["failures", "failed_at"])
    until = factors.locked_until(factor.failures, now)
    for reason in [failure] + [CodeFailure.LOCKED_OUT] * bool(until):
        _record("session:code-failed", factor.person, by, reason=reason.value)
    return Verdict(failure=CodeFailure.LOCKED_OUT if until else failure, until=until)


@transaction.atomic
def renew(*, user_id: int, code: str, by) -> Verdict:
    """Give a person new recovery codes, for a code; the former ones are void. A wrong code is counted like any other."""
    verdict = check(user_id=user_id, code=code, by=by)
    if verdict.failure:
        return verdict
    person = _own(user_id, by)
    factor, codes = _locked(person), factors.new_recovery_codes()
    factor.recovery = [factors.recovery_hash(one) for one in codes]
    factor.save(update_fields=["recovery"])
    _record("factor:recovery-codes-made", person, by)
    return replace(verdict, codes=tuple(codes))


@transaction.atomic
def end(*, user_id: int, code: str, by) -> Verdict:
    """Give up one's second factor, for a code: to set up another, or to have none where no role asks for it."""
    verdict = check(user_id=user_id, code=code, by=by)
    if not verdict.failure:
        person = _own(user_id, by)
        _locked(person).delete()
        _record("factor:ended", person, by)
        _tell(person, "ended", clock.now(), by)
    return verdict


@transaction.atomic
def reset(*, user_id: int, by) -> None:
    """Take away the second factor of somebody who lost it, recovery codes and all; a mail tells them. Without one nothing happens.

    Whoever was signed in with it is asked again with their next request. Refuses everybody but administrators, and one's own.
    """
    person = User.objects.select_for_update(of=("self",), no_key=True).get(pk=user_id)
    if not permissions.can_reset_second_factor(by, person):
        raise NotAllowed(_("Only another administrator may reset a second factor."))
    if SecondFactor.objects.filter(person=person).delete()[0]:
        _record("factor:reset", person, by)
        _tell(person, "reset", clock.now(), by)


def _own(user_id: int, by) -> User:
    person = User.objects.select_for_update(of=("self",), no_key=True).get(pk=user_id)
    if not permissions.can_use_second_factor(by, person):
        raise NotAllowed(_("Only the person may use their second factor."))
    return person


def _locked(person: User) -> SecondFactor:
    found = SecondFactor.objects.select_for_update(of=("self",), no_key=True).filter(person=person).first()
    if found is None:
        raise Conflict(_("There is no second factor here any more. Set one up."))
    return found


def _record(kind: str, person: User, by, **facts) -> None:
    subject = f"people.user:{person.pk}"
    entries.record(kind=kind, subject=subject, by=by, data={"user": subject, **facts})


def _tell(person: User, event: str, now: datetime, by, **facts) -> None:
    """A mail to the person, who should know when it was somebody else."""
    mails.queue(
        recipient=person,
        template="second_factor",
        context={"event": event, "by_name": by.signed_as, **facts},
        subject_ref=f"people.user:{person.pk}",
        dedupe_key=f"second-factor:{person.pk}:{event}:{now.isoformat()}",
        by=by,
    )
