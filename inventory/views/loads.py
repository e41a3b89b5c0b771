"""Loads from the browser: upload, mapping, check, load."""

from django.conf import settings
from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from certify.lib.access import requires
from certify.lib.errors import InvalidInput
from certify.lib.files import located, store
from certify.lib.nudge import nudge
from certify.lib.uploads import load_limit, takes
from inventory import permissions
from inventory.actions import loads, snapshots
from inventory.forms import MappingForm, UploadForm
from inventory.models import LoadJob, Source
from inventory.states import LoadState
from inventory.tasks import check_load, rows_read, run_load

WORKING = (LoadState.CHECK_QUEUED, LoadState.CHECKING, LoadState.QUEUED, LoadState.LOADING)


def _job(pk: int) -> LoadJob:
    return get_object_or_404(LoadJob.objects.select_related("source"), pk=pk)


@takes(load_limit, files=3)
@requires(permissions.can_load)
@require_http_methods(["GET", "POST"])
def upload(request: HttpRequest, pk: int) -> HttpResponse:
    """Step one: the files and where they come from."""
    source = get_object_or_404(Source.objects.visible_to(request.user), pk=pk)
    form = UploadForm(request.POST or None, request.FILES or None)
    if request.method == "POST" and form.is_valid():
        try:
            job = _keep(request, form, source)
        except InvalidInput as refusal:
            form.add_error(refusal.field if refusal.field in form.fields else None, refusal.message)
        else:
            return redirect("inventory:load-mapping", pk=job.pk)
    context = {
        "form": form,
        "source": source,
        "upload_limit": settings.CERTIFY_UPLOAD_LIMIT_MB,
        "row_limit": settings.CERTIFY_ROW_LIMIT,
    }
    return render(request, "inventory/load_upload.html", context, status=422 if form.errors else 200)


def _keep(request: HttpRequest, form: UploadForm, source: Source) -> LoadJob:
    """Store the files and make the load; when it is refused no file stays."""
    uploads, limit = [], settings.CERTIFY_UPLOAD_LIMIT_MB * 2**20
    try:
        for kind, file in form.uploads().items():
            uploads.append(loads.Upload(kind, file.name[:255], store(file.chunks(), directory="uploads", limit=limit)))
        data = form.cleaned_data
        origin = snapshots.Origin(data["extraction_note"], data["completeness"], data["extracted_at"])
        return loads.create(source_id=source.pk, uploads=uploads, origin=origin, by=request.user)
    except InvalidInput:
        for one in uploads:
            located(one.stored.stored_as).unlink(missing_ok=True)
        raise


@requires(permissions.can_load)
@require_http_methods(["GET", "POST"])
def mapping(request: HttpRequest, pk: int) -> HttpResponse:
    """Step two: which column is which; guessed, to be corrected."""
    job = _job(pk)
    files = list(job.files.all())
    forms = [MappingForm(request.POST or None, file=file) for file in files]
    invalid = [form for form in forms if not form.is_valid()]
    error = ""
    if request.method == "POST" and not invalid:
        try:
            mappings = {file.kind: form.mapping() for file, form in zip(files, forms, strict=True)}
            loads.request_check(job_id=pk, mappings=mappings, by=request.user)
        except InvalidInput as refusal:
            error = refusal.message
        else:
            nudge(check_load, pk)
            return redirect("inventory:load-detail", pk=pk)
    context = {"job": job, "pairs": list(zip(files, forms, strict=True)), "error": error}
    return render(request, "inventory/load_mapping.html", context, status=422 if request.method == "POST" else 200)


@requires(permissions.can_load)
@require_safe
def load_detail(request: HttpRequest, pk: int) -> HttpResponse:
    """Steps three and four: the check and its report, the load and its end."""
    job = _job(pk)
    context = {
        "job": job,
        "rows": rows_read(pk).shown() or 0,
        "is_working": job.state in WORKING,
        "cap": snapshots.FIRST_REFUSED,
    }
    if request.htmx:
        if job.state in WORKING:
            return render(request, "inventory/_load_progress.html", context)
        return HttpResponse(headers={"HX-Refresh": "true"})
    return render(request, "inventory/load_detail.html", context)


@requires(permissions.can_load)
@require_POST
def load_start(request: HttpRequest, pk: int) -> HttpResponse:
    job = _job(pk)
    try:
        loads.request_load(job_id=job.pk, accept_large_drop=bool(request.POST.get("accept_large_drop")), by=request.user)
    except InvalidInput as refusal:
        messages.error(request, refusal.message)
    else:
        nudge(run_load, pk)
    return redirect("inventory:load-detail", pk=pk)


@requires(permissions.can_load)
@require_POST
def load_cancel(request: HttpRequest, pk: int) -> HttpResponse:
    job = _job(pk)
    try:
        loads.cancel(job_id=job.pk, by=request.user)
    except InvalidInput as refusal:
        messages.error(request, refusal.message)
    return redirect("inventory:source-detail", pk=job.source_id)
