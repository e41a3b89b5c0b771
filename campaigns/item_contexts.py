"""What else was known of the items of a launch, frozen with them: whose words describe the right, and the credential's age."""

from django.conf import settings
from django.db import connection

from campaigns.models import Campaign, ReviewItem
from campaigns.population import leaf_sql, moment_sql
from campaigns.rules import CONTEXT_COLUMNS
from people.queries import called

ROWS = """
    SELECT row_number() OVER (ORDER BY staged.number) AS number, staged.item_id, staged.number AS item_number,
        CASE WHEN described.text <> '' THEN 'people.user:' || described.by_id ELSE '' END AS described_by,
        '' AS described_by_name,
        CASE WHEN described.text <> '' THEN described.at END AS described_at,
        COALESCE(staged.file_description, '') AS file_description,
        CASE WHEN staged.credential_kind <> 'unknown' THEN staged.credential_kind ELSE '' END AS credential_kind,
        staged.credential_at, %(limit)s AS credential_limit
    FROM launch_population AS staged
    LEFT JOIN inventory_entitlementdescription AS described ON described.id = staged.described_id
    WHERE staged.exclusion IS NULL
      AND (described.text <> '' OR staged.credential_kind <> 'unknown' OR staged.credential_at IS NOT NULL)
"""
CELLS = {
    "campaign": "%(campaign)s::text",
    "number": "number::text",
    "item": "item_number::text",
    "credential_limit": "credential_limit::text",
    **{name: moment_sql(name) for name in ("described_at", "credential_at")},
}
LEAF = leaf_sql([CELLS.get(name, name) for name in CONTEXT_COLUMNS])
FROZEN = (
    "number, item_id, item_number, described_by, described_by_name, described_at, file_description, credential_kind, credential_at,"
    " credential_limit"
)


def freeze(campaign: Campaign) -> None:
    """Insert what is known of the staged items, which are inserted already."""
    with connection.cursor() as cursor:
        cursor.execute(
            f"INSERT INTO campaigns_itemcontext (campaign_id, {FROZEN}, leaf)"
            f" SELECT %(campaign)s, {FROZEN}, {LEAF} FROM ({ROWS}) AS found",
            {"campaign": campaign.pk, "limit": settings.CERTIFY_CREDENTIAL_DAYS},
        )


def describer(item: ReviewItem) -> str:
    """What whoever described the right of an item is called: as it was frozen, where it was, else as it is now; "" for nobody."""
    known = getattr(item, "context", None)
    if known is None or known.described_by_name:
        return known.described_by_name if known else ""
    return called([known.described_by])[known.described_by]
