"""The pages of audit periods: what they show, and to whom."""

from datetime import timedelta

import pytest
from django.test import Client
from django.urls import reverse

from certify.lib import clock
from evidence import tasks
from evidence.actions import packs, periods
from evidence.models import AuditPeriod, EvidencePack
from ledger import keys
from ledger.actions import rotation, sequencing
from ledger.actors import SYSTEM
from ledger.models import Entry
from tests.evidence.conftest import seal
from tests.evidence.story import details, play

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def local(settings, key_file):
    settings.CACHES = {"default": {"BACKEND": "django.core.cache.backends.locmem.LocMemCache"}}


def client_of(user) -> Client:
    client = Client()
    client.force_login(user, backend="django.contrib.auth.backends.ModelBackend")
    return client


@pytest.fixture
def opened(story) -> AuditPeriod:
    today = clock.now().date()
    return periods.create(details=details(story, name="This year", open_until=today + timedelta(days=9)), by=story.owner)


def test_a_period_is_made_in_the_browser(story):
    client = client_of(story.owner)
    form = {
        "name": "SOC 2 2031", "framework": "soc2", "from_on": "2031-01-01", "to_on": "2031-12-31", "open_until": "2032-03-31",
        "auditors": [story.auditor.pk], "leaver_days": 1,
    }  # fmt: skip
    answer = client.post(reverse("evidence:period-create"), form)
    period = AuditPeriod.objects.get()
    assert answer["Location"] == reverse("evidence:period-detail", args=[period.pk])
    assert list(period.auditors.all()) == [story.auditor]
    answer = client.post(reverse("evidence:period-edit", args=[period.pk]), form | {"to_on": "2030-01-01"})
    assert (answer.status_code, b"must not end before it begins" in answer.content) == (422, True)


def test_the_page_shows_the_numbers_of_its_reviews(story):
    period = play(story)
    seal()
    text = client_of(story.owner).get(reverse("evidence:period-detail", args=[period.pk])).content.decode()
    for words in ("=Review of spring", "1 of 2 verified gone", "0 of 1 verified gone", "cancelled", "still open", "9 = 9 + 0"):
        assert words in text
    assert "they serve no control of SOC 2 (Trust Services Criteria 2017): Of another standard" in text
    assert "python3 -I verify.py PACK.zip --key certify.example/ledger+" in text


@pytest.mark.parametrize("days", [0, 9])
def test_an_auditor_sees_the_period_until_its_last_day_and_can_do_nothing_but_download(story, opened, days):
    pack = packs.request(period_id=opened.pk, by=story.owner)
    tasks.build_pack(pack.pk)
    AuditPeriod.objects.filter(pk=opened.pk).update(open_until=clock.now().date() + timedelta(days=days))
    client = client_of(story.auditor)
    page = reverse("evidence:period-detail", args=[opened.pk])
    assert b"This year" in client.get(reverse("evidence:period-list")).content
    assert b"Build a pack" not in client.get(page).content
    for address in (reverse("evidence:period-edit", args=[opened.pk]), reverse("evidence:period-create")):
        assert client.get(address).status_code == 403
    assert client.post(reverse("evidence:pack-request", args=[opened.pk])).status_code == 403
    answer = client.post(reverse("evidence:pack-download", args=[pack.pk]))
    pack.refresh_from_db()
    assert len(b"".join(answer.streaming_content)) == pack.size
    assert answer["Content-Disposition"] == f'attachment; filename="{pack.file_name}"'
    entry = Entry.objects.get(kind="pack:downloaded")
    assert (entry.actor_id, entry.subject) == (f"people.user:{story.auditor.pk}", f"evidence.pack:{pack.pk}")


def test_what_is_not_opened_to_an_auditor_is_not_there(story, opened):
    pack = packs.request(period_id=opened.pk, by=story.owner)
    tasks.build_pack(pack.pk)
    addresses = [reverse("evidence:period-detail", args=[opened.pk]), reverse("evidence:pack-download", args=[pack.pk])]
    AuditPeriod.objects.filter(pk=opened.pk).update(open_until=clock.now().date() - timedelta(days=1))
    client = client_of(story.auditor)
    assert [client.get(addresses[0]).status_code, client.post(addresses[1]).status_code] == [404, 404]
    assert b"This year" not in client.get(reverse("evidence:period-list")).content
    opened.auditors.clear()
    AuditPeriod.objects.filter(pk=opened.pk).update(open_until=clock.now().date())
    assert [client.get(addresses[0]).status_code, client.post(addresses[1]).status_code] == [404, 404]
    assert Entry.objects.filter(kind="pack:downloaded").count() == 0


def test_the_fragment_asks_for_itself_only_while_a_pack_is_built(story, opened):
    client, page = client_of(story.owner), reverse("evidence:period-detail", args=[opened.pk])
    client.post(reverse("evidence:pack-request", args=[opened.pk]))
    text = client.get(page, headers={"HX-Request": "true"}).content.decode()
    assert ("every 1s" in text, "Waiting for a worker" in text, "<html" in text) == (True, True, False)
    tasks.build_requested_packs()
    text = client.get(page, headers={"HX-Request": "true"}).content.decode()
    assert ("every 1s" in text, EvidencePack.objects.get().sha256 in text) == (False, True)


def test_the_page_takes_the_same_queries_for_one_and_three_reviews(story, opened, django_assert_num_queries):
    AuditPeriod.objects.filter(pk=opened.pk).update(from_on=clock.now().date(), to_on=clock.now().date())
    client, page = client_of(story.owner), reverse("evidence:period-detail", args=[opened.pk])
    story.launch("one")
    with django_assert_num_queries(14):
        client.get(page)
    for name in ("two", "three"):
        story.launch(name)
    with django_assert_num_queries(14):
        client.get(page)


def test_while_keys_change_the_page_names_the_one_that_signs_now(story, opened):
    sequencing.sequence(by=SYSTEM)
    term = rotation.hand_over(why="yearly change", by=SYSTEM)
    page = client_of(story.owner).get(reverse("evidence:period-detail", args=[opened.pk])).content.decode()
    assert (term.verifier in page, keys.load().verifier in page) == (True, False)
