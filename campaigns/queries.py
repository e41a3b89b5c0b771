"""Reads of campaigns: the inbox, the review page, progress, and the rows that bulk acts may touch."""

from dataclasses import dataclass, field
from datetime import datetime
from typing import NamedTuple

from django.db import connection
from django.db.models import Count, F, Max, Min, Q, QuerySet

from campaigns import rules
from campaigns.models import Assignment, Campaign, CampaignDefinition, Decision, ReviewItem
from campaigns.states import RED_SIGNALS, CampaignState, DecisionCode, ItemState, Signal
from certify.lib.errors import InvalidInput
from inventory.models import Source
from people.models import User

RED = [signal.value for signal in RED_SIGNALS]
OPEN_ITEM = Q(item__decision="", item__sign_off__isnull=True)
FACET_CAP = 50
#: Facet → the item column it filters.
FACET_COLUMNS = {"system": "source_key", "department": "department", "entitlement": "entitlement_key", "person": "identity_key"}
#: View → the columns that group and order its rows.
VIEWS = {
    "risk": ("risk_rank", "number"),
    "person": ("identity_name", "account_key", "number"),
    "system": ("source_name", "entitlement_name", "number"),
    "entitlement": ("entitlement_name", "entitlement_key", "number"),
}
#: Columns that the assignment repeats.
ON_ASSIGNMENT = {"risk_rank": "assignments__risk_rank", "number": "assignments__item_number"}


@dataclass(frozen=True)
class Filters:
    """What a reviewer filters by; every part narrows. `signals` must all be there; `search` looks in names and keys."""

    state: str = ""
    signals: tuple[str, ...] = ()
    care: bool = False
    system: str = ""
    department: str = ""
    entitlement: str = ""
    person: str = ""
    search: str = ""

    def as_dict(self) -> dict:
        """The parts that are set, as a bulk act records them."""
        values = {name: getattr(self, name) for name in self.__dataclass_fields__}
        return {name: list(value) if isinstance(value, tuple) else value for name, value in values.items() if value}


@dataclass
class Page:
    """One keyset page: its items, and the cursor of the next page ("" at the end)."""

    items: list[ReviewItem] = field(default_factory=list)
    next_cursor: str = ""


def my_assignments(user, campaign_id: int) -> QuerySet:
    """The user's active assignments in a campaign."""
    return Assignment.objects.filter(reviewer=user, campaign_id=campaign_id, is_active=True)


def my_items(user, campaign_id: int) -> QuerySet:
    """The items the user must decide in a campaign: what they may see of it."""
    return ReviewItem.objects.filter(
        campaign_id=campaign_id, assignments__reviewer=user, assignments__is_active=True, assignments__campaign_id=campaign_id
    )


def my_drafts(user, campaign_id: int) -> QuerySet:
    """Items the user has decided and not yet submitted."""
    return my_items(user, campaign_id).filter(sign_off__isnull=True, decided_by=user).exclude(decision="")


def my_open(user, campaign_id: int) -> QuerySet:
    """Items the user has not decided."""
    return my_items(user, campaign_id).filter(decision="", sign_off__isnull=True)


def my_campaigns(user) -> QuerySet:
    """Campaigns in which the user has items; what `get_object_or_404` of a reviewer's page looks in."""
    mine = Assignment.objects.filter(reviewer=user, is_active=True).values("campaign_id").distinct()
    return Campaign.objects.filter(pk__in=mine, state__in=(CampaignState.OPEN, CampaignState.CLOSED)).select_related("owner")


def inbox(user) -> list[dict]:
    """A card per campaign, the most urgent first: {campaign, total, decided, submitted, open, drafts, minutes_left}."""
    counted = {
        row["campaign_id"]: row
        for row in Assignment.objects.filter(reviewer=user, is_active=True)
        .values("campaign_id")
        .annotate(
            total=Count("id"),
            open=Count("id", filter=OPEN_ITEM),
            submitted=Count("id", filter=Q(item__sign_off__isnull=False)),
        )
        .order_by()
    }
    cards = []
    for campaign in my_campaigns(user).filter(pk__in=counted):
        row = counted[campaign.pk]
        row |= {"campaign": campaign, "decided": row["total"] - row["open"]}
        row["drafts"] = row["decided"] - row["submitted"]
        row["minutes_left"] = rules.minutes_left(row["open"], median_seconds(user, campaign.pk))
        cards.append(row)
    return sorted(cards, key=lambda card: (card["campaign"].state != CampaignState.OPEN, card["campaign"].due_at))


