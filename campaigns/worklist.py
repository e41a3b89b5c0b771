"""Reads of what a reviewer has to do: the inbox, the review page, the rows that acts may touch.

A row of the work list is an `Assignment` with its item. A reviewer sees their own, and those of people they act for today.
"""

from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from django.core.exceptions import EmptyResultSet
from django.db import connection
from django.db.models import BooleanField, Count, F, Q, QuerySet, Value
from django.utils.translation import gettext as _

from campaigns import independence, rules
from campaigns.models import Assignment, Campaign, CampaignSource, Decision, Delegation
from campaigns.second_look import ANSWERABLE
from campaigns.states import RED_SIGNALS, CampaignState, DecisionCode, ItemState, ReviewerRule, Signal
from certify.lib import clock
from certify.lib.errors import InvalidInput
from inventory.models import Grant

RED = [signal.value for signal in RED_SIGNALS]
OPEN = Q(decision="", sign_off__isnull=True)
DRAFT = ~Q(decision="") & Q(sign_off__isnull=True)
SUBMITTED = Q(sign_off__isnull=False)
FACET_CAP = 50
#: Facet → the column it filters.
FACET_COLUMNS = {
    "system": "item__source_key",
    "department": "item__department",
    "entitlement": "item__entitlement_key",
    "person": "item__identity_key",
}
#: So many days before a review began is "this month" of its unchanged rows.
USED_DAYS = 30


@dataclass(frozen=True)
class Filters:
    """What a reviewer filters by; every part narrows. `signals` must all be there; `search` looks in names and keys.

    `unchanged` shows the rows of the closed group at the end alone; see `Tail`.
    """

    state: str = ""
    unchanged: bool = False
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


@dataclass(frozen=True)
class Tail:
    """Rows that nothing speaks against, one closed group at the end: undecided, no signal, known to the last review of their system
    (in `sources`: source ids that were reviewed before), used since `used_since`."""

    sources: tuple[int, ...]
    used_since: datetime

    @property
    def rows(self) -> Q:
        """The rows of the group."""
        found = Q(item__signals=[], item__last_used_at__gte=self.used_since, item__source_id__in=self.sources)
        return OPEN & found


def running(now: datetime) -> QuerySet:
    """Delegations by which somebody acts for somebody else on this day (UTC)."""
    today = now.date()
    return Delegation.objects.filter(ended_at__isnull=True, begins_on__lte=today, ends_on__gte=today, principal__is_active=True)


def running_delegations(delegate_id: int, now: datetime) -> QuerySet:
    """Delegations by which somebody acts for others on this day."""
    return running(now).filter(delegate_id=delegate_id)


def principals(user, campaign_id: int | None = None, now: datetime | None = None) -> list[int]:
    """Ids of those whose assignments the user may answer: themselves, and whom they act for today (in this campaign)."""
    running = running_delegations(user.pk, now or clock.now())
    if campaign_id is not None:
        running = running.filter(Q(campaigns=[]) | Q(campaigns__contains=[campaign_id]))
    return [user.pk, *running.values_list("principal_id", flat=True)]


def _of(user, principal_ids: list[int]) -> Q:
    """Assignments of the user and, where they may act as a deputy, of those they act for."""
    if len(principal_ids) == 1:
        return Q(reviewer_id=user.pk)
    return Q(reviewer_id=user.pk) | (Q(reviewer_id__in=principal_ids[1:]) & _as_deputy(user))


def _as_deputy(user) -> Q:
    """What somebody may answer for others: never their own access, what they granted, or that of whom they report to."""
    standing = independence.of(user)
    unfit = Q(item__identity_key__in=standing.own | standing.bosses) | Q(item__granted_by__in=standing.names)
    return ~unfit


def my_rows(user, campaign_id: int, now: datetime | None = None) -> QuerySet:
    """The rows the user may see of a campaign, of all stages."""
    mine = _of(user, principals(user, campaign_id, now))
    return Assignment.objects.filter(mine, campaign_id=campaign_id, is_active=True)


