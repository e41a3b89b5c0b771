"""Loading: files become a snapshot, all or nothing."""

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path

from django.db import connection, transaction
from django.utils.translation import gettext as _

from certify.lib import clock
from certify.lib.errors import DomainError, InvalidInput, NotAllowed
from certify.lib.times import rfc3339
from inventory import permissions
from inventory.models import Snapshot, SnapshotFile, Source
from inventory.readers import csvfile, rows
from inventory.staging import merge, tables
from inventory.states import Completeness, FileKind
from ledger.actions import entries
from ledger.actors import SYSTEM

#: A FULL load that ends more than this share of a source's open grants must be confirmed.
LARGE_DROP = 0.5
FIRST_REFUSED = 100


class LargeDrop(DomainError):
    """The load would end most of what the source had: probably a cut-off file."""

    def __init__(self, ending: int, open_before: int):
        super().__init__(
            "large_drop",
            f"This load would end {ending:,} of {open_before:,} open grants. Is the file complete? "
            "Accept the drop to load it all the same.",
        )


@dataclass(frozen=True)
class Origin:
    """Where the files come from. `note` says how they were extracted; the auditor reads it."""

    note: str
    completeness: str
    extracted_at: datetime | None = None


@dataclass
class Report:
    """What a load did, or would do: per file and for the grants."""

    files: list[dict] = field(default_factory=list)
    refused: list[dict] = field(default_factory=list)
    grants: dict[str, int] = field(default_factory=dict)
    open_before: int = 0
    unknown_entitlements: int = 0
    orphan_accounts: int = 0


@dataclass
class _Staged:
    """One file in its temporary table. `unread` rows were refused for what they say, not for standing there twice."""

    file: rows.FileToRead
    read: int
    refused: tables.RefusedRows
    unread: int = 0


@transaction.atomic
def load(
    *,
    source_id: int,
    files: Sequence[rows.FileToRead],
    origin: Origin,
    by,
    accept_large_drop: bool = False,
    progress: Callable[[int], None] = lambda rows_read: None,
) -> Snapshot:
    """Read the files into one new snapshot of the source. Loads of one source wait for each other.

    Refuses strangers, a missing note, files that cannot be read, and a FULL load that would end most open grants unless
    `accept_large_drop`. On any refusal nothing has changed.
    """
    _check(files, origin, by)
    source = Source.objects.select_for_update(of=("self",), no_key=True).get(pk=source_id)
    staged, report = _stage(source, files, progress)
    is_full = origin.completeness == Completeness.FULL
    snapshot = _snapshot(source, staged, origin, by)
    _merge(source, snapshot.pk, staged, report, is_full=is_full)
    _check_drop(report, is_full and not accept_large_drop)
    snapshot.grants_open = merge.open_count(source.pk)
    snapshot.grants_started, snapshot.grants_changed = report.grants["started"], report.grants["changed"]
    snapshot.grants_ended = report.grants["ended"]
    _record(source, snapshot, staged, origin, by)
    return snapshot


@transaction.atomic
def check(
    *,
    source_id: int,
    files: Sequence[rows.FileToRead],
    origin: Origin,
    by,
    progress: Callable[[int], None] = lambda rows_read: None,
) -> Report:
    """Do everything a load does, report it, and undo it."""
    _check(files, origin, by)
    source = Source.objects.get(pk=source_id)
    is_full = origin.completeness == Completeness.FULL
    with transaction.atomic():
        staged, report = _stage(source, files, progress)
        _merge(source, merge.reserve_snapshot_id(), staged, report, is_full=is_full)
        report.refused = [row for one in staged for row in _first_refused(one)]
        transaction.set_rollback(True)
    return report


def _check(files: Sequence[rows.FileToRead], origin: Origin, by) -> None:
    if by is not SYSTEM and not permissions.can_load(by):
        raise NotAllowed(_("Only an administrator or a control owner may load data."))
    if not files:
        raise InvalidInput(_("Choose at least one file."))
    if len({file.kind for file in files}) != len(files):
        raise InvalidInput(_("A load has at most one file of each kind."))
    if origin.completeness not in Completeness.values:
        raise InvalidInput(
            _("Completeness is full, partial or unknown, not “{completeness}”.").format(completeness=origin.completeness),
            field="completeness",
        )
    if len(origin.note.strip()) < 10:
        raise InvalidInput(_("Say in at least 10 characters how the files were extracted."), field="extraction_note")


def _stage(source: Source, files: Sequence[rows.FileToRead], progress) -> tuple[list[_Staged], Report]:
    """Read every file into its temporary table and take out what contradicts itself."""
    staged, done = [], 0
    for kind in FileKind.values:
        for file in files:
            if file.kind == kind:
                read, refused = tables.fill(file, source_key=source.key, progress=lambda n, done=done: progress(done + n))
                staged.append(_Staged(file, read, refused, unread=refused.count))
                _take_out(staged[-1])
                done += read
    return staged, Report(open_before=merge.open_count(source.pk))


def _take_out(one: _Staged) -> None:
    reasons = dict(merge.remove_duplicates(one.file.kind))
    if one.file.kind == FileKind.GRANTS:
        torn = dict(merge.remove_contradictions())
        one.unread += len(torn)
        reasons |= torn
    if not reasons:
        return
    # The file is read once more for the text of these rows; keeping every row's text in case would cost far more.
    with csvfile.open_text(one.file.path, limit=rows.unpacked_limit()) as text:
        for record in csvfile.records(text):
            if record.line in reasons:
                one.refused.add(rows.Refused(record.line, "", reasons[record.line], record.raw))


