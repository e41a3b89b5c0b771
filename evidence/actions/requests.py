"""What an auditor asks about a period, and what is answered: a thread that only grows. Each post is in the ledger."""

from dataclasses import dataclass

from django.db import transaction
from django.utils.translation import gettext as _

from certify.lib import clock
from certify.lib.errors import InvalidInput, NotAllowed
from certify.lib.files import StoredFile
from certify.lib.times import rfc3339
from evidence import permissions, threads
from evidence.models import AuditPeriod, AuditRequest, RequestPost, Sample, SampleRow
from evidence.states import PostKind, RequestState
from ledger.actions import entries
from people.actions import mails
from people.hours import mail_at
from people.models import Mail, User

MIN_TEXT, MAX_TEXT = 3, 10_000


@dataclass(frozen=True)
class File:
    """An attached file as it was uploaded: its name and where it was stored."""

    name: str
    file: StoredFile


@dataclass(frozen=True)
class Said:
    """What somebody says, and what they attach."""

    text: str
    file: File | None = None


def _text(said: Said, *, is_needed: bool = True) -> str:
    text = said.text.strip()
    if is_needed and len(text) < MIN_TEXT:
        raise InvalidInput(_("Write something."), field="text")
    if len(text) > MAX_TEXT:
        raise InvalidInput(_("At most {n} characters; attach longer texts as a file.").format(n=f"{MAX_TEXT:,}"), field="text")
    return text


@transaction.atomic
def ask(
    *, period_id: int, title: str, said: Said, row: SampleRow | None = None, sample: Sample | None = None, by
) -> AuditRequest:
    """Open a request about a period, a sample of it, or one of its rows. Refuses everybody but the period's auditors."""
    period = AuditPeriod.objects.select_for_update(of=("self",), no_key=True).get(pk=period_id)
    if not permissions.is_auditor_of(by, period, clock.now().date()):
        raise NotAllowed(_("Only the auditors of the period may ask, until its last day."))
    if not 3 <= len(title.strip()) <= 200:
        raise InvalidInput(_("Give it a title of 3 to 200 characters."), field="title")
    sample = row.sample if row else sample
    if sample and sample.period_id != period.pk:
        raise InvalidInput(_("This sample is not of this period."), field="sample")
    _text(said)
    request = AuditRequest.objects.create(period=period, sample=sample, row=row, title=title.strip(), at=clock.now())
    _post(request, PostKind.ASK, said, by)
    return request


@transaction.atomic
def post(*, request_id: int, kind: str, said: Said, by) -> RequestPost:
    """Ask further, answer, or close.

    Auditors of the period ask and close, control owners answer. Refuses others, a closed request, and an answer without words.
    """
    request = AuditRequest.objects.get(pk=request_id)
    # The lock is on the period: the application may change no row of a thread, so it cannot lock one either.
    request.period = AuditPeriod.objects.select_for_update(of=("self",), no_key=True).get(pk=request.period_id)
    is_auditor = permissions.is_auditor_of(by, request.period, clock.now().date())
    if not (permissions.can_answer(by) if kind == PostKind.ANSWER else is_auditor):
        raise NotAllowed(_("Auditors of the period ask and close, control owners answer."))
    if threads.state_of(request) == RequestState.CLOSED:
        raise InvalidInput(_("This request is closed."))
    return _post(request, PostKind(kind), said, by)


def _post(request: AuditRequest, kind: PostKind, said: Said, by) -> RequestPost:
    text, now, file = _text(said, is_needed=kind != PostKind.CLOSE), clock.now(), said.file
    facts = {
        "period": str(request.period_id),
        "request": str(request.pk),
        "title": request.title,
        "sample": str(request.sample_id or ""),
        "row": str(request.row.number) if request.row else "",
        "text": text,
        "file": file.name if file else "",
        "file_sha256": file.file.sha256 if file else "",
        "at": rfc3339(now),
    }
    subject = f"evidence.period:{request.period_id}/request:{request.pk}"
    entry = entries.record(kind=threads.ENTRIES[kind], subject=subject, by=by, data=facts, at=now)
    stored = {}
    if file:
        stored = {"file_name": file.name, "file_sha256": file.file.sha256, "file_size": file.file.size}
        stored["stored_as"] = file.file.stored_as
    return RequestPost.objects.create(
        request=request, kind=kind, text=text, by=by, by_name=by.name, at=now, entry_uid=entry.uid, **stored
    )


@transaction.atomic
def send_digests(*, by) -> int:
    """Queue the day's digest for everybody for whom something new waits in the threads of their periods; returns how many.

    One mail a person and day, in their hours. Running it again queues nothing: a mail is about posts that no mail was about.
    """
    now, queued = clock.now(), 0
    for person_id, lines in threads.waiting(now).items():
        person = User.objects.get(pk=person_id)
        last = max(line["post"] for line in lines)
        told = Mail.objects.filter(recipient=person, template="audit_requests")
        if told.filter(dedupe_key__endswith=f":{last}").exists() or told.filter(queued_at__date=now.date()).exists():
            continue
        queued += bool(
            mails.queue(
                recipient=person,
                template="audit_requests",
                context={"lines": lines[: threads.NAMED], "count": len(lines), "why": threads.WHY},
                subject_ref=f"people.user:{person.pk}",
                dedupe_key=f"audit-requests:{person.pk}:{last}",
                due_at=mail_at(person.hours, now),
                by=by,
            )
        )
    return queued
