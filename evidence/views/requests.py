"""What auditors ask about a period, and what is answered."""

from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.http import FileResponse, Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_safe

from certify.lib.access import requires
from certify.lib.errors import InvalidInput, NotAllowed
from certify.lib.files import located, store
from certify.lib.numbers import whole
from certify.lib.uploads import takes
from evidence import permissions, threads
from evidence.actions import requests
from evidence.forms import AskForm, PostForm
from evidence.models import AuditPeriod, AuditRequest, RequestPost, Sample, SampleRow
from evidence.states import STANDS_AT, PostKind, RequestState
from evidence.views.opened import is_auditor, period_of, record, shell
from people import deletions

SHOWN, FILE_LIMIT = 200, 20 * 2**20


def _said(form: PostForm) -> requests.Said:
    upload, file = form.cleaned_data["file"], None
    if upload:
        file = requests.File(upload.name[:255], store(upload.chunks(), directory="audit", limit=FILE_LIMIT))
    return requests.Said(form.cleaned_data["text"], file)


def _about(request: HttpRequest, period: AuditPeriod) -> tuple[Sample | None, SampleRow | None]:
    """The sample, and its row, that a new request is about, as their pages link here: ?sample=ID, ?row=ID."""
    ids = {name: whole(request.GET.get(name, "")) for name in ("sample", "row")}
    row = SampleRow.objects.select_related("sample").filter(sample__period=period, pk=ids["row"]).first()
    return (row.sample if row else Sample.objects.filter(period=period, pk=ids["sample"]).first()), row


@takes(FILE_LIMIT)
@requires(permissions.can_open_audit)
@require_http_methods(["GET", "POST"])
def request_list(request: HttpRequest, pk: int) -> HttpResponse:
    """Every request of a period, and asking one more."""
    period = period_of(request, pk)
    may_ask = is_auditor(request, period)
    if request.method == "POST" and not may_ask:
        raise PermissionDenied("Only the auditors of the period may ask.")
    form, (sample, row) = AskForm(request.POST or None, request.FILES or None), _about(request, period)
    if request.method == "POST" and form.is_valid():
        try:
            title = form.cleaned_data["title"]
            asked = requests.ask(period_id=pk, title=title, said=_said(form), row=row, sample=sample, by=request.user)
            return redirect("evidence:request-detail", pk=pk, thread=asked.pk)
        except InvalidInput as refusal:
            form.add_error(refusal.field if refusal.field in form.fields else None, refusal.message)
    record(request, period, "requests")
    found = list(threads.of(period)[: SHOWN + 1])
    context = {
        **shell(request, period),
        "form": form,
        "row": row,
        "sample": sample,
        "may_ask": may_ask,
        "requests": [(one, STANDS_AT[PostKind(one.last)]) for one in found[:SHOWN]],
        "cap": SHOWN if len(found) > SHOWN else 0,
    }
    return render(request, "evidence/request_list.html", context, status=422 if form.errors else 200)


def _kinds(request: HttpRequest, period: AuditPeriod, state: RequestState) -> list[PostKind]:
    """What the user may do in a thread now."""
    if state == RequestState.CLOSED:
        return []
    asking = [PostKind.ASK, PostKind.CLOSE] if is_auditor(request, period) else []
    return [*asking, *([PostKind.ANSWER] if permissions.can_answer(request.user) else [])]


def _posted(request: HttpRequest, found: AuditRequest, kinds: list[PostKind], form: PostForm) -> bool:
    """Whether what was said is recorded; a refusal lands in the form, and 403 where the user may not say it."""
    kind = request.POST.get("kind")
    if not kinds or (kind in PostKind.values and kind not in kinds):
        raise PermissionDenied("Auditors of the period ask and close, control owners answer, until the request is closed.")
    if kind not in PostKind.values or not form.is_valid():
        return False
    try:
        requests.post(request_id=found.pk, kind=kind, said=_said(form), by=request.user)
    except (InvalidInput, NotAllowed) as refusal:
        field = getattr(refusal, "field", None)
        form.add_error(field if field in form.fields else None, refusal.message)
        return False
    messages.success(request, _("Recorded."))
    return True


@takes(FILE_LIMIT)
@requires(permissions.can_open_audit)
@require_http_methods(["GET", "POST"])
def request_detail(request: HttpRequest, pk: int, thread: int) -> HttpResponse:
    """The thread of one request; POST says something in it."""
    period = period_of(request, pk)
    found = get_object_or_404(threads.of(period), pk=thread)
    state = STANDS_AT[PostKind(found.last)]
    kinds, form = _kinds(request, period, state), PostForm(request.POST or None, request.FILES or None)
    if request.method == "POST" and _posted(request, found, kinds, form):
        return redirect("evidence:request-detail", pk=pk, thread=thread)
    record(request, period, f"request:{thread}")
    posts = list(found.posts.all())
    context = {
        **shell(request, period), "thread": found, "state": state, "posts": posts, "kinds": kinds, "form": form,
        "deleted": deletions.notes(post.stored_as for post in posts),
    }  # fmt: skip
    return render(request, "evidence/request_detail.html", context, status=422 if form.errors else 200)


@requires(permissions.can_open_audit)
@require_safe
def request_file(request: HttpRequest, pk: int, thread: int, post: int) -> HttpResponse:
    """An attached file as it was uploaded: always a download, never shown in the page."""
    period = period_of(request, pk)
    found = get_object_or_404(RequestPost.objects.exclude(stored_as=""), request__period=period, request=thread, pk=post)
    if said := deletions.note(found.stored_as):
        messages.warning(request, said)
        return redirect("evidence:request-detail", pk=pk, thread=thread)
    if not located(found.stored_as).exists():
        raise Http404
    record(request, period, f"request:{thread}")
    return FileResponse(
        located(found.stored_as).open("rb"),
        as_attachment=True,
        filename=found.file_name,
        content_type="application/octet-stream",
    )
