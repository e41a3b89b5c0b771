"""What is recommended for the items of a launch: their evidence is gathered, scored by `advice_sql` and frozen with its reasons.

Reads `launch_population` of `population.stage`, in whose transaction it runs.
"""

from datetime import datetime, timedelta

from django.db import connection

from campaigns import advice, advice_sql
from campaigns.models import Campaign, CampaignSource
from campaigns.population import leaf_sql
from campaigns.rules import ADVICE_COLUMNS
from campaigns.states import CampaignState

#: Earlier decisions are those of so many of the last closed campaigns over a system.
CAMPAIGNS = 4
#: Texts are compared by their hashes.
HASHED = ", ".join(
    f"CASE WHEN {column} <> '' THEN hashtextextended({column}, 0) END AS {name}"
    for name, column in (
        ("department", "{0}.department"),
        ("title", "{0}.title"),
        ("manager", "{0}.manager_key"),
        ("location", "{0}.location"),
    )
)
COUNTS = "{0}.status <> 'inactive' AND {0}.gone_in_id IS NULL"

#: People who left are no peers, but have peers.
EVERYBODY = f"""
    CREATE TEMP TABLE advice_everybody ON COMMIT DROP AS
    SELECT id, {HASHED.format("identity")}, {COUNTS.format("identity")} AS is_peer FROM inventory_identity AS identity
"""
PERSON = "CREATE TEMP TABLE advice_person ON COMMIT DROP AS SELECT * FROM advice_everybody WHERE is_peer"
#: Everybody who holds a right of the launch now. A launch over whole systems has staged them all.
STAGED = "SELECT DISTINCT identity_id, entitlement_id FROM launch_population WHERE identity_id IS NOT NULL"
LOADED = """
    SELECT DISTINCT account.identity_id, granted.entitlement_id
    FROM inventory_grant AS granted JOIN inventory_account AS account ON account.id = granted.account_id
    WHERE granted.closed_in_id IS NULL AND account.identity_id IS NOT NULL
      AND granted.entitlement_id IN (SELECT entitlement_id FROM launch_population)
"""
HELD = """
    CREATE TEMP TABLE advice_held ON COMMIT DROP AS
    SELECT held.entitlement_id AS "right", person.department, person.title, person.manager, person.location
    FROM ({held}) AS held JOIN advice_person AS person ON person.id = held.identity_id
"""
DECIDED = f"""
    CREATE TEMP TABLE advice_decided ON COMMIT DROP AS
    SELECT entitlement.id AS "right", {HASHED.format("item").replace("item.location", "identity.location")},
           item.outcome <> 'approved' AS removed
    FROM campaigns_reviewitem AS item
    JOIN inventory_entitlement AS entitlement ON entitlement.source_id = item.source_id AND entitlement.key = item.entitlement_key
    LEFT JOIN inventory_identity AS identity ON identity.key = NULLIF(item.identity_key, '')
    WHERE item.campaign_id = ANY(%(campaigns)s::bigint[]) AND item.outcome IN ('approved', 'revoked', 'reduced')
"""
#: What reviewers kept of this very access, unless it ended and began again since.
KEPT = """
    LEFT JOIN (
        SELECT DISTINCT was.account_id, was.entitlement_id, was.path, was.first_seen_id
        FROM campaigns_reviewitem AS item JOIN inventory_grant AS was ON was.id = item.grant_id
        WHERE item.campaign_id = ANY(%(campaigns)s::bigint[]) AND item.outcome = 'approved'
    ) AS kept ON kept.account_id = staged.account_id AND kept.entitlement_id = staged.entitlement_id
        AND kept.path = staged.path AND kept.first_seen_id = staged.first_seen_id
"""
ITEM = """
    CREATE TEMP TABLE advice_item ON COMMIT DROP AS
    SELECT staged.item_id, staged.entitlement_id AS "right", person.department, person.title, person.manager, person.location,
           COALESCE(person.is_peer, FALSE) AS is_peer, staged.signals, COALESCE(staged.last_used_at >= %(used_since)s, FALSE) AS is_used,
           {was_kept} AS was_kept
    FROM launch_population AS staged LEFT JOIN advice_everybody AS person ON person.id = staged.identity_id {kept}
    WHERE staged.exclusion IS NULL
"""


def _of_group(column: str, words: dict[str, str]) -> str:
    return f"CASE {column} {' '.join(f'WHEN {group!r} THEN {sql}' for group, sql in words.items())} END"


