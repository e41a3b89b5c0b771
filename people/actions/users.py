"""Everything that changes a person: each act needs an administrator, holds its rule, and is in the ledger."""

from collections.abc import Iterable

from django.contrib.auth.hashers import UNUSABLE_PASSWORD_PREFIX
from django.contrib.auth.password_validation import validate_password
from django.core.exceptions import ValidationError
from django.db import IntegrityError, connection, transaction
from django.db.models import Q
from django.utils.crypto import get_random_string
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from certify.lib import clock
from certify.lib.errors import DomainError, InvalidInput, NotAllowed
from certify.lib.language import english
from ledger.actions import entries
from ledger.actors import SYSTEM
from people import permissions, rules
from people.actions import mails
from people.hours import Hours
from people.models import User
from people.states import Role

NOT_ADMINISTRATOR = gettext_lazy("Only an administrator may change people and their roles.")

#: People for identities that cannot sign in yet. A name that exists already, however it is spelt, is left as it is.
PROVISION = """
    INSERT INTO people_user (username, name, email, password, roles, is_active, created_at)
    SELECT username, name, email, password, %(roles)s::varchar[], true, %(now)s
    FROM unnest(%(usernames)s::text[], %(names)s::text[], %(emails)s::text[], %(passwords)s::text[])
         AS wanted (username, name, email, password)
    ON CONFLICT DO NOTHING
    RETURNING id, username, name, email, commitment
"""
FIND = """
    SELECT wanted.username, person.id
    FROM unnest(%(usernames)s::text[]) AS wanted (username)
    JOIN people_user AS person ON lower(person.username) = lower(wanted.username)
"""


@transaction.atomic
def create(*, username: str, name: str, email: str = "", roles: Iterable[str], invite: bool = False, by) -> User:
    """Make a person without a password. With `invite` a mail asks them to set one.

    Refuses a sign-in name that exists in any case, unknown roles, and an invitation without a mail address.
    """
    if not permissions.can_manage_people(by):
        raise NotAllowed(NOT_ADMINISTRATOR)
    person = User(
        username=rules.check_username(username),
        name=rules.check_name(name),
        email=rules.check_email(email),
        roles=rules.check_roles(roles),
    )
    if invite and not person.email:
        raise InvalidInput(_("Without a mail address no invitation can be sent."), field="email")
    person.set_unusable_password()
    _insert(person)
    entries.record(kind="user:created", subject=_subject(person.pk), by=by, data=_created(person))
    if invite:
        mails.queue(
            recipient=person,
            template="welcome",
            context={"roles": [english(Role(role).label) for role in person.roles]},
            subject_ref=_subject(person.pk),
            dedupe_key=f"welcome:{person.pk}",
            by=by,
        )
    return person


@transaction.atomic
def create_auditor(*, name: str, email: str, by) -> User:
    """Make an auditor without a password, who signs in with their mail address; the caller invites them.

    This is all that a control owner may make: the role is auditor and no other. Refuses an address that has a sign-in already.
    """
    if not permissions.can_invite_auditors(by):
        raise NotAllowed(_("Only a control owner may invite an auditor."))
    address = rules.check_email(email)
    if not address:
        raise InvalidInput(_("Give a mail address: the invitation goes there."), field="email")
    person = User(
        username=rules.check_username(address), name=rules.check_name(name), email=address, roles=[Role.AUDITOR.value]
    )
    person.set_unusable_password()
    _insert(person)
    entries.record(kind="user:created", subject=_subject(person.pk), by=by, data=_created(person))
    return person


@transaction.atomic
def void_link(*, user_id: int, by) -> None:
    """Make the link worthless that an invited auditor has not used yet; who has a password keeps it.

    Refuses others than those who invite auditors, and people who are more than auditors.
    """
    person = User.objects.select_for_update(of=("self",), no_key=True).get(pk=user_id)
    if not permissions.can_invite_auditors(by):
        raise NotAllowed(_("Only a control owner may invite an auditor."))
    if person.roles == [Role.AUDITOR] and not person.has_usable_password():
        person.set_unusable_password()
        person.save(update_fields=["password"])


def _insert(person: User) -> None:
    """Insert within a savepoint: of two people created at once with one name, the second is told."""
    try:
        with transaction.atomic():
            person.save(force_insert=True)
    except IntegrityError as error:
        raise InvalidInput(
            _("The sign-in name “{username}” is taken.").format(username=person.username), field="username"
        ) from error


def _subject(user_id: int) -> str:
    return f"people.user:{user_id}"


def _created(person: User) -> dict:
    """What the ledger keeps of somebody new; name, address and sign-in name are behind the commitment."""
    return {"user": _subject(person.pk), "person": person.actor_ref(), "roles": list(person.roles)}


