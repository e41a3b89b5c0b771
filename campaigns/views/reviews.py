"""The reviewer's pages: the inbox, the table, and decisions one at a time."""

from dataclasses import dataclass, replace
from datetime import datetime
from itertools import groupby

from django.conf import settings
from django.contrib import messages
from django.db.models import QuerySet
from django.http import Http404, HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils.http import urlencode
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _
from django.views.decorators.http import require_POST, require_safe

from campaigns import (
    advice_reading,
    guards,
    hand_over,
    item_contexts,
    permissions,
    queries,
    rules,
    second_look,
    silence,
    sod_reading,
    stages,
    worklist,
    workspace,
)
from campaigns.actions import filters as kept_filters
from campaigns.actions import items, openings
from campaigns.forms import AnswerForm, FilterForm, NumberForm
from campaigns.models import Assignment, Campaign
from campaigns.states import ANSWERS, CampaignState, DecisionCode, ItemState
from certify.lib import clock
from certify.lib.access import requires
from certify.lib.errors import Conflict, DomainError, InvalidInput
from certify.lib.files import store
from certify.lib.numbers import whole
from certify.lib.uploads import load_limit, takes
from inventory import describing

GROUP_LABELS = {
    "person": lambda row: row.item.identity_name or row.item.account_key,
    "system": lambda row: row.item.source_name,
    "entitlement": lambda row: f"{row.item.entitlement_name or row.item.entitlement_key} · {row.item.source_name}",
}
VIEWS = [("person", _("By person")), ("system", _("By system")), ("entitlement", _("By right")), ("risk", _("One list"))]
TABS = [("open", _("To decide")), ("draft", _("Decided")), ("submitted", _("Submitted")), ("", _("All"))]
FACET_TITLES = {"person": _("People"), "system": _("Systems"), "entitlement": _("Rights"), "department": _("Departments")}
#: So many values of a facet are shown before the rest is opened.
FACET_ROWS = 6
STALE_DAYS = 7
#: Session: the campaigns whose closed group the reviewer has opened.
UNCHANGED_SEEN = "unchanged-seen"


@requires(permissions.can_review)
@require_safe
def inbox(request: HttpRequest) -> HttpResponse:
    """The reviews that wait for somebody, and how many of their own rights nobody has described."""
    rights = describing.counts(describing.owned(request.user))
    context = {"cards": worklist.inbox(request.user), "now": clock.now(), "rights": rights}
    return render(request, "campaigns/inbox.html", context)


def desk(request: HttpRequest, pk: int) -> tuple[Campaign, QuerySet]:
    """The campaign and the user's rows in it; not found for people who have none."""
    campaign = get_object_or_404(worklist.reviewed_campaigns(), pk=pk)
    rows = worklist.my_rows(request.user, pk)
    if not rows.exists():
        raise Http404
    return campaign, rows


def _row(request: HttpRequest, pk: int, row: int, now: datetime) -> tuple[Assignment, QuerySet]:
    """One of the user's rows, and all of them in its campaign."""
    rows = worklist.my_rows(request.user, pk, now)
    found = rows.filter(campaign__state__in=worklist.REVIEWED)
    return get_object_or_404(
        found.select_related("item__advice", "item__context", "decided_by", "reviewer", "campaign__owner"), pk=row
    ), rows


def _is_open(campaign: Campaign, now: datetime) -> bool:
    return campaign.state == CampaignState.OPEN and now <= campaign.due_at


def query_of(filters: worklist.Filters, view: str, **changes) -> str:
    """The address of the same list with some filters changed. Without a view it is the one the reviewer begins with."""
    values = filters.as_dict() | {"view": view} | changes
    values["signal"] = values.pop("signals", ())
    return urlencode({name: "on" if value is True else value for name, value in values.items() if value}, doseq=True)


@dataclass(frozen=True)
class Place:
    """Where in their rows a reviewer is: what they filter by, in which view ("" when it was not chosen), how far they are."""

    filters: worklist.Filters
    chosen_view: str
    status: dict
    tail: worklist.Tail
    now: datetime
    is_open: bool

    @property
    def view(self) -> str:
        """The view that is shown."""
        return self.chosen_view or workspace.first_view(self.status)

    def query(self, **changes) -> str:
        """The address of the same place with some filters changed; what is to be decided is shown unless it says otherwise."""
        values = {"state": self.filters.state or "all"} | changes
        return query_of(self.filters, self.chosen_view, **values)


