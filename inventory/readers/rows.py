"""Typed rows of one CSV file: mapped, trimmed, checked, ready for COPY."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from django.conf import settings
from django.contrib.humanize.templatetags.humanize import intcomma
from django.utils.translation import gettext as _

from certify.lib.errors import InvalidInput
from certify.lib.language import within
from inventory.readers import csvfile
from inventory.readers.fields import FIELDS, CellError, Field, guess
from inventory.states import FileKind

#: A gzip file may unpack to this many times the upload limit.
UNPACKED_FACTOR = 8


@dataclass(frozen=True)
class FileToRead:
    """A file with the name its user knows, what it holds, and how its columns map to ours (None: as guessed)."""

    kind: str
    path: Path
    name: str
    mapping: dict[str, str] | None = None


@dataclass(frozen=True)
class Row:
    """A row that can be loaded: its cells in the order of `FIELDS[kind]` as PostgreSQL text, NULL as `\\N`."""

    line: int
    cells: list[str]


@dataclass(frozen=True)
class Refused:
    """A row that cannot: where, which field, why, and its text."""

    line: int
    field: str
    reason: str
    raw: str


def header(path: Path) -> list[str]:
    """The column names of a file. Refuses an empty file and names that stand twice."""
    with csvfile.open_text(path, limit=unpacked_limit()) as text:
        columns = [name.strip() for name in next(csvfile.records(text)).fields]
    if twice := sorted({name for name in columns if columns.count(name) > 1}):
        raise InvalidInput(_("The header names a column twice: {twice}. Rename one of them.").format(twice=", ".join(twice)))
    return columns


def check_mapping(kind: str, columns: list[str], mapping: dict[str, str]) -> dict[str, str]:
    """The mapping, when every required field has a column, every column exists and none is used twice."""
    label = within(FileKind(kind).label)
    known = {field.name for field in FIELDS[kind]}
    used = [column for column in mapping.values() if column]
    for name, column in mapping.items():
        if name not in known:
            raise InvalidInput(_("The {label} file has no field “{name}”.").format(label=label, name=name), field=name)
        if column and column not in columns:
            raise InvalidInput(
                _("The {label} file has no column “{column}”. It has: {columns}.").format(
                    label=label, column=column, columns=", ".join(columns)
                ),
                field=name,
            )
        if column and used.count(column) > 1:
            raise InvalidInput(_("The column “{column}” is used for more than one field.").format(column=column), field=name)
    for field in FIELDS[kind]:
        if field.required and not mapping.get(field.name):
            raise InvalidInput(
                _("The {label} file needs a column for {field_name}. It has: {columns}.").format(
                    label=label, field_name=field.name, columns=", ".join(columns)
                ),
                field=field.name,
            )
    return {name: column for name, column in mapping.items() if column}


def read(file: FileToRead, *, source_key: str) -> Iterator[Row | Refused]:
    """Every row of the file once, in order. Raises `InvalidInput` for what makes the whole file unreadable."""
    columns = header(file.path)
    mapping = check_mapping(file.kind, columns, guess(file.kind, columns) if file.mapping is None else file.mapping)
    plan = [(field, columns.index(mapping[field.name]) if field.name in mapping else None) for field in FIELDS[file.kind]]
    width, limit = len(columns), settings.CERTIFY_ROW_LIMIT
    caches: list[dict[str, str]] = [{} for _ in plan]
    with csvfile.open_text(file.path, limit=unpacked_limit()) as text:
        records = csvfile.records(text)
        next(records)
        for count, record in enumerate(records, start=1):
            if count > limit:
                raise InvalidInput(
                    _("{file_name} has more than {limit} rows, the limit set for a file.").format(
                        file_name=file.name, limit=intcomma(limit)
                    )
                )
            if len(record.fields) != width:
                reason = f"has {len(record.fields)} columns, the header has {width}"
                yield Refused(record.line, "", reason, record.raw)
            else:
                yield _row(record, plan, caches, source_key)


def unpacked_limit() -> int:
    """Most bytes that a file may have once unpacked."""
    return settings.CERTIFY_UPLOAD_LIMIT_MB * 2**20 * UNPACKED_FACTOR


def _row(record: csvfile.Record, plan: list[tuple[Field, int | None]], caches: list[dict], source_key: str) -> Row | Refused:
    cells = []
    for (field, position), cache in zip(plan, caches, strict=True):
        cell = record.fields[position].strip() if position is not None else ""
        if (known := cache.get(cell)) is None:
            try:
                known = _cell(field, cell, source_key)
            except CellError as error:
                return Refused(record.line, field.name, str(error), record.raw)
            if field.convert or not cell:
                if len(cache) > 100_000:
                    cache.clear()
                cache[cell] = known
        cells.append(known)
    return Row(record.line, cells)


def _cell(field: Field, cell: str, source_key: str) -> str:
    if not cell:
        if field.required:
            raise CellError("is empty, but every row needs it")
        return field.empty
    if "\x00" in cell:
        raise CellError("contains a NUL character")
    if len(cell) > field.limit:
        raise CellError(f"is longer than {field.limit:,} characters")
    if field.name == "source" and cell != source_key:
        raise CellError(f"says “{cell}”, but this load is for the source “{source_key}”")
    return field.convert(cell) if field.convert else cell