@transaction.atomic
def provision(*, rows: Iterable[tuple[str, str, str]], roles: Iterable[str] = (Role.REVIEWER,), by) -> dict[str, int]:
    """Make reviewers (or people with other roles, or none), set-based, for (username, name, email) of people who have no sign-in.

    Returns username → user id. A sign-in name that exists, in any spelling, keeps its person unchanged, and several spellings of one
    name become one person. A name is made legible; an address that cannot be one is left empty: mails to that person then fail with
    this reason. New people have these roles and no password; each has its ledger entry. Refuses those who may not launch campaigns.
    """
    if not permissions.can_provision(by):
        raise NotAllowed(_("Only those who launch campaigns make sign-ins for reviewers."))
    spelt = [(given, rules.check_username(given), name, email) for given, name, email in rows]
    wanted: dict[str, tuple[str, str]] = {}
    for _given, username, name, email in spelt:
        wanted.setdefault(username, (name, email))
    roles = rules.check_roles(roles)
    values = {
        "usernames": list(wanted),
        "names": [rules.legible_name(name, username) for username, (name, _) in wanted.items()],
        "emails": [email if rules.is_email(email) else "" for _, email in wanted.values()],
        "passwords": [UNUSABLE_PASSWORD_PREFIX + get_random_string(40) for _ in wanted],
        "roles": roles,
        "now": clock.now(),
    }
    with connection.cursor() as cursor:
        cursor.execute(PROVISION, values)
        names = ("pk", "username", "name", "email", "commitment")
        created = [User(**dict(zip(names, row, strict=True)), roles=roles) for row in cursor.fetchall()]
        cursor.execute(FIND, values)
        found = dict(cursor.fetchall())
    created.sort(key=lambda person: person.pk)
    entries.record_many(kind="user:created", by=by, rows=[(_subject(person.pk), _created(person)) for person in created])
    return {given: found[username] for given, username, *_rest in spelt}


@transaction.atomic
def change(*, user_id: int, name: str, email: str, by) -> User:
    """Change a person's name or mail address; the sign-in name stays. Without a change nothing is recorded."""
    person, _ = _locked(user_id, by)
    old, was = person.actor_ref(), (person.name, person.email)
    person.name, person.email = rules.check_name(name), rules.check_email(email)
    changed = [part for part, before in zip(("name", "email"), was, strict=True) if getattr(person, part) != before]
    if not changed:
        return person
    person.save(update_fields=["name", "email"])
    person.refresh_from_db(fields=["commitment"])
    data = {"user": _subject(person.pk), "old": old, "new": person.actor_ref(), "changed": changed}
    entries.record(kind="user:changed", subject=_subject(person.pk), by=by, data=data)
    return person


@transaction.atomic
def set_roles(*, user_id: int, roles: Iterable[str], by) -> User:
    """Give a person exactly these roles. Without a change nothing is recorded.

    Refuses unknown roles, taking one's own administrator role away, and leaving Certify without an active administrator.
    """
    person, administrators = _locked(user_id, by)
    old, new = list(person.roles), rules.check_roles(roles)
    if rules.check_roles(old) == new:
        return person
    if person in administrators and Role.ADMINISTRATOR not in new:
        if person == by:
            raise DomainError("own_role", _("You cannot take the administrator role from yourself. Ask another administrator."))
        _refuse_last(administrators)
    person.roles = new
    person.save(update_fields=["roles"])
    data = {"user": _subject(person.pk), "old": old, "new": new}
    entries.record(kind="user:roles-changed", subject=_subject(person.pk), by=by, data=data)
    return person


@transaction.atomic
def deactivate(*, user_id: int, by) -> User:
    """Shut a person out at once: their sessions end with their next request. What they did keeps their name.

    Refuses to deactivate oneself and the last active administrator.
    """
    person, administrators = _locked(user_id, by)
    if not person.is_active:
        return person
    if person == by:
        raise DomainError("own_access", _("You cannot deactivate yourself. Ask another administrator."))
    if person in administrators:
        _refuse_last(administrators)
    return _set_active(person, is_active=False, kind="user:deactivated", by=by)


@transaction.atomic
def reactivate(*, user_id: int, by) -> User:
    """Let a deactivated person in again, with the roles and the password they had. Refuses those who were erased."""
    person, _administrators = _locked(user_id, by)
    return person if person.is_active else _set_active(person, is_active=True, kind="user:reactivated", by=by)


def _set_active(person: User, *, is_active: bool, kind: str, by) -> User:
    person.is_active = is_active
    person.save(update_fields=["is_active"])
    entries.record(kind=kind, subject=_subject(person.pk), by=by, data={"user": _subject(person.pk)})
    return person


