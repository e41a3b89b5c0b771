"""Frameworks, their controls, which reviews serve them, and who answers for them."""

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from certify.lib import clock
from certify.lib.access import requires
from certify.lib.errors import InvalidInput
from certify.lib.uploads import takes
from evidence import coverage, frameworks, permissions
from evidence.accountability import Accountability
from evidence.actions import duties
from evidence.actions import frameworks as loading
from evidence.catalogue import MAX_BYTES, Framework
from evidence.forms import DutyForm, FrameworkFileForm


def _framework(code: str) -> Framework:
    if found := frameworks.get(code):
        return found
    raise Http404(code)


@requires(permissions.sees_every_period)
@require_safe
def framework_list(request: HttpRequest) -> HttpResponse:
    served = coverage.serving(clock.now())
    known = frameworks.every()
    rows = [(one, sum(one.reference(control) in served for control in one.controls)) for one in known.values()]
    strange = {control: served[control] for control in sorted(served) if frameworks.control(control, known) is None}
    context = {
        "rows": rows,
        "strange": strange,
        "shipped": frameworks.SHIPPED,
        "can_manage": permissions.can_manage_audit(request.user),
    }
    return render(request, "evidence/framework_list.html", context)


@takes(MAX_BYTES * 4)
@requires(permissions.can_manage_audit)
@require_http_methods(["GET", "POST"])
def framework_load(request: HttpRequest) -> HttpResponse:
    form = FrameworkFileForm(request.POST or None, request.FILES or None)
    if request.method == "POST" and form.is_valid():
        try:
            found = loading.load(content=form.cleaned_data["file"].read(MAX_BYTES * 4 + 1), by=request.user)
        except InvalidInput as refusal:
            form.add_error("file", refusal.message)
        else:
            messages.success(request, _("Version {number} is in use.").format(number=found.version))
            return redirect("evidence:framework-detail", code=found.code)
    return render(request, "evidence/framework_load.html", {"form": form}, status=422 if form.errors else 200)


@requires(permissions.sees_every_period)
@require_safe
def framework_detail(request: HttpRequest, code: str) -> HttpResponse:
    """Every control with the definitions that serve it, and the references that definitions make to none."""
    framework = _framework(code)
    served = coverage.serving(clock.now(), f"{code}:")
    known = [(one, framework.reference(one.id)) for one in framework.controls.values()]
    rows = [(one, reference, served.pop(reference, [])) for one, reference in known]
    rest = sum(1 for _one, _reference, serving in rows if not serving)
    context = {
        "framework": framework,
        "rows": rows,
        "strange": dict(sorted(served.items())),
        "uncovered": ngettext("{n} control is served by no review.", "{n} controls are served by no review.", rest).format(
            n=rest
        )
        if rest
        else "",
    }
    return render(request, "evidence/framework_detail.html", context)


def _control_page(request: HttpRequest, framework: Framework, identifier: str, form: DutyForm) -> HttpResponse:
    control = framework.controls.get(identifier)
    if control is None:
        raise Http404(identifier)
    reference, now = framework.reference(identifier), clock.now()
    known, answering = frameworks.every(), Accountability([reference])
    mappings = [(one, frameworks.control(one.other, known)) for one in frameworks.MAPPINGS.get(reference, [])]
    context = {
        "framework": framework,
        "control": control,
        "reference": reference,
        "serving": coverage.serving(now, reference).get(reference, []),
        "runs": coverage.ran(reference, coverage.runs_of(reference), now, answering),
        "duties": answering.at(reference, now),
        "history": answering.history(reference),
        "mappings": mappings,
        "form": form,
        "can_manage": permissions.can_manage_audit(request.user),
        "now": now,
    }
    return render(request, "evidence/control_detail.html", context, status=422 if form.errors else 200)


@requires(permissions.sees_every_period)
@require_safe
def control_detail(request: HttpRequest, code: str, control: str) -> HttpResponse:
    return _control_page(request, _framework(code), control, DutyForm())


@requires(permissions.can_manage_audit)
@require_POST
def duty_give(request: HttpRequest, code: str, control: str) -> HttpResponse:
    framework, form = _framework(code), DutyForm(request.POST)
    if form.is_valid():
        try:
            duties.give(control=framework.reference(control), **form.cleaned_data, by=request.user)
        except InvalidInput as refusal:
            form.add_error(refusal.field, refusal.message)
        else:
            messages.success(request, _("Recorded."))
            return redirect("evidence:control-detail", code=code, control=control)
    return _control_page(request, framework, control, form)
