"""Writes a pack: every file to a folder first, then the folder into a ZIP with sorted names and fixed times."""

import csv
import hashlib
import json
import shutil
import tempfile
import zipfile
from base64 import b64encode
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from django.db import connection

from campaigns.models import Campaign
from certify.lib import canonical, csvsafe
from evidence import frameworks
from evidence.pack import scope as scopes
from evidence.pack import tables
from ledger import keys, merkle, queries

FORMAT = "certify-evidence-pack/1"
VERIFIER = Path(__file__).resolve().parents[1] / "verifier" / "verify.py"
README = Path(__file__).resolve().parent / "README.md"
ZIP_TIME = (1980, 1, 1, 0, 0, 0)
FETCH = 5_000

Progress = Callable[[int, str], None]


@dataclass(frozen=True)
class Built:
    """A finished pack: SHA-256 in hex, size in bytes, and the rows of each table."""

    sha256: str
    size: int
    counts: dict[str, int]


def build(scope: scopes.Scope, target: Path, progress: Progress = lambda percent, text: None) -> Built:
    """Write the pack of a scope to `target`. Memory does not grow with the pack; the folder beside `target` holds it once unpacked."""
    target.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=target.parent, prefix="pack-") as name:
        folder = Path(name)
        counts = _write_tables(scope, folder, progress)
        progress(70, "Writing the ledger")
        counts["ledger/entries.jsonl"] = _write_ledger(scope, folder)
        shutil.copyfile(VERIFIER, folder / "verify.py")
        shutil.copyfile(README, folder / "README.md")
        progress(80, "Hashing and signing")
        _write_manifest(scope, folder, counts)
        progress(85, "Packing")
        partial = target.with_suffix(".partial")
        _zip(folder, partial)
        digest = _sha256(partial)
        partial.replace(target)
    return Built(digest, target.stat().st_size, counts)


def _write_tables(scope: scopes.Scope, folder: Path, progress: Progress) -> dict[str, int]:
    counts = {}
    for position, (path, (columns, query)) in enumerate(tables.TABLES.items()):
        progress(4 * position, f"Writing {path}")
        counts[path] = _write_csv(folder / path, columns, _stream(query, scope.values))
    counts["controls/mapping.csv"] = _write_csv(
        folder / "controls/mapping.csv", ("control", "asks_for", "campaign", "campaign_name"), _mapping(scope)
    )
    return counts


def _stream(query: str, values: dict):
    with connection.connection.cursor(name="evidence_pack") as cursor:
        cursor.itersize = FETCH
        cursor.execute(query, values)
        yield from cursor


def _mapping(scope: scopes.Scope):
    for campaign in Campaign.objects.filter(pk__in=scope.campaigns).order_by("pk"):
        for control in sorted(campaign.terms["controls"]):
            if control.startswith(f"{scope.period.framework}:"):
                yield control, frameworks.paraphrase(control), str(campaign.pk), campaign.name


def _write_csv(path: Path, columns: tuple[str, ...], rows) -> int:
    """RFC 4180, UTF-8, a header row; cells that a spreadsheet would run are made harmless."""
    path.parent.mkdir(parents=True, exist_ok=True)
    count = 0
    with path.open("w", newline="", encoding="utf-8") as target:
        writer = csv.writer(target, lineterminator="\r\n")
        writer.writerow(columns)
        for row in rows:
            writer.writerow([csvsafe.cell(cell) for cell in row])
            count += 1
    return count


def _write_ledger(scope: scopes.Scope, folder: Path) -> int:
    """Entries in scope as the bytes that were hashed, every leaf since the earlier checkpoint, both checkpoints, the frontier."""
    ledger = folder / "ledger"
    ledger.mkdir()
    count, start = 0, scope.before.size if scope.before else 0
    query = (
        "SELECT entry.payload FROM ledger_leaf AS leaf JOIN ledger_entry AS entry ON entry.id = leaf.entry_id"
        f" WHERE leaf.index >= {start} AND {scopes.IN_SCOPE} ORDER BY leaf.index"
    )
    with (ledger / "entries.jsonl").open("wb") as target:
        for (payload,) in _stream(query, scope.values):
            target.write(payload.encode() + b"\n")
            count += 1
    with (ledger / "leaves.bin").open("wb") as target:
        for leaf in queries.leaf_hashes(start, scope.checkpoint.size):
            target.write(leaf)
    notes = [checkpoint.note for checkpoint in (scope.before, scope.checkpoint) if checkpoint]
    (ledger / "checkpoints.txt").write_bytes("\n".join(notes).encode())
    frontier = [queries.subtree(*part) for part in merkle.complete_subtrees(start)]
    body = {"first_leaf": start, "frontier": [b64encode(node).decode() for node in frontier]}
    (ledger / "proofs.json").write_bytes(canonical.dumps(body) + b"\n")
    return count


def _write_manifest(scope: scopes.Scope, folder: Path, counts: dict[str, int]) -> None:
    period, key = scope.period, keys.load()
    files = {
        path.relative_to(folder).as_posix(): {"sha256": _sha256(path), "size": path.stat().st_size}
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }
    manifest = {
        "format": FORMAT,
        "period": {
            "name": period.name,
            "framework": period.framework,
            "from": period.from_on.isoformat(),
            "to": period.to_on.isoformat(),
        },
        "origin": key.origin,
        "verifier_key": key.verifier,
        "checkpoint": {"size": scope.checkpoint.size, "root": bytes(scope.checkpoint.root).hex()},
        "rows": counts,
        "files": files,
    }
    body = json.dumps(manifest, indent=1, sort_keys=True, ensure_ascii=False).encode() + b"\n"
    (folder / "manifest.json").write_bytes(body)
    text = f"{key.origin}\n{FORMAT} manifest\nsha256 {hashlib.sha256(body).hexdigest()}\n"
    (folder / "manifest.sig").write_bytes(key.sign(text).encode())


def _zip(folder: Path, target: Path) -> None:
    with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED, compresslevel=6) as archive:
        for path in sorted(folder.rglob("*"), key=lambda path: path.relative_to(folder).as_posix()):
            if not path.is_file():
                continue
            info = zipfile.ZipInfo(path.relative_to(folder).as_posix(), ZIP_TIME)
            info.compress_type, info.create_system, info.external_attr = zipfile.ZIP_DEFLATED, 3, 0o100644 << 16
            with path.open("rb") as source, archive.open(info, "w", force_zip64=True) as packed:
                shutil.copyfileobj(source, packed, 1 << 20)


def _sha256(path: Path) -> str:
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()
