"""A log that is published here, read by verifiers that nobody here wrote.

tlog-scales (PyPI) reads tiles, computes roots and proofs from them and checks signatures and cosignatures; the Go module
golang.org/x/mod, where tiles and notes come from, does so again where Go and Debian's golang-golang-x-mod-dev are installed.
"""

import os
import shutil
import subprocess
from pathlib import Path

import pytest
from tlog_scales.backend import HttpBackend, LocalBackend
from tlog_scales.reader import TilesReader
from tlog_scales.signing import Vkey
from tlog_scales.tiles import leaf_hash

from ledger import keys, notes, publishing
from ledger.actions import sequencing
from ledger.actors import SYSTEM
from ledger.models import Checkpoint, Entry
from tests.ledger.conftest import write

GO = shutil.which("go")
GO_SOURCES = Path("/usr/share/gocode")
PROGRAM = Path(__file__).with_name("golang") / "verify.go"
needs_go = pytest.mark.skipif(
    not GO or not (GO_SOURCES / "src/golang.org/x/mod").exists(), reason="Go and golang-golang-x-mod-dev are not installed"
)


@pytest.fixture
def published(log, tmp_path):
    """The log of 600 entries as a directory."""
    publishing.publish(tmp_path / "log")
    return tmp_path / "log"


def read_and_check(reader: TilesReader, places, has_entries: bool = True) -> int:
    """Check the signature, the root, entries with their proofs, and every older checkpoint; the size."""
    head = reader.get_checkpoint()
    head.verify(Vkey.from_string(keys.load().verifier))
    assert reader.calculate_root_hash() == head.root_hash
    for place in places:
        hashed = leaf_hash(reader.get_entry(place)) if has_entries else reader.mth(place, place + 1)
        reader.get_inclusion_proof(place, head.size).check(hashed, head.root_hash)
    for older in Checkpoint.objects.filter(size__lt=head.size):
        reader.get_consistency_proof(older.size, head.size).check(bytes(older.root), head.root_hash)
    return head.size


def test_the_directory_is_read_and_verified_by_tlog_scales(published):
    assert read_and_check(TilesReader(LocalBackend(published)), range(600)) == 600


def test_its_entries_are_what_was_recorded(published):
    reader = TilesReader(LocalBackend(published))
    reader.get_checkpoint()
    payloads = Entry.objects.order_by("leaf__index").values_list("payload", flat=True)
    assert [reader.get_entry(place).decode() for place in range(600)] == list(payloads)


@pytest.mark.slow
def test_three_levels_are_verified_by_tlog_scales(db, tmp_path):
    write(100)
    sequencing.sequence(by=SYSTEM)
    write(65_700)
    sequencing.sequence(by=SYSTEM)
    publishing.publish(tmp_path)
    assert (tmp_path / "tile/2/000.p/1").stat().st_size == 32
    assert read_and_check(TilesReader(LocalBackend(tmp_path)), (0, 255, 256, 65_535, 65_536, 65_799)) == 65_800


@pytest.mark.django_db(transaction=True)
def test_hashes_over_http_are_verified_by_tlog_scales(live_server, settings):
    settings.CERTIFY_LEDGER_PUBLIC = True
    for count in (7, 250, 343):
        write(count)
        sequencing.sequence(by=SYSTEM)
    assert read_and_check(TilesReader(HttpBackend(f"{live_server.url}/ledger")), range(0, 600, 7), has_entries=False) == 600


@pytest.mark.parametrize("name", ["tile/0/001", "tile/0/002.p/88", "tile/1/000.p/2", "tile/entries/001"])
def test_tlog_scales_finds_one_changed_byte(published, name):
    content = bytearray((published / name).read_bytes())
    content[-1] ^= 1
    (published / name).write_bytes(content)
    with pytest.raises(Exception, match=r"assert|root_hash|truncated"):
        read_and_check(TilesReader(LocalBackend(published)), range(600))


@needs_go
def test_the_directory_is_verified_by_golang_x_mod(published, log, tmp_path):
    older = []
    for number, note in enumerate(log[:-1]):
        older.append(tmp_path / f"older-{number}")
        older[-1].write_text(note)
    done = go_verify(published, *older)
    assert (done.stdout, done.returncode) == ("600 records and 3 older checkpoints hold\n", 0), done.stderr
    tile = published / "tile/0/001"
    tile.write_bytes(tile.read_bytes()[::-1])
    assert go_verify(published).returncode == 1


def go_verify(published: Path, *older: Path) -> subprocess.CompletedProcess:
    env = os.environ | {"GO111MODULE": "off", "GOPATH": str(GO_SOURCES), "GOFLAGS": ""}
    command = [GO, "run", str(PROGRAM), str(published), keys.load().verifier, *map(str, older)]
    return subprocess.run(command, env=env, capture_output=True, text=True, check=False)


def test_a_note_with_more_signatures_is_still_read_here(published, log):
    note = (published / "checkpoint").read_text() + "— somebody.example AAAAAAAA\n"
    assert notes.open_checkpoint(note, keys.load().verifier).size == 600
