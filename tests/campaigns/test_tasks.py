"""The tasks: due campaigns are closed, refused launches say why, and running twice changes nothing."""

from datetime import timedelta

import pytest

from campaigns import tasks
from campaigns.actions import launching
from campaigns.models import Campaign, ReviewItem
from certify.lib import clock

pytestmark = pytest.mark.django_db


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
