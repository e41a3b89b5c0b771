"""Many removals at once: report them done, or hand them on as a list; and what is late, by person and by system."""

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET, require_POST

from certify.lib import clock
from certify.lib.access import requires
from certify.lib.errors import InvalidInput
from certify.lib.files import store
from certify.lib.numbers import whole
from certify.lib.uploads import takes
from remediation import permissions, queries
from remediation.actions import attempts
from remediation.exports import worklist
from remediation.forms import PROOF_LIMIT, ActForm, FilterForm, HandOnForm
from remediation.models import RemediationTask
from remediation.views.tasks import act_of

#: So many of the chosen are named on the page; the others are counted.
NAMED = 20


def chosen(request: HttpRequest) -> list[RemediationTask]:
    """The removals that were ticked, or all that the filter finds, of those the user may see and act on."""
    if request.POST.get("everything"):
        form = FilterForm(request.POST, choices=queries.choices(request.user))
        tasks = queries.work_list(request.user, filters=form.filters(), now=clock.now())
        found = list(tasks[: attempts.MOST + 1])
    else:
        ids = list(filter(None, map(whole, request.POST.getlist("task"))))[: attempts.MOST + 1]
        found = list(queries.work_list(request.user, filters={}, now=clock.now()).filter(pk__in=ids))
    if len(found) > attempts.MOST:
        raise InvalidInput(_("These are more than {most}. Filter the list first.").format(most=f"{attempts.MOST:,}"))
    return [task for task in found if permissions.can_claim_done(request.user, task)]


def _page(request: HttpRequest, template: str, form, tasks: list[RemediationTask]) -> HttpResponse:
    context = {"form": form, "tasks": tasks[:NAMED], "ids": [task.pk for task in tasks], "count": len(tasks)}
    return render(request, template, context, status=422 if form.errors else 200)


def _begin(request: HttpRequest, form_class):
    """The chosen removals and the form; None instead of them when there is nothing to do, which is said."""
    try:
        tasks = chosen(request)
    except InvalidInput as refusal:
        messages.error(request, refusal.message)
        return None, None
    if not tasks:
        messages.error(request, _("Choose removals that are yours to do and not reported yet."))
        return None, None
    confirmed = "confirm" in request.POST
    return tasks, form_class(request.POST if confirmed else None, request.FILES if confirmed else None)


@takes(PROOF_LIMIT)
@requires(permissions.can_open_removals)
@require_POST
def bulk_claim(request: HttpRequest) -> HttpResponse:
    """Report many done: first what it is about, then the same words and proof for all."""
    tasks, form = _begin(request, ActForm)
    if not tasks:
        return redirect("remediation:task-list")
    if form.is_bound and form.is_valid():
        try:
            done = attempts.claim(task_ids=[task.pk for task in tasks], act=act_of(form), by=request.user)
        except InvalidInput as refusal:
            form.add_error(refusal.field if refusal.field in form.fields else None, refusal.message)
        else:
            messages.success(
                request, _("{n} reported done. They count once a later full reading no longer shows them.").format(n=done.count)
            )
            for reason, count in done.left_out.items():
                messages.warning(request, _("{n} left out: {reason}").format(n=count, reason=reason))
            return redirect("remediation:task-list")
    return _page(request, "remediation/bulk_claim.html", form, tasks)


@requires(permissions.can_open_removals)
@require_POST
def bulk_hand_on(request: HttpRequest) -> HttpResponse:
    """Hand many on: the list is stored with its hash, each removal says that it was given away, and the file comes back."""
    tasks, form = _begin(request, HandOnForm)
    if not tasks:
        return redirect("remediation:task-list")
    if not (form.is_bound and form.is_valid()):
        return _page(request, "remediation/bulk_hand_on.html", form, tasks)
    body = "".join(worklist.lines(tasks)).encode()
    name = f"removals-{clock.now():%Y%m%d-%H%M%S}.csv"
    proof = attempts.Proof(name, store([body], directory="proofs", limit=PROOF_LIMIT))
    try:
        attempts.hand_on(
            task_ids=[task.pk for task in tasks], act=attempts.Act(form.cleaned_data["note"], proof), by=request.user
        )
    except InvalidInput as refusal:
        form.add_error("note" if refusal.field == "note" else None, refusal.message)
        return _page(request, "remediation/bulk_hand_on.html", form, tasks)
    headers = {"Content-Disposition": f'attachment; filename="{name}"'}
    return HttpResponse(body, content_type="text/csv; charset=utf-8", headers=headers)


@requires(permissions.can_open_removals)
@require_GET
def overdue(request: HttpRequest) -> HttpResponse:
    """What is late, by whoever must do it and by system."""
    now, address = clock.now(), reverse("remediation:task-list")
    tables = [
        {
            "title": title,
            "rows": [
                {
                    **row,
                    "days": (now - row["worst_due"]).days,
                    "url": f"{address}?{by}={row['pk']}&state=overdue",
                    "silence": queries.silence(row["pk"], now=now) if by == "source" else None,
                }
                for row in queries.overdue(request.user, now=now, by=by)
            ],
        }
        for by, title in (("owner", _("By who must do it")), ("source", _("By system")))
    ]
    return render(request, "remediation/overdue.html", {"tables": tables})
