"""The sequencer: gives committed entries their place in the log, extends the tree and signs a checkpoint."""

import io
import logging

from django.db import connection, transaction

from certify.lib import clock
from ledger import keys, merkle, notes, publishing, queries
from ledger.models import Checkpoint

LOCK = 0x6365727469667900
BATCH = 50_000

logger = logging.getLogger(__name__)


class BrokenLedgerError(Exception):
    """The stored tree contradicts its own last checkpoint; nothing is signed until `verify_ledger` was read."""


def sequence(*, by) -> Checkpoint | None:
    """Sequence everything that is committed now; returns the newest checkpoint, or None for an empty ledger.

    Waits for a sequencer that is already running. Leaves are committed before their tree head is signed: whatever crashes
    in between, the next run signs the very same tree, so two inconsistent heads never carry the log's signature. (Inside a
    caller's transaction everything commits or vanishes together.)
    """
    placed = 0
    while batch := _append_batch():
        placed += batch
    checkpoint = _sign()
    if placed:
        logger.info("sequenced %s entries for %s, the log has %s", placed, by.actor_ref()["id"], checkpoint.size)
    return checkpoint


@transaction.atomic
def requeue(*, by) -> int:
    """Put every entry that has no leaf back into the queue, which is no evidence and may have been lost; returns how many."""
    with connection.cursor() as cursor:
        cursor.execute(
            "INSERT INTO ledger_pending (entry_id) SELECT id FROM ledger_entry"
            " WHERE NOT EXISTS (SELECT FROM ledger_leaf WHERE entry_id = ledger_entry.id) ON CONFLICT DO NOTHING"
        )
        found = cursor.rowcount
    logger.info("%s put %s entries back into the sequencer's queue", by.actor_ref()["id"], found)
    return found


@transaction.atomic
def _append_batch() -> int:
    """Give the next entries of the queue their leaves; returns how many."""
    _lock()
    with connection.cursor() as cursor:
        # The limit stands on the queue alone: what a long queue costs must not be sorted again for every batch.
        cursor.execute(
            "SELECT waiting.entry_id, entry.leaf_hash FROM (SELECT entry_id FROM ledger_pending ORDER BY entry_id LIMIT %s)"
            " AS waiting LEFT JOIN ledger_entry AS entry ON entry.id = waiting.entry_id ORDER BY waiting.entry_id",
            [BATCH],
        )
        waiting = cursor.fetchall()
        if not waiting:
            return 0
        # An entry that is gone has no hash: its number leaves the queue, which is no evidence, and holds up nobody.
        rows = [(entry, hashed) for entry, hashed in waiting if hashed is not None]
        leaves, nodes = _extend(_stored_tree(queries.latest_checkpoint()), rows)
        cursor.copy_expert("COPY ledger_leaf (index, entry_id, hash) FROM STDIN", leaves)
        cursor.copy_expert("COPY ledger_node (level, index, hash) FROM STDIN", nodes)
        cursor.execute("DELETE FROM ledger_pending WHERE entry_id = ANY(%s)", [[entry for entry, _ in waiting]])
    return len(waiting)


@transaction.atomic
def _sign() -> Checkpoint | None:
    """Sign the stored tree, unless the last checkpoint already covers it."""
    _lock()
    last = queries.latest_checkpoint()
    tree = _stored_tree(last)
    if tree.size == (last.size if last else 0):
        return last
    _check_published(tree.size)
    key = keys.load() if last else keys.load_or_create()
    _check_key(key, last)
    note = key.sign(notes.TreeHead(key.origin, tree.size, tree.root()).text())
    return Checkpoint.objects.create(size=tree.size, root=tree.root(), note=note, at=clock.now())


def _check_published(size: int) -> None:
    """Sign nothing that contradicts what was published: an older state of the database would make a second log."""
    if place := publishing.directory():
        try:
            publishing.check(publishing.published_head(place), size)
        except (publishing.ContradictionError, queries.MissingHashesError) as error:
            raise BrokenLedgerError(f"{error} Nothing is signed until this is settled.") from error


def _check_key(key: keys.LogKey, last: Checkpoint | None) -> None:
    """The log goes on under the key it began with: another one would make a second log that nobody vouched for."""
    try:
        if last:
            notes.open_checkpoint(last.note, key.verifier)
    except notes.NoteError as error:
        raise BrokenLedgerError(
            f"The key that is configured, {key.verifier}, did not sign the last checkpoint: {error}. Restore the log's own key."
        ) from error


def _lock() -> None:
    """One sequencer at a time, until the end of the transaction."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(%s)", [LOCK])


def _stored_tree(last: Checkpoint | None) -> merkle.MerkleAccumulator:
    """The tree over all leaves, from stored hashes. Raises `BrokenLedgerError` unless it extends the last checkpoint."""
    size = queries.leaf_count()
    if last and size < last.size:
        raise BrokenLedgerError(f"The log signed {last.size} entries and now holds {size} leaves. Run verify_ledger.")
    try:
        tree = merkle.MerkleAccumulator(size, [queries.subtree(*part) for part in merkle.complete_subtrees(size)])
        proof = queries.consistency_proof(last.size, size) if last else []
    except queries.MissingHashesError as error:
        raise BrokenLedgerError(f"{error}. Run verify_ledger.") from error
    if last and not merkle.verify_consistency(last.size, size, proof, bytes(last.root), tree.root()):
        raise BrokenLedgerError(f"The stored tree no longer extends the checkpoint of {last.size} entries. Run verify_ledger.")
    return tree


def _extend(tree: merkle.MerkleAccumulator, rows: list[tuple[int, memoryview]]) -> tuple[io.StringIO, io.StringIO]:
    """Append the rows; returns the new leaves and the roots of the tiles they complete, ready for COPY."""
    leaves, nodes = io.StringIO(), io.StringIO()
    for entry, hashed in rows:
        index = tree.size
        leaves.write(f"{index}\t{entry}\t\\\\x{hashed.hex()}\n")
        for height, node in enumerate(tree.append(bytes(hashed)), start=1):
            if height % queries.TILE_HEIGHT == 0:
                nodes.write(f"{height // queries.TILE_HEIGHT}\t{index >> height}\t\\\\x{node.hex()}\n")
    leaves.seek(0)
    nodes.seek(0)
    return leaves, nodes
