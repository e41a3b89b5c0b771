"""The reviewer's pages: the inbox, the table, decisions, bulk acts, submission and its receipt."""

from itertools import groupby

from django.conf import settings
from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils.http import urlencode
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from campaigns import permissions, queries, rules
from campaigns.actions import items, reviews
from campaigns.forms import FilterForm
from campaigns.models import Campaign, ReviewItem, SignOff
from campaigns.states import CampaignState, DecisionCode
from certify.lib import clock
from certify.lib.access import requires
from certify.lib.errors import Conflict, InvalidInput
from ledger.models import Entry

GROUP_LABELS = {
    "person": lambda item: item.identity_name or item.account_key,
    "system": lambda item: item.source_name,
    "entitlement": lambda item: f"{item.entitlement_name or item.entitlement_key} · {item.source_name}",
}
VIEWS = [("risk", "Riskiest first"), ("person", "By person"), ("system", "By system"), ("entitlement", "By right")]
STALE_DAYS = 7


@requires(permissions.can_review)
@require_safe
def inbox(request: HttpRequest) -> HttpResponse:
    return render(request, "campaigns/inbox.html", {"cards": queries.inbox(request.user), "now": clock.now()})


def _campaign(request: HttpRequest, pk: int) -> Campaign:
    return get_object_or_404(queries.my_campaigns(request.user), pk=pk)


def _item(request: HttpRequest, pk: int, number: int) -> ReviewItem:
    items_of_user = queries.my_items(request.user, _campaign(request, pk).pk)
    return get_object_or_404(items_of_user.select_related("decided_by"), number=number)


def _query(filters: queries.Filters, view: str, **changes) -> str:
    """The address of the same list with some filters changed."""
    values = filters.as_dict() | {"view": view if view != "risk" else ""} | changes
    values["signal"] = values.pop("signals", ())
    return urlencode({name: value for name, value in values.items() if value}, doseq=True)


@requires(permissions.can_review)
@require_safe
def review(request: HttpRequest, pk: int) -> HttpResponse:
    campaign, user = _campaign(request, pk), request.user
    filters = FilterForm(request.GET).filters()
    view = request.GET.get("view", "risk") if request.GET.get("view") in queries.VIEWS else "risk"
    page = queries.review_page(
        user, pk, filters=filters, view=view, after=request.GET.get("after", ""), limit=settings.CERTIFY_PAGE_ROWS
    )
    now, oldest = clock.now(), queries.oldest_data(campaign)
    facets = queries.facets(user, pk, filters)
    context = {
        "campaign": campaign,
        "is_open": campaign.state == CampaignState.OPEN and now <= campaign.due_at,
        "now": now,
        "groups": _groups(page.items, view),
        "facets": facets,
        "facet_lists": _facet_lists(facets, filters, view),
        "status": queries.status(user, pk),
        "filters": filters,
        "view": view,
        "views": [(label, _query(filters, name), name == view) for name, label in VIEWS],
        "query": _query(filters, view),
        "next_query": _query(filters, view, after=page.next_cursor) if page.next_cursor else "",
        "is_filtered": bool(filters.as_dict()),
        "stale_days": (now - oldest).days if oldest and (now - oldest).days >= STALE_DAYS else 0,
        "page_rows": settings.CERTIFY_PAGE_ROWS,
    }
    return render(request, "campaigns/review.html", context)


def _groups(rows: list[ReviewItem], view: str) -> list[tuple[str, list[ReviewItem]]]:
    if view not in GROUP_LABELS:
        return [("", rows)]
    return [(label, list(group)) for label, group in groupby(rows, GROUP_LABELS[view])]


STATES = [("open", "To decide"), ("draft", "Decided"), ("submitted", "Submitted")]
FACET_TITLES = {"system": "System", "department": "Department", "person": "Person", "entitlement": "Right"}


