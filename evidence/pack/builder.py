"""Writes a pack: tables straight from the database into the ZIP, then the ledger, then the manifest over all of it."""

import csv
import hashlib
import io
import json
import shutil
import tempfile
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from django.db import connection

from campaigns.models import ReviewItem
from certify.lib import canonical, csvsafe
from certify.lib.times import rfc3339
from evidence import frameworks
from evidence.pack import assured, fingerprint, oscal, people, report, reviewing, roles, runs, schemas, tables, workbook
from evidence.pack import scope as scopes
from evidence.pack.archive import MANIFEST, PAGE, SIGNATURE, Archive, CsvLines, add_manifest
from evidence.pack.excerpts import KEPT, Reader, Short
from evidence.pack.journal import Unfinished
from evidence.verifier import webpage
from ledger import keychain, merkle, queries, succession
from ledger.models import Anchor, Entry

FORMAT = "certify-evidence-pack/5"
VERIFIER = Path(__file__).resolve().parents[1] / "verifier" / "verify.py"
CONVERTER = VERIFIER.with_name("convert.py")
README = Path(__file__).resolve().parent / "README.md"
#: Entries of the log that are looked through at once, and leaves that are read at once.
ENTRIES, LEAVES = 20_000, 100_000
#: Entries that are in memory at once: one may have 64 KiB.
HELD = 500
HARMLESS = f"CASE WHEN ascii({{0}}) IN ({csvsafe.CODES}) THEN '''' || {{0}} ELSE NULLIF({{0}}, '') END"
#: Tables, then the entries, then the leaves, then what people read: where the bar stands when each begins.
ENTRIES_AT, LEAVES_AT, PEOPLE_AT, SEAL_AT = 55, 80, 88, 97

CAMPAIGN_COLUMNS = (
    "campaign", "name", "definition", "controls", "state", "launched_by", "opened_at", "due_at", "ended_at", "ended_by", "reason",
    "items", "excluded", "approved", "revoked", "reduced", "not_reviewed", "population_root", "exclusion_root", "outcome_root",
    "launch_entry", "end_entry", "terms",
)  # fmt: skip
LEFT_OUT_COLUMNS = ("campaign", "name", "controls", "opened_at", "why", "launch_entry")
MAPPING_COLUMNS = ("control", "asks_for", "campaign", "campaign_name")

#: Short tables, made here; what is read back, or not made twice, when a build goes on.
SHORT = ("administration/roles.csv", "campaigns/campaigns.csv", "campaigns/left_out.csv", "controls/calendar.csv",
         "controls/mapping.csv", "reviews/quality.csv")  # fmt: skip
ENTRIES_PATH, BOOK, REPORT = "ledger/entries.jsonl", "workbook.xlsx", "report.pdf"

Progress = Callable[[int, str], None]
#: Told how many members a build found finished, and how many the pack has.
Resumed = Callable[[int, int], None]


@dataclass(frozen=True)
class Built:
    """A finished pack: SHA-256 in hex, size in bytes, and the rows of each table."""

    sha256: str
    size: int
    counts: dict[str, int]


def build(
    scope: scopes.Scope,
    target: Path,
    progress: Progress = lambda percent, text: None,
    unfinished: Unfinished | None = None,
    resumed: Resumed = lambda kept, members: None,
) -> Built:
    """Write the pack of a scope to `target`. Memory does not grow with the pack; the sheets of its workbook pass through the
    machine's folder for temporary files.

    Must run in a transaction. The file appears under its name only when it is complete. With `unfinished` a build that was killed is
    gone on with, and `resumed` told so; the bytes are the same. Raises `Stale` where it cannot be: then everything is to begin anew.
    """
    target.parent.mkdir(parents=True, exist_ok=True)
    partial = unfinished.part if unfinished else target.with_name(f".{target.name}.partial")
    try:
        _prepare(scope)
        if unfinished:
            unfinished.go_on(scope.checkpoint.size, fingerprint.of(scope, FORMAT), target)
            if unfinished.kept:
                resumed(len(unfinished.kept), len(member_names(scope)))
        with Archive(partial, unfinished) as archive:
            counts = _write_members(archive, scope, progress)
        digest = _sha256(partial)
        partial.replace(target)
    finally:
        if not unfinished:
            partial.unlink(missing_ok=True)
    return Built(digest, target.stat().st_size, counts)


