"""Packs of one sample: they hold by themselves, tell nothing of anybody else, and nothing in them can be changed unnoticed."""

import random
import shutil
from dataclasses import dataclass
from pathlib import Path

import pytest
from django.db import transaction
from django.test import override_settings
from django.urls import reverse

from certify.lib import clock
from evidence.actions import periods
from evidence.models import Sample
from evidence.pack import disclosure
from evidence.verifier import verify as verifier
from ledger import keys
from ledger.models import Entry
from tests.evidence import spoil
from tests.evidence.conftest import build, seal, small_page, verify
from tests.evidence.story import play
from tests.evidence.test_audit_pages import audit
from tests.evidence.test_pages import client_of
from tests.story import tell

pytestmark = pytest.mark.django_db
__all__ = ["audit"]


@dataclass(frozen=True)
class Packs:
    """One pack for each population, and what an auditor knows besides."""

    folder: Path
    key: str
    note: str
    names: list[str]


@pytest.fixture(scope="module")
def packs(tmp_path_factory, django_db_setup, django_db_blocker) -> Packs:
    folder = tmp_path_factory.mktemp("samples")
    own = override_settings(
        CERTIFY_LEDGER_ORIGIN="certify.example/ledger", CERTIFY_LEDGER_KEY_FILE=folder / "key.json", CERTIFY_DATA_DIR=folder
    )
    with own, small_page(), django_db_blocker.unblock(), transaction.atomic():
        play(tell(folder))
        checkpoint = seal()
        for sample in Sample.objects.select_related("period"):
            path = folder / f"{sample.population}.zip"
            first = disclosure.write(disclosure.gather(sample, checkpoint), path)
            again = disclosure.write(disclosure.gather(sample, checkpoint), folder / "again.zip")
            assert first == again, "the same sample and checkpoint give the same bytes"
        found = Packs(
            folder, keys.load().verifier, checkpoint.note, sorted(Sample.objects.values_list("population", flat=True))
        )
        transaction.set_rollback(True)
    return found


@pytest.fixture
def copy(packs, tmp_path) -> Path:
    return Path(shutil.copyfile(packs.folder / "items.zip", tmp_path / "copy.zip"))


def found(pack: Path) -> tuple[str, str]:
    """(everything that does not hold, the same without what the manifest alone tells)."""
    checks = verifier.SampleVerifier(verifier.Pack(str(pack))).run()
    lines = [(check.title, problem) for check in checks for problem in check.problems]
    return (
        "\n".join(f"{title}: {problem}" for title, problem in lines),
        "\n".join(problem for title, problem in lines if title not in {"Files", "Manifest"}),
    )


def test_each_holds_offline_with_the_key_and_the_checkpoint_of_the_whole_pack(packs, tmp_path):
    kept = tmp_path / "kept.txt"
    kept.write_text(packs.note)
    assert packs.names == ["items", "leavers", "privileged", "revocations"]
    for name in packs.names:
        done = verify(packs.folder / f"{name}.zip", "--key", packs.key, "--checkpoint", str(kept))
        assert done.status == 0, done.text
        assert "the sample is the one that was drawn" in done.text
        assert "[held]        Your own checkpoint" in done.text


def test_nobody_who_was_not_drawn_is_in_it(packs):
    """Who is drawn depends on the keys of the story's reviews, and may be everybody: rows are never all."""
    files = spoil.read(packs.folder / "items.zip")
    rows = spoil.rows_of(files["audit/sample_rows.csv"])
    drawn = {row[rows[0].index("id")] for row in rows[1:]}
    items = spoil.rows_of(files["reviews/items.csv"])[1:]
    (sample,) = (
        dict(zip(rows[0], row, strict=True)) for rows in [spoil.rows_of(files["audit/samples.csv"])] for row in rows[1:]
    )
    assert len(items) == len(drawn) == 6 < int(sample["population_count"])
    assert {f"item/{row[0]}/{row[1]}" for row in items} == drawn
    people = {"Elif Şahin", "Chloe Dahl", "Nightly job", "David Ekman", "Bruno Costa"}
    absent = people - {row[place] for row in items for place in (5, 7, 26)}
    told = b"".join(files[name] for name in files if name.startswith(("audit/populations", "ledger/trees", "reviews/")))
    assert not [name for name in absent if name.encode() in told]


