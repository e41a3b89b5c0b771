"""Entries: exactly the bytes that were hashed, in the caller's transaction."""

import json
from datetime import UTC, datetime
from uuid import uuid4

import pytest
from django.db import DatabaseError, connection, transaction
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.django import TestCase

from certify.lib.errors import InvalidInput
from certify.lib.times import rfc3339
from ledger import merkle, rules
from ledger.actions import entries
from ledger.actors import SYSTEM, Actor
from ledger.models import Entry, Pending

AT = datetime(2026, 1, 2, 3, 4, 5, 6, tzinfo=UTC)
ANNA = Actor("people.user:5", "Änna\tO\\Neil", "anna@example.org")
text = st.text(st.characters(exclude_categories=("Cs",), exclude_characters="\0"), max_size=20)
values = st.recursive(
    text | st.integers(-(2**53) + 1, 2**53 - 1) | st.booleans() | st.none(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(text, inner, max_size=4),
    max_leaves=8,
)


@pytest.mark.django_db
def test_record_keeps_the_canonical_bytes_and_their_hash():
    entry = entries.record(kind="thing:done", subject="things.thing:1", by=ANNA, data={"b": 1, "a": ["ö", True]}, at=AT)
    stored = Entry.objects.get()
    expected = (
        '{"actor":{"email":"anna@example.org","id":"people.user:5","name":"Änna\\tO\\\\Neil"},"at":"2026-01-02T03:04:05.000006Z",'
        f'"data":{{"a":["ö",true],"b":1}},"kind":"thing:done","subject":"things.thing:1","uid":"{entry.uid}","v":2}}'
    )
    assert stored.payload == expected
    assert bytes(stored.leaf_hash) == merkle.leaf_hash(expected.encode())
    assert stored.payload_json == json.loads(expected)
    assert (stored.kind, stored.subject, stored.actor_id, stored.actor_name, stored.at, stored.uid) == (
        "thing:done",
        "things.thing:1",
        "people.user:5",
        "Änna\tO\\Neil",
        AT,
        entry.uid,
    )


class RecordManyTest(TestCase):
    @given(
        st.lists(st.tuples(text.filter(lambda value: len(value) < 100), st.dictionaries(text, values, max_size=4)), max_size=5)
    )
    @settings(max_examples=60, deadline=None)
    def test_record_many_stores_what_was_given(self, rows):
        written = entries.record_many(kind="thing:done", by=ANNA, rows=rows, at=AT)
        stored = list(Entry.objects.order_by("id"))
        assert [(entry.subject, entry.payload_json["data"]) for entry in stored] == rows
        assert [(entry.uid, entry.payload, bytes(entry.leaf_hash)) for entry in stored] == [
            (entry.uid, entry.payload, entry.leaf_hash) for entry in written
        ]
        assert [rules.misfit(columns(entry), entry.payload) for entry in stored] == [""] * len(rows)


def columns(entry: Entry) -> dict[str, str]:
    names = ("kind", "subject", "actor_id", "actor_name")
    return {**{name: getattr(entry, name) for name in names}, "uid": str(entry.uid), "at": rfc3339(entry.at)}


@pytest.mark.django_db
def test_entry_vanishes_with_the_transaction_that_failed():
    with transaction.atomic():
        entries.record(kind="thing:done", subject="x:1", by=SYSTEM, data={})
        entries.record_many(kind="thing:done", by=SYSTEM, rows=[("x:2", {})])
        transaction.set_rollback(True)
    assert (Entry.objects.count(), Pending.objects.count()) == (0, 0)


@pytest.mark.django_db
def test_every_entry_is_queued_for_the_sequencer():
    entries.record(kind="thing:done", subject="x:1", by=SYSTEM, data={})
    entries.record_many(kind="thing:done", by=SYSTEM, rows=[("x:2", {}), ("x:3", {})])
    assert sorted(Pending.objects.values_list("entry_id", flat=True)) == sorted(Entry.objects.values_list("id", flat=True))


@pytest.mark.django_db
def test_record_many_of_nothing_writes_nothing():
    assert entries.record_many(kind="thing:done", by=SYSTEM, rows=[]) == []
    assert Entry.objects.count() == 0


def payload(**data) -> bytes:
    return rules.payload(uid="00000000-0000-4000-8000-000000000000", kind="a:b", subject="x:1", actor={}, at=AT, data=data)


def test_payload_of_65535_bytes_is_the_largest():
    rest = rules.MAX_PAYLOAD_BYTES - len(payload(text=""))
    assert len(payload(text="a" * rest)) == 65_535
    with pytest.raises(InvalidInput, match="has 65,536 bytes; at most 65,535"):
        payload(text="a" * (rest + 1))


@pytest.mark.parametrize("value", ["a\0b", "\ud800", 2**53, object(), float("nan")])
def test_payload_that_cannot_be_kept_exactly_is_refused(value):
    with pytest.raises(InvalidInput, match="A ledger entry of kind a:b"):
        payload(value=value)


def test_text_that_only_looks_like_an_escaped_nul_is_kept():
    assert json.loads(payload(value="\\u0000"))["data"] == {"value": "\\u0000"}


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("body", "hashed"),
    [("{}", merkle.leaf_hash(b"{ }")), ('"' + "a" * 65_534 + '"', merkle.leaf_hash(b'"' + b"a" * 65_534 + b'"'))],
)
def test_database_refuses_a_wrong_hash_and_too_long_a_payload(body, hashed):
    with pytest.raises(DatabaseError, match=r"entry_leaf_hash_fits|entry_payload_size"), connection.cursor() as cursor:
        cursor.execute(
            "INSERT INTO ledger_entry (uid, kind, subject, actor_id, actor_name, at, payload, leaf_hash)"
            " VALUES (gen_random_uuid(), 'a:b', 'x', 'x', 'x', now(), %s, %s)",
            [body, hashed],
        )


SET = "SELECT %(uid)s::uuid AS uid, %(subject)s AS subject, %(first)s::text AS first, %(second)s::text AS second"


class WrittenAsASet(TestCase):
    """What the database puts together is byte for byte what Python writes."""

    @settings(max_examples=60, deadline=None)
    @given(subject=text.filter(bool), first=text, second=text)
    def test_a_set_says_the_same_bytes(self, subject, first, second):
        uid, asked = uuid4(), {"subject": subject[:90], "first": first, "second": second}
        count = entries.record_set(
            kind="thing:set", by=ANNA, at=AT, rows=SET, names=("second", "first"), values=asked | {"uid": uid}
        )
        stored, data = Entry.objects.get(uid=uid), {"first": first, "second": second}
        wanted = rules.payload(uid=uid, kind="thing:set", subject=subject[:90], actor=ANNA.actor_ref(), at=AT, data=data)
        assert (count, stored.payload.encode(), bytes(stored.leaf_hash)) == (1, wanted, merkle.leaf_hash(wanted))
        assert (stored.kind, stored.actor_name, stored.at) == ("thing:set", ANNA.actor_ref()["name"], AT)


@pytest.mark.django_db
def test_a_set_with_an_entry_that_is_too_long_is_refused_whole():
    asked = {"subject": "thing:1", "first": "x" * 65_535, "second": "", "uid": uuid4()}
    with pytest.raises(DatabaseError, match="entry_payload_size"), transaction.atomic():
        entries.record_set(kind="thing:set", by=ANNA, at=AT, rows=SET, names=("first", "second"), values=asked)
    assert not Entry.objects.exists()