def _write_members(archive: Archive, scope: scopes.Scope, progress: Progress) -> dict[str, int]:
    """Everything, in the order in which a build that was killed is gone on with. Returns how many rows each table has."""
    counts, short, heads = _write_tables(archive, scope, progress)
    counts[ENTRIES_PATH], named = _write_ledger(archive, scope, progress)
    under_review = people.sealed(ReviewItem.objects.filter(campaign__in=scope.values["campaigns"]))
    people.refuse_erased_since({*named, *under_review}, scope.checkpoint.size)
    counts[people.PATH] = write_rows(archive, people.PATH, people.COLUMNS, people.rows(named))
    _write_for_people(archive, scope, Reader(scope.values, counts, short, heads), progress)
    progress(SEAL_AT, "Sealing")
    archive.add("README.md", README.read_bytes() + _losses().encode())
    made = {people.PATH: people.COLUMNS} | {path: columns for path, (columns, _) in short.items()}
    made |= {table.path: table.columns for table in tables.TABLES}
    schemas.write(archive, made, FORMAT)
    for program in (VERIFIER, CONVERTER):
        archive.add(program.name, program.read_bytes())
    add_page(archive)
    _write_manifest(archive, scope, counts)
    return counts


def member_names(scope: scopes.Scope) -> list[str]:
    """The members that the pack of a scope has, by name."""
    return sorted([
        *SHORT, *(table.path for table in tables.TABLES), ENTRIES_PATH, "ledger/leaves.bin", "ledger/checkpoints.txt", "ledger/keys.json",
        "ledger/proofs.json", "ledger/anchors/anchors.json", *(receipt for receipt, _ in _receipts(scope) if receipt), people.PATH, BOOK,
        REPORT, oscal.PATH, "README.md", schemas.TABLES_PATH, *schemas.JSON_PATHS.values(), VERIFIER.name, CONVERTER.name, PAGE,
        MANIFEST, SIGNATURE,
    ])  # fmt: skip


def _prepare(scope: scopes.Scope) -> None:
    """Look up once what belongs to the pack, into temporary tables with an index and statistics."""
    with connection.cursor() as cursor:
        for name, query, key in tables.PREPARED:
            cursor.execute(f"DROP TABLE IF EXISTS pg_temp.{name}")
            cursor.execute(f"CREATE TEMP TABLE {name} ON COMMIT DROP AS {query}", scope.values)
            cursor.execute(f"CREATE INDEX ON {name} ({key})")
            cursor.execute(f"ANALYZE {name}")


def _write_tables(archive: Archive, scope: scopes.Scope, progress: Progress) -> tuple[dict[str, int], Short, dict[str, bytes]]:
    """Every table; returns how many rows each has, the short ones that were made here, and the beginnings of the others."""
    short = {
        "administration/roles.csv": (roles.COLUMNS, list(roles.rows(scope))),
        "campaigns/campaigns.csv": (CAMPAIGN_COLUMNS, list(_campaigns(scope))),
        "campaigns/left_out.csv": (LEFT_OUT_COLUMNS, list(_left_out(scope))),
        "controls/calendar.csv": (runs.COLUMNS, list(_calendar(scope))),
        "controls/mapping.csv": (MAPPING_COLUMNS, list(_mapping(scope))),
        "reviews/quality.csv": (reviewing.QUALITY_COLUMNS, list(reviewing.quality_rows(scope))),
    }
    counts, heads = {path: write_rows(archive, path, columns, rows) for path, (columns, rows) in short.items()}, {}
    for place, table in enumerate(tables.TABLES):
        percent = place * ENTRIES_AT // len(tables.TABLES)

        def told(rows: int, table=table, percent=percent) -> None:
            progress(percent, f"Writing {table.path}: {rows:,} rows")

        done = copy_table(archive, table, scope.values, told)
        counts[table.path], heads[table.path] = done.rows, done.head
    return counts, short, heads


@dataclass(frozen=True)
class Copied:
    """How many rows a table has, and the first `KEPT` of them at least, as CSV."""

    rows: int
    head: bytes


def copy_table(archive: Archive, table: tables.Table, values: dict, told: Callable[[int], None]) -> Copied:
    """One table from PostgreSQL into the archive. Cells that a spreadsheet would run are made harmless on the way."""
    if kept := archive.kept.get(table.path):
        return Copied(kept.rows, _beginning(archive, table, kept.head))
    names = ", ".join(f'"{name}"' for name in table.columns)
    cells = ", ".join(HARMLESS.format(f'"{name}"') for name in table.columns)
    with archive.member(table.path) as member, connection.cursor() as cursor:
        member.write(",".join(table.columns).encode() + b"\r\n")
        query = cursor.mogrify(table.query, values).decode()
        lines = CsvLines(member, told, KEPT)
        cursor.copy_expert(f"COPY (SELECT {cells} FROM ({query}) AS found ({names})) TO STDOUT WITH (FORMAT csv)", lines)
        lines.flush()
        member.rows, member.head = lines.rows, len(lines.head)
    return Copied(lines.rows, lines.head)


