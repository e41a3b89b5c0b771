"""The sequencer: nothing lost, nothing twice, no gap, no second truth, whatever runs at once or stops half-way."""

import threading
from contextlib import closing

import psycopg2
import pytest
from django.core.exceptions import ImproperlyConfigured
from django.core.management import CommandError, call_command
from django.db import connection, transaction

from ledger import keys, merkle, notes, placing, queries, rules, tasks
from ledger.actions import entries, sequencing
from ledger.actors import SYSTEM
from ledger.models import Checkpoint, Entry, Leaf, Node, Pending
from tests.ledger.conftest import other_hash, superuser, verify, write

committed = pytest.mark.django_db(transaction=True)


def second_connection():
    return closing(psycopg2.connect(**connection.get_connection_params()))


def write_raw(cursor, subject: str) -> int:
    """An entry through another connection; its id."""
    at = entries.clock.now()
    built = entries._build(rules.payloads(kind="thing:done", actor=SYSTEM.actor_ref(), at=at), subject, {})
    cursor.execute(
        "INSERT INTO ledger_entry (uid, kind, subject, actor_id, actor_name, at, payload, leaf_hash)"
        " VALUES (%s, %s, %s, %s, %s, %s, %s, %s) RETURNING id",
        [str(built.uid), "thing:done", subject, "system", "Certify", at, built.payload, built.leaf_hash],
    )
    return cursor.fetchone()[0]


def placed() -> list[tuple[int, str]]:
    return list(Leaf.objects.values_list("index", "entry__subject"))


def test_entries_get_contiguous_places_and_a_checkpoint_over_them(log):
    assert [index for index, _ in placed()] == list(range(600))
    hashes = [bytes(value) for value in Entry.objects.order_by("leaf__index").values_list("leaf_hash", flat=True)]
    assert [(checkpoint.size, bytes(checkpoint.root)) for checkpoint in Checkpoint.objects.all()] == [
        (size, merkle.root(hashes[:size])) for size in (7, 257, 300, 600)
    ]
    nodes = Node.objects.order_by("index")
    assert [(node.level, node.index, bytes(node.hash)) for node in nodes] == [
        (1, tile, merkle.root(hashes[tile * 256 : (tile + 1) * 256])) for tile in (0, 1)
    ]
    assert Pending.objects.count() == 0


def test_every_note_opens_with_the_public_key_and_says_what_the_row_says(log):
    for checkpoint in Checkpoint.objects.all():
        head = notes.open_checkpoint(checkpoint.note, keys.load().verifier)
        assert head == notes.TreeHead("certify.example/ledger", checkpoint.size, bytes(checkpoint.root))


def test_second_run_changes_nothing(log):
    before = Checkpoint.objects.count()
    assert sequencing.sequence(by=SYSTEM).note == log[-1]
    tasks.sequence_entries()
    assert (Leaf.objects.count(), Checkpoint.objects.count()) == (600, before)


def test_empty_ledger_has_no_checkpoint(db, key_file):
    assert sequencing.sequence(by=SYSTEM) is None
    assert not key_file.exists()


def test_batches_of_one_run_end_in_one_checkpoint(db, monkeypatch):
    monkeypatch.setattr(placing, "BATCH", 100)
    write(1_030)
    assert sequencing.sequence(by=SYSTEM).size == 1_030
    assert Checkpoint.objects.count() == 1
    assert verify().problems == []


def test_numbers_of_entries_that_are_gone_hold_up_nobody(db, monkeypatch):
    monkeypatch.setattr(placing, "BATCH", 10)
    write(15)
    with superuser() as cursor:
        cursor.execute("DELETE FROM ledger_entry WHERE id IN (SELECT id FROM ledger_entry ORDER BY id LIMIT 12)")
    assert sequencing.sequence(by=SYSTEM).size == 3
    assert Pending.objects.count() == 0


