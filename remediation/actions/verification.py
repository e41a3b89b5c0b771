"""Verification: what a later reading says of the removals of its source, as sets."""

from dataclasses import dataclass
from datetime import datetime

from django.db import connection, transaction

from certify.lib import clock
from certify.lib.times import rfc3339
from inventory.models import Snapshot
from ledger.actions import entries
from remediation import queries
from remediation.actions import exceptions, objections, returning
from remediation.models import Watched
from remediation.states import DISPROVABLE, AttemptKind, Verdict

NOTHING = {Verdict.GONE.value: 0, Verdict.STILL_THERE.value: 0}
#: What makes a snapshot that was taken before it too old to contradict anybody.
ASKING = (AttemptKind.CLAIM.value, AttemptKind.LIST.value)

#: The grants of a source that are open in a snapshot: most often it is the latest one, and one index has them.
OPEN_NOW = "SELECT account_id, entitlement_id, path FROM inventory_grant WHERE source_id = %(source)s AND closed_in_id IS NULL"
OPEN_THEN = """
    SELECT account_id, entitlement_id, path FROM inventory_grant
    WHERE source_id = %(source)s AND opened_in_id <= %(snapshot)s AND (closed_in_id IS NULL OR closed_in_id > %(snapshot)s)
"""

#: Every removal of the source that is not proved and that an earlier snapshot showed: is the reviewed grant open in this one? It is
#: the same access when account, entitlement and path are the same, whatever version of its row is open. A file extracted before
#: the one that showed the access says nothing. `present_in` is the last reading that showed it: every reading between was
#: looked at, and would have proved the removal had it not shown the access.
STANDING = """
    CREATE TEMP TABLE removal_verdict ON COMMIT DROP AS
    SELECT task.id AS task, item.campaign_id AS campaign, item.number, task.state,
           CASE WHEN %(before)s > task.present_in_id AND %(before_seen_at)s > COALESCE(present.extracted_at, present.loaded_at)
                THEN %(before)s ELSE task.present_in_id END AS present_in,
           CASE WHEN later.account_id IS NULL THEN 'gone' ELSE 'still_there' END AS verdict,
           GREATEST(task.created_at, asked.at) < %(seen_at)s AS was_asked, gen_random_uuid() AS entry_uid
    FROM remediation_remediationtask AS task
    JOIN campaigns_reviewitem AS item ON item.id = task.item_id
    JOIN inventory_grant AS reviewed ON reviewed.id = item.grant_id
    JOIN inventory_snapshot AS present ON present.id = task.present_in_id
    LEFT JOIN (SELECT task_id, max(at) AS at FROM remediation_attempt WHERE kind = ANY(%(asking)s) GROUP BY task_id) AS asked
        ON asked.task_id = task.id
    LEFT JOIN ({open}) AS later ON later.account_id = reviewed.account_id AND later.entitlement_id = reviewed.entitlement_id
        AND later.path = reviewed.path
    WHERE task.source_id = %(source)s AND task.state NOT IN ('verified_gone', 'kept') AND task.present_in_id < %(snapshot)s
      AND COALESCE(present.extracted_at, present.loaded_at) < %(seen_at)s
"""
#: What is not new is not written again: a removal that was still there yesterday.
NOT_NEW = "DELETE FROM removal_verdict WHERE verdict = 'still_there' AND NOT (was_asked AND state = ANY(%(disprovable)s))"
#: Whoever acts on one of these now waits, and who acted since is not overruled: their word is newer than the reading.
LOCK = """
    SELECT count(*) FROM (
        SELECT task.id FROM remediation_remediationtask AS task JOIN removal_verdict AS found ON found.task = task.id
        ORDER BY task.id FOR NO KEY UPDATE OF task) AS locked
"""
OVERTAKEN = """
    DELETE FROM removal_verdict AS found USING remediation_remediationtask AS task
    WHERE task.id = found.task AND (task.state = 'kept' OR found.verdict = 'still_there' AND task.state <> found.state)
"""
KEEP = """
    INSERT INTO remediation_verification (task_id, snapshot_id, present_in_id, verdict, at, entry_uid)
    SELECT task, %(snapshot)s, present_in, verdict, %(now)s, entry_uid FROM removal_verdict ORDER BY task
"""
#: The ledger entries of them.
TOLD = ("at", "campaign", "item", "present_in", "snapshot", "source", "task", "verdict")
ENTRIES = """
    SELECT found.entry_uid AS uid, 'remediation.task:' || found.task AS subject, found.task, found.campaign, found.number AS item,
           found.verdict, shown.number AS present_in, %(key)s AS source, %(number)s AS snapshot, %(at)s AS at
    FROM removal_verdict AS found JOIN inventory_snapshot AS shown ON shown.id = found.present_in ORDER BY found.task
"""
SETTLE = """
    UPDATE remediation_remediationtask AS task SET
        state = CASE found.verdict WHEN 'gone' THEN 'verified_gone' ELSE 'still_there' END,
        verified_in_id = CASE found.verdict WHEN 'gone' THEN %(snapshot)s::bigint END,
        present_in_id = CASE found.verdict WHEN 'gone' THEN found.present_in ELSE %(snapshot)s END
    FROM removal_verdict AS found WHERE found.task = task.id
"""


