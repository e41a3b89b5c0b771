"""Safety nets, read: which removals take too much away for the people who decided them, and who decided in a great hurry."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db import connection
from django.db.models import QuerySet

from campaigns.models import Campaign, PaceNotice, RemovalHold
from campaigns.states import TO_REMOVE, HoldKind
from certify.lib.planning import without_loops

#: So many decisions one by one within this time are asked about.
PACE_DECISIONS, PACE_WITHIN = 12, timedelta(seconds=9)
#: How long the page says so.
PACE_SHOWN = timedelta(minutes=10)
#: More decisions than this within nine seconds are acts on many, which are not counted.
LATEST = 2_000


@dataclass(frozen=True)
class Pace:
    """The latest decisions of somebody, if they came in a great hurry."""

    milliseconds: int
    privileged: int
    last_decision: int


PACE = """
    SELECT decision.id, decision.decided_at, item.privileged = 'yes' FROM campaigns_decision AS decision
    JOIN campaigns_reviewitem AS item ON item.id = decision.item_id
    WHERE decision.id > (SELECT max(id) FROM campaigns_decision) - %(latest)s AND decision.campaign_id = %(campaign)s
      AND decision.reviewer_id = %(reviewer)s AND decision.bulk_act_id IS NULL AND decision.code <> 'undo'
      AND decision.decided_at >= %(since)s
      AND decision.id > COALESCE((SELECT max(last_decision) FROM campaigns_pacenotice
                                  WHERE campaign_id = %(campaign)s AND reviewer_id = %(reviewer)s), 0)
    ORDER BY decision.id DESC LIMIT %(count)s
