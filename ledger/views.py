"""The ledger's pages; all of them only read."""

import json

from django.conf import settings
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, render
from django.views.decorators.http import require_safe

from certify.lib.access import requires
from ledger import permissions, queries
from ledger.models import Entry, Pending


@requires(permissions.can_see_ledger)
@require_safe
def entry_list(request: HttpRequest) -> HttpResponse:
    """The latest entries, and how the log stands."""
    kind, subject, below = (request.GET.get(name, "") for name in ("kind", "subject", "below"))
    if below and not (below.isascii() and below.isdigit() and len(below) < 19):
        raise Http404
    context = {
        "page": queries.page_of_entries(
            kind=kind, subject=subject, below=int(below) if below else None, rows=settings.CERTIFY_PAGE_ROWS
        ),
        "kind": kind,
        "kinds": queries.kinds(),
        "subject": subject,
        "is_first_page": not below,
        "checkpoint": queries.latest_checkpoint(),
        "waiting": Pending.objects.count(),
        "waiting_since": queries.oldest_pending_at(),
    }
    return render(request, "ledger/entry_list.html", context)


@requires(permissions.can_see_ledger)
@require_safe
def entry_detail(request: HttpRequest, uid) -> HttpResponse:
    """One entry: what was recorded, and the proof that it is in the log."""
    entry = get_object_or_404(Entry.objects.select_related("leaf"), uid=uid)
    proof = queries.proof_of(entry, queries.latest_checkpoint())
    context = {
        "entry": entry,
        "payload": json.dumps(json.loads(entry.payload), indent=2, ensure_ascii=False),
        "proof": proof,
        "path": [step.hex() for step in proof.path] if proof else [],
        "root": bytes(proof.checkpoint.root).hex() if proof else "",
        "leaf_hash": bytes(entry.leaf_hash).hex(),
    }
    return render(request, "ledger/entry_detail.html", context)


@requires(permissions.can_see_checkpoint)
@require_safe
def checkpoint(request: HttpRequest) -> HttpResponse:
    """The newest signed checkpoint, as other verifiers read it: a C2SP tlog-checkpoint."""
    latest = queries.latest_checkpoint()
    if latest is None:
        raise Http404("Nothing has been signed yet.")
    answer = HttpResponse(latest.note, content_type="text/plain; charset=utf-8")
    answer["Cache-Control"] = "no-store"
    return answer
