"""Changes of configuration: what django-auditlog wrote is entered in the ledger, so that there is one log to prove."""

from auditlog.models import LogEntry
from django.db import connection, transaction
from django.db.models import Exists, OuterRef

from ledger import rules
from ledger.actions import entries
from ledger.models import AbsorbedChange

LOCK = 0x6365727469667901
BATCH = 1_000


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
        data=rules.change_data(row),
    )
