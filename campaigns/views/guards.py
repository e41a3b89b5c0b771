"""Removals of a closed campaign that wait for a second person."""

from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST, require_safe

from campaigns import permissions
from campaigns.actions import guards
from campaigns.models import Campaign, RemovalHold
from certify.lib.access import requires
from certify.lib.errors import InvalidInput, NotAllowed

#: Items of each hold on the page; the count says how many there are.
SHOWN = 25


@requires(permissions.can_see_campaigns)
@require_safe
def held(request: HttpRequest, pk: int) -> HttpResponse:
    """Every hold with its first items, what waits first."""
    campaign = get_object_or_404(Campaign.objects.visible_to(request.user), pk=pk)
    holds = RemovalHold.objects.filter(campaign=campaign).select_related("verdict").order_by("verdict", "id")
    listed = [(hold, hold.items.select_related("item").order_by("item_number")[:SHOWN]) for hold in holds]
    return render(request, "campaigns/held.html", {"campaign": campaign, "holds": listed, "shown": SHOWN})


@requires(permissions.can_see_campaigns)
@require_POST
def judge(request: HttpRequest, pk: int, hold: int) -> HttpResponse:
    """The second person confirms or declines."""
    found = get_object_or_404(
        RemovalHold, pk=hold, campaign=get_object_or_404(Campaign.objects.visible_to(request.user), pk=pk)
    )
    try:
        code, reason = request.POST.get("code", ""), request.POST.get("reason", "")
        guards.judge(hold_id=found.pk, code=code, reason=reason, by=request.user)
    except InvalidInput as refusal:
        messages.error(request, refusal.message)
    except NotAllowed as refusal:
        raise PermissionDenied(refusal.message) from refusal
    else:
        messages.success(request, _("Recorded."))
    return redirect("campaigns:campaign-held", pk=pk)
