"""What the health page says about the ledger."""

from datetime import timedelta

from certify.lib import clock
from ledger import publishing, queries
from ledger.anchoring import schedule

#: An entry that waits longer than this for its place in the log is a reason to look, as is a checkpoint that is not published.
MAX_PENDING = timedelta(minutes=5)
MAX_UNPUBLISHED = timedelta(minutes=15)
WELL = "ok"


def words() -> str:
    """What is wrong with the ledger, in a few words that a stranger may read; "ok" when nothing is."""
    now = clock.now()
    oldest = queries.oldest_pending_at()
    if oldest and now - oldest > MAX_PENDING:
        return "entries wait for the sequencer"
    try:
        behind = publishing.behind_since()
    except publishing.ContradictionError:
        return "what was published cannot be read"
    if behind and now - behind > MAX_UNPUBLISHED:
        return "checkpoints wait to be published"
    if any(standing.is_late for standing in schedule.standings()):
        return "anchors are missing"
    return WELL
