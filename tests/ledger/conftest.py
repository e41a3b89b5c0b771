"""A log of its own for every test: its key, its entries, and the hand of a superuser."""

from contextlib import contextmanager

import pytest
from django.db import connection

from ledger import keys, verification
from ledger.actions import entries, sequencing
from ledger.actors import SYSTEM


@pytest.fixture(autouse=True)
def key_file(settings, tmp_path):
    """The log's key, made when the first checkpoint is signed."""
    settings.CERTIFY_LEDGER_ORIGIN = "certify.example/ledger"
    settings.CERTIFY_LEDGER_KEY_FILE = tmp_path / "key.json"
    return settings.CERTIFY_LEDGER_KEY_FILE


def write(count: int, *, kind: str = "thing:done", at=None) -> list:
    """Record `count` entries."""
    rows = [(f"things.thing:{number}", {"number": number, "note": f"“{number}”\t\\ \n"}) for number in range(count)]
    return entries.record_many(kind=kind, by=SYSTEM, rows=rows, at=at)


@pytest.fixture
def log(db):
    """600 sequenced entries under four checkpoints; the notes of the checkpoints."""
    notes = []
    for count in (7, 250, 43, 300):
        write(count)
        notes.append(sequencing.sequence(by=SYSTEM).note)
    return notes


def other_hash(table: str, where: str, column: str = "hash") -> str:
    """The statement that makes a hash in a table another one."""
    return f"UPDATE {table} SET {column} = set_byte({column}, 0, get_byte({column}, 0) # 255) WHERE {where}"


@contextmanager
def superuser():
    """A cursor for which no trigger fires and no check on entries is made: what a superuser can do to the tables."""
    with connection.cursor() as cursor:
        cursor.execute("ALTER TABLE ledger_entry DROP CONSTRAINT IF EXISTS entry_leaf_hash_fits")
        cursor.execute("SET session_replication_role = replica")
        yield cursor
        cursor.execute("SET session_replication_role = origin")


def verify(*kept: str, **options) -> verification.Report:
    """Verify with the log's own key."""
    return verification.verify(verifier=keys.load().verifier, kept=kept, **options)
