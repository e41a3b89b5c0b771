"""The one source of "now": the database's clock, so that many machines agree and a web server's clock cannot backdate."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime

from django.db import connection

_frozen: list[datetime] = []


def now() -> datetime:
    """The present moment, aware, in UTC."""
    if _frozen:
        return _frozen[-1]
    with connection.cursor() as cursor:
        cursor.execute("SELECT clock_timestamp()")
        return cursor.fetchone()[0]


@contextmanager
def freeze(moment: datetime) -> Iterator[None]:
    """For tests: `now()` answers `moment` inside the block."""
    _frozen.append(moment)
    try:
        yield
    finally:
        _frozen.pop()
