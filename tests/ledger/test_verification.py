"""What a superuser does to the tables is found, and the first entry that does not fit is named."""

from datetime import UTC, datetime, timedelta
from io import StringIO

import pytest
from django.core.management import CommandError, call_command

from certify.lib import clock
from ledger import keys, merkle, notes
from ledger.actions import sequencing
from ledger.actors import SYSTEM
from ledger.models import Checkpoint, Entry
from tests.ledger.conftest import superuser, verify, write

LONG_AGO = datetime(2020, 1, 1, tzinfo=UTC)


def first_problem(*kept: str, **options) -> str:
    report = verify(*kept, **options)
    assert report.found == len(report.problems) > 0
    return report.problems[0]


def entry_at(place: int) -> Entry:
    return Entry.objects.get(leaf__index=place)


def test_honest_log_holds(log):
    write(5)
    report = verify(*log)
    assert report.problems == []
    counts = (report.entries, report.leaves, report.waiting, report.nodes, report.checkpoints, report.kept)
    assert counts == (605, 600, 5, 2, 4, 4)


def test_empty_log_holds(db, key_file):
    keys.create(key_file, "certify.example/ledger")
    assert verify().problems == []


def test_edited_payload_is_named(log):
    entry = entry_at(400)
    with superuser() as cursor:
        cursor.execute("UPDATE ledger_entry SET payload = replace(payload, '“100”', '“101”') WHERE id = %s", [entry.pk])
    assert first_problem() == (
        f"At place 400, entry {entry.pk} (thing:done, things.thing:100, uid {entry.uid}): "
        "its payload is not the one that was hashed when it was recorded."
    )


def edit_payload(cursor, entry: Entry, *, with_hash: bool, with_leaf: bool) -> None:
    changed = entry.payload.replace('"thing:done"', '"thing:undone"')
    hashed = merkle.leaf_hash(changed.encode())
    cursor.execute("UPDATE ledger_entry SET payload = %s, kind = 'thing:undone' WHERE id = %s", [changed, entry.pk])
    if with_hash:
        cursor.execute("UPDATE ledger_entry SET leaf_hash = %s WHERE id = %s", [hashed, entry.pk])
    if with_leaf:
        cursor.execute("UPDATE ledger_leaf SET hash = %s WHERE entry_id = %s", [hashed, entry.pk])


@pytest.mark.parametrize(
    ("with_hash", "with_leaf", "words"),
    [
        (False, False, "At place 270, entry {pk} (thing:undone, things.thing:13, uid {uid}): its payload is not the one"),
        (True, False, "At place 270, entry {pk} (thing:undone, things.thing:13, uid {uid}) is not the entry whose hash"),
        (True, True, "The first 300 entries are not those that its checkpoint of 300 entries covers: something from place 257"),
    ],
)
def test_edited_entry_is_found_however_far_it_was_covered_up(log, with_hash, with_leaf, words):
    entry = entry_at(270)
    with superuser() as cursor:
        edit_payload(cursor, entry, with_hash=with_hash, with_leaf=with_leaf)
    assert first_problem().startswith(words.format(pk=entry.pk, uid=entry.uid))


@pytest.mark.parametrize(
    ("column", "value", "words"),
    [
        ("kind", "thing:other", "its column kind says 'thing:other', its payload 'thing:done'"),
        ("subject", "things.thing:999", "its column subject says 'things.thing:999', its payload 'things.thing:3'"),
        ("actor_id", "people.user:1", "its column actor_id says 'people.user:1', its payload 'system'"),
        ("actor_name", "Mallory", "its column actor_name says 'Mallory', its payload 'Certify'"),
        ("at", LONG_AGO, "its column at says '2020-01-01T00:00:00.000000Z', its payload '"),
        ("uid", "00000000-0000-4000-8000-000000000000", "its column uid says '00000000-0000-4000-8000-000000000000'"),
    ],
)
def test_edited_column_is_named(log, column, value, words):
    with superuser() as cursor:
        cursor.execute(f"UPDATE ledger_entry SET {column} = %s WHERE id = %s", [value, entry_at(260).pk])
    assert words in first_problem()
    assert first_problem().startswith("At place 260, entry ")


