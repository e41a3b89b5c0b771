"""One sampled row: its whole trail, each entry of it with its proof, and what the auditor concludes."""

from uuid import UUID

from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_safe

from certify.lib.access import requires
from certify.lib.errors import InvalidInput
from certify.lib.files import located
from evidence import permissions, trail
from evidence.actions import samples
from evidence.forms import ConclusionForm
from evidence.models import SampleRow, SampleSignOff
from evidence.views.opened import is_auditor, record, shell
from evidence.views.samples import sample_of
from ledger import proofs
from ledger.models import Entry
from ledger.queries import cosigned_note, latest_checkpoint, proof_of
from people import deletions


def _row(request: HttpRequest, pk: int, sample: int, number: int) -> tuple:
    period, drawn = sample_of(request, pk, sample)
    return period, get_object_or_404(SampleRow.objects.select_related("sample"), sample=drawn, number=number)


def _concluded(request: HttpRequest, row: SampleRow, form: ConclusionForm) -> bool:
    """Whether the conclusion is recorded; a refusal lands in the form."""
    if not form.is_valid():
        return False
    try:
        samples.conclude(row_id=row.pk, **form.cleaned_data, by=request.user)
    except InvalidInput as refusal:
        form.add_error(refusal.field if refusal.field in form.fields else None, refusal.message)
        return False
    messages.success(request, _("Recorded."))
    return True


@requires(permissions.can_open_audit)
@require_http_methods(["GET", "POST"])
def sample_row(request: HttpRequest, pk: int, sample: int, number: int) -> HttpResponse:
    """From the row of the file to the proof in the log; POST concludes."""
    period, row = _row(request, pk, sample, number)
    may_conclude = is_auditor(request, period)
    if request.method == "POST" and not may_conclude:
        raise PermissionDenied("Only the auditors of the period may conclude.")
    form = ConclusionForm(request.POST or None)
    if request.method == "POST" and _concluded(request, row, form):
        return redirect("evidence:sample-row", pk=pk, sample=sample, number=number)
    record(request, period, f"sample:{sample}/{number}")
    found = trail.of(row)
    context = {
        **shell(request, period),
        "row": row,
        "trail": found,
        "deleted": deletions.notes(step.attempt.stored_as for part in found.parts for step in part.steps if step.attempt),
        "leaf": bytes(found.item.leaf).hex() if found.item else "",
        "parts": [(part, [(step, found.entries.get(step.uid)) for step in part.steps]) for part in found.parts],
        "checkpoint": latest_checkpoint(),
        "conclusions": row.conclusions.order_by("-id"),
        "signed": SampleSignOff.objects.filter(sample=row.sample).first(),
        "may_conclude": may_conclude,
        "form": form,
        "next": row.number + 1 if row.number < row.sample.size else None,
    }
    return render(request, "evidence/sample_row.html", context, status=422 if form.errors else 200)


def _entry(request: HttpRequest, pk: int, sample: int, number: int, uid: UUID) -> tuple:
    """An entry of the row's trail, and of no other."""
    period, row = _row(request, pk, sample, number)
    found = trail.of(row, has_file=False)
    if uid not in found.entries:
        raise Http404
    return period, row, found.entries[uid]


@requires(permissions.can_open_audit)
@require_safe
def row_entry(request: HttpRequest, pk: int, sample: int, number: int, uid: UUID) -> HttpResponse:
    """What the ledger recorded of a step, and the proof that it is under the newest checkpoint."""
    period, row, entry = _entry(request, pk, sample, number, uid)
    record(request, period, f"sample:{sample}/{number}")
    proof = proof_of(entry, latest_checkpoint())
    context = {
        **shell(request, period),
        "row": row,
        "entry": entry,
        "payload": entry.payload,
        "proof": proof,
        "path": [step.hex() for step in proof.path] if proof else [],
        "root": bytes(proof.checkpoint.root).hex() if proof else "",
        "leaf_hash": bytes(entry.leaf_hash).hex(),
    }
    return render(request, "evidence/row_entry.html", context)


@requires(permissions.can_open_audit)
@require_safe
def row_proof(request: HttpRequest, pk: int, sample: int, number: int, uid: UUID) -> HttpResponse:
    """The offline proof of an entry: a C2SP tlog-proof file."""
    period, _row, entry = _entry(request, pk, sample, number, uid)
    answer = proof_file(entry)
    record(request, period, f"sample:{sample}/{number}")
    return answer


def proof_file(entry: Entry) -> HttpResponse:
    """The proof of an entry against the newest checkpoint as a download; 404 while none covers it."""
    checkpoint, leaf = latest_checkpoint(), getattr(entry, "leaf", None)
    if checkpoint is None or leaf is None or leaf.index >= checkpoint.size:
        raise Http404("No checkpoint covers this entry yet.")
    answer = HttpResponse(proofs.text(entry, checkpoint, cosigned_note(checkpoint)), content_type="text/plain; charset=utf-8")
    answer["Content-Disposition"] = f'attachment; filename="{entry.uid}{proofs.SUFFIX}"'
    return answer


@requires(permissions.can_open_audit)
@require_safe
def row_attempt(request: HttpRequest, pk: int, sample: int, number: int, attempt: int) -> HttpResponse:
    """The proof file of a removal in the row's trail: always a download, never shown in the page."""
    period, row = _row(request, pk, sample, number)
    found = [step.attempt for part in trail.of(row, has_file=False).parts for step in part.steps if step.attempt]
    kept = next((one for one in found if one.pk == attempt and one.stored_as), None)
    if kept and (said := deletions.note(kept.stored_as)):
        messages.warning(request, said)
        return redirect("evidence:sample-row", pk=pk, sample=sample, number=number)
    if kept is None or not located(kept.stored_as).exists():
        raise Http404
    record(request, period, f"sample:{sample}/{number}")
    answer = HttpResponse(located(kept.stored_as).read_bytes(), content_type="application/octet-stream")
    answer["Content-Disposition"] = f'attachment; filename="proof-{kept.pk}"'
    return answer
