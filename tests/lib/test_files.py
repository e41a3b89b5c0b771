"""Uploads: hashed while they are written, refused as a whole when they are too large."""

import hashlib
import stat
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from certify.lib import files
from certify.lib.batches import batched
from certify.lib.errors import InvalidInput


@pytest.fixture
def data(settings, tmp_path):
    """A data directory of the test's own."""
    settings.CERTIFY_DATA_DIR = str(tmp_path)
    return tmp_path


def kept(data: Path) -> list[Path]:
    """Every file below the data directory."""
    return [path for path in data.rglob("*") if path.is_file()]


def test_a_stored_file_is_what_arrived(data):
    stored = files.store([b"one ", b"two"], directory="proofs", limit=7)
    assert files.located(stored.stored_as).read_bytes() == b"one two"
    assert (stored.size, stored.sha256) == (7, hashlib.sha256(b"one two").hexdigest())
    assert kept(data) == [files.located(stored.stored_as)]
    assert stat.S_IMODE((data / "proofs").stat().st_mode) == 0o700


def test_two_equal_files_are_kept_apart(data):
    one, two = (files.store([b"same"], directory="proofs", limit=9) for _ in range(2))
    assert one.stored_as != two.stored_as
    assert len(kept(data)) == 2


def test_a_file_over_the_limit_leaves_nothing(data):
    with pytest.raises(InvalidInput, match="larger than 3 MiB"):
        files.store([b"x" * 2**20] * 4, directory="proofs", limit=3 * 2**20)
    assert kept(data) == []


def test_a_broken_upload_leaves_nothing(data):
    def breaks():
        yield b"half"
        raise ConnectionError

    with pytest.raises(ConnectionError):
        files.store(breaks(), directory="proofs", limit=99)
    assert kept(data) == []


@given(st.lists(st.integers()), st.integers(1, 7))
def test_batches_are_full_but_the_last_and_lose_nothing(rows, size):
    batches = list(batched(iter(rows), size))
    assert [row for batch in batches for row in batch] == rows
    assert all(len(batch) == size for batch in batches[:-1])
    assert all(0 < len(batch) <= size for batch in batches)
