"""How much a scope asks for, counted while it is being written: without reviewers, signals and texts, in one pass."""

import re
from dataclasses import dataclass, field

from django.db import OperationalError, connection, transaction
from psycopg2.errors import QueryCanceled

from campaigns.scope.sql import Compiled

#: The part of a population's query that a scope needs. Open grants are those of the latest snapshots, which a launch takes;
#: said in this way the database can count them in parallel.
COUNTED_FROM = """
    FROM (SELECT * FROM inventory_grant WHERE source_id = ANY(%(sources)s::bigint[]) AND closed_in_id IS NULL) AS granted
    JOIN inventory_snapshot AS first_seen ON first_seen.id = granted.first_seen_id
    JOIN inventory_account AS account ON account.id = granted.account_id
    JOIN inventory_entitlement AS entitlement ON entitlement.id = granted.entitlement_id
    LEFT JOIN inventory_identity AS identity ON identity.id = account.identity_id
"""

#: Tables that are joined only when a condition speaks of them.
PARTS = ("first_seen", "entitlement", "identity")
#: Where all that is asked is who somebody is, it is asked once for an account, not for each of its grants.
BY_ACCOUNT = """
    FROM (SELECT granted.source_id, granted.account_id, count(*) AS number {grants} GROUP BY 1, 2) AS granted
    JOIN inventory_account AS account ON account.id = granted.account_id
    LEFT JOIN inventory_identity AS identity ON identity.id = account.identity_id {joins}
"""
#: Longer than this nobody waits while typing; the preview counts without haste.
PATIENCE = "4s"
WORK_MEMORY = "64MB"


@dataclass
class Counts:
    """What a scope asks for. `sources` are (id, open grants, items, excluded); `rules` are (code, count), the largest first."""

    grants: int = 0
    items: int = 0
    people: int = 0
    sources: list[tuple[int, int, int, int]] = field(default_factory=list)
    rules: list[tuple[str, int]] = field(default_factory=list)

    @property
    def excluded(self) -> int:
        """Open grants that are not asked about."""
        return self.grants - self.items


def _from(scope: Compiled, only: str = "") -> str:
    """Only the tables of which the scope says something, so that a short question is a short query."""
    said = " ".join([scope.case, *scope.joins])
    lines = [line for line in COUNTED_FROM.splitlines() if line.strip()]
    lines[0] = lines[0].replace(OPEN, OPEN + only)
    if not re.search(r"\b(entitlement|first_seen)\.|\bgranted\.(?!source_id|account_id)", said):
        return BY_ACCOUNT.format(grants=lines[0], joins=" ".join(scope.joins))
    kept = []
    for line in lines:
        part = next((alias for alias in PARTS if f" AS {alias} ON" in line), None)
        needs_account = " AS account ON" in line and "identity." not in said and "account." not in said
        if not needs_account and (part is None or f"{part}." in said):
            kept.append(line)
    return "\n".join([*kept, *scope.joins])


COUNT = """
    WITH asked AS MATERIALIZED (
        SELECT granted.source_id, granted.account_id, {case} AS exclusion, {number} AS grants {tables} GROUP BY 1, 2, 3
    )
    SELECT source_id, exclusion, sum(grants)::bigint FROM asked GROUP BY 1, 2
    UNION ALL
    SELECT NULL, NULL, count(DISTINCT account.identity_id) FROM asked
    JOIN inventory_account AS account ON account.id = asked.account_id WHERE asked.exclusion IS NULL
"""


#: How the query says that a grant is open, and what narrows it to some grants.
OPEN = "closed_in_id IS NULL"
ONLY = " AND id = ANY(%(only)s::bigint[])"


def count(scope: Compiled, sources: list[int], only: list[int] | None = None) -> Counts | None:
    """Count a compiled scope over what these sources hold now, or over some of their grants; None when that takes too long."""
    values = scope.values | {"sources": sources, "only": only}
    try:
        with transaction.atomic(), connection.cursor() as cursor:
            cursor.execute(f"SET LOCAL statement_timeout = '{PATIENCE}'; SET LOCAL work_mem = '{WORK_MEMORY}'")
            tables = _from(scope, "" if only is None else ONLY)
            number = "sum(granted.number)" if "count(*)" in tables else "count(*)"
            cursor.execute(COUNT.format(case=scope.case, tables=tables, number=number), values)
            rows = cursor.fetchall()
            cursor.execute("SET LOCAL statement_timeout = DEFAULT; SET LOCAL work_mem = DEFAULT")
    except OperationalError as error:
        if isinstance(error.__cause__, QueryCanceled):
            return None
        raise
    return _summed(rows)


def _summed(rows: list[tuple[int | None, str | None, int]]) -> Counts:
    found, rules, sources = Counts(), {}, {}
    for source, code, number in rows:
        if source is None:
            found.people = number
            continue
        found.grants += number
        found.items += 0 if code else number
        asked, excluded = sources.get(source, (0, 0))
        sources[source] = (asked, excluded + number) if code else (asked + number, excluded)
        if code:
            rules[code] = rules.get(code, 0) + number
    found.sources = [(source, asked + excluded, asked, excluded) for source, (asked, excluded) in sources.items()]
    found.rules = sorted(rules.items(), key=lambda one: (-one[1], one[0]))
    return found