def _facet_lists(facets: dict, filters: queries.Filters, view: str) -> list[dict]:
    """The links on the left: {title, links: [(label, count, query, active)], more}. An active link takes itself away."""

    def link(label: str, count: int, active: bool, **change) -> tuple[str, int, str, bool]:
        return label, count, _query(filters, view, **change), active

    chosen = filters.state
    states = [
        link(label, facets["states"][code], chosen == code, state="" if chosen == code else code) for code, label in STATES
    ]
    care = [link("Needs care", facets["care"], filters.care, care="" if filters.care else "on")]
    care += [
        link(label, count, code in filters.signals, signals=_toggled(filters.signals, code))
        for code, label, count in facets["signals"]
    ]
    lists = [{"title": "Show", "links": states}, {"title": "Look closer", "links": care}]
    for name, title in FACET_TITLES.items():
        column, active = facets["columns"][name], getattr(filters, name)
        links = [
            link(label, count, value == active, **{name: "" if value == active else value})
            for value, label, count in column["values"]
        ]
        lists.append({"title": title, "links": links, "more": column["more"]})
    return [one for one in lists if one["links"]]


def _toggled(signals: tuple[str, ...], code: str) -> list[str]:
    return [signal for signal in signals if signal != code] if code in signals else [*signals, code]


@requires(permissions.can_review)
@require_safe
def item_detail(request: HttpRequest, pk: int, number: int) -> HttpResponse:
    """The drawer: why the person has it, its use, the last decisions, how old the data is."""
    item = _item(request, pk, number)
    campaign = _campaign(request, pk)
    now = clock.now()
    context = {
        "campaign": campaign,
        "item": item,
        "now": now,
        "is_open": campaign.state == CampaignState.OPEN and now <= campaign.due_at,
        "decisions": queries.last_decisions(item),
        "snapshot": campaign.sources.select_related("snapshot").get(source_id=item.source_id).snapshot,
        "why_me": item.assignments.filter(reviewer=request.user, is_active=True).first(),
        "removal_reasons": rules.REMOVAL_REASONS,
    }
    return render(request, "campaigns/_drawer.html" if request.htmx else "campaigns/item.html", context)


def _act(request: HttpRequest, item: ReviewItem, code: str) -> tuple[ReviewItem, InvalidInput | Conflict | None]:
    """Do what the button says; returns the item as it stands then, and the refusal if there was one."""
    expected = request.POST.get("expected")
    rationale = " ".join(filter(None, (request.POST.get("chip", ""), request.POST.get("rationale", "").strip())))
    try:
        if code == DecisionCode.UNDO:
            return items.undo(item_id=item.pk, expected=expected, by=request.user), None
        return items.decide(item_id=item.pk, code=code, rationale=rationale, expected=expected, by=request.user), None
    except (Conflict, InvalidInput) as refusal:
        item.refresh_from_db()
        return item, refusal


@requires(permissions.can_review)
@require_POST
def item_decide(request: HttpRequest, pk: int, number: int) -> HttpResponse:
    """Decide or undo; answers with the row, which asks for a reason when one is needed."""
    code = request.POST.get("code", "")
    item, refusal = _act(request, _item(request, pk, number), code)
    if not request.htmx:
        if refusal:
            messages.error(request, refusal.message)
            return redirect("campaigns:item-detail", pk=pk, number=number)
        return redirect("campaigns:review", pk=pk)
    context = {
        "campaign": item.campaign,
        "item": item,
        "now": clock.now(),
        "is_open": True,
        "refusal": refusal,
        "asks_reason": getattr(refusal, "field", None) == "rationale",
        "code": code,
        "code_label": DecisionCode(code).label if code in DecisionCode.values else "",
        "rationale": request.POST.get("rationale", ""),
        "removal_reasons": rules.REMOVAL_REASONS if code == DecisionCode.REVOKE else (),
        "status": queries.status(request.user, pk),
        "is_swap": True,
    }
    status = 200 if refusal is None else 409 if isinstance(refusal, Conflict) else 422
    return render(request, "campaigns/_row_swap.html", context, status=status)


