"""The work list as CSV, to hand to whoever removes the access."""

import csv
from collections.abc import Iterable, Iterator

from certify.lib import csvsafe
from certify.lib.times import rfc3339
from remediation.models import RemediationTask

COLUMNS = (
    "removal", "system", "account_id", "account_name", "person", "entitlement_id", "entitlement_name", "path", "state", "due_at",
    "owner", "campaign",
)  # fmt: skip


class Echo:
    """A file-like object that hands back what `csv` writes to it."""

    def write(self, text: str) -> str:
        return text


def lines(tasks: Iterable[RemediationTask]) -> Iterator[str]:
    """The list as CSV text, a row at a time; cells that a spreadsheet would run are made harmless."""
    writer = csv.writer(Echo(), lineterminator="\r\n")
    yield writer.writerow(COLUMNS)
    for task in tasks:
        item = task.item
        row = (
            str(task.pk), item.source_name, item.account_key, item.account_name, item.identity_name or item.identity_key,
            item.entitlement_key, item.entitlement_name, item.path, task.state, rfc3339(task.due_at), task.owner.name,
            task.campaign.name,
        )  # fmt: skip
        yield writer.writerow([csvsafe.cell(cell) for cell in row])
