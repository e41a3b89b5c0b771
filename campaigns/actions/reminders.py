"""Reminders: to reviewers who still have items, before the due date and on it."""

from datetime import UTC

from django.db import transaction

from campaigns import ladder, queries
from campaigns.models import Campaign
from campaigns.states import CampaignState
from certify.lib import clock
from people.actions import mails


@transaction.atomic
def remind(*, by) -> int:
    """Queue today's reminders of every open campaign; returns how many were queued.

    Only people with items that are not submitted are reminded. Running it again on the same day queues nothing.
    """
    now, queued = clock.now(), 0
    for campaign in Campaign.objects.filter(state=CampaignState.OPEN, due_at__gt=now):
        span = ladder.Span(campaign.stage_opened_at or campaign.opened_at, campaign.due_at, campaign.due_at)
        if not ladder.steps(ladder.of(campaign.terms), span, now.date(), UTC):
            continue
        queued += mails.queue_many(
            drafts=[
                mails.Draft(
                    recipient_id=reviewer,
                    template="campaign_reminder",
                    context={
                        "campaign": campaign.name,
                        "items": count,
                        "due_on": campaign.due_at.date().isoformat(),
                        "days_left": (campaign.due_at.date() - now.date()).days,
                        "path": f"/reviews/{campaign.pk}/",
                    },
                    subject_ref=f"campaigns.campaign:{campaign.pk}",
                    dedupe_key=f"campaign-reminder:{campaign.pk}:{reviewer}:{now.date().isoformat()}",
                )
                for reviewer, count in queries.reviewers_with_open_items(campaign).items()
            ],
            by=by,
        )
    return queued