def _selection(request: HttpRequest, pk: int) -> items.Selection:
    """The ticked rows, or everything that the filter shows."""
    filters = FilterForm(request.POST).filters()
    if request.POST.get("everything"):
        found = queries.filtered(queries.my_items(request.user, pk), filters).order_by("number")
        numbers = list(found.values_list("number", flat=True)[: items.MAX_BULK])
    else:
        numbers = sorted({int(number) for number in request.POST.getlist("item") if number.isdigit()})[: items.MAX_BULK]
    return items.Selection(numbers, filters.as_dict())


@requires(permissions.can_review)
@require_POST
def bulk(request: HttpRequest, pk: int) -> HttpResponse:
    """First the preview of what a bulk act would touch; with `confirm`, the act."""
    campaign, selection, code = _campaign(request, pk), _selection(request, pk), request.POST.get("code", "")
    if not selection.item_numbers or code not in ("approve", "revoke", "dont_know"):
        messages.error(request, "Tick the rows first, then choose what to do with them.")
        return redirect("campaigns:review", pk=pk)
    if not request.POST.get("confirm"):
        return _bulk_preview(request, campaign, selection, code)
    try:
        rationale = request.POST.get("rationale", "")
        done = items.decide_bulk(campaign_id=pk, selection=selection, code=code, rationale=rationale, by=request.user)
    except InvalidInput as refusal:
        return _bulk_preview(request, campaign, selection, code, refusal.message)
    left = f" {done.left_out:,} were left for single decisions." if done.left_out else ""
    messages.success(request, f"{DecisionCode(code).label}: {done.decided:,} items.{left} You can still undo each of them.")
    return redirect(f"{reverse('campaigns:review', args=[pk])}?{_query(FilterForm(request.POST).filters(), 'risk')}")


def _bulk_preview(
    request: HttpRequest, campaign: Campaign, selection: items.Selection, code: str, error: str = ""
) -> HttpResponse:
    context = {
        "campaign": campaign,
        "code": code,
        "code_label": DecisionCode(code).label,
        "preview": queries.bulk_preview(request.user, campaign.pk, selection.item_numbers),
        "numbers": selection.item_numbers,
        "filters": selection.filter,
        "why_reason": rules.needs_reason(code, [], campaign.terms),
        "error": error,
        "rationale": request.POST.get("rationale", ""),
        "cap": items.MAX_BULK,
        "is_cut": len(selection.item_numbers) == items.MAX_BULK,
    }
    return render(request, "campaigns/bulk.html", context, status=422 if error else 200)


@requires(permissions.can_review)
@require_http_methods(["GET", "POST"])
def submit(request: HttpRequest, pk: int) -> HttpResponse:
    """The summary and the statement; POST signs it."""
    campaign, error = _campaign(request, pk), ""
    if request.method == "POST":
        if not request.POST.get("agree"):
            error = "Tick the statement to sign it."
        else:
            try:
                sign_off = reviews.submit(campaign_id=pk, statement=request.POST.get("statement", ""), by=request.user)
            except InvalidInput as refusal:
                error = refusal.message
            else:
                return redirect("campaigns:receipt", pk=pk, sign_off=sign_off.pk)
    summary = queries.summary_for_submission(request.user, pk)
    context = {
        "campaign": campaign,
        "summary": summary,
        "statement": rules.statement(request.user.name, summary["total"], campaign.name),
        "error": error,
    }
    return render(request, "campaigns/submit.html", context, status=422 if error else 200)


@requires(permissions.can_review)
@require_safe
def receipt(request: HttpRequest, pk: int, sign_off: int) -> HttpResponse:
    found = get_object_or_404(SignOff, pk=sign_off, campaign_id=pk, reviewer=request.user)
    entry = Entry.objects.filter(uid=found.entry_uid).select_related("leaf").first()
    context = {
        "campaign": found.campaign,
        "sign_off": found,
        "leaf_hash": bytes(entry.leaf_hash).hex(),
        "leaf": getattr(entry, "leaf", None),
        "open": queries.my_open(request.user, pk).count(),
    }
    return render(request, "campaigns/receipt.html", context)