def _locked(user_id: int, by) -> tuple[User, list[User]]:
    """The person and every active administrator, all locked in key order, `by` among the latter.

    Two administrators who take each other's role at the same moment therefore wait for one another: the second is no longer
    an administrator when their turn comes, and is refused.
    """
    is_administrator = Q(is_active=True, roles__contains=[Role.ADMINISTRATOR.value])
    rows = User.objects.filter(Q(pk=user_id) | is_administrator).order_by("pk")
    locked = {person.pk: person for person in rows.select_for_update(of=("self",), no_key=True)}
    administrators = [person for person in locked.values() if person.has_role(Role.ADMINISTRATOR)]
    if by is not SYSTEM and by not in administrators:
        raise NotAllowed(NOT_ADMINISTRATOR)
    if user_id not in locked:
        raise User.DoesNotExist
    if locked[user_id].erased_at:
        raise DomainError("erased", gettext_lazy("This person was erased; nothing of them changes any more."))
    return locked[user_id], administrators


def _refuse_last(administrators: list[User]) -> None:
    if len(administrators) == 1:
        raise DomainError(
            "last_administrator", _("This is the last active administrator. Give the role to somebody else first.")
        )


@transaction.atomic
def set_hours(*, user_id: int, hours: Hours, by) -> User:
    """Set when a person works, and in which time zone (without a name: the usual one). Without a change nothing is recorded.

    Refuses everybody but the person, an unknown zone, and hours in which nobody works.
    """
    person = User.objects.select_for_update(of=("self",), no_key=True).get(pk=user_id)
    if not permissions.can_set_hours(by, person):
        raise NotAllowed(_("Only the person may set their working hours."))
    checked = rules.check_hours(hours)
    old = _hours(person)
    person.time_zone, person.works_from, person.works_to = checked.zone_name, checked.works_from, checked.works_to
    person.working_days = list(checked.days)
    if (new := _hours(person)) == old:
        return person
    person.save(update_fields=["time_zone", "works_from", "works_to", "working_days"])
    data = {"user": _subject(person.pk), "old": old, "new": new}
    entries.record(kind="user:hours-changed", subject=_subject(person.pk), by=by, data=data)
    return person


@transaction.atomic
def set_single_keys(*, user_id: int, single_keys: bool, by) -> User:
    """Set whether single letters act on pages (WCAG 2.1.4). How somebody likes to work is not recorded. Refuses everybody but them."""
    person = User.objects.select_for_update(of=("self",), no_key=True).get(pk=user_id)
    if by.pk != person.pk:
        raise NotAllowed("Only the person may set how they work.")
    person.single_keys = single_keys
    person.save(update_fields=["single_keys"])
    return person


def _hours(person: User) -> dict:
    return {
        "time_zone": person.time_zone,
        "works_from": f"{person.works_from:%H:%M}",
        "works_to": f"{person.works_to:%H:%M}",
        "working_days": list(person.working_days),
    }


@transaction.atomic
def set_language(*, user_id: int, language: str, by) -> User:
    """Set the language of a person's pages and mails; empty: their browser's. Without a change nothing is recorded.

    Refuses everybody but the person, and a language that Certify does not speak.
    """
    person = User.objects.select_for_update(of=("self",), no_key=True).get(pk=user_id)
    if not permissions.can_set_language(by, person):
        raise NotAllowed(_("Only the person may choose their language."))
    old, new = person.language, rules.check_language(language)
    if old == new:
        return person
    person.language = new
    person.save(update_fields=["language"])
    data = {"user": _subject(person.pk), "old": old, "new": new}
    entries.record(kind="user:language-changed", subject=_subject(person.pk), by=by, data=data)
    return person


@transaction.atomic
def set_password(*, user_id: int, password: str, by) -> User:
    """Set the person's password, which ends their other sessions.

    Refuses everybody but the person (and Certify's own commands), deactivated people, and passwords that are easy to guess.
    """
    person = User.objects.select_for_update(of=("self",), no_key=True).get(pk=user_id)
    if not permissions.can_set_password(by, person):
        raise NotAllowed(_("Only the person may set their password."))
    if not person.is_active:
        raise NotAllowed(_("This person is deactivated."))
    try:
        validate_password(password, person)
    except ValidationError as error:
        raise InvalidInput(" ".join(error.messages), field="password") from error
    person.set_password(password)
    person.save(update_fields=["password"])
    entries.record(kind="user:password-set", subject=_subject(person.pk), by=by, data={"user": _subject(person.pk)})
    return person
