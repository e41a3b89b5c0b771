"""Verification: what a later FULL snapshot says of the removals of its source."""

from datetime import datetime
from typing import NamedTuple

from django.db import connection, transaction

from certify.lib import clock
from certify.lib.batches import batched
from certify.lib.times import rfc3339
from inventory.models import Snapshot
from ledger.actions import entries
from remediation import queries
from remediation.models import RemediationTask, Verification
from remediation.states import TaskState, Verdict

BATCH = 5_000

#: Every unproved removal of the source that an earlier snapshot showed: is the reviewed grant open in this one? It is the same
#: access when account, entitlement and path are the same, whatever version of its row is open. `asked_at` is when somebody was
#: last asked to remove it or last said they had. A file extracted before the one that showed the access says nothing.
STANDING = """
    SELECT task.id, item.campaign_id, item.number, task.present_in_id,
           EXISTS (
               SELECT 1 FROM inventory_grant AS later
               WHERE later.account_id = reviewed.account_id
                 AND later.entitlement_id = reviewed.entitlement_id
                 AND later.path = reviewed.path
                 AND later.opened_in_id <= %(snapshot)s
                 AND (later.closed_in_id IS NULL OR later.closed_in_id > %(snapshot)s)
           ) AS is_open,
           GREATEST(task.created_at, (
               SELECT max(attempt.at) FROM remediation_attempt AS attempt WHERE attempt.task_id = task.id
           )) AS asked_at
    FROM remediation_remediationtask AS task
    JOIN campaigns_reviewitem AS item ON item.id = task.item_id
    JOIN inventory_grant AS reviewed ON reviewed.id = item.grant_id
    JOIN inventory_snapshot AS present ON present.id = task.present_in_id
    WHERE task.source_id = %(source)s AND task.state <> 'verified_gone' AND task.present_in_id < %(snapshot)s
      AND COALESCE(present.extracted_at, present.loaded_at) < %(seen_at)s
    ORDER BY task.id
"""


class Standing(NamedTuple):
    """One row of `STANDING`."""

    task: int
    campaign: int
    number: int
    present_in: int
    is_open: bool
    asked_at: datetime


@transaction.atomic
def verify_against(*, snapshot_id: int, by) -> dict[str, int]:
    """Mark the unproved removals of the snapshot's source as gone or still there; returns the count of each verdict.

    Only a FULL snapshot with a file of grants speaks; any other changes nothing. A snapshot that was taken before the removal
    was asked for, or before somebody reported it done, can prove that the access had gone, but never counts as "still
    there". Running it again changes nothing.
    """
    snapshot = queries.speaking().select_related("source").filter(pk=snapshot_id).first()
    if snapshot is None:
        return {Verdict.GONE.value: 0, Verdict.STILL_THERE.value: 0}
    seen_at = snapshot.extracted_at or snapshot.loaded_at
    rows = _standing(snapshot, seen_at)
    present = [row for row in rows if row.is_open]
    gone = [row for row in rows if not row.is_open]
    still_there = [row for row in present if row.asked_at < seen_at]
    _record(snapshot, gone, Verdict.GONE, by)
    _record(snapshot, still_there, Verdict.STILL_THERE, by)
    _tasks(gone).update(state=TaskState.VERIFIED_GONE, verified_in=snapshot)
    _tasks(still_there).update(state=TaskState.STILL_THERE)
    _tasks(present).update(present_in=snapshot)
    return {Verdict.GONE.value: len(gone), Verdict.STILL_THERE.value: len(still_there)}


def _standing(snapshot: Snapshot, seen_at: datetime) -> list[Standing]:
    with connection.cursor() as cursor:
        # Two sweeps of one source must not both write a verdict; readers and other sources go on.
        cursor.execute("SELECT pg_advisory_xact_lock(hashtext('remediation.verification'), %s)", [snapshot.source_id])
        cursor.execute(STANDING, {"snapshot": snapshot.pk, "source": snapshot.source_id, "seen_at": seen_at})
        return [Standing(*row) for row in cursor.fetchall()]


def _tasks(rows: list[Standing]):
    return RemediationTask.objects.filter(pk__in=[row.task for row in rows])


def _record(snapshot: Snapshot, rows: list[Standing], verdict: Verdict, by) -> None:
    """Write the verifications and their ledger entries."""
    now = clock.now()
    numbers = dict(Snapshot.objects.filter(source_id=snapshot.source_id).values_list("pk", "number"))
    for batch in batched(rows, BATCH):
        recorded = entries.record_many(
            kind="removal:verified",
            by=by,
            at=now,
            rows=[
                (
                    f"remediation.task:{row.task}",
                    {
                        "task": str(row.task),
                        "campaign": str(row.campaign),
                        "item": str(row.number),
                        "verdict": verdict.value,
                        "source": snapshot.source.key,
                        "snapshot": str(snapshot.number),
                        "present_in": str(numbers[row.present_in]),
                        "at": rfc3339(now),
                    },
                )
                for row in batch
            ],
        )
        Verification.objects.bulk_create(
            Verification(
                task_id=row.task,
                snapshot=snapshot,
                present_in_id=row.present_in,
                verdict=verdict,
                at=now,
                entry_uid=entry.uid,
            )
            for row, entry in zip(batch, recorded, strict=True)
        )
