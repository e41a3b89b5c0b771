"""Committed entries get their places in the log, and the tree above them grows: the sequencer's work before it signs."""

import io

from django.db import connection, transaction

from ledger import merkle, queries, tiles
from ledger.models import Checkpoint, Pending

LOCK = 0x6365727469667900
BATCH = 50_000
#: The hashes of a full tile, in bytes.
TILE = tiles.WIDTH * merkle.HASH_SIZE


class BrokenLedgerError(Exception):
    """The stored tree contradicts its own last checkpoint; nothing is signed until `verify_ledger` was read."""


def place_waiting(*, only: int | None = None) -> int:
    """Give everything that is committed its place, or the entry with this id alone; returns how many. Signs nothing."""
    placed = 0
    while batch := _append_batch(only):
        placed += batch
    return placed


#: The next entries of the queue leave it and get their leaves, all inside the database; their hashes come back as one string. An
#: entry that is gone has no hash: its number leaves the queue, which is no evidence, and holds up nobody. Hashes are looked up one by
#: one, by the index: a join might read the whole table of entries for every batch.
PLACE = """
    WITH bounds AS (
        SELECT min(entry_id) AS low, max(entry_id) AS high FROM (
            SELECT entry_id FROM ledger_pending WHERE %(only)s::bigint IS NULL OR entry_id = %(only)s ORDER BY entry_id LIMIT %(batch)s
        ) AS waiting
    ), taken AS (
        DELETE FROM ledger_pending WHERE entry_id >= (SELECT low FROM bounds) AND entry_id <= (SELECT high FROM bounds)
        RETURNING entry_id
    ), found AS MATERIALIZED (
        SELECT entry_id, (SELECT leaf_hash FROM ledger_entry WHERE id = taken.entry_id) AS hash FROM taken ORDER BY entry_id
    ), placed AS (
        INSERT INTO ledger_leaf (index, entry_id, hash)
        SELECT %(size)s - 1 + row_number() OVER (ORDER BY entry_id), entry_id, hash FROM found WHERE hash IS NOT NULL
        RETURNING index, hash
    )
    SELECT (SELECT count(*) FROM taken), (SELECT string_agg(hash, ''::bytea ORDER BY index) FROM placed)
"""


@transaction.atomic
def _append_batch(only: int | None) -> int:
    """Give the next entries of the queue their leaves; returns how many left the queue."""
    lock()
    if not Pending.objects.exists():
        return 0
    tree = stored_tree(queries.latest_checkpoint())
    with connection.cursor() as cursor:
        cursor.execute(PLACE, {"batch": BATCH, "only": only, "size": tree.size})
        taken, hashes = cursor.fetchone()
        nodes = _extend(tree, bytes(hashes or b""))
        cursor.copy_expert("COPY ledger_node (level, index, hash) FROM STDIN", nodes)
    return taken


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


def _extend(tree: merkle.MerkleAccumulator, hashes: bytes) -> io.StringIO:
    """Append the leaf hashes; returns the roots of the tiles they complete, ready for COPY."""
    nodes, place = io.StringIO(), 0
    while place < len(hashes):
        rest = hashes[place : place + TILE]
        if tree.size % tiles.WIDTH or len(rest) < TILE:
            finished, place = list(enumerate(tree.append(rest[: merkle.HASH_SIZE]), start=1)), place + merkle.HASH_SIZE
        else:
            tile, place = merkle.MerkleAccumulator(), place + TILE
            tile.extend(rest)
            finished = tree.append_subtree(tile.root(), tiles.HEIGHT)
        for height, node in finished:
            level, between = divmod(height, tiles.HEIGHT)
            if not between:
                nodes.write(f"{level}\t{(tree.size - 1) >> height}\t\\\\x{node.hex()}\n")
    nodes.seek(0)
    return nodes
