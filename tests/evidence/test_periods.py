"""The scope of a period, and what its auditors opened."""

import pytest
from django.test import Client
from django.urls import reverse

from certify.lib import clock
from certify.lib.errors import InvalidInput, NotAllowed
from evidence import queries
from evidence.actions import packs, periods
from evidence.models import AuditPeriod
from evidence.states import PackState
from inventory.actions import sources
from ledger.models import Entry
from people.actions import users
from tests.evidence.story import details
from tests.evidence.test_pages import client_of
from tests.story import Story

pytestmark = pytest.mark.django_db


def open_period(story: Story, **changes) -> AuditPeriod:
    today = clock.now().date()
    days = {"from_on": today, "to_on": today, "open_until": today}
    return periods.create(details=details(story, **days | changes), by=story.owner)


def page(period: AuditPeriod) -> str:
    return reverse("evidence:period-detail", args=[period.pk])


def test_a_scope_is_recorded_word_for_word_and_says_why_something_is_outside(story):
    period = open_period(story, systems=["crm"], kinds=["service", "employee"], outside=" Archives: nobody signs in. ")
    facts = Entry.objects.get(kind="period:created").payload_json["data"]
    assert (facts["systems"], facts["kinds"]) == (["crm"], ["employee", "service"])
    assert facts["outside"] == period.outside == "Archives: nobody signs in."
    with pytest.raises(InvalidInput, match="what is outside") as refused:
        open_period(story, name="Other", kinds=["service"])
    assert refused.value.field == "outside"
    for wrong, field in (({"systems": ["no"]}, "systems"), ({"kinds": ["robot"]}, "kinds")):
        with pytest.raises(InvalidInput) as refused:
            open_period(story, name="Other", outside="Because", **wrong)
        assert refused.value.field == field


def test_the_scope_is_held_against_the_reviews_of_the_period(story):
    other = sources.create(key="erp", name="Ledger of accounts", owner=story.system_owner, by=story.admin)
    period = open_period(story)
    found = queries.scope_of(period, queries.campaigns_of(period)[0])
    assert ([one.key for one in found.unreviewed], found.outside) == (["crm"], [])
    story.launch("Q1")
    found = queries.scope_of(period, queries.campaigns_of(period)[0])
    assert (found.unreviewed, found.outside) == ([], [])
    period.systems = [other.key]
    found = queries.scope_of(period, queries.campaigns_of(period)[0])
    assert ([one.key for one in found.systems], [one.key for one in found.outside]) == (["erp"], ["crm"])


def test_a_scope_is_given_in_the_browser_and_kept_when_something_else_changes(story):
    period = open_period(story)
    client, edit = client_of(story.owner), reverse("evidence:period-edit", args=[period.pk])
    form = {
        "name": "Narrow", "framework": "soc2", "from_on": period.from_on, "to_on": period.to_on, "open_until": period.open_until,
        "auditors": [story.auditor.pk], "systems": ["crm"], "kinds": ["employee"], "outside": "Suppliers have their own audit",
        "leaver_days": 7,
    }  # fmt: skip
    client.post(edit, form)
    period.refresh_from_db()
    assert (period.systems, period.kinds, period.outside) == (["crm"], ["employee"], "Suppliers have their own audit")
    assert period.leaver_days == 7
    text = client.get(edit).text
    assert 'name="leaver_days" value="7"' in text
    assert 'value="crm" id="id_systems_0" checked' in text.replace('class="" ', "")
    text = client.get(page(period)).text
    assert "Suppliers have their own audit" in text
    assert "access gone until 7 days after their last day" in text


def test_what_an_auditor_opens_is_recorded_and_the_auditee_sees_it(story):
    period = open_period(story)
    auditor, owner = client_of(story.auditor), client_of(story.owner)
    assert "Nothing yet" in owner.get(page(period)).text
    assert not Entry.objects.filter(kind="period:opened").exists(), "the auditee's own look is not an auditor's"
    shown = auditor.get(page(period)).text
    assert "What you open here is recorded" in shown
    assert "What auditors opened" not in shown
    entry = Entry.objects.signed().get(kind="period:opened")
    assert (entry.signed_as, entry.subject) == (story.auditor.name, f"evidence.period:{period.pk}")
    text = owner.get(page(period)).text
    assert "Opened the period" in text
    assert str(entry.uid) in text


def test_downloads_are_among_what_was_opened_and_other_periods_are_not(story):
    period, other = open_period(story), open_period(story, name="Other")
    pack = packs.request(period_id=period.pk, by=story.owner)
    type(pack).objects.filter(pk=pack.pk).update(state=PackState.READY, built_at=clock.now(), size=1)
    packs.record_download(pack_id=pack.pk, by=story.auditor)
    periods.record_opening(period_id=other.pk, page="period", by=story.auditor)
    assert [entry.kind for entry in queries.openings_of(period)] == ["pack:downloaded"]
    assert [entry.kind for entry in queries.openings_of(other)] == ["period:opened"]


def test_nobody_is_recorded_who_may_not_read(story):
    period = open_period(story)
    stranger = users.create(username="s", name="S", email="s@x.example", roles=["auditor"], by=story.admin)
    with pytest.raises(NotAllowed):
        periods.record_opening(period_id=period.pk, page="period", by=stranger)
    assert client_of(stranger).get(page(period)).status_code == 404
    assert Client().get(page(period)).status_code == 302
    assert not Entry.objects.filter(kind="period:opened").exists()