@pytest.mark.parametrize(
    ("payload", "words"),
    [
        ('{"v": 1}', "not in canonical form"),
        ('{"v":1}', "not that of an entry"),
        ("[]", "not that of an entry"),
    ],
)
def test_payload_that_is_none_is_named(log, payload, words):
    entry = entry_at(3)
    hashed = merkle.leaf_hash(payload.encode())
    with superuser() as cursor:
        cursor.execute("UPDATE ledger_entry SET payload = %s, leaf_hash = %s WHERE id = %s", [payload, hashed, entry.pk])
    assert first_problem().startswith(f"At place 3, entry {entry.pk} ")
    assert words in first_problem()


def test_deleted_entry_is_named_by_its_place(log):
    with superuser() as cursor:
        cursor.execute("DELETE FROM ledger_entry WHERE id = %s", [entry_at(299).pk])
    assert first_problem() == "The entry at place 299 of the log is missing: it was deleted after it was sequenced."


def test_deleted_entry_and_leaf_leave_a_gap(log):
    with superuser() as cursor:
        cursor.execute("DELETE FROM ledger_entry WHERE id = %s", [entry_at(299).pk])
        cursor.execute("DELETE FROM ledger_leaf WHERE index IN (299, 300)")
    assert (
        first_problem() == "The log has a gap: the leaf at places 299 to 300 are missing. What follows could not be compared."
    )


def test_deleted_leaves_at_the_end_of_a_chunk_are_a_gap(log, monkeypatch):
    monkeypatch.setattr("ledger.verification.CHUNK", 100)
    with superuser() as cursor:
        cursor.execute("DELETE FROM ledger_leaf WHERE index BETWEEN 150 AND 199")
    assert first_problem().startswith("The log has a gap: the leaf at places 150 to 199 are missing.")


def cut_tail(cursor, size: int, *, with_checkpoints: bool) -> None:
    cursor.execute("DELETE FROM ledger_entry USING ledger_leaf WHERE entry_id = ledger_entry.id AND index >= %s", [size])
    cursor.execute("DELETE FROM ledger_leaf WHERE index >= %s", [size])
    cursor.execute("DELETE FROM ledger_node WHERE (index + 1) << (8 * level) > %s", [size])
    if with_checkpoints:
        cursor.execute("DELETE FROM ledger_checkpoint WHERE size > %s", [size])


def test_deleted_tail_is_found_by_the_checkpoint(log):
    with superuser() as cursor:
        cut_tail(cursor, 300, with_checkpoints=False)
    assert first_problem() == (
        "Entries are missing at the end, from place 300 on: its checkpoint covers 600 entries, and the log now holds 300."
    )


def test_tail_deleted_with_its_checkpoints_is_found_only_by_the_one_that_was_kept(log):
    with superuser() as cursor:
        cut_tail(cursor, 300, with_checkpoints=True)
    assert verify().problems == []
    assert first_problem(log[-1]) == (
        "Entries are missing at the end, from place 300 on: the checkpoint that was kept covers 600 entries, "
        "and the log now holds 300."
    )


def test_swapped_entries_are_named(log):
    with superuser() as cursor:
        first, second = entry_at(20), entry_at(30)
        cursor.execute("UPDATE ledger_leaf SET entry_id = -entry_id WHERE index IN (20, 30)")
        cursor.execute("UPDATE ledger_leaf SET entry_id = %s WHERE index = 20", [second.pk])
        cursor.execute("UPDATE ledger_leaf SET entry_id = %s WHERE index = 30", [first.pk])
    assert first_problem().startswith(f"At place 20, entry {second.pk} ")
    assert "is not the entry whose hash was placed there" in first_problem()


def test_swapped_leaves_are_found_within_their_checkpoint(log):
    with superuser() as cursor:
        cursor.execute("UPDATE ledger_leaf SET index = -50 + index WHERE index IN (20, 30)")
        cursor.execute("UPDATE ledger_leaf SET index = -index WHERE index < 0")
    node, head = verify().problems
    assert node == "The tree's stored node 1/0, over the places 0 to 255, does not fit the leaves below it."
    assert f"something from place 7 to 256 was changed, exchanged, added or removed, entry {entry_at(7).pk} " in head