def median_seconds(user, campaign_id: int) -> float | None:
    """The reviewer's median seconds between two of their single decisions in the campaign, pauses over 10 minutes left out."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT percentile_cont(0.5) WITHIN GROUP (ORDER BY pause) FROM ("
            " SELECT extract(epoch FROM decided_at - lag(decided_at) OVER (ORDER BY id)) AS pause FROM campaigns_decision"
            " WHERE campaign_id = %s AND reviewer_id = %s AND bulk_act_id IS NULL) AS pauses WHERE pause < 600",
            [campaign_id, user.pk],
        )
        return cursor.fetchone()[0]


def filtered(items: QuerySet, filters: Filters) -> QuerySet:
    """The items that a filter shows."""
    states = {
        ItemState.OPEN: Q(decision="", sign_off__isnull=True),
        ItemState.DRAFT: ~Q(decision="") & Q(sign_off__isnull=True),
        ItemState.SUBMITTED: Q(sign_off__isnull=False),
    }
    if filters.state in states:
        items = items.filter(states[filters.state])
    if filters.signals:
        items = items.filter(signals__contains=list(filters.signals))
    if filters.care:
        items = items.filter(signals__overlap=RED)
    for name, column in FACET_COLUMNS.items():
        if value := getattr(filters, name):
            items = items.filter(**{column: value})
    for word in filters.search.split()[:5]:
        items = items.filter(
            Q(identity_name__icontains=word)
            | Q(account_key__icontains=word)
            | Q(entitlement_name__icontains=word)
            | Q(entitlement_key__icontains=word)
            | Q(source_name__icontains=word)
            | Q(title__icontains=word)
        )
    return items


def review_page(user, campaign_id: int, *, filters: Filters, view: str = "risk", after: str = "", limit: int = 100) -> Page:
    """One page of the user's items in the order of the view. `after` is a page's cursor; an unknown one starts over."""
    columns = VIEWS.get(view, VIEWS["risk"])
    items = filtered(my_items(user, campaign_id), filters)
    last = _row_at(user, campaign_id, after)
    if last:
        items = items.filter(_after(columns, last))
    # The assignment repeats rank and number, so that its index alone gives the risk-first page.
    rows = list(items.order_by(*(ON_ASSIGNMENT.get(column, column) for column in columns))[: limit + 1])
    more = len(rows) > limit
    return Page(rows[:limit], str(rows[limit - 1].number) if more else "")


def _row_at(user, campaign_id: int, cursor: str) -> ReviewItem | None:
    if not cursor.isdigit():
        return None
    return my_items(user, campaign_id).filter(number=int(cursor)).first()


def _after(columns: tuple[str, ...], last: ReviewItem) -> Q:
    """Rows after `last` in the order of the columns."""
    later, same = Q(), Q()
    for column in columns:
        path = ON_ASSIGNMENT.get(column, column)
        later |= same & Q(**{f"{path}__gt": getattr(last, column)})
        same &= Q(**{path: getattr(last, column)})
    return later


FACET_LABELS = {
    "system": "source_name",
    "department": "department",
    "entitlement": "entitlement_name",
    "person": "identity_name",
}
FACET_CELLS = sorted({*FACET_COLUMNS.values(), *FACET_LABELS.values(), "signals", "decision", "sign_off_id"})
FACET_CONDITIONS = {
    "care": "signals && %(red)s::varchar[]",
    "open": "decision = '' AND sign_off_id IS NULL",
    "draft": "decision <> '' AND sign_off_id IS NULL",
    "submitted": "sign_off_id IS NOT NULL",
    **{signal: f"signals @> ARRAY['{signal}']::varchar[]" for signal in Signal.values},
}
#: One pass over the shown items counts everything: a grouping set for the totals and one for each column.
FACETS = (
    f"SELECT {', '.join(FACET_COLUMNS.values())}, {', '.join(f'max({label})' for label in FACET_LABELS.values())}, count(*), "
    + ", ".join(f"count(*) FILTER (WHERE {condition})" for condition in FACET_CONDITIONS.values())
    + " FROM ({items}) AS shown GROUP BY GROUPING SETS ((), "
    + ", ".join(f"({column})" for column in FACET_COLUMNS.values())
    + ") ORDER BY count(*) DESC"
)


def facets(user, campaign_id: int, filters: Filters) -> dict:
    """Counts beside the table, over what the filter shows: states, signals, and the largest 50 of each column's values.

    {"total", "care", "states": {…}, "signals": [(code, label, count)], "columns": {facet: {"values": [(value, label, count)],
    "more": how many values were left out}}}
    """
    return _facets(filtered(my_items(user, campaign_id), filters))


def _facets(items: QuerySet) -> dict:
    query, params = items.order_by().values(*FACET_CELLS).query.sql_with_params()
    with connection.cursor() as cursor:
        shown = cursor.mogrify(query, params).decode().replace("%", "%%")
        cursor.execute(FACETS.format(items=shown), {"red": RED})
        rows = cursor.fetchall()
    width = len(FACET_COLUMNS)
    columns: dict[str, list[tuple]] = {name: [] for name in FACET_COLUMNS}
    totals = dict.fromkeys(FACET_CONDITIONS, 0)
    total = 0
    for row in rows:
        place = next((index for index, value in enumerate(row[:width]) if value is not None), None)
        if place is None:
            total, totals = row[2 * width], dict(zip(FACET_CONDITIONS, row[2 * width + 1 :], strict=True))
        elif row[place]:
            columns[list(columns)[place]].append((row[place], row[width + place] or row[place], row[2 * width]))
    return {
        "total": total,
        "care": totals["care"],
        "states": {state: totals[state] for state in ItemState.values},
        "signals": [(signal.value, signal.label, totals[signal]) for signal in Signal if totals[signal]],
        "columns": {
            name: {"values": found[:FACET_CAP], "more": max(0, len(found) - FACET_CAP)} for name, found in columns.items()
        },
    }


def status(user, campaign_id: int) -> dict:
    """Where a reviewer stands, whatever the filter: {total, open, submitted, approve, revoke, dont_know}, the last three drafts."""
    draft = Q(item__sign_off__isnull=True)
    return my_assignments(user, campaign_id).aggregate(
        total=Count("id"),
        open=Count("id", filter=OPEN_ITEM),
        submitted=Count("id", filter=Q(item__sign_off__isnull=False)),
        **{code: Count("id", filter=draft & Q(item__decision=code)) for code in ("approve", "revoke", "dont_know")},
    )


def last_decisions(item: ReviewItem, limit: int = 5) -> QuerySet:
    """The latest decisions on the same grant, in this campaign and earlier ones, newest first."""
    return Decision.objects.filter(item__grant_id=item.grant_id).select_related("campaign").order_by("-id")[:limit]


def bulk_preview(user, campaign_id: int, numbers: list[int]) -> dict:
    """What a bulk act on these item numbers would touch.

    {"selected", "eligible", "red", "single", "submitted", "people", "systems", "entitlements": the distinct values with counts,
    at most 50 each}
    """
    items = my_items(user, campaign_id).filter(number__in=numbers)
    red, single = Q(signals__overlap=RED), ~Q(decision="") & Q(is_bulk=False, sign_off__isnull=True)
    submitted = Q(sign_off__isnull=False)
    counted = items.aggregate(
        selected=Count("id"),
        red=Count("id", filter=red & ~submitted),
        single=Count("id", filter=single & ~red),
        submitted=Count("id", filter=submitted),
    )
    found = _facets(items.exclude(red | single | submitted))
    return counted | {
        "eligible": found["total"],
        "people": found["columns"]["person"],
        "systems": found["columns"]["system"],
        "entitlements": found["columns"]["entitlement"],
    }


def hold_open(campaign_id: int, now: datetime) -> None:
    """Keep the campaign from closing until this transaction ends. Refuses one that is not open, or past its due date."""
    with connection.cursor() as cursor:
        # FOR SHARE: reviewers do not wait for each other, only for a close.
        cursor.execute("SELECT state, due_at FROM campaigns_campaign WHERE id = %s FOR SHARE", [campaign_id])
        state, due_at = cursor.fetchone()
    if state != CampaignState.OPEN:
        raise InvalidInput("This campaign is not open any more; nothing in it can change.")
    if now > due_at:
        raise InvalidInput("The due date of this campaign has passed; it is being closed.")


class BulkItem(NamedTuple):
    """What a bulk act needs of an item."""

    pk: int
    campaign_id: int
    number: int
    leaf: memoryview
    assignment_rule: str


def lock_bulk(campaign_id: int, numbers: list[int], user) -> list[BulkItem]:
    """Lock, in order, the items of a bulk act that it may touch (`rules.is_bulk_eligible`)."""
    items = (
        my_items(user, campaign_id)
        .filter(number__in=numbers, sign_off__isnull=True)
        .filter(Q(decision="") | Q(is_bulk=True))
        .exclude(signals__overlap=RED)
        .select_for_update(of=("self",), no_key=True)
        .order_by("pk")
    )
    return [BulkItem(*row) for row in items.values_list("pk", "campaign_id", "number", "leaf", "assignments__rule")]


def lock_reassignable(campaign_id: int, numbers: list[int], to) -> list[Assignment]:
    """Lock the active assignments of undecided items that are not the new reviewer's already."""
    assignments = (
        Assignment.objects.filter(campaign_id=campaign_id, item_number__in=numbers, is_active=True)
        .filter(OPEN_ITEM)
        .exclude(reviewer=to)
        .select_related("item")
        .select_for_update(of=("self",), no_key=True)
        .order_by("pk")
    )
    return list(assignments)


