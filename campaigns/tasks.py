"""Celery: launches that were asked for, campaigns that are due, reminders. Each is safe to run twice."""

from contextlib import suppress

from celery import shared_task
from django.db import connection

from campaigns import queries, silence
from campaigns import settling as settled
from campaigns.actions import (
    advancing,
    escalation,
    events,
    launching,
    occurrences,
    reminders,
    routing,
    settling,
    sod_conflicts,
    sod_exceptions,
)
from campaigns.actions import silence as silence_actions
from campaigns.models import Campaign, CampaignDefinition
from certify.lib import clock
from certify.lib.errors import DomainError, InvalidInput
from certify.lib.progress import Progress
from ledger.actors import SYSTEM

#: Tables whose statistics a launch makes stale.
GROWN = ("campaigns_reviewitem", "campaigns_assignment", "campaigns_exclusion", "campaigns_itemconflict")


def launch_progress(campaign_id: int) -> Progress:
    """How far a launch has come: percent and words."""
    return Progress(f"launch:{campaign_id}")


@shared_task(name="campaigns.launch_campaign")
def launch_campaign(campaign_id: int) -> None:
    """Launch one campaign for the person who asked for it; a refusal is recorded on it."""

    def show(percent: int, text: str) -> None:
        launch_progress(campaign_id).show({"percent": percent, "text": text})

    campaign = Campaign.objects.select_related("requested_by").get(pk=campaign_id)
    try:
        launching.launch(campaign_id=campaign_id, by=campaign.requested_by, progress=show)
    except DomainError as refusal:
        launching.fail(campaign_id=campaign_id, refusal=refusal, by=SYSTEM)
    else:
        analyze()
    launch_progress(campaign_id).forget()


def analyze() -> None:
    """Let the planner know what a launch has added; without it the first pages of a large campaign are slow."""
    with connection.cursor() as cursor:
        cursor.execute(f"ANALYZE {', '.join(GROWN)}")


@shared_task(name="campaigns.run_requested_launches")
def run_requested_launches() -> None:
    """Launch whatever waits."""
    for campaign in queries.requested_campaigns().values_list("pk", flat=True):
        launch_campaign(campaign)


@shared_task(name="campaigns.close_due_campaigns")
def close_due_campaigns() -> None:
    """End the stages that are over: the next one begins, or the campaign closes."""
    for campaign in queries.open_campaigns():
        if queries.stage_is_over(campaign, clock.now()):
            advancing.finish_stage(campaign_id=campaign.pk, by=SYSTEM)


@shared_task(name="campaigns.settle_submitted")
def settle_submitted() -> None:
    """Give items their outcome at sign-off, where removals begin then."""
    for campaign in settled.campaigns_to_look_at():
        if settled.mark(campaign) != campaign.settled_to:
            settling.settle(campaign_id=campaign.pk, by=SYSTEM)


@shared_task(name="campaigns.replace_leavers")
def replace_leavers() -> None:
    """Give what reviewers who have left had open to the next who can answer."""
    for campaign in queries.open_campaigns().values_list("pk", flat=True):
        routing.replace_leavers(campaign_id=campaign, by=SYSTEM)


@shared_task(name="campaigns.follow_silence")
def follow_silence() -> None:
    """Ask again about what nobody answered in campaigns that closed, where their terms say that this happens by itself."""
    for campaign in silence.campaigns_to_follow(clock.now()):
        if silence.silent_items(campaign).exists():
            silence_actions.follow_up(campaign_id=campaign.pk, by=SYSTEM)


@shared_task(name="campaigns.send_due_reminders")
def send_due_reminders() -> None:
    """Hand over what silence has left, tell of the silent, and queue the day's reminders."""
    for campaign in queries.open_campaigns().values_list("pk", flat=True):
        with suppress(InvalidInput):  # it ended a moment ago
            escalation.hand_over(campaign_id=campaign, by=SYSTEM)
    escalation.tell(by=SYSTEM)
    reminders.remind(by=SYSTEM)


@shared_task(name="campaigns.compare_duties")
def compare_duties() -> None:
    """Find conflicts of duties when data or rules have changed, and tell of exceptions that ran out."""
    sod_conflicts.refresh(by=SYSTEM, waits=False)
    sod_exceptions.tell_of_ended(by=SYSTEM)
    sod_exceptions.tell_of_more(by=SYSTEM)


@shared_task(name="campaigns.run_schedules")
def run_schedules() -> None:
    """Draft and launch what schedules want by now."""
    for definition in CampaignDefinition.objects.exclude(schedule={}).filter(is_archived=False).values_list("pk", flat=True):
        occurrences.advance(definition_id=definition, by=SYSTEM)


@shared_task(name="campaigns.watch_events")
def watch_events() -> None:
    """Find what happened to access since the last look, and ask about it: what was kept until a day, and what is watched for."""
    for definition in CampaignDefinition.objects.values_list("pk", flat=True):
        events.look(definition_id=definition, by=SYSTEM)
