"""Rights and what describes them as CSV, in the form that the import takes."""

import csv
from collections.abc import Iterable, Iterator

from certify.lib import csvsafe
from inventory import describing
from inventory.models import Entitlement

COLUMNS = ("source", "entitlement_id", "name", "held_by", "file_says", "description")


class _Echo:
    """A file-like object that hands back what `csv` writes to it."""

    def write(self, text: str) -> str:
        return text


def lines(rights: Iterable[Entitlement]) -> Iterator[str]:
    """CSV text, a row at a time. Begins with a byte order mark, so that spreadsheets read it as UTF-8."""
    writer = csv.writer(_Echo(), lineterminator="\r\n")
    yield "\ufeff" + writer.writerow(COLUMNS)
    for right in rights:
        cells = (right.source.key, right.key, right.name, str(right.holders), right.description, describing.own(right))
        yield writer.writerow([csvsafe.cell(cell) for cell in cells])
