"""Access that was proved gone and is seen again: a finding, and the removal is to be done once more."""

from collections import defaultdict
from datetime import datetime, timedelta
from typing import NamedTuple
from uuid import UUID

from django.conf import settings
from django.db import connection, transaction

from campaigns.models import Campaign
from certify.lib import clock
from certify.lib.times import rfc3339
from inventory.models import Snapshot
from ledger.actions import entries
from people.actions import mails
from people.hours import mail_at
from remediation import rules
from remediation.models import RemediationTask, Return
from remediation.states import TaskState

#: How many of them a mail names.
NAMED = 20

#: Proved gone in an earlier reading, and a row of the same access begins in this one.
SEEN_AGAIN = """
    CREATE TEMP TABLE removal_return ON COMMIT DROP AS
    SELECT task.id AS task, item.campaign_id AS campaign, item.number, gone.id AS gone_in, gone.number AS gone_number,
           item.decision_entry_uid AS decision, item.privileged, reviewed.account_id, reviewed.entitlement_id, reviewed.path,
           seen.granted_by, concat_ws(' · ', COALESCE(NULLIF(item.identity_name, ''), item.account_key),
                                      COALESCE(NULLIF(item.entitlement_name, ''), item.entitlement_key)) AS words
    FROM remediation_remediationtask AS task
    JOIN campaigns_reviewitem AS item ON item.id = task.item_id
    JOIN inventory_grant AS reviewed ON reviewed.id = item.grant_id
    JOIN inventory_snapshot AS gone ON gone.id = task.verified_in_id
    JOIN inventory_grant AS seen ON seen.source_id = %(source)s AND seen.opened_in_id = %(snapshot)s
         AND seen.account_id = reviewed.account_id AND seen.entitlement_id = reviewed.entitlement_id AND seen.path = reviewed.path
    WHERE task.source_id = %(source)s AND task.state = 'verified_gone' AND task.verified_in_id < %(snapshot)s
      AND COALESCE(gone.extracted_at, gone.loaded_at) < %(seen_at)s
      AND NOT EXISTS (SELECT FROM remediation_withdrawal AS vain WHERE vain.task_id = task.id AND vain.is_gone)
"""
#: The last decision about the same access in a later campaign that is closed.
WITH_LATER = """
    SELECT DISTINCT ON (found.task) found.task, found.campaign, found.number, found.gone_in, found.gone_number, found.decision,
           found.privileged, found.granted_by, found.words, later.decision_entry_uid, COALESCE(later.outcome, '')
    FROM removal_return AS found
    LEFT JOIN (
        SELECT version.account_id, version.entitlement_id, version.path, item.campaign_id, item.decision_entry_uid, item.outcome,
               item.decided_at
        FROM campaigns_reviewitem AS item JOIN inventory_grant AS version ON version.id = item.grant_id
        WHERE item.source_id = %(source)s AND item.outcome IN ('approved', 'revoked', 'reduced')
    ) AS later ON later.account_id = found.account_id AND later.entitlement_id = found.entitlement_id AND later.path = found.path
        AND later.campaign_id > found.campaign
    ORDER BY found.task, later.decided_at DESC NULLS LAST
"""


class Seen(NamedTuple):
    """One row of `WITH_LATER`."""

    task: int
    campaign: int
    number: int
    gone_in: int
    gone_number: int
    decision: UUID | None
    privileged: str
    granted_by: str
    words: str
    later: UUID | None
    later_outcome: str


@transaction.atomic
def find(*, snapshot: Snapshot, seen_at: datetime, by) -> int:
    """Record what this reading shows again, open those removals once more, and tell the owners; returns how many came back."""
    rows = _seen(snapshot, seen_at)
    if not rows:
        return 0
    now = clock.now()
    campaigns = Campaign.objects.select_related("owner").in_bulk({row.campaign for row in rows})
    dues = {row.task: _due(campaigns[row.campaign], row, now) for row in rows}
    _record(snapshot, rows, dues, now, by)
    for due_at in set(dues.values()):
        ids = [task for task, due in dues.items() if due == due_at]
        RemediationTask.objects.filter(pk__in=ids).update(
            state=TaskState.RETURNED, verified_in=None, present_in=snapshot, due_at=due_at
        )
    _tell(snapshot, rows, campaigns, now, by)
    return len(rows)


def _seen(snapshot: Snapshot, seen_at: datetime) -> list[Seen]:
    values = {"snapshot": snapshot.pk, "source": snapshot.source_id, "seen_at": seen_at}
    with connection.cursor() as cursor:
        cursor.execute("DROP TABLE IF EXISTS removal_return")
        cursor.execute(SEEN_AGAIN, values)
        if not cursor.rowcount:
            return []
        cursor.execute("ANALYZE removal_return")
        cursor.execute(WITH_LATER, values)
        return [Seen(*row) for row in cursor.fetchall()]


def _due(campaign: Campaign, row: Seen, now: datetime) -> datetime:
    days = rules.removal_days(campaign.terms["removal_days"], settings.CERTIFY_PRIVILEGED_REMOVAL_DAYS, row.privileged)
    return now + timedelta(days=days)


def _record(snapshot: Snapshot, rows: list[Seen], dues: dict[int, datetime], now: datetime, by) -> None:
    shared = {"source": snapshot.source.key, "seen_in": str(snapshot.number), "at": rfc3339(now)}
    recorded = entries.record_many(
        kind="removal:returned",
        by=by,
        at=now,
        rows=[
            (
                f"remediation.task:{row.task}",
                {
                    "task": str(row.task),
                    "campaign": str(row.campaign),
                    "item": str(row.number),
                    "gone_in": str(row.gone_number),
                    "decision": str(row.decision or ""),
                    "later_decision": str(row.later or ""),
                    "later_outcome": row.later_outcome,
                    "granted_by": row.granted_by,
                    "due_at": rfc3339(dues[row.task]),
                    **shared,
                },
            )
            for row in rows
        ],
    )
    Return.objects.bulk_create(
        (
            Return(
                task_id=row.task,
                gone_in_id=row.gone_in,
                seen_in=snapshot,
                decision_entry_uid=row.decision,
                later_entry_uid=row.later,
                later_outcome=row.later_outcome,
                granted_by=row.granted_by,
                due_at=dues[row.task],
                at=now,
                entry_uid=entry.uid,
            )
            for row, entry in zip(rows, recorded, strict=True)
        ),
        batch_size=5_000,
    )


def _tell(snapshot: Snapshot, rows: list[Seen], campaigns: dict[int, Campaign], now: datetime, by) -> None:
    """One mail for each campaign to its owner, in their working hours."""
    found = defaultdict(list)
    for row in rows:
        found[row.campaign].append(row)
    drafts = [
        mails.Draft(
            recipient_id=campaigns[pk].owner_id,
            template="removals_returned",
            context={
                "campaign": campaigns[pk].name,
                "source": snapshot.source.name,
                "count": len(back),
                "rows": [row.words for row in back[:NAMED]],
                "path": f"/removals/?state=returned&campaign={pk}",
            },
            subject_ref=f"campaigns.campaign:{pk}",
            dedupe_key=f"removals-returned:{pk}:{snapshot.pk}",
            due_at=mail_at(campaigns[pk].owner.hours, now),
        )
        for pk, back in found.items()
    ]
    mails.queue_many(drafts=drafts, by=by)
