"""Re-performance: the population of a campaign, computed again from the readings with the rule that was stored.

The query is the launch's own (`campaigns.population`). What it reads is laid over with temporary tables and views that show
the world as it was at the launch, so that whatever was loaded, closed or ended since does not count; nothing is kept of it.
"""

from dataclasses import dataclass, replace
from datetime import datetime

from django.db import connection, transaction

from campaigns import population
from campaigns.models import Campaign, CampaignSource
from campaigns.scope import documents
from ledger.models import Entry

#: Differing rows that are named; the others are counted.
SHOWN = 100

IDENTITY = (
    "name", "email", "kind", "status", "department", "title", "location", "manager_key", "owner_key", "supplier", "start_on", "end_on",
)  # fmt: skip
ENTITLEMENT = ("name", "kind", "description", "privileged", "owner_key", "tags")
ACCOUNT = ("name", "identity_key")

#: What a reader sees of a table instead of it, in this order. `%(then)s` is the moment of the launch, {old} what former rows say.
SNAPSHOTS = """
    CREATE TEMP VIEW inventory_snapshot AS SELECT * FROM public.inventory_snapshot AS snapshot
    WHERE snapshot.loaded_at <= {then} AND NOT EXISTS (
        SELECT FROM public.campaigns_campaignsource AS frozen
        WHERE frozen.campaign_id = {campaign} AND frozen.source_id = snapshot.source_id AND snapshot.id > frozen.snapshot_id)
"""
IDENTITIES = """
    CREATE TEMP TABLE inventory_identity ON COMMIT DROP AS SELECT * FROM public.inventory_identity AS identity
    WHERE identity.first_in_id IS NULL OR EXISTS (SELECT FROM inventory_snapshot WHERE id = identity.first_in_id)
"""
FORMER = """
    UPDATE {table} AS present SET {columns} FROM (
        SELECT DISTINCT ON (former.{reference}_id) former.* FROM public.{former} AS former
        JOIN public.inventory_snapshot AS until ON until.id = former.until_id
        WHERE former.until_id NOT IN (SELECT id FROM inventory_snapshot)
        ORDER BY former.{reference}_id, former.until_id
    ) AS old WHERE old.{reference}_id = present.id
"""
GONE = "UPDATE {table} SET gone_in_id = NULL WHERE gone_in_id IS NOT NULL AND gone_in_id NOT IN (SELECT id FROM inventory_snapshot)"
LINKED = """
    UPDATE {table} AS present SET {name}_id = (SELECT known.id FROM inventory_identity AS known WHERE known.key = present.{name}_key)
    WHERE present.{name}_id IS NOT NULL OR present.{name}_key <> ''
"""
VIEWS = (
    "CREATE TEMP VIEW campaigns_reviewitem AS SELECT item.* FROM public.campaigns_reviewitem AS item"
    " JOIN public.campaigns_campaign AS campaign ON campaign.id = item.campaign_id AND campaign.closed_at <= {then}",
    "CREATE TEMP VIEW campaigns_campaign AS SELECT * FROM public.campaigns_campaign WHERE closed_at <= {then}",
    "CREATE TEMP TABLE campaigns_sodconflict ON COMMIT DROP AS SELECT * FROM public.campaigns_sodconflict WHERE found_at <= {then}",
    "UPDATE campaigns_sodconflict SET ended_at = NULL WHERE ended_at > {then}",
    "CREATE TEMP VIEW campaigns_sodexceptionstep AS SELECT * FROM public.campaigns_sodexceptionstep WHERE at <= {then}",
    "CREATE TEMP TABLE campaigns_standingexclusion ON COMMIT DROP AS SELECT * FROM public.campaigns_standingexclusion"
    " WHERE created_at <= {then}",
    "UPDATE campaigns_standingexclusion SET ended_at = NULL WHERE ended_at > {then}",
)

COMPARED = (
    "account_key", "account_name", "identity_key", "identity_name", "identity_kind", "identity_status", "department", "title",
    "entitlement_key", "entitlement_name", "entitlement_kind", "privileged", "path",
)  # fmt: skip
DIFFERENCE = f"""
    WITH frozen AS (
        SELECT grant_id, NULL::text AS rule, {
    ", ".join(COMPARED)
} FROM public.campaigns_reviewitem WHERE campaign_id = %(campaign)s
        UNION ALL
        SELECT grant_id, rule, {
    ", ".join(f"{name if name in ('account_key', 'identity_key', 'entitlement_key', 'path') else 'NULL'}" for name in COMPARED)
}
        FROM public.campaigns_exclusion WHERE campaign_id = %(campaign)s
    )
    SELECT CASE WHEN frozen.grant_id IS NULL THEN 'added' WHEN found.grant_id IS NULL THEN 'missing'
                WHEN frozen.rule IS DISTINCT FROM found.exclusion THEN 'rule' ELSE 'described' END AS how,
           COALESCE(found.source_key, ''), COALESCE(frozen.account_key, found.account_key),
           COALESCE(frozen.entitlement_key, found.entitlement_key), COALESCE(frozen.path, found.path),
           COALESCE(frozen.rule, ''), COALESCE(found.exclusion, ''), count(*) OVER ()
    FROM frozen FULL JOIN launch_population AS found ON found.grant_id = frozen.grant_id
    WHERE frozen.grant_id IS NULL OR found.grant_id IS NULL OR frozen.rule IS DISTINCT FROM found.exclusion
       OR (frozen.rule IS NULL AND ({", ".join(f"frozen.{name}" for name in COMPARED)})
           IS DISTINCT FROM ({", ".join(f"found.{name}" for name in COMPARED)}))
    ORDER BY 1, COALESCE(frozen.grant_id, found.grant_id) LIMIT %(shown)s
"""


