"""The first page: what waits for the signed-in person, by role."""

from django.db.models import Max
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.views.decorators.http import require_safe

from campaigns import queries as campaign_queries
from campaigns import worklist
from campaigns.models import Campaign
from campaigns.permissions import can_see_campaigns
from campaigns.states import CampaignState
from certify.lib import clock
from certify.lib.access import requires, signed_in
from evidence.models import AuditPeriod
from evidence.permissions import can_open_audit
from inventory.models import Source
from inventory.permissions import can_see_inventory
from remediation import queries as remediation_queries
from remediation.permissions import can_open_removals


@requires(signed_in)
@require_safe
def dashboard(request: HttpRequest) -> HttpResponse:
    """Cards in the order of urgency; only those the person's roles have."""
    user = request.user
    cards = [_reviews(user)]
    if can_see_campaigns(user):
        cards.append(_campaigns(user))
    if can_open_removals(user):
        cards.append(_removals(user))
    if can_see_inventory(user):
        cards.append(_systems(user))
    if can_open_audit(user):
        cards.append(_audit(user))
    return render(request, "dashboard.html", {"cards": [card for card in cards if card]})


def _reviews(user) -> dict | None:
    waiting = [card for card in worklist.inbox(user) if card["campaign"].state == CampaignState.OPEN]
    if not waiting and (can_see_campaigns(user) or can_open_removals(user) or can_open_audit(user)):
        return None
    address = reverse("campaigns:inbox")
    items = sum(card["open"] for card in waiting)
    minutes = sum(card["minutes_left"] for card in waiting)
    lines = [f"{card['campaign'].name}: {card['decided']} of {card['total']} decided" for card in waiting]
    return {
        "title": "Your reviews",
        "stats": [(items, "to decide", address), (minutes, "minutes, about", address)],
        "lines": lines or ["Nothing waits for you."],
        "url": address,
        "act": "Continue where you stopped" if items else "See your reviews",
        "urgent": items > 0,
    }


def _campaigns(user) -> dict:
    address = reverse("campaigns:campaign-list")
    campaigns = list(Campaign.objects.visible_to(user).filter(state=CampaignState.OPEN).order_by("due_at"))
    progress = [(campaign, campaign_queries.progress(campaign)) for campaign in campaigns[:3]]
    return {
        "title": "Campaigns",
        "stats": [(len(campaigns), "open", address)],
        "lines": [
            f"{campaign.name}: {found['percent']} % submitted, due {campaign.due_at:%-d %B}" for campaign, found in progress
        ],
        "url": address,
        "act": "See campaigns",
        "urgent": False,
    }


def _removals(user) -> dict:
    address = reverse("remediation:task-list")
    counts = remediation_queries.counts(user, now=clock.now())
    return {
        "title": "Removals",
        "stats": [
            (counts["unproved"], "not yet proved", f"{address}?state=unproved"),
            (counts["overdue"], "late", f"{address}?state=overdue"),
            (counts["still_there"], "still there", f"{address}?state=still_there"),
        ],
        "lines": [f"{counts['verified_gone']} of {counts['total']} are verified gone."],
        "url": address,
        "act": "See removals",
        "urgent": counts["overdue"] > 0,
    }


def _systems(user) -> dict:
    address = reverse("inventory:source-list")
    sources = list(Source.objects.visible_to(user).annotate(loaded_at=Max("snapshots__loaded_at")))
    now = clock.now()
    never = sum(source.loaded_at is None for source in sources)
    oldest = min((source.loaded_at for source in sources if source.loaded_at), default=None)
    lines = [f"The oldest data is {(now - oldest).days} days old."] if oldest else []
    return {
        "title": "Systems",
        "stats": [(len(sources), "systems", address), (never, "never loaded", address)],
        "lines": lines,
        "url": address,
        "act": "See systems",
        "urgent": False,
    }


def _audit(user) -> dict:
    address = reverse("evidence:period-list")
    periods = list(AuditPeriod.objects.visible_to(user, clock.now().date()))
    return {
        "title": "Audit periods",
        "stats": [(len(periods), "open to you", address)],
        "lines": [f"{period.name}: {period.from_on:%-d %b %Y} to {period.to_on:%-d %b %Y}" for period in periods[:3]],
        "url": address,
        "act": "Open them",
        "urgent": False,
    }