def _beginning(archive: Archive, table: tables.Table, length: int) -> bytes:
    """So many bytes of the rows of a table that is in the archive already."""
    header = len(",".join(table.columns).encode() + b"\r\n")
    found = bytearray()
    for block in archive.read(table.path):
        found += block
        if len(found) >= header + length:
            break
    return bytes(found[header : header + length])


def write_rows(archive: Archive, path: str, columns: tuple[str, ...], rows: Iterable[Iterable[str]]) -> int:
    """A short table whose rows are made here."""
    text = io.StringIO(newline="")
    writer = csv.writer(text, lineterminator="\r\n")
    writer.writerow(columns)
    safe = [[csvsafe.cell(cell) for cell in row] for row in rows]
    writer.writerows(safe)
    archive.add(path, text.getvalue().encode())
    return len(safe)


def _campaigns(scope: scopes.Scope) -> Iterator[list[str]]:
    """Each campaign as the product shows it, with the end that is under the checkpoint."""
    found = scopes.campaign_rows(scope)
    ends = Entry.objects.signed().in_bulk([one.end.uid for one in scope.campaigns if one.end], field_name="uid")
    totals = _outcomes(scope)
    launches = Entry.objects.signed().filter(pk__in=[one.entry_id for one in scope.campaigns])
    launchers = dict(launches.values_list("pk", "signed_as"))
    for one in scope.campaigns:
        campaign = found[one.pk]
        closed = bool(one.end) and one.end.kind == "campaign:closed"
        entry = next((end for uid, end in ends.items() if one.end and str(uid) == one.end.uid), None)
        yield [
            str(campaign.pk), campaign.name, str(campaign.definition_id), " ".join(campaign.terms["controls"]),
            one.end.kind.partition(":")[2] if one.end else "open", launchers[one.entry_id], rfc3339(campaign.opened_at),
            one.data["due_at"], rfc3339(campaign.closed_at if closed else entry.at if entry else None),
            entry.signed_as if entry else "", entry.payload_json["data"]["reason"] if entry and not closed else "",
            str(campaign.item_count), str(campaign.excluded_count), *totals.get(one.pk, ("", "", "", "")),
            campaign.population_root, campaign.exclusion_root, campaign.outcome_root if closed else "", one.uid,
            one.end.uid if one.end else "", json.dumps(one.data["terms"], sort_keys=True, ensure_ascii=False),
        ]  # fmt: skip