def resequence(cursor) -> None:
    """Delete entry 10, close the gap, and make the whole tree anew, as a sequencer would have."""
    cursor.execute("DELETE FROM ledger_entry WHERE id = %s", [entry_at(10).pk])
    for table in ("leaf", "node", "pending"):
        cursor.execute(f"DELETE FROM ledger_{table}")
    cursor.execute("INSERT INTO ledger_pending SELECT id FROM ledger_entry")


def test_resequenced_log_is_found_by_its_checkpoints(log):
    with superuser() as cursor:
        resequence(cursor)
        cursor.execute("CREATE TEMPORARY TABLE signed AS SELECT * FROM ledger_checkpoint")
        cursor.execute("DELETE FROM ledger_checkpoint")
        sequencing.sequence(by=SYSTEM)
        cursor.execute("DELETE FROM ledger_checkpoint")
        cursor.execute("INSERT INTO ledger_checkpoint SELECT * FROM signed WHERE size < 600")
    assert "something from place 7 to 256 was changed" in first_problem()


def test_log_rewritten_with_its_own_key_is_found_by_the_checkpoint_that_was_kept(log):
    with superuser() as cursor:
        resequence(cursor)
        cursor.execute("DELETE FROM ledger_checkpoint")
        sequencing.sequence(by=SYSTEM)
    assert verify().problems == []
    assert "the checkpoint that was kept of 257 entries covers: something from place 0 to 256" in first_problem(log[1])


def test_log_rewritten_with_another_key_is_found(log, settings, tmp_path):
    with superuser() as cursor:
        resequence(cursor)
        cursor.execute("DELETE FROM ledger_checkpoint")
        cursor.execute("DELETE FROM ledger_keyterm")
        settings.CERTIFY_LEDGER_KEY_FILE = tmp_path / "forged.json"
        sequencing.sequence(by=SYSTEM)
    assert verify().problems == []
    settings.CERTIFY_LEDGER_KEY_FILE = tmp_path / "key.json"
    assert first_problem() == (
        "The checkpoint of 599 entries is not the log's: the note is not signed by certify.example/ledger."
    )


@pytest.mark.parametrize(
    ("column", "value", "words"),
    [
        ("root", b"\x00" * 32, "The checkpoint of 300 entries: its row contradicts the note that was signed."),
        ("size", 299, "The checkpoint of 299 entries: its row contradicts the note that was signed."),
        ("note", "nonsense", "The checkpoint of 300 entries is not the log's: the note has no signatures."),
    ],
)
def test_forged_checkpoint_row_is_named(log, column, value, words):
    with superuser() as cursor:
        cursor.execute(f"UPDATE ledger_checkpoint SET {column} = %s WHERE size = 300", [value])
    assert first_problem() == words


def test_forged_checkpoint_text_is_named(log):
    with superuser() as cursor:
        cursor.execute("UPDATE ledger_checkpoint SET note = replace(note, E'\\n300\\n', E'\\n301\\n') WHERE size = 300")
    assert first_problem() == (
        "The checkpoint of 300 entries is not the log's: the signature of certify.example/ledger does not fit the text."
    )


def test_checkpoint_of_another_root_signed_with_the_key_is_named_alone(log):
    key = keys.load()
    root = merkle.leaf_hash(b"forged")
    note = key.sign(notes.TreeHead(key.origin, 400, root).text())
    Checkpoint.objects.create(size=400, root=root, note=note, at=clock.now())
    report = verify()
    assert report.problems == [report.problems[0]]
    assert "its checkpoint of 400 entries covers: something from place 300 to 399" in report.problems[0]


@pytest.mark.parametrize(
    ("statement", "words"),
    [
        (r"UPDATE ledger_node SET hash = '\x00' WHERE index = 1", "node 1/1, over the places 256 to 511, does not fit"),
        ("DELETE FROM ledger_node WHERE index = 0", "node 1/0, over the places 0 to 255, is missing"),
        (r"INSERT INTO ledger_node (level, index, hash) VALUES (2, 0, '\x00')", "3 stored nodes, 1 more than it has"),
    ],
)
def test_tampered_tree_is_named(log, statement, words):
    with superuser() as cursor:
        cursor.execute(statement)
    assert words in first_problem()


