"""1,000,000 open removals held against a reading of 10,000,000 grants: all of it new, and then little of it.

The baseline is what no comparison can do without: the same join of removals and open grants, counted, and for what is new the
rows that are kept (verdicts and entries of the ledger) and the new states of the removals, written bare into tables with the same
indexes. Nothing of it passes through a load or a review, which have benches of their own. `CERTIFY_BENCH_GRANTS` makes it smaller.
"""

import os

from django.db import connection, transaction

from bench.campaigns import seconds
from bench.load import figure
from ledger.actors import SYSTEM
from remediation.actions import verification
from remediation.models import RemediationTask

GRANTS = int(os.environ.get("CERTIFY_BENCH_GRANTS", "10000000"))
TASKS = GRANTS // 10
RIGHTS = 20_000
FIRST_ID = 800_000_000
#: The grants of one removal in so many end with each reading.
GONE = (99, 97)

#: A reading, of as many days ago as the number is away from 3.
READING = (
    """INSERT INTO inventory_snapshot (id, source_id, number, completeness, extraction_note, loaded_at, loaded_by_name, rows_read,
           rows_loaded, rows_rejected, grants_open, grants_started, grants_changed, grants_ended, entry_uid)
       VALUES ({first} + {number}, {first}, {number}, 'full', '', now() + ({number} - 3) * interval '1 day', '', 0, 0, 0, 0, 0, 0, 0,
               gen_random_uuid())""",
    """INSERT INTO inventory_snapshotfile (snapshot_id, kind, file_name, sha256, size, rows_read, rows_loaded, rows_rejected,
           rows_unread)
       VALUES ({first} + {number}, 'grants', 'grants.csv', '', 0, 0, 0, 0, 0)""",
)
#: Each account has ten rights; the removals are of the first of each ten. The triggers, which know of launches and loads, are off.
COMPANY = (
    "SET session_replication_role = replica",
    "INSERT INTO inventory_source (id, key, name, description, created_at) VALUES ({first}, 'removals', 'Removals', '', now())",
    """INSERT INTO inventory_grant (id, source_id, account_id, entitlement_id, path, granted_by, first_seen_id, opened_in_id)
       SELECT {first} + n, {first}, {first} + n / 10, {first} + (n % 10) * {rights} / 10 + n / 10 % ({rights} / 10), '', '',
              {first} + 1, {first} + 1
       FROM generate_series(0, {grants} - 1) AS n""",
    """INSERT INTO people_user (id, username, name, email, password, roles, is_active, created_at)
       VALUES ({first}, 'bench-removals', 'Removals', '', '', '{{control_owner}}', true, now())""",
    """INSERT INTO campaigns_campaigndefinition SELECT (jsonb_populate_record(NULL::campaigns_campaigndefinition, jsonb_build_object(
           'id', {first}, 'name', 'Removals', 'purpose', '', 'controls', '{{}}'::text[], 'kind', 'other', 'cadence', 'none',
           'scope', '{{}}'::jsonb, 'reviewer_chain', '{{}}'::text[], 'fallback_reviewer_id', {first}, 'owner_id', {first},
           'plan', '{{}}'::jsonb, 'schedule', '{{}}'::jsonb, 'watched', '{{}}'::jsonb, 'watched_snapshot', 0, 'duration_days', 14,
           'ladder', '{{}}'::jsonb, 'removal_days', 7, 'reason_for_every_removal', false, 'reason_for_every_keep', false,
           'quality', '{{}}'::jsonb, 'last_holder_waits', false,
           'removals_begin', 'close', 'is_archived', false, 'created_at', now(), 'changed_at', now()))).*""",
    """INSERT INTO campaigns_campaign SELECT (jsonb_populate_record(NULL::campaigns_campaign, jsonb_build_object(
           'id', {first}, 'definition_id', {first}, 'name', 'Removals', 'terms', '{{"removal_days": 7}}'::jsonb, 'owner_id', {first},
           'state', 'closed', 'requested_by_id', {first}, 'requested_at', now(), 'progress', 100, 'progress_text', '', 'error', '',
           'stage', 1, 'settled_to', '',
           'escalated_stage', 0, 'is_staged_first', false, 'closed_at', now(), 'closed_by_name', '', 'item_count', 0,
           'excluded_count', 0, 'population_root', '', 'exclusion_root', '', 'conflict_count', 0, 'conflict_root', '',
           'advice_root', '', 'outcome_root', '', 'context_root', '', 'close_entry_uid', gen_random_uuid()))).*""",
    """INSERT INTO campaigns_reviewitem (id, campaign_id, number, grant_id, source_id, source_key, source_name, account_key,
           account_name, identity_key, identity_name, identity_kind, identity_status, department, title, manager_key,
           entitlement_key, entitlement_name, entitlement_kind, description, privileged, path, granted_by, first_seen_at, signals,
           risk_rank, leaf, decision, rationale, reduce_to, decided_by_id, decided_at, decision_entry_uid, is_bulk, sign_off_id,
           outcome)
       SELECT {first} + n, {first}, n + 1, {first} + n * 10, {first}, 'removals', 'Removals', 'a' || n, '', '', '', '', '', '', '',
              '', 'r' || n % ({rights} / 10), '', '', '', 'no', '', '', now(), '{{}}', 0, '', 'revoke', '', '', {first}, now(),
              gen_random_uuid(), false, 0, 'revoked'
       FROM generate_series(0, {tasks} - 1) AS n""",
    """INSERT INTO remediation_remediationtask (id, campaign_id, item_id, source_id, owner_id, state, created_at, due_at,
           present_in_id, entry_uid)
       SELECT {first} + n, {first}, {first} + n, {first}, {first}, 'open', now() - interval '3 days', now(), {first} + 1,
              gen_random_uuid()
       FROM generate_series(0, {tasks} - 1) AS n""",
    "RESET session_replication_role",
)
#: What a load of the next reading does to the grants.
ENDS = (
    "UPDATE inventory_grant SET closed_in_id = %s WHERE id BETWEEN %s AND %s AND (id - %s) %% %s = 0 AND closed_in_id IS NULL"
)
JOIN = """
    SELECT count(*), count(later.account_id) FROM remediation_remediationtask AS task
    JOIN campaigns_reviewitem AS item ON item.id = task.item_id JOIN inventory_grant AS reviewed ON reviewed.id = item.grant_id
    LEFT JOIN (SELECT account_id, entitlement_id, path FROM inventory_grant WHERE source_id = %s AND closed_in_id IS NULL) AS later
        ON later.account_id = reviewed.account_id AND later.entitlement_id = reviewed.entitlement_id AND later.path = reviewed.path
    WHERE task.source_id = %s AND task.state <> 'verified_gone'
"""
SETTLED = """
    UPDATE bench_rows AS task SET state = 'still_there', verified_in_id = NULL, present_in_id = kept.snapshot_id
    FROM remediation_verification AS kept WHERE kept.task_id = task.id AND kept.snapshot_id = %s
"""


