"""The ledger's pages; all of them only read."""

import json
from functools import wraps

from django.conf import settings
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, render
from django.views.decorators.gzip import gzip_page
from django.views.decorators.http import require_safe

from certify.lib.access import requires
from ledger import permissions, queries, tiles
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


def for_everybody_if_set(view):
    """With `CERTIFY_LEDGER_PUBLIC` a view opens without a sign-in: hashes and signed heads tell nothing of what was recorded.

    Every entry contains a random number, so that nobody finds out its content by trying.
    """

    @wraps(view)
    def opened(request: HttpRequest, *args, **kwargs) -> HttpResponse:
        chosen = view.__wrapped__ if settings.CERTIFY_LEDGER_PUBLIC else view
        return chosen(request, *args, **kwargs)

    return opened


@for_everybody_if_set
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


@for_everybody_if_set
@requires(permissions.can_see_checkpoint)
@require_safe
def tile(request: HttpRequest, place: str) -> HttpResponse:
    """A tile of hashes, as C2SP tlog-tiles has it."""
    return _tile(place)


@requires(permissions.can_see_ledger)
@require_safe
@gzip_page
def entry_bundle(request: HttpRequest, place: str) -> HttpResponse:
    """The entries under a tile of leaves, as C2SP tlog-tiles has them: for those who may read all entries."""
    return _tile(f"{tiles.ENTRIES}/{place}")


def _tile(place: str) -> HttpResponse:
    """A tile that the newest checkpoint covers; it never changes, so it may be kept for ever."""
    try:
        found = tiles.parse(place)
    except tiles.NotATile as error:
        raise Http404 from error
    latest = queries.latest_checkpoint()
    if latest is None or found.end > latest.size:
        raise Http404
    try:
        content = queries.tile_content(found)
    except queries.MissingHashesError as error:
        raise Http404 from error
    answer = HttpResponse(content, content_type="application/octet-stream")
    shared = settings.CERTIFY_LEDGER_PUBLIC and not found.is_bundle
    answer["Cache-Control"] = f"{'public' if shared else 'private'}, max-age=31536000, immutable"
    return answer
