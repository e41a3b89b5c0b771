"""The register of risk exceptions as CSV."""

import csv
from collections.abc import Iterable, Iterator

from certify.lib import csvsafe
from certify.lib.times import rfc3339
from remediation.exports.worklist import Echo
from remediation.models import RiskException

COLUMNS = (
    "exception", "removal", "system", "account_id", "person", "entitlement_id", "campaign", "state", "last_day", "reason",
    "compensating_control", "requested_by", "requested_at", "decided_by", "decided_at", "note", "ended_at", "why_ended",
)  # fmt: skip


def lines(exceptions: Iterable[RiskException]) -> Iterator[str]:
    """The register as CSV text, a row at a time; cells that a spreadsheet would run are made harmless."""
    writer = csv.writer(Echo(), lineterminator="\r\n")
    yield writer.writerow(COLUMNS)
    for one in exceptions:
        item = one.task.item
        row = (
            str(one.pk), str(one.task_id), item.source_name, item.account_key, item.identity_name or item.identity_key,
            item.entitlement_key, one.task.campaign.name, one.state, one.expires_on.isoformat(), one.reason, one.control,
            one.requested_by_name, rfc3339(one.requested_at), one.decided_by_name, rfc3339(one.decided_at), one.note,
            rfc3339(one.ended_at), one.end_reason,
        )  # fmt: skip
        yield writer.writerow([csvsafe.cell(cell) for cell in row])
