"""The first page: what waits for the signed-in person, by role."""

from datetime import datetime

from django.db.models import Count, Max, Min
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_safe

from campaigns import queries as campaign_queries
from campaigns import worklist
from campaigns.models import Campaign
from campaigns.permissions import can_see_campaigns
from campaigns.states import CampaignState
from certify.lib import clock
from certify.lib.access import requires, signed_in
from certify.lib.language import dated
from evidence.models import AuditPeriod
from evidence.permissions import can_open_audit
from inventory.models import Source
from inventory.permissions import can_see_inventory
from remediation import queries as remediation_queries
from remediation.models import Announcement, Objection
from remediation.permissions import can_open_removals
from remediation.states import TaskState


@requires(signed_in)
@require_safe
def dashboard(request: HttpRequest) -> HttpResponse:
    """Cards in the order of urgency; only those the person's roles have."""
    user = request.user
    cards = [_reviews(user)]
    if can_see_campaigns(user):
        cards.append(_campaigns(user))
    now = clock.now()
    cards += [_objections(user), _losses(user, now)]
    if can_open_removals(user):
        cards.append(_removals(user, now))
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
    lines = [
        _("{name}: {decided} of {total} decided").format(
            name=card["campaign"].name, decided=card["decided"], total=card["total"]
        )
        for card in waiting
    ]
    return {
        "title": _("Your reviews"),
        "stats": [(items, _("to decide"), address), (minutes, _("minutes, about"), address)],
        "lines": lines or [_("Nothing waits for you.")],
        "url": address,
        "act": _("Continue where you stopped") if items else _("See your reviews"),
        "urgent": items > 0,
    }


def _campaigns(user) -> dict:
    address = reverse("campaigns:campaign-list")
    campaigns = list(Campaign.objects.visible_to(user).filter(state=CampaignState.OPEN).order_by("due_at"))
    progress = [(campaign, campaign_queries.progress(campaign)) for campaign in campaigns[:3]]
    return {
        "title": _("Campaigns"),
        "stats": [(len(campaigns), _("open"), address)],
        "lines": [
            _("{campaign_name}: {percent} % submitted, due {due_at}").format(
                campaign_name=campaign.name, percent=found["percent"], due_at=dated(campaign.due_at, "j F")
            )
            for campaign, found in progress
        ],
        "url": address,
        "act": _("See campaigns"),
        "urgent": False,
    }


def _objections(user) -> dict | None:
    """Objections that this person has to answer, where there are any."""
    mine = Objection.objects.open().filter(reviewer=user).aggregate(count=Count("pk"), earliest=Min("answer_by"))
    if not mine["count"]:
        return None
    address = reverse("remediation:objection-list")
    return {
        "title": _("Objections"),
        "stats": [(mine["count"], _("to answer"), address)],
        "lines": [_("Without an answer until {day} the removal goes on.").format(day=dated(mine["earliest"], "j F"))],
        "url": address,
        "act": _("Decide again"),
        "urgent": True,
    }


def _losses(user, now: datetime) -> dict | None:
    """Access of their own that this person may still object to losing, where there is any."""
    open_to = Announcement.objects.filter(person=user, until__gte=now, task__objection__isnull=True)
    mine = open_to.exclude(task__state=TaskState.WITHDRAWN).aggregate(count=Count("pk"), earliest=Min("until"))
    if not mine["count"]:
        return None
    address = reverse("remediation:own")
    return {
        "title": _("Access that you lose"),
        "stats": [(mine["count"], _("to object to"), address)],
        "lines": [_("You can object until {day}.").format(day=dated(mine["earliest"], "j F"))],
        "url": address,
        "act": _("Look at it"),
        "urgent": True,
    }


def _removals(user, now: datetime) -> dict:
    address = reverse("remediation:task-list")
    counts = remediation_queries.counts(user, now=now)
    return {
        "title": _("Removals"),
        "stats": [
            (counts["unproved"], _("not yet proved"), f"{address}?state=unproved"),
            (counts["overdue"], _("late"), f"{address}?state=overdue"),
            (counts["still_there"], _("still there"), f"{address}?state=still_there"),
        ],
        "lines": [
            _("{verified_gone} of {total} are verified gone.").format(
                verified_gone=counts["verified_gone"], total=counts["total"]
            )
        ],
        "url": address,
        "act": _("See removals"),
        "urgent": counts["overdue"] > 0,
    }


def _systems(user) -> dict:
    address = reverse("inventory:source-list")
    sources = list(Source.objects.visible_to(user).annotate(loaded_at=Max("snapshots__loaded_at")))
    now = clock.now()
    never = sum(source.loaded_at is None for source in sources)
    oldest = min((source.loaded_at for source in sources if source.loaded_at), default=None)
    lines = [_("The oldest data is {days} days old.").format(days=(now - oldest).days)] if oldest else []
    return {
        "title": _("Systems"),
        "stats": [(len(sources), _("systems"), address), (never, _("never loaded"), address)],
        "lines": lines,
        "url": address,
        "act": _("See systems"),
        "urgent": False,
    }


def _audit(user) -> dict:
    address = reverse("evidence:period-list")
    periods = list(AuditPeriod.objects.visible_to(user, clock.now().date()))
    return {
        "title": _("Audit periods"),
        "stats": [(len(periods), _("open to you"), address)],
        "lines": [
            _("{period_name}: {from_on} to {to_on}").format(
                period_name=period.name, from_on=dated(period.from_on, "j M Y"), to_on=dated(period.to_on, "j M Y")
            )
            for period in periods[:3]
        ],
        "url": address,
        "act": _("Open them"),
        "urgent": False,
    }
