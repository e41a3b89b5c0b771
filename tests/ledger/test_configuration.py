"""What django-auditlog writes is entered in the ledger, once, and cannot be changed behind it."""

import hashlib
import json
import threading
from datetime import UTC, datetime, timedelta

import pytest
from auditlog.context import disable_auditlog
from auditlog.models import LogEntry
from django.contrib.contenttypes.models import ContentType
from django.db import connection

from certify.lib import canonical, clock
from ledger import tasks
from ledger.actions import configuration
from ledger.actors import SYSTEM
from ledger.models import Checkpoint, Entry
from people.models import User
from tests.ledger.conftest import superuser, verify

AT = datetime(2026, 1, 2, 3, 4, 5, 6, tzinfo=UTC)


def change(*, changes=None, actor=None, timestamp=AT) -> LogEntry:
    """A row as django-auditlog writes it."""
    return LogEntry.objects.create(
        content_type=ContentType.objects.get_for_model(LogEntry),
        object_pk="7",
        object_repr="A source",
        action=LogEntry.Action.UPDATE,
        changes=changes or {"name": ["old", "new"]},
        actor=actor,
        timestamp=timestamp,
    )


@pytest.mark.django_db
def test_change_becomes_an_entry_of_the_one_who_made_it():
    with disable_auditlog():
        anna = User.objects.create(username="anna", name="Anna", email="anna@example.org", created_at=AT)
    row = change(actor=anna)
    assert configuration.absorb(by=SYSTEM) == 1
    entry = Entry.objects.get()
    assert (entry.kind, entry.subject, entry.actor_id) == (
        "configuration:changed",
        "auditlog.logentry:7",
        f"people.user:{anna.pk}",
    )
    assert entry.payload_json["data"] == {
        "change": str(row.pk),
        "action": "update",
        "object": "A source",
        "changed_at": "2026-01-02T03:04:05.000006Z",
        "changes": {"name": ["old", "new"]},
    }


@pytest.mark.django_db
def test_change_by_nobody_is_certifys_own_and_entered_once():
    change()
    assert (configuration.absorb(by=SYSTEM), configuration.absorb(by=SYSTEM)) == (1, 0)
    assert Entry.objects.get().actor_id == "system"


@pytest.mark.django_db
def test_changes_that_do_not_fit_are_committed_by_their_hash():
    changes = {"text": ["", "a" * 40_000]}
    change(changes=changes)
    configuration.absorb(by=SYSTEM)
    data = Entry.objects.get().payload_json["data"]
    assert data["changes_sha256"] == hashlib.sha256(canonical.dumps(changes)).hexdigest()
    assert "changes" not in data


@pytest.mark.django_db
def test_task_enters_and_sequences_everything(monkeypatch):
    monkeypatch.setattr(configuration, "BATCH", 2)
    for _ in range(5):
        change()
    tasks.sequence_entries()
    tasks.sequence_entries()
    assert [checkpoint.size for checkpoint in Checkpoint.objects.all()] == [5]
    assert verify().changes == 5


@pytest.mark.django_db(transaction=True)
def test_two_at_once_enter_every_change_once():
    for _ in range(30):
        change()

    def work():
        while configuration.absorb(by=SYSTEM):
            pass
        connection.close()

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    while configuration.absorb(by=SYSTEM):
        pass
    assert Entry.objects.count() == 30


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("statement", "words"),
    [
        ("UPDATE auditlog_logentry SET changes = '{}'", "in auditlog's table is not what the ledger recorded"),
        ("UPDATE auditlog_logentry SET object_repr = 'x'", "in auditlog's table is not what the ledger recorded"),
        ("DELETE FROM auditlog_logentry", "is in the ledger and is missing in auditlog's table"),
    ],
)
def test_changed_auditlog_row_is_named(statement, words):
    row = change(changes={"items": {"type": "m2m", "operation": "add", "objects": ["a"]}, "n": [1, None]})
    tasks.sequence_entries()
    assert verify().problems == []
    with superuser() as cursor:
        cursor.execute(statement)
    assert verify().problems == [f"The change of configuration {row.pk} {words}."]


@pytest.mark.django_db
def test_change_that_was_never_entered_is_named():
    row = change(timestamp=clock.now() - timedelta(hours=1))
    tasks.sequence_entries()
    with superuser() as cursor:
        cursor.execute("DELETE FROM ledger_absorbedchange")
    problem = f"The change of configuration {row.pk} of "
    assert [text[: len(problem)] for text in verify().problems] == [problem]
    assert json.loads(Entry.objects.get().payload)["data"]["change"] == str(row.pk)
