"""Verification that never ends: the log is recomputed slice by slice, round after round, and what does not fit is an entry."""

import logging

from django.db import transaction

from certify.lib import clock
from ledger import keychain, merkle, queries, verification
from ledger.actions import entries
from ledger.models import Verification

#: Leaves in one transaction: about two seconds.
SLICE = 20_000
MAX_PROBLEMS = 20
SUBJECT = "ledger.log"

logger = logging.getLogger(__name__)


@transaction.atomic
def verify_slice(*, by, leaves: int = SLICE) -> bool:
    """Verify the next leaves of this round; whether the round came to its end with them.

    What does not fit is recorded (`ledger:misfit-found`) and freezes sealing until a whole round finds nothing
    (`ledger:holds-again`). A second caller waits for the first.
    """
    now = clock.now()
    Verification.objects.get_or_create(pk=1, defaults={"begun_at": now, "checked_at": now})
    state = Verification.objects.select_for_update(of=("self",), no_key=True).get(pk=1)
    report, place = verification.verify_slice(verifier=keychain.verifier(), place=_place(state), leaves=leaves)
    state.problems = [*state.problems, *report.problems][:MAX_PROBLEMS]
    if state.problems and queries.standing_misfit() is None:
        _record("ledger:misfit-found", state, by)
        logger.error("the ledger does not hold: %s", state.problems[0])
    state.checked_at = clock.now()
    if place:
        state.position, state.roots = place.size, b"".join(place.roots)
        state.known_good, state.is_broken = place.known_good, place.is_broken
    else:
        _end_round(state, report.leaves, by)
    state.save(update_fields=[field.name for field in Verification._meta.fields if not field.primary_key])
    return place is None


def _place(state: Verification) -> verification.Place:
    """Where the round stands; a new one begins when nothing lies behind it."""
    if state.position == 0:
        state.begun_at, state.problems = clock.now(), []
    roots, size = bytes(state.roots), merkle.HASH_SIZE
    parts = tuple(roots[at : at + size] for at in range(0, len(roots), size))
    return verification.Place(state.position, parts, state.known_good, state.is_broken)


def _end_round(state: Verification, size: int, by) -> None:
    """The next slice begins a new round. One without a problem ends a freeze."""
    if not state.problems and queries.standing_misfit():
        _record("ledger:holds-again", state, by)
    state.position, state.roots, state.known_good, state.is_broken = 0, b"", 0, False
    state.ended_at, state.ended_size = state.checked_at, size


def _record(kind: str, state: Verification, by) -> None:
    entries.record(kind=kind, subject=SUBJECT, by=by, data={"problems": [problem[:500] for problem in state.problems]})
