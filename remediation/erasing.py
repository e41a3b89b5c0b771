"""What hinders erasing a person: removals that are theirs to do, or to answer for."""

from collections.abc import Iterator

from django.db.models import Q
from django.utils.translation import gettext as _

from campaigns.holds import items_about
from inventory.models import Account, Identity
from remediation.models import RemediationTask, RiskException
from remediation.models_objections import Objection
from remediation.states import ExceptionState, ObjectionState, TaskState

#: Nothing more is done about removals in these states.
DONE = (TaskState.VERIFIED_GONE, TaskState.CLOSED, TaskState.KEPT)


def hindrances(person) -> Iterator[str]:
    """Removals they have to do, exceptions that are asked for or in force, objections they made or have to answer."""
    if count := RemediationTask.objects.filter(owner=person).exclude(state__in=DONE).count():
        yield _("Removals that are theirs and not done: {count}.").format(count=count)
    alive = (ExceptionState.REQUESTED, ExceptionState.APPROVED)
    if count := RiskException.objects.filter(requested_by=person, state__in=alive).count():
        yield _("Exceptions that they asked for, waiting or in force: {count}.").format(count=count)
    mine = Objection.objects.filter(Q(person=person) | Q(reviewer=person), state=ObjectionState.OPEN)
    if count := mine.count():
        yield _("Open objections that they made or have to answer: {count}.").format(count=count)


def hindrances_of_reviewed(subject: Identity | Account) -> Iterator[str]:
    """Removals of their access that are not over."""
    if count := RemediationTask.objects.filter(item__in=items_about(subject)).exclude(state__in=DONE).count():
        yield _("Removals of their access that are not done: {count}.").format(count=count)
