"""Staged, opened, paused, resumed: what may be done when, and what it leaves behind."""

from datetime import timedelta

import pytest
from django.urls import reverse

from campaigns import tasks
from campaigns.actions import advancing, closing, launching, lifecycle
from campaigns.models import Assignment, Campaign
from campaigns.states import CampaignState
from certify.lib import clock
from certify.lib.errors import InvalidInput, NotAllowed
from ledger.models import Entry
from people.models import Mail

pytestmark = pytest.mark.django_db
REASON = "The export was found to be wrong"


@pytest.fixture
def staged(story) -> Campaign:
    asked = launching.request(definition_id=story.define().pk, name="Q4", by=story.owner, is_staged_first=True)
    tasks.launch_campaign(asked.pk)
    return Campaign.objects.get(pk=asked.pk)


def test_a_staged_campaign_is_frozen_but_asks_nobody(client, story, staged):
    assert (staged.state, staged.item_count, staged.opened_at) == ("staged", 7, None)
    assert staged.population_root == Entry.objects.get(kind="campaign:staged").payload_json["data"]["population_root"]
    assert not Mail.objects.filter(template="campaign_opened").exists()
    ana = story.user("ana@x.example")
    client.force_login(ana)
    assert client.get(reverse("campaigns:review", args=[staged.pk])).status_code == 404
    assert client.get(reverse("campaigns:inbox")).context["cards"] == []
    with pytest.raises(InvalidInput, match="not open"):
        story.decide(staged, "bruno", "approve", ana)
    story.load_without(("bruno", "read"))
    assert Campaign.objects.get().item_count == 7


def test_the_owner_looks_at_each_page_sends_a_test_and_opens(client, story, staged):
    client.force_login(story.owner)
    ana = story.user("ana@x.example")
    mine = Assignment.objects.filter(campaign=staged, reviewer=ana).count()
    page = client.get(reverse("campaigns:reviewer-page", args=[staged.pk, ana.pk]))
    assert (page.context["total"], len(page.context["page"].rows)) == (mine, mine)
    assert "Manager of the person" in page.content.decode()
    assert client.get(reverse("campaigns:reviewer-page", args=[staged.pk, story.auditor.pk])).status_code == 404
    client.post(reverse("campaigns:campaign-test-mail", args=[staged.pk]))
    test = Mail.objects.get(recipient=story.owner)
    assert (test.context["campaign"], test.context["items"]) == ("[Test] Q4", mine), "as whoever has most will get it"
    client.post(reverse("campaigns:campaign-open", args=[staged.pk]))
    opened = Campaign.objects.get(pk=staged.pk)
    assert (opened.state, opened.population_root) == ("open", staged.population_root)
    assert opened.due_at == opened.opened_at + timedelta(days=14)
    real = Mail.objects.get(template="campaign_opened", recipient=ana)
    assert {name: real.context[name] for name in ("purpose", "stage", "items")}.items() <= test.context.items()
    client.post(reverse("campaigns:campaign-open", args=[staged.pk]))
    assert Entry.objects.filter(kind="campaign:launched").count() == 1
    story.decide(opened, "bruno", "approve", ana)


def test_a_staged_campaign_can_be_cancelled_but_not_closed(story, staged):
    with pytest.raises(InvalidInput):
        closing.close(campaign_id=staged.pk, by=story.owner)
    closing.cancel(campaign_id=staged.pk, reason=REASON, by=story.owner)
    with pytest.raises(InvalidInput):
        lifecycle.open_staged(campaign_id=staged.pk, by=story.owner)
    assert Campaign.objects.get().state == CampaignState.CANCELLED


def test_a_pause_stops_decisions_reminders_and_the_end_and_is_given_back(client, story):
    campaign = story.launch()
    ana = story.user("ana@x.example")
    story.decide(campaign, "bruno", "approve", ana)
    noon = campaign.opened_at + timedelta(days=13)
    with clock.freeze(noon):
        lifecycle.pause(campaign_id=campaign.pk, reason=REASON, by=story.owner)
        with pytest.raises(InvalidInput, match="paused"):
            story.decide(campaign, "david", "approve", ana)
        with pytest.raises(InvalidInput, match="paused"):
            story.submit(campaign, ana)
        client.force_login(ana)
        page = client.get(reverse("campaigns:review", args=[campaign.pk]))
        assert "This review is paused" in page.content.decode()
        assert not page.context["is_open"]
    with clock.freeze(campaign.due_at + timedelta(days=5)):
        before = Mail.objects.count()
        tasks.close_due_campaigns()
        tasks.send_due_reminders()
        tasks.replace_leavers()
        assert Mail.objects.count() == before
        assert Campaign.objects.get().state == CampaignState.PAUSED
        lifecycle.resume(campaign_id=campaign.pk, by=story.owner)
        tasks.close_due_campaigns()
        resumed = Campaign.objects.get()
        assert (resumed.state, resumed.due_at) == ("open", campaign.due_at + timedelta(days=6))
        story.decide(campaign, "david", "approve", ana)
    assert list(Entry.objects.filter(kind__in=("campaign:paused", "campaign:resumed")).values_list("kind", flat=True)) == [
        "campaign:paused",
        "campaign:resumed",
    ]


@pytest.mark.parametrize("action", [lifecycle.open_staged, lifecycle.resume, lifecycle.send_test_mail])
def test_acts_that_do_not_fit_the_state_are_refused_and_change_nothing(story, action):
    campaign = story.launch()
    closing.close(campaign_id=campaign.pk, by=story.owner)
    before = Entry.objects.count()
    with pytest.raises(InvalidInput):
        action(campaign_id=campaign.pk, by=story.owner)
    with pytest.raises(NotAllowed):
        action(campaign_id=campaign.pk, by=story.admin)
    assert Entry.objects.count() == before


def test_a_pause_needs_a_reason_and_a_paused_stage_cannot_be_ended(client, story):
    campaign = story.launch()
    client.force_login(story.owner)
    address = reverse("campaigns:campaign-pause", args=[campaign.pk])
    assert client.post(address, {"reason": ""}).status_code == 422
    assert client.post(address, {"reason": REASON}).status_code == 302
    assert client.post(address, {"reason": REASON}).status_code == 422
    for act in (
        lambda: closing.close(campaign_id=campaign.pk, by=story.owner),
        lambda: advancing.extend(
            campaign_id=campaign.pk, due_at=campaign.due_at + timedelta(days=1), reason=REASON, by=story.owner
        ),
    ):
        with pytest.raises((InvalidInput, NotAllowed)):
            act()
    assert client.post(reverse("campaigns:campaign-resume", args=[campaign.pk])).status_code == 302
    assert Campaign.objects.get().state == CampaignState.OPEN