@dataclass(frozen=True)
class Differing:
    """A grant that came out differently: `how` is added, missing, rule (left out otherwise) or described (something else said of it)."""

    how: str
    source: str
    account: str
    entitlement: str
    path: str
    frozen_rule: str
    found_rule: str


@dataclass(frozen=True)
class Result:
    """What was frozen, what came out again, and the difference: `total` rows, the first of which are `rows`.

    `unkept` names conditions of the rule that rest on something whose past Certify does not keep.
    """

    frozen: tuple[int, int]
    found: tuple[int, int]
    total: int
    rows: list[Differing]
    unkept: list[str]

    @property
    def is_empty(self) -> bool:
        """Whether nothing differs."""
        return not self.total and self.frozen == self.found


def of(campaign: Campaign) -> Result:
    """Compute a launched campaign's population again and hold it against what was frozen. Leaves nothing behind."""
    frozen = [(one.source_id, one.snapshot_id) for one in CampaignSource.objects.filter(campaign=campaign)]
    document = documents.read(campaign.terms["scope"])
    unkept = sorted({"sod"} & set(documents.used_fields(documents.ordered(document))))
    with transaction.atomic():
        _lay_over(campaign)
        found = population.at(campaign.terms, _moment(campaign))
        sources, snapshots = ([pair[place] for pair in frozen] for place in (0, 1))
        reviewed = dict(zip(found.values["sources"], found.values["reviewed"], strict=True))
        values = {"sources": sources, "snapshots": snapshots, "reviewed": [reviewed.get(source) for source in sources]}
        population.stage(replace(found, values=found.values | values, snapshots=dict(frozen)))
        counts = [sum(pair[place] for pair in population.balance().values()) for place in (1, 2)]
        with connection.cursor() as cursor:
            cursor.execute(DIFFERENCE, {"campaign": campaign.pk, "shown": SHOWN})
            rows = cursor.fetchall()
        transaction.set_rollback(True)
    total = rows[0][-1] if rows else 0
    return Result(
        (campaign.item_count, campaign.excluded_count),
        (counts[0], counts[1]),
        total,
        [Differing(*row[:-1]) for row in rows],
        unkept,
    )


def _moment(campaign: Campaign) -> datetime:
    """When the population was frozen: at the launch, or before it where the campaign was staged first."""
    staged = Entry.objects.filter(kind="campaign:staged", subject=f"campaigns.campaign:{campaign.pk}").order_by("-id").first()
    return staged.at if staged else campaign.opened_at


def _lay_over(campaign: Campaign) -> None:
    """Show this transaction the world as it was at the launch. Temporary relations are found before those of the schema."""
    then = _moment(campaign)
    with connection.cursor() as cursor:

        def run(statement: str, **names: str) -> None:
            moment = cursor.mogrify("%s::timestamptz", [then]).decode()
            cursor.execute(statement.format(then=moment, campaign=int(campaign.pk), **names))

        run(SNAPSHOTS)
        run(IDENTITIES)
        for table in ("account", "entitlement"):
            run(f"CREATE TEMP TABLE inventory_{table} ON COMMIT DROP AS SELECT * FROM public.inventory_{table}")
        for table in ("identity", "entitlement"):
            run(GONE, table=f"inventory_{table}")
        gone = "gone_in_id = CASE WHEN old.is_gone THEN present.snapshot_id END"
        for table, names, more in (("identity", IDENTITY, [gone]), ("account", ACCOUNT, []), ("entitlement", ENTITLEMENT, [])):
            columns = ", ".join([*(f"{name} = old.{name}" for name in names), *more])
            run(FORMER, table=f"inventory_{table}", columns=columns, former=f"inventory_former{table}", reference=table)
        run("CREATE UNIQUE INDEX ON inventory_identity (key)")
        for table, name in (("identity", "manager"), ("identity", "owner"), ("account", "identity"), ("entitlement", "owner")):
            run(LINKED, table=f"inventory_{table}", name=name)
        for table in ("identity", "account", "entitlement"):
            run(f"CREATE UNIQUE INDEX ON inventory_{table} (id)")
            run(f"ANALYZE inventory_{table}")
        for view in VIEWS:
            run(view)