def my_drafts(user, campaign_id: int) -> QuerySet:
    """Rows that the user has decided, themselves or for others, and nobody has submitted yet."""
    return my_rows(user, campaign_id).filter(DRAFT, ANSWERABLE, decided_by=user)


def has_answered(item_id: int, user) -> bool:
    """Whether somebody has submitted an answer about the item that counts."""
    found = Assignment.objects.filter(SUBMITTED, item_id=item_id, is_active=True, is_vote=True, decided_by=user)
    return found.exists()


def open_rows(rows: QuerySet, stage: int) -> QuerySet:
    """Rows of the stage that nobody has decided and somebody still can."""
    return rows.filter(OPEN, ANSWERABLE, stage=stage)


def _everywhere(user) -> Q:
    """The user's rows in all campaigns, those of whom they act for included."""
    mine = Q(reviewer=user)
    delegations = list(running_delegations(user.pk, clock.now()))
    fit = _as_deputy(user) if delegations else Q()
    for delegation in delegations:
        limited = Q(campaign_id__in=delegation.campaigns) if delegation.campaigns else Q()
        mine |= Q(reviewer_id=delegation.principal_id) & limited & fit
    return mine & Q(is_active=True)


#: Campaigns that reviewers may look into: those that were opened and not cancelled.
REVIEWED = (CampaignState.OPEN, CampaignState.PAUSED, CampaignState.CLOSED)


def reviewed_campaigns() -> QuerySet:
    """Campaigns that reviewers may look into."""
    return Campaign.objects.filter(state__in=REVIEWED).select_related("owner")


def inbox(user) -> list[dict]:
    """A card per campaign, the most urgent first.

    {campaign, total, decided, submitted, open, drafts, minutes_left, own_pace: whether that is at the reviewer's own pace, days_left:
    until it is due}
    """
    counted = {
        row["campaign_id"]: row
        for row in Assignment.objects.filter(_everywhere(user))
        .values("campaign_id")
        .annotate(
            total=Count("id"),
            open=Count("id", filter=OPEN & ANSWERABLE & Q(stage=F("campaign__stage"))),
            drafts=Count("id", filter=DRAFT & ANSWERABLE),
            submitted=Count("id", filter=SUBMITTED),
        )
        .order_by()
    }
    if not counted:
        return []
    cards, pace, today = [], median_seconds(user, list(counted)), clock.now().date()
    for campaign in reviewed_campaigns().filter(pk__in=counted):
        row = counted[campaign.pk]
        row |= {"campaign": campaign, "decided": row["drafts"] + row["submitted"]}
        row["minutes_left"] = rules.minutes_left(row["open"], pace.get(campaign.pk))
        row |= {"own_pace": pace.get(campaign.pk) is not None, "days_left": (campaign.due_at.date() - today).days}
        cards.append(row)
    return sorted(cards, key=lambda card: (card["campaign"].state != CampaignState.OPEN, card["campaign"].due_at))


def median_seconds(user, campaign_ids: list[int]) -> dict[int, float | None]:
    """Campaign → the reviewer's median seconds between two of their single decisions in it, pauses over 10 minutes left out."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT campaign_id, percentile_cont(0.5) WITHIN GROUP (ORDER BY pause) FROM ("
            " SELECT campaign_id, extract(epoch FROM decided_at - lag(decided_at) OVER (PARTITION BY campaign_id ORDER BY id)) AS pause"
            " FROM campaigns_decision WHERE campaign_id = ANY(%s) AND reviewer_id = %s AND bulk_act_id IS NULL) AS pauses"
            " WHERE pause < 600 GROUP BY campaign_id",
            [campaign_ids, user.pk],
        )
        return dict(cursor.fetchall())


def tail_of(campaign: Campaign) -> Tail:
    """What is at the end of a campaign's lists."""
    earlier = CampaignSource.objects.filter(
        campaign__state=CampaignState.CLOSED,
        campaign__closed_at__lt=campaign.opened_at,
        source_id__in=CampaignSource.objects.filter(campaign=campaign).values("source_id"),
    )
    sources = earlier.order_by().values_list("source_id", flat=True).distinct()
    return Tail(tuple(sorted(sources)), campaign.opened_at - timedelta(days=USED_DAYS))


