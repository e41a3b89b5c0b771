"""What the health page says about the ledger."""

from datetime import datetime, timedelta

from certify.lib import clock
from ledger import keychain, publishing, queries
from ledger.anchoring import schedule
from ledger.models import Checkpoint, Verification

#: Reasons to look: an entry that waits this long for its place, a checkpoint that is not published, a log that nobody verifies.
MAX_PENDING = timedelta(minutes=5)
MAX_UNPUBLISHED = timedelta(minutes=15)
MAX_UNVERIFIED = timedelta(hours=1)
#: How long the health page says that the log began anew.
NOTICE = timedelta(days=90)
MAX_UNSIGNED = timedelta(minutes=5)
WELL = "ok"


def words() -> str:
    """What is wrong with the ledger, in a few words that a stranger may read; "ok" when nothing is."""
    now = clock.now()
    if queries.standing_misfit():
        return "the log does not hold"
    oldest = queries.oldest_pending_at()
    if oldest and now - oldest > MAX_PENDING:
        return "entries wait for the sequencer"
    unsigned = queries.oldest_unsigned_at()
    if unsigned and now - unsigned > MAX_UNSIGNED:
        return "entries wait for a signature"
    try:
        behind = publishing.behind_since()
    except publishing.ContradictionError:
        return "what was published cannot be read"
    if behind and now - behind > MAX_UNPUBLISHED:
        return "checkpoints wait to be published"
    _, missing = publishing.bucket_standing()
    if missing and now - missing > MAX_UNPUBLISHED:
        return "checkpoints wait to be published"
    if any(standing.is_late for standing in schedule.standings()):
        return "anchors are missing"
    if is_unverified(now):
        return "the log is not being verified"
    return WELL


def notice() -> str:
    """What a stranger should know for a while although nothing is wrong now; empty when there is nothing."""
    loss = keychain.last_loss()
    if loss is None or clock.now() - loss[0].at > NOTICE:
        return ""
    term, said = loss
    return (
        f"The ledger began anew on {term.at:%Y-%m-%d}: the key of {said.old.partition('+')[0]} was lost, and nothing that it signed"
        f" vouches for {term.verifier}"
    )


def is_unverified(now: datetime) -> bool:
    """Whether the continuous verification stands still although there is something to verify."""
    state = Verification.objects.first()
    if state:
        return now - state.checked_at > MAX_UNVERIFIED
    first = Checkpoint.objects.order_by("size").values_list("at", flat=True).first()
    return first is not None and now - first > MAX_UNVERIFIED