def progress(campaign: Campaign) -> dict:
    """Where a campaign stands: {total, open, drafts, submitted, approved, revoked, not_reviewed, percent}."""
    counted = ReviewItem.objects.filter(campaign=campaign).aggregate(
        total=Count("id"),
        open=Count("id", filter=Q(decision="", sign_off__isnull=True)),
        submitted=Count("id", filter=Q(sign_off__isnull=False)),
        approved=Count("id", filter=Q(outcome="approved")),
        revoked=Count("id", filter=Q(outcome="revoked")),
        not_reviewed=Count("id", filter=Q(outcome="not_reviewed")),
    )
    counted["drafts"] = counted["total"] - counted["open"] - counted["submitted"]
    counted["percent"] = round(100 * counted["submitted"] / counted["total"]) if counted["total"] else 0
    return counted


def reviewers(campaign: Campaign, *, after: int = 0, limit: int = 100) -> list[dict]:
    """Reviewers of a campaign, by id after `after`: {reviewer_id, name, email, total, open, submitted, last_at}."""
    counted = (
        Assignment.objects.filter(campaign=campaign, is_active=True, reviewer_id__gt=after)
        .values("reviewer_id", name=F("reviewer__name"), email=F("reviewer__email"))
        .annotate(
            total=Count("id"),
            open=Count("id", filter=OPEN_ITEM),
            submitted=Count("id", filter=Q(item__sign_off__isnull=False)),
            last_at=Max("item__decided_at"),
        )
        .order_by("reviewer_id")
    )
    return list(counted[:limit])