def filtered(rows: QuerySet, filters: Filters, tail: Tail | None = None) -> QuerySet:
    """The rows that a filter shows. The closed group at the end is not among them, unless the filter asks for it alone."""
    states = {ItemState.OPEN: OPEN, ItemState.DRAFT: DRAFT, ItemState.SUBMITTED: SUBMITTED}
    if filters.state in states:
        rows = rows.filter(states[filters.state])
    if tail is not None and tail.sources:
        rows = rows.filter(tail.rows) if filters.unchanged else rows.exclude(tail.rows)
    elif filters.unchanged:
        rows = rows.none()
    if filters.signals:
        rows = rows.filter(item__signals__contains=list(filters.signals))
    if filters.care:
        rows = rows.filter(item__signals__overlap=RED)
    for name, column in FACET_COLUMNS.items():
        if value := getattr(filters, name):
            rows = rows.filter(**{column: value})
    for word in filters.search.split()[:5]:
        rows = rows.filter(
            Q(item__identity_name__icontains=word)
            | Q(item__account_key__icontains=word)
            | Q(item__entitlement_name__icontains=word)
            | Q(item__entitlement_key__icontains=word)
            | Q(item__source_name__icontains=word)
            | Q(item__title__icontains=word)
        )
    return rows


FACET_LABELS = {
    "system": "item__source_name",
    "department": "item__department",
    "entitlement": "item__entitlement_name",
    "person": "item__identity_name",
}
FACET_CELLS = [
    *sorted({*FACET_COLUMNS.values(), *FACET_LABELS.values(), "item__signals", "item__source_id", "item__last_used_at"}),
    "decision",
    "sign_off_id",
]
IN_STATE = {
    "": "TRUE",
    "open": "decision = '' AND sign_off_id IS NULL",
    "draft": "decision <> '' AND sign_off_id IS NULL",
    "submitted": "sign_off_id IS NOT NULL",
}
IN_TAIL = f"{IN_STATE['open']} AND cardinality(signals) = 0 AND last_used_at >= %(used_since)s AND source_id = ANY(%(reviewed)s::bigint[])"
#: What is counted of the rows of the chosen state.
FACET_CONDITIONS = {
    "care": "signals && %(red)s::varchar[]",
    "tail": IN_TAIL,
    **{signal: f"signals @> ARRAY['{signal}']::varchar[]" for signal in Signal.values},
}
CELL_NAMES = [cell.removeprefix("item__") for cell in FACET_CELLS]
LABELS = [label.removeprefix("item__") for label in FACET_LABELS.values()]
SHOWN = [column.removeprefix("item__") for column in FACET_COLUMNS.values()]
#: The rows are read once. Everything is counted of all of them, and of each value of a column only how many there are: counting all of
#: it of each value would take five times as long. Labels are compared by their bytes: which of two names stands there matters little.
FACETS = (
    f"WITH shown ({', '.join(CELL_NAMES)}) AS MATERIALIZED ({{rows}}) SELECT {', '.join(['NULL'] * 2 * len(SHOWN))}, ARRAY["
    + ", ".join(f"count(*) FILTER (WHERE {condition})" for condition in ("{state}", *IN_STATE.values()))
    + ", "
    + ", ".join(f"count(*) FILTER (WHERE ({{state}}) AND {condition})" for condition in FACET_CONDITIONS.values())
    + f"] FROM shown UNION ALL SELECT {', '.join(SHOWN)}, "
    + ", ".join(f'max({label} COLLATE "C")' for label in LABELS)
    + ", ARRAY[count(*) FILTER (WHERE {state})] FROM shown GROUP BY GROUPING SETS ("
    + ", ".join(f"({column})" for column in SHOWN)
    + ")"
)


