"""The log as tiles: paths, what a tree has, and the directory that is only ever added to, whatever crashes when."""

import os
from datetime import timedelta

import pytest
from django.core.management import CommandError, call_command
from hypothesis import given
from hypothesis import strategies as st

from certify.lib import clock
from ledger import merkle, notes, placing, publishing, queries, tasks, tiles
from ledger.actions import sequencing
from ledger.actors import SYSTEM
from ledger.models import Checkpoint, Entry
from tests.killing import kill_after
from tests.ledger.conftest import other_hash, superuser, write

indexes = st.integers(0, 2**40)


@pytest.fixture
def place(settings, tmp_path):
    settings.CERTIFY_LEDGER_LOG_DIR = str(tmp_path / "log")
    return tmp_path / "log"


def files(place) -> dict[str, bytes]:
    """Path below the directory → content, the lock left out."""
    found = [path for path in place.rglob("*") if path.is_file() and path.name != publishing.LOCK]
    return {str(path.relative_to(place)): path.read_bytes() for path in found}


@pytest.mark.parametrize(
    ("index", "path"),
    [(0, "000"), (999, "999"), (1000, "x001/000"), (1_234_067, "x001/x234/067"), (10**9, "x001/x000/x000/000")],
)
def test_path_of_an_index_is_that_of_the_specification(index, path):
    assert tiles.index_path(index) == path


@given(st.integers(0, 63), indexes, st.integers(1, 256), st.booleans())
def test_a_path_leads_back_to_its_tile(level, index, width, is_bundle):
    tile = tiles.Tile(0 if is_bundle else level, index, width, is_bundle)
    assert tiles.parse(tile.path.removeprefix("tile/")) == tile


@pytest.mark.parametrize(
    "path",
    [
        "0/00", "0/0000", "00/000", "64/000", "-1/000", "0/x000/001", "0/001/002", "0/x001", "0/000.p/0", "0/000.p/256", "0/000.p/",
        "0/000.p/007", "0/000.p/1/", "0/٠٠٠",
        "data/000", "entries/x000/000", "0/000\n", "/0/000", "0/../0/000", "", "0/" + "x999/" * 9 + "999",
    ],
)  # fmt: skip
def test_what_is_no_path_of_a_tile_is_refused(path):
    with pytest.raises(tiles.NotATile):
        tiles.parse(path)


def test_tiles_of_the_trees_in_the_specification():
    full = list(tiles.full_tiles(0, 70_000))
    assert [sum(tile.level == level and not tile.is_bundle for tile in full) for level in (0, 1, 2)] == [273, 1, 0]
    assert [tile.path for tile in tiles.partial_tiles(70_000)] == [
        "tile/0/273.p/112", "tile/entries/273.p/112", "tile/1/001.p/17", "tile/2/000.p/1",
    ]  # fmt: skip
    assert [tile.path for tile in tiles.partial_tiles(256)] == ["tile/1/000.p/1"]


@given(st.integers(0, 10**9), st.integers(0, 2_000))
def test_full_tiles_of_two_steps_are_those_of_one(old, added):
    middle = old + added // 3
    assert sorted([*tiles.full_tiles(old, middle), *tiles.full_tiles(middle, old + added)], key=repr) == sorted(
        tiles.full_tiles(old, old + added), key=repr
    )


@given(st.lists(st.binary(max_size=300), max_size=20))
def test_bundle_round_trip(entries):
    assert list(tiles.entries_of(tiles.bundle(entries))) == entries


@pytest.mark.parametrize("content", [b"\x00", b"\x00\x02a", b"\x00\x01ab"])
def test_a_bundle_cut_short_is_refused(content):
    with pytest.raises(ValueError, match="ends within an entry"):
        list(tiles.entries_of(content))


def test_published_files_are_the_whole_log(log, place):
    tasks.publish_log()
    hashes = [bytes(value) for value in Entry.objects.order_by("leaf__index").values_list("leaf_hash", flat=True)]
    payloads = [value.encode() for value in Entry.objects.order_by("leaf__index").values_list("payload", flat=True)]
    nodes = [merkle.root(hashes[:256]), merkle.root(hashes[256:512])]
    expected = {"checkpoint": log[-1].encode(), "tile/1/000.p/1": nodes[0], "tile/1/000.p/2": b"".join(nodes)}
    for name, start, end in [("000", 0, 256), ("001", 256, 512), ("002.p/88", 512, 600)]:
        expected |= {
            f"tile/0/{name}": b"".join(hashes[start:end]),
            f"tile/entries/{name}": tiles.bundle(payloads[start:end]),
        }
    assert files(place) == expected


def test_partial_tiles_of_every_signed_size_are_there_until_the_full_one_is(log, place):
    write(20)
    sequencing.sequence(by=SYSTEM)
    publishing.publish(place)
    assert {"tile/0/002.p/88", "tile/0/002.p/108", "tile/entries/002.p/88"} <= set(files(place))
    write(256)
    sequencing.sequence(by=SYSTEM)
    publishing.publish(place)
    found = {name for name in files(place) if name.startswith(("tile/0/002", "tile/entries/002"))}
    assert found == {"tile/0/002", "tile/entries/002"}


def test_second_run_touches_no_tile(log, place):
    publishing.publish(place)
    before = {path: path.stat().st_mtime_ns for path in (place / "tile").rglob("*")}
    assert publishing.publish(place) == 600
    assert {path: path.stat().st_mtime_ns for path in (place / "tile").rglob("*")} == before


