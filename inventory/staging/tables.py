"""Temporary tables, one a kind of file, filled by COPY while the file is read; and the refused rows, spooled to disk."""

import io
import re
import tempfile
from collections.abc import Callable, Iterator
from itertools import islice

from django.db import connection

from inventory.readers import rows
from inventory.readers.fields import FIELDS, NULL
from inventory.states import FileKind

COLUMN_TYPES = {
    "start_date": "date",
    "end_date": "date",
    "granted_at": "timestamptz",
    "last_used_at": "timestamptz",
    "expires_at": "timestamptz",
    "credential_created_at": "timestamptz",
    "credential_rotated_at": "timestamptz",
    "tags": "text[]",
}
#: Rows between two reports of progress.
REPORT_EVERY = 20_000

Progress = Callable[[int], None]


def table(kind: str) -> str:
    """The name of a kind's temporary table."""
    return f"stage_{FileKind(kind).value}"


class RefusedRows:
    """Refused rows on disk until the snapshot they belong to exists: there may be as many as the file has rows."""

    def __init__(self):
        self.spool = tempfile.TemporaryFile("w+", encoding="utf-8")  # noqa: SIM115 - lives as long as this object
        self.count = 0

    def add(self, row: rows.Refused) -> None:
        """Keep one."""
        fields = (str(row.line), row.field, row.reason, row.raw)
        self.spool.write("\t".join(map(copy_text, fields)) + "\n")
        self.count += 1

    def first(self, limit: int) -> list[rows.Refused]:
        """The first of them, in the order they were found."""
        self.spool.seek(0)
        found = [line.rstrip("\n").split("\t") for line in islice(self.spool, limit)]
        return [rows.Refused(int(line), *map(_plain_text, rest)) for line, *rest in found]

    def copy_to(self, table_name: str, columns: str) -> None:
        """COPY them all into a table."""
        self.spool.seek(0)
        with connection.cursor() as cursor:
            cursor.copy_expert(f"COPY {table_name} ({columns}) FROM STDIN", self.spool)


def copy_text(value: str) -> str:
    """PostgreSQL's text format of COPY: backslash, tab and line ends are escaped."""
    return value.replace("\\", "\\\\").replace("\t", "\\t").replace("\n", "\\n").replace("\r", "\\r")


def _plain_text(text: str) -> str:
    return re.sub(r"\\(.)", lambda found: {"t": "\t", "n": "\n", "r": "\r"}.get(found[1], found[1]), text)


class _RowStream(io.RawIOBase):
    """What COPY reads: typed rows as text, made while it reads. Refused rows go aside."""

    def __init__(self, found: Iterator[rows.Row | rows.Refused], refused: RefusedRows, progress: Progress):
        self.found, self.refused, self.progress = found, refused, progress
        self.read_count = 0
        self.rest = b""

    def readable(self) -> bool:
        return True

    def read(self, size: int = -1) -> bytes:
        while len(self.rest) < size:
            block = self._block()
            if not block:
                break
            self.rest += block
        data, self.rest = self.rest[:size], self.rest[size:]
        return data

    def _block(self) -> bytes:
        lines: list[str] = []
        for row in self.found:
            self.read_count += 1
            if isinstance(row, rows.Refused):
                self.refused.add(row)
            else:
                text = "\t".join(row.cells)
                if _is_plain(text, len(row.cells)):
                    lines.append(f"{row.line}\t{text}\n")
                else:
                    cells = (cell if cell == NULL else copy_text(cell) for cell in row.cells)
                    lines.append(f"{row.line}\t" + "\t".join(cells) + "\n")
            if self.read_count % REPORT_EVERY == 0:
                self.progress(self.read_count)
            if len(lines) >= 1_000:
                break
        return "".join(lines).encode()


def _is_plain(text: str, width: int) -> bool:
    return text.count("\\") == text.count(NULL) and text.count("\t") == width - 1 and "\n" not in text and "\r" not in text


def fill(file: rows.FileToRead, *, source_key: str, progress: Progress) -> tuple[int, RefusedRows]:
    """Read the file into its temporary table; returns the rows read and those refused so far."""
    fields = [field.name for field in FIELDS[file.kind] if field.name != "source"]
    keep_source = len(fields) != len(FIELDS[file.kind])
    columns = ["line", *(["source"] if keep_source else []), *fields]
    definitions = ", ".join(f"{name} {COLUMN_TYPES.get(name, 'text')}" for name in columns[1:])
    refused = RefusedRows()
    stream = _RowStream(rows.read(file, source_key=source_key), refused, progress)
    with connection.cursor() as cursor:
        cursor.execute(f"DROP TABLE IF EXISTS {table(file.kind)}")
        cursor.execute(f"CREATE TEMP TABLE {table(file.kind)} (line bigint, {definitions}) ON COMMIT DROP")
        cursor.copy_expert(f"COPY {table(file.kind)} ({', '.join(columns)}) FROM STDIN", stream, size=1 << 16)
        cursor.execute(f"ANALYZE {table(file.kind)}")
    return stream.read_count, refused