def facets(rows: QuerySet, filters: Filters, tail: Tail | None = None) -> dict:
    """Counts beside the table, over what the filter shows: states, signals, and the largest 50 of each column's values.

    {"total", "care", "tail": how many are in the closed group, "states": {state: count, "": of all states}, "signals": [(code,
    label, count)] of every signal, "columns": {facet: {"values": [(value, label, count)], "more": how many values were left out}}}
    """
    shown = filtered(rows, replace(filters, state="", unchanged=False))
    if filters.unchanged:
        shown = filtered(rows, replace(filters, state=""), tail)
    return _facets(shown, filters.state if filters.state in IN_STATE else "", tail)


def _facets(shown_rows: QuerySet, state: str = "", tail: Tail | None = None) -> dict:
    try:
        query, params = shown_rows.order_by().values_list(*FACET_CELLS).query.sql_with_params()
    except EmptyResultSet:  # Django knows without asking that nothing can be shown; the counts are still wanted
        nothing = Assignment.objects.filter(Value(False, output_field=BooleanField()))
        query, params = nothing.values_list(*FACET_CELLS).query.sql_with_params()
    values = {"red": RED, "reviewed": list(tail.sources) if tail else [], "used_since": tail.used_since if tail else None}
    with connection.cursor() as cursor:
        shown = cursor.mogrify(query, params).decode().replace("%", "%%")
        cursor.execute(FACETS.format(rows=shown, state=IN_STATE[state]), values)
        rows = cursor.fetchall()
    width = len(FACET_COLUMNS)
    columns: dict[str, list[tuple]] = {name: [] for name in FACET_COLUMNS}
    for row in rows:
        place, counts = next((index for index, value in enumerate(row[:width]) if value is not None), None), row[-1]
        if place is None:
            total = counts[0]
            states = dict(zip(IN_STATE, counts[1 : len(IN_STATE) + 1], strict=True))
            totals = dict(zip(FACET_CONDITIONS, counts[len(IN_STATE) + 1 :], strict=True))
        elif row[place] and counts[0]:
            columns[list(columns)[place]].append((row[place], row[width + place] or row[place], counts[0]))
    for found in columns.values():
        found.sort(key=lambda value: (-value[2], value[1]))
    return {
        "total": total,
        "care": totals["care"],
        "tail": totals["tail"],
        "states": states,
        "signals": [(signal.value, signal.label, totals[signal]) for signal in Signal],
        "columns": {
            name: {"values": found[:FACET_CAP], "more": max(0, len(found) - FACET_CAP)} for name, found in columns.items()
        },
    }


#: Who is asked as a manager begins with their people, who owns something with their systems.
MANAGER_RULES = (ReviewerRule.MANAGER, ReviewerRule.MANAGERS_MANAGER)
OWNER_RULES = (ReviewerRule.SYSTEM_OWNER, ReviewerRule.ENTITLEMENT_OWNER, ReviewerRule.IDENTITY_OWNER)


def status(rows: QuerySet, stage: int) -> dict:
    """Where a reviewer stands, whatever the filter.

    {total, open, done: decided or submitted, submitted, each answer's count among the drafts, as_manager, as_owner: how many rows
    they were asked about as such}
    """
    codes = (DecisionCode.APPROVE, DecisionCode.REVOKE, DecisionCode.REDUCE, DecisionCode.DONT_KNOW)
    found = rows.aggregate(
        total=Count("id"),
        open=Count("id", filter=OPEN & ANSWERABLE & Q(stage=stage)),
        undecided=Count("id", filter=OPEN),
        submitted=Count("id", filter=SUBMITTED),
        as_manager=Count("id", filter=Q(rule__in=MANAGER_RULES)),
        as_owner=Count("id", filter=Q(rule__in=OWNER_RULES)),
        **{code.value: Count("id", filter=Q(sign_off__isnull=True, decision=code)) for code in codes},
    )
    return found | {"done": found["total"] - found["undecided"]}