#: Peers of a group, in words.
WHICH = {
    "department": "'in ' || staged.department",
    "title": "'with the title ' || staged.title",
    "manager": "'with the same manager'",
    "location": "'at ' || staged.location",
}
#: Signal → why it matters, in words.
SIGNAL_WORDS = {
    "left": "The person has left or is inactive.",
    "expired": "The end date of this access has passed.",
    "returned": "A review removed this access before, and it came back.",
    "conflict": "It conflicts with other access of the same person.",
    "privileged": "It is privileged.",
    "orphan": "Nobody is known to answer for it.",
    "moved": "Title, department or manager changed since it was given.",
    "excepted": "A review kept it until a day to come.",
}
SENTENCES = [
    *(f"CASE WHEN '{signal}' = ANY(staged.signals) THEN '{words}' END" for signal, words in SIGNAL_WORDS.items()),
    "CASE WHEN 'static' = ANY(staged.signals) THEN 'Its static credential is '"
    " || (%(today)s::date - (staged.credential_at AT TIME ZONE 'UTC')::date) || ' days old.' END",
    "CASE WHEN 'unused' = ANY(staged.signals) THEN 'Not used for ' || (%(today)s::date - staged.last_used_at::date) || ' days.' END",
    f"peers_holding || ' of ' || peers_total || ' peers ' || {_of_group('peers_group', WHICH)} || ' have it.'",
    "CASE WHEN facts.is_used THEN 'Used in the last 30 days.' END",
    "CASE WHEN facts.was_kept THEN 'A review kept it before.' END",
    "'Reviewers removed ' || right_removed || ' of ' || right_decided || ' of this right before.'",
    f"'Of people ' || {_of_group('alike_group', WHICH)} || ' they removed it from ' || alike_removed || ' of ' || alike_decided || '.'",
]
REASONS = f"COALESCE(NULLIF(array_remove(ARRAY[{', '.join(SENTENCES)}]::text[], NULL), '{{}}'), ARRAY['{advice.NOTHING}'])"
CELLS = {
    "campaign": "%(campaign)s::text",
    "item": "number::text",
    "score": "score::text",
    "peers_holding": "COALESCE(peers_holding::text, '')",
    "peers_total": "COALESCE(peers_total::text, '')",
    "reasons": "array_to_string(reasons, ' ')",
}
WRITE = f"""
    INSERT INTO campaigns_itemadvice (item_id, recommendation, score, reasons, peers_holding, peers_total, peers_label, leaf)
    SELECT item_id, recommendation, score, reasons, peers_holding, peers_total, peers_label,
           {leaf_sql([CELLS.get(name, name) for name in ADVICE_COLUMNS])}
    FROM (
        SELECT staged.item_id, staged.number, recommendation, score, {REASONS} AS reasons, peers_holding, peers_total,
               COALESCE({_of_group("peers_group", WHICH)}, '') AS peers_label
        FROM launch_population AS staged JOIN advice_item AS facts ON facts.item_id = staged.item_id
        JOIN advice_scored AS scored ON scored.item_id = staged.item_id
        OFFSET 0
    ) AS told
"""
#: The leaves of a campaign's advice, in the order of its items.
LEAVES = """
    SELECT told.leaf, item.number AS place FROM campaigns_reviewitem AS item
    JOIN campaigns_itemadvice AS told ON told.item_id = item.id WHERE item.campaign_id = %s
"""


def earlier_campaigns(sources: list[int]) -> list[int]:
    """The last closed campaigns over each of the sources."""
    found = CampaignSource.objects.filter(source_id__in=sources, campaign__state=CampaignState.CLOSED)
    latest: dict[int, list[int]] = {}
    for source, campaign in found.order_by("source_id", "-campaign__closed_at", "-campaign_id").values_list(
        "source_id", "campaign_id"
    ):
        latest.setdefault(source, []).append(campaign)
    return sorted({campaign for campaigns in latest.values() for campaign in campaigns[:CAMPAIGNS]})


def advise(campaign: Campaign, now: datetime, *, sources: list[int], is_whole: bool) -> None:
    """Write what is recommended for each staged item. `is_whole`: every open grant of the sources is staged."""
    campaigns = earlier_campaigns(sources)
    values = {
        "campaign": campaign.pk,
        "campaigns": campaigns,
        "today": now.date(),
        "used_since": now - timedelta(days=advice.USED_DAYS),
    }
    kept = {"kept": KEPT, "was_kept": "kept.account_id IS NOT NULL"} if campaigns else {"kept": "", "was_kept": "FALSE"}
    held = STAGED if is_whole else LOADED
    advice_sql.begin()
    with connection.cursor() as cursor:
        cursor.execute("SET LOCAL enable_nestloop = off")
        for statement in (EVERYBODY, PERSON, HELD.format(held=held), DECIDED, ITEM.format(**kept)):
            cursor.execute(statement, values)
        cursor.execute("ANALYZE advice_item")
        advice_sql.score()
        cursor.execute("SET LOCAL enable_nestloop = off")
        cursor.execute("ANALYZE advice_scored (item_id)")
        cursor.execute(WRITE, values)
        cursor.execute("SET LOCAL enable_nestloop = on")
