"""What became of the removals, in numbers that open their rows."""

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils.http import urlencode
from django.views.decorators.http import require_GET

from campaigns.models import Campaign, ReviewItem
from campaigns.states import CampaignState, Outcome
from certify.lib.access import requires
from remediation import denials, figures, permissions, queries
from remediation.forms import FiguresForm


def _cells(found: figures.Figures, shared: dict) -> list[dict]:
    """The numbers of a row, each with the list that shows its rows."""
    address = reverse("remediation:task-list")
    where = shared | ({"campaign": found.campaign} if found.campaign else {})
    cells = []
    for name in figures.NAMES:
        query = {key: value for key, value in (where | {"state": figures.OPENS[name]}).items() if value}
        cells.append({"name": name, "value": getattr(found, name), "url": f"{address}?{urlencode(query)}"})
    return cells


def _row(found: figures.Figures, shared: dict) -> dict:
    times = {"median": figures.spent(found.median), "slowest": figures.spent(found.slowest)}
    return {"campaign": found.campaign, "name": found.name, "cells": _cells(found, shared), **times}


def _flow(user, pk: int | None, found: figures.Figures) -> figures.Flow | None:
    """The chart of one closed review, for those who see reviews."""
    if not pk or not Campaign.objects.visible_to(user).filter(pk=pk, state=CampaignState.CLOSED).exists():
        return None
    return figures.flow(_outcomes(pk), found)


def _outcomes(pk: int) -> dict[str, int]:
    return dict.fromkeys(Outcome.values, 0) | queries.outcomes(ReviewItem.objects.filter(campaign_id=pk))


@requires(permissions.can_open_removals)
@require_GET
def figures_page(request: HttpRequest) -> HttpResponse:
    """By review and in all, over a period; with a chart for one review."""
    form = FiguresForm(request.GET, choices=queries.choices(request.user))
    form.is_valid()
    wanted = {name: form.cleaned_data.get(name) or None for name in ("campaign", "since", "until")}
    rows, total = figures.of(request.user, **wanted)
    shared = {name: value.isoformat() for name, value in wanted.items() if value and name != "campaign"}
    context = {
        "form": form,
        "rows": [_row(row, shared) for row in rows],
        "total": _row(total, shared | ({"campaign": wanted["campaign"]} if wanted["campaign"] else {})),
        "flow": _flow(request.user, wanted["campaign"], total),
        "standing": next(iter(denials.campaigns(request.user, campaign=wanted["campaign"])), None)
        if wanted["campaign"]
        else None,
        "size": (figures.WIDTH, figures.HEIGHT, figures.BOX),
    }
    return render(request, "remediation/figures.html", context)
