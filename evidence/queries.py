"""Reads for the pages of audit periods."""

from dataclasses import dataclass
from datetime import UTC, datetime, time, timedelta

from django.db.models import CharField, Count, Exists, F, OuterRef, Q, QuerySet, Subquery, Value
from django.db.models.functions import Cast, Coalesce, Concat, NullIf

from campaigns.models import Campaign, CampaignSource, ReviewItem
from evidence.models import AuditPeriod, Invitation, RowConclusion, Sample
from inventory.models import Grant, Source
from inventory.states import IdentityKind
from ledger.models import Entry


def campaigns_of(period: AuditPeriod) -> tuple[list[Campaign], list[Campaign]]:
    """Campaigns that were open at some time of the period: those that serve its framework, and the others.

    Each with `ended_at`, closed or cancelled, `sealed_at`, and of its removals `removals_total` and `removals_gone`. The pack
    draws the same line, from the ledger.
    """
    begin = datetime.combine(period.from_on, time(), UTC)
    end = datetime.combine(period.to_on + timedelta(days=1), time(), UTC)
    subject = Concat(Value("campaigns.campaign:"), Cast(OuterRef("pk"), CharField()))
    cancelled = Entry.objects.filter(kind="campaign:cancelled", subject=subject).values("at")[:1]
    found = (
        Campaign.objects.annotate(ended_at=Coalesce("closed_at", Subquery(cancelled)), sealed_at=F("seal__at"))
        .filter(Q(ended_at__isnull=True) | Q(ended_at__gte=begin), opened_at__lt=end)
        .annotate(removals_total=Count("removals"), removals_gone=Count("removals", filter=Q(removals__state="verified_gone")))
        .order_by("opened_at", "pk")
    )
    mine, others = [], []
    for campaign in found:
        serves = any(control.startswith(f"{period.framework}:") for control in campaign.terms["controls"])
        (mine if serves else others).append(campaign)
    return mine, others


def outcomes_of(campaigns: list[Campaign]) -> dict[int, dict[str, int]]:
    """Campaign id → {outcome: items}, of closed campaigns."""
    closed = [campaign.pk for campaign in campaigns if campaign.closed_at]
    counted = ReviewItem.objects.filter(campaign__in=closed).values_list("campaign_id", "outcome").annotate(Count("pk"))
    outcomes: dict[int, dict[str, int]] = {}
    for campaign, outcome, count in counted.order_by():
        outcomes.setdefault(campaign, {})[outcome] = count
    return outcomes


def balances_of(campaigns: list[Campaign]) -> QuerySet:
    """What each campaign froze of each system, with the reading it came from: open grants = items + excluded."""
    frozen = CampaignSource.objects.filter(campaign__in=campaigns).select_related("campaign", "source", "snapshot")
    return frozen.order_by("campaign__opened_at", "campaign_id", "source__name")


@dataclass(frozen=True)
class ScopeCheck:
    """The stated scope of a period against its reviews: systems nobody asked about, and reviewed systems that are outside."""

    systems: list[Source]
    kinds: list[str]
    unreviewed: list[Source]
    outside: list[Source]


def scope_of(period: AuditPeriod, campaigns: list[Campaign]) -> ScopeCheck:
    """What the period says of its scope, and where its reviews differ from it. Without a stated scope every system is in it."""
    every = list(Source.objects.order_by("name"))
    inside = [one for one in every if not period.systems or one.key in period.systems]
    asked = set(CampaignSource.objects.filter(campaign__in=campaigns, grants_open__gt=0).values_list("source_id", flat=True))
    held = Grant.objects.filter(source=OuterRef("pk"))
    holds = set(Source.objects.filter(Exists(held)).values_list("pk", flat=True))
    return ScopeCheck(
        systems=inside if period.systems else [],
        kinds=[str(IdentityKind(kind).label) for kind in period.kinds],
        unreviewed=[one for one in inside if one.pk in holds and one.pk not in asked],
        outside=[one for one in every if one not in inside and one.pk in asked],
    )


def openings_of(period: AuditPeriod) -> QuerySet:
    """What auditors opened and who took packs away, the latest first, as the ledger has it."""
    packs = [f"evidence.pack:{pk}" for pk in period.packs.values_list("pk", flat=True)]
    opened = Q(kind="period:opened", subject=f"evidence.period:{period.pk}")
    samples = [one.subject for one in Sample.objects.filter(period=period).only("period_id")]
    taken = Q(kind="pack:downloaded", subject__in=packs) | Q(kind="sample:downloaded", subject__in=samples)
    return Entry.objects.signed().filter(opened | taken).order_by("-id")


def rows_of(sample: Sample) -> QuerySet:
    """The rows of a sample in their order, with what was `concluded` of each last (None: nothing), the note, and whom each is about as
    they are `called` now.
    """
    last = RowConclusion.objects.filter(row=OuterRef("pk")).order_by("-id")
    return sample.rows.annotate(
        concluded=Subquery(last.values("conclusion")[:1]),
        concluded_note=Subquery(last.values("note")[:1]),
        called=Coalesce(NullIf("item__identity_name", Value("")), NullIf("item__account_name", Value("")), "identity__name"),
    ).order_by("number")


def auditors_of(period: AuditPeriod) -> QuerySet:
    """The auditors of a period with how often they were `invited` and when (`invited_at`), and when their second factor was set up."""
    sent = Invitation.objects.filter(period=period, auditor=OuterRef("pk"))
    return period.auditors.annotate(
        invited=Subquery(sent.values("sent")[:1]),
        invited_at=Subquery(sent.values("at")[:1]),
        factor_at=F("second_factor__created_at"),
    ).order_by("name", "pk")
