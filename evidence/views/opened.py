"""What every page below a period begins with: may it be read, and by whom is it opened."""

from django.http import HttpRequest
from django.shortcuts import get_object_or_404

from certify.lib import clock
from evidence import permissions
from evidence.actions import periods
from evidence.models import AuditPeriod


def period_of(request: HttpRequest, pk: int) -> AuditPeriod:
    """The period, if the user may read it now; 404 for strangers and for auditors whose last day has passed."""
    return get_object_or_404(AuditPeriod.objects.visible_to(request.user, clock.now().date()), pk=pk)


def record(request: HttpRequest, period: AuditPeriod, page: str) -> None:
    """Enter in the ledger what an auditor opens; those who run audits are not watched."""
    if not permissions.sees_every_period(request.user):
        periods.record_opening(period_id=period.pk, page=page, by=request.user)


def is_auditor(request: HttpRequest, period: AuditPeriod) -> bool:
    """Whether the user is one of the period's auditors now."""
    return permissions.is_auditor_of(request.user, period, clock.now().date())


def shell(request: HttpRequest, period: AuditPeriod) -> dict:
    """What every page below a period shows: the period, and to auditors that they are watched."""
    return {"period": period, "is_watched": not permissions.sees_every_period(request.user)}
