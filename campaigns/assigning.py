"""From a table of items with their chosen reviewers to assignments, set by set.

The table is one that `reviewers.choose` made columns for, with item_id, number, risk_rank and identity_user_id.
"""

from datetime import datetime

from django.db import connection

from campaigns.models import Campaign
from campaigns.reviewers import INDEPENDENCE, suffix_of
from certify.lib.planning import without_loops

COLUMNS = (
    "campaign_id, item_id, stage, panel, group_id, quorum, reviewer_id, reviewer_name, rule, reason, excused, is_active, is_vote,"
    " risk_rank, item_number, assigned_at, decision, rationale, reduce_to, is_bulk"
)
BLANK = "TRUE, TRUE, risk_rank, number, %(now)s, '', '', '', FALSE"

PERSON = """
    INSERT INTO campaigns_assignment ({columns})
    SELECT %(campaign)s, item_id, %(stage)s, %(panel)s, NULL, NULL, reviewer.id, reviewer.name, staged.reviewer_rule{suffix},
           staged.reviewer_reason{suffix}, COALESCE(NULLIF(staged.reviewer_excused{suffix}, ''), {repeated}), {blank}
    FROM {table} AS staged
    LEFT JOIN inventory_identity AS reviewing ON reviewing.id = staged.reviewer_identity_id{suffix}
    JOIN people_user AS reviewer ON reviewer.id = COALESCE(staged.reviewer_id{suffix}, reviewing.user_id)
    {earlier}
    WHERE {condition} {twice}
"""

#: Everybody in the group but the person reviewed and those who are not independent, or, where the terms excuse that, marked so; a
#: quorum is never more than those who are asked.
GROUP = """
    INSERT INTO campaigns_assignment ({columns})
    SELECT %(campaign)s, item_id, %(stage)s, %(panel)s, staged.reviewer_group_id{suffix},
           LEAST(staged.reviewer_quorum{suffix}, count(*) OVER (PARTITION BY item_id)), reviewer.id, reviewer.name,
           staged.reviewer_rule{suffix}, 'Member of ' || asked.name,
           CASE WHEN fit.is_granter THEN 'granter' WHEN fit.is_report THEN 'own_report' ELSE {repeated} END, {blank}
    FROM {table} AS staged
    JOIN (
        SELECT id AS reviewed_id, granted_by AS given_by, identity_key AS holder FROM campaigns_reviewitem WHERE campaign_id = %(campaign)s
    ) AS item ON item.reviewed_id = staged.item_id
    JOIN campaigns_reviewergroup AS asked ON asked.id = staged.reviewer_group_id{suffix}
    JOIN campaigns_reviewergroup_members AS member ON member.reviewergroup_id = asked.id
    JOIN people_user AS reviewer ON reviewer.id = member.user_id AND reviewer.is_active
         AND reviewer.id IS DISTINCT FROM staged.identity_user_id
    LEFT JOIN (
        SELECT own.user_id, array_agg(own.key) || array_agg(own.email) AS names, array_agg(boss.key) AS bosses
        FROM inventory_identity AS own LEFT JOIN inventory_identity AS boss ON boss.id = own.manager_id
        WHERE own.user_id IS NOT NULL GROUP BY own.user_id
    ) AS standing ON standing.user_id = reviewer.id
    CROSS JOIN LATERAL (
        SELECT item.given_by <> '' AND item.given_by = ANY(ARRAY[reviewer.username, reviewer.email] || standing.names) AS is_granter,
               COALESCE(item.holder <> '' AND item.holder = ANY(standing.bosses), FALSE) AS is_report
    ) AS fit
    {earlier}
    WHERE {condition} AND (%(granter)s <> 'route' OR NOT fit.is_granter) AND (%(report)s <> 'route' OR NOT fit.is_report) {twice}
"""

