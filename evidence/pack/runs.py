"""The calendar of a pack: the runs that were due in its period, as the log tells it under the checkpoint."""

import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

from django.db import connection

from campaigns.models import Occurrence
from evidence.models import AuditPeriod

COLUMNS = (
    "occurrence", "definition", "name", "controls", "label", "due_on", "opens_at", "due_at", "state", "reason", "campaign",
    "performed", "entry",
)  # fmt: skip

ENTRIES = """
    SELECT entry.subject, entry.kind, entry.uid::text, entry.payload_json -> 'data'
    FROM ledger_entry AS entry JOIN ledger_leaf AS leaf ON leaf.entry_id = entry.id
    WHERE entry.subject = ANY(%(subjects)s) AND leaf.index < %(size)s ORDER BY leaf.index
"""

#: When the last stage that was open ended, by the entries of a campaign in the order of the log.
DUE = """
    SELECT DISTINCT ON (entry.subject) split_part(entry.subject, ':', 2),
           COALESCE(entry.payload_json -> 'data' ->> 'due_at', entry.payload_json -> 'data' ->> 'new')
    FROM ledger_entry AS entry JOIN ledger_leaf AS leaf ON leaf.entry_id = entry.id
    WHERE entry.subject = ANY(%(subjects)s) AND leaf.index < %(size)s
      AND entry.kind IN ('campaign:launched', 'stage:opened', 'campaign:extended', 'campaign:resumed', 'silence:escalated',
                         'second-look:asked')
    ORDER BY entry.subject, leaf.index DESC
"""


@dataclass
class Run:
    """One expected run: what its last entry says, and the moments that its last expectation says."""

    subject: str
    state: str = ""
    uid: str = ""
    data: dict = field(default_factory=dict)
    moments: dict = field(default_factory=dict)

    @property
    def definition(self) -> int:
        """The definition it is a run of."""
        return int(self.data["definition"])

    def take(self, kind: str, uid: str, data: dict) -> None:
        """The next entry about it."""
        self.state, self.uid, self.data = kind.partition(":")[2], uid, data
        if self.state == "expected":
            self.moments = data

    def serves(self, framework: str) -> bool:
        """Whether it was to serve a control of the framework."""
        return any(control.startswith(f"{framework}:") for control in self.data["controls"])


def expected(period: AuditPeriod, size: int) -> list[Run]:
    """The runs that are due in the period and serve its framework, by due date, as the first `size` entries of the log tell it."""
    due = Occurrence.objects.filter(due_on__gte=period.from_on, due_on__lte=period.to_on).order_by("due_on", "pk")
    runs = {one.ledger_subject(): Run(one.ledger_subject()) for one in due}
    for subject, kind, uid, data in _rows(ENTRIES, {"subjects": list(runs), "size": size}):
        runs[subject].take(kind, uid, json.loads(data))
    return [run for run in runs.values() if run.uid and run.serves(period.framework)]


def rows(runs: Iterable[Run], closed: dict[str, str], size: int) -> Iterator[list[str]]:
    """The rows of the table. `closed` is campaign → when it was closed, of the campaigns in the pack; "" while it is not."""
    subjects = [f"campaigns.campaign:{campaign}" for campaign in closed]
    due = dict(_rows(DUE, {"subjects": subjects, "size": size}))
    for run in runs:
        data, campaign = run.data, run.data.get("campaign", "")
        yield [
            data["occurrence"], data["definition"], data["name"], " ".join(data["controls"]), data["label"], data["due_on"],
            run.moments["opens_at"], run.moments["due_at"], run.state, data.get("reason") or " ".join(data.get("reasons", ())),
            campaign, _performed(run, campaign, closed, due), run.uid,
        ]  # fmt: skip


def _performed(run: Run, campaign: str, closed: dict[str, str], due: dict[str, str]) -> str:
    """In time means that nothing could be decided any more after the due date. Times of one form compare as texts."""
    if run.state != "launched":
        return ""
    if campaign not in closed:
        return "earlier_period"
    if not closed[campaign]:
        return ""
    return "in_time" if min(due[campaign], closed[campaign]) <= run.moments["due_at"] else "late"


def _rows(query: str, values: dict) -> list[tuple]:
    with connection.cursor() as cursor:
        cursor.execute(query, values)
        return cursor.fetchall()
