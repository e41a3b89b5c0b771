"""Signing in and out, and failing to: each leaves a ledger entry."""

from django.contrib.auth import login, logout
from django.db import transaction
from django.http import HttpRequest

from ledger.actions import entries
from people import rules
from people.models import User
from people.states import SignInFailure


@transaction.atomic
def start(*, request: HttpRequest, by: User) -> None:
    """Sign in the person whose password was just checked, under a new session key."""
    login(request, by)
    subject = f"people.user:{by.pk}"
    entries.record(kind="session:signed-in", subject=subject, by=by, data={"user": subject})


@transaction.atomic
def end(*, request: HttpRequest, by: User) -> None:
    """Sign out and forget the session."""
    subject = f"people.user:{by.pk}"
    entries.record(kind="session:signed-out", subject=subject, by=by, data={"user": subject})
    logout(request)


@transaction.atomic
def refuse(*, username: str, is_last: bool, by) -> None:
    """Record a failed attempt; with `is_last` also that the name is now locked out at this address.

    A name that nobody has is not written down: people type their password there, and the ledger forgets nothing.
    """
    person = User.objects.filter(username__iexact=rules.sign_in_name(username)).first()
    subject = f"people.user:{person.pk}" if person else "people.user:unknown"
    reasons = [_reason(person)] + [SignInFailure.LOCKED_OUT] * is_last
    for reason in reasons:
        data = {"reason": reason.value} | ({"person": person.actor_ref()} if person else {})
        entries.record(kind="session:sign-in-failed", subject=subject, by=by, data=data)


def _reason(person: User | None) -> SignInFailure:
    if person is None:
        return SignInFailure.UNKNOWN_NAME
    if not person.is_active:
        return SignInFailure.DEACTIVATED
    return SignInFailure.WRONG_PASSWORD if person.has_usable_password() else SignInFailure.NO_PASSWORD
