"""Pages of the removal trail."""

from datetime import datetime

from django.conf import settings
from django.contrib import messages
from django.http import FileResponse, HttpRequest, HttpResponse, StreamingHttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.http import urlencode
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from certify.lib import clock
from certify.lib.access import requires
from certify.lib.errors import InvalidInput, NotAllowed
from certify.lib.files import located, store
from certify.lib.times import rfc3339
from certify.lib.uploads import takes
from people import deletions
from people.permissions import can_manage_tokens
from remediation import permissions, queries
from remediation.actions import attempts
from remediation.exports import worklist
from remediation.forms import BEHIND, PROOF_LIMIT, STATES, ActForm, CloseForm, FilterForm
from remediation.models import Announcement, Channel, Objection, RemediationTask
from remediation.states import UNPROVED, ExceptionState


def _cursor(text: str) -> tuple[datetime, int] | None:
    """The (due_at, id) in a page link; a link that was tampered with shows the first page."""
    due_at, _, pk = text.partition("_")
    try:
        return datetime.fromisoformat(due_at), int(pk)
    except ValueError:
        return None


def _state_links(filters: dict, counts: dict[str, int]) -> list[dict]:
    return [
        {
            "label": label,
            "count": counts[value or "total"],
            "query": urlencode({**filters, "state": value}),
            "active": filters.get("state", "") == value,
        }
        for value, label in STATES
    ]


@requires(permissions.can_open_removals)
@require_GET
def task_list(request: HttpRequest) -> HttpResponse:
    """Removals by state, system, person and review, with what can be done to many of them."""
    now, form = clock.now(), FilterForm(request.GET, choices=queries.choices(request.user))
    filters = form.filters()
    tasks = queries.work_list(request.user, filters=filters, now=now)
    rows, more = queries.page_after(tasks, after=_cursor(request.GET.get("after", "")), limit=settings.CERTIFY_PAGE_ROWS)
    last = f"{rfc3339(rows[-1].due_at)}_{rows[-1].pk}" if more else ""
    counts = queries.counts(request.user, now=now, campaign=filters.get("campaign"))
    context = {
        "tasks": rows,
        "form": form,
        "filters": filters,
        "is_first_page": "after" not in request.GET,
        "hidden": {name: str(value) for name, value in filters.items()},
        "behind": dict(BEHIND).get(filters.get("state", "")),
        "query": urlencode(filters),
        "next_url": f"?{urlencode({**filters, 'after': last})}" if more else "",
        "has_channels": Channel.objects.filter(is_on=True).exists(),
        "can_see_channels": permissions.can_see_channels(request.user),
        "can_manage_tokens": can_manage_tokens(request.user),
        "mine": {task.pk for task in rows if permissions.can_claim_done(request.user, task)},
        "state_links": _state_links(filters, counts),
    }
    return render(request, "remediation/task_list.html", context)


@requires(permissions.can_open_removals)
@require_GET
def task_export(request: HttpRequest) -> StreamingHttpResponse:
    """What the list shows, as CSV; nothing is handed on by it."""
    filters = FilterForm(request.GET, choices=queries.choices(request.user)).filters()
    tasks = queries.work_list(request.user, filters=filters, now=clock.now())
    return StreamingHttpResponse(
        worklist.lines(tasks.iterator(chunk_size=2000)),
        content_type="text/csv; charset=utf-8",
        headers={"Content-Disposition": 'attachment; filename="removals.csv"'},
    )


def _visible(request: HttpRequest, pk: int) -> RemediationTask:
    tasks = queries.work_list(request.user, filters={}, now=clock.now())
    return get_object_or_404(tasks, pk=pk)


def _detail(request: HttpRequest, task: RemediationTask, form: ActForm, status: int = 200) -> HttpResponse:
    context = {
        "task": task,
        "item": task.item,
        "form": form,
        "close_form": CloseForm(),
        "trail": queries.trail(task),
        "deleted": deletions.notes(attempt.stored_as for attempt in task.attempts.all()),
        "removal_words": queries.removal_words(task),
        "tickets": queries.tickets_of(task),
        "can_claim": permissions.can_claim_done(request.user, task),
        "can_add_proof": permissions.can_add_proof(request.user, task),
        "can_close": permissions.can_close(request.user, task),
        "can_except": permissions.can_request_exception(request.user, task),
        "exception": task.exceptions.filter(state__in=(ExceptionState.REQUESTED, ExceptionState.APPROVED)).last(),
        "reach": queries.reach(task),
        "is_proved": queries.is_proved(task),
        "silence": queries.silence(task.source_id, now=clock.now()) if task.state in UNPROVED else None,
        "gone_in_vain": task.withdrawals.filter(is_gone=True).exists(),
        "announcement": Announcement.objects.filter(task=task).select_related("person").first(),
        "objection": Objection.objects.filter(task=task).first(),
        "can_see_objection": Objection.objects.visible_to(request.user).filter(task=task).exists(),
        "last_full_at": queries.last_full_snapshot_at(task.source_id),
    }
    return render(request, "remediation/task_detail.html", context, status=status)


@takes(PROOF_LIMIT)
@requires(permissions.can_open_removals)
@require_http_methods(["GET", "POST"])
def task_detail(request: HttpRequest, pk: int) -> HttpResponse:
    """A removal; reporting it done, and proving that once it is reported."""
    task = _visible(request, pk)
    form = ActForm(request.POST or None, request.FILES or None)
    if request.method == "GET":
        return _detail(request, task, form)
    if not form.is_valid():
        return _detail(request, task, form, status=422)
    do = attempts.add_proof if permissions.can_add_proof(request.user, task) else attempts.claim_one
    try:
        do(task_id=task.pk, act=act_of(form), by=request.user)
    except (InvalidInput, NotAllowed) as refusal:
        field = getattr(refusal, "field", None)
        form.add_error(field if field in form.fields else None, refusal.message)
        return _detail(request, task, form, status=422)
    messages.success(request, _("Recorded. It counts as removed once a later full reading no longer shows it."))
    return redirect("remediation:task-detail", pk=task.pk)


def act_of(form: ActForm) -> attempts.Act:
    """What a form says was done; its file is stored."""
    upload, proof = form.cleaned_data["proof"], None
    if upload:
        proof = attempts.Proof(upload.name[:255], store(upload.chunks(), directory="proofs", limit=PROOF_LIMIT))
    return attempts.Act(form.cleaned_data["note"], proof, form.cleaned_data["proof_link"])


@requires(permissions.can_close_removals)
@require_POST
def task_close(request: HttpRequest, pk: int) -> HttpResponse:
    """Close a reported removal on its proof."""
    task = _visible(request, pk)
    try:
        attempts.close(task_id=task.pk, act=attempts.Act(request.POST.get("note", "")), by=request.user)
        messages.success(request, _("Closed on its proof. It stays counted as never verified."))
    except (InvalidInput, NotAllowed) as refusal:
        messages.error(request, refusal.message)
    return redirect("remediation:task-detail", pk=task.pk)


@requires(permissions.can_open_removals)
@require_GET
def proof(request: HttpRequest, pk: int, attempt: int) -> HttpResponse:
    """The proof file as it was uploaded: always a download, never shown in the page."""
    found = get_object_or_404(_visible(request, pk).attempts.exclude(stored_as=""), pk=attempt)
    if said := deletions.note(found.stored_as):
        messages.warning(request, said)
        return redirect("remediation:task-detail", pk=pk)
    return FileResponse(
        located(found.stored_as).open("rb"),
        as_attachment=True,
        filename=found.proof_name,
        content_type="application/octet-stream",
    )
