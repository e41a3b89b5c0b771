"""What belongs to a pack: the campaigns, snapshots and ledger entries of one period under one checkpoint.

Everything is read from rows that can only be added and whose ledger entry lies under the checkpoint, or that are frozen with
the campaign. Later activity therefore never changes a pack that is built again.
"""

from dataclasses import dataclass, field
from datetime import UTC, datetime, time, timedelta

from django.db import connection

from evidence.models import AuditPeriod
from ledger.models import Checkpoint

#: Entries that are in every pack, whatever campaign they belong to: who could change what.
ADMINISTRATION = (
    "user:created", "user:roles-changed", "user:deactivated", "user:reactivated", "user:changed", "source:created", "source:changed",
    "definition:created", "definition:changed", "definition:archived", "period:created", "period:changed", "configuration:changed",
)  # fmt: skip


@dataclass(frozen=True)
class Scope:
    """`begin` and `end` bound the period, end excluded; `before` is the checkpoint that the leaves begin after (None: the first)."""

    period: AuditPeriod
    begin: datetime
    end: datetime
    checkpoint: Checkpoint
    before: Checkpoint | None
    campaigns: list[int]
    snapshots: list[int]
    values: dict = field(default_factory=dict)


CAMPAIGNS = """
    SELECT campaign.id FROM campaigns_campaign AS campaign
    JOIN ledger_entry AS launched ON launched.uid = campaign.launch_entry_uid
    JOIN ledger_leaf AS leaf ON leaf.entry_id = launched.id AND leaf.index < %(size)s
    LEFT JOIN (ledger_entry AS closing JOIN ledger_leaf AS closing_leaf ON closing_leaf.entry_id = closing.id)
        ON closing.uid = campaign.close_entry_uid AND closing_leaf.index < %(size)s
    WHERE campaign.opened_at < %(end)s AND (closing.id IS NULL OR campaign.closed_at >= %(begin)s)
      AND EXISTS (SELECT 1 FROM jsonb_array_elements_text(campaign.terms -> 'controls') AS control
                  WHERE control LIKE %(framework)s)
    ORDER BY campaign.id
"""

SNAPSHOTS = """
    SELECT DISTINCT snapshot.id FROM inventory_snapshot AS snapshot
    JOIN ledger_entry AS entry ON entry.uid = snapshot.entry_uid
    JOIN ledger_leaf AS leaf ON leaf.entry_id = entry.id AND leaf.index < %(size)s
    WHERE snapshot.id IN (SELECT snapshot_id FROM campaigns_campaignsource WHERE campaign_id = ANY(%(campaigns)s))
       OR snapshot.id IN (
            SELECT unnest(ARRAY[verification.snapshot_id, verification.present_in_id])
            FROM remediation_verification AS verification
            JOIN remediation_remediationtask AS task ON task.id = verification.task_id
            WHERE task.campaign_id = ANY(%(campaigns)s))
       OR (snapshot.loaded_at >= %(begin)s AND snapshot.loaded_at < %(end)s)
    ORDER BY snapshot.id
"""

#: The condition under which an entry's text is in the pack; `entry` and `leaf` are joined already.
IN_SCOPE = """
    leaf.index < %(size)s AND (
        (entry.payload_json -> 'data' ->> 'campaign') = ANY(%(campaign_texts)s)
        OR entry.subject = ANY(%(campaign_subjects)s)
        OR entry.uid IN (SELECT entry_uid FROM inventory_snapshot WHERE id = ANY(%(snapshots)s))
        OR (entry.kind = ANY(%(administration)s) AND leaf.index >= %(administration_from)s)
    )
"""


def of(period: AuditPeriod, checkpoint: Checkpoint) -> Scope:
    """The scope of a period under a checkpoint."""
    begin = datetime.combine(period.from_on, time(), UTC)
    end = datetime.combine(period.to_on + timedelta(days=1), time(), UTC)
    values = {"size": checkpoint.size, "begin": begin, "end": end, "framework": f"{period.framework}:%"}
    campaigns = [row[0] for row in _rows(CAMPAIGNS, values)]
    values["campaigns"] = campaigns
    snapshots = [row[0] for row in _rows(SNAPSHOTS, values)]
    first = Checkpoint.objects.filter(at__lt=begin, size__lte=checkpoint.size).order_by("-size").first()
    values |= {
        "snapshots": snapshots,
        "campaign_texts": [str(campaign) for campaign in campaigns],
        "campaign_subjects": [f"campaigns.campaign:{campaign}" for campaign in campaigns],
        "administration": list(ADMINISTRATION),
        "administration_from": first.size if first else 0,
    }
    return Scope(period, begin, end, checkpoint, _before(values, first), campaigns, snapshots, values)


def _before(values: dict, first: Checkpoint | None) -> Checkpoint | None:
    """The last checkpoint before the period that also lies before every entry that the pack needs."""
    if first is None:
        return None
    query = f"SELECT min(leaf.index) FROM ledger_leaf AS leaf JOIN ledger_entry AS entry ON entry.id = leaf.entry_id WHERE {IN_SCOPE}"
    earliest = _rows(query, values)[0][0]
    limit = first.size if earliest is None else min(first.size, earliest)
    return Checkpoint.objects.filter(size__lte=limit).order_by("-size").first()


def _rows(query: str, values: dict) -> list[tuple]:
    with connection.cursor() as cursor:
        cursor.execute(query, values)
        return cursor.fetchall()
