"""Periods and packs: who may do what, what is recorded, and that a build may be delivered twice or die."""

import threading
from datetime import date, timedelta

import pytest
from django.core.management import CommandError, call_command
from django.db import connection, transaction

from certify.lib import clock
from certify.lib.errors import InvalidInput, NotAllowed
from evidence import tasks
from evidence.actions import packs, periods
from evidence.models import AuditPeriod, EvidencePack
from evidence.pack import builder
from ledger.actions import sequencing
from ledger.actors import SYSTEM
from ledger.models import Entry
from tests.evidence.conftest import verify
from tests.evidence.story import details

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def local(settings, key_file):
    settings.CACHES = {"default": {"BACKEND": "django.core.cache.backends.locmem.LocMemCache"}}


@pytest.fixture
def opened(story):
    """A period over a closed review."""
    campaign = story.launch()
    story.decide(campaign, "bruno", "approve", story.user("ana@x.example"))
    today = clock.now().date()
    span = {"from_on": today, "to_on": today, "open_until": today + timedelta(days=9)}
    return periods.create(details=details(story, **span), by=story.owner)


def recorded(kind: str) -> list[tuple[str, dict]]:
    """(subject, data) of the entries of a kind."""
    return [(entry.subject, entry.payload_json["data"]) for entry in Entry.objects.filter(kind=kind).order_by("id")]


def test_a_period_is_recorded_with_its_auditors(story):
    period = periods.create(details=details(story), by=story.owner)
    facts = {
        "period": str(period.pk), "name": "SOC 2 2031", "framework": "soc2", "from": "2031-01-01", "to": "2031-12-31",
        "open_until": "2032-03-31", "auditors": [f"people.user:{story.auditor.pk}"], "systems": [], "kinds": [],
        "outside": "",
        "leaver_days": 1,
    }  # fmt: skip
    assert recorded("period:created") == [(f"evidence.period:{period.pk}", facts)]
    periods.change(period_id=period.pk, details=details(story, auditors=[]), by=story.owner)
    assert recorded("period:changed") == [(f"evidence.period:{period.pk}", {"old": facts, "new": facts | {"auditors": []}})]
    assert list(period.auditors.all()) == []


def test_a_change_that_changes_nothing_leaves_no_entry(story):
    period = periods.create(details=details(story), by=story.owner)
    periods.change(period_id=period.pk, details=details(story), by=story.owner)
    assert recorded("period:changed") == []


@pytest.mark.parametrize(("change", "field"), [
    ({"framework": "unknown"}, "framework"), ({"to_on": date(2030, 1, 1)}, "to_on"), ({"name": " "}, "name"),
])  # fmt: skip
def test_a_period_that_makes_no_sense_is_refused(story, change, field):
    with pytest.raises(InvalidInput) as refused:
        periods.create(details=details(story, **change), by=story.owner)
    assert refused.value.field == field
    assert AuditPeriod.objects.count() == 0


def test_only_auditors_are_invited_and_only_control_owners_invite(story):
    with pytest.raises(InvalidInput, match="does not have the role auditor"):
        periods.create(details=details(story, auditors=[story.fallback]), by=story.owner)
    for person in (story.admin, story.auditor, story.fallback):
        with pytest.raises(NotAllowed):
            periods.create(details=details(story), by=person)


def test_two_periods_cannot_have_one_name(story):
    periods.create(details=details(story), by=story.owner)
    with pytest.raises(InvalidInput, match="already a period called"):
        periods.create(details=details(story), by=story.owner)


def test_a_pack_that_was_asked_for_is_built_once_however_often_it_is_delivered(story, opened):
    pack = packs.request(period_id=opened.pk, by=story.owner)
    tasks.build_requested_packs()
    pack.refresh_from_db()
    assert (pack.state, len(pack.sha256)) == ("ready", 64)
    built = pack.built_at
    tasks.build_pack(pack.pk)
    tasks.build_requested_packs()
    pack.refresh_from_db()
    assert pack.built_at == built
    [(subject, data)] = recorded("pack:built")
    assert subject == f"evidence.pack:{pack.pk}"
    assert (data["sha256"], data["checkpoint_size"], data["counts"]) == (pack.sha256, str(pack.checkpoint_size), pack.counts)


def test_what_is_stored_is_what_the_row_says_and_holds(story, opened, settings):
    pack = packs.request(period_id=opened.pk, by=story.owner)
    tasks.build_pack(pack.pk)
    pack.refresh_from_db()
    path = settings.CERTIFY_DATA_DIR / pack.stored_as
    assert (path.stat().st_size, builder._sha256(path)) == (pack.size, pack.sha256)
    assert [one.name for one in path.parent.iterdir()] == [path.name]
    assert verify(path).status == 0


def test_a_second_request_waits_for_the_first(story, opened):
    packs.request(period_id=opened.pk, by=story.owner)
    with pytest.raises(InvalidInput, match="already being built"):
        packs.request(period_id=opened.pk, by=story.owner)


def test_only_control_owners_have_packs_built(story, opened):
    for person in (story.admin, story.auditor, story.fallback):
        with pytest.raises(NotAllowed):
            packs.request(period_id=opened.pk, by=person)
    assert EvidencePack.objects.count() == 0