def test_entry_at_two_places_is_named(log):
    twice = entry_at(5)
    with superuser() as cursor:
        cursor.execute("SELECT conname FROM pg_constraint WHERE conrelid = 'ledger_leaf'::regclass AND contype = 'u'")
        cursor.execute(f"ALTER TABLE ledger_leaf DROP CONSTRAINT {cursor.fetchone()[0]}")
        cursor.execute("UPDATE ledger_leaf SET entry_id = %s WHERE index = 6", [twice.pk])
    assert f"Entry {twice.pk} stands at 2 places of the log." in verify().problems


def test_entry_held_back_is_named_and_requeued(log):
    held = write(1, at=clock.now() - timedelta(hours=1))[0]
    with superuser() as cursor:
        cursor.execute("DELETE FROM ledger_pending")
    assert sequencing.sequence(by=SYSTEM).size == 600
    assert first_problem().startswith("Held back since ")
    assert str(held.uid) in first_problem()
    assert verify(grace=timedelta(hours=2)).problems == []
    assert sequencing.requeue(by=SYSTEM) == 1
    assert sequencing.sequence(by=SYSTEM).size == 601
    assert verify().problems == []


def test_tampered_entry_that_waits_is_named(log):
    write(1)
    with superuser() as cursor:
        cursor.execute("UPDATE ledger_entry SET subject = 'x' WHERE id = (SELECT max(id) FROM ledger_entry)")
    assert first_problem().startswith("Not yet sequenced, entry ")


def test_checkpoint_taken_away_long_ago_is_found(log):
    write(3, at=LONG_AGO)
    sequencing.sequence(by=SYSTEM)
    with superuser() as cursor:
        cursor.execute("DELETE FROM ledger_checkpoint WHERE size > 600")
    assert first_problem().startswith("From place 600 on the log is not signed: entry ")


def test_switched_off_trigger_is_named(log):
    with superuser() as cursor:
        cursor.execute("ALTER TABLE ledger_leaf DISABLE TRIGGER USER")
    assert first_problem() == "The table ledger_leaf is not protected: the trigger that refuses changes is missing or off."


def test_only_the_first_hundred_problems_are_kept(log):
    with superuser() as cursor:
        cursor.execute("UPDATE ledger_entry SET subject = 'x'")
    report = verify()
    assert (report.found, len(report.problems)) == (600, 100)


def test_command_says_that_the_log_holds(log, tmp_path):
    kept = tmp_path / "kept.txt"
    kept.write_text(log[2])
    out = StringIO()
    call_command("verify_ledger", checkpoint=[kept], stdout=out)
    assert "600 entries, of which 600 in the log and 0 waiting" in out.getvalue()
    assert "2 stored nodes, 4 signed checkpoints" in out.getvalue()
    assert "The ledger holds: everything fits." in out.getvalue()


def test_command_names_the_first_entry_and_exits_with_1(log):
    entry = entry_at(4)
    with superuser() as cursor:
        cursor.execute("UPDATE ledger_entry SET subject = 'x' WHERE id IN (%s, %s)", [entry.pk, entry_at(9).pk])
    out = StringIO()
    with pytest.raises(CommandError, match=rf"First: At place 4, entry {entry.pk} .*column subject says 'x'") as refused:
        call_command("verify_ledger", stdout=out)
    assert refused.value.returncode == 1
    assert "also: At place 9, entry " in out.getvalue()


def test_command_without_the_key_exits_with_2(db):
    with pytest.raises(CommandError, match=r"Nothing was checked: .* is missing") as refused:
        call_command("verify_ledger")
    assert refused.value.returncode == 2


def test_command_takes_the_public_key_alone(log, key_file):
    verifier = keys.load().verifier
    key_file.unlink()
    out = StringIO()
    call_command("verify_ledger", key=verifier, stdout=out)
    assert "everything fits" in out.getvalue()