@dataclass(frozen=True)
class Reading:
    """A snapshot, when it was taken, and the last reading before it that can prove something (0 for none)."""

    snapshot: Snapshot
    seen_at: datetime
    before: int
    before_seen_at: datetime | None

    def values(self) -> dict:
        """What the statements of this module are filled with."""
        return {
            "snapshot": self.snapshot.pk,
            "source": self.snapshot.source_id,
            "seen_at": self.seen_at,
            "before": self.before,
            "before_seen_at": self.before_seen_at,
            "asking": list(ASKING),
            "disprovable": [state.value for state in DISPROVABLE],
            "now": clock.now(),
        }


@transaction.atomic
def verify_against(*, snapshot_id: int, by) -> dict[str, int]:
    """Hold the removals of a source against one reading; returns how many are newly {gone, still_there, returned}.

    Only a FULL snapshot whose file of grants could be read to its last row proves that something is gone, or still there. Any
    file of grants shows what came back. A snapshot that was taken before the removal was asked for, or before somebody reported it
    done, can prove that the access had gone, but never counts as "still there". Running it again changes nothing; two runs for one
    source wait for each other.
    """
    snapshot = queries.with_grants().select_related("source").get(pk=snapshot_id)
    Watched.objects.get_or_create(source_id=snapshot.source_id, defaults={"up_to": 0})
    watched = Watched.objects.select_for_update(of=("self",), no_key=True).get(source_id=snapshot.source_id)
    reading = _reading(snapshot)
    found = _verify(reading, by) if queries.speaking().filter(pk=snapshot.pk).exists() else dict(NOTHING)
    found["returned"] = returning.find(snapshot=snapshot, seen_at=reading.seen_at, by=by)
    watched.up_to = snapshot.pk
    watched.save(update_fields=["up_to"])
    return found


def _reading(snapshot: Snapshot) -> Reading:
    seen_at = queries.seen_at(snapshot)
    earlier = queries.speaking().filter(source_id=snapshot.source_id, pk__lt=snapshot.pk).order_by("-pk")
    before = next((one for one in earlier.iterator() if queries.seen_at(one) < seen_at), None)
    return Reading(snapshot, seen_at, before.pk if before else 0, queries.seen_at(before) if before else None)


def _verify(reading: Reading, by) -> dict[str, int]:
    values = reading.values()
    latest = not queries.with_grants().filter(source_id=reading.snapshot.source_id, pk__gt=reading.snapshot.pk).exists()
    with connection.cursor() as cursor:
        cursor.execute("DROP TABLE IF EXISTS removal_verdict")
        cursor.execute(STANDING.format(open=OPEN_NOW if latest else OPEN_THEN), values)
        for statement in (NOT_NEW, LOCK, OVERTAKEN):
            cursor.execute(statement, values)
        cursor.execute("SELECT verdict, count(*) FROM removal_verdict GROUP BY verdict")
        counts = NOTHING | dict(cursor.fetchall())
        if any(counts.values()):
            cursor.execute("ANALYZE removal_verdict")
            _record(reading, values, by)
            cursor.execute(KEEP, values)
            cursor.execute(SETTLE, values)
    exceptions.end_for_gone(snapshot=reading.snapshot, by=by)
    objections.end_for_gone(snapshot=reading.snapshot, by=by)
    return counts


def _record(reading: Reading, values: dict, by) -> None:
    """The ledger entries of what is new."""
    told = {"key": reading.snapshot.source.key, "number": str(reading.snapshot.number), "at": rfc3339(values["now"])}
    entries.record_set(kind="removal:verified", by=by, at=values["now"], rows=ENTRIES, names=TOLD, values=told)
