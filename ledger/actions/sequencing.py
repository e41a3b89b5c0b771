"""The sequencer: gives committed entries their place in the log, extends the tree and signs a checkpoint."""

import io

from django.db import connection, transaction

from certify.lib import clock
from ledger import keys, merkle, notes, queries
from ledger.models import Checkpoint

LOCK = 0x6365727469667900
BATCH = 200_000


class LedgerBroken(Exception):
    """The stored tree contradicts its own last checkpoint; nothing is signed until `verify_ledger` was read."""


def sequence(*, by) -> Checkpoint | None:
    """Sequence everything that is committed now; returns the newest checkpoint, or None for an empty ledger.

    Waits for a sequencer that is already running. Killed at any point it leaves the last checkpoint and an unchanged queue.
    """
    while True:
        checkpoint, more = _sequence_batch(by=by)
        if not more:
            return checkpoint


@transaction.atomic
def _sequence_batch(*, by) -> tuple[Checkpoint | None, bool]:
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(%s)", [LOCK])
        cursor.execute(
            "SELECT entry.id, entry.leaf_hash FROM ledger_pending JOIN ledger_entry AS entry ON entry.id = entry_id"
            " ORDER BY entry.id LIMIT %s",
            [BATCH],
        )
        rows = cursor.fetchall()
    last = queries.latest_checkpoint()
    if not rows:
        return last, False
    tree = _tree_at(last)
    leaves, nodes = _extend(tree, rows)
    with connection.cursor() as cursor:
        cursor.copy_expert("COPY ledger_leaf (index, entry_id, hash) FROM STDIN", leaves)
        cursor.copy_expert("COPY ledger_node (level, index, hash) FROM STDIN", nodes)
        cursor.execute("DELETE FROM ledger_pending WHERE entry_id = ANY(%s)", [[entry for entry, _ in rows]])
    return _sign(tree), len(rows) == BATCH


def _tree_at(last: Checkpoint | None) -> merkle.MerkleAccumulator:
    """The tree under the last checkpoint, rebuilt from stored hashes; never extends what that checkpoint contradicts."""
    size = last.size if last else 0
    tree = merkle.MerkleAccumulator(size, [queries.subtree(*part) for part in merkle.complete_subtrees(size)])
    if last and tree.root() != bytes(last.root):
        raise LedgerBroken(f"The stored tree of {size} entries no longer has the root that was signed. Run verify_ledger.")
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


def _sign(tree: merkle.MerkleAccumulator) -> Checkpoint:
    key = keys.load()
    note = key.sign(notes.TreeHead(key.origin, tree.size, tree.root()).text())
    return Checkpoint.objects.create(size=tree.size, root=tree.root(), note=note, at=clock.now())
