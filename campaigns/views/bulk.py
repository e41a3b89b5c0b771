"""One act on many items: what it would touch, then the act."""

from django.contrib import messages
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.views.decorators.http import require_POST

from campaigns import permissions, rules, worklist
from campaigns.actions import items
from campaigns.forms import FilterForm
from campaigns.models import Campaign
from campaigns.states import DecisionCode
from campaigns.views.reviews import desk, query_of, selection_of
from certify.lib.access import requires
from certify.lib.errors import InvalidInput


@requires(permissions.can_review)
@require_POST
def bulk(request: HttpRequest, pk: int) -> HttpResponse:
    """First the preview of what a bulk act would touch; with `confirm`, the act."""
    campaign, rows = desk(request, pk)
    selection, code = selection_of(request, rows), request.POST.get("code", "")
    if not selection.ids or code not in items.BULK_ANSWERS:
        messages.error(request, "Tick the rows first, then choose what to do with them.")
        return redirect("campaigns:review", pk=pk)
    if not request.POST.get("confirm"):
        return _preview(request, campaign, rows, selection, code)
    try:
        rationale = request.POST.get("rationale", "")
        done = items.decide_bulk(campaign_id=pk, selection=selection, code=code, rationale=rationale, by=request.user)
    except InvalidInput as refusal:
        return _preview(request, campaign, rows, selection, code, refusal.message)
    left = f" {done.left_out:,} were left for single decisions." if done.left_out else ""
    messages.success(request, f"{DecisionCode(code).label}: {done.decided:,} items.{left} You can still undo each of them.")
    return redirect(f"{reverse('campaigns:review', args=[pk])}?{query_of(FilterForm(request.POST).filters(), 'risk')}")


def _preview(
    request: HttpRequest, campaign: Campaign, rows: QuerySet, selection: items.Selection, code: str, error: str = ""
) -> HttpResponse:
    context = {
        "campaign": campaign,
        "code": code,
        "code_label": DecisionCode(code).label,
        "preview": worklist.bulk_preview(rows, selection.ids),
        "ids": selection.ids,
        "filters": selection.filter,
        "why_reason": rules.needs_reason(code, [], campaign.terms),
        "error": error,
        "rationale": request.POST.get("rationale", ""),
        "cap": items.MAX_BULK,
        "is_cut": len(selection.ids) == items.MAX_BULK,
    }
    return render(request, "campaigns/bulk.html", context, status=422 if error else 200)
