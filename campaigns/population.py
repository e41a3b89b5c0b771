"""The population of a campaign: one SQL query that makes every open grant an item or an exclusion.

The preview counts what it yields and the launch inserts it, so that what was shown is what is launched.
"""

from dataclasses import dataclass
from datetime import datetime

from django.db import connection

from campaigns import assigning, item_names, reviewers, signals, stages
from campaigns.models import Campaign, CampaignSource
from campaigns.rules import EXCLUSION_COLUMNS, ITEM_COLUMNS
from campaigns.scope import documents, reading
from campaigns.scope.sql import Compiled
from campaigns.states import RED_SIGNALS, CampaignState
from inventory.models import Grant, Snapshot

#: Narrows the population to what events are about.
ONLY = " AND granted.id = ANY(%(only)s::bigint[])"

BASE = """
    SELECT granted.id AS grant_id, source.id AS source_id, source.key AS source_key, source.name AS source_name,
           snapshot.number AS snapshot_number, account.key AS account_key, account.name AS account_name,
           COALESCE(identity.key, '') AS identity_key, COALESCE(identity.name, '') AS identity_name,
           COALESCE(identity.kind, '') AS identity_kind,
           CASE WHEN identity.gone_in_id IS NOT NULL THEN 'inactive' ELSE COALESCE(identity.status, '') END AS identity_status,
           COALESCE(identity.department, '') AS department, COALESCE(identity.title, '') AS title,
           COALESCE(identity.manager_key, '') AS manager_key, entitlement.key AS entitlement_key,
           entitlement.name AS entitlement_name, entitlement.kind AS entitlement_kind,
           COALESCE(NULLIF(described.text, ''), entitlement.description) AS description,
           entitlement.privileged, granted.path, granted.granted_at, granted.granted_by, granted.last_used_at,
           granted.expires_at, first_seen.loaded_at AS first_seen_at,
           {signals} AS signals, {rank} AS risk_rank,
           identity.user_id AS identity_user_id, identity.id AS identity_id, COALESCE(identity.location, '') AS location,
           granted.account_id, granted.entitlement_id, granted.first_seen_id,
           described.id AS described_id, CASE WHEN described.text <> '' THEN entitlement.description END AS file_description,
           account.credential_kind, {credential_at} AS credential_at, {chosen},
           {exclusion} AS exclusion
    FROM unnest(%(sources)s::bigint[], %(snapshots)s::bigint[]) AS scope (source_id, snapshot_id)
    JOIN inventory_grant AS granted ON granted.source_id = scope.source_id AND granted.opened_in_id <= scope.snapshot_id
         AND (granted.closed_in_id IS NULL OR granted.closed_in_id > scope.snapshot_id){only}
    JOIN inventory_source AS source ON source.id = scope.source_id
    JOIN inventory_snapshot AS snapshot ON snapshot.id = scope.snapshot_id
    JOIN inventory_snapshot AS first_seen ON first_seen.id = granted.first_seen_id
    JOIN inventory_account AS account ON account.id = granted.account_id
    JOIN inventory_entitlement AS entitlement ON entitlement.id = granted.entitlement_id
    LEFT JOIN inventory_entitlementdescription AS described ON described.id = entitlement.described_id
    LEFT JOIN inventory_identity AS identity ON identity.id = account.identity_id
    {joins}
    LEFT JOIN unnest(%(sources)s::bigint[], %(reviewed)s::bigint[]) AS reviewed (source_id, snapshot_id)
         ON reviewed.source_id = scope.source_id
"""


@dataclass(frozen=True)
class Population:
    """The query and its values for one definition at one moment. `snapshots` is source id → snapshot id."""

    sql: str
    values: dict
    snapshots: dict[int, int]


def at(terms: dict, now: datetime) -> Population:
    """The population of a definition's terms over the latest snapshot of each source in scope.

    Where the terms name events, the population is what happened: the grants that the events are about.
    """
    document = documents.read(terms["scope"])
    snapshots = latest_snapshots(document["sources"])
    only = reading.grants_of_events(terms)
    if only is not None:
        snapshots = _holding(snapshots, only)
    sources = list(snapshots)
    scope = reading.compiled_for(document, sources, now, terms.get("standing"))
    reviewed = _last_reviewed(sources)
    chosen = reviewers.choose(terms, stages.of(terms)[0])
    values = (
        chosen.values
        | scope.values
        | signals.values(now)
        | {
            "sources": sources,
            "snapshots": [snapshots[source] for source in sources],
            "reviewed": [reviewed.get(source) for source in sources],
            "only": only,
        }
    )
    return Population(_base_sql(chosen, scope, ONLY if only is not None else ""), values, snapshots)


def latest_snapshots(sources: list[int]) -> dict[int, int]:
    """Source id → id of its latest snapshot; sources that were never loaded are missing."""
    found = Snapshot.objects.filter(source_id__in=sources).order_by("source_id", "-id").distinct("source_id")
    return dict(found.values_list("source_id", "id"))


