"""Conflicts of duties, and exceptions from the rules."""

from django.conf import settings
from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from campaigns import permissions, sod_reading
from campaigns.actions import sod_exceptions
from campaigns.models import SodConflict, SodEvaluation, SodException, SodRule
from campaigns.sod_forms import SodAskForm, SodFilterForm
from campaigns.states import ExceptionStep
from certify.lib import clock
from certify.lib.access import requires
from certify.lib.errors import DomainError, InvalidInput
from certify.lib.numbers import whole

#: So many conflicts are counted; more are said to be more.
COUNTED = 10_000
STATES = {
    "": gettext_lazy("all"),
    "waiting": gettext_lazy("to be judged"),
    "holding": gettext_lazy("that hold"),
    "ended": gettext_lazy("that are over"),
}


def _after(request: HttpRequest) -> int:
    return whole(request.GET.get("after", "")) or 0


@requires(permissions.can_keep_duties_apart)
@require_safe
def conflict_list(request: HttpRequest) -> HttpResponse:
    """Who holds both sides of a rule, by pages of keys."""
    form, today, size = SodFilterForm(request.GET), clock.now().date(), settings.CERTIFY_PAGE_ROWS
    found = sod_reading.conflicts(today, **form.chosen())
    rows = list(found.filter(pk__gt=_after(request))[: size + 1])
    kept = request.GET.copy()
    kept.pop("after", None)
    count = found[: COUNTED + 1].count()
    context = {
        "form": form,
        "lines": sod_reading.lines(rows[:size], today),
        "following": rows[size - 1].pk if len(rows) > size else None,
        "kept": kept.urlencode(),
        "count": min(count, COUNTED),
        "is_capped": count > COUNTED,
        "evaluation": SodEvaluation.objects.order_by("-pk").first(),
        "has_rules": SodRule.objects.exists(),
        "waiting": SodException.objects.waiting(today).count(),
    }
    return render(request, "campaigns/sod_conflict_list.html", context)


@requires(permissions.can_keep_duties_apart)
@require_http_methods(["GET", "POST"])
def conflict_detail(request: HttpRequest, pk: int) -> HttpResponse:
    """One conflict with both sides and everything that was ever asked for; POST asks for an exception."""
    conflict = get_object_or_404(SodConflict.objects.select_related("rule__owner", "identity", "account__source"), pk=pk)
    form, today = SodAskForm(request.POST or None, initial={"control": conflict.rule.control}), clock.now().date()
    if request.method == "POST" and form.is_valid():
        try:
            sod_exceptions.ask(conflict_id=pk, wanted=form.wanted(), by=request.user)
        except InvalidInput as refusal:
            form.add_error(refusal.field if refusal.field in form.fields else None, refusal.message)
        else:
            messages.success(request, _("Asked for. It counts once somebody else has approved it."))
            return redirect("campaigns:sod-conflict-detail", pk=pk)
    history = list(sod_reading.history(conflict))
    stands = conflict.ended_at is None and conflict.rule.is_active
    context = {
        "line": sod_reading.lines([conflict], today, shown=200)[0],
        "conflict": conflict,
        "form": form,
        "can_ask": stands and conflict.identity_id is not None,
        "history": told(history, request.user, today),
    }
    return render(request, "campaigns/sod_conflict_detail.html", context, status=422 if form.errors else 200)


def told(found: list[SodException], user, today) -> list[dict]:
    """Exceptions with their state, what is held beyond them, and with what this user may do about each."""
    beyond = sod_reading.beyond([one.pk for one in found])
    return [
        {
            "exception": one,
            "state": (state := sod_reading.state_of(one, today)),
            "beyond": beyond.get(one.pk) if state in ("holds", "waits") else None,
            "can_approve": state == "waits" and one.pk not in beyond and permissions.can_approve_exception(user, one),
            "can_decline": state == "waits",
            "can_end": state == "holds",
        }
        for one in found
    ]


@requires(permissions.can_keep_duties_apart)
@require_safe
def exception_list(request: HttpRequest) -> HttpResponse:
    """Every exception by what has become of it, the newest first, capped and saying so."""
    state, today, size = request.GET.get("state", ""), clock.now().date(), settings.CERTIFY_PAGE_ROWS
    state = state if state in STATES else ""
    found = sod_reading.exceptions(today, state)
    context = {
        "rows": told(list(found[:size]), request.user, today),
        "count": found.count(),
        "cap": size,
        "state": state,
        "states": STATES.items(),
    }
    return render(request, "campaigns/sod_exception_list.html", context)


@requires(permissions.can_keep_duties_apart)
@require_POST
def exception_judge(request: HttpRequest, pk: int) -> HttpResponse:
    """Approve or decline."""
    exception = get_object_or_404(SodException, pk=pk)
    code = ExceptionStep.APPROVED if request.POST.get("code") == "approved" else ExceptionStep.DECLINED
    return _acted(
        request,
        exception,
        f"{code.label}.",
        lambda: sod_exceptions.judge(exception_id=pk, code=code, reason=request.POST.get("reason", ""), by=request.user),
    )


@requires(permissions.can_keep_duties_apart)
@require_POST
def exception_end(request: HttpRequest, pk: int) -> HttpResponse:
    """End an exception before its day."""
    exception = get_object_or_404(SodException, pk=pk)
    return _acted(
        request,
        exception,
        _("Ended. The conflict counts again."),
        lambda: sod_exceptions.end(exception_id=pk, reason=request.POST.get("reason", ""), by=request.user),
    )


def _acted(request: HttpRequest, exception: SodException, said: str, act) -> HttpResponse:
    """Do it, say what came of it, and go back to the conflict."""
    try:
        act()
    except DomainError as refusal:
        messages.error(request, refusal.message)
    else:
        messages.success(request, said)
    conflict = SodConflict.objects.filter(rule=exception.rule_id, identity=exception.identity_id).order_by("-pk").first()
    return redirect("campaigns:sod-conflict-detail", pk=conflict.pk) if conflict else redirect("campaigns:sod-exception-list")
