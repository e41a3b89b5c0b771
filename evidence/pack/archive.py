"""A ZIP that is always the same for the same content: fixed times, one compression level, a directory sorted by name."""

import hashlib
import json
import zipfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

from ledger.keys import LogKey

TIME = (1980, 1, 1, 0, 0, 0)
LEVEL = 6
BUFFER = 1 << 20


class Member:
    """A file on its way into the archive. Everything written is hashed and counted."""

    def __init__(self, target: BinaryIO):
        self.target = target
        self.hash = hashlib.sha256()
        self.size = 0

    def write(self, data: bytes) -> None:
        """Add bytes."""
        self.target.write(data)
        self.hash.update(data)
        self.size += len(data)


class Archive:
    """Streams members into a ZIP; knows the SHA-256 and the size of each. Leaving the block on an error leaves a broken file."""

    def __init__(self, path: Path):
        self.zip = zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED, compresslevel=LEVEL)
        self.files: dict[str, dict] = {}

    def __enter__(self) -> "Archive":
        return self

    def __exit__(self, *_: object) -> None:
        # What was written first is written first; what is listed is listed by name.
        self.zip.infolist().sort(key=lambda member: member.filename)
        self.zip.close()

    @contextmanager
    def member(self, name: str, method: int = zipfile.ZIP_DEFLATED) -> Iterator[Member]:
        """Write one file, as a stream of any length. `method` is how the ZIP holds it: deflated, or stored as it is."""
        info = zipfile.ZipInfo(name, TIME)
        info.compress_type, info.create_system, info.external_attr = method, 3, 0o100644 << 16
        with self.zip.open(info, "w", force_zip64=True) as target:
            member = Member(target)
            yield member
        self.files[name] = {"sha256": member.hash.hexdigest(), "size": member.size}

    def add(self, name: str, body: bytes, method: int = zipfile.ZIP_DEFLATED) -> None:
        """Write a file that is in memory."""
        with self.member(name, method) as member:
            member.write(body)


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
    archive.add("manifest.json", body)
    text = f"{manifest['format']} manifest of {key.origin}\nsha256 {hashlib.sha256(body).hexdigest()}\n"
    archive.add("manifest.sig", key.sign(text).encode())
