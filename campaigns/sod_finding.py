"""Who holds both sides of a rule: all active rules against everything that is open, as a few set-based statements.

A person is in conflict with a rule when an open grant of one of their accounts is on its first side and one is on its second, in
whatever systems these are. An account of which nobody knows whose it is stands for itself. A right that is on both sides is a
conflict by itself.
"""

import hashlib
from dataclasses import dataclass
from datetime import datetime

from django.db import connection

from campaigns.models import SodEvaluation, SodRule
from inventory.models import Snapshot

#: Rights of each side. A tag stands for every right that has it now.
RIGHTS = """
    CREATE TEMP TABLE sod_right ON COMMIT DROP AS
    WITH said AS (
        SELECT id AS rule_id, 'a' AS side, unnest(side_a) AS reference FROM campaigns_sodrule WHERE is_active
        UNION ALL
        SELECT id, 'b', unnest(side_b) FROM campaigns_sodrule WHERE is_active
    )
    SELECT said.rule_id, said.side, entitlement.id AS entitlement_id
    FROM said JOIN inventory_source AS source ON source.key = split_part(said.reference, '/', 1)
    JOIN inventory_entitlement AS entitlement
        ON entitlement.source_id = source.id AND entitlement.key = substr(said.reference, strpos(said.reference, '/') + 1)
    WHERE said.reference NOT LIKE 'tag:%%'
    UNION
    SELECT said.rule_id, said.side, tagged.id
    FROM said JOIN (SELECT id, unnest(tags) AS tag FROM inventory_entitlement) AS tagged ON tagged.tag = substr(said.reference, 5)
    WHERE said.reference LIKE 'tag:%%'
"""
#: Every open grant that is on a side of a rule.
HITS = """
    CREATE TEMP TABLE sod_hit ON COMMIT DROP AS
    SELECT wanted.rule_id, wanted.side, COALESCE(account.identity_id, -account.id) AS holder, granted.id AS grant_id
    FROM sod_right AS wanted JOIN inventory_grant AS granted ON granted.entitlement_id = wanted.entitlement_id
    JOIN inventory_account AS account ON account.id = granted.account_id
    WHERE granted.closed_in_id IS NULL
"""
FOUND = """
    CREATE TEMP TABLE sod_found ON COMMIT DROP AS
    SELECT rule_id, holder FROM sod_hit GROUP BY rule_id, holder HAVING bool_or(side = 'a') AND bool_or(side = 'b')
"""
END = """
    UPDATE campaigns_sodconflict AS conflict SET ended_at = %(now)s WHERE conflict.ended_at IS NULL AND NOT EXISTS (
        SELECT FROM sod_found AS found WHERE found.rule_id = conflict.rule_id AND found.holder = conflict.holder)
"""
BEGIN = """
    INSERT INTO campaigns_sodconflict (rule_id, holder, identity_id, account_id, found_at)
    SELECT found.rule_id, found.holder, CASE WHEN found.holder > 0 THEN found.holder END,
        CASE WHEN found.holder < 0 THEN -found.holder END, %(now)s
    FROM sod_found AS found
    LEFT JOIN campaigns_sodconflict AS known
        ON known.rule_id = found.rule_id AND known.holder = found.holder AND known.ended_at IS NULL
    WHERE known.id IS NULL ORDER BY found.rule_id, found.holder
"""
PARTS = """
    CREATE TEMP TABLE sod_part ON COMMIT DROP AS
    SELECT conflict.id AS conflict_id, hit.side, hit.grant_id
    FROM campaigns_sodconflict AS conflict JOIN sod_hit AS hit ON hit.rule_id = conflict.rule_id AND hit.holder = conflict.holder
    WHERE conflict.ended_at IS NULL
"""
PARTS_GONE = """
    DELETE FROM campaigns_sodconflictgrant AS known USING campaigns_sodconflict AS conflict
    WHERE conflict.id = known.conflict_id AND conflict.ended_at IS NULL AND NOT EXISTS (
        SELECT FROM sod_part AS part
        WHERE part.conflict_id = known.conflict_id AND part.side = known.side AND part.grant_id = known.grant_id)
"""
PARTS_NEW = """
    INSERT INTO campaigns_sodconflictgrant (conflict_id, side, grant_id)
    SELECT part.conflict_id, part.side, part.grant_id FROM sod_part AS part
    LEFT JOIN campaigns_sodconflictgrant AS known
        ON known.conflict_id = part.conflict_id AND known.side = part.side AND known.grant_id = part.grant_id
    WHERE known.id IS NULL
"""
MEMORY = "128MB"


@dataclass(frozen=True)
class Found:
    """What a comparison came to: conflicts that stand now, and how many of them began and ended with it."""

    standing: int
    begun: int
    ended: int


@dataclass(frozen=True)
class Basis:
    """What a comparison is made of: how many snapshots there are, which active rules, and how many.

    Neither a highest id nor a latest time would do: what is committed later may have been numbered earlier.
    """

    snapshots: int
    rules: int
    rules_digest: str


def basis() -> Basis:
    """What a comparison made now would be made of."""
    rules = SodRule.objects.filter(is_active=True).order_by("pk").values_list("pk", "version")
    said = ",".join(f"{pk}.{version}" for pk, version in rules)
    return Basis(Snapshot.objects.count(), len(rules), hashlib.md5(said.encode(), usedforsecurity=False).hexdigest())


def is_current(now: Basis) -> bool:
    """Whether the latest comparison was made of the same; where there never was a rule nothing needs to be compared."""
    last = SodEvaluation.objects.order_by("-pk").first()
    if last is None:
        return not now.rules
    return (last.snapshots, last.rules_digest) == (now.snapshots, now.rules_digest)


def evaluate(now: datetime) -> Found:
    """Compare all active rules with what is open, and take the result over. One at a time: the caller holds the lock."""
    with connection.cursor() as cursor:
        cursor.execute(f"SET LOCAL work_mem = '{MEMORY}'")
        for name, statement in (("sod_right", RIGHTS), ("sod_hit", HITS), ("sod_found", FOUND)):
            _make(cursor, name, statement)
        cursor.execute(END, {"now": now})
        ended = cursor.rowcount
        cursor.execute(BEGIN, {"now": now})
        begun = cursor.rowcount
        _make(cursor, "sod_part", PARTS)
        cursor.execute(PARTS_GONE)
        cursor.execute(PARTS_NEW)
        cursor.execute("SELECT count(*) FROM sod_found")
        standing = cursor.fetchone()[0]
        cursor.execute("SET LOCAL work_mem = DEFAULT")
    return Found(standing, begun, ended)


def _make(cursor, name: str, statement: str) -> None:
    """A temporary table, with statistics: the next steps would otherwise walk it in loops."""
    cursor.execute(f"DROP TABLE IF EXISTS {name}")
    cursor.execute(statement, {})
    cursor.execute(f"ANALYZE {name}")