@pytest.mark.parametrize(
    "name", [*verifier.SAMPLE_TABLES, "ledger/entries.jsonl", "ledger/trees.json", "ledger/checkpoint.txt"]
)
def test_a_flipped_byte_is_found_even_when_the_manifest_is_made_to_fit(name, copy):
    body, dice = spoil.read(copy)[name], random.Random(name)
    for place in dice.sample(range(len(body)), 4):
        spoil.change(copy, name, lambda body, place=place: spoil.flip(body, place), forge=True)
        everything, without_manifest = found(copy)
        assert "Manifest: " in everything
        assert without_manifest, f"byte {place}"
        spoil.change(copy, name, lambda _: body, forge=True)


@pytest.mark.parametrize("table", verifier.SAMPLE_TABLES)
def test_a_changed_cell_a_dropped_and_a_copied_row_are_found(table, copy):
    original, dice = spoil.read(copy)[table], random.Random(table)
    rows = spoil.rows_of(original)
    for column in rows[0]:
        number = dice.randrange(2, len(rows) + 1)
        spoil.change(copy, table, spoil.cell(number, column, lambda old: f"{old}1" if old else "7"), forge=True)
        assert table.partition("/")[0] in found(copy)[1], f"{column} of row {number}"
        spoil.change(copy, table, lambda _: original)
    # Of several statements about one item only the one that counted must be there.
    places = [place for place, row in enumerate(rows[1:]) if "review:submitted" not in row]
    place = dice.choice(places)
    for edit in (lambda all_of: all_of[:place] + all_of[place + 1 :], lambda all_of: [*all_of, all_of[place]]):
        spoil.change(copy, table, spoil.rows(edit), forge=True)
        assert found(copy)[1], f"row {place + 2}"
        spoil.change(copy, table, lambda _: original)


def test_a_swapped_a_missing_and_a_strange_proof_are_found(copy):
    files = spoil.read(copy)
    first, second = [name for name in files if name.startswith("proofs/")][:2]
    for wrong in (
        files | {first: files[second], second: files[first]},
        {name: body for name, body in files.items() if name != first},
        files | {"proofs/strange.tlog-proof": files[first]},
        files | {first: files[first].replace(b"index ", b"index 1")},
        files | {first: b"extra AAAA\n" + files[first]},
    ):
        spoil.write(copy, spoil.forged(wrong))
        assert "proofs/" in found(copy)[1]


def test_another_logs_key_and_checkpoint_are_refused(packs, copy, tmp_path):
    forger = spoil.Forger("certify.example/ledger")
    files = spoil.read(copy)
    text = files["ledger/checkpoint.txt"].decode().rpartition("\n\n")[0] + "\n"
    files["ledger/checkpoint.txt"] = forger.sign(text).encode()
    spoil.write(copy, spoil.forged(files))
    assert verify(copy, "--key", packs.key).status == 1
    other = tmp_path / "other.txt"
    other.write_text(packs.note.replace(packs.note.split("\n")[1], "5"))
    assert verify(packs.folder / "items.zip", "--checkpoint", str(other)).status == 1


def test_the_download_is_recorded_with_its_hash(story, audit):
    period, sample = audit
    page = reverse("evidence:sample-pack", args=[period.pk, sample.pk])
    answer = client_of(story.auditor).post(page)
    body = b"".join(answer.streaming_content)
    entry = Entry.objects.get(kind="sample:downloaded").payload_json["data"]
    assert entry["sha256"] == verifier.sha256(body).hexdigest()
    assert (
        "Downloaded the pack of sample" in client_of(story.owner).get(reverse("evidence:period-detail", args=[period.pk])).text
    )


def test_a_sample_of_reviews_that_the_period_no_longer_has_is_no_false_alarm(story, audit, tmp_path):
    period, sample = audit
    details = periods.Details(period.name, "hipaa", period.from_on, period.to_on, period.open_until, [story.auditor])
    periods.change(period_id=period.pk, details=details, by=story.owner)
    period.refresh_from_db()
    build(period, seal(clock.now()), tmp_path / "pack.zip")
    done = verify(tmp_path / "pack.zip")
    assert done.status == 0, done.text
    assert "the populations of 1 could not be held against items" in done.text
    assert sample.size == 7
