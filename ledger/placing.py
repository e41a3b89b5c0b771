"""Committed entries get their places in the log, and the tree above them grows: the sequencer's work before it signs."""

import io

from django.db import connection, transaction

from ledger import merkle, queries
from ledger.models import Checkpoint

LOCK = 0x6365727469667900
BATCH = 50_000


class BrokenLedgerError(Exception):
    """The stored tree contradicts its own last checkpoint; nothing is signed until `verify_ledger` was read."""


def place_waiting(*, only: int | None = None) -> int:
    """Give everything that is committed its place, or the entry with this id alone; returns how many. Signs nothing."""
    placed = 0
    while batch := _append_batch(only):
        placed += batch
    return placed


@transaction.atomic
def _append_batch(only: int | None) -> int:
    """Give the next entries of the queue their leaves; returns how many."""
    lock()
    with connection.cursor() as cursor:
        # The limit stands on the queue alone: what a long queue costs must not be sorted again for every batch.
        cursor.execute(
            "SELECT waiting.entry_id, entry.leaf_hash FROM (SELECT entry_id FROM ledger_pending"
            " WHERE %(only)s::bigint IS NULL OR entry_id = %(only)s ORDER BY entry_id LIMIT %(batch)s)"
            " AS waiting LEFT JOIN ledger_entry AS entry ON entry.id = waiting.entry_id ORDER BY waiting.entry_id",
            {"batch": BATCH, "only": only},
        )
        waiting = cursor.fetchall()
        if not waiting:
            return 0
        # An entry that is gone has no hash: its number leaves the queue, which is no evidence, and holds up nobody.
        rows = [(entry, hashed) for entry, hashed in waiting if hashed is not None]
        leaves, nodes = _extend(stored_tree(queries.latest_checkpoint()), rows)
        cursor.copy_expert("COPY ledger_leaf (index, entry_id, hash) FROM STDIN", leaves)
        cursor.copy_expert("COPY ledger_node (level, index, hash) FROM STDIN", nodes)
        cursor.execute("DELETE FROM ledger_pending WHERE entry_id = ANY(%s)", [[entry for entry, _ in waiting]])
    return len(waiting)


def lock() -> None:
    """One sequencer at a time, until the end of the transaction."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(%s)", [LOCK])


def stored_tree(last: Checkpoint | None) -> merkle.MerkleAccumulator:
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