def _outcomes(scope: scopes.Scope) -> dict[int, tuple[str, ...]]:
    """Closed campaign → how many items were approved, revoked, reduced, not reviewed."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT campaign_id, count(*) FILTER (WHERE outcome = 'approved')::text,"
            " count(*) FILTER (WHERE outcome = 'revoked')::text, count(*) FILTER (WHERE outcome = 'reduced')::text,"
            " count(*) FILTER (WHERE outcome = 'not_reviewed')::text"
            " FROM campaigns_reviewitem WHERE campaign_id = ANY(%(closed)s) GROUP BY campaign_id",
            scope.values,
        )
        return {campaign: tuple(counts) for campaign, *counts in cursor.fetchall()}


def _calendar(scope: scopes.Scope) -> Iterator[list[str]]:
    """What was expected in the period against what was performed."""
    closed = {
        str(one.pk): rfc3339(one.end.at) if one.end and one.end.kind == "campaign:closed" else "" for one in scope.campaigns
    }
    return runs.rows(scope.expected, closed, scope.checkpoint.size)


def _left_out(scope: scopes.Scope) -> Iterator[list[str]]:
    for one in scope.left_out:
        why = f"serves no control of {scope.period.framework}"
        yield [one.data["campaign"], one.data["name"], " ".join(one.data["controls"]), one.data["opened_at"], why, one.uid]


def _mapping(scope: scopes.Scope) -> Iterator[list[str]]:
    """Every control of the catalogue with the campaigns that serve it, none included, and controls beyond the catalogue."""
    framework = scope.period.framework
    catalogue = frameworks.under(framework, scope.checkpoint.size)
    texts = {catalogue.reference(one.id): one.text for one in catalogue.controls.values()}
    served = {control for one in scope.campaigns for control in one.data["controls"] if control.startswith(f"{framework}:")}
    for control in [*texts, *sorted(served - set(texts))]:
        campaigns = [one for one in scope.campaigns if control in one.data["controls"]]
        for one in campaigns:
            yield [control, texts.get(control, ""), str(one.pk), one.data["name"]]
        if not campaigns:
            yield [control, texts.get(control, ""), "", ""]


def _write_ledger(archive: Archive, scope: scopes.Scope, progress: Progress) -> tuple[int, set[str]]:
    """Entries in scope as the bytes that were hashed, every leaf of the range, checkpoints and proofs. Returns how many entries there
    are, and the commitments in them.
    """
    older = _older(scope)
    if kept := archive.kept.get(ENTRIES_PATH):
        count, named = kept.rows, _named_in_archive(archive)
    else:
        count, named = _write_entries(archive, scope, older, progress)
    if "ledger/leaves.bin" not in archive.kept:
        _write_leaves(archive, scope, progress)
    _write_guards(archive, scope)
    archive.add("ledger/keys.json", canonical.dumps(keychain.listed()) + b"\n")
    archive.add("ledger/proofs.json", canonical.dumps(_proofs(scope, older)) + b"\n")
    return count, named


def _named_in_archive(archive: Archive) -> set[str]:
    """The commitments in the entries that are in the archive already."""
    named, rest = set(), b""
    for block in archive.read(ENTRIES_PATH):
        *lines, rest = (rest + block).split(b"\n")
        for line in lines:
            named.update(people.named_in(line.decode()))
    return named


def _write_entries(archive: Archive, scope: scopes.Scope, older: list[Entry], progress: Progress) -> tuple[int, set[str]]:
    named = set()
    with archive.member(ENTRIES_PATH) as member:
        count = len(older)
        for entry in older:
            member.write(entry.payload.encode() + b"\n")
            named.update(people.named_in(entry.payload))
        for start in range(scope.first, scope.checkpoint.size, ENTRIES):
            progress(_between(scope, start, ENTRIES_AT, LEAVES_AT), f"Writing ledger/entries.jsonl: {count:,} entries")
            for payloads in _entries(scope, start):
                count += len(payloads)
                member.write("".join(f"{payload}\n" for payload in payloads).encode())
                for payload in payloads:
                    named.update(people.named_in(payload))
        member.rows = count
    return count, named


def _write_leaves(archive: Archive, scope: scopes.Scope, progress: Progress) -> None:
    with archive.member("ledger/leaves.bin") as member:
        for start in range(scope.first, scope.checkpoint.size, LEAVES):
            progress(_between(scope, start, LEAVES_AT, PEOPLE_AT), "Writing ledger/leaves.bin")
            member.write(b"".join(queries.leaf_hashes(start, min(start + LEAVES, scope.checkpoint.size))))


def _write_guards(archive: Archive, scope: scopes.Scope) -> None:
    """The checkpoints with what witnesses signed under them, and what came back for those that were left outside."""
    lines: dict[int, str] = {}
    for one in scope.cosignatures:
        lines[one.checkpoint.size] = lines.get(one.checkpoint.size, "") + one.line
    notes = [checkpoint.note + lines.get(checkpoint.size, "") for checkpoint in scope.notes]
    archive.add("ledger/checkpoints.txt", "\n".join(notes).encode())
    told = []
    for receipt, one in _receipts(scope):
        if receipt:
            archive.add(receipt, bytes(one.receipt))
        told.append({
            "size": str(one.checkpoint.size), "channel": one.channel, "target": one.target, "detail": one.detail,
            "at": rfc3339(one.at), "entry": str(one.entry_uid), "receipt": receipt,
        })  # fmt: skip
    archive.add("ledger/anchors/anchors.json", canonical.dumps(told) + b"\n")


def _receipts(scope: scopes.Scope) -> Iterator[tuple[str, Anchor]]:
    """What was left outside, each with the member that holds what came back; "" where nothing did."""
    for number, one in enumerate(scope.anchors, 1):
        name = f"{number:04d}-{one.channel}-{one.checkpoint.size}{'.tsr' if one.channel == 'timestamp' else ''}"
        yield f"ledger/anchors/{name}" if one.receipt else "", one


def _between(scope: scopes.Scope, start: int, low: int, high: int) -> int:
    return low + (high - low) * (start - scope.first) // max(1, scope.checkpoint.size - scope.first)


def _older(scope: scopes.Scope) -> list[Entry]:
    return list(Entry.objects.filter(pk__in=scope.outside).select_related("leaf").order_by("leaf__index"))


def _entries(scope: scopes.Scope, start: int) -> Iterator[list[str]]:
    """The entries of the pack among so many of the log, a few at a time."""
    with connection.connection.cursor(name="entries_of_pack") as cursor:
        cursor.execute(
            "SELECT entry.payload FROM ledger_leaf AS leaf JOIN ledger_entry AS entry ON entry.id = leaf.entry_id"
            f" WHERE {scopes.IN_RANGE} AND leaf.index >= %(start)s AND leaf.index < %(stop)s ORDER BY leaf.index",
            {**scope.values, "start": start, "stop": start + ENTRIES},
        )
        while found := cursor.fetchmany(HELD):
            yield [payload for (payload,) in found]


def _proofs(scope: scopes.Scope, older: list[Entry]) -> dict:
    """What leads from the earlier leaves, the earlier checkpoints and the older entries to the sealed root."""
    size = scope.checkpoint.size
    return {
        "first_leaf": scope.first,
        "earlier": [queries.subtree(*part).hex() for part in merkle.complete_subtrees(scope.first)],
        "consistency": [
            {"size": note.size, "path": [node.hex() for node in queries.consistency_proof(note.size, size)]}
            for note in scope.notes[:-1]
        ],
        "inclusion": [
            {
                "leaf": bytes(entry.leaf_hash).hex(),
                "index": entry.leaf.index,
                "path": [node.hex() for node in queries.inclusion_proof(entry.leaf.index, size)],
            }
            for entry in older
        ],
    }


def _write_for_people(archive: Archive, scope: scopes.Scope, reader: Reader, progress: Progress) -> None:
    """The workbook, the report and OSCAL: what the tables say, for reading and for other tools."""
    period, key, framework = (
        scope.period,
        keychain.signing_key(),
        frameworks.under(scope.period.framework, scope.checkpoint.size),
    )
    if BOOK not in archive.kept:
        progress(PEOPLE_AT, f"Writing {BOOK}")
        with tempfile.TemporaryDirectory() as folder:
            book = Path(folder) / BOOK
            workbook.write(reader, f"{period.name}: {framework.name}", scope.checkpoint.at, book)
            with archive.member(BOOK) as member, book.open("rb") as stream:
                shutil.copyfileobj(stream, member)
    about = {
        "title": period.name,
        "framework": framework.name,
        "from": period.from_on.isoformat(),
        "to": period.to_on.isoformat(),
        "origin": key.origin,
        "key": key.verifier,
        "size": scope.checkpoint.size,
        "root": bytes(scope.checkpoint.root).hex(),
    }
    if REPORT not in archive.kept:
        progress(PEOPLE_AT, f"Writing {REPORT}")
        sections = assured.in_pack(reader, period, framework, scope.checkpoint.at)
        archive.add(REPORT, report.write(reader, about, sections, scope.checkpoint.at))
    archive.add(oscal.PATH, oscal.write(reader, about, archive.files, scope.checkpoint.at))


def _losses() -> str:
    """What the README says where a key of the log was lost."""
    told = [
        f"* The key of `{said.old}` was lost, after it had signed {said.size:,} entries. From entry {said.entry:,} on the log goes"
        f" under `{said.new}`. The reason given: {' '.join(said.why.split())}\n"
        for said in succession.Chain(keychain.terms()).begun_anew()
    ]
    warning = "No key that you may have from before vouches for what came after."
    return f"\n## This log began anew\n\n{warning}\n\n{''.join(told)}" if told else ""


def add_page(archive: Archive) -> None:
    """`verify.html`: verify.py for a browser."""
    archive.add(PAGE, webpage.page())


def _write_manifest(archive: Archive, scope: scopes.Scope, counts: dict[str, int]) -> None:
    period, key = scope.period, keychain.signing_key()
    manifest = {
        "format": FORMAT,
        "period": {
            "name": period.name,
            "framework": period.framework,
            "framework_name": frameworks.under(period.framework, scope.checkpoint.size).name,
            "from": period.from_on.isoformat(),
            "to": period.to_on.isoformat(),
        },
        "log": {"origin": key.origin, "key": key.verifier},
        "checkpoint": {"size": scope.checkpoint.size, "root": bytes(scope.checkpoint.root).hex()},
        "campaigns": [str(one.pk) for one in scope.campaigns],
        "rows": counts,
        "files": {name: said for name, said in archive.files.items() if name not in (MANIFEST, SIGNATURE)},
    }
    add_manifest(archive, manifest, key)


def _sha256(path: Path) -> str:
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()
