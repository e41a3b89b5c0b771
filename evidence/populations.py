"""The populations of a period that samples are drawn from, each with a statement of its completeness: counts that balance.

Items, privileged grants and revocations are items of closed reviews, whose rows and outcomes never change; leavers are as the latest
readings of people tell them. Each row has an id that never changes and tells nobody anything: `item/CAMPAIGN/NUMBER` or
`identity/NUMBER`.
"""

from dataclasses import dataclass

from django.db import connection
from django.utils.translation import gettext as _
from django.utils.translation import gettext_noop

from campaigns.models import Campaign, ReviewItem
from campaigns.states import CampaignState
from evidence import queries, sampling
from evidence.models import AuditPeriod
from evidence.pack import scope
from evidence.people_left import PEOPLE, PEOPLE_COUNTED
from evidence.states import PopulationKind, Stratum

#: A population has at most so many rows: every one is kept with the sample.
LIMIT = 1_000_000

#: What of the items belongs to a population.
OF_ITEMS = {
    PopulationKind.ITEMS: "TRUE",
    PopulationKind.PRIVILEGED: "item.privileged = 'yes'",
    PopulationKind.REVOCATIONS: "item.outcome IN ('revoked', 'reduced')",
}
ITEM_STRATA = {
    Stratum.NONE: "''",
    Stratum.SYSTEM: "item.source_key",
    Stratum.CAMPAIGN: "item.campaign_id::text",
    Stratum.OUTCOME: "item.outcome",
    Stratum.KIND: "item.identity_kind",
}
LEAVER_STRATA = {Stratum.NONE: "''", Stratum.SYSTEM: "source.key", Stratum.KIND: "identity.kind"}

ITEMS = """
    SELECT row_number() OVER (ORDER BY item.campaign_id, item.number) AS place, 'item/' || item.campaign_id || '/' || item.number AS key,
           {stratum} AS stratum, item.id AS item_id, NULL::bigint AS identity_id
    FROM campaigns_reviewitem AS item WHERE item.campaign_id = ANY(%(campaigns)s) AND {condition}
"""

LEAVERS = f"""
    SELECT row_number() OVER (ORDER BY person.id) AS place, 'identity/' || person.id AS key, {{stratum}} AS stratum,
           NULL::bigint AS item_id, person.id AS identity_id
    FROM ({PEOPLE}) AS person JOIN inventory_identity AS identity ON identity.id = person.id
    JOIN inventory_source AS source ON source.id = identity.source_id WHERE person.is_left AND person.was_there
"""


@dataclass(frozen=True)
class Population:
    """What can be drawn from: its query with values, and its statement: [{label, count, parts: [{label, count}]}], each balanced."""

    kind: str
    strata_by: str
    campaigns: list[int]
    query: str
    values: dict
    statement: list[dict]

    @property
    def count(self) -> int:
        """How many rows it has."""
        return self.statement[-1]["parts"][0]["count"]


def campaigns_of(period: AuditPeriod) -> tuple[list[Campaign], list[Campaign]]:
    """The reviews of a period that can be drawn from, because they are closed; and the others, which are named with their items."""
    mine = queries.campaigns_of(period)[0]
    closed = [one for one in mine if one.state == CampaignState.CLOSED]
    return closed, [one for one in mine if one not in closed]


def strata_of(kind: str) -> list[str]:
    """By what a population of this kind can be divided."""
    return list(LEAVER_STRATA if kind == PopulationKind.LEAVERS else ITEM_STRATA)


def of(period: AuditPeriod, kind: str, *, strata_by: str = "", campaign: int | None = None) -> Population:
    """A population of a period, of one of its closed reviews if `campaign` says so."""
    begin, end = scope.bounds(period)
    if kind == PopulationKind.LEAVERS:
        values = {"begin": begin, "end": end, "size": None}
        return Population(
            kind, strata_by, [], LEAVERS.format(stratum=LEAVER_STRATA[Stratum(strata_by)]), values, _leavers(values)
        )
    closed, others = campaigns_of(period)
    chosen = [one for one in closed if campaign in (None, one.pk)]
    unchosen = [one for one in closed if one not in chosen]
    ids = [one.pk for one in chosen]
    query = ITEMS.format(stratum=ITEM_STRATA[Stratum(strata_by)], condition=OF_ITEMS[PopulationKind(kind)])
    return Population(kind, strata_by, ids, query, {"campaigns": ids}, _items(kind, chosen, unchosen, others))


