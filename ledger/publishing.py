"""The log as files: a copy in the form of C2SP tlog-tiles, which any web server or object store can serve.

The directory is a log of its own right: it is only ever added to, and what it has published is compared with the database before
anything is added. A database that was put back to an older state, or rewritten, does not get past it.
"""

import fcntl
import os
from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from datetime import datetime, timedelta
from itertools import chain
from pathlib import Path

from django.conf import settings
from django.db.models import Min

from certify.lib import clock
from certify.lib.batches import batched
from ledger import merkle, notes, queries, tiles
from ledger.buckets import Bucket
from ledger.models import Checkpoint, Node, Publication

CHECKPOINT = "checkpoint"
LOCK = ".lock"
#: Objects that are on their way to a bucket at the same time; its client keeps ten connections.
UPLOADS = 8


class ContradictionError(Exception):
    """The database and what was published of its log contradict each other; the message says where."""


def directory() -> Path | None:
    """Where the log is published; None when it is not."""
    return Path(settings.CERTIFY_LEDGER_LOG_DIR) if settings.CERTIFY_LEDGER_LOG_DIR else None


def published_head(place: Path) -> notes.TreeHead | None:
    """The tree head that was published last; None before the first. Raises `ContradictionError` when it cannot be read."""
    try:
        return _head((place / CHECKPOINT).read_bytes(), str(place / CHECKPOINT))
    except FileNotFoundError:
        return None


def _head(note: bytes, where: str) -> notes.TreeHead:
    try:
        return notes.TreeHead.parse(note.decode().rpartition("\n\n")[0] + "\n")
    except ValueError as error:
        raise ContradictionError(f"The published checkpoint {where} cannot be read: {error}.") from error


def check(head: notes.TreeHead | None, size: int) -> None:
    """Refuse a log of `size` leaves that does not begin with what was published (`ContradictionError`)."""
    if head is None:
        return
    if head.size > size:
        raise ContradictionError(
            f"The log was published with {head.size} entries and the database has {size} of them. Was an older backup restored?"
        )
    if queries.root_at(head.size) != head.root:
        raise ContradictionError(f"The first {head.size} entries are not those that were published.")


def behind_since() -> datetime | None:
    """When the oldest checkpoint that is not published yet was signed; None when all are, or none is to be."""
    place = directory()
    head = published_head(place) if place else None
    if place is None:
        return None
    return _signed_after(head.size if head else 0)


def _signed_after(size: int) -> datetime | None:
    return Checkpoint.objects.filter(size__gt=size).aggregate(at=Min("at"))["at"]


def bucket_standing() -> tuple[Publication | None, datetime | None]:
    """How far the bucket is, as it was when it was last written to, and since when something is missing there."""
    target = settings.CERTIFY_LEDGER_LOG_S3
    if not target:
        return None, None
    found = Publication.objects.filter(target=target[:500]).first()
    return found, _signed_after(found.size if found else 0)


def publish_to_bucket(bucket: Bucket) -> int:
    """Bring a bucket up to the newest checkpoint; returns how many entries it has now.

    As `publish` does: nothing is replaced but the checkpoint, and this comes last. Partial tiles are those of the checkpoints that
    were published. With CERTIFY_LEDGER_LOG_S3_DAYS nobody deletes a full tile or bundle for so long. Raises `BucketError` besides;
    the next run goes on. Whoever comes second to a checkpoint is refused.
    """
    newest, found = queries.latest_checkpoint(), bucket.read(CHECKPOINT)
    head = _head(found[0], f"in the bucket {bucket.name}") if found else None
    if newest is None:
        check(head, 0)
        return head.size if head else 0
    _check_against(head, newest)
    _add_all(bucket, chain(tiles.full_tiles(head.size if head else 0, newest.size), tiles.partial_tiles(newest.size)))
    note = queries.cosigned_note(newest).encode()
    if found is None or found[0] != note:
        bucket.replace(CHECKPOINT, note, found[1] if found else None)
    return newest.size


