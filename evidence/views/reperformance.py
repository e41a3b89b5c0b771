"""The population of a campaign, computed again before the auditor's eyes."""

from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, render
from django.views.decorators.http import require_http_methods

from campaigns.models import Campaign
from certify.lib.access import requires
from evidence import permissions, queries, reperformance
from evidence.views.opened import period_of, record, shell


@requires(permissions.can_open_audit)
@require_http_methods(["GET", "POST"])
def campaign_reperform(request: HttpRequest, pk: int, campaign: int) -> HttpResponse:
    """What is computed, and from what; POST computes it, because it costs as much as the launch did."""
    period = period_of(request, pk)
    mine = {one.pk for one in queries.campaigns_of(period)[0]}
    found = get_object_or_404(Campaign.objects.filter(pk__in=mine), pk=campaign)
    record(request, period, f"reperformance:{campaign}")
    context = {
        **shell(request, period),
        "campaign": found,
        "balances": queries.balances_of([found]),
        "result": reperformance.of(found) if request.method == "POST" else None,
        "shown": reperformance.SHOWN,
    }
    return render(request, "evidence/reperformance.html", context)