@pytest.mark.slow
def test_nodes_of_the_second_level_are_stored(db):
    write(65_600)
    assert sequencing.sequence(by=SYSTEM).size == 65_600
    top = Node.objects.get(level=2)
    below = [bytes(value) for value in Node.objects.filter(level=1).order_by("index").values_list("hash", flat=True)]
    assert (top.index, len(below), bytes(top.hash)) == (0, 256, merkle.root(below))
    # Autovacuum sees nothing of an open transaction and counts these tables as empty: reading them would be loops over all of them.
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE ledger_entry, ledger_leaf, ledger_node")
    assert verify().problems == []
    proof = queries.inclusion_proof(40_000, 65_600)
    leaf = bytes(Leaf.objects.get(index=40_000).hash)
    assert merkle.verify_inclusion(40_000, 65_600, leaf, proof, queries.root_at(65_600))


@committed
def test_entry_that_commits_after_a_later_one_is_not_missed():
    with second_connection() as other, other.cursor() as cursor:
        early = write_raw(cursor, "early")
        late = entries.record(kind="thing:done", subject="late", by=SYSTEM, data={}).pk
        assert early < late
        assert sequencing.sequence(by=SYSTEM).size == 1
        other.commit()
    assert sequencing.sequence(by=SYSTEM).size == 2
    assert placed() == [(0, "late"), (1, "early")]
    assert verify().problems == []


@committed
def test_entry_that_rolls_back_leaves_no_gap():
    with second_connection() as other, other.cursor() as cursor:
        write_raw(cursor, "never")
        write(2)
        other.rollback()
    assert sequencing.sequence(by=SYSTEM).size == 2
    assert verify().problems == []


