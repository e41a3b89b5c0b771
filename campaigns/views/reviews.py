"""The reviewer's pages: the inbox, the table, and decisions one at a time."""

from itertools import groupby

from django.conf import settings
from django.db.models import QuerySet
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.http import urlencode
from django.views.decorators.http import require_POST, require_safe

from campaigns import hand_over, permissions, queries, rules, second_look, stages, worklist
from campaigns.actions import items, openings
from campaigns.forms import AnswerForm, FilterForm
from campaigns.models import Assignment, Campaign
from campaigns.states import CampaignState, DecisionCode
from certify.lib import clock
from certify.lib.access import requires
from certify.lib.errors import Conflict, DomainError, InvalidInput
from certify.lib.files import store

GROUP_LABELS = {
    "person": lambda row: row.item.identity_name or row.item.account_key,
    "system": lambda row: row.item.source_name,
    "entitlement": lambda row: f"{row.item.entitlement_name or row.item.entitlement_key} · {row.item.source_name}",
}
VIEWS = [("risk", "Riskiest first"), ("person", "By person"), ("system", "By system"), ("entitlement", "By right")]
STALE_DAYS = 7


@requires(permissions.can_review)
@require_safe
def inbox(request: HttpRequest) -> HttpResponse:
    return render(request, "campaigns/inbox.html", {"cards": worklist.inbox(request.user), "now": clock.now()})


def desk(request: HttpRequest, pk: int) -> tuple[Campaign, QuerySet]:
    """The campaign and the user's rows in it; not found for people who have none."""
    campaign = get_object_or_404(worklist.reviewed_campaigns(), pk=pk)
    rows = worklist.my_rows(request.user, pk)
    if not rows.exists():
        raise Http404
    return campaign, rows


def _row(request: HttpRequest, pk: int, row: int) -> Assignment:
    _, rows = desk(request, pk)
    return get_object_or_404(rows.select_related("item", "decided_by", "reviewer", "campaign"), pk=row)


def _is_open(campaign: Campaign) -> bool:
    return campaign.state == CampaignState.OPEN and clock.now() <= campaign.due_at


def query_of(filters: worklist.Filters, view: str, **changes) -> str:
    """The address of the same list with some filters changed."""
    values = filters.as_dict() | {"view": view if view != "risk" else ""} | changes
    values["signal"] = values.pop("signals", ())
    return urlencode({name: value for name, value in values.items() if value}, doseq=True)


@requires(permissions.can_review)
@require_safe
def review(request: HttpRequest, pk: int) -> HttpResponse:
    campaign, rows = desk(request, pk)
    filters = FilterForm(request.GET).filters()
    view = request.GET.get("view", "risk") if request.GET.get("view") in worklist.VIEWS else "risk"
    page = worklist.review_page(
        rows, filters=filters, view=view, after=request.GET.get("after", ""), limit=settings.CERTIFY_PAGE_ROWS
    )
    now, oldest = clock.now(), queries.oldest_data(campaign)
    facets = worklist.facets(rows, filters)
    context = {
        "campaign": campaign,
        "is_open": _is_open(campaign),
        "can_give": hand_over.is_possible(campaign.terms),
        "is_second_look": second_look.is_running(campaign),
        "now": now,
        "groups": _groups(page.rows, view),
        "facets": facets,
        "facet_lists": _facet_lists(facets, filters, view),
        "status": worklist.status(rows, campaign.stage),
        "stage": _stage(campaign),
        "filters": filters,
        "view": view,
        "views": [(label, query_of(filters, name), name == view) for name, label in VIEWS],
        "query": query_of(filters, view),
        "next_query": query_of(filters, view, after=page.next_cursor) if page.next_cursor else "",
        "is_filtered": bool(filters.as_dict()),
        "stale_days": (now - oldest).days if oldest and (now - oldest).days >= STALE_DAYS else 0,
        "page_rows": settings.CERTIFY_PAGE_ROWS,
    }
    return render(request, "campaigns/review.html", context)


def _stage(campaign: Campaign) -> dict:
    """The stage that is open: {number, of, name}."""
    every = stages.of(campaign.terms)
    return {"number": campaign.stage, "of": len(every), "name": every[campaign.stage - 1]["name"]}


def _groups(rows: list[Assignment], view: str) -> list[tuple[str, list[Assignment]]]:
    if view not in GROUP_LABELS:
        return [("", rows)]
    return [(label, list(group)) for label, group in groupby(rows, GROUP_LABELS[view])]


STATES = [("open", "To decide"), ("draft", "Decided"), ("submitted", "Submitted")]
FACET_TITLES = {"system": "System", "department": "Department", "person": "Person", "entitlement": "Right"}


