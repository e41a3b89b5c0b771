"""The row of an uploaded file that an item comes from, read again from the file as it was kept."""

import hashlib
from dataclasses import dataclass, field

from campaigns.models import CampaignSource, ReviewItem
from certify.lib.errors import InvalidInput
from certify.lib.files import located
from inventory.models import LoadFile, Snapshot, SnapshotFile
from inventory.readers import rows
from inventory.readers.fields import FIELDS
from inventory.states import FileKind
from people import deletions

#: Larger files are not read for a page: their SHA-256 says which file it was.
LIMIT = 32 * 2**20


@dataclass(frozen=True)
class SourceRow:
    """Where an item comes from: the reading, its file of grants, and the row; `why` says why there is none to show, and
    `deleted` by which rule the file went."""

    snapshot: Snapshot
    file: SnapshotFile | None
    line: int | None = None
    cells: list[tuple[str, str]] = field(default_factory=list)
    why: str = ""
    deleted: str = ""

    @property
    def limit_mib(self) -> int:
        """Up to how large a file is read."""
        return LIMIT // 2**20


def of(item: ReviewItem) -> SourceRow:
    """The row of the reading that the review froze; of an older reading where that one was not complete and did not repeat it."""
    frozen = CampaignSource.objects.select_related("snapshot__source").get(campaign=item.campaign_id, source=item.source_id)
    found = _in(frozen.snapshot, item)
    if found.why != "absent":
        return found
    opened = Snapshot.objects.select_related("source").get(pk=item.grant.opened_in_id)
    return found if opened == frozen.snapshot else _in(opened, item)


def _in(snapshot: Snapshot, item: ReviewItem) -> SourceRow:
    file = snapshot.files.filter(kind=FileKind.GRANTS).first()
    if file is None:
        return SourceRow(snapshot, None, why="absent")
    kept = LoadFile.objects.filter(job__snapshot=snapshot, kind=FileKind.GRANTS).first()
    if kept and (said := deletions.note(kept.stored_as)):
        return SourceRow(snapshot, file, why="deleted", deleted=said)
    if kept is None or not located(kept.stored_as).exists():
        return SourceRow(snapshot, file, why="not_kept")
    if kept.size > LIMIT:
        return SourceRow(snapshot, file, why="too_large")
    with located(kept.stored_as).open("rb") as stream:
        if hashlib.file_digest(stream, "sha256").hexdigest() != file.sha256:
            return SourceRow(snapshot, file, why="changed")
    return _search(snapshot, file, kept, item)


def _search(snapshot: Snapshot, file: SnapshotFile, kept: LoadFile, item: ReviewItem) -> SourceRow:
    names = [one.name for one in FIELDS[FileKind.GRANTS]]
    places = [names.index(name) for name in ("account_id", "entitlement_id", "path")]
    wanted = [item.account_key, item.entitlement_key, item.path]
    reading = rows.FileToRead(FileKind.GRANTS, located(kept.stored_as), kept.file_name, kept.mapping)
    found = SourceRow(snapshot, file, why="absent")
    try:
        # To its end, so that the file is closed in order.
        for row in rows.read(reading, source_key=snapshot.source.key):
            if found.why and isinstance(row, rows.Row) and [row.cells[place] for place in places] == wanted:
                cells = [(name, cell) for name, cell in zip(names, row.cells, strict=True) if cell not in ("", "\\N")]
                found = SourceRow(snapshot, file, row.line, cells)
    except InvalidInput:
        return SourceRow(snapshot, file, why="changed")
    return found
