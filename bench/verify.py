"""`verify_ledger` over a log and over one ten times as long: what it takes, and that it needs no more memory for it.

The baseline of the time is PostgreSQL reading and hashing the same payloads, in the order of the log. `CERTIFY_BENCH_ENTRIES` makes
it longer.
"""

import os

from django.db import connection

from bench.campaigns import seconds
from bench.load import figure, watched
from certify.lib import clock
from ledger.actions import entries, sequencing
from ledger.actors import SYSTEM

ENTRIES = int(os.environ.get("CERTIFY_BENCH_ENTRIES", "1000000"))
AT_ONCE = 500_000
#: Entries of the size of a decision.
ROWS = """
    SELECT gen_random_uuid() AS uid, 'campaigns.reviewitem:12/' || number AS subject, number AS item, '12' AS campaign,
           'approve' AS decision, 'Needed for the monthly closing.' AS rationale, 'manager of the identity' AS rule,
           repeat(md5(number::text), 2) AS shown
    FROM generate_series(%(first)s, %(last)s) AS number
"""
NAMES = ("campaign", "decision", "item", "rationale", "rule", "shown")
HASHED = """
    SELECT count(*) FROM (SELECT sha256(convert_to(entry.payload, 'UTF8')) FROM ledger_leaf AS leaf
        JOIN ledger_entry AS entry ON entry.id = leaf.entry_id ORDER BY leaf.index OFFSET 0) AS hashed
"""
#: The command in a process of its own; it must find that the log holds.
PROGRAM = """
import io, django
django.setup()
from django.core.management import call_command
said = io.StringIO()
try:
    call_command("verify_ledger", no_color=True, stdout=said)
except SystemExit as ended:
    raise RuntimeError(said.getvalue()) from ended
assert "everything fits" in said.getvalue(), said.getvalue()
"""


def written(first: int, last: int) -> None:
    """Entries with these numbers, in the log."""
    for start in range(first, last, AT_ONCE):
        values = {"first": start, "last": min(start + AT_ONCE, last) - 1}
        entries.record_set(kind="decision:made", by=SYSTEM, at=clock.now(), rows=ROWS, names=NAMES, values=values)
        sequencing.sequence(by=SYSTEM)
    with connection.cursor() as cursor:
        cursor.execute("VACUUM ANALYZE ledger_entry, ledger_leaf, ledger_node")


def measured(count: int) -> tuple[float, float, float]:
    """Seconds of the command, seconds of the baseline, and MiB of the command at most."""
    taken, memory = watched(PROGRAM)
    with connection.cursor() as cursor:
        bare = seconds(lambda: cursor.execute(HASHED))
        found = cursor.fetchone()[0]
    if found < count:
        raise RuntimeError(f"{found} of {count} entries are there")
    return taken, bare, memory


def run() -> list[dict]:
    """Adds the entries to the database that the settings name, which is thrown away afterwards."""
    written(0, ENTRIES // 10)
    _, _, small = measured(ENTRIES // 10)
    written(ENTRIES // 10, ENTRIES)
    taken, bare, large = measured(ENTRIES)
    memory = f"{large:.0f} MiB for {ENTRIES:,} entries, {small:.0f} MiB for {ENTRIES // 10:,}"
    time = f"{taken:.0f} s for {ENTRIES:,} entries; PostgreSQL reads and hashes them in {bare:.1f} s"
    return [
        figure(
            "verify: memory, ten times the entries", large / small, "times", 1.1, memory, "The largest size of the process."
        ),
        figure("verify: time, ratio", taken / bare, "times", 60, time, "verify_ledger, start of the process included."),
    ]
