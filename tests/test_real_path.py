"""The whole path on the real sets; amazon, with its 3,754 managers, is the longest."""

import psycopg2
import pytest
from django.db import connection

from tests import real_path


def sweep() -> None:
    """Away with the dead rows of whoever was here before: a table of nothing else looks small to the planner, and is walked in loops."""
    other = psycopg2.connect(**connection.get_connection_params())
    other.autocommit = True
    other.cursor().execute("VACUUM ANALYZE")
    other.close()


@pytest.mark.slow
@pytest.mark.django_db
@pytest.mark.parametrize("name", real_path.SETS)
def test_the_whole_path_on_real_data(name, tmp_path, settings, capsys):
    settings.CERTIFY_DATA_DIR = tmp_path / "data"
    folder = tmp_path / "files"
    folder.mkdir()
    sweep()
    played = real_path.play(name, folder)
    real_path.check(played)
    with capsys.disabled():
        print(f"\n{name}: " + ", ".join(f"{count:,} {what}" for what, count in played.counts.items()))
