"""Facts about people and mail; pure."""

import hashlib
import re
import unicodedata
from collections.abc import Iterable
from dataclasses import replace
from datetime import datetime, timedelta

from django.conf import settings
from django.core.exceptions import ValidationError
from django.core.validators import validate_email
from django.utils.translation import gettext as _

from certify.lib.errors import InvalidInput
from people.hours import Hours, is_zone
from people.states import Role

MAX_USERNAME = 150
MAX_NAME = 200
MAX_EMAIL = 254

#: Minutes to wait after the first, second … failed attempt to send a mail. After the last it is given up.
RETRY_MINUTES = (1, 5, 15, 60, 240, 720)

#: A person gets at most one mail with a link to set a password in so many minutes.
LINK_EVERY_MINUTES = 10


def sign_in_name(text: str) -> str:
    """The one way a sign-in name is written: trimmed, in lower case, each letter in its composed form."""
    folded = unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", text).casefold())
    return folded.strip()


def check_username(text: str) -> str:
    """The sign-in name as it is kept. Refused when empty, too long, or with characters that cannot be seen."""
    name = sign_in_name(text)
    if not name:
        raise InvalidInput(_("Give a sign-in name."), field="username")
    if len(name) > MAX_USERNAME:
        raise InvalidInput(
            _("A sign-in name has at most {max_username} characters.").format(max_username=MAX_USERNAME), field="username"
        )
    if not name.isprintable():
        raise InvalidInput(_("A sign-in name has no line breaks or invisible characters."), field="username")
    return name


def check_name(text: str) -> str:
    """A person's name in one line. Refused when empty or too long."""
    name = " ".join(text.split())
    if not name:
        raise InvalidInput(_("Give the person's name."), field="name")
    if len(name) > MAX_NAME:
        raise InvalidInput(_("A name has at most {max_name} characters.").format(max_name=MAX_NAME), field="name")
    if not name.isprintable():
        raise InvalidInput(_("A name has no invisible characters."), field="name")
    return name


def legible_name(text: str, otherwise: str) -> str:
    """The name that a feed gives a person, made fit to keep: in one line, visible, not too long; else `otherwise`."""
    visible = "".join(char if char.isprintable() else " " for char in text)
    return " ".join(visible.split())[:MAX_NAME].strip() or otherwise


def check_email(text: str) -> str:
    """A mail address, or empty when the person has none. Refused when it cannot be an address."""
    email = text.strip()
    if email and not is_email(email):
        raise InvalidInput(_("“{email}” is not a mail address.").format(email=email[:80]), field="email")
    return email


def is_email(text: str) -> bool:
    """Whether the text can be a mail address."""
    try:
        validate_email(text)
    except ValidationError:
        return False
    return len(text) <= MAX_EMAIL


def check_roles(roles: Iterable[str]) -> list[str]:
    """The roles without repetition, in the order of `Role`. Refused when one is unknown."""
    wanted = set(roles)
    if unknown := wanted - set(Role.values):
        raise InvalidInput(_("There is no role “{unknown}”.").format(unknown=min(unknown)), field="roles")
    return [role.value for role in Role if role.value in wanted]


def check_language(code: str) -> str:
    """The code of a language that Certify speaks, or empty. Refused when it speaks another."""
    if code and code not in dict(settings.LANGUAGES):
        raise InvalidInput(_("Certify does not speak “{code}”.").format(code=code[:20]), field="language")
    return code


def check_hours(hours: Hours) -> Hours:
    """Hours as they may be kept, days in their order; an empty name of a zone means the usual one. Refused when nobody works."""
    if hours.zone_name and not is_zone(hours.zone_name):
        raise InvalidInput(_("There is no time zone “{zone_name}”.").format(zone_name=hours.zone_name[:80]), field="time_zone")
    if hours.works_to <= hours.works_from:
        raise InvalidInput(_("The day must end after it begins."), field="works_to")
    if not hours.days or not set(hours.days) <= set(range(1, 8)):
        raise InvalidInput(_("Choose at least one working day."), field="working_days")
    return replace(hours, days=tuple(sorted(set(hours.days))))


def retry_at(attempts: int, now: datetime) -> datetime | None:
    """When a mail that has failed `attempts` times is tried again; None when it is given up."""
    if attempts > len(RETRY_MINUTES):
        return None
    return now + timedelta(minutes=RETRY_MINUTES[attempts - 1])


def link_key(user_id: int, now: datetime) -> str:
    """The dedupe key of a mail with a password link: the same for all requests within ten minutes."""
    return f"password-link:{user_id}:{int(now.timestamp()) // (LINK_EVERY_MINUTES * 60)}"


def token_hash(token: str) -> str:
    """What is kept of the token of a program. It is random, so that no slow hash is needed."""
    return hashlib.sha256(token.encode()).hexdigest()


def naming(called: Iterable[str]) -> re.Pattern:
    """Finds names and addresses as whole words."""
    return re.compile("|".join(rf"(?<!\w){re.escape(one)}(?!\w)" for one in called))


def renamed(value: object, named: re.Pattern, mark: str) -> object:
    """The value with the mark in place of the names, in the texts inside of it too; keys stay."""
    if isinstance(value, str):
        return named.sub(mark, value)
    if isinstance(value, dict):
        return {key: renamed(inner, named, mark) for key, inner in value.items()}
    return [renamed(inner, named, mark) for inner in value] if isinstance(value, list) else value
