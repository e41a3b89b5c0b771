"""Loads from the browser: upload, mapping, check, load. The row is the truth; the worker takes it from there."""

from collections.abc import Callable
from dataclasses import asdict, dataclass

from django.db import transaction
from django.utils.translation import gettext as _

from certify.lib.errors import DomainError, InvalidInput, NotAllowed
from certify.lib.files import StoredFile, located
from inventory import permissions, rules
from inventory.actions import snapshots
from inventory.models import LoadFile, LoadJob, Snapshot
from inventory.readers.fields import guess
from inventory.readers.rows import FileToRead, check_mapping, header
from inventory.states import LoadState
from ledger.actions import entries

Progress = Callable[[int], None]


@dataclass(frozen=True)
class Upload:
    """One uploaded file: what it holds, what its user calls it, where it was stored."""

    kind: str
    name: str
    stored: StoredFile


def _require(by) -> None:
    if not permissions.can_load(by):
        raise NotAllowed(_("Only an administrator or a control owner may load data."))


def _locked(job_id: int) -> LoadJob:
    return LoadJob.objects.select_for_update(of=("self",), no_key=True).get(pk=job_id)


def _move(job: LoadJob, state: str, **values) -> None:
    rules.check_transition(job.state, state)
    job.state = state
    for name, value in values.items():
        setattr(job, name, value)
    job.save(update_fields=["state", "changed_at", *values])


@transaction.atomic
def create(*, source_id: int, uploads: list[Upload], origin: snapshots.Origin, by) -> LoadJob:
    """Keep the uploads with a guessed mapping. Refuses files without a readable header, naming the file."""
    _require(by)
    if not uploads:
        raise InvalidInput(_("Choose at least one file."))
    if len(origin.note.strip()) < 10:
        raise InvalidInput(_("Say in at least 10 characters how the files were extracted."), field="extraction_note")
    job = LoadJob.objects.create(
        source_id=source_id,
        requested_by=by,
        completeness=origin.completeness,
        extraction_note=origin.note,
        extracted_at=origin.extracted_at,
    )
    for upload in uploads:
        try:
            columns = header(located(upload.stored.stored_as))
        except InvalidInput as refusal:
            raise InvalidInput(f"{upload.name}: {refusal.message}", field=upload.kind) from None
        LoadFile.objects.create(
            job=job,
            kind=upload.kind,
            file_name=upload.name,
            stored_as=upload.stored.stored_as,
            sha256=upload.stored.sha256,
            size=upload.stored.size,
            columns=columns,
            mapping=guess(upload.kind, columns),
        )
    return job


@transaction.atomic
def request_check(*, job_id: int, mappings: dict[str, dict[str, str]], by) -> LoadJob:
    """Set the mapping of each file (kind → our field → column) and ask for the check. Refuses a mapping that cannot be read."""
    _require(by)
    job = _locked(job_id)
    for file in job.files.all():
        file.mapping = check_mapping(file.kind, file.columns, mappings.get(file.kind, file.mapping))
        file.save(update_fields=["mapping"])
    _move(job, LoadState.CHECK_QUEUED, report={}, error="", progress_rows=0)
    return job


@transaction.atomic
def request_load(*, job_id: int, accept_large_drop: bool = False, by) -> LoadJob:
    """Ask for the load of what was checked. Refuses a large drop that was not accepted."""
    _require(by)
    job = _locked(job_id)
    if job.report.get("is_large_drop") and not accept_large_drop:
        raise InvalidInput(
            _("This load would end most open grants. Tick that this is right, or cancel."), field="accept_large_drop"
        )
    _move(job, LoadState.QUEUED, accept_large_drop=accept_large_drop, progress_rows=0)
    return job


@transaction.atomic
def cancel(*, job_id: int, by) -> LoadJob:
    """Give the load up; nothing of it was loaded."""
    _require(by)
    job = _locked(job_id)
    _move(job, LoadState.CANCELLED)
    return job


@transaction.atomic
def run_check(*, job_id: int, progress: Progress, by) -> LoadJob:
    """Read everything, report it, load nothing. A job that does not wait for its check is left as it is."""
    job = _locked(job_id)
    if job.state != LoadState.CHECK_QUEUED:
        return job
    job.state = LoadState.CHECKING
    try:
        with transaction.atomic():
            report = snapshots.check(source_id=job.source_id, files=_files(job), origin=_origin(job), by=by, progress=progress)
    except DomainError as refusal:
        return _failed(job, refusal, by)
    ended, before = report.grants["ended"], report.open_before
    is_large = bool(before) and ended > snapshots.LARGE_DROP * before
    _move(job, LoadState.CHECKED, report=asdict(report) | {"is_large_drop": is_large})
    return job


@transaction.atomic
def run_load(*, job_id: int, progress: Progress, by) -> LoadJob:
    """Load what waits to be loaded, all or nothing. A job that does not wait is left as it is: a second worker changes nothing."""
    job = _locked(job_id)
    if job.state != LoadState.QUEUED:
        return job
    job.state = LoadState.LOADING
    try:
        with transaction.atomic():
            snapshot: Snapshot = snapshots.load(
                source_id=job.source_id,
                files=_files(job),
                origin=_origin(job),
                by=by,
                accept_large_drop=job.accept_large_drop,
                progress=progress,
            )
    except DomainError as refusal:
        return _failed(job, refusal, by)
    _move(job, LoadState.LOADED, snapshot=snapshot)
    return job


def _failed(job: LoadJob, refusal: DomainError, by) -> LoadJob:
    _move(job, LoadState.FAILED, error=refusal.message)
    entries.record(
        kind="load:failed",
        subject=f"inventory.source:{job.source_id}",
        by=by,
        data={"load": str(job.pk), "reason": refusal.message[:2000], "files": [file.file_name for file in job.files.all()]},
    )
    return job


def _files(job: LoadJob) -> list[FileToRead]:
    return [FileToRead(file.kind, located(file.stored_as), file.file_name, file.mapping) for file in job.files.all()]


def _origin(job: LoadJob) -> snapshots.Origin:
    return snapshots.Origin(job.extraction_note, job.completeness, job.extracted_at)