def build() -> None:
    """Source, first reading, grants, items and open removals."""
    names = {"first": FIRST_ID, "rights": RIGHTS, "grants": GRANTS, "tasks": TASKS, "number": 1}
    with connection.cursor() as cursor:
        for statement in (*COMPANY, *READING):
            cursor.execute(statement.format(**names))


def tidied(*tables: str) -> None:
    """As the database is after a while: no dead rows, and statistics of what is there."""
    with connection.cursor() as cursor:
        cursor.execute(f"VACUUM ANALYZE {', '.join(tables)}")


def ended(number: int, every: int) -> None:
    """The next reading, in which the grants of every so-many-th removal end."""
    with connection.cursor() as cursor:
        for statement in READING:
            cursor.execute(statement.format(first=FIRST_ID, number=number))
        cursor.execute(ENDS, [FIRST_ID + number, FIRST_ID, FIRST_ID + GRANTS, FIRST_ID, every * 10])


def joined() -> float:
    """Seconds of the bare join."""
    with connection.cursor() as cursor:
        return seconds(lambda: cursor.execute(JOIN, [FIRST_ID, FIRST_ID]))


def written(number: int) -> float:
    """Seconds of writing what a verification wrote, bare, into tables with the same indexes."""
    taken = 0.0
    rows = {
        "remediation_verification": f"SELECT * FROM remediation_verification WHERE snapshot_id = {FIRST_ID + number}",
        "ledger_entry": "SELECT entry.* FROM ledger_entry AS entry JOIN remediation_verification AS kept"
        f" ON kept.entry_uid = entry.uid WHERE kept.snapshot_id = {FIRST_ID + number}",
    }
    with transaction.atomic(), connection.cursor() as cursor:
        for table, select in rows.items():
            cursor.execute(f"CREATE TEMP TABLE bench_rows (LIKE {table} INCLUDING INDEXES) ON COMMIT DROP")
            taken += seconds(lambda select=select: cursor.execute(f"INSERT INTO bench_rows {select}"))
            cursor.execute("DROP TABLE bench_rows")
        cursor.execute("CREATE TEMP TABLE bench_rows (LIKE remediation_remediationtask INCLUDING INDEXES) ON COMMIT DROP")
        cursor.execute(f"INSERT INTO bench_rows SELECT * FROM remediation_remediationtask WHERE source_id = {FIRST_ID}")
        cursor.execute("ANALYZE bench_rows")
        taken += seconds(lambda: cursor.execute(SETTLED, [FIRST_ID + number]))
    return taken


def verified(number: int) -> tuple[dict, float]:
    """What a verification finds, and its seconds to the end of the transaction."""
    found = {}
    taken = seconds(lambda: found.update(verification.verify_against(snapshot_id=FIRST_ID + number, by=SYSTEM)))
    return found, taken


def run() -> list[dict]:
    """The figures: a reading after which every removal has a verdict, then one that says something new of one in a hundred."""
    build()
    tidied()
    ended(2, GONE[0])
    tidied("inventory_grant")
    bare = joined()
    first, taken = verified(2)
    tidied("remediation_remediationtask", "remediation_verification")
    bare += written(2)
    open_before = RemediationTask.objects.filter(source_id=FIRST_ID).exclude(state="verified_gone").count()
    ended(3, GONE[1])
    tidied("inventory_grant")
    light = joined()
    second, again = verified(3)
    tidied("remediation_remediationtask", "remediation_verification")
    light += written(3)
    gone = -(-TASKS // GONE[0])
    is_built = (
        first == {"gone": gone, "still_there": TASKS - gone, "returned": 0} and second["gone"] and not second["still_there"]
    )
    if not is_built:
        raise RuntimeError(f"the removals were not what was built: {first}, then {second}")
    of = f"{TASKS:,} open removals, {GRANTS:,} grants"
    words = f"{of}: one in a hundred gone, the others still there, all of it new: {taken:.1f} s"
    return [
        figure("removals: verification, all of it new", taken, "s", 60, of, words),
        figure("removals: verification, ratio", taken / bare, "times", 4, f"bare SQL of the same rows: {bare:.1f} s", words),
        figure(
            "removals: verification, little new", again, "s", 20, of, f"{open_before:,} open, {second['gone']:,} newly gone"
        ),
        figure("removals: little new, ratio", again / light, "times", 4, f"bare SQL of the same rows: {light:.1f} s", of),
    ]
