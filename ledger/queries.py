"""Reads of the ledger: subtree hashes, proofs and the state of the queue."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime

from django.conf import settings
from django.db import connection
from django.db.models import Max, Min, QuerySet

from ledger import merkle, tiles
from ledger.models import Checkpoint, Cosignature, Entry, Leaf, Node, Pending

TILE_HEIGHT = tiles.HEIGHT


class MissingHashesError(ValueError):
    """Hashes that must be stored are not there."""


def latest_checkpoint() -> Checkpoint | None:
    """The checkpoint over the most entries."""
    return Checkpoint.objects.order_by("-size").first()


def cosigned_note(checkpoint: Checkpoint) -> str:
    """The checkpoint with the cosignatures of witnesses that were kept for it."""
    return checkpoint.note + "".join(checkpoint.cosignatures.order_by("id").values_list("line", flat=True))


def checkpoint_before(moment: datetime) -> Checkpoint | None:
    """The last checkpoint made before a moment."""
    return Checkpoint.objects.filter(at__lt=moment).order_by("-size").first()


def oldest_pending_at() -> datetime | None:
    """When the oldest entry that has no leaf yet was written."""
    return Pending.objects.aggregate(at=Min("entry__at"))["at"]


def oldest_unsigned_at() -> datetime | None:
    """When the first entry that has a place, but is covered by no checkpoint, was written."""
    last = latest_checkpoint()
    return Entry.objects.filter(leaf__index=last.size if last else 0).values_list("at", flat=True).first()


def leaf_count() -> int:
    """How many entries have their place in the log."""
    last = Leaf.objects.aggregate(last=Max("index"))["last"]
    return 0 if last is None else last + 1


def subtree(start: int, size: int) -> bytes:
    """The hash of a complete subtree, from stored tile roots where there are some and from leaves below them."""
    level = (size.bit_length() - 1) // TILE_HEIGHT
    width = 1 << level * TILE_HEIGHT
    stored = Node.objects.filter(level=level) if level else Leaf.objects.all()
    within = stored.filter(index__gte=start // width, index__lt=(start + size) // width).order_by("index")
    found = [bytes(value) for value in within.values_list("hash", flat=True)]
    if len(found) != size // width:
        raise MissingHashesError(f"The ledger lacks hashes for the leaves {start} to {start + size - 1}")
    return merkle.root(found)


def tile_content(tile: tiles.Tile) -> bytes:
    """What a tile or an entry bundle holds. Raises `MissingHashesError` when the log does not hold all of it."""
    within = {"index__gte": tile.index * tiles.WIDTH, "index__lt": tile.index * tiles.WIDTH + tile.width}
    if tile.is_bundle:
        payloads = Leaf.objects.filter(**within).order_by("index").values_list("entry__payload", flat=True)
        found = [payload.encode() for payload in payloads if payload is not None]
    else:
        stored = Node.objects.filter(level=tile.level) if tile.level else Leaf.objects.all()
        found = [bytes(value) for value in stored.filter(**within).order_by("index").values_list("hash", flat=True)]
    if len(found) != tile.width:
        raise MissingHashesError(f"The ledger lacks something of {tile.path}")
    return tiles.bundle(found) if tile.is_bundle else b"".join(found)


def root_at(size: int) -> bytes:
    """The root of the first `size` leaves."""
    return merkle.MerkleAccumulator(size, [subtree(*part) for part in merkle.complete_subtrees(size)]).root()


def inclusion_proof(index: int, size: int) -> list[bytes]:
    """The audit path of a leaf in the tree of `size` leaves."""
    return merkle.inclusion_proof(index, size, subtree)


def consistency_proof(old: int, new: int) -> list[bytes]:
    """The proof that the tree of `new` leaves extends that of `old`."""
    return merkle.consistency_proof(old, new, subtree)


def leaf_hashes(start: int, end: int) -> Iterator[bytes]:
    """The leaf hashes start … end-1 in order, streamed."""
    leaves = Leaf.objects.filter(index__gte=start, index__lt=end).order_by("index").values_list("hash", flat=True)
    for value in leaves.iterator(chunk_size=10_000):
        yield bytes(value)


def entries_below(size: int) -> QuerySet[Entry]:
    """Entries that the checkpoint of `size` covers."""
    return Entry.objects.filter(leaf__index__lt=size)


@dataclass(frozen=True)
class Page:
    """Entries, newest first; `older` is the id that the next page begins below, None on the last."""

    entries: list[Entry]
    older: int | None


def page_of_entries(*, kind: str = "", subject: str = "", below: int | None = None, rows: int) -> Page:
    """One page of entries, by key and not by offset, so that the last page costs what the first does."""
    found = Entry.objects.signed().select_related("leaf").order_by("-id").defer("payload_json", "payload")
    if kind:
        found = found.filter(kind=kind)
    if subject:
        found = found.filter(subject=subject)
    if below is not None:
        found = found.filter(id__lt=below)
    entries = list(found[: rows + 1])
    return Page(entries[:rows], entries[rows - 1].id if len(entries) > rows else None)


def kinds() -> list[str]:
    """Every kind that occurs; hops from kind to kind in the index instead of reading all entries."""
    with connection.cursor() as cursor:
        cursor.execute(
            "WITH RECURSIVE hop AS (SELECT min(kind) AS kind FROM ledger_entry UNION ALL"
            " SELECT (SELECT min(kind) FROM ledger_entry WHERE kind > hop.kind) FROM hop WHERE kind IS NOT NULL)"
            " SELECT kind FROM hop WHERE kind IS NOT NULL"
        )
        return [kind for (kind,) in cursor.fetchall()]


@dataclass(frozen=True)
class Proof:
    """Why an entry is in the log: its audit path to the root of a checkpoint. `holds` says whether the path leads there."""

    index: int
    checkpoint: Checkpoint
    leaf_hash: bytes
    path: list[bytes]
    holds: bool


def proof_of(entry: Entry, checkpoint: Checkpoint | None) -> Proof | None:
    """The proof of an entry against a checkpoint, computed from its payload; None while the checkpoint does not cover it."""
    leaf = getattr(entry, "leaf", None)
    if leaf is None or checkpoint is None or leaf.index >= checkpoint.size:
        return None
    hashed = merkle.leaf_hash(entry.payload.encode())
    try:
        path = inclusion_proof(leaf.index, checkpoint.size)
    except MissingHashesError:
        return Proof(leaf.index, checkpoint, hashed, [], holds=False)
    holds = merkle.verify_inclusion(leaf.index, checkpoint.size, hashed, path, bytes(checkpoint.root))
    return Proof(leaf.index, checkpoint, hashed, path, holds)


def standing_misfit() -> Entry | None:
    """The entry that says that the log does not hold, until a later one says that it holds again. Nothing is sealed meanwhile."""
    last = Entry.objects.filter(kind__in=("ledger:misfit-found", "ledger:holds-again")).order_by("-id").first()
    return last if last and last.kind == "ledger:misfit-found" else None


@dataclass(frozen=True)
class Witness:
    """A witness whose key is configured, or who cosigned earlier, and its newest cosignature."""

    name: str
    is_configured: bool
    last: Cosignature | None


def witnesses() -> list[Witness]:
    """Every witness, by name."""
    last = {
        one.witness: one
        for one in Cosignature.objects.select_related("checkpoint").order_by("witness", "-id").distinct("witness")
    }
    configured = {key.partition("+")[0] for key in settings.CERTIFY_LEDGER_WITNESSES}
    return [Witness(name, name in configured, last.get(name)) for name in sorted(configured | set(last))]