def _place(request: HttpRequest, campaign: Campaign, rows: QuerySet, now: datetime) -> Place:
    """Refuses, as not found, people who have no rows."""
    filters, status = FilterForm(request.GET).filters(), worklist.status(rows, campaign.stage)
    if not status["total"]:
        raise Http404
    is_open, view = _is_open(campaign, now), request.GET.get("view", "")
    if "state" not in request.GET and status["open"] and is_open:
        filters = replace(filters, state=ItemState.OPEN.value)
    return Place(filters, view if view in workspace.VIEWS else "", status, worklist.tail_of(campaign), now, is_open)


@requires(permissions.can_review)
@require_safe
def review(request: HttpRequest, pk: int) -> HttpResponse:
    """The desk; with `part=facets` only what stands beside the rows, as they are decided."""
    campaign, now = get_object_or_404(worklist.reviewed_campaigns(), pk=pk), clock.now()
    rows = worklist.my_rows(request.user, pk, now)
    place = _place(request, campaign, rows, now)
    context = _beside(place, worklist.facets(rows, place.filters, place.tail))
    context["pace"] = guards.pace_line(campaign, request.user, now) if place.is_open else None
    context |= {"campaign": campaign, "saved_filters": workspace.saved_filters(request.user)}
    context["sign"] = workspace.statement_here(campaign, request.user, place.status) if place.is_open else ""
    if request.GET.get("part") == "facets":
        return render(request, "campaigns/_beside.html", context)
    if place.filters.unchanged:
        _note_unchanged_seen(request, pk)
    context |= _rows_context(request, campaign, rows, place) | _words(request, campaign, now)
    return render(request, "campaigns/review.html", context)


def _beside(place: Place, facets: dict) -> dict:
    """What stands above and beside the rows: tabs, views, facets."""
    tabs = [
        (label, facets["states"][code], place.query(state=code or "all"), place.filters.state == code) for code, label in TABS
    ]
    tail = facets["tail"] if place.filters.state in ("", ItemState.OPEN) else 0
    return {
        "is_open": place.is_open,
        "status": place.status,
        "facets": facets,
        "facet_lists": _facet_lists(facets, place),
        "tabs": tabs,
        "views": [
            (label, query_of(place.filters, name, state=place.filters.state or "all"), name == place.view)
            for name, label in VIEWS
        ],
        "filters": place.filters,
        "view": place.view,
        "is_filtered": bool(replace(place.filters, state="").as_dict()),
        "tail_count": tail,
        "listed": facets["total"] if place.filters.unchanged else facets["total"] - tail,
        "tail_query": place.query(unchanged=True, state=ItemState.OPEN.value),
        "all_query": query_of(worklist.Filters(), place.chosen_view),
        "query": place.query(),
        "most_saved": kept_filters.MOST,
    }


def _rows_context(request: HttpRequest, campaign: Campaign, rows: QuerySet, place: Place) -> dict:
    page = workspace.review_page(
        rows,
        filters=place.filters,
        view=place.view,
        after=request.GET.get("after", ""),
        limit=settings.CERTIFY_PAGE_ROWS,
        tail=place.tail,
    )
    return {
        "now": place.now,
        "groups": _groups(page.rows, place.view),
        "next_query": place.query(after=page.next_cursor) if page.next_cursor else "",
        "page_rows": settings.CERTIFY_PAGE_ROWS,
        "latest_change": workspace.latest_change(campaign.pk),
    }


def _words(request: HttpRequest, campaign: Campaign, now: datetime) -> dict:
    """What is said above the rows: the stage, what silence does, how old the data is, who decides about one's own access."""
    return {
        "can_give": hand_over.is_possible(campaign.terms),
        "is_second_look": second_look.is_running(campaign),
        "stage": _stage(campaign),
        "silence": silence.policy(campaign.terms),
        "stale": queries.stale_data(campaign, now, STALE_DAYS),
        "decides_for_me": workspace.decides_for_me(request.user, campaign),
    }


