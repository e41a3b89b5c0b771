"""Comparing the rules of duties with what is open. The conflicts are derived: whoever asks gets what the data says."""

from django.db import connection, transaction

from campaigns import sod_finding
from campaigns.models import SodEvaluation
from certify.lib import clock
from ledger.actions import entries

LOCK = 0x6365727469667953


@transaction.atomic
def refresh(*, by, waits: bool = True) -> SodEvaluation | None:
    """Compare again when data or rules have changed since the last comparison; None when nothing has.

    One at a time: a second caller waits for the first, or with `waits=False` leaves the work to it.
    """
    with connection.cursor() as cursor:
        if waits:
            cursor.execute("SELECT pg_advisory_xact_lock(%s)", [LOCK])
        else:
            cursor.execute("SELECT pg_try_advisory_xact_lock(%s)", [LOCK])
            if not cursor.fetchone()[0]:
                return None
    basis, now = sod_finding.basis(), clock.now()
    if sod_finding.is_current(basis):
        return None
    found = sod_finding.evaluate(now)
    made = SodEvaluation.objects.create(at=now, **vars(basis), **vars(found))
    data = {"rules": basis.rules, **vars(found)}
    entries.record(kind="sod:evaluated", subject=f"campaigns.sodevaluation:{made.pk}", by=by, at=now, data=data)
    return made
