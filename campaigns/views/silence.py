"""What the owner does about silence after a campaign has closed: ask again, or approve removals that a second person confirms."""

from django.conf import settings
from django.contrib import messages
from django.contrib.humanize.templatetags.humanize import intcomma
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST, require_safe

from campaigns import permissions, silence
from campaigns.actions import silence as actions
from campaigns.models import Campaign, SilenceApproval
from campaigns.tasks import launch_campaign
from certify.lib.access import requires
from certify.lib.errors import InvalidInput, NotAllowed
from certify.lib.nudge import nudge
from certify.lib.numbers import whole

#: Removals that one approval is about at most; a second one follows it.
MAX_AT_ONCE = 10_000


def _campaign(request: HttpRequest, pk: int) -> Campaign:
    return get_object_or_404(Campaign.objects.visible_to(request.user).select_related("owner"), pk=pk)


@requires(permissions.can_run_campaigns)
@require_POST
def follow_up(request: HttpRequest, pk: int) -> HttpResponse:
    """Ask again about what nobody answered."""
    campaign = _campaign(request, pk)
    try:
        made = actions.follow_up(campaign_id=campaign.pk, by=request.user)
    except InvalidInput as refusal:
        messages.error(request, refusal.message)
        return redirect("campaigns:campaign-detail", pk=pk)
    nudge(launch_campaign, made.pk)
    return redirect("campaigns:campaign-detail", pk=made.pk)


@requires(permissions.can_see_campaigns)
@require_safe
def unanswered(request: HttpRequest, pk: int) -> HttpResponse:
    """What nobody answered, with what is proposed, what waits for a second person, and what was approved."""
    campaign = _campaign(request, pk)
    items, size = silence.proposed(campaign), settings.CERTIFY_PAGE_ROWS
    after = whole(request.GET.get("after", ""))
    rows = list((items if after is None else items.filter(number__gt=after))[: size + 1])
    approvals = SilenceApproval.objects.filter(campaign=campaign).select_related("approved_by", "verdict").order_by("-id")
    context = {
        "campaign": campaign,
        "items": rows[:size],
        "next_after": rows[size - 1].number if len(rows) > size else None,
        "count": items.count(),
        "silent": silence.silent_items(campaign).count(),
        "approvals": approvals,
        "can_approve": permissions.can_run_campaigns(request.user)
        and silence.summary(campaign)
        and not silence.is_sealed(campaign),
        "me": request.user,
    }
    return render(request, "campaigns/unanswered.html", context)


@requires(permissions.can_run_campaigns)
@require_POST
def remove(request: HttpRequest, pk: int) -> HttpResponse:
    """First what the removal would take away; with `confirm`, the approval."""
    campaign, error = _campaign(request, pk), ""
    found = silence.proposed(campaign)
    if not request.POST.get("everything"):
        found = found.filter(pk__in=list(filter(None, map(whole, request.POST.getlist("item")))))
    ids = list(found.values_list("pk", flat=True)[:MAX_AT_ONCE])
    if not ids or not silence.summary(campaign):
        messages.error(request, _("Tick what is to be removed first."))
        return redirect("campaigns:campaign-unanswered", pk=pk)
    if request.POST.get("confirm"):
        try:
            done = actions.approve(campaign_id=pk, item_ids=ids, reason=request.POST.get("reason", ""), by=request.user)
        except InvalidInput as refusal:
            error = refusal.message
        else:
            waits = _(" They wait for a second person.") if done.approval.needs_second else _(" They become tasks now.")
            messages.success(request, _("{ids} removals approved.{waits}").format(ids=intcomma(len(ids)), waits=waits))
            return redirect("campaigns:campaign-unanswered", pk=pk)
    context = {"campaign": campaign, "ids": ids, "limits": silence.blast_radius(campaign, ids), "error": error}
    context["reason"] = request.POST.get("reason", "")
    return render(request, "campaigns/unanswered_remove.html", context, status=422 if error else 200)


@requires(permissions.can_see_campaigns)
@require_POST
def judge(request: HttpRequest, pk: int, approval: int) -> HttpResponse:
    """A second person confirms or declines; whoever approved may take it back."""
    campaign = _campaign(request, pk)
    found = get_object_or_404(SilenceApproval, pk=approval, campaign=campaign)
    act = actions.confirm if request.POST.get("code") == "confirm" else actions.decline
    try:
        act(approval_id=found.pk, reason=request.POST.get("reason", ""), by=request.user)
    except InvalidInput as refusal:
        messages.error(request, refusal.message)
    except NotAllowed as refusal:
        raise PermissionDenied(refusal.message) from refusal
    else:
        messages.success(request, _("Recorded."))
    return redirect("campaigns:campaign-unanswered", pk=pk)
