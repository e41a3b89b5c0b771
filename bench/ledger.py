"""The ledger: how fast entries are recorded, get their place in the log, and are verified."""

import io
import time
from collections.abc import Callable

from django.db import connection

from ledger import keys, verification
from ledger.actions import entries, sequencing
from ledger.actors import SYSTEM

ENTRIES = 200_000
RECORDED_AT_ONCE = 10_000
DECISION = {
    "campaign": "12",
    "reviewer": {"id": "people.user:5", "name": "Anna Example", "email": "anna@example.org"},
    "decision": "approve",
    "rationale": "Needed for the monthly closing.",
    "decided_at": "2026-01-02T03:04:05.000006Z",
    "rule": "manager of the identity",
    "shown": {
        "account": "aexample",
        "entitlement": "ledger-write",
        "last_used": "2025-12-30",
        "signals": ["privileged", "new"],
    },
    "bulk": "",
}


def measured(work: Callable[[], object]) -> float:
    """Seconds that the work takes."""
    start = time.perf_counter()
    work()
    return time.perf_counter() - start


def record() -> None:
    """Entries of the size of a decision, as a bulk decision records them."""
    for start in range(0, ENTRIES, RECORDED_AT_ONCE):
        rows = [
            (f"campaigns.reviewitem:12/{number}", {**DECISION, "item": str(number)})
            for number in range(start, start + RECORDED_AT_ONCE)
        ]
        entries.record_many(kind="decision:made", by=SYSTEM, rows=rows)


def copy_leaves() -> float:
    """Seconds of a bare COPY of as many leaves into a table with the same indexes: what PostgreSQL alone needs."""
    text = "".join(f"{number}\t{number}\t\\\\x{number:064x}\n" for number in range(ENTRIES))
    with connection.cursor() as cursor:
        cursor.execute("CREATE TABLE bench_leaf (LIKE ledger_leaf INCLUDING INDEXES)")
        try:
            return measured(lambda: cursor.copy_expert("COPY bench_leaf (index, entry_id, hash) FROM STDIN", io.StringIO(text)))
        finally:
            cursor.execute("DROP TABLE bench_leaf")


def figure(name: str, seconds: float, limit: int, baseline: float | None, meaning: str) -> dict:
    """A rate of entries per second that must be reached."""
    rate = round(ENTRIES / seconds)
    base = round(ENTRIES / baseline) if baseline else None
    return {
        "name": name,
        "value": rate,
        "unit": "entries/s",
        "limit": limit,
        "sense": "at least",
        "baseline": base,
        "meaning": meaning,
    }


def run() -> list[dict]:
    """Adds 200,000 entries to the database that the settings name, which is thrown away afterwards."""
    sequencing.sequence(by=SYSTEM)
    recorded = measured(record)
    sequenced = measured(lambda: sequencing.sequence(by=SYSTEM))
    copied = copy_leaves()
    report = None

    def verify() -> None:
        nonlocal report
        report = verification.verify(verifier=keys.load().verifier)

    verified = measured(verify) * ENTRIES / max(sequencing.queries.leaf_count(), 1)
    if report.found:
        raise RuntimeError(f"the ledger does not hold: {report.problems[0]}")
    return [
        figure(
            "ledger_sequenced", sequenced, 20_000, copied,
            "Committed entries that get their place in the log, with their leaves, tree nodes and a signed checkpoint."
            " Baseline: a bare COPY of the same leaves into an equally indexed table.",
        ),
        figure(
            "ledger_recorded", recorded, 5_000, None,
            "Entries of the size of a decision recorded by one process with record_many: canonical JSON, leaf hash, COPY.",
        ),
        figure(
            "ledger_verified", verified, 5_000, None,
            "Entries recomputed by verify_ledger: columns, canonical form, leaf hash, tree, checkpoints.",
        ),
    ]  # fmt: skip
