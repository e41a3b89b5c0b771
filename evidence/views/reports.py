"""The report of a period for the question that its framework asks: did the controls operate, or is there a managed system."""

from urllib.parse import urlencode

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils.translation import get_language
from django.views.decorators.http import require_safe

from certify.lib import clock
from certify.lib.access import requires
from evidence import assurance_pdf, assurance_sections, permissions
from evidence.assurance import ISO27001, Assurance
from evidence.assurance_sections import NOWHERE, Links
from evidence.models import Statement
from evidence.readiness import Readiness
from evidence.views.opened import period_of, record, shell


def _statement(statement: Statement) -> str:
    return reverse("evidence:statement-detail", args=[statement.framework, statement.kind, statement.number])


def _links(framework: str, user) -> Links:
    """To where statements are made, for those who may go there."""
    if not permissions.sees_every_period(user):
        return NOWHERE

    def new(kind: str, begin: dict) -> str:
        page = reverse("evidence:statement-create", args=[framework, kind])
        return f"{page}?{urlencode(begin)}" if permissions.can_manage_audit(user) else ""

    return Links(_statement, new)


@requires(permissions.can_open_audit)
@require_safe
def period_report(request: HttpRequest, pk: int) -> HttpResponse:
    period = period_of(request, pk)
    record(request, period, "report")
    found = Assurance(Readiness(period, clock.now()))
    context = {
        **shell(request, period),
        "framework": found.framework,
        "is_managed": found.framework.assurance == ISO27001,
        "sections": assurance_sections.of(found, _links(found.framework.code, request.user)),
        "sees_all": permissions.sees_every_period(request.user),
    }
    return render(request, "evidence/period_report.html", context)


@requires(permissions.can_open_audit)
@require_safe
def period_report_pdf(request: HttpRequest, pk: int) -> HttpResponse:
    """The same as a file, in the language of the page."""
    period = period_of(request, pk)
    record(request, period, "report-pdf")
    now = clock.now()
    found = Assurance(Readiness(period, now))
    body = assurance_pdf.pdf(found, assurance_sections.of(found), now, get_language())
    name = f"certify-{found.framework.assurance}-{period.from_on}-{period.to_on}.pdf"
    return HttpResponse(body, content_type="application/pdf", headers={"Content-Disposition": f'attachment; filename="{name}"'})
