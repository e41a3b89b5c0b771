"""More rows for `tests/test_permission_matrix.py`: a second factor, inviting auditors, retention and holds."""

from dataclasses import dataclass

from people.models import LegalHold
from tests.world import ADMIN, AUDITOR, OTHER_AUDITOR, OWNER, SIGNED_IN, STRANGER


@dataclass(frozen=True)
class Row:
    """Who may GET and who may POST; None: nobody can, the method does not exist. `args` makes the address from the world."""

    get: frozenset | set | None
    post: frozenset | set | None = None
    args: object = lambda world: []


def auditor(world):
    return [world.pack.period_id, world.people[AUDITOR].pk]


def hold(world):
    return [LegalHold.objects.get().pk]


RUNNERS = {ADMIN, OWNER}

MORE = {
    # Where nobody needs a second factor the first goes on, and the others show the page again.
    "people:sign-in-code": Row(SIGNED_IN, SIGNED_IN),
    "people:factor-set-up": Row(SIGNED_IN, SIGNED_IN),
    "people:my-factor": Row(SIGNED_IN),
    "people:factor-renew": Row(None, SIGNED_IN),
    "people:factor-end": Row(None, SIGNED_IN),
    "people:factor-reset": Row(None, {ADMIN}, lambda world: [world.people[STRANGER].pk]),
    "evidence:retention": Row({*RUNNERS, AUDITOR, OTHER_AUDITOR}),
    "evidence:retention-kind": Row({*RUNNERS, AUDITOR, OTHER_AUDITOR}, {ADMIN}, lambda world: ["mails"]),
    "evidence:hold-list": Row({*RUNNERS, AUDITOR, OTHER_AUDITOR}, RUNNERS),
    "evidence:hold-detail": Row({*RUNNERS, AUDITOR, OTHER_AUDITOR}, None, hold),
    "evidence:hold-release": Row(None, {ADMIN}, hold),
    "evidence:auditor-list": Row(RUNNERS, {OWNER}, lambda world: [world.pack.period_id]),
    "evidence:invitation-again": Row(None, {OWNER}, auditor),
    "evidence:invitation-withdraw": Row(None, {OWNER}, auditor),
}