def _balance(label: str, count: int, *parts: tuple[str, int]) -> dict:
    return {"label": label, "count": count, "parts": [{"label": name, "count": number} for name, number in parts]}


def _items(kind: str, chosen: list[Campaign], unchosen: list[Campaign], others: list[Campaign]) -> list[dict]:
    """Readings → items of the period → items of the chosen reviews → the population. In English: it is recorded."""
    grants = sum(one.grants_open for one in queries.balances_of([*chosen, *unchosen, *others]))
    inside, outside, running = (sum(one.item_count for one in some) for some in (chosen, unchosen, others))
    excluded = sum(one.excluded_count for one in (*chosen, *unchosen, *others))
    found = [
        _balance(gettext_noop("Open grants in the readings of the period's reviews"), grants,
                 (gettext_noop("items"), inside + outside + running), (gettext_noop("excluded by a rule"), excluded)),
        _balance(gettext_noop("Items of the period's reviews"), inside + outside + running,
                 (gettext_noop("in the reviews drawn from"), inside), (gettext_noop("in closed reviews that were not chosen"), outside),
                 (gettext_noop("in reviews that are not closed, or were cancelled"), running)),
    ]  # fmt: skip
    counted = _counts(chosen, "privileged" if kind == PopulationKind.PRIVILEGED else "outcome")
    if kind == PopulationKind.PRIVILEGED:
        parts = [
            (gettext_noop("privileged"), counted.get("yes", 0)),
            (gettext_noop("not privileged"), counted.get("no", 0)),
            (gettext_noop("not known whether privileged"), counted.get("unknown", 0)),
        ]
    elif kind == PopulationKind.REVOCATIONS:
        gone = counted.get("revoked", 0) + counted.get("reduced", 0)
        parts = [(gettext_noop("revoked or reduced"), gone), (gettext_noop("approved"), counted.get("approved", 0))]
        parts.append((gettext_noop("not reviewed"), counted.get("not_reviewed", 0)))
    else:
        parts = [(gettext_noop("items"), sum(counted.values()))]
    return [*found, _balance(gettext_noop("Items of the reviews drawn from"), inside, *parts)]


def _counts(campaigns: list[Campaign], column: str) -> dict[str, int]:
    with connection.cursor() as cursor:
        cursor.execute(
            f"SELECT {column}, count(*) FROM {ReviewItem._meta.db_table} WHERE campaign_id = ANY(%s) GROUP BY 1",
            [[one.pk for one in campaigns]],
        )
        return dict(cursor.fetchall())


def _leavers(values: dict) -> list[dict]:
    """Everybody known at the end of the period: there, left before it, left in it."""
    with connection.cursor() as cursor:
        cursor.execute(PEOPLE_COUNTED, values)
        known, left, there, before = cursor.fetchone()
    parts = [
        (gettext_noop("left in the period"), left),
        (gettext_noop("still there at its end"), there),
        (gettext_noop("had left when first seen in it, or before"), before),
    ]
    return [_balance(gettext_noop("Identities known at the end of the period"), known, *parts)]


def refusal(found: Population, size: int) -> str:
    """Why this cannot be drawn from, or not so much; "" when it can."""
    if not found.count:
        return _("There is nothing to draw from: this population has no rows.")
    if found.count > LIMIT:
        return _("This population has more than {limit} rows. Choose one review.").format(limit=f"{LIMIT:,}")
    if not 1 <= size <= sampling.MOST:
        return _("Draw from 1 to {most} rows.").format(most=sampling.MOST)
    return ""