def test_growth_in_steps_gives_the_files_of_one_step(db, place, tmp_path):
    for count in (1, 254, 1, 1, 300, 211):
        write(count)
        sequencing.sequence(by=SYSTEM)
        publishing.publish(place)
    publishing.publish(tmp_path / "at-once")
    assert files(place) == files(tmp_path / "at-once")


@pytest.mark.parametrize("survivors", range(1, 9))
def test_a_crash_at_any_file_leaves_a_whole_log_and_the_next_run_ends_it(log, place, monkeypatch, survivors):
    original, written = os.fsync, []

    def crash(descriptor):
        written.append(descriptor)
        if len(written) > survivors:
            raise KeyboardInterrupt
        original(descriptor)

    with monkeypatch.context() as patch:
        patch.setattr(os, "fsync", crash)
        with pytest.raises(KeyboardInterrupt):
            publishing.publish(place)
    assert publishing.published_head(place) is None
    assert publishing.publish(place) == 600
    assert files(place) == fresh(place)


@pytest.mark.slow
@pytest.mark.django_db(transaction=True)
def test_a_publisher_that_is_killed_again_and_again_comes_to_its_end(place):
    write(3_000)
    sequencing.sequence(by=SYSTEM)
    program = (
        f"import os, time\nfrom pathlib import Path\nfrom ledger import publishing\nplace = Path({str(place)!r})\n"
        "original = os.fsync\ndef slow(descriptor):\n    time.sleep(0.02)\n    original(descriptor)\nos.fsync = slow\n"
        "publishing.publish(place)\n"
    )
    seconds, kills = 0.1, 0
    while kill_after(program, seconds):
        seconds, kills = seconds + 0.1, kills + 1
    assert kills > 2
    assert publishing.published_head(place).size == 3_000
    assert files(place) == fresh(place)


def fresh(place) -> dict[str, bytes]:
    """The files of a directory that was written without a disturbance."""
    publishing.publish(place.with_name("fresh"))
    return files(place.with_name("fresh"))


@pytest.mark.parametrize(
    ("statement", "words"),
    [
        ("DELETE FROM ledger_checkpoint WHERE size = 600; DELETE FROM ledger_leaf WHERE index > 299", "older backup restored"),
        (
            other_hash("ledger_leaf", "index = 599"),
            "not those that were published",
        ),
    ],
)
def test_a_database_that_contradicts_what_was_published_is_neither_published_nor_signed(log, place, statement, words):
    publishing.publish(place)
    before = files(place)
    with superuser() as cursor:
        cursor.execute(statement)
    with pytest.raises(publishing.ContradictionError, match=words):
        publishing.publish(place)
    assert files(place) == before


def test_a_backup_from_before_is_not_signed_on(log, place):
    publishing.publish(place)
    with superuser() as cursor:
        cursor.execute(
            "DELETE FROM ledger_checkpoint WHERE size > 257; DELETE FROM ledger_leaf WHERE index > 256;"
            "DELETE FROM ledger_node WHERE index > 0"
        )
    write(5)
    with pytest.raises(placing.BrokenLedgerError, match="older backup restored"):
        sequencing.sequence(by=SYSTEM)
    assert Checkpoint.objects.order_by("-size").first().size == 257


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE ledger_entry SET payload = replace(payload, 'number', 'numbre') WHERE id = (SELECT min(id) FROM ledger_entry)",
        other_hash("ledger_leaf", "index = 3"),
        other_hash("ledger_node", "index = 0"),
        "DELETE FROM ledger_entry WHERE id = (SELECT entry_id FROM ledger_leaf WHERE index = 300)",
        other_hash("ledger_leaf", "index = 599"),
    ],
)
def test_what_does_not_fit_is_not_published(log, place, statement):
    with superuser() as cursor:
        cursor.execute(statement)
    with pytest.raises((publishing.ContradictionError, queries.MissingHashesError)):
        publishing.publish(place)
    assert publishing.published_head(place) is None


def test_empty_log_publishes_nothing_and_a_lost_database_is_noticed(db, place):
    assert publishing.publish(place) == 0
    (place / "checkpoint").write_text("x\n5\n" + "A" * 43 + "=\n\n— x AAAAAA==\n")
    with pytest.raises(publishing.ContradictionError, match="published with 5 entries and the database has 0"):
        publishing.publish(place)
    (place / "checkpoint").write_text("nonsense")
    with pytest.raises(publishing.ContradictionError, match="cannot be read"):
        publishing.publish(place)


def test_command_publishes_elsewhere_and_refuses_nowhere(log, tmp_path, capsys):
    call_command("publish_ledger", to=tmp_path / "disk")
    assert capsys.readouterr().out.endswith("holds the log with 600 entries.\n")
    with pytest.raises(CommandError, match="name a directory with --to"):
        call_command("publish_ledger")
    assert notes.TreeHead.parse(log[-1].rpartition("\n\n")[0] + "\n") == publishing.published_head(tmp_path / "disk")


def test_health_tells_when_checkpoints_are_not_published(log, place, client):
    assert client.get("/health/").json()["ledger"] == "ok"
    with clock.freeze(clock.now() + timedelta(minutes=20)):
        assert client.get("/health/").json()["ledger"] == "checkpoints wait to be published"
        publishing.publish(place)
        assert client.get("/health/").json()["ledger"] == "ok"
        (place / "checkpoint").write_text("nonsense")
        assert client.get("/health/").json()["ledger"] == "what was published cannot be read"
