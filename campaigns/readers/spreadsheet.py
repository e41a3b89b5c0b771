"""Reads an uploaded spreadsheet of decisions. The file is anybody's: whatever it holds is a row, or a refusal in words."""

import logging
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import date, datetime
from pathlib import Path

from django.contrib.humanize.templatetags.humanize import intcomma
from django.utils.translation import gettext as _
from openpyxl import load_workbook

from campaigns import spreadsheet_format as form
from certify.lib.errors import InvalidInput

logger = logging.getLogger(__name__)
#: Unpacked size of all parts together, and how many there may be. Ten thousand items take about 15 MiB.
UNPACKED_LIMIT = 64 * 2**20
PARTS_LIMIT = 500


@dataclass
class Line:
    """One row of the sheet: its number there, its key, what it shows, what was filled in (as text; `until` is a day), and, where it
    can not be read, in which column that is and why."""

    number: int
    key: str
    check: str
    shown: dict[str, str]
    decision: str = ""
    reason: str = ""
    reduce_to: str = ""
    until: date | None = None
    column: str = ""
    problem: str = ""


@dataclass
class Sheet:
    """What was read: for whom the sheet was made, and its rows."""

    made: form.Made
    lines: list[Line] = field(default_factory=list)


def read(path: Path) -> Sheet:
    """The sheet in a file. Refuses whatever is not a sheet of ours: another format, too large, macros, another layout."""
    try:
        with path.open("rb") as file:
            _check_parts(file)
            book = load_workbook(file, read_only=True, data_only=False, keep_links=False)
            return _sheet(book)
    except InvalidInput:
        raise
    except (
        Exception
    ) as error:  # A hostile file can make the parser fail in any way; whoever uploaded it is told, not shown a fault.
        logger.info("a spreadsheet could not be read: %r", error)
        raise InvalidInput(_("This file is damaged, or no spreadsheet of ours. Download it again and fill that in.")) from error


def _check_parts(file) -> None:
    """Look at the directory of the archive before anything is unpacked."""
    if not zipfile.is_zipfile(file):
        raise InvalidInput(_("This is not an XLSX file. Save it as “Excel workbook (.xlsx)” and try again."))
    file.seek(0)
    with zipfile.ZipFile(file) as archive:
        parts = archive.infolist()
    if len(parts) > PARTS_LIMIT or sum(part.file_size for part in parts) > UNPACKED_LIMIT:
        raise InvalidInput(
            _("Unpacked, this file is larger than {limit} MiB; a sheet of ours is much smaller.").format(
                limit=UNPACKED_LIMIT // 2**20
            )
        )
    if any(part.flag_bits & 1 for part in parts):
        raise InvalidInput(_("This file is locked with a password. Save it without one and try again."))
    if any(part.filename.lower().endswith("vbaproject.bin") for part in parts):
        raise InvalidInput(_("This file holds macros. Save it as “Excel workbook (.xlsx)”, without macros."))
    file.seek(0)


def _sheet(book) -> Sheet:
    if form.SHEET not in book.sheetnames:
        raise InvalidInput(
            _("This file has no sheet called “{name}”. Upload the file that you downloaded from this page.").format(
                name=form.SHEET
            )
        )
    rows = book[form.SHEET].iter_rows(max_row=form.MAX_ROWS + 2, max_col=len(form.NAMES))
    made = _made(next(rows, ()))
    sheet = Sheet(made)
    for number, cells in enumerate(rows, 2):
        line = _line(number, cells)
        if line is not None:
            sheet.lines.append(line)
    if len(sheet.lines) > form.MAX_ROWS:
        raise InvalidInput(
            _("A file may have {most} rows. Upload the others in a second file.").format(most=intcomma(form.MAX_ROWS))
        )
    return sheet


def _made(header) -> form.Made:
    texts = [_text(cell.value) for cell in header] + [""] * len(form.NAMES)
    made = form.read_sheet_key(texts[0])
    if made is None:
        raise InvalidInput(_("This file was not made on this page, or its first row was changed. Download it again."))
    for place, (name, column) in enumerate(form.COLUMNS.items()):
        if name != "key" and texts[place] != column.header:
            raise InvalidInput(
                _("Column {place} should be “{header}”, but is “{text}”. Download it again.").format(
                    place=place + 1, header=column.header, text=texts[place][:50]
                )
            )
    return made


def _line(number: int, cells) -> Line | None:
    """One row; None for an empty one."""
    found = dict(zip(form.NAMES, cells, strict=False))
    if all(cell.value in (None, "") for cell in found.values()):
        return None
    texts = {name: _text(cell.value) for name, cell in found.items()}
    shown = {name: texts.get(name, "") for name in form.SHOWN}
    line = Line(number, texts.get("key", ""), texts.get("check", ""), shown)
    line.decision, line.reason, line.reduce_to = (texts.get(name, "") for name in ("decision", "reason", "reduce_to"))
    for name, problem in _problems(found, texts, line):
        line.column, line.problem = form.COLUMNS[name].header, problem
        break
    return line


def _problems(found: dict, texts: dict[str, str], line: Line) -> Iterator[tuple[str, str]]:
    """(column, why) for each cell to be filled in that cannot be read."""
    for name in ("decision", "reason", "reduce_to", "until"):
        if name in found and getattr(found[name], "data_type", "") in ("f", "e"):
            yield name, _("A formula, or its error, is not taken: write the text itself.")
    if len(line.reason) > form.MAX_REASON:
        yield "reason", _("A reason may have {most} characters.").format(most=intcomma(form.MAX_REASON))
    if len(line.reduce_to) > form.MAX_REDUCE_TO:
        yield "reduce_to", _("This may have {most} characters.").format(most=intcomma(form.MAX_REDUCE_TO))
    value = found["until"].value if "until" in found else None
    line.until = _day(value)
    if line.until is None and texts.get("until"):
        yield "until", _("Write a day as 2027-01-31.")


def _day(value: object) -> date | None:
    """The day in a cell; None for an empty one, and for what is no day."""
    if isinstance(value, datetime):
        return value.date()
    if isinstance(value, date):
        return value
    try:
        return date.fromisoformat(value.strip()) if isinstance(value, str) else None
    except ValueError:
        return None


def _text(value: object) -> str:
    """The text of a cell, trimmed; numbers as they are read, and nothing that a database cannot hold."""
    if value is None:
        return ""
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    return "".join(mark if mark.isprintable() or mark in "\n\t" else " " for mark in str(value)).strip()
