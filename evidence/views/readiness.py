"""Where a period stands, for those who are audited and for their auditor."""

from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, render
from django.views.decorators.http import require_safe

from certify.lib import clock
from certify.lib.access import requires
from evidence import permissions
from evidence.actions import periods
from evidence.models import AuditPeriod
from evidence.readiness import WIDTH, Readiness


@requires(permissions.can_open_audit)
@require_safe
def period_readiness(request: HttpRequest, pk: int) -> HttpResponse:
    """Every control with its runs, populations, removals and findings; a number leads to its rows."""
    now = clock.now()
    period = get_object_or_404(AuditPeriod.objects.visible_to(request.user, now.date()), pk=pk)
    sees_all = permissions.sees_every_period(request.user)
    if not sees_all:
        periods.record_opening(period_id=pk, page="readiness", by=request.user)
    found = Readiness(period, now)
    lines = found.lines()
    context = {
        "period": period,
        "framework": found.framework,
        "served": [line for line in lines if line.runs or line.campaigns],
        "unserved": [line for line in lines if not line.runs and not line.campaigns],
        "width": WIDTH,
        "sees_all": sees_all,
    }
    return render(request, "evidence/period_readiness.html", context)
