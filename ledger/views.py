"""The ledger's pages; all of them only read."""

import json
from functools import wraps

from django.conf import settings
from django.contrib import messages
from django.core.exceptions import ImproperlyConfigured
from django.http import Http404, HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from django.views.decorators.gzip import gzip_page
from django.views.decorators.http import require_POST, require_safe

from certify.lib.access import requires
from certify.lib.errors import DomainError
from certify.lib.numbers import whole
from ledger import keychain, permissions, placing, publishing, queries, tasks, tiles
from ledger.actions import cosignatures
from ledger.anchoring import schedule
from ledger.models import Anchor, Checkpoint, Entry, Pending, Verification


@requires(permissions.can_see_ledger)
@require_safe
def entry_list(request: HttpRequest) -> HttpResponse:
    """The latest entries, and how the log stands."""
    kind, subject, below = (request.GET.get(name, "") for name in ("kind", "subject", "below"))
    if below and whole(below) is None:
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
    entry = get_object_or_404(Entry.objects.signed().select_related("leaf"), uid=uid)
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
    return _note(latest)


@for_everybody_if_set
@requires(permissions.can_see_checkpoint)
@require_safe
def older_checkpoint(request: HttpRequest, size: int) -> HttpResponse:
    """One checkpoint of those that were signed, such as the newest that witnesses cosigned."""
    return _note(get_object_or_404(Checkpoint, size=size))


def _note(found: Checkpoint) -> HttpResponse:
    """A checkpoint with its cosignatures. More of these may come, so it is not kept by anybody."""
    answer = HttpResponse(queries.cosigned_note(found), content_type="text/plain; charset=utf-8")
    answer["Cache-Control"] = "no-store"
    return answer


@requires(permissions.can_see_ledger)
@require_safe
def guards(request: HttpRequest) -> HttpResponse:
    """What keeps the log from being rewritten: witnesses, anchors, the published files."""
    return render(request, "ledger/guards.html", _guards(request))


@requires(permissions.can_keep_cosignatures)
@require_POST
def cosignature_create(request: HttpRequest) -> HttpResponse:
    """Keep the cosignatures in a note that a witness gave back."""
    try:
        kept = cosignatures.accept(note=request.POST.get("note", "").replace("\r\n", "\n"), by=request.user)
    except DomainError as refusal:
        return render(request, "ledger/guards.html", _guards(request) | {"refusal": refusal.message}, status=422)
    text = ngettext("{count} new cosignature kept.", "{count} new cosignatures kept.", len(kept))
    messages.success(request, text.format(count=len(kept)))
    return redirect("ledger:guards")


@requires(permissions.can_rotate_key)
@require_POST
def key_rotate(request: HttpRequest) -> HttpResponse:
    """Hand the log over to a new key, for a reason, once somebody has said that they mean it."""
    refusal = "" if request.POST.get("sure") else _("Tick the box: the old key is destroyed.")
    if not refusal:
        try:
            verifier = tasks.rotate_key(request.POST.get("why", ""), request.user)
        except DomainError as error:
            refusal = error.message
        except (ImproperlyConfigured, placing.BrokenLedgerError) as error:
            refusal = str(error)
    if refusal:
        return render(request, "ledger/guards.html", _guards(request) | {"key_refusal": refusal}, status=422)
    messages.success(request, _("The ledger now signs as {key}.").format(key=verifier))
    return redirect("ledger:guards")


@for_everybody_if_set
@requires(permissions.can_see_checkpoint)
@require_safe
def key_list(request: HttpRequest) -> HttpResponse:
    """Every key of the log, as packs have them: since which place it signs, and the statement that made it so."""
    return JsonResponse(keychain.listed(), safe=False)


def _guards(request: HttpRequest) -> dict:
    behind_since, contradiction = None, ""
    try:
        behind_since = publishing.behind_since()
    except publishing.ContradictionError as error:
        contradiction = str(error)
    return {
        "checkpoint": queries.latest_checkpoint(),
        "verification": Verification.objects.first(),
        "misfit": queries.standing_misfit(),
        "leaves": queries.leaf_count(),
        "witnesses": queries.witnesses(),
        "channels": schedule.standings(),
        "kept": Anchor.objects.select_related("checkpoint").order_by("-id")[:20],
        "published": publishing.directory(),
        "behind_since": behind_since,
        "contradiction": contradiction,
        "bucket": settings.CERTIFY_LEDGER_LOG_S3,
        "in_bucket": publishing.bucket_standing(),
        "terms": keychain.told(),
        "loss": keychain.last_loss(),
        "may_rotate": permissions.can_rotate_key(request.user),
        "why": request.POST.get("why", ""),
        "may_keep": permissions.can_keep_cosignatures(request.user),
        "note": request.POST.get("note", ""),
    }


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
