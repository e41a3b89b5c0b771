"""How long things are kept: each kind with what a rule would delete of it, and setting a rule."""

from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_safe

from certify.lib import clock
from certify.lib.access import requires
from certify.lib.errors import InvalidInput
from evidence.actions import retention
from evidence.forms import RuleForm
from evidence.retention import due, overview
from evidence.retention.kinds import KINDS, Kind
from people import holds
from people.models import RetentionRule, RetentionRun
from people.permissions import can_see_retention, can_set_retention
from people.states import RetentionKind

RUNS_SHOWN = RULES_SHOWN = LEAVERS_SHOWN = 50


@requires(can_see_retention)
@require_safe
def kind_list(request: HttpRequest) -> HttpResponse:
    """Everything that has a rule, and what none can delete."""
    context = {"lines": overview.lines(), "holds": holds.in_force().count()}
    return render(request, "evidence/retention.html", context)


@requires(can_see_retention)
@require_http_methods(["GET", "POST"])
def kind_detail(request: HttpRequest, code: str) -> HttpResponse:
    """A kind with its rules and runs. POST shows what a new rule would delete; the same with `confirmed` sets it."""
    kind = _kind(code)
    if request.method == "POST" and not can_set_retention(request.user):
        raise PermissionDenied("Only an administrator may set how long things are kept.")
    rule = due.current(kind)
    form = RuleForm(request.POST or None, initial={"days": rule.days if rule else None})
    preview = None
    if request.method == "POST" and form.is_valid():
        try:
            if request.POST.get("confirmed"):
                retention.set_rule(kind=kind, **form.cleaned_data, by=request.user)
                messages.success(request, _("The rule is set. The next run follows it."))
                return redirect("evidence:retention-kind", code=code)
            due.check_days(kind, form.cleaned_data["days"], clock.now())
            preview = overview.preview(kind, form.cleaned_data["days"], clock.now())
        except InvalidInput as refusal:
            form.add_error(refusal.field if refusal.field in form.fields else None, refusal.message)
    return _page(request, kind, form, preview)


def _kind(code: str) -> Kind:
    if code not in RetentionKind.values:
        raise Http404
    return KINDS[RetentionKind(code)]


def _page(request: HttpRequest, kind: Kind, form: RuleForm, preview: due.Summary | None) -> HttpResponse:
    rules = list(RetentionRule.objects.filter(kind=kind.code).order_by("-number")[: RULES_SHOWN + 1])
    runs = list(RetentionRun.objects.filter(rule__kind=kind.code).select_related("rule")[: RUNS_SHOWN + 1])
    leavers = overview.leavers_due(LEAVERS_SHOWN + 1) if kind.code == RetentionKind.LEAVERS else []
    context = {
        "line": overview.line(kind),
        "form": form,
        "preview": preview,
        "days": form.cleaned_data["days"] if preview else None,
        "rules": rules[:RULES_SHOWN],
        "rules_cut": len(rules) > RULES_SHOWN,
        "runs": runs[:RUNS_SHOWN],
        "cut": len(runs) > RUNS_SHOWN,
        "cap": RUNS_SHOWN,
        "leavers": leavers[:LEAVERS_SHOWN],
        "leavers_cut": len(leavers) > LEAVERS_SHOWN,
        "leavers_cap": LEAVERS_SHOWN,
        "can_set": can_set_retention(request.user),
    }
    return render(request, "evidence/retention_kind.html", context, status=422 if form.errors else 200)