def reviewers_with_open_items(campaign: Campaign) -> dict[int, int]:
    """Reviewer id → items that are not submitted yet: who is reminded, and of how much."""
    waiting = Assignment.objects.filter(
        campaign=campaign, is_active=True, item__sign_off__isnull=True, reviewer__is_active=True
    )
    return dict(waiting.values_list("reviewer_id").annotate(Count("id")).order_by())


def due_campaigns(now: datetime) -> QuerySet:
    """Open campaigns whose due date has passed."""
    return Campaign.objects.filter(state=CampaignState.OPEN, due_at__lte=now).order_by("due_at")


def requested_campaigns() -> QuerySet:
    """Campaigns that wait for their launch."""
    return Campaign.objects.filter(state=CampaignState.REQUESTED).order_by("id")


def definitions() -> QuerySet:
    """Definitions in use, with how often they ran and when last."""
    return (
        CampaignDefinition.objects.filter(is_archived=False)
        .select_related("owner", "fallback_reviewer")
        .annotate(runs=Count("campaigns"), last_opened_at=Max("campaigns__opened_at"))
    )


def scope_choices() -> dict:
    """What a definition's form offers: sources with the age of their data, departments."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT DISTINCT department FROM inventory_identity WHERE department <> '' ORDER BY department LIMIT 501"
        )
        departments = [row[0] for row in cursor.fetchall()]
    sources = Source.objects.annotate(loaded_at=Max("snapshots__loaded_at")).order_by("name")
    return {"sources": sources, "departments": departments[:500], "departments_cut": len(departments) > 500}


def possible_reviewers() -> QuerySet:
    """Active users, for the choice of a fallback or another reviewer."""
    return User.objects.filter(is_active=True).order_by("name", "id")


def oldest_data(campaign: Campaign) -> datetime | None:
    """When the oldest snapshot of the campaign was taken."""
    found = campaign.sources.aggregate(extracted=Min("snapshot__extracted_at"), loaded=Min("snapshot__loaded_at"))
    return min((moment for moment in found.values() if moment), default=None)


def summary_for_submission(user, campaign_id: int, cap: int = 100) -> dict:
    """What the submit page shows: counts, the first removals and red keeps with their totals, and what is left open."""
    drafts = my_drafts(user, campaign_id)
    counts = drafts.aggregate(
        total=Count("id"),
        approve=Count("id", filter=Q(decision=DecisionCode.APPROVE)),
        revoke=Count("id", filter=Q(decision=DecisionCode.REVOKE)),
        dont_know=Count("id", filter=Q(decision=DecisionCode.DONT_KNOW)),
        red_kept=Count("id", filter=Q(decision=DecisionCode.APPROVE, signals__overlap=RED)),
    )
    return counts | {
        "removals": list(drafts.filter(decision=DecisionCode.REVOKE).order_by("number")[:cap]),
        "red_keeps": list(drafts.filter(decision=DecisionCode.APPROVE, signals__overlap=RED).order_by("number")[:cap]),
        "cap": cap,
        "open": my_open(user, campaign_id).count(),
    }