def _holding(snapshots: dict[int, int], grants: list[int]) -> dict[int, int]:
    """Of the systems those in which the grants are."""
    holding = set(Grant.objects.filter(pk__in=grants).values_list("source_id", flat=True))
    return {source: snapshot for source, snapshot in snapshots.items() if source in holding}


def _last_reviewed(sources: list[int]) -> dict[int, int]:
    """Source id → the snapshot of its last closed campaign: what came after it is new since the last review of that source."""
    found = CampaignSource.objects.filter(source_id__in=sources, campaign__state=CampaignState.CLOSED)
    return dict(found.order_by("source_id", "-snapshot_id").distinct("source_id").values_list("source_id", "snapshot_id"))


def _base_sql(chosen: reviewers.Chosen, scope: Compiled, only: str) -> str:
    return BASE.format(
        only=only,
        signals=signals.ARRAY,
        rank=signals.RANK,
        credential_at=signals.CREDENTIAL_AT,
        exclusion=scope.case,
        chosen=", ".join(chosen.columns),
        joins=" ".join([*chosen.joins, *scope.joins, *signals.JOINS]),
    )


def moment_sql(column: str) -> str:
    """A time as the pack prints it."""
    return f"COALESCE(to_char({column} AT TIME ZONE 'UTC', 'YYYY-MM-DD\"T\"HH24:MI:SS.US\"Z\"'), '')"


def leaf_sql(cells: list[str]) -> str:
    """The RFC 6962 leaf hash over the cells. `array_to_json` of a text array writes exactly RFC 8785: no spaces, its escapes."""
    return f"sha256('\\x00'::bytea || convert_to(array_to_json(ARRAY[{', '.join(cells)}]::text[])::text, 'UTF8'))"


#: Pack column → SQL over the temporary table of items, where it is not the column of that name.
ITEM_CELLS = {
    "campaign": "%(campaign)s::text",
    "item": "number::text",
    "source": "staged.source_key",
    "snapshot": "snapshot_number::text",
    "account_id": "staged.account_key",
    "account_name": f"encode({item_names.commitment_sql('staged')}, 'hex')",
    "identity_id": "staged.identity_key",
    "identity_name": "''",
    "manager_id": "staged.manager_key",
    "entitlement_id": "staged.entitlement_key",
    "signals": "array_to_string(staged.signals, ' ')",
    "reviewer": "COALESCE('people.user:' || reviewer.id, 'campaigns.reviewergroup:' || asked.id)",
    "reviewer_name": "CASE WHEN reviewer.id IS NULL THEN asked.name ELSE '' END",
    **{name: moment_sql(f"staged.{name}") for name in ("granted_at", "last_used_at", "expires_at", "first_seen_at")},
}
ITEM_LEAF = leaf_sql([ITEM_CELLS.get(name, f"staged.{name}") for name in ITEM_COLUMNS])
EXCLUSION_CELLS = {**ITEM_CELLS, "number": "place::text", "rule": "exclusion"}
EXCLUSION_LEAF = leaf_sql([EXCLUSION_CELLS.get(name, f"staged.{name}") for name in EXCLUSION_COLUMNS])

FROZEN = (
    "grant_id, source_id, source_key, source_name, account_key, account_name, identity_key, identity_name, identity_kind,"
    " identity_status, department, title, manager_key, entitlement_key, entitlement_name, entitlement_kind, description,"
    " privileged, path, granted_at, granted_by, last_used_at, expires_at, first_seen_at, signals, risk_rank"
)
STAGED = ", ".join(f"staged.{name.strip()}" for name in FROZEN.split(","))


#: Items are numbered in the order in which they are found; a sequence of the transaction counts twice as fast as a window. Their ids
#: are taken now, so that assignments need not look them up.
NUMBERED = """
    SELECT CASE WHEN inner_found.exclusion IS NULL THEN nextval(%(ids)s::regclass) END AS item_id,
           CASE WHEN inner_found.exclusion IS NULL THEN nextval('pg_temp.launch_number'::regclass) END AS number,
           {salt} AS name_salt, inner_found.*
    FROM ({base} OFFSET 0) AS inner_found
"""


def stage(population: Population, *, for_launch: bool = False) -> None:
    """Compute the population once, into a temporary table that ends with the transaction; for a launch, numbered."""
    query, values = population.sql, population.values
    reviewers.find_managers()
    with connection.cursor() as cursor:
        if for_launch:
            cursor.execute("SELECT pg_get_serial_sequence('campaigns_reviewitem', 'id')")
            query, values = NUMBERED.format(base=query, salt=item_names.SALT), values | {"ids": cursor.fetchone()[0]}
            cursor.execute("DROP SEQUENCE IF EXISTS pg_temp.launch_number")
            cursor.execute("CREATE TEMP SEQUENCE launch_number CACHE 10000")
        cursor.execute("DROP TABLE IF EXISTS launch_population")
        cursor.execute(f"CREATE TEMP TABLE launch_population ON COMMIT DROP AS {query}", values)
        cursor.execute("ANALYZE launch_population (exclusion, reviewer_id, reviewer_identity_id, reviewer_group_id, source_id)")


