"""Changes of configuration: what django-auditlog wrote is entered in the ledger, so that there is one log to prove."""

import hashlib

from auditlog.models import LogEntry
from django.db import connection, transaction
from django.db.models import Exists, OuterRef

from certify.lib import canonical
from certify.lib.times import rfc3339
from ledger import rules
from ledger.actions import entries
from ledger.models import AbsorbedChange

LOCK = 0x6365727469667901
BATCH = 1_000
#: Above this many bytes the changes are committed by their hash, which leaves room for the rest of the entry.
MAX_CHANGES_BYTES = rules.MAX_PAYLOAD_BYTES // 2


@transaction.atomic
def absorb(*, by) -> int:
    """Enter the next rows of django-auditlog that are not in the ledger yet, at most 1,000; returns how many.

    The entry's actor is the one who made the change, `by` stands in where auditlog knows nobody. Runs one at a time: a
    second caller has nothing to do.
    """
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_try_advisory_xact_lock(%s)", [LOCK])
        if not cursor.fetchone()[0]:
            return 0
    unknown = ~Exists(AbsorbedChange.objects.filter(change_id=OuterRef("pk")))
    rows = LogEntry.objects.filter(unknown).select_related("content_type", "actor").order_by("pk")[:BATCH]
    absorbed = [AbsorbedChange(change_id=row.pk, entry=_enter(row, by)) for row in rows]
    AbsorbedChange.objects.bulk_create(absorbed)
    return len(absorbed)


def _enter(row: LogEntry, by):
    """One row as an entry `configuration:changed`."""
    return entries.record(
        kind="configuration:changed",
        subject=f"{row.content_type.app_label}.{row.content_type.model}:{row.object_pk}"[:100],
        by=row.actor or by,
        data=change_data(row),
    )


def change_data(row: LogEntry) -> dict:
    """What the ledger keeps of a row; changes that would not fit into an entry are kept as their SHA-256."""
    data = {
        "change": str(row.pk),
        "action": row.get_action_display(),
        "object": row.object_repr[:1000],
        "changed_at": rfc3339(row.timestamp),
    }
    changes = canonical.dumps(row.changes)
    if len(changes) > MAX_CHANGES_BYTES:
        return {**data, "changes_sha256": hashlib.sha256(changes).hexdigest()}
    return {**data, "changes": row.changes}
