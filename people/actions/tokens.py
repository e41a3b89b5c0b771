"""Tokens of programs: made and revoked by administrators, shown once."""

import secrets
from collections.abc import Iterable
from datetime import timedelta

from django.db import IntegrityError, transaction
from django.utils.translation import gettext as _

from certify.lib import clock
from certify.lib.errors import InvalidInput, NotAllowed
from certify.lib.times import rfc3339
from ledger.actions import entries
from people import permissions, rules
from people.models import ApiToken, User

#: What every token begins with, so that a scanner of secrets knows one.
PREFIX = "certify_"
HINT = 12
MOST_DAYS = 366


@transaction.atomic
def create(*, name: str, scopes: Iterable[str], things: Iterable[str], days: int, by: User) -> tuple[ApiToken, str]:
    """Make a token that holds for so many days; returns it and its text, which is kept nowhere.

    Refuses those who are no administrators, a token that may nothing, one for longer than a year, and a name that one in use has.
    """
    if not permissions.can_manage_tokens(by):
        raise NotAllowed(_("Only an administrator makes tokens of programs."))
    scopes, things, now = sorted(set(scopes)), sorted(set(things)), clock.now()
    if not scopes or not things:
        raise InvalidInput(_("Choose what the program may do, and with what."))
    if not 1 <= days <= MOST_DAYS:
        raise InvalidInput(_("A token holds 1 to {most} days.").format(most=MOST_DAYS), field="days")
    text = PREFIX + secrets.token_urlsafe(32)
    made = ApiToken(
        name=rules.check_name(name)[:120], sha256=rules.token_hash(text), hint=text[:HINT], scopes=scopes, things=things
    )
    made.created_at, made.created_by, made.expires_at = now, by, now + timedelta(days=days)
    try:
        with transaction.atomic():
            made.save(force_insert=True)
    except IntegrityError as error:
        raise InvalidInput(_("A token in use has this name already."), field="name") from error
    _record("created", made, by, scopes=scopes, things=things, expires_at=rfc3339(made.expires_at), hint=made.hint)
    return made, text


@transaction.atomic
def revoke(*, token_id: int, by: User) -> ApiToken:
    """End a token at once; what it did keeps its name. Ending it again changes nothing."""
    token = ApiToken.objects.select_for_update(of=("self",), no_key=True).get(pk=token_id)
    if not permissions.can_manage_tokens(by):
        raise NotAllowed(_("Only an administrator revokes tokens of programs."))
    if token.revoked_at is None:
        token.revoked_at, token.revoked_by_name = clock.now(), by.name
        token.save(update_fields=["revoked_at", "revoked_by_name"])
        _record("revoked", token, by)
    return token


@transaction.atomic
def noticed(*, token: ApiToken, by: ApiToken) -> None:
    """Remember on which day a token was last used: one write a day."""
    today = clock.now().date()
    if token.used_on != today:
        ApiToken.objects.filter(pk=token.pk).update(used_on=today)


def _record(step: str, token: ApiToken, by: User, **more) -> None:
    subject = f"people.token:{token.pk}"
    entries.record(kind=f"token:{step}", subject=subject, by=by, data={"token": subject, "name": token.name, **more})
