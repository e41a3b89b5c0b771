"""What the owner does while a campaign runs: end a stage, give more time, open submitted answers again."""

from datetime import UTC, datetime, time

from django.contrib import messages
from django.contrib.humanize.templatetags.humanize import intcomma
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_POST

from campaigns import permissions, queries, second_look, settling, stages
from campaigns.actions import advancing
from campaigns.actions import second_look as looking
from campaigns.forms import ExtendForm, ReopenForm
from campaigns.models import Assignment, Campaign
from campaigns.states import CampaignState
from certify.lib.access import requires
from certify.lib.errors import InvalidInput
from certify.lib.numbers import whole
from people.models import User

REOPENABLE_SHOWN = 500


def _campaign(request: HttpRequest, pk: int) -> Campaign:
    return get_object_or_404(Campaign.objects.visible_to(request.user), pk=pk)


@requires(permissions.can_run_campaigns)
@require_http_methods(["GET", "POST"])
def stage_end(request: HttpRequest, pk: int) -> HttpResponse:
    """Says what follows; POST ends the stage."""
    campaign = _campaign(request, pk)
    every = stages.of(campaign.terms)
    if request.method == "POST":
        try:
            after = advancing.finish_stage(campaign_id=campaign.pk, by=request.user)
        except InvalidInput as refusal:
            messages.error(request, refusal.message)
        else:
            looked = after.state == CampaignState.OPEN and second_look.is_running(after)
            messages.success(request, _("A second look is taken now.") if looked else _("The stage has ended."))
        return redirect("campaigns:campaign-detail", pk=pk)
    following = every[campaign.stage] if campaign.stage < len(every) else None
    context = {
        "campaign": campaign,
        "stage": every[campaign.stage - 1],
        "following": following,
        "progress": queries.progress(campaign),
    }
    return render(request, "campaigns/stage_end.html", context)


@requires(permissions.can_run_campaigns)
@require_http_methods(["GET", "POST"])
def campaign_extend(request: HttpRequest, pk: int) -> HttpResponse:
    campaign = _campaign(request, pk)
    form = ExtendForm(request.POST or None)
    if request.method == "POST" and form.is_valid():
        due_at = datetime.combine(form.cleaned_data["due_on"], time(23, 59, 59), UTC)
        try:
            advancing.extend(campaign_id=pk, due_at=due_at, reason=form.cleaned_data["reason"], by=request.user)
        except InvalidInput as refusal:
            form.add_error("due_on" if refusal.field == "due_at" else "reason", refusal.message)
        else:
            messages.success(request, _("There is more time now."))
            return redirect("campaigns:campaign-detail", pk=pk)
    return render(
        request, "campaigns/campaign_extend.html", {"campaign": campaign, "form": form}, status=422 if form.errors else 200
    )


@requires(permissions.can_run_campaigns)
@require_http_methods(["GET", "POST"])
def reviewer_reopen(request: HttpRequest, pk: int, reviewer: int) -> HttpResponse:
    """Open chosen submitted answers of a reviewer again."""
    campaign = _campaign(request, pk)
    submitted = Assignment.objects.filter(
        campaign=campaign, stage=campaign.stage, reviewer_id=reviewer, is_active=True, sign_off__isnull=False
    ).order_by("item_number")
    if (row := whole(request.GET.get("row", ""))) is not None:
        submitted = submitted.filter(pk=row)
    person = get_object_or_404(User, pk=reviewer)
    form = ReopenForm(request.POST or None)
    form.fields["rows"].queryset = submitted.select_related("item")[:REOPENABLE_SHOWN] if request.method == "GET" else submitted
    if request.method == "POST" and form.is_valid():
        chosen = [row.pk for row in form.cleaned_data["rows"]]
        try:
            opened = advancing.reopen(
                campaign_id=pk, assignment_ids=chosen, reason=form.cleaned_data["reason"], by=request.user
            )
        except InvalidInput as refusal:
            form.add_error("reason", refusal.message)
        else:
            messages.success(
                request,
                _("{opened} answers of {person} are open again; they were told by mail.").format(opened=opened, person=person),
            )
            return redirect("campaigns:campaign-detail", pk=pk)
    context = {"campaign": campaign, "person": person, "form": form, "count": submitted.count(), "cap": REOPENABLE_SHOWN}
    context["early"] = settling.begins_early(campaign)
    return render(request, "campaigns/reviewer_reopen.html", context, status=422 if form.errors else 200)


@requires(permissions.can_run_campaigns)
@require_POST
def second_look_ask(request: HttpRequest, pk: int) -> HttpResponse:
    """End the first answers and ask for the second look."""
    campaign = _campaign(request, pk)
    try:
        asked = looking.ask(campaign_id=campaign.pk, by=request.user)
    except InvalidInput as refusal:
        messages.error(request, refusal.message)
    else:
        said = (
            _("{n} items are asked again.").format(n=intcomma(asked))
            if asked
            else _("Nothing was kept, so there is nothing to look at again.")
        )
        messages.success(request, _("First answers have ended. {said}").format(said=said))
    return redirect("campaigns:campaign-detail", pk=pk)
