"""People to act, and a reader of what the ledger says."""

import pytest

from ledger.actors import SYSTEM
from ledger.models import Entry
from people.actions import users
from people.states import Role

PASSWORD = "seven green lamps on a hill"


@pytest.fixture(autouse=True)
def fast_passwords(settings):
    """The real hash takes a third of a second each time."""
    settings.PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]


@pytest.fixture
def admin(db):
    """An administrator."""
    return make("alma", roles=[Role.ADMINISTRATOR])


@pytest.fixture
def reviewer(db):
    """A reviewer with a mail address and a password."""
    person = make("rita", roles=[Role.REVIEWER])
    users.set_password(user_id=person.pk, password=PASSWORD, by=person)
    person.refresh_from_db()
    return person


def make(username: str, *, roles=(), email: str | None = None, **options):
    """A person called like their sign-in name."""
    email = f"{username}@x.example" if email is None else email
    return users.create(username=username, name=username.title(), email=email, roles=roles, by=SYSTEM, **options)


class Recorded:
    """The ledger since this object was made."""

    def __init__(self):
        self.start = Entry.objects.count()

    def all(self) -> list[tuple[str, str, str, dict]]:
        """(kind, subject, actor id, data) of each new entry, in order."""
        entries = Entry.objects.order_by("id")[self.start :]
        return [(entry.kind, entry.subject, entry.actor_id, entry.payload_json["data"]) for entry in entries]