def test_a_build_that_dies_leaves_the_request_and_what_is_finished_under_no_name(story, opened, settings):
    pack = packs.request(period_id=opened.pk, by=story.owner)
    sequencing.sequence(by=SYSTEM)

    def die(percent: int, text: str) -> None:
        if percent > 50:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt), transaction.atomic():
        packs.build(pack_id=pack.pk, by=story.owner, progress=die)
    pack.refresh_from_db()
    assert pack.state == "requested"
    left = {f".{pack.pk}.part", f".{pack.pk}.journal"}
    assert {one.name for one in (settings.CERTIFY_DATA_DIR / "packs").iterdir()} == left
    tasks.build_requested_packs()
    pack.refresh_from_db()
    assert pack.state == "ready"
    assert [one.name for one in (settings.CERTIFY_DATA_DIR / "packs").iterdir()] == [f"{pack.pk}-{pack.checkpoint_size}.zip"]


def test_a_disk_that_is_full_is_said_on_the_pack(story, opened, settings):
    pack = packs.request(period_id=opened.pk, by=story.owner)
    (settings.CERTIFY_DATA_DIR / "packs").write_text("a file where the folder should be")
    tasks.build_pack(pack.pk)
    pack.refresh_from_db()
    assert (pack.state, pack.error) == ("failed", "The pack could not be written: File exists.")
    assert recorded("pack:failed") == [(f"evidence.pack:{pack.pk}", {"period": str(opened.pk), "reason": pack.error})]


def test_progress_only_grows(story, opened):
    pack = packs.request(period_id=opened.pk, by=story.owner)
    sequencing.sequence(by=SYSTEM)
    seen: list[int] = []
    packs.build(pack_id=pack.pk, by=story.owner, progress=lambda percent, text: seen.append(percent))
    assert seen == sorted(seen)
    assert seen[-1] <= 100


def test_downloads_are_recorded_and_only_for_those_to_whom_the_period_is_open(story, opened):
    pack = packs.request(period_id=opened.pk, by=story.owner)
    with pytest.raises(InvalidInput, match="not ready"):
        packs.record_download(pack_id=pack.pk, by=story.auditor)
    tasks.build_pack(pack.pk)
    packs.record_download(pack_id=pack.pk, by=story.auditor)
    pack.refresh_from_db()
    assert recorded("pack:downloaded") == [(f"evidence.pack:{pack.pk}", {"period": str(opened.pk), "sha256": pack.sha256})]
    with pytest.raises(NotAllowed):
        packs.record_download(pack_id=pack.pk, by=story.fallback)
    AuditPeriod.objects.filter(pk=opened.pk).update(open_until=clock.now().date() - timedelta(days=1))
    with pytest.raises(NotAllowed):
        packs.record_download(pack_id=pack.pk, by=story.auditor)


@pytest.mark.django_db(transaction=True)
def test_two_workers_never_build_the_same_pack(story, opened):
    pack = packs.request(period_id=opened.pk, by=story.owner)
    sequencing.sequence(by=SYSTEM)
    started, go_on, results = threading.Event(), threading.Event(), []

    def hold(percent: int, text: str) -> None:
        started.set()
        go_on.wait(20)

    def work(progress) -> None:
        try:
            results.append(packs.build(pack_id=pack.pk, by=story.owner, progress=progress))
        finally:
            connection.close()

    first = threading.Thread(target=work, args=(hold,))
    first.start()
    assert started.wait(20)
    assert packs.build(pack_id=pack.pk, by=story.owner) is None
    go_on.set()
    first.join(30)
    assert [one.state for one in results] == ["ready"]
    assert len(recorded("pack:built")) == 1


def test_the_command_builds_against_an_older_checkpoint(story, opened, tmp_path, capsys):
    old = sequencing.sequence(by=SYSTEM)
    call_command("build_pack", opened.name, by="control_owner", output=tmp_path / "one.zip", checkpoint_size=old.size)
    call_command("build_pack", opened.name, by="control_owner", output=tmp_path / "two.zip", checkpoint_size=old.size)
    assert (tmp_path / "one.zip").read_bytes() == (tmp_path / "two.zip").read_bytes()
    assert f"checkpoint of {old.size} entries" in capsys.readouterr().out
    with pytest.raises(CommandError, match="no checkpoint of 999"):
        call_command("build_pack", opened.name, by="control_owner", checkpoint_size=999)


def test_a_pack_that_cannot_be_built_says_so_and_holds_up_no_other(story, opened, monkeypatch):
    later = periods.create(details=details(story, name="Another"), by=story.owner)
    broken, whole = (packs.request(period_id=one.pk, by=story.owner) for one in (opened, later))
    build = packs.build

    def fail_one(*, pack_id: int, **options):
        if pack_id == broken.pk:
            raise KeyError("nobody thought of this")
        return build(pack_id=pack_id, **options)

    monkeypatch.setattr(packs, "build", fail_one)
    with pytest.raises(KeyError):
        tasks.build_requested_packs()
    tasks.build_requested_packs()
    broken.refresh_from_db()
    whole.refresh_from_db()
    assert (broken.state, whole.state) == ("failed", "ready")
    assert "could not build it (KeyError)" in broken.error


@pytest.mark.parametrize(("change", "field"), [
    ({"to_on": date.max}, "to_on"), ({"from_on": date.min}, "from_on"), ({"open_until": date.max}, "open_until"),
])  # fmt: skip
def test_days_that_are_slips_of_the_hand_are_refused(story, change, field):
    with pytest.raises(InvalidInput) as refusal:
        periods.create(details=details(story, **change), by=story.owner)
    assert refusal.value.field == field
    assert not AuditPeriod.objects.exists()
