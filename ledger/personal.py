"""Which columns hold what somebody is called: those that a trigger names beside whose they are, as `reviewer_name=reviewer_id`.

Whose they are is a person who uses Certify, or, where the trigger names another kind after an @, whoever has that number there
(`identity_name=identity_id@inventory.identity`). A column that ends in _ref says both.

The triggers are the list, so that whatever the database lets erasing change is what erasing changes, and what the application's role
may update. Columns that no trigger guards are named by the apps that have them, in `UNGUARDED`.
"""

from collections.abc import Iterable
from dataclasses import dataclass

from django.db import connection
from psycopg2 import sql

from ledger.persons import mark

GUARDED = """
    SELECT DISTINCT guarded.relname, argument FROM pg_trigger AS guard
    JOIN pg_class AS guarded ON guarded.oid = guard.tgrelid AND guarded.relnamespace = current_schema()::regnamespace
    CROSS JOIN LATERAL regexp_split_to_table(encode(guard.tgargs, 'escape'), '\\\\000') AS argument
    WHERE guard.tgnargs > 0 AND argument LIKE '%=%' ORDER BY 1, 2
"""
#: "table column=whose" of what no trigger guards; apps put theirs in when they are ready.
UNGUARDED: list[str] = []
#: Tables of which some rows stay as they are, and the condition of the others: a leaf of the log covers the name.
ONLY: dict[str, str] = {}
#: Tables whose references are to something else than people who use Certify, and what these begin with.
REFERS: dict[str, str] = {}
PEOPLE = "people.user"
#: Columns of changes, in which the names are values.
CHANGES = "changes"


@dataclass(frozen=True)
class Column:
    """A column that holds what somebody is called, and the one that says who they are."""

    table: str
    name: str
    whose: str
    kind: str

    def may_name(self, person: str) -> bool:
        """Whether it can be about somebody of this kind at all: a number alone does not tell a person from an identity."""
        if self.whose.endswith("_ref"):
            return person.startswith(REFERS.get(self.table, PEOPLE))
        return person.partition(":")[0] == self.kind


def columns() -> list[Column]:
    """Every one, by table."""
    with connection.cursor() as cursor:
        cursor.execute(GUARDED)
        found = [*cursor.fetchall(), *(tuple(one.split()) for one in UNGUARDED)]
    return [_column(table, argument) for table, argument in sorted(found)]


def _column(table: str, argument: str) -> Column:
    name, _, whose = argument.partition("=")
    whose, _, kind = whose.partition("@")
    return Column(table, name, whose, kind or PEOPLE)


def _about(person: str) -> list[Column]:
    return [column for column in columns() if column.may_name(person)]


def _rows_of(column: Column, person: str) -> sql.Composable:
    """The condition of the rows that are a person's, such that an index can be used where there is one."""
    number, whose = person.rpartition(":")[2], sql.Identifier(column.whose)
    if column.whose.endswith("_uid"):
        mine = sql.SQL("{} IN (SELECT uid FROM ledger_entry WHERE actor_id = {})").format(whose, sql.Literal(person))
    elif column.whose.endswith("_ref"):
        mine = sql.SQL("{} = {}").format(whose, sql.Literal(person))
    elif column.whose.endswith("_pk"):
        mine = sql.SQL("{} = {}").format(whose, sql.Literal(number))
    else:
        mine = sql.SQL("{} = {}").format(whose, sql.Literal(int(number)))
    only = sql.SQL(ONLY.get(column.table, "TRUE"))
    return sql.SQL("{} AND {}").format(mine, only)


def count(person: str) -> dict[str, int]:
    """Table → how many of its rows name the person and would not any more."""
    found: dict[str, int] = {}
    with connection.cursor() as cursor:
        for column in _about(person):
            query = sql.SQL("SELECT count(*) FROM {} WHERE {}").format(sql.Identifier(column.table), _rows_of(column, person))
            cursor.execute(query)
            found[column.table] = max(found.get(column.table, 0), cursor.fetchone()[0])
    return {table: rows for table, rows in found.items() if rows}


def put_mark(person: str) -> dict[str, int]:
    """Put the mark of an erased person into every such column of theirs; table → how many rows that changed."""
    done: dict[str, int] = {}
    with connection.cursor() as cursor:
        for (table, _whose), mine in _together(_about(person)).items():
            names, marks = [sql.Identifier(one.name) for one in mine], [_marked(one, person) for one in mine]
            changes = [sql.SQL("{} IS DISTINCT FROM {}").format(*pair) for pair in zip(names, marks, strict=True)]
            query = sql.SQL("UPDATE {} SET {} WHERE {} AND ({})").format(
                sql.Identifier(table),
                sql.SQL(", ").join(sql.SQL("{} = {}").format(*pair) for pair in zip(names, marks, strict=True)),
                _rows_of(mine[0], person),
                sql.SQL(" OR ").join(changes),
            )
            cursor.execute(query)
            done[table] = done.get(table, 0) + cursor.rowcount
    return {table: rows for table, rows in done.items() if rows}


def _together(found: Iterable[Column]) -> dict[tuple[str, str], list[Column]]:
    """Columns of one table that are the same person's are changed at once."""
    together: dict[tuple[str, str], list[Column]] = {}
    for one in found:
        together.setdefault((one.table, one.whose), []).append(one)
    return together


def _marked(column: Column, person: str) -> sql.Composable:
    if column.name == CHANGES:
        return sql.SQL("ledger_masked({}, {})").format(sql.Identifier(column.name), sql.Literal(person))
    return sql.Literal(mark(person))
