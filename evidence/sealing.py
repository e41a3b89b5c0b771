"""What a seal stands on, and what still hinders it."""

from dataclasses import dataclass
from datetime import datetime

from django.db.models import Count, Q
from django.template.defaultfilters import pluralize
from django.urls import reverse

from campaigns import silence
from campaigns.models import Campaign, Finding, ReviewItem, SilenceRemoval
from campaigns.states import TO_REMOVE, CampaignState, Disposition, Outcome
from remediation.models import RemediationTask
from remediation.states import SETTLED, TaskState


@dataclass(frozen=True)
class Hindrance:
    """A reason why a campaign cannot be sealed yet; `url` is where something can be done about it."""

    text: str
    url: str


def counts(campaign: Campaign, now: datetime) -> dict[str, int]:
    """What a campaign comes to now.

    {items, each outcome, removals, verified_gone, excepted, closed_on_proof: never verified, in_progress: within their deadline,
    overdue, unopened: items to remove without a removal, findings, accepted, re_ask, unjudged, unconfirmed: approvals of removals
    for silence that wait for a second person}
    """
    items = ReviewItem.objects.filter(campaign=campaign)
    decided = items.exclude(outcome="").values_list("outcome").annotate(Count("id")).order_by()
    outcomes = dict.fromkeys(Outcome.values, 0) | dict(decided)
    left = ~Q(state__in=SETTLED)
    removals = RemediationTask.objects.filter(campaign=campaign).aggregate(
        removals=Count("id"),
        verified_gone=Count("id", filter=Q(state=TaskState.VERIFIED_GONE)),
        excepted=Count("id", filter=Q(state=TaskState.EXCEPTED)),
        closed_on_proof=Count("id", filter=Q(state=TaskState.CLOSED)),
        in_progress=Count("id", filter=left & Q(due_at__gt=now)),
        overdue=Count("id", filter=left & Q(due_at__lte=now)),
    )
    findings = Finding.objects.filter(campaign=campaign).aggregate(
        findings=Count("id"),
        unjudged=Count("id", filter=Q(disposition__isnull=True)),
        **{choice.value: Count("id", filter=Q(disposition__choice=choice)) for choice in Disposition},
    )
    for_silence = SilenceRemoval.objects.effective().filter(campaign=campaign).values("item_id")
    unopened = items.filter(Q(outcome__in=TO_REMOVE) | Q(pk__in=for_silence), removal__isnull=True).count()
    found = {"items": campaign.item_count, **outcomes, **removals, "unopened": unopened, **findings}
    return found | {"unconfirmed": silence.waiting_approvals(campaign).count()}


def hindrances(campaign: Campaign, found: dict[str, int]) -> list[Hindrance]:
    """Why a campaign that comes to these counts cannot be sealed, each reason with its number; empty when it can."""
    page = reverse("campaigns:campaign-detail", args=[campaign.pk])
    if campaign.state != CampaignState.CLOSED:
        return [Hindrance(f"It is {campaign.get_state_display().lower()}: only a closed campaign is sealed.", page)]
    removals = f"{reverse('remediation:task-list')}?campaign={campaign.pk}"
    unanswered = reverse("campaigns:campaign-unanswered", args=[campaign.pk])
    people = reverse("campaigns:campaign-quality", args=[campaign.pk])
    late = "No later full reading of the system shows that the access is gone."
    reasons = (
        ("unopened", "Not opened yet: {} removal{}. Certify does that within minutes of the close.", removals),
        ("overdue", f"Past due: {{}} removal{{}}. {late}", f"{removals}&state=overdue"),
        ("unconfirmed", "Waiting for a second person: {} approval{} of removals of what nobody answered.", unanswered),
        ("unjudged", "Not judged yet: {} finding{} about how people reviewed.", people),
    )
    return [
        Hindrance(text.format(f"{found[name]:,}", pluralize(found[name])), url) for name, text, url in reasons if found[name]
    ]
