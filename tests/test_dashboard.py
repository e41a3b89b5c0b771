"""The first page: what waits for each, in numbers that are true."""

import re

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from campaigns.actions import closing
from ledger.actors import SYSTEM
from people.actions import users
from remediation.actions import objections, removals
from remediation.models import RemediationTask


def cards(client, user) -> dict[str, list[tuple[int, str]]]:
    """Title of each card → its numbers with their labels, as the person sees them."""
    client.force_login(user)
    found = client.get("/").context["cards"]
    return {card["title"]: [(value, label) for value, label, _ in card["stats"]] for card in found}


@pytest.fixture
def busy(story):
    """One campaign closed with a removal, one open in which Ana has decided one of five."""
    ana_decides(story, closed := story.launch("Q3"), "revoke")
    story.submit(closed, story.user("ana@x.example"))
    closing.close(campaign_id=closed.pk, by=story.owner)
    removals.open_for_campaign(campaign_id=closed.pk, by=SYSTEM)
    ana_decides(story, story.launch("Q4"), "approve")
    return story


def ana_decides(story, campaign, code):
    """Bruno's right to read, by his manager."""
    story.decide(campaign, "bruno", code, story.user("ana@x.example"))


def test_a_reviewer_sees_what_is_left_and_goes_on_where_they_stopped(client, busy):
    found = cards(client, busy.user("ana@x.example"))
    assert list(found) == ["Your reviews"]
    assert found["Your reviews"][0] == (4, "to decide")
    text = client.get("/").text
    assert "Q4: 1 of 5 decided" in text
    assert re.search(r'<a class="button primary" href="/reviews/[^"]*">\s*Continue where you stopped', text)


def test_a_control_owner_sees_campaigns_removals_systems_and_periods(client, busy):
    found = cards(client, busy.owner)
    assert list(found) == ["Campaigns", "Removals", "Systems", "Audit periods"]
    assert found["Campaigns"] == [(1, "open")]
    assert found["Removals"] == [(1, "not yet proved"), (0, "late"), (0, "still there")]
    assert found["Systems"] == [(1, "systems"), (0, "never loaded")]


def test_a_system_owner_sees_their_removals_and_reviews(client, busy):
    found = cards(client, busy.system_owner)
    assert found["Removals"][0] == (1, "not yet proved")
    assert found["Your reviews"][0] == (2, "to decide")
    stranger = users.create(username="other", name="Other", roles=["system_owner"], by=SYSTEM)
    assert cards(client, stranger)["Removals"][0] == (0, "not yet proved")


def test_an_auditor_sees_periods_and_nothing_else(client, busy):
    assert cards(client, busy.auditor) == {"Audit periods": [(0, "open to you")]}


def test_a_person_without_work_is_told_so(client, story):
    idle = users.create(username="idle", name="Idle", roles=[], by=SYSTEM)
    assert cards(client, idle) == {"Your reviews": [(0, "to decide"), (0, "minutes, about")]}
    assert "Nothing waits for you." in client.get("/").text


@pytest.mark.parametrize("who", ["owner", "ana"])
def test_more_campaigns_take_no_more_than_17_queries(client, story, who):
    for number in range(6):
        story.launch(f"Q{number}")
    client.force_login(story.user("ana@x.example") if who == "ana" else story.owner)
    with CaptureQueriesContext(connection) as queries:
        client.get("/")
    assert len(queries) <= 17


def test_an_objection_waits_on_the_first_page_of_whoever_decides_again(client, story):
    campaign, ana = story.launch(objection_days=5), story.user("ana@x.example")
    story.decide(campaign, "david", "revoke", ana)
    story.submit(campaign, ana)
    closing.close(campaign_id=campaign.pk, by=story.owner)
    removals.open_for_campaign(campaign_id=campaign.pk, by=SYSTEM)
    task = RemediationTask.objects.get()
    objections.object_to(task_id=task.pk, reason="I need it each day", by=task.announcement.person)
    assert cards(client, ana)["Objections"] == [(1, "to answer")]
    assert "Objections" not in cards(client, story.auditor)
