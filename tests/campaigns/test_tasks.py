"""The tasks: due campaigns are closed, reminders go to those with open items, and running twice changes nothing."""

from datetime import timedelta

import pytest

from campaigns import tasks
from campaigns.actions import launching
from campaigns.models import Campaign, ReviewItem
from certify.lib import clock
from people.models import Mail

pytestmark = pytest.mark.django_db


def reminders() -> dict[str, int]:
    return {mail.recipient.name: mail.context["items"] for mail in Mail.objects.filter(template="campaign_reminder")}


def test_reminders_go_once_a_day_to_people_with_items_left(story, campaign, ana):
    story.decide(campaign, "bruno", "approve", ana)
    story.submit(campaign, ana)
    with clock.freeze(campaign.due_at - timedelta(days=5)):
        tasks.send_due_reminders()
    assert reminders() == {}
    with clock.freeze(campaign.due_at - timedelta(days=3)):
        tasks.send_due_reminders()
        tasks.send_due_reminders()
    assert reminders() == {"Ana Berg": 4, "System_Owner": 2}
    assert Mail.objects.filter(template="campaign_reminder").count() == 2


def test_who_has_submitted_everything_is_not_reminded(story, campaign, ana):
    for account, entitlement in (("bruno", "read"), ("bruno", "admin"), ("chloe", "read"), ("david", "read"), ("job", "read")):
        story.decide(campaign, account, "revoke", ana, entitlement=entitlement)
    story.submit(campaign, ana)
    with clock.freeze(campaign.due_at - timedelta(hours=1)):
        tasks.send_due_reminders()
    assert reminders() == {"System_Owner": 2}


def test_due_campaigns_are_closed_and_only_those(story, campaign):
    tasks.close_due_campaigns()
    assert Campaign.objects.get().state == "open"
    with clock.freeze(campaign.due_at + timedelta(seconds=1)):
        tasks.close_due_campaigns()
        tasks.close_due_campaigns()
    closed = Campaign.objects.get()
    assert (closed.state, closed.closed_by_name) == ("closed", "Certify")
    assert set(ReviewItem.objects.values_list("outcome", flat=True)) == {"not_reviewed"}


def test_a_refused_launch_says_why_and_can_be_tried_again(story, settings):
    settings.CACHES = {"default": {"BACKEND": "django.core.cache.backends.locmem.LocMemCache"}}
    definition = story.define(departments=["Nobody"], orphans=False)
    launching.request(definition_id=definition.pk, name="Q4", by=story.owner)
    tasks.run_requested_launches()
    campaign = Campaign.objects.get()
    assert campaign.state == "failed"
    assert "Nothing is in scope" in campaign.error
    definition.scope = definition.scope | {"include": [{"field": "orphan", "any": ["no"]}]}
    definition.save()
    launching.retry(campaign_id=campaign.pk, by=story.owner)
    tasks.run_requested_launches()
    tasks.run_requested_launches()
    campaign.refresh_from_db()
    assert (campaign.state, campaign.item_count, campaign.error) == ("open", 6, "")
