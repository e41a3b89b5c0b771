"""One act on many items: what it would touch, then the act."""

from django.contrib import messages
from django.contrib.humanize.templatetags.humanize import intcomma
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from django.views.decorators.http import require_POST

from campaigns import bulk_acts, permissions, rules
from campaigns.actions import items
from campaigns.forms import FilterForm
from campaigns.models import Campaign
from campaigns.states import DecisionCode
from campaigns.views.reviews import desk, query_of, selection_of
from certify.lib.access import requires
from certify.lib.errors import Conflict, DomainError, InvalidInput


@requires(permissions.can_review)
@require_POST
def bulk(request: HttpRequest, pk: int) -> HttpResponse:
    """First the preview of what a bulk act would touch; with `confirm`, exactly that."""
    campaign, rows = desk(request, pk)
    selection, code = _selection(request, rows), request.POST.get("code", "")
    if not selection.ids or code not in items.BULK_ANSWERS:
        messages.error(request, _("Tick the rows first, then choose what to do with them."))
        return redirect("campaigns:review", pk=pk)
    if not request.POST.get("confirm"):
        return _preview(request, campaign, rows, selection, code)
    try:
        rationale = request.POST.get("rationale", "")
        done = items.decide_bulk(campaign_id=pk, selection=selection, code=code, rationale=rationale, by=request.user)
    except (Conflict, InvalidInput) as refusal:
        return _preview(request, campaign, rows, selection, code, refusal)
    said = ngettext("{answer}: {n} item.", "{answer}: {n} items.", done.decided)
    said = [said.format(answer=DecisionCode(code).label, n=intcomma(done.decided))]
    if done.left_out:
        said.append(_("Left for single decisions: {n}.").format(n=intcomma(done.left_out)))
    messages.success(request, " ".join([*said, _("You can still undo each of them.")]))
    return redirect(f"{reverse('campaigns:review', args=[pk])}?{query_of(FilterForm(request.POST).filters(), '')}")


def _selection(request: HttpRequest, rows: QuerySet) -> items.Selection:
    """What is selected, whether that is all the filter shows, and what the preview said would be decided."""
    found = selection_of(request, rows)
    is_everything = bool(request.POST.get("everything") or request.POST.get("all_shown"))
    filters = found.filter | ({"everything": True} if is_everything else {})
    return items.Selection(found.ids, filters, request.POST.get("seen", ""))


def _preview(
    request: HttpRequest,
    campaign: Campaign,
    rows: QuerySet,
    selection: items.Selection,
    code: str,
    refusal: DomainError | None = None,
) -> HttpResponse:
    filters, act = FilterForm(request.POST).filters(), DecisionCode(code)
    context = {
        "campaign": campaign,
        "code": code,
        "code_label": act.label,
        "preview": bulk_acts.preview(rows, selection.ids, request.user, campaign.stage),
        "ids": selection.ids,
        "filters": filters.as_dict(),
        "filter_words": bulk_acts.filter_words(filters),
        "is_everything": selection.filter.get("everything", False),
        "query": query_of(filters, ""),
        "red_query": query_of(filters, "", care="on", state="open"),
        "why_reason": rules.needs_reason(
            code, [], campaign.terms, bulk_acts.opposed(rows, selection.ids, request.user, campaign.stage, code)
        ),
        "error": refusal.message if refusal else "",
        "rationale": request.POST.get("rationale", ""),
        "cap": items.MAX_BULK,
        "is_cut": len(selection.ids) == items.MAX_BULK,
    }
    status = 200 if refusal is None else 409 if isinstance(refusal, Conflict) else 422
    return render(request, "campaigns/bulk.html", context, status=status)
