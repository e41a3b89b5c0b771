"""Rejected rows as CSV."""

import csv
from collections.abc import Iterable, Iterator

from certify.lib import csvsafe
from inventory.models import RejectedRow

COLUMNS = ("file", "line", "field", "reason", "raw")


class _Echo:
    """A file-like object that hands back what `csv` writes to it."""

    def write(self, text: str) -> str:
        return text


def lines(rows: Iterable[RejectedRow]) -> Iterator[str]:
    """CSV text, a row at a time; cells that a spreadsheet would run are made harmless."""
    writer = csv.writer(_Echo(), lineterminator="\r\n")
    yield writer.writerow(COLUMNS)
    for row in rows:
        cells = (row.file.file_name, str(row.line), row.field, row.reason, row.raw)
        yield writer.writerow([csvsafe.cell(cell) for cell in cells])
