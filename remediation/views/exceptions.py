"""The register of risk exceptions, one of them, and asking for one."""

from django.conf import settings
from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse, StreamingHttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from certify.lib.access import requires
from certify.lib.errors import InvalidInput
from certify.lib.numbers import whole
from remediation import permissions, queries
from remediation.actions import exceptions
from remediation.exports import register
from remediation.forms import DecisionForm, ExceptionForm
from remediation.models import RemediationTask, RiskException
from remediation.states import ExceptionState

LINKS = (("", gettext_lazy("All")), *ExceptionState.choices)


def _state(request: HttpRequest) -> str:
    state = request.GET.get("state", "")
    return state if state in ExceptionState.values else ""


@requires(permissions.can_open_removals)
@require_GET
def exception_list(request: HttpRequest) -> HttpResponse:
    """The register."""
    state, counts = _state(request), queries.exception_counts(request.user)
    limit = settings.CERTIFY_PAGE_ROWS
    start = whole(request.GET.get("from", "")) or 0
    rows = list(queries.exceptions(request.user, state=state)[start : start + limit + 1])
    context = {
        "exceptions": rows[:limit],
        "state": state,
        "next_from": start + limit if len(rows) > limit else None,
        "links": [{"label": label, "value": value, "count": counts[value or "total"]} for value, label in LINKS],
    }
    return render(request, "remediation/exception_list.html", context)


@requires(permissions.can_open_removals)
@require_GET
def exception_export(request: HttpRequest) -> StreamingHttpResponse:
    """The register as CSV."""
    found = queries.exceptions(request.user, state=_state(request))
    return StreamingHttpResponse(
        register.lines(found.iterator(chunk_size=2000)),
        content_type="text/csv; charset=utf-8",
        headers={"Content-Disposition": 'attachment; filename="risk-exceptions.csv"'},
    )


def _visible(request: HttpRequest, pk: int) -> RiskException:
    return get_object_or_404(queries.exceptions(request.user), pk=pk)


def _detail(request: HttpRequest, exception: RiskException, form: DecisionForm, status: int = 200) -> HttpResponse:
    context = {
        "exception": exception,
        "task": exception.task,
        "form": form,
        "others": exception.task.exceptions.exclude(pk=exception.pk),
        "can_decide": permissions.can_decide_exception(request.user, exception),
        "can_end": permissions.can_end_exception(request.user, exception),
        "can_ask_again": permissions.can_request_exception(request.user, exception.task),
    }
    return render(request, "remediation/exception_detail.html", context, status=status)


@requires(permissions.can_open_removals)
@require_GET
def exception_detail(request: HttpRequest, pk: int) -> HttpResponse:
    """One exception with its history."""
    return _detail(request, _visible(request, pk), DecisionForm())


@requires(permissions.can_close_removals)
@require_POST
def exception_decide(request: HttpRequest, pk: int) -> HttpResponse:
    """Approve or decline a request, with the reason."""
    exception, form = _visible(request, pk), DecisionForm(request.POST)
    if not permissions.can_decide_exception(request.user, exception):
        raise PermissionDenied
    do = exceptions.approve if request.POST.get("choice") == "approve" else exceptions.decline
    try:
        if not form.is_valid():
            raise InvalidInput(_("Say why."), field="note")
        do(exception_id=exception.pk, note=form.cleaned_data["note"], by=request.user)
    except InvalidInput as refusal:
        form.add_error("note" if refusal.field == "note" else None, refusal.message)
        return _detail(request, exception, form, status=422)
    messages.success(request, _("Recorded."))
    return redirect("remediation:exception-detail", pk=exception.pk)


@requires(permissions.can_open_removals)
@require_POST
def exception_end(request: HttpRequest, pk: int) -> HttpResponse:
    """Take a request back, or end an exception before its last day."""
    exception = _visible(request, pk)
    if not permissions.can_end_exception(request.user, exception):
        raise PermissionDenied
    exceptions.end(exception_id=exception.pk, by=request.user)
    messages.success(request, _("Ended. What it was about is to be removed."))
    return redirect("remediation:exception-detail", pk=exception.pk)


@requires(permissions.can_open_removals)
@require_http_methods(["GET", "POST"])
def exception_request(request: HttpRequest, pk: int) -> HttpResponse:
    """Ask for an exception from a removal."""
    task = get_object_or_404(RemediationTask.objects.visible_to(request.user).select_related("item", "campaign"), pk=pk)
    if not permissions.can_act(request.user, task):
        raise PermissionDenied
    form = ExceptionForm(request.POST or None)
    if request.method == "POST" and form.is_valid():
        try:
            wanted = exceptions.Wanted(**form.cleaned_data)
            made = exceptions.request(task_id=task.pk, wanted=wanted, by=request.user)
        except InvalidInput as refusal:
            form.add_error(refusal.field if refusal.field in form.fields else None, refusal.message)
        else:
            messages.success(request, _("Asked for. Another person must approve it; until then the removal goes on."))
            return redirect("remediation:exception-detail", pk=made.pk)
    status = 422 if request.method == "POST" else 200
    return render(request, "remediation/exception_request.html", {"task": task, "item": task.item, "form": form}, status=status)
