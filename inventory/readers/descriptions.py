"""A CSV file of descriptions: what its rows say, and everything that is wrong with them."""

import tempfile
from dataclasses import dataclass
from pathlib import Path

from django.contrib.humanize.templatetags.humanize import intcomma
from django.utils.translation import gettext as _

from certify.lib import csvsafe
from certify.lib.errors import InvalidInput
from inventory.readers import csvfile

#: Bytes and rows that a file of descriptions may have.
MAX_BYTES = 10 * 2**20
MAX_ROWS = 20_000
COLUMNS = ("source", "entitlement_id", "description")
#: Columns of the file that can be downloaded which say nothing to the import.
CONTEXT = ("name", "held_by", "file_says")


@dataclass(frozen=True)
class Row:
    """One row: the line it begins on, its system and right, and the description; empty where nobody filled it in."""

    line: int
    source: str
    right: str
    text: str


@dataclass(frozen=True)
class Refused:
    """A row that cannot be taken: where, which right, and why."""

    line: int
    right: str
    reason: str


def read(data: bytes) -> tuple[list[Row], list[Refused]]:
    """The rows of a file and those that are no rows of it. Raises `InvalidInput` for what is no such file at all."""
    if len(data) > MAX_BYTES:
        raise InvalidInput(_("The file is larger than {limit} MiB.").format(limit=MAX_BYTES // 2**20), field="file")
    rows: list[Row] = []
    refused: list[Refused] = []
    first: dict[tuple[str, str], int] = {}
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "descriptions.csv"
        path.write_bytes(data)
        with csvfile.open_text(path, limit=MAX_BYTES) as text:
            records = csvfile.records(text)
            header = [name.strip().lower() for name in next(records).fields]
            _check_header(header)
            places = [header.index(name) for name in COLUMNS]
            for record in records:
                if len(rows) + len(refused) == MAX_ROWS:
                    raise InvalidInput(_("The file has more than {limit} rows.").format(limit=intcomma(MAX_ROWS)), field="file")
                if len(record.fields) != len(header):
                    reason = _("has {found} columns, the header has {wanted}")
                    reason = reason.format(found=len(record.fields), wanted=len(header))
                    refused.append(Refused(record.line, "", reason))
                else:
                    row = Row(record.line, *(csvsafe.original(record.fields[place].strip()) for place in places))
                    line = first.setdefault((row.source, row.right), row.line)
                    if line == row.line:
                        rows.append(row)
                    else:
                        reason = _("stands on line {line} already").format(line=line)
                        refused.append(Refused(row.line, f"{row.source}/{row.right}", reason))
    return rows, refused


def _check_header(header: list[str]) -> None:
    missing = [name for name in COLUMNS if name not in header]
    extra = [name for name in header if name not in (*COLUMNS, *CONTEXT)]
    if missing or extra or len(set(header)) < len(header):
        wrong = _("one stands twice")
        if extra:
            wrong = _("“{column}” is not one of them").format(column=extra[0])
        elif missing:
            wrong = _("“{column}” is missing").format(column=missing[0])
        said = _("The columns are {columns}, and {more} where you like; {wrong}.")
        raise InvalidInput(said.format(columns=", ".join(COLUMNS), more=", ".join(CONTEXT), wrong=wrong), field="file")
