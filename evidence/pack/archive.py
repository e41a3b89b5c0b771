"""A ZIP that is always the same for the same content: fixed times, one compression level, a directory sorted by name.

One that has a journal can be gone on with after a kill: what is in the journal is not written again.
"""

import hashlib
import json
import os
import struct
import zipfile
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

from evidence.pack.journal import NOT_EQUAL, Kept, Stale, Unfinished, hash_of
from ledger.keys import LogKey

TIME = (1980, 1, 1, 0, 0, 0)
LEVEL = 6
BUFFER = 1 << 20
#: Packed bytes that are unpacked at once: at worst they become a thousand times as many.
PACKED = 1 << 16

#: Stored as it is: what the page carries is packed already, and to try again would take half a second a pack.
PAGE = "verify.html"
#: The two members that the manifest does not list.
MANIFEST, SIGNATURE = "manifest.json", "manifest.sig"
#: The fixed part of a member's header (APPNOTE 4.3.7), which ends with the lengths of the name and of what follows it.
HEADER, LENGTHS = 30, struct.Struct("<HH")


class Member:
    """A file on its way into the archive. Everything written is hashed and counted; `rows` and `head` are for the journal."""

    def __init__(self, target: BinaryIO):
        self.target = target
        self.hash = hashlib.sha256()
        self.size = self.rows = self.head = 0

    def write(self, data: bytes) -> None:
        """Add bytes."""
        self.target.write(data)
        self.hash.update(data)
        self.size += len(data)


class Archive:
    """Streams members into a ZIP; knows the SHA-256 and the size of each. Leaving the block on an error leaves a broken file.

    With a journal it goes on after the last finished member of it, as if nothing had happened.
    """

    def __init__(self, path: Path, journal: Unfinished | None = None):
        self.journal = journal
        self.kept = dict(journal.kept) if journal else {}
        self.stream = os.fdopen(os.open(path, os.O_RDWR | os.O_CREAT, 0o600 if journal else 0o666), "r+b")
        self.stream.truncate(max((one.end for one in self.kept.values()), default=0))
        self.stream.seek(0, os.SEEK_END)
        self.zip = zipfile.ZipFile(self.stream, "w", zipfile.ZIP_DEFLATED, compresslevel=LEVEL)
        self.files: dict[str, dict] = {}
        for one in self.kept.values():
            self._take(one)

    def _take(self, one: Kept) -> None:
        """Let a member that is there already count as written."""
        info = _info(one.name)
        info.header_offset, info.CRC, info.compress_size, info.file_size = one.at, one.crc, one.packed, one.size
        info.FileHeader(zip64=True)  # which sets the versions, as writing it did
        self.zip.filelist.append(info)
        self.zip.NameToInfo[one.name] = info
        self.files[one.name] = {"sha256": one.sha256, "size": one.size}

    def __enter__(self) -> "Archive":
        return self

    def __exit__(self, *_: object) -> None:
        # What was written first is written first; what is listed is listed by name.
        self.zip.infolist().sort(key=lambda member: member.filename)
        self.zip.close()
        self._settle()
        self.stream.close()

    def _settle(self) -> None:
        """Wait until what was written is on the disk, where that matters."""
        if self.journal:
            self.stream.flush()
            os.fsync(self.stream.fileno())

    @contextmanager
    def member(self, name: str) -> Iterator[Member]:
        """Write one file, as a stream of any length."""
        info = _info(name)
        with self.zip.open(info, "w", force_zip64=True) as target:
            member = Member(target)
            yield member
        self.files[name] = {"sha256": member.hash.hexdigest(), "size": member.size}
        if self.journal:
            self._settle()
            at, end = info.header_offset, self.zip.start_dir
            written = hash_of(self.stream, at, end)
            self.journal.add(
                Kept(
                    name,
                    at,
                    end,
                    info.CRC,
                    info.compress_size,
                    member.size,
                    member.hash.hexdigest(),
                    written,
                    member.rows,
                    member.head,
                )
            )

    def add(self, name: str, body: bytes) -> None:
        """Write a file that is in memory. One that is there already must be the same: raises `Stale`."""
        if kept := self.kept.get(name):
            if kept.sha256 != hashlib.sha256(body).hexdigest():
                raise Stale(NOT_EQUAL)
            return
        with self.member(name) as member:
            member.write(body)

    def read(self, name: str) -> Iterator[bytes]:
        """The content of a member that is there already, in blocks. What reads it may stop; members must not be written meanwhile."""
        kept = self.kept[name]
        self.stream.seek(kept.at + HEADER - LENGTHS.size)
        begin = kept.at + HEADER + sum(LENGTHS.unpack(self.stream.read(LENGTHS.size)))
        self.stream.seek(begin)
        unpacked, left = zlib.decompressobj(-zlib.MAX_WBITS), kept.packed
        while left > 0 and (block := self.stream.read(min(PACKED, left))):
            left -= len(block)
            yield unpacked.decompress(block)
        yield unpacked.flush()


def _info(name: str) -> zipfile.ZipInfo:
    info = zipfile.ZipInfo(name, TIME)
    method = zipfile.ZIP_STORED if name == PAGE else zipfile.ZIP_DEFLATED
    info.compress_type, info.create_system, info.external_attr = method, 3, 0o100644 << 16
    return info


class CsvLines:
    """Takes PostgreSQL's CSV and writes RFC 4180: its rows end with LF, ours with CR LF; what is quoted stays as it is.

    A file for COPY TO. Counts the rows and tells every so often how many there are. `head` is what it wrote first: at least `keep` rows.
    """

    def __init__(self, target: Member, told: Callable[[int], None], keep: int = 0):
        self.target, self.told, self.keep, self.head = target, told, keep, b""
        self.buffer, self.is_quoted, self.rows, self.size = [], False, 0, 0

    def write(self, data: bytes) -> None:
        """One piece of COPY's output: as a rule one row."""
        self.buffer.append(data)
        self.size += len(data)
        if self.size >= BUFFER:
            self.flush()

    def flush(self) -> None:
        """Write what has come together."""
        parts, is_early = b"".join(self.buffer).split(b'"'), self.rows < self.keep
        for place in range(self.is_quoted, len(parts), 2):
            self.rows += parts[place].count(b"\n")
            parts[place] = parts[place].replace(b"\n", b"\r\n")
        self.is_quoted ^= not len(parts) % 2
        block = b'"'.join(parts)
        self.target.write(block)
        if is_early:
            self.head += block
        self.buffer, self.size = [], 0
        self.told(self.rows)


def add_manifest(archive: Archive, manifest: dict, key: LogKey) -> None:
    """Write the manifest, and the note by which the log's key signs its hash under the pack's format."""
    body = json.dumps(manifest, indent=1, sort_keys=True, ensure_ascii=False).encode() + b"\n"
    archive.add(MANIFEST, body)
    text = f"{manifest['format']} manifest of {key.origin}\nsha256 {hashlib.sha256(body).hexdigest()}\n"
    archive.add(SIGNATURE, key.sign(text).encode())
