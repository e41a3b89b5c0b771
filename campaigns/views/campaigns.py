"""Campaigns, for those who run them."""

from django.contrib import messages
from django.contrib.humanize.templatetags.humanize import intcomma
from django.db.models import Count
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from campaigns import guards, permissions, quality, queries, second_look, settling, silence, stages
from campaigns.actions import assignments, closing, launching
from campaigns.actions.items import Selection
from campaigns.forms import ReasonForm, ReassignForm
from campaigns.models import Campaign
from campaigns.scope import sentences
from campaigns.states import CampaignState
from campaigns.tasks import launch_campaign, launch_progress
from certify.lib import clock
from certify.lib.access import requires
from certify.lib.errors import InvalidInput
from certify.lib.nudge import nudge
from certify.lib.numbers import whole
from people.models import Mail, User

REVIEWERS_SHOWN = 100
CAMPAIGNS_SHOWN = 200


def _campaign(request: HttpRequest, pk: int) -> Campaign:
    return get_object_or_404(Campaign.objects.visible_to(request.user).select_related("owner", "definition"), pk=pk)


@requires(permissions.can_see_campaigns)
@require_safe
def campaign_list(request: HttpRequest) -> HttpResponse:
    campaigns = Campaign.objects.visible_to(request.user).select_related("owner")
    rows = list(campaigns.order_by("-id")[: CAMPAIGNS_SHOWN + 1])
    context = {
        "campaigns": rows[:CAMPAIGNS_SHOWN],
        "cut": len(rows) > CAMPAIGNS_SHOWN,
        "cap": CAMPAIGNS_SHOWN,
        "now": clock.now(),
        "can_run": permissions.can_run_campaigns(request.user),
    }
    return render(request, "campaigns/campaign_list.html", context)


@requires(permissions.can_see_campaigns)
@require_safe
def campaign_detail(request: HttpRequest, pk: int) -> HttpResponse:
    campaign = _campaign(request, pk)
    after = whole(request.GET.get("after", "")) or 0
    reviewers = queries.reviewers(campaign, after=after, limit=REVIEWERS_SHOWN + 1)
    excluded = campaign.exclusions.values_list("rule").annotate(Count("id")).order_by("rule")
    context = {
        "campaign": campaign,
        "now": clock.now(),
        "progress": queries.progress(campaign),
        "reviewers": reviewers[:REVIEWERS_SHOWN],
        "next_reviewer": reviewers[REVIEWERS_SHOWN - 1]["reviewer_id"] if len(reviewers) > REVIEWERS_SHOWN else None,
        "sources": campaign.sources.select_related("source", "snapshot"),
        "excluded": [(sentences.left_out(campaign.terms, rule), count) for rule, count in excluded],
        "mails": Mail.objects.filter(subject_ref=f"campaigns.campaign:{pk}").select_related("recipient")[:20],
        "launch": launch_progress(pk).shown(),
        "can_run": permissions.can_run_campaigns(request.user),
        "stages": stages.of(campaign.terms),
        "open_findings": quality.open_findings(campaign),
        "silence": silence.summary(campaign),
        "held": guards.summary(campaign),
        "early": settling.summary(campaign),
        "second_look": second_look.summary(campaign),
        "is_waiting": campaign.state == CampaignState.REQUESTED,
    }
    if request.htmx and campaign.state == CampaignState.REQUESTED:
        return render(request, "campaigns/_launching.html", context)
    if request.htmx and request.htmx.target == "launching":
        return HttpResponse(headers={"HX-Refresh": "true"})
    return render(request, "campaigns/campaign_detail.html", context)


@requires(permissions.can_run_campaigns)
@require_POST
def campaign_retry(request: HttpRequest, pk: int) -> HttpResponse:
    campaign = _campaign(request, pk)
    try:
        launching.retry(campaign_id=campaign.pk, by=request.user)
    except InvalidInput as refusal:
        messages.error(request, refusal.message)
    else:
        nudge(launch_campaign, campaign.pk)
    return redirect("campaigns:campaign-detail", pk=pk)


@requires(permissions.can_run_campaigns)
@require_http_methods(["GET", "POST"])
def campaign_close(request: HttpRequest, pk: int) -> HttpResponse:
    """Says exactly what follows; POST closes."""
    campaign = _campaign(request, pk)
    if request.method == "POST":
        try:
            closing.close(campaign_id=campaign.pk, by=request.user)
        except InvalidInput as refusal:
            messages.error(request, refusal.message)
        else:
            messages.success(request, _("Closed. Nothing in this campaign can change any more."))
        return redirect("campaigns:campaign-detail", pk=pk)
    later = len(stages.of(campaign.terms)) - campaign.stage
    context = {"campaign": campaign, "progress": queries.progress(campaign), "later": later}
    return render(request, "campaigns/campaign_close.html", context)


@requires(permissions.can_run_campaigns)
@require_http_methods(["GET", "POST"])
def campaign_cancel(request: HttpRequest, pk: int) -> HttpResponse:
    campaign = _campaign(request, pk)
    form = ReasonForm(request.POST or None)
    if request.method == "POST" and form.is_valid():
        try:
            closing.cancel(campaign_id=campaign.pk, reason=form.cleaned_data["reason"], by=request.user)
        except InvalidInput as refusal:
            form.add_error(None, refusal.message)
        else:
            return redirect("campaigns:campaign-detail", pk=pk)
    context = {"campaign": campaign, "form": form, "settled": settling.settled_items(campaign).count()}
    return render(request, "campaigns/campaign_cancel.html", context, status=422 if form.errors else 200)


@requires(permissions.can_run_campaigns)
@require_http_methods(["GET", "POST"])
def reviewer_reassign(request: HttpRequest, pk: int, reviewer: int) -> HttpResponse:
    """Give a reviewer's undecided items to somebody else."""
    campaign = _campaign(request, pk)
    person = get_object_or_404(
        User.objects.filter(assignments__campaign=campaign, assignments__is_active=True).distinct(), pk=reviewer
    )
    waiting = queries.unanswered(campaign).filter(reviewer=person, decision="").order_by("item_number")
    ids = list(waiting.values_list("pk", flat=True)[: assignments.MAX_ITEMS])
    form = ReassignForm(request.POST or None)
    if request.method == "POST" and form.is_valid():
        try:
            moved = assignments.reassign(
                campaign_id=campaign.pk,
                selection=Selection(ids),
                to=form.cleaned_data["to"],
                reason=form.cleaned_data["reason"],
                by=request.user,
            )
        except InvalidInput as refusal:
            form.add_error(refusal.field if refusal.field in form.fields else None, refusal.message)
        else:
            messages.success(
                request, _("{moved} items now belong to {to}.").format(moved=intcomma(moved), to=form.cleaned_data["to"])
            )
            return redirect("campaigns:campaign-detail", pk=pk)
    context = {"campaign": campaign, "form": form, "person": person, "count": len(ids)}
    return render(request, "campaigns/reviewer_reassign.html", context, status=422 if form.errors else 200)
