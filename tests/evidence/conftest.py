"""One built pack for many tests, and the verifier as an auditor runs it."""

import shutil
import subprocess
import sys
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from unittest.mock import patch

import pytest
from django.db import transaction
from django.test import override_settings

from certify.lib import clock
from evidence.actions import periods
from evidence.models import AuditPeriod, Sample
from evidence.pack import builder, disclosure, scope
from evidence.verifier import webpage
from ledger import keys, tasks
from ledger.actions import rotation, sequencing
from ledger.actors import SYSTEM
from ledger.models import Checkpoint
from tests.evidence.story import moment, play
from tests.story import Story, tell

VERIFY = Path(builder.VERIFIER)


@dataclass(frozen=True)
class Verified:
    """What an auditor sees: the exit status and the text."""

    status: int
    text: str

    def line(self, title: str) -> str:
        """The line of one check."""
        return next(
            line for line in self.text.splitlines() if f"] {title}" in line or f"]      {title}" in line or title in line
        )


def verify(pack: Path, *arguments: str) -> Verified:
    """Run the verifier alone, without site-packages, as the README says."""
    done = subprocess.run(
        [sys.executable, "-I", "-S", str(VERIFY), str(pack), *arguments],
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert "Traceback" not in done.stdout + done.stderr, done.stdout + done.stderr
    return Verified(done.returncode, done.stdout + done.stderr)


@pytest.fixture
def key_file(settings, tmp_path):
    """The log's own key."""
    settings.CERTIFY_LEDGER_ORIGIN = "certify.example/ledger"
    settings.CERTIFY_LEDGER_KEY_FILE = tmp_path / "key.json"
    settings.CERTIFY_DATA_DIR = tmp_path
    return settings.CERTIFY_LEDGER_KEY_FILE


@pytest.fixture
def period(story, key_file) -> AuditPeriod:
    """The period of the played year."""
    return play(story)


def seal(at=None) -> Checkpoint:
    """Sequence everything there is."""
    with clock.freeze(at or moment(12, 31, 23)):
        return sequencing.sequence(by=SYSTEM)


def build(period: AuditPeriod, checkpoint: Checkpoint, target: Path) -> builder.Built:
    """Build a pack without the row that asks for it."""
    return builder.build(scope.of(period, checkpoint), target)


def build_this_year(story, target: Path, later: timedelta = timedelta()) -> Path:
    """The pack of a period around today, made so much later; where it is."""
    today, month = clock.now().date(), timedelta(days=30)
    details = periods.Details("This year", "soc2", today - month, today, today + month, [story.auditor])
    with clock.freeze(clock.now() + later):
        build(periods.create(details=details, by=story.owner), seal(clock.now()), target)
    return target


def small_page():
    """In packs that are hashed and zipped again some thousand times a few bytes stand for the 8.5 MB of verify.html."""
    return patch.object(webpage, "page", return_value=b"<!DOCTYPE html><title>Stands for the page</title>")


@dataclass(frozen=True)
class Honest:
    """A pack that nobody touched, and what an auditor knows besides."""

    path: Path
    key: str
    note: str
    old_note: str
    sample: Path


@pytest.fixture(scope="session")
def honest(tmp_path_factory, django_db_setup, django_db_blocker) -> Honest:
    """One pack for all the tests that only read it or spoil a copy, and that of a sample; built in a database that is rolled back."""
    folder = tmp_path_factory.mktemp("honest")
    own = override_settings(
        CERTIFY_LEDGER_ORIGIN="certify.example/ledger", CERTIFY_LEDGER_KEY_FILE=folder / "key.json", CERTIFY_DATA_DIR=folder
    )
    with own, small_page(), django_db_blocker.unblock(), transaction.atomic():
        period = play(tell(folder))
        old = Checkpoint.objects.order_by("size").first().note
        checkpoint = seal()
        build(period, checkpoint, folder / "pack.zip")
        disclosure.write(disclosure.gather(Sample.objects.get(population="items"), checkpoint), folder / "sample.zip")
        found = Honest(folder / "pack.zip", keys.load().verifier, checkpoint.note, old, folder / "sample.zip")
        transaction.set_rollback(True)
    return found


@dataclass(frozen=True)
class Packs:
    """Where the packs are, the keys in their order, and checkpoints that were signed before and after the first change."""

    folder: Path
    keys: list[str]
    notes: list[str]


@pytest.fixture(scope="session")
def packs(tmp_path_factory, django_db_setup, django_db_blocker) -> Packs:
    """A pack after a change of keys, one of before it that was built after it, and one after a loss."""
    folder = tmp_path_factory.mktemp("keys")
    file = folder / "key.json"
    own = override_settings(CERTIFY_LEDGER_ORIGIN="a.example/log", CERTIFY_LEDGER_KEY_FILE=file, CERTIFY_DATA_DIR=folder)
    with own, small_page(), django_db_blocker.unblock(), transaction.atomic():
        period = play(tell(folder))
        old, known = seal(), [keys.load().verifier]
        with clock.freeze(moment(12, 31, 23)):
            known.append(tasks.rotate_key("yearly", SYSTEM))
        new = sequencing.sequence(by=SYSTEM)
        build(period, old, folder / "older.zip")
        build(period, new, folder / "rotated.zip")
        drawn = Sample.objects.get(population="items")
        for name, checkpoint in (("sample-older", old), ("sample-rotated", new)):
            disclosure.write(disclosure.gather(drawn, checkpoint), folder / f"{name}.zip")
        file.unlink()
        keys.create(file, "a.example/log-2")
        with clock.freeze(moment(12, 31, 23)):
            rotation.begin_anew(why="burnt", by=SYSTEM)
        build(period, seal(), folder / "lost.zip")
        known.append(keys.load().verifier)
        transaction.set_rollback(True)
    return Packs(folder, known, [old.note, new.note])


@pytest.fixture
def copy(honest, tmp_path) -> Path:
    """A copy of the honest pack, to be spoiled."""
    return Path(shutil.copyfile(honest.path, tmp_path / "copy.zip"))


__all__ = ["Honest", "Story", "Verified", "build", "seal", "verify"]
