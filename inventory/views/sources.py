"""Sources, their snapshots, grants and orphans."""

from django.conf import settings
from django.contrib import messages
from django.http import HttpRequest, HttpResponse, StreamingHttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_safe

from certify.lib import clock
from certify.lib.access import requires
from certify.lib.errors import InvalidInput
from certify.lib.numbers import whole
from inventory import describing, permissions, queries
from inventory.actions import sources
from inventory.exports import rejected
from inventory.forms import SourceForm
from inventory.models import LoadFile, Snapshot, Source
from people import deletions

SNAPSHOTS_SHOWN = 50


def _source(request: HttpRequest, pk: int) -> Source:
    return get_object_or_404(queries.sources(request.user), pk=pk)


def _snapshot(request: HttpRequest, pk: int) -> Snapshot:
    visible = Source.objects.visible_to(request.user)
    return get_object_or_404(Snapshot.objects.select_related("source").filter(source__in=visible), pk=pk)


def _after(request: HttpRequest) -> int:
    return whole(request.GET.get("after", "")) or 0


def _page(rows, limit: int) -> tuple[list, int | None]:
    """The first rows, and the id after which the next page begins."""
    found = list(rows[: limit + 1])
    return found[:limit], found[limit - 1].pk if len(found) > limit else None


@requires(permissions.can_see_inventory)
@require_safe
def source_list(request: HttpRequest) -> HttpResponse:
    context = {
        "sources": queries.sources(request.user),
        "now": clock.now(),
        "can_manage": permissions.can_manage_sources(request.user),
        "can_load": permissions.can_load(request.user),
    }
    return render(request, "inventory/source_list.html", context)


@requires(permissions.can_manage_sources)
@require_http_methods(["GET", "POST"])
def source_create(request: HttpRequest) -> HttpResponse:
    form = SourceForm(request.POST or None)
    if request.method == "POST" and form.is_valid():
        try:
            source = sources.create(**form.cleaned_data, by=request.user)
        except InvalidInput as refusal:
            form.add_error(refusal.field, refusal.message)
        else:
            return redirect("inventory:source-detail", pk=source.pk)
    return render(request, "inventory/source_form.html", {"form": form}, status=422 if form.errors else 200)


@requires(permissions.can_manage_sources)
@require_http_methods(["GET", "POST"])
def source_edit(request: HttpRequest, pk: int) -> HttpResponse:
    source = _source(request, pk)
    initial = {"name": source.name, "description": source.description, "owner": source.owner_id}
    form = SourceForm(request.POST or None, initial=initial, with_key=False)
    if request.method == "POST" and form.is_valid():
        sources.change(source_id=pk, **form.cleaned_data, by=request.user)
        messages.success(request, _("Saved."))
        return redirect("inventory:source-detail", pk=pk)
    context = {"form": form, "source": source}
    return render(request, "inventory/source_form.html", context, status=422 if form.errors else 200)


@requires(permissions.can_see_inventory)
@require_safe
def source_detail(request: HttpRequest, pk: int) -> HttpResponse:
    source = _source(request, pk)
    orphans = queries.orphans(source)
    context = {
        "source": source,
        "now": clock.now(),
        "snapshots": source.snapshots.all()[:SNAPSHOTS_SHOWN],
        "cap": SNAPSHOTS_SHOWN,
        "rights": describing.counts(source.entitlements.filter(gone_in__isnull=True)),
        "can_describe": describing.describable(request.user).filter(source=source).exists(),
        "orphan_count": orphans.count(),
        "orphans": orphans[:20],
        "loads": source.loads.exclude(state__in=("loaded", "cancelled"))[:10],
        "can_manage": permissions.can_manage_sources(request.user),
        "can_load": permissions.can_load(request.user),
    }
    return render(request, "inventory/source_detail.html", context)


@requires(permissions.can_see_inventory)
@require_safe
def grant_list(request: HttpRequest, pk: int) -> HttpResponse:
    """The grants of a source, now or as of a snapshot."""
    source, chosen = _source(request, pk), request.GET.get("snapshot", "")
    snapshot = get_object_or_404(source.snapshots, number=number) if (number := whole(chosen)) is not None else None
    search = request.GET.get("search", "")[:100]
    found = queries.grants(source, snapshot, search=search, after=_after(request))
    rows, following = _page(found, settings.CERTIFY_PAGE_ROWS)
    context = {
        "source": source,
        "snapshot": snapshot,
        "snapshots": source.snapshots.all()[:SNAPSHOTS_SHOWN],
        "grants": rows,
        "following": following,
        "search": search,
        "now": clock.now(),
    }
    return render(request, "inventory/grant_list.html", context)


@requires(permissions.can_see_inventory)
@require_safe
def entitlement_detail(request: HttpRequest, pk: int) -> HttpResponse:
    """One right as its system's files describe it, and what they said of it before."""
    right = get_object_or_404(queries.entitlements(request.user), pk=pk)
    former = right.former.select_related("until").order_by("-until_id")
    written = describing.history(right)
    context = {
        "right": right,
        "former": former[:SNAPSHOTS_SHOWN],
        "former_count": former.count(),
        "written": written[:SNAPSHOTS_SHOWN],
        "written_count": written.count(),
        "can_describe": describing.describable(request.user).filter(pk=pk).exists(),
        "cap": SNAPSHOTS_SHOWN,
    }
    return render(request, "inventory/entitlement_detail.html", context)


@requires(permissions.can_see_inventory)
@require_safe
def orphan_list(request: HttpRequest, pk: int) -> HttpResponse:
    source = _source(request, pk)
    rows, following = _page(queries.orphans(source).order_by("pk").filter(pk__gt=_after(request)), settings.CERTIFY_PAGE_ROWS)
    return render(request, "inventory/orphan_list.html", {"source": source, "orphans": rows, "following": following})


@requires(permissions.can_see_inventory)
@require_safe
def snapshot_detail(request: HttpRequest, pk: int) -> HttpResponse:
    snapshot = _snapshot(request, pk)
    rows, following = _page(queries.rejected(snapshot, after=_after(request)), settings.CERTIFY_PAGE_ROWS)
    kept = dict(LoadFile.objects.filter(job__snapshot=snapshot).values_list("kind", "stored_as"))
    gone = deletions.notes(kept.values())
    files = [(file, gone.get(kept.get(file.kind, ""), "")) for file in snapshot.files.all()]
    context = {"snapshot": snapshot, "files": files, "rejected": rows, "following": following}
    return render(request, "inventory/snapshot_detail.html", context)


@requires(permissions.can_see_inventory)
@require_safe
def rejected_export(request: HttpRequest, pk: int) -> StreamingHttpResponse:
    snapshot = _snapshot(request, pk)
    name = f"rejected-{snapshot.source.key}-{snapshot.number}.csv"
    return StreamingHttpResponse(
        rejected.lines(queries.rejected(snapshot).iterator(chunk_size=2000)),
        content_type="text/csv; charset=utf-8",
        headers={"Content-Disposition": f'attachment; filename="{name}"'},
    )
