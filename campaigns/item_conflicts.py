"""What an item's reviewer is told of conflicts of duties, frozen at launch: which rule, what is held of the other side, which exception."""

from datetime import datetime

from django.db import connection

from campaigns.models import Campaign
from campaigns.population import leaf_sql, moment_sql
from campaigns.rules import CONFLICT_COLUMNS
from campaigns.sod_sql import COVERING

#: Rights of the other side that are named; the count says how many there are.
NAMED = 20

#: Both sides, in words, of each conflict that a staged item is part of.
SIDES = f"""
    CREATE TEMP TABLE launch_side ON COMMIT DROP AS
    SELECT conflict_id, side, count(*) AS held_count, (array_agg(words ORDER BY words COLLATE "C"))[1:{NAMED}] AS held
    FROM (
        SELECT DISTINCT part.conflict_id, part.side,
            source.name || ': ' || COALESCE(NULLIF(entitlement.name, ''), entitlement.key) || ' (' || account.key || ')' AS words
        FROM campaigns_sodconflictgrant AS part JOIN inventory_grant AS granted ON granted.id = part.grant_id
        JOIN inventory_entitlement AS entitlement ON entitlement.id = granted.entitlement_id
        JOIN inventory_account AS account ON account.id = granted.account_id
        JOIN inventory_source AS source ON source.id = granted.source_id
        WHERE part.conflict_id IN (
            SELECT own.conflict_id FROM campaigns_sodconflictgrant AS own
            JOIN campaigns_sodconflict AS conflict ON conflict.id = own.conflict_id AND conflict.ended_at IS NULL
            JOIN launch_population AS staged ON staged.grant_id = own.grant_id AND staged.exclusion IS NULL)
    ) AS named GROUP BY conflict_id, side
"""
#: The frozen rows. An exception that covers the conflict today stands with it.
ROWS = f"""
    SELECT row_number() OVER (ORDER BY staged.number, rule.key COLLATE "C", part.side) AS number, staged.item_id,
        staged.number AS item_number, conflict.id AS conflict_id, rule.key AS rule, rule.name, rule.severity, part.side,
        CASE part.side WHEN 'a' THEN rule.side_a_name ELSE rule.side_b_name END AS duty,
        CASE part.side WHEN 'a' THEN rule.side_b_name ELSE rule.side_a_name END AS other_duty,
        other.held, other.held_count, rule.control, conflict.found_at, covering.ends_on AS excepted_until,
        COALESCE(covering.control, '') AS exception_control, COALESCE(covering.approver, '') AS exception_by
    FROM launch_side AS other JOIN campaigns_sodconflict AS conflict ON conflict.id = other.conflict_id AND conflict.ended_at IS NULL
    JOIN campaigns_sodrule AS rule ON rule.id = conflict.rule_id AND rule.is_active
    JOIN campaigns_sodconflictgrant AS part ON part.conflict_id = conflict.id AND part.side <> other.side
    JOIN launch_population AS staged ON staged.grant_id = part.grant_id AND staged.exclusion IS NULL
    LEFT JOIN LATERAL (
        SELECT exception.ends_on, exception.control, (
            SELECT 'people.user:' || step.by_id FROM campaigns_sodexceptionstep AS step
            WHERE step.exception_id = exception.id AND step.code = 'approved') AS approver
        {COVERING.format(today="today")} ORDER BY exception.ends_on DESC, exception.id DESC LIMIT 1
    ) AS covering ON TRUE
"""
CELLS = {
    "campaign": "%(campaign)s::text",
    "number": "number::text",
    "item": "item_number::text",
    "held": "array_to_string(held, '; ')",
    "held_count": "held_count::text",
    "found_at": moment_sql("found_at"),
    "excepted_until": "COALESCE(excepted_until::text, '')",
}
LEAF = leaf_sql([CELLS.get(name, name) for name in CONFLICT_COLUMNS])
FROZEN = (
    "number, item_id, item_number, conflict_id, rule, name, severity, side, duty, other_duty, held, held_count, control, found_at,"
    " excepted_until, exception_control, exception_by"
)


def freeze(campaign: Campaign, now: datetime) -> None:
    """Insert the conflicts of the staged items, which are inserted already."""
    with connection.cursor() as cursor:
        cursor.execute("DROP TABLE IF EXISTS launch_side")
        cursor.execute(SIDES, {})
        cursor.execute("ANALYZE launch_side")
        cursor.execute(
            f"INSERT INTO campaigns_itemconflict (campaign_id, {FROZEN}, leaf)"
            f" SELECT %(campaign)s, {FROZEN}, {LEAF} FROM ({ROWS}) AS found",
            {"campaign": campaign.pk, "today": now.date()},
        )
