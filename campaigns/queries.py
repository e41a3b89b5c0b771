"""Reads of campaigns and definitions: progress, reviewers, what is due, what a form offers."""

from datetime import datetime

from django.db.models import Count, F, Max, Q, QuerySet

from campaigns import permissions, second_look, stages
from campaigns.models import Assignment, Campaign, CampaignDefinition, Delegation, ReviewItem
from campaigns.states import CampaignState, Outcome
from people.models import User
from people.states import Role


def progress(campaign: Campaign) -> dict:
    """Where a campaign stands.

    {total: items, asked: answers wanted in its stage, open, drafts, submitted: of those, percent: submitted of asked, and, once it is
    closed, approved, revoked, reduced, not_reviewed}
    """
    counted = Assignment.objects.filter(campaign=campaign, stage=campaign.stage, is_active=True).aggregate(
        asked=Count("id", filter=second_look.ANSWERABLE | Q(sign_off__isnull=False)),
        open=Count("id", filter=second_look.ANSWERABLE & Q(decision="", sign_off__isnull=True)),
        submitted=Count("id", filter=Q(sign_off__isnull=False)),
    )
    counted |= {"total": campaign.item_count, "drafts": counted["asked"] - counted["open"] - counted["submitted"]}
    counted["percent"] = round(100 * counted["submitted"] / counted["asked"]) if counted["asked"] else 0
    outcomes = dict.fromkeys(Outcome.values, 0)
    if campaign.state == CampaignState.CLOSED:
        found = ReviewItem.objects.filter(campaign=campaign).values_list("outcome").annotate(Count("id")).order_by()
        outcomes |= dict(found)
    return counted | outcomes


def reviewers(campaign: Campaign, *, after: int = 0, limit: int = 100) -> list[dict]:
    """Reviewers of a campaign's stage, by id after `after`: {reviewer_id, name, email, total, open, submitted, last_at}."""
    asked = Assignment.objects.filter(campaign=campaign, stage=campaign.stage, is_active=True, reviewer_id__gt=after)
    counted = (
        asked.values("reviewer_id", name=F("reviewer__name"), email=F("reviewer__email"))
        .annotate(
            total=Count("id"),
            open=Count("id", filter=second_look.ANSWERABLE & Q(decision="", sign_off__isnull=True)),
            submitted=Count("id", filter=Q(sign_off__isnull=False)),
            last_at=Max("decided_at"),
        )
        .order_by("reviewer_id")
    )
    return list(counted[:limit])


def reviewers_with_open_items(campaign: Campaign) -> dict[int, int]:
    """Reviewer id → answers that are not submitted yet: who is reminded, and of how much."""
    waiting = Assignment.objects.filter(
        second_look.ANSWERABLE,
        campaign=campaign,
        stage=campaign.stage,
        is_active=True,
        sign_off__isnull=True,
        reviewer__is_active=True,
    )
    return dict(waiting.values_list("reviewer_id").annotate(Count("id")).order_by())


def unanswered(campaign: Campaign) -> QuerySet:
    """Answers that are wanted in the campaign's stage and not submitted; silence beyond a group's quorum is among them."""
    return Assignment.objects.filter(
        second_look.ANSWERABLE, campaign=campaign, stage=campaign.stage, is_active=True, is_vote=True, sign_off__isnull=True
    )


def stage_is_over(campaign: Campaign, now: datetime) -> bool:
    """Whether the stage is due, or everything is answered where that is enough: in a second look also alike."""
    if now >= campaign.due_at:
        return True
    if second_look.is_running(campaign):
        return second_look.is_settled(campaign) and not unanswered(campaign).exists()
    is_enough = stages.of(campaign.terms)[campaign.stage - 1]["advance"] == "when_answered"
    return is_enough and not unanswered(campaign).exists()


def open_campaigns() -> QuerySet:
    """Campaigns that are open, the first due first."""
    return Campaign.objects.filter(state=CampaignState.OPEN).order_by("due_at")


def requested_campaigns() -> QuerySet:
    """Campaigns that wait for their launch."""
    return Campaign.objects.filter(state=CampaignState.REQUESTED).order_by("id")


def definitions() -> QuerySet:
    """Definitions in use, with how often they ran and when last."""
    return (
        CampaignDefinition.objects.filter(is_archived=False)
        .select_related("owner", "fallback_reviewer")
        .annotate(runs=Count("campaigns"), last_opened_at=Max("campaigns__opened_at"))
    )


def possible_reviewers() -> QuerySet:
    """Active users, for the choice of a reviewer; a mere auditor stays independent and is never asked."""
    return User.objects.filter(is_active=True).exclude(roles=[Role.AUDITOR.value]).order_by("name", "id")


def stale_data(campaign: Campaign, now: datetime, days: int) -> list[tuple[str, int]]:
    """(system, age in days) of the campaign's snapshots that are at least so many days old, the oldest first."""
    found = [
        (one.source.name, (now - min(filter(None, (one.snapshot.extracted_at, one.snapshot.loaded_at)))).days)
        for one in campaign.sources.select_related("source", "snapshot")
    ]
    return sorted((one for one in found if one[1] >= days), key=lambda one: -one[1])


def delegations_visible_to(user) -> QuerySet:
    """One's own, given and received; all of them for control owners. The latest first."""
    found = Delegation.objects.select_related("principal", "delegate", "created_by")
    if permissions.can_run_campaigns(user):
        return found
    return found.filter(Q(principal=user) | Q(delegate=user))


def free_name(name: str) -> str:
    """The name, or the name with the first number that makes it one no campaign has."""
    taken = set(Campaign.objects.filter(name__startswith=name).values_list("name", flat=True))
    names = (name, *(f"{name} ({number})" for number in range(2, len(taken) + 3)))
    return next(one for one in names if one not in taken)
