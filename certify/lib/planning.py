"""Help for PostgreSQL's planner where statistics cannot be right yet."""

from collections.abc import Iterator
from contextlib import contextmanager

from django.db import connection


def unguessed(condition: str) -> str:
    """A condition of which the planner does not guess how many rows it leaves: for rows that a join by id finds already.

    A table that was filled a moment ago, and vacuumed but not yet analysed, has no statistics: five conditions on it are taken to
    leave one row, which is then walked through first and held against the whole list of ids, for each of a million rows. An
    expression that is no comparison counts as half of the rows, with statistics or without, and serves no index.
    """
    return f"CASE WHEN {condition} THEN TRUE ELSE FALSE END"


@contextmanager
def without_loops() -> Iterator[None]:
    """Join sets by hash or merge inside this block, which must be in a transaction.

    What was written a moment ago has no statistics: the planner takes it for a handful of rows and walks a million of them in
    loops, which turns seconds into hours.
    """
    with connection.cursor() as cursor:
        cursor.execute("SET LOCAL enable_nestloop = off")
    try:
        yield
    finally:
        if not connection.needs_rollback:
            with connection.cursor() as cursor:
                cursor.execute("SET LOCAL enable_nestloop = on")