@requires(permissions.can_review)
@require_POST
def filter_save(request: HttpRequest, pk: int) -> HttpResponse:
    """Keep the filter under a name, or remove a kept one; both lead back to the list."""
    desk(request, pk)
    query = request.POST.get("query", "")
    try:
        if removed := whole(request.POST.get("remove", "")):
            kept_filters.remove(filter_id=removed, by=request.user)
        else:
            saved = kept_filters.keep(name=request.POST.get("name", ""), query=query, by=request.user)
            messages.success(request, gettext("Saved as “{name}”. It is offered in all your reviews.").format(name=saved.name))
    except InvalidInput as refusal:
        messages.error(request, refusal.message)
    return redirect(f"{reverse('campaigns:review', args=[pk])}?{query}")


def _note_unchanged_seen(request: HttpRequest, pk: int) -> None:
    """The closed group is kept in one act only by somebody who has opened it."""
    seen = request.session.get(UNCHANGED_SEEN, [])
    if pk not in seen:
        request.session[UNCHANGED_SEEN] = [*seen[-20:], pk]


def _stage(campaign: Campaign) -> dict:
    """The stage that is open: {number, of, name}."""
    every = stages.of(campaign.terms)
    return {"number": campaign.stage, "of": len(every), "name": every[campaign.stage - 1]["name"]}


def _groups(rows: list[Assignment], view: str) -> list[tuple[str, list[Assignment]]]:
    if view not in GROUP_LABELS:
        return [("", rows)]
    return [(label, list(group)) for label, group in groupby(rows, GROUP_LABELS[view])]


def _facet_lists(facets: dict, place: Place) -> list[dict]:
    """The links on the left: {title, links: [(label, count, query, active)], more}. An active link takes itself away."""
    filters = place.filters
    care = [(_("Needs care"), facets["care"], place.query(care="" if filters.care else "on"), filters.care)]
    care += [
        (label, count, place.query(signals=_toggled(filters.signals, code)), code in filters.signals)
        for code, label, count in facets["signals"]
    ]
    lists = [{"title": _("Look closer"), "links": care, "cap": len(care)}]
    for name, title in FACET_TITLES.items():
        column, active = facets["columns"][name], getattr(filters, name)
        links = [
            (label, count, place.query(**{name: "" if value == active else value}), value == active)
            for value, label, count in column["values"]
        ]
        lists.append({"title": title, "links": links[:FACET_ROWS], "rest": links[FACET_ROWS:], "more": column["more"]})
    return [one for one in lists if one["links"]]


def _toggled(signals: tuple[str, ...], code: str) -> list[str]:
    return [signal for signal in signals if signal != code] if code in signals else [*signals, code]


@requires(permissions.can_review)
@require_safe
def item_detail(request: HttpRequest, pk: int, row: int) -> HttpResponse:
    """The drawer: why the person has it, its use, the last decisions, how old the data is. That it was opened is remembered."""
    now = clock.now()
    found, _rows = _row(request, pk, row, now)
    if request.method == "GET" and _can_answer(found, now):
        openings.note(row=found, by=request.user)
    return _drawer(request, found, now)


def _can_answer(row: Assignment, now: datetime) -> bool:
    """Whether the row's stage is open, and takes an answer to it."""
    campaign = row.campaign
    return _is_open(campaign, now) and row.stage == campaign.stage and second_look.takes(campaign, row)


