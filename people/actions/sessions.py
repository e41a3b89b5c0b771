"""Signing in and out, and failing to: each leaves a ledger entry."""

from collections.abc import Iterable

from django.contrib.auth import login, logout
from django.db import transaction
from django.http import HttpRequest

from ledger.actions import entries
from people import rules
from people.models import SecondFactor, User
from people.sessions import AWAITS, CONFIRMED_BY, must_confirm
from people.states import Means, SignInFailure


@transaction.atomic
def start(*, request: HttpRequest, by: User) -> None:
    """Sign in the person whose password was just checked, under a new session key.

    Who has a second factor, or must have one, is not signed in by that: nothing opens to them until `confirm`. The session ends at a
    fixed moment, whatever is done in it: packs rest on that (`evidence/pack/sign_ins.py`).
    """
    login(request, by)
    request.session.set_expiry(request.session.get_expiry_date(expiry=None))
    if must_confirm(by):
        request.session[AWAITS] = True
        _record("session:password-accepted", by)
    else:
        _record("session:signed-in", by, means=Means.PASSWORD.value)


@transaction.atomic
def confirm(*, request: HttpRequest, means: Means, by: User) -> None:
    """Let in the person whose second factor was just checked, under a new session key again."""
    request.session.cycle_key()
    request.session.pop(AWAITS, None)
    request.session[CONFIRMED_BY] = SecondFactor.objects.get(person=by).pk
    _record("session:signed-in", by, means=means.value)


@transaction.atomic
def forget_second_factor(*, request: HttpRequest, by: User) -> None:
    """After one's second factor was given up, which is recorded: this session goes on where none is asked for."""
    request.session.cycle_key()
    request.session.pop(CONFIRMED_BY, None)


@transaction.atomic
def end(*, request: HttpRequest, by: User) -> None:
    """Sign out and forget the session."""
    _record("session:signed-out", by)
    logout(request)


def _record(kind: str, by: User, **facts) -> None:
    subject = f"people.user:{by.pk}"
    entries.record(kind=kind, subject=subject, by=by, data={"user": subject, **facts})


@transaction.atomic
def refuse(*, username: str, locks: Iterable[SignInFailure] = (), by) -> None:
    """Record a failed attempt, and what it locks out.

    A name that nobody has is not written down: people type their password there, and the ledger forgets nothing.
    """
    person = User.objects.filter(username__iexact=rules.sign_in_name(username)).first()
    subject = f"people.user:{person.pk}" if person else "people.user:unknown"
    for reason in (_reason(person), *locks):
        data = {"reason": reason.value} | ({"person": person.actor_ref()} if person else {})
        entries.record(kind="session:sign-in-failed", subject=subject, by=by, data=data)


def _reason(person: User | None) -> SignInFailure:
    if person is None:
        return SignInFailure.UNKNOWN_NAME
    if not person.is_active:
        return SignInFailure.DEACTIVATED
    return SignInFailure.WRONG_PASSWORD if person.has_usable_password() else SignInFailure.NO_PASSWORD
