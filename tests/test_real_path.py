"""The whole path on the real sets; amazon, with its 3,754 managers, is the longest."""

import pytest

from tests import real_path


@pytest.mark.slow
@pytest.mark.django_db
@pytest.mark.parametrize("name", real_path.SETS)
def test_the_whole_path_on_real_data(name, tmp_path, settings, capsys):
    settings.CERTIFY_DATA_DIR = tmp_path / "data"
    folder = tmp_path / "files"
    folder.mkdir()
    played = real_path.play(name, folder)
    real_path.check(played)
    with capsys.disabled():
        print(f"\n{name}: " + ", ".join(f"{count:,} {what}" for what, count in played.counts.items()))
