"""What hinders erasing a person: controls they answer for, what they have to correct, and audits that are open to them."""

from collections.abc import Iterator

from django.utils.translation import gettext as _

from certify.lib import clock
from evidence.models import AuditPeriod, ControlDuty, Statement
from evidence.states import StatementKind


def hindrances(person) -> Iterator[str]:
    """Duties at controls that nobody else has taken over, corrections that are not done, and periods they may still read."""
    latest = ControlDuty.objects.order_by("control", "duty", "-id").distinct("control", "duty")
    if count := ControlDuty.objects.filter(pk__in=latest.values("pk"), holder=person).count():
        yield _("Duties they have at controls: {count}.").format(count=count)
    theirs = Statement.objects.newest().filter(
        kind=StatementKind.NONCONFORMITY, withdrawn="", facts__owner=f"people.user:{person.pk}", facts__done_on=""
    )
    if count := theirs.count():
        yield _("Nonconformities they have to correct: {count}.").format(count=count)
    if count := AuditPeriod.objects.filter(auditors=person, open_until__gte=clock.now().date()).count():
        yield _("Audit periods that are open to them: {count}.").format(count=count)