def in_threads(count: int, work) -> None:
    """Run `work(number)` in threads of their own connections; what one raises fails the test."""
    failed = []

    def run(number: int) -> None:
        try:
            work(number)
        except BaseException as error:
            failed.append(error)
        finally:
            connection.close()

    threads = [threading.Thread(target=run, args=(number,)) for number in range(count)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failed == []


@committed
def test_sequencers_and_writers_at_once_make_one_log():
    def work(number: int) -> None:
        for _ in range(8):
            if number % 2:
                sequencing.sequence(by=SYSTEM)
            else:
                write(25)

    in_threads(6, work)
    assert sequencing.sequence(by=SYSTEM).size == 600
    assert [index for index, _ in placed()] == list(range(600))
    assert verify().problems == []


@committed
def test_crash_while_placing_changes_nothing(monkeypatch):
    write(10)

    def crash(tree, rows):
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(placing, "_extend", crash)
        with pytest.raises(KeyboardInterrupt):
            sequencing.sequence(by=SYSTEM)
    assert (Leaf.objects.count(), Pending.objects.count()) == (0, 10)
    assert sequencing.sequence(by=SYSTEM).size == 10


@committed
def test_crash_before_signing_signs_the_same_tree_later(monkeypatch):
    write(10)
    sequencing.sequence(by=SYSTEM)
    write(5)
    signed = []

    def sign(key, text):
        signed.append(text)
        if len(signed) == 1:
            raise KeyboardInterrupt
        return notes.sign(text, key.origin, key.private)

    monkeypatch.setattr(keys.LogKey, "sign", sign)
    with pytest.raises(KeyboardInterrupt):
        sequencing.sequence(by=SYSTEM)
    assert Leaf.objects.count() == 15
    write(3)
    assert sequencing.sequence(by=SYSTEM).size == 18
    old, new = (notes.TreeHead.parse(text) for text in signed)
    proof = queries.consistency_proof(old.size, new.size)
    assert merkle.verify_consistency(old.size, new.size, proof, old.root, new.root)


@committed
def test_sequencer_killed_by_the_server_leaves_nothing_half_done(monkeypatch):
    write(10)
    original = placing._extend

    def die(tree, rows):
        with second_connection() as other, other.cursor() as cursor:
            cursor.execute("SELECT pg_terminate_backend(%s)", [connection.connection.info.backend_pid])
        return original(tree, rows)

    with monkeypatch.context() as patch:
        patch.setattr(placing, "_extend", die)
        with pytest.raises(Exception, match=r"terminat|closed"):
            sequencing.sequence(by=SYSTEM)
    connection.close()
    assert (Leaf.objects.count(), Checkpoint.objects.count()) == (0, 0)
    assert sequencing.sequence(by=SYSTEM).size == 10
    assert verify().problems == []


@pytest.mark.parametrize(
    "statement",
    [
        other_hash("ledger_leaf", "index = 599"),
        other_hash("ledger_node", "index = 0"),
        "DELETE FROM ledger_leaf WHERE index = 599",
        "DELETE FROM ledger_leaf WHERE index = 520",
        other_hash("ledger_checkpoint", "size = 600", "root"),
    ],
)
def test_nothing_is_signed_over_a_tree_that_was_tampered_with(log, statement):
    with superuser() as cursor:
        cursor.execute(statement)
    write(1)
    with pytest.raises(placing.BrokenLedgerError, match="Run verify_ledger"):
        sequencing.sequence(by=SYSTEM)
    assert Checkpoint.objects.count() == 4


def test_a_lost_key_is_never_replaced(log, key_file):
    key_file.unlink()
    write(1)
    with pytest.raises(ImproperlyConfigured, match="Restore it from its backup"):
        sequencing.sequence(by=SYSTEM)
    assert not key_file.exists()


@pytest.mark.parametrize("origin", ["certify.example/ledger", "another.example/ledger"])
def test_nothing_is_signed_with_a_key_that_the_log_did_not_begin_with(log, key_file, origin):
    key_file.unlink()
    keys.create(key_file, origin)
    write(1)
    with pytest.raises(placing.BrokenLedgerError, match="Restore the log's own key"):
        sequencing.sequence(by=SYSTEM)
    assert Checkpoint.objects.count() == 4


def test_proofs_between_checkpoints_hold(log):
    sizes = [7, 257, 300, 600]
    roots = {checkpoint.size: bytes(checkpoint.root) for checkpoint in Checkpoint.objects.all()}
    for old in sizes:
        for new in sizes[sizes.index(old) :]:
            proof = queries.consistency_proof(old, new)
            assert merkle.verify_consistency(old, new, proof, roots[old], roots[new])
    for index, size in [(0, 7), (6, 257), (299, 300), (299, 600), (599, 600)]:
        leaf = bytes(Leaf.objects.get(index=index).hash)
        assert merkle.verify_inclusion(index, size, leaf, queries.inclusion_proof(index, size), roots[size])


def test_command_prints_the_checkpoint(db, capsys):
    call_command("sequence_ledger")
    assert capsys.readouterr().out == "The ledger is empty.\n"
    with transaction.atomic():
        write(3)
        Pending.objects.all().delete()
    call_command("sequence_ledger", requeue=True)
    out = capsys.readouterr().out
    assert out.startswith("3 entries put back into the queue.\ncertify.example/ledger\n3\n")


def test_command_fails_on_a_broken_ledger(log):
    with superuser() as cursor:
        cursor.execute("DELETE FROM ledger_leaf WHERE index = 599")
    with pytest.raises(CommandError, match="signed 600 entries and now holds 599 leaves"):
        call_command("sequence_ledger")


@pytest.mark.django_db(transaction=True)
def test_what_is_just_being_placed_is_not_queued_once_more(key_file, monkeypatch):
    write(3)
    inside, on, extend = threading.Event(), threading.Event(), placing._extend

    def slow(*args):
        inside.set()
        on.wait(10)
        return extend(*args)

    monkeypatch.setattr(placing, "_extend", slow)
    both = [threading.Thread(target=in_a_connection, args=[act]) for act in (sequencing.sequence, sequencing.requeue)]
    both[0].start()
    assert inside.wait(10)
    both[1].start()
    both[1].join(0.5)
    assert both[1].is_alive(), "it waits for the sequencer"
    on.set()
    for one in both:
        one.join()
    assert (Pending.objects.count(), Leaf.objects.count()) == (0, 3)


def in_a_connection(act) -> None:
    try:
        act(by=SYSTEM)
    finally:
        connection.close()
