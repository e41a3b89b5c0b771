"""How people reviewed, for the owner: the measures of everybody, and the page on which findings are judged."""

from django.contrib import messages
from django.contrib.humanize.templatetags.humanize import intcomma
from django.core.paginator import Paginator
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_safe

from campaigns import measures, permissions, quality
from campaigns.actions import dispositions
from campaigns.models import Campaign
from campaigns.quality_form import JudgeForm
from campaigns.states import CampaignState, Disposition, Measure
from certify.lib import clock
from certify.lib.access import requires
from certify.lib.errors import Conflict, InvalidInput

SHOWN = 100


def _campaign(request: HttpRequest, pk: int) -> Campaign:
    return get_object_or_404(Campaign.objects.visible_to(request.user), pk=pk, opened_at__isnull=False)


def _limits(campaign: Campaign) -> list[tuple[str, int | None, bool]]:
    """(measure, its threshold in this campaign, whether it must be reached) for the head of the table."""
    thresholds = campaign.terms.get("quality", {})
    return [(measure.label, thresholds.get(measure), measure in measures.AT_LEAST) for measure in Measure]


@requires(permissions.can_see_campaigns)
@require_safe
def campaign_quality(request: HttpRequest, pk: int) -> HttpResponse:
    """The measures of all reviewers, what waits for the owner first."""
    campaign = _campaign(request, pk)
    rows = quality.rows(campaign)
    context = {
        "campaign": campaign,
        "page": Paginator(rows, SHOWN).get_page(request.GET.get("page")),
        "limits": _limits(campaign),
        "thresholds": campaign.terms.get("quality"),
        "breaching": sum(bool(row.breaches or row.findings) for row in rows),
        "waiting": sum(len(row.waiting) for row in rows),
        "can_run": permissions.can_run_campaigns(request.user),
    }
    return render(request, "campaigns/quality.html", context)


@requires(permissions.can_run_campaigns)
@require_http_methods(["GET", "POST"])
def finding_judge(request: HttpRequest, pk: int, reviewer: int) -> HttpResponse:
    """What was found of one reviewer; POST judges it."""
    campaign = _campaign(request, pk)
    row = next(iter(quality.rows(campaign, [reviewer])), None)
    if row is None:
        raise Http404
    waiting = [finding.pk for finding in row.waiting]
    form = JudgeForm(request.POST or None, findings=waiting)
    if request.method == "POST" and form.is_valid():
        data = form.cleaned_data
        judgement = {"finding_ids": data["findings"], "choice": data["choice"], "reason": data["reason"]}
        try:
            done = dispositions.judge(campaign_id=pk, by=request.user, **judgement)
        except (Conflict, InvalidInput) as refusal:
            form.add_error(None, refusal.message)
        else:
            messages.success(request, _said(row.reviewer.name, done))
            return redirect("campaigns:campaign-quality", pk=pk)
    context = {
        "campaign": campaign,
        "row": row,
        "form": form,
        "limits": _limits(campaign),
        "is_in_time": campaign.state == CampaignState.OPEN and clock.now() <= campaign.due_at,
        "is_own": row.reviewer.pk == request.user.pk,
    }
    return render(request, "campaigns/finding_judge.html", context, status=422 if form.errors else 200)


def _said(name: str, done: list) -> str:
    """What came of it, in words."""
    if done[0].choice == Disposition.ACCEPTED:
        return _("Accepted for {name}.").format(name=name)
    if done[0].reopened is None:
        return _("{name} is to be asked again in the next run.").format(name=name)
    return _("{n} answers of {name} are open again; they were told by mail.").format(n=intcomma(done[0].reopened), name=name)