#: The staged items with the user, or the group, that the first panel asks.
ITEMS = """
    launch_population AS staged
    LEFT JOIN inventory_identity AS reviewing ON reviewing.id = staged.reviewer_identity_id
    LEFT JOIN people_user AS reviewer ON reviewer.id = COALESCE(staged.reviewer_id, reviewing.user_id)
    LEFT JOIN campaigns_reviewergroup AS asked ON asked.id = staged.reviewer_group_id
    WHERE staged.exclusion IS NULL
"""


def insert(campaign: Campaign, now: datetime) -> None:
    """Insert items, the assignments of the first stage, and exclusions from the staged population."""
    values = {"campaign": campaign.pk, "now": now}
    with connection.cursor() as cursor:
        cursor.execute(
            f"INSERT INTO campaigns_reviewitem (id, campaign_id, number, {FROZEN}, leaf, name_ref, name_salt, decision, rationale,"
            f" reduce_to, is_bulk, outcome) SELECT item_id, %(campaign)s, number, {STAGED}, {ITEM_LEAF}, {item_names.REF}, name_salt,"
            f" '', '', '', FALSE, '' FROM {ITEMS}",
            values,
        )
        cursor.execute(
            "INSERT INTO campaigns_exclusion (campaign_id, number, grant_id, source_key, account_key, identity_key, entitlement_key,"
            f" path, rule, leaf) SELECT %(campaign)s, place, grant_id, source_key, account_key, identity_key, entitlement_key, path,"
            f" exclusion, {EXCLUSION_LEAF} FROM (SELECT row_number() OVER () AS place, * FROM launch_population"
            " WHERE exclusion IS NOT NULL) AS staged",
            values,
        )
    panels = len(stages.of(campaign.terms)[0]["panels"])
    assigning.assign("launch_population", campaign, panels=panels, condition="exclusion IS NULL", now=now)


def balance() -> dict[int, tuple[int, int, int]]:
    """Source id → (open grants, items, excluded) of the staged population."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT source_id, count(*), count(*) FILTER (WHERE exclusion IS NULL), count(exclusion)"
            " FROM launch_population GROUP BY source_id"
        )
        return {source: (granted, items, excluded) for source, granted, items, excluded in cursor.fetchall()}


def without_reviewer(limit: int) -> tuple[int, list[dict]]:
    """How many staged items have no reviewer, and the first of them."""
    condition = "exclusion IS NULL AND reviewer_id IS NULL AND reviewer_identity_id IS NULL AND reviewer_group_id IS NULL"
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT count(*) FROM launch_population WHERE {condition}")
        total = cursor.fetchone()[0]
        cursor.execute(
            "SELECT source_name, account_key, identity_name, entitlement_name, entitlement_key FROM launch_population"
            f" WHERE {condition} ORDER BY grant_id LIMIT %s",
            [limit],
        )
        names = ("source", "account", "person", "entitlement", "entitlement_key")
        return total, [dict(zip(names, row, strict=True)) for row in cursor.fetchall()]


def per_reviewer(limit: int) -> tuple[int, list[dict]]:
    """How many reviewers the staged items have, and those with the most: {name, items, red, has_sign_in}."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT count(*) OVER (), COALESCE(reviewer.name, asked.name, identity.name, identity.key), count(*),"
            " count(*) FILTER (WHERE signals && %s::text[]), bool_or(staged.reviewer_id IS NOT NULL OR asked.id IS NOT NULL)"
            " FROM launch_population AS staged LEFT JOIN people_user AS reviewer ON reviewer.id = staged.reviewer_id"
            " LEFT JOIN inventory_identity AS identity ON identity.id = staged.reviewer_identity_id AND staged.reviewer_id IS NULL"
            " LEFT JOIN campaigns_reviewergroup AS asked ON asked.id = staged.reviewer_group_id"
            " WHERE exclusion IS NULL AND staged.reviewer_rule IS NOT NULL"
            " GROUP BY staged.reviewer_id, reviewer.name, identity.id, identity.name, identity.key, asked.id, asked.name"
            " ORDER BY count(*) DESC LIMIT %s",
            [[signal.value for signal in RED_SIGNALS], limit],
        )
        rows = cursor.fetchall()
    found = [{"name": name, "items": items, "red": red, "has_sign_in": signs} for _, name, items, red, signs in rows]
    return (rows[0][0] if rows else 0), found


def excluded_by_rule() -> list[tuple[str, str, int]]:
    """(source name, rule, count) of the staged exclusions."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT source_name, exclusion, count(*) FROM launch_population WHERE exclusion IS NOT NULL"
            " GROUP BY source_name, exclusion ORDER BY source_name, exclusion"
        )
        return cursor.fetchall()
