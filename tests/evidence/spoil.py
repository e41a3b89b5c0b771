"""Spoils packs the way a mistake, a vandal or a forger would."""

import csv
import hashlib
import io
import json
import zipfile
from collections.abc import Callable
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from evidence.verifier import verify
from ledger import notes

Rows = list[list[str]]


class Held(verify.Pack):
    """A pack in memory, as {name: bytes}: nothing is zipped, so that thousands of changes are tried in seconds."""

    def __init__(self, files: dict[str, bytes]):
        self.path, self.archive, self.oddities, self.hashes, self.files = "memory", None, [], {}, files
        self.sizes = {name: len(body) for name, body in files.items()}
        self.check_names()

    def _raw(self, name: str) -> io.BytesIO:
        return io.BytesIO(self.files[name])


def read(pack: Path | dict[str, bytes]) -> dict[str, bytes]:
    """Every file of a pack."""
    if isinstance(pack, dict):
        return dict(pack)
    with zipfile.ZipFile(pack) as archive:
        return {name: archive.read(name) for name in archive.namelist()}


def write(pack: Path | dict[str, bytes], files: dict[str, bytes]) -> Path | dict[str, bytes]:
    """Zip the files again, or hold them in memory; only their content differs."""
    if isinstance(pack, dict):
        pack.clear()
        pack.update(files)
        return pack
    with zipfile.ZipFile(pack, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, body in files.items():
            archive.writestr(name, body)
    return pack


def change(pack: Path | dict[str, bytes], name: str, edit: Callable[[bytes], bytes], *, forge: bool = False):
    """Edit one file; with `forge` the manifest is made to fit, as somebody without the key could."""
    files = read(pack)
    files[name] = edit(files[name])
    return write(pack, forged(files) if forge else files)


def forged(files: dict[str, bytes]) -> dict[str, bytes]:
    """The files with a manifest that states their hashes and sizes."""
    manifest = json.loads(files["manifest.json"])
    manifest["files"] = {
        name: {"sha256": hashlib.sha256(body).hexdigest(), "size": len(body)}
        for name, body in files.items()
        if name not in {"manifest.json", "manifest.sig"}
    }
    return files | {"manifest.json": json.dumps(manifest, indent=1, sort_keys=True, ensure_ascii=False).encode()}


def rows_of(body: bytes) -> Rows:
    """The rows of a table as they are written, the header first."""
    return list(csv.reader(io.StringIO(body.decode(), newline="")))


def table(rows: Rows) -> bytes:
    """A table from rows."""
    text = io.StringIO(newline="")
    csv.writer(text, lineterminator="\r\n").writerows(rows)
    return text.getvalue().encode()


def rows(edit: Callable[[Rows], Rows]) -> Callable[[bytes], bytes]:
    """An edit of a table's rows; the header stays out of it."""
    return lambda body: table([(found := rows_of(body))[0], *edit(found[1:])])


def cell(number: int, column: str, value: str | Callable[[str], str]) -> Callable[[bytes], bytes]:
    """An edit of one cell; row 2 is the first below the header, as a spreadsheet counts."""

    def edit(body: bytes) -> bytes:
        found = rows_of(body)
        place = found[0].index(column)
        old = found[number - 1][place]
        found[number - 1][place] = value(old) if callable(value) else value
        return table(found)

    return edit


def flip(body: bytes, place: int) -> bytes:
    """One bit of one byte is other."""
    return body[:place] + bytes([body[place] ^ 1]) + body[place + 1 :]


class Forger:
    """Somebody with a key of their own who signs everything anew."""

    def __init__(self, origin: str):
        self.origin, self.key = origin, Ed25519PrivateKey.from_private_bytes(bytes(range(32)))
        self.verifier = notes.verifier_key(origin, self.key.public_key().public_bytes_raw())

    def sign(self, text: str) -> str:
        """A note under the forger's key."""
        return notes.sign(text, self.origin, self.key)

    def manifest(self, files: dict[str, bytes]) -> dict[str, bytes]:
        """The files with a manifest that names and carries the forger's key."""
        files = forged(files)
        manifest = json.loads(files["manifest.json"])
        manifest["log"]["key"] = self.verifier
        body = json.dumps(manifest).encode()
        text = f"{verify.FORMAT} manifest of {self.origin}\nsha256 {hashlib.sha256(body).hexdigest()}\n"
        return files | {"manifest.json": body, "manifest.sig": self.sign(text).encode()}

    def log(self, files: dict[str, bytes]) -> dict[str, bytes]:
        """The files with every checkpoint signed anew: the same log in another's name."""
        found = verify.split_notes(files["ledger/checkpoints.txt"].decode())
        texts = [note.rpartition("\n\n")[0] + "\n" for note in found]
        keys = [{"key": self.verifier, "since": 0, "statement": ""}]
        signed = "\n".join(map(self.sign, texts)).encode()
        return files | {"ledger/checkpoints.txt": signed, "ledger/keys.json": json.dumps(keys).encode()}
