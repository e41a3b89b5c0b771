"""What people read of a pack's tables: the first rows of each, for the report and the workbook.

They are the rows that were written to the tables, or are read in the transaction of the build by the queries of the tables themselves, so
that they say the same.
"""

import csv
import io
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import islice

from django.db import connection

from certify.lib import csvsafe
from evidence.pack import tables

#: Tables that are made in memory: path → (columns, rows).
Short = dict[str, tuple[tuple[str, ...], list[Sequence[str]]]]
#: Rows of each table that are kept as they were written: a query for the first of a million rows sorts them all once more.
KEPT = 10_000
#: Characters of a cell: what Python takes by default is less than a cell may have.
FIELD_LIMIT = 1 << 20


@dataclass(frozen=True)
class Excerpt:
    """The first rows of a table, each a text for each column ("" where it says nothing), and how many rows it has."""

    path: str
    columns: tuple[str, ...]
    rows: list[Sequence[str]]
    total: int

    def dicts(self) -> list[dict[str, str]]:
        """The rows by column."""
        return [dict(zip(self.columns, row, strict=True)) for row in self.rows]


class Reader:
    """Reads tables of the pack that is being built. `short` are those that the build has in memory, by path, and `heads` the first
    `KEPT` rows of the others, as CSV without the header.
    """

    def __init__(self, values: dict, counts: dict[str, int], short: Short, heads: dict[str, bytes]):
        self.values, self.counts, self.short, self.heads = values, counts, short, heads

    def total(self, path: str) -> int:
        """How many rows a table has."""
        return self.counts[path]

    def first(self, path: str, limit: int) -> Excerpt:
        """The first `limit` rows of a table."""
        if path in self.short:
            columns, rows = self.short[path]
            return Excerpt(path, columns, rows[:limit], len(rows))
        table, total = tables.BY_PATH[path], self.counts[path]
        if min(limit, total) <= KEPT:
            csv.field_size_limit(FIELD_LIMIT)
            written = csv.reader(io.StringIO(self.heads[path].decode(errors="ignore"), newline=""))  # the last row may be torn
            rows = [[csvsafe.original(cell) for cell in row] for row in islice(written, min(limit, total))]
            return Excerpt(path, table.columns, rows, total)
        with connection.cursor() as cursor:
            cursor.execute(f"SELECT * FROM ({table.query}) AS found LIMIT %(first)s", self.values | {"first": limit})
            rows = [["" if cell is None else cell for cell in row] for row in cursor.fetchall()]
        return Excerpt(path, table.columns, rows, total)

    def where(self, path: str, column: str, patterns: Sequence[str], limit: int, order: str) -> Excerpt:
        """The first `limit` rows, in this order, whose column is like one of the patterns; the total counts only such rows."""
        table = tables.BY_PATH[path]
        names = ", ".join(f'"{name}"' for name in table.columns)
        found = f'FROM ({table.query}) AS found ({names}) WHERE "{column}" LIKE ANY(%(patterns)s)'
        with connection.cursor() as cursor:
            cursor.execute(
                f"SELECT *, count(*) OVER () {found} ORDER BY {order} LIMIT %(first)s",
                self.values | {"patterns": list(patterns), "first": limit},
            )
            rows = cursor.fetchall()
        cells = [["" if cell is None else cell for cell in row[:-1]] for row in rows]
        return Excerpt(path, table.columns, cells, rows[0][-1] if rows else 0)

    def tally(self, path: str, *columns: str) -> dict[tuple[str, ...], int]:
        """How many rows of a table have which values in these columns."""
        table = tables.BY_PATH[path]
        names, wanted = (", ".join(f'"{name}"' for name in some) for some in (table.columns, columns))
        with connection.cursor() as cursor:
            cursor.execute(
                f"SELECT {wanted}, count(*) FROM ({table.query}) AS found ({names}) GROUP BY {wanted} ORDER BY {wanted}",
                self.values,
            )
            return {tuple(cell or "" for cell in row[:-1]): row[-1] for row in cursor.fetchall()}