def last_decisions(row: Assignment, *, shows_earlier: bool, limit: int = 5) -> QuerySet:
    """The latest decisions on the same access, newest first: of earlier campaigns, of this row, and of others in this campaign
    where its stage lets later reviewers see them. Access stays the same when its last use or its dates change."""
    found = Decision.objects.filter(item__grant__in=Grant.objects.versions_of(row.item.grant))
    if not shows_earlier:
        found = found.filter(~Q(campaign_id=row.campaign_id) | Q(assignment_id=row.pk))
    return found.select_related("campaign").order_by("-id")[:limit]


def hold_open(campaign_id: int, now: datetime) -> int:
    """Keep the campaign in its stage until this transaction ends; returns the stage. Refuses one not open, or past its due date."""
    with connection.cursor() as cursor:
        # FOR SHARE: reviewers do not wait for each other, only for a close or the next stage.
        cursor.execute("SELECT state, due_at, stage FROM campaigns_campaign WHERE id = %s FOR SHARE", [campaign_id])
        state, due_at, stage = cursor.fetchone()
    if state == CampaignState.PAUSED:
        raise InvalidInput(_("This campaign is paused; it can be decided on when it goes on."))
    if state != CampaignState.OPEN:
        raise InvalidInput(_("This campaign is not open any more; nothing in it can change."))
    if now > due_at:
        raise InvalidInput(_("The due date has passed; nothing can be decided any more."))
    return stage


def hold_reviewers(campaign_id: int, principal_ids: list[int]) -> None:
    """Let acts on many rows of the same people come one after the other: they lock them in no common order."""
    with connection.cursor() as cursor:
        for principal in sorted(set(principal_ids)):
            cursor.execute(
                "SELECT pg_advisory_xact_lock(hashtext('campaigns.bulk'), hashtext(%s))", [f"{campaign_id}/{principal}"]
            )


def lock_reassignable(campaign_id: int, stage: int, ids: list[int], to) -> list[Assignment]:
    """Lock the active undecided assignments of items that the new reviewer is not asked about in this stage already."""
    asked = Assignment.objects.filter(campaign_id=campaign_id, stage=stage, pk__in=ids, is_active=True)
    hold_reviewers(campaign_id, [to.pk, *asked.order_by().values_list("reviewer_id", flat=True).distinct()])
    theirs = Assignment.objects.filter(campaign_id=campaign_id, reviewer=to, stage=stage, is_active=True)
    assignments = (
        asked.filter(OPEN, ANSWERABLE, is_vote=True)
        .exclude(item_id__in=theirs.values("item_id"))
        .select_related("item")
        .select_for_update(of=("self",), no_key=True)
        .order_by("pk")
    )
    return list(assignments)


def summary_for_submission(rows: QuerySet, user, stage: int, cap: int = 100) -> dict:
    """What the submit page shows: counts, the first removals and red keeps with their totals, and what is left open."""
    drafts = rows.filter(DRAFT, ANSWERABLE, decided_by=user, stage=stage).select_related("item")
    kept = Q(decision=DecisionCode.APPROVE)
    taken = Q(decision__in=(DecisionCode.REVOKE, DecisionCode.REDUCE))
    red_kept = kept & Q(item__signals__overlap=RED)
    counts = drafts.aggregate(
        total=Count("id"),
        approve=Count("id", filter=kept),
        revoke=Count("id", filter=Q(decision=DecisionCode.REVOKE)),
        reduce=Count("id", filter=Q(decision=DecisionCode.REDUCE)),
        dont_know=Count("id", filter=Q(decision=DecisionCode.DONT_KNOW)),
        red_kept=Count("id", filter=red_kept),
    )
    return counts | {
        "taken": counts["revoke"] + counts["reduce"],
        "removals": list(drafts.filter(taken).order_by("item_number")[:cap]),
        "red_keeps": list(drafts.filter(red_kept).order_by("item_number")[:cap]),
        "cap": cap,
        **open_rows(rows, stage).aggregate(open=Count("id"), red_open=Count("id", filter=Q(item__signals__overlap=RED))),
    }