def _drawer(request: HttpRequest, row: Assignment, now: datetime, refusal: DomainError | None = None) -> HttpResponse:
    campaign = row.campaign
    shows_earlier = stages.of(campaign.terms)[row.stage - 1]["shows_earlier"]
    context = {
        "campaign": campaign,
        "row": row,
        "item": row.item,
        "now": now,
        "is_open": _can_answer(row, now),
        "decisions": worklist.last_decisions(row, shows_earlier=shows_earlier and row.is_vote),
        "snapshot": campaign.sources.select_related("snapshot").get(source_id=row.item.source_id).snapshot,
        "can_give": hand_over.is_possible(campaign.terms),
        "way": hand_over.trail(row),
        "acts_for": row.reviewer if row.reviewer_id != request.user.pk else None,
        "conflicts": sod_reading.conflicts_of(row.item),
        "describer": item_contexts.describer(row.item),
        "removal_reasons": rules.REMOVAL_REASONS,
        "lesser": workspace.lesser_rights(row.item),
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
    return items.Answer(data["code"], rationale, data["reduce_to"], data["until"], evidence, data["number"])


def _act(request: HttpRequest, row: Assignment) -> tuple[Assignment, InvalidInput | Conflict | None]:
    """Do what the button says; returns the row as it stands then, and the refusal if there was one."""
    expected = request.POST.get("expected")
    try:
        if request.POST.get("code") == DecisionCode.UNDO:
            number = NumberForm(request.POST).given()
            return items.undo(assignment_id=row.pk, expected=expected, number=number, by=request.user), None
        return items.decide(assignment_id=row.pk, answer=_answer(request), expected=expected, by=request.user), None
    except (Conflict, InvalidInput) as refusal:
        row.refresh_from_db()
        return row, refusal


ASKING_FIELDS = ("rationale", "reduce_to", "until")


@takes(load_limit)
@requires(permissions.can_review)
@require_POST
def item_decide(request: HttpRequest, pk: int, row: int) -> HttpResponse:
    """Decide or undo; answers with the row, which asks for a reason when one is needed."""
    now = clock.now()
    found, rows = _row(request, pk, row, now)
    found, refusal = _act(request, found)
    if not request.htmx:
        return _drawer(request, found, now, refusal) if refusal else redirect("campaigns:review", pk=pk)
    asks = request.POST.get("code", "") if getattr(refusal, "field", None) in ASKING_FIELDS else ""
    context = {"row": found, "is_open": True, "refusal": refusal, "status": worklist.status(rows, found.campaign.stage)}
    context["pace"] = guards.pace_line(found.campaign, request.user, now)
    context["sign"] = workspace.statement_here(found.campaign, request.user, context["status"])
    context |= _asking(asks, bool(request.POST.get("until"))) | {"given": request.POST}
    status = 200 if refusal is None else 409 if isinstance(refusal, Conflict) else 422
    return _row_alone(request, context, now, status)


@requires(permissions.can_review)
@require_safe
def item_row(request: HttpRequest, pk: int, row: int) -> HttpResponse:
    """One row as it stands; with `ask`, asking for what that answer needs."""
    now = clock.now()
    found, _rows = _row(request, pk, row, now)
    is_open, code = _can_answer(found, now), request.GET.get("ask", "")
    asks = code if is_open and code in ANSWERS and not found.decision and not found.sign_off_id else ""
    context = {"row": found, "is_open": is_open} | _asking(asks, bool(request.GET.get("until")))
    if asks:
        recommended = advice_reading.recommended(found.item)
        context["why"] = rules.needs_reason(asks, found.item.signals, found.campaign.terms, recommended)
    return _row_alone(request, context, now)


def _asking(code: str, is_until: bool) -> dict:
    """What a row shows that asks for the reason of an answer, or nothing."""
    return {
        "asks_reason": bool(code),
        "asks_until": is_until,
        "code": code,
        "code_label": DecisionCode(code).label if code in DecisionCode.values else "",
        "removal_reasons": rules.REMOVAL_REASONS if code == DecisionCode.REVOKE else (),
    }


def _row_alone(request: HttpRequest, context: dict, now: datetime, status: int = 200) -> HttpResponse:
    context |= {"campaign": context["row"].campaign, "now": now, "lesser": workspace.lesser_rights(context["row"].item)}
    return render(request, "campaigns/_row_swap.html", context, status=status)


@requires(permissions.can_review)
@require_safe
def changes(request: HttpRequest, pk: int) -> JsonResponse:
    """Which of the user's rows were decided or undone since a number, whoever did it and wherever."""
    now = clock.now()
    rows = worklist.my_rows(request.user, pk, now).filter(campaign__state__in=worklist.REVIEWED)
    if not rows.exists():
        raise Http404
    number, found = workspace.changes(rows, pk, whole(request.GET.get("since", "")) or 0, now)
    return JsonResponse({"since": number, "rows": found})


def selection_of(request: HttpRequest, rows: QuerySet) -> items.Selection:
    """The ticked rows, or everything that the filter shows; nothing of a closed group that was not opened."""
    filters = FilterForm(request.POST).filters()
    if request.POST.get("everything"):
        pk = request.resolver_match.kwargs["pk"]
        if filters.unchanged and pk not in request.session.get(UNCHANGED_SEEN, []):
            return items.Selection([], {})
        tail = worklist.tail_of(Campaign.objects.get(pk=pk))
        found = worklist.filtered(rows, filters, tail).order_by("item_number", "pk")
        ids = list(found.values_list("pk", flat=True)[: items.MAX_BULK])
    else:
        ids = sorted(filter(None, set(map(whole, request.POST.getlist("item")))))[: items.MAX_BULK]
    return items.Selection(ids, filters.as_dict())
