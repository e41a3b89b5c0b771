"""Help for PostgreSQL's planner where statistics cannot be right yet."""

from collections.abc import Iterator
from contextlib import contextmanager

from django.db import connection


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