def _merge(source: Source, snapshot_id: int, staged: list[_Staged], report: Report, *, is_full: bool) -> None:
    """Merge file by file. A row that could not be read may be the one that is missed, so its file ends nothing."""
    whole = {one.file.kind: is_full and not one.unread for one in staged}
    report.grants = {"started": 0, "changed": 0, "missing": 0, "ended": 0}
    if FileKind.IDENTITIES in whole:
        merge.identities(source.pk, snapshot_id, is_full=whole[FileKind.IDENTITIES])
        merge.link_users(snapshot_id)
        merge.resolve_entitlement_owners()
    if FileKind.ENTITLEMENTS in whole:
        merge.entitlements(source.pk, snapshot_id, is_full=whole[FileKind.ENTITLEMENTS])
    if FileKind.GRANTS in whole:
        report.unknown_entitlements = merge.unknown_entitlements(source.pk, snapshot_id)
        merge.accounts(source.pk, snapshot_id)
        report.grants |= merge.difference(source.pk)
        merge.grants(source.pk, snapshot_id, is_full=whole[FileKind.GRANTS])
        report.grants["ended"] = report.grants["missing"] if whole[FileKind.GRANTS] else 0
        report.orphan_accounts = source.accounts.filter(identity=None).count()
    report.files = [_counts(one) for one in staged]


def _counts(one: _Staged) -> dict:
    return {
        "kind": one.file.kind,
        "name": one.file.name,
        "rows_read": one.read,
        "rows_loaded": one.read - one.refused.count,
        "rows_rejected": one.refused.count,
        "rows_unread": one.unread,
    }


def _check_drop(report: Report, applies: bool) -> None:
    if applies and report.open_before and report.grants["ended"] > LARGE_DROP * report.open_before:
        raise LargeDrop(report.grants["ended"], report.open_before)


def _first_refused(one: _Staged) -> list[dict]:
    return [
        {"kind": one.file.kind, "line": row.line, "field": row.field, "reason": row.reason, "raw": row.raw[:500]}
        for row in one.refused.first(FIRST_REFUSED)
    ]


def _snapshot(source: Source, staged: list[_Staged], origin: Origin, by) -> Snapshot:
    read, rejected = sum(one.read for one in staged), sum(one.refused.count for one in staged)
    last = source.snapshots.order_by("-number").first()
    return Snapshot(
        pk=merge.reserve_snapshot_id(),
        source=source,
        number=last.number + 1 if last else 1,
        completeness=origin.completeness,
        extraction_note=origin.note.strip(),
        extracted_at=origin.extracted_at,
        loaded_at=clock.now(),
        loaded_by=None if by is SYSTEM else by,
        loaded_by_name=by.signed_as,
        rows_read=read,
        rows_loaded=read - rejected,
        rows_rejected=rejected,
    )


def _record(source: Source, snapshot: Snapshot, staged: list[_Staged], origin: Origin, by) -> None:
    """Write the snapshot, its files, the refused rows and the ledger entry."""
    files = [SnapshotFile(snapshot=snapshot, sha256=_sha256(one.file.path), size=one.file.path.stat().st_size,
                          file_name=counts.pop("name"), **counts) for one in staged for counts in (_counts(one),)]  # fmt: skip
    entry = entries.record(
        kind="snapshot:loaded",
        subject=f"inventory.source:{source.pk}",
        by=by,
        at=snapshot.loaded_at,
        data={
            "source": source.key,
            "snapshot": str(snapshot.number),
            "completeness": snapshot.completeness,
            "extraction_note": snapshot.extraction_note,
            "extracted_at": rfc3339(snapshot.extracted_at),
            "files": [
                {
                    "kind": file.kind,
                    "name": file.file_name,
                    "sha256": file.sha256,
                    "size": file.size,
                    "rows_read": file.rows_read,
                    "rows_loaded": file.rows_loaded,
                    "rows_rejected": file.rows_rejected,
                }
                for file in files
            ],
            "grants_open": snapshot.grants_open,
            "started": snapshot.grants_started,
            "changed": snapshot.grants_changed,
            "ended": snapshot.grants_ended,
        },
    )
    snapshot.entry_uid = entry.uid
    snapshot.save(force_insert=True)
    for file, one in zip(files, staged, strict=True):
        file.save(force_insert=True)
        if one.refused.count:
            _write_refused(file, one.refused)


def _write_refused(file: SnapshotFile, refused: tables.RefusedRows) -> None:
    with connection.cursor() as cursor:
        cursor.execute(
            "CREATE TEMP TABLE IF NOT EXISTS stage_refused (line bigint, field text, reason text, raw text) ON COMMIT DROP"
        )
        cursor.execute("TRUNCATE stage_refused")
        refused.copy_to("stage_refused", "line, field, reason, raw")
        cursor.execute(
            "INSERT INTO inventory_rejectedrow (file_id, line, field, reason, raw)"
            " SELECT %s, line, field, reason, raw FROM stage_refused ORDER BY line",
            [file.pk],
        )


def _sha256(path: Path) -> str:
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()