def _add_all(bucket: Bucket, wanted: Iterable[tiles.Tile]) -> None:
    """Add tiles, several at a time: a store answers in tens of milliseconds, and a first copy of a long log has tens of thousands."""
    days = settings.CERTIFY_LEDGER_LOG_S3_DAYS
    until = clock.now().replace(microsecond=0) + timedelta(days=days) if days else None
    with ThreadPoolExecutor(UPLOADS) as pool:
        for batch in batched(wanted, 4 * UPLOADS):
            # What is in a tile is read and compared here: the threads have no connection to the database.
            kept = [(tile.path, checked(tile), until if tile.width == tiles.WIDTH else None) for tile in batch]
            for done in [pool.submit(bucket.add, path, content, until=day) for path, content, day in kept]:
                done.result()


def _check_against(head: notes.TreeHead | None, newest: Checkpoint) -> None:
    """Refuse a log that does not begin with what was published, and a checkpoint that is not over its entries."""
    check(head, newest.size)
    if queries.root_at(newest.size) != bytes(newest.root):
        raise ContradictionError(f"The checkpoint of {newest.size} entries does not cover the entries that are there.")


def publish(place: Path) -> int:
    """Bring the directory up to the newest checkpoint; returns how many entries it has now.

    Whatever crashes when, the directory is a whole log: a file appears complete or not at all, a checkpoint after the last
    tile it needs, and the next run goes on. Full tiles are never written again. Raises `ContradictionError`, or
    `MissingHashesError`, and publishes nothing, when the log no longer begins with what was published, or does not hold.
    """
    place.mkdir(parents=True, exist_ok=True, mode=0o750)
    with _alone(place) as is_alone:
        newest = queries.latest_checkpoint()
        head = published_head(place)
        if newest is None:
            check(head, 0)
        if newest is None or not is_alone:
            return head.size if head else 0
        _check_against(head, newest)
        _write_tiles(place, head.size if head else 0, newest.size)
        _write(place / CHECKPOINT, queries.cosigned_note(newest).encode())
        _sync(place)
        return newest.size


@contextmanager
def _alone(place: Path) -> Iterator[bool]:
    """Whether no other process publishes here now; it stays so inside."""
    with (place / LOCK).open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            yield False
        else:
            yield True


def _write_tiles(place: Path, old: int, new: int) -> None:
    """Everything that the checkpoints over more than `old` and up to `new` entries need."""
    changed = set()
    for tile in tiles.full_tiles(old, new):
        changed |= _add(place, tile)
        _remove_partial(place / tile.path)
    sizes = Checkpoint.objects.filter(size__gt=old, size__lte=new).order_by("size").values_list("size", flat=True)
    for tile in (tile for size in sizes.iterator() for tile in tiles.partial_tiles(size)):
        if tile.full_end > new:
            changed |= _add(place, tile)
    for folder in sorted(changed, reverse=True):
        _sync(folder)


def _add(place: Path, tile: tiles.Tile) -> set[Path]:
    """Write a tile that is not there yet; the folders whose names that changed."""
    path = place / tile.path
    if not path.exists():
        _write(path, checked(tile))
    above = path.parents
    return set(above[: above.index(place) + 1])


def _remove_partial(full: Path) -> None:
    """Partial tiles may go once the full one is there."""
    folder = full.with_name(f"{full.name}.p")
    if folder.exists():
        for partial in folder.iterdir():
            partial.unlink()
        folder.rmdir()


def checked(tile: tiles.Tile) -> bytes:
    """The content of a tile, after a look at whether it fits the hashes above it or, of a bundle, its tile."""
    content = queries.tile_content(tile)
    if tile.is_bundle:
        hashes = queries.tile_content(tiles.Tile(0, tile.index, tile.width))
        fits = b"".join(merkle.leaf_hash(entry) for entry in tiles.entries_of(content)) == hashes
    elif tile.width == tiles.WIDTH:
        above = Node.objects.filter(level=tile.level + 1, index=tile.index).values_list("hash", flat=True).first()
        tree = merkle.MerkleAccumulator()
        tree.extend(content)
        fits = above is not None and bytes(above) == tree.root()
    else:
        fits = True  # the root of the checkpoint, which was compared, is computed from these very hashes
    if not fits:
        raise ContradictionError(f"{tile.path} does not fit the rest of the log. Run verify_ledger.")
    return content


def _write(path: Path, content: bytes) -> None:
    """Write a file that appears complete or not at all."""
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o750)
    partial = path.with_name(f".{path.name}.new")
    with partial.open("wb") as target:
        target.write(content)
        target.flush()
        os.fsync(target.fileno())
    partial.replace(path)


def _sync(folder: Path) -> None:
    """Make sure that the names of a directory's files outlive a power cut."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