def _facet_lists(facets: dict, filters: worklist.Filters, view: str) -> list[dict]:
    """The links on the left: {title, links: [(label, count, query, active)], more}. An active link takes itself away."""

    def link(label: str, count: int, active: bool, **change) -> tuple[str, int, str, bool]:
        return label, count, query_of(filters, view, **change), active

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
def item_detail(request: HttpRequest, pk: int, row: int) -> HttpResponse:
    """The drawer: why the person has it, its use, the last decisions, how old the data is. That it was opened is remembered."""
    found = _row(request, pk, row)
    if request.method == "GET" and _is_open(found.campaign) and found.stage == found.campaign.stage:
        openings.note(row=found, by=request.user)
    return _drawer(request, found)


def _drawer(request: HttpRequest, row: Assignment, refusal: DomainError | None = None) -> HttpResponse:
    campaign = row.campaign
    shows_earlier = stages.of(campaign.terms)[row.stage - 1]["shows_earlier"]
    context = {
        "campaign": campaign,
        "row": row,
        "item": row.item,
        "now": clock.now(),
        "is_open": _is_open(campaign) and row.stage == campaign.stage and second_look.takes(campaign, row),
        "decisions": worklist.last_decisions(row, shows_earlier=shows_earlier and row.is_vote),
        "snapshot": campaign.sources.select_related("snapshot").get(source_id=row.item.source_id).snapshot,
        "can_give": hand_over.is_possible(campaign.terms),
        "way": hand_over.trail(row),
        "acts_for": row.reviewer if row.reviewer_id != request.user.pk else None,
        "removal_reasons": rules.REMOVAL_REASONS,
        "refusal": refusal,
        "given": request.POST,
    }
    template = "campaigns/_drawer.html" if request.htmx else "campaigns/item.html"
    return render(request, template, context, status=422 if refusal else 200)


def _answer(request: HttpRequest) -> items.Answer:
    """What the form says. A file is kept with the decision."""
    form = AnswerForm(request.POST, request.FILES)
    if not form.is_valid():
        field, errors = next(iter(form.errors.items()))
        raise InvalidInput(errors[0], field=field)
    data, given = form.cleaned_data, form.cleaned_data["evidence"]
    evidence = None
    if given:
        stored = store(given.chunks(), directory="evidence", limit=settings.CERTIFY_UPLOAD_LIMIT_MB * 2**20)
        evidence = items.Evidence(given.name[:200], stored)
    rationale = " ".join(filter(None, (data["chip"], data["rationale"].strip())))
    return items.Answer(data["code"], rationale, data["reduce_to"], data["until"], evidence)


def _act(request: HttpRequest, row: Assignment) -> tuple[Assignment, InvalidInput | Conflict | None]:
    """Do what the button says; returns the row as it stands then, and the refusal if there was one."""
    expected = request.POST.get("expected")
    try:
        if request.POST.get("code") == DecisionCode.UNDO:
            return items.undo(assignment_id=row.pk, expected=expected, by=request.user), None
        return items.decide(assignment_id=row.pk, answer=_answer(request), expected=expected, by=request.user), None
    except (Conflict, InvalidInput) as refusal:
        row.refresh_from_db()
        return row, refusal


ASKING_FIELDS = ("rationale", "reduce_to", "until")


@requires(permissions.can_review)
@require_POST
def item_decide(request: HttpRequest, pk: int, row: int) -> HttpResponse:
    """Decide or undo; answers with the row, which asks for a reason when one is needed."""
    found, refusal = _act(request, _row(request, pk, row))
    if not request.htmx:
        return _drawer(request, found, refusal) if refusal else redirect("campaigns:review", pk=pk)
    code = request.POST.get("code", "")
    context = {
        "campaign": found.campaign,
        "row": found,
        "now": clock.now(),
        "is_open": True,
        "refusal": refusal,
        "asks_reason": getattr(refusal, "field", None) in ASKING_FIELDS,
        "code": code,
        "code_label": DecisionCode(code).label if code in DecisionCode.values else "",
        "given": request.POST,
        "removal_reasons": rules.REMOVAL_REASONS if code == DecisionCode.REVOKE else (),
        "status": worklist.status(worklist.my_rows(request.user, pk), found.campaign.stage),
        "is_swap": True,
    }
    status = 200 if refusal is None else 409 if isinstance(refusal, Conflict) else 422
    return render(request, "campaigns/_row_swap.html", context, status=status)


def selection_of(request: HttpRequest, rows: QuerySet) -> items.Selection:
    """The ticked rows, or everything that the filter shows."""
    filters = FilterForm(request.POST).filters()
    if request.POST.get("everything"):
        found = worklist.filtered(rows, filters).order_by("item_number", "pk")
        ids = list(found.values_list("pk", flat=True)[: items.MAX_BULK])
    else:
        ids = sorted({int(value) for value in request.POST.getlist("item") if value.isdigit()})[: items.MAX_BULK]
    return items.Selection(ids, filters.as_dict())
