"""What is finished of a pack that is being built: a part file, and a journal beside it with a line for every finished member.

The journal holds hashes, places and counts, and no cell of a table. Its first line says what the members were made of
(`evidence.pack.fingerprint`); each line begins with its own hash. It is written when the bytes it tells of are on the disk, and not before.
"""

import fcntl
import hashlib
import json
import os
import re
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import IO

from django.conf import settings
from django.utils.translation import gettext_noop

#: Of this form of journals; others are not gone on with.
FORM = 1
FOLDER = "packs"
UNFINISHED = re.compile(r"\.[0-9]+\.(part|journal)")
BLOCK = 1 << 20
#: Why a build begins anew. What differs in the fingerprint has words of its own there.
DAMAGED = gettext_noop("what was finished is damaged")
NOT_SEALED = gettext_noop("its checkpoint is no longer there")
NOT_EQUAL = gettext_noop("a file of the pack is not what it was")


class Stale(Exception):
    """What is finished cannot be gone on with; `reason` is for people, in English and marked for translation."""

    def __init__(self, reason: str):
        super().__init__(reason)
        self.reason = reason


@dataclass(frozen=True)
class Kept:
    """A finished member of the ZIP: where its header begins and its bytes end, CRC-32, both sizes in bytes, SHA-256 (hex) of its content
    and of its bytes in the part file. `rows` counts what a table has; `head` is how many bytes of its rows the build keeps for later steps.
    """

    name: str
    at: int
    end: int
    crc: int
    packed: int
    size: int
    sha256: str
    part_sha256: str
    rows: int = 0
    head: int = 0


@dataclass
class Unfinished:
    """The two files of one pack, locked by this process. `size` is that of the checkpoint that seals the pack, None before it has begun."""

    pack: int
    journal: IO[bytes]
    size: int | None = None
    prints: dict[str, str] = field(default_factory=dict)
    kept: dict[str, Kept] = field(default_factory=dict)
    is_damaged: bool = False

    @property
    def part(self) -> Path:
        """Where the members are."""
        return _path(self.pack, "part")

    def read(self) -> None:
        """Read the journal. One that is torn, or of another form, is damaged as a whole: who knows what else is."""
        self.journal.seek(0)
        lines = self.journal.read().splitlines(keepends=True)
        try:
            told = [_opened(line) for line in lines]
            if told:
                head, *members = told
                if head.pop("form") != FORM:
                    raise ValueError("another form")
                self.size, self.prints = int(head["size"]), dict(head["prints"])
                self.kept = {one["name"]: Kept(**one) for one in members}
        except (ValueError, KeyError, TypeError, AttributeError):
            self.is_damaged, self.size = True, None

    def go_on(self, size: int, prints: dict[str, str], target: Path) -> None:
        """Begin, or go on with what is finished. Raises `Stale` where it was made of something else, or is not what the journal says."""
        if self.is_damaged:
            raise Stale(DAMAGED)
        if self.size is None:
            self.size, self.prints = size, prints
            self.part.unlink(missing_ok=True)
            self._write({"form": FORM, "size": size, "prints": prints})
            return
        for name in (*prints, *self.prints):
            if prints.get(name) != self.prints.get(name):
                raise Stale(name)
        if not self.part.exists() and target.exists():
            target.replace(self.part)  # killed between the last step of the build and the row that says so
        self._check()

    def _check(self) -> None:
        """Hold the part file against the journal, byte for byte."""
        at = 0
        try:
            with self.part.open("rb") as stream:
                for one in self.kept.values():
                    if one.at != at or hash_of(stream, one.at, one.end) != one.part_sha256:
                        raise Stale(DAMAGED)
                    at = one.end
        except FileNotFoundError:
            if self.kept:
                raise Stale(DAMAGED) from None

    def add(self, member: Kept) -> None:
        """Say that a member is finished; its bytes are on the disk."""
        self._write(asdict(member))
        self.kept[member.name] = member

    def _write(self, told: dict) -> None:
        body = json.dumps(told, sort_keys=True).encode()
        self.journal.seek(0, os.SEEK_END)
        self.journal.write(hashlib.sha256(body).hexdigest().encode() + b" " + body + b"\n")
        self.journal.flush()
        os.fsync(self.journal.fileno())

    def discard(self) -> None:
        """Throw away what is finished: bytes that may hold what was erased since are not kept."""
        self.part.unlink(missing_ok=True)
        for finished in self.part.parent.glob(f"{self.pack}-*.zip"):
            finished.unlink(missing_ok=True)  # a pack that waits for its build has no other file
        self.journal.truncate(0)
        os.fsync(self.journal.fileno())
        self.size, self.prints, self.kept, self.is_damaged = None, {}, {}, False

    def forget(self) -> None:
        """The pack is ready or given up: nothing is gone on with."""
        self.part.unlink(missing_ok=True)
        _path(self.pack, "journal").unlink(missing_ok=True)


def _opened(line: bytes) -> dict:
    digest, _, body = line.removesuffix(b"\n").partition(b" ")
    if not line.endswith(b"\n") or hashlib.sha256(body).hexdigest().encode() != digest:
        raise ValueError("a torn line")
    return json.loads(body)


def _path(pack: int, kind: str) -> Path:
    return Path(settings.CERTIFY_DATA_DIR) / FOLDER / f".{pack}.{kind}"


def hash_of(stream: IO[bytes], start: int, end: int) -> str:
    """SHA-256 (hex) of the bytes of a file from `start` to `end`; of fewer where it ends before."""
    digest, left = hashlib.sha256(), end - start
    stream.seek(start)
    while left > 0 and (block := stream.read(min(BLOCK, left))):
        digest.update(block)
        left -= len(block)
    return digest.hexdigest()


@contextmanager
def held(pack: int) -> Iterator[Unfinished | None]:
    """What is unfinished of a pack, for this process alone; None while another one has it.

    A row of the database is locked too, but that lock ends when the connection is lost, and a worker that lost it may still be writing.
    """
    path = _path(pack, "journal")
    path.parent.mkdir(parents=True, exist_ok=True)
    with os.fdopen(os.open(path, os.O_RDWR | os.O_CREAT, 0o600), "r+b") as journal:
        if not _is_locked(journal, path):
            yield None
            return
        found = Unfinished(pack, journal)
        found.read()
        yield found


def _is_locked(journal: IO[bytes], path: Path) -> bool:
    """Whether the file is ours, and still the one that is found under its name."""
    try:
        fcntl.flock(journal, fcntl.LOCK_EX | fcntl.LOCK_NB)
        return os.path.samestat(os.fstat(journal.fileno()), path.stat())
    except (BlockingIOError, FileNotFoundError):
        return False


def clear(waiting: Iterable[int], ready: Iterable[int]) -> None:
    """Throw away what is unfinished of packs that do not wait for their build any more; of those that are ready the pack itself stays."""
    for pack in _on_disk() - set(waiting):
        with held(pack) as unfinished:
            if unfinished and pack not in ready:
                unfinished.discard()
            if unfinished:
                unfinished.forget()


def _on_disk() -> set[int]:
    """Packs of which something unfinished is on this disk."""
    found = (Path(settings.CERTIFY_DATA_DIR) / FOLDER).glob(".*.*")
    return {int(path.name.split(".")[1]) for path in found if UNFINISHED.fullmatch(path.name)}
