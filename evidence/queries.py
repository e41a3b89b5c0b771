"""Reads for the pages of audit periods."""

from datetime import UTC, datetime, time, timedelta

from django.db.models import Count, Q, QuerySet

from campaigns.models import Campaign
from campaigns.states import CampaignState
from evidence.models import AuditPeriod


def campaigns_of(period: AuditPeriod) -> QuerySet:
    """Campaigns of the period's framework that were open in it, with their outcomes and removals."""
    begin = datetime.combine(period.from_on, time(), UTC)
    end = datetime.combine(period.to_on + timedelta(days=1), time(), UTC)
    in_time = Q(opened_at__lt=end) & (Q(closed_at__isnull=True) | Q(closed_at__gte=begin))
    found = Campaign.objects.filter(in_time, state__in=(CampaignState.OPEN, CampaignState.CLOSED))
    mine = [
        campaign.pk
        for campaign in found
        if any(control.startswith(f"{period.framework}:") for control in campaign.terms["controls"])
    ]
    return (
        found.filter(pk__in=mine)
        .annotate(removals_total=Count("removals"), removals_gone=Count("removals", filter=Q(removals__state="verified_gone")))
        .order_by("opened_at")
    )


def outcomes_of(campaigns: list[Campaign]) -> dict[int, dict[str, int]]:
    """Campaign id → {outcome: items}, of closed campaigns."""
    counted = Campaign.objects.filter(pk__in=[campaign.pk for campaign in campaigns]).values_list("pk", "items__outcome")
    outcomes: dict[int, dict[str, int]] = {}
    for campaign, outcome, count in counted.annotate(Count("items")).order_by():
        if outcome:
            outcomes.setdefault(campaign, {})[outcome] = count
    return outcomes