"""


def hurry(campaign_id: int, reviewer_id: int, now: datetime) -> Pace | None:
    """Whether somebody's latest decisions, since they were last asked to look again, came in a great hurry."""
    values = {
        "campaign": campaign_id,
        "reviewer": reviewer_id,
        "since": now - PACE_WITHIN,
        "count": PACE_DECISIONS,
        "latest": LATEST,
    }
    with connection.cursor() as cursor:
        cursor.execute(PACE, values)
        rows = cursor.fetchall()
    if len(rows) < PACE_DECISIONS:
        return None
    took = rows[0][1] - rows[-1][1]
    return Pace(took // timedelta(milliseconds=1), sum(privileged for _, _, privileged in rows), rows[0][0])


def pace_line(campaign: Campaign, user, now: datetime) -> PaceNotice | None:
    """What the page says of the reviewer's hurry; None when there was none lately."""
    return PaceNotice.objects.filter(campaign=campaign, reviewer=user, at__gte=now - PACE_SHOWN).order_by("-id").first()


def limit(terms: dict) -> int | None:
    """The share of a system, in percent, above which removals wait; None in campaigns without this guard."""
    return terms.get("removal_limit")


def keeps_last_holders(terms: dict) -> bool:
    """Whether removals wait after which nobody would hold a privileged right.

    Campaigns launched before this could be said by itself have it where they have a limit, as they were launched.
    """
    return terms.get("last_holder_waits", limit(terms) is not None)


@dataclass(frozen=True)
class Hold:
    """Removals that must wait: of which system, why, how many of how many, and their (item, number)."""

    source_id: int
    source_key: str
    kind: HoldKind
    label: str
    held: int
    items: list[tuple[int, int]]


#: Items whose removal has not begun and waits for nobody yet: what a hold can still hold.
NEW = """
    item.settled_at IS NULL AND NOT EXISTS (SELECT FROM campaigns_heldremoval AS held JOIN campaigns_removalhold AS hold
        ON hold.id = held.hold_id WHERE held.item_id = item.id AND hold.campaign_id = item.campaign_id)
"""
REMOVALS = f"""
    SELECT source_id, array_agg(id ORDER BY number), array_agg(number ORDER BY number) FROM campaigns_reviewitem AS item
    WHERE campaign_id = %s AND outcome = ANY(%s) AND source_id = ANY(%s) AND {NEW} GROUP BY source_id ORDER BY source_id
"""
COUNTS = "SELECT source_id, count(*) FROM campaigns_reviewitem WHERE campaign_id = %s AND outcome = ANY(%s) GROUP BY source_id"
#: Privileged rights whose every open grant goes: by this campaign, or because another one has decided so of the same grant.
LAST_HOLDERS = f"""
    WITH going AS MATERIALIZED (
        SELECT DISTINCT item.id AS item_id, item.number, present.id AS grant_id, present.entitlement_id, {NEW} AS is_new
        FROM campaigns_reviewitem AS item JOIN inventory_grant AS was ON was.id = item.grant_id
        JOIN inventory_entitlement AS entitlement ON entitlement.id = was.entitlement_id AND entitlement.privileged = 'yes'
        JOIN inventory_grant AS present ON present.account_id = was.account_id AND present.entitlement_id = was.entitlement_id
            AND present.path = was.path AND present.closed_in_id IS NULL
        WHERE item.campaign_id = %(campaign)s AND item.outcome = ANY(%(taken)s)
    )
    SELECT source.id, source.key, COALESCE(NULLIF(entitlement.name, ''), entitlement.key) || ' · ' || source.name,
           count(DISTINCT going.grant_id), array_agg(going.item_id ORDER BY number) FILTER (WHERE is_new),
           array_agg(number ORDER BY number) FILTER (WHERE is_new)
    FROM going JOIN inventory_entitlement AS entitlement ON entitlement.id = going.entitlement_id
    JOIN inventory_source AS source ON source.id = entitlement.source_id
    WHERE NOT EXISTS (
        SELECT FROM inventory_grant AS left_over WHERE left_over.entitlement_id = going.entitlement_id AND left_over.closed_in_id IS NULL
          AND left_over.id NOT IN (SELECT grant_id FROM going)
          AND NOT EXISTS (SELECT FROM campaigns_reviewitem AS other WHERE other.grant_id = left_over.id
                          AND other.campaign_id <> %(campaign)s AND other.outcome = ANY(%(taken)s)))
    GROUP BY source.id, entitlement.id HAVING bool_or(is_new) ORDER BY source.id, entitlement.id
"""


def wanted_holds(campaign: Campaign) -> list[Hold]:
    """What of the removals of a campaign whose items have their outcomes must wait for a second person."""
    most = limit(campaign.terms)
    shares = [] if most is None else _shares(campaign, most)
    return [*shares, *(_last_holders(campaign) if keeps_last_holders(campaign.terms) else ())]


def _shares(campaign: Campaign, most: int) -> list[Hold]:
    """Systems of which more goes than the terms allow, of what was open at the launch: the pack shows both numbers."""
    frozen = {one.source_id: one for one in campaign.sources.select_related("source")}
    taken = [str(outcome) for outcome in TO_REMOVE]
    with connection.cursor() as cursor:
        cursor.execute(COUNTS, [campaign.pk, taken])
        large = [source for source, count in cursor.fetchall() if 100 * count > most * frozen[source].grants_open]
        if not large:
            return []
        cursor.execute(REMOVALS, [campaign.pk, taken, large])
        rows = cursor.fetchall()
    return [
        Hold(
            source,
            frozen[source].source.key,
            HoldKind.SHARE,
            frozen[source].source.name,
            frozen[source].grants_open,
            list(zip(ids, numbers, strict=True)),
        )
        for source, ids, numbers in rows
    ]


def _last_holders(campaign: Campaign) -> list[Hold]:
    with without_loops(), connection.cursor() as cursor:
        cursor.execute(LAST_HOLDERS, {"campaign": campaign.pk, "taken": [str(outcome) for outcome in TO_REMOVE]})
        rows = cursor.fetchall()
    return [
        Hold(source, key, HoldKind.LAST_HOLDER, label, held, list(zip(ids, numbers, strict=True)))
        for source, key, label, held, ids, numbers in rows
    ]


def waiting(campaign: Campaign) -> QuerySet:
    """Holds that a second person has not spoken about yet."""
    return RemovalHold.objects.filter(campaign=campaign, verdict__isnull=True)


def summary(campaign: Campaign) -> dict | None:
    """{"holds", "waiting", "removals": how many wait}; None where nothing is or was held."""
    holds = list(RemovalHold.objects.filter(campaign=campaign).select_related("verdict"))
    open_ = [hold for hold in holds if not hasattr(hold, "verdict")]
    return {"holds": len(holds), "waiting": len(open_), "removals": sum(hold.removals for hold in open_)} if holds else None
