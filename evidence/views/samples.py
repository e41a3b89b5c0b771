"""Samples of a period: drawn, followed row by row, concluded and signed off."""

from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.http import FileResponse, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from certify.lib import clock
from certify.lib.access import requires
from certify.lib.errors import InvalidInput, NotAllowed
from evidence import permissions, populations, sampling, threads
from evidence.actions import disclosures, samples
from evidence.forms import SampleForm, SignOffForm
from evidence.models import AuditPeriod, Sample, SampleSignOff
from evidence.queries import rows_of
from evidence.states import Conclusion, PopulationKind
from evidence.views.opened import is_auditor, period_of, record, shell
from ledger.actions import sequencing
from ledger.actors import SYSTEM

SAMPLES_SHOWN, REQUESTS_SHOWN = 100, 50


def sample_of(request: HttpRequest, pk: int, sample: int) -> tuple[AuditPeriod, Sample]:
    """The period and its sample, as far as the user may read them."""
    period = period_of(request, pk)
    return period, get_object_or_404(Sample.objects.filter(period=period), pk=sample)


def _drawn(request: HttpRequest, period: AuditPeriod, form: SampleForm) -> Sample | None:
    if not form.is_valid():
        return None
    try:
        return samples.draw(period_id=period.pk, wanted=form.wanted(), by=request.user)
    except InvalidInput as refusal:
        form.add_error(refusal.field if refusal.field in form.fields else None, refusal.message)
        return None


@requires(permissions.can_open_audit)
@require_http_methods(["GET", "POST"])
def sample_list(request: HttpRequest, pk: int) -> HttpResponse:
    """The populations of a period with their completeness, the samples drawn so far, and drawing one more."""
    period = period_of(request, pk)
    can_draw = permissions.can_draw(request.user, period, clock.now().date())
    if request.method == "POST" and not can_draw:
        raise PermissionDenied("Only the auditors of a period and control owners may draw a sample.")
    closed, _others = populations.campaigns_of(period)
    every = [populations.of(period, kind) for kind in PopulationKind]
    kind = request.GET.get("population")
    kind = kind if kind in PopulationKind.values else PopulationKind.ITEMS
    size = next(max(1, sampling.advised(one.count)) for one in every if one.kind == kind)
    form = SampleForm(request.POST or None, campaigns=closed, initial={"population": kind, "size": size})
    if request.method == "POST" and (drawn := _drawn(request, period, form)):
        messages.success(request, _("Drawn. It stays as it is, and is in the ledger."))
        return redirect("evidence:sample-detail", pk=pk, sample=drawn.pk)
    record(request, period, "samples")
    found = list(period.samples.select_related("sign_off")[: SAMPLES_SHOWN + 1])
    context = {
        **shell(request, period),
        "form": form,
        "can_draw": can_draw,
        "populations": [(PopulationKind(one.kind), one, sampling.advised(one.count) if one.count else 0) for one in every],
        "guidance": sampling.GUIDANCE,
        "samples": found[:SAMPLES_SHOWN],
        "cap": SAMPLES_SHOWN if len(found) > SAMPLES_SHOWN else 0,
    }
    return render(request, "evidence/sample_list.html", context, status=422 if form.errors else 200)


@requires(permissions.can_open_audit)
@require_safe
def sample_detail(request: HttpRequest, pk: int, sample: int) -> HttpResponse:
    """How a sample was drawn, its rows with what was concluded, and its sign-off."""
    period, drawn = sample_of(request, pk, sample)
    record(request, period, f"sample:{drawn.pk}")
    return _detail(request, period, drawn, SignOffForm())


def _detail(request: HttpRequest, period: AuditPeriod, drawn: Sample, form: SignOffForm, status: int = 200) -> HttpResponse:
    rows = list(rows_of(drawn))
    counts = {name: sum(row.concluded == name for row in rows) for name in Conclusion.values}
    context = {
        **shell(request, period),
        "sample": drawn,
        "rows": rows,
        "counts": counts,
        "left": len(rows) - sum(counts.values()),
        "bound": sampling.bound(drawn.population_count, drawn.size),
        "signed": SampleSignOff.objects.filter(sample=drawn).first(),
        "is_auditor": is_auditor(request, period),
        "form": form,
        "requests": threads.of(period).filter(sample=drawn)[:REQUESTS_SHOWN],
        "requests_cap": REQUESTS_SHOWN,
    }
    return render(request, "evidence/sample_detail.html", context, status=status)


@requires(permissions.can_open_audit)
@require_POST
def sample_sign(request: HttpRequest, pk: int, sample: int) -> HttpResponse:
    """The auditor's signature under the conclusions."""
    period, drawn = sample_of(request, pk, sample)
    if not is_auditor(request, period):
        raise PermissionDenied("Only the auditors of the period may sign a sample off.")
    form = SignOffForm(request.POST)
    if form.is_valid():
        try:
            samples.sign_off(sample_id=drawn.pk, note=form.cleaned_data["note"], by=request.user)
        except (InvalidInput, NotAllowed) as refusal:
            form.add_error(None, refusal.message)
        else:
            messages.success(request, _("Signed off."))
            return redirect("evidence:sample-detail", pk=pk, sample=drawn.pk)
    record(request, period, f"sample:{drawn.pk}")
    return _detail(request, period, drawn, form, status=422)


@requires(permissions.can_open_audit)
@require_POST
def sample_pack(request: HttpRequest, pk: int, sample: int) -> HttpResponse:
    """A pack of the sampled rows alone; POST, because the download is recorded."""
    _period, drawn = sample_of(request, pk, sample)
    sequencing.sequence(by=SYSTEM)
    try:
        made = disclosures.disclose(sample_id=drawn.pk, by=request.user)
    except InvalidInput as refusal:
        messages.error(request, refusal.message)
        return redirect("evidence:sample-detail", pk=pk, sample=drawn.pk)
    return FileResponse(made.stream, as_attachment=True, filename=made.name, content_type="application/zip")