#: Who has answered for the item in an earlier stage.
EARLIER = """
    LEFT JOIN (
        SELECT DISTINCT item_id AS answered_id, decided_by_id FROM campaigns_assignment
        WHERE campaign_id = %(campaign)s AND stage < %(stage)s AND sign_off_id IS NOT NULL
    ) AS earlier ON earlier.answered_id = staged.item_id AND earlier.decided_by_id = reviewer.id
"""
REPEATED = "CASE WHEN earlier.answered_id IS NULL THEN '' ELSE 'earlier_stage' END"

#: One person answers once in a stage, however many panels they are in.
ONCE = "ON CONFLICT (item_id, stage, reviewer_id) WHERE is_active DO NOTHING"


def reviewers_without_sign_in(table: str, *, panels: int, condition: str) -> list[tuple[int, str, str, str]]:
    """(identity id, sign-in name, name, mail) of chosen reviewers who have no user yet."""
    wanted = " UNION ".join(
        f"SELECT reviewer_identity_id{suffix} FROM {table} WHERE {condition} AND reviewer_id{suffix} IS NULL"
        f" AND reviewer_identity_id{suffix} IS NOT NULL"
        for suffix in map(suffix_of, range(1, panels + 1))
    )
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT id, COALESCE(NULLIF(email, ''), key), COALESCE(NULLIF(name, ''), key), email FROM inventory_identity"
            f" WHERE id IN ({wanted}) ORDER BY id"
        )
        return cursor.fetchall()


def tie_reviewers(users: dict[int, int]) -> None:
    """Give the reviewing identities their new users (identity id → user id)."""
    with connection.cursor() as cursor:
        cursor.execute(
            "UPDATE inventory_identity AS identity SET user_id = made.user_id"
            " FROM unnest(%(identities)s::bigint[], %(users)s::bigint[]) AS made (identity_id, user_id)"
            " WHERE identity.id = made.identity_id",
            {"identities": list(users), "users": list(users.values())},
        )


def assign(table: str, campaign: Campaign, *, panels: int, condition: str, now: datetime) -> None:
    """Insert the assignments of the campaign's stage for the rows of the table that hold the condition.

    Those who have answered for the item in an earlier stage are marked.
    """
    again = {"earlier": EARLIER, "repeated": REPEATED} if campaign.stage > 1 else {"earlier": "", "repeated": "''"}
    wanted = dict.fromkeys(INDEPENDENCE, "route") | campaign.terms.get("independence", {})
    for panel in range(1, panels + 1):
        suffix = suffix_of(panel)
        values = {"campaign": campaign.pk, "stage": campaign.stage, "panel": panel, "now": now, **wanted}
        parts = {"columns": COLUMNS, "blank": BLANK, "table": table, "suffix": suffix, "condition": condition, **again}
        with without_loops(), connection.cursor() as cursor:
            cursor.execute(PERSON.format(**parts, twice="" if panel == 1 else ONCE), values)
            cursor.execute(f"SELECT EXISTS (SELECT FROM {table} WHERE reviewer_group_id{suffix} IS NOT NULL)")
            if cursor.fetchone()[0]:
                cursor.execute(GROUP.format(**parts, twice=ONCE), values)


def repeated(campaign: Campaign) -> int:
    """How many are asked in the campaign's stage about what they have answered in an earlier one."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT count(*) FROM campaigns_assignment WHERE campaign_id = %s AND stage = %s AND excused = 'earlier_stage'",
            [campaign.pk, campaign.stage],
        )
        return cursor.fetchone()[0]


def without_assignment(campaign: Campaign, table: str, condition: str) -> int:
    """Items of the table that nobody was asked about in the campaign's stage."""
    with connection.cursor() as cursor:
        cursor.execute(
            f"SELECT count(*) FROM {table} WHERE {condition} AND NOT EXISTS (SELECT FROM campaigns_assignment AS assigned"
            f" WHERE assigned.item_id = {table}.item_id AND assigned.stage = %s AND assigned.is_active)",
            [campaign.stage],
        )
        return cursor.fetchone()[0]
