"""One clock: the database's, moving even inside a transaction, and frozen on demand."""

from datetime import UTC, datetime, timedelta

import pytest
from django.db import connection

from certify.lib import clock

MOMENT = datetime(2026, 3, 1, 12, tzinfo=UTC)


@pytest.mark.django_db
def test_now_is_the_databases_time_and_moves_within_a_transaction():
    first, second = clock.now(), clock.now()
    assert first < second
    assert first.utcoffset() == timedelta(0)
    with connection.cursor() as cursor:
        cursor.execute("SELECT clock_timestamp() - %s < interval '1 minute'", [first])
        assert cursor.fetchone() == (True,)


def test_frozen_clocks_nest_and_thaw_after_an_error():
    def fails_a_day_later():
        with clock.freeze(MOMENT + timedelta(days=1)):
            assert clock.now() == MOMENT + timedelta(days=1)
            raise ZeroDivisionError

    with clock.freeze(MOMENT):
        with pytest.raises(ZeroDivisionError):
            fails_a_day_later()
        assert clock.now() == MOMENT
