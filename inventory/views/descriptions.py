"""Descriptions of rights: the owners' page, several at once, or from a file."""

from django.contrib import messages
from django.contrib.humanize.templatetags.humanize import intcomma
from django.http import HttpRequest, HttpResponse, StreamingHttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.http import urlencode
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext
from django.views.decorators.http import require_http_methods, require_safe

from certify.lib.access import requires
from certify.lib.errors import DomainError
from certify.lib.numbers import whole
from certify.lib.uploads import takes
from inventory import describing, permissions, queries
from inventory.actions import describing as actions
from inventory.exports import descriptions as export
from inventory.forms import DescriptionsImportForm
from inventory.readers import descriptions as reader

#: Rights on one page, and refused rows of a file that are shown.
ROWS, REFUSED_SHOWN = 50, 1_000
TABS = [
    ("missing", gettext_lazy("Not described")),
    ("stale", gettext_lazy("The file says something new")),
    ("described", gettext_lazy("Described")),
    ("all", gettext_lazy("All")),
]


def _place(request: HttpRequest, counts: dict[str, int]) -> dict:
    """What the address asks for: {show, search, after}. Without a word what needs somebody comes first."""
    show, after = request.GET.get("show", ""), request.GET.get("after", "")
    if show not in describing.SHOWN:
        show = "missing" if counts["missing"] else "stale" if counts["stale"] else "all"
    return {
        "show": show,
        "search": request.GET.get("search", "")[:100],
        "after": whole(after) or 0,
    }


@requires(permissions.can_describe)
@require_http_methods(["GET", "POST"])
def description_list(request: HttpRequest) -> HttpResponse:
    """What one answers for, and what nobody has described. A form writes everything that was filled in, or nothing."""
    refused: dict[int, str] = {}
    if request.method == "POST":
        words = _words(request)
        done = actions.describe(words=words, by=request.user)
        if not done.refused:
            _say(request, done)
            return redirect(f"{reverse('inventory:description-list')}?{request.GET.urlencode()}")
        refused = done.refused
    mine = describing.describable(request.user)
    counts = describing.counts(mine)
    place = _place(request, counts)
    found = list(describing.page(mine, **place)[: ROWS + 1])
    given = {one.entitlement_id: one.text for one in words} if refused else {}
    query = {"show": place["show"], "search": place["search"]}
    context = place | {
        "rows": [_row(right, given, refused) for right in found[:ROWS]],
        "next_query": urlencode(query | {"after": found[ROWS - 1].pk}) if len(found) > ROWS else "",
        "counts": counts,
        "tabs": [(label, counts[name], urlencode(query | {"show": name}), name == place["show"]) for name, label in TABS],
        "refused_count": len(refused),
    }
    return render(request, "inventory/description_list.html", context, status=422 if refused else 200)


def _row(right, given: dict[int, str], refused: dict[int, str]) -> dict:
    return {
        "right": right,
        "text": given.get(right.pk, describing.own(right)),
        "refusal": refused.get(right.pk, ""),
        "is_stale": bool(right.described and right.description and right.description != right.described.file_said),
    }


def _words(request: HttpRequest) -> list[actions.Words]:
    """What the form says: of one right where its button was pressed, else of all whose text was changed."""
    seen = {name.removeprefix("seen-"): value for name, value in request.POST.items() if name.startswith("seen-")}
    for button, is_kept in (("keep", True), ("drop", False)):
        if (one := request.POST.get(button, "")) in seen and whole(one):
            text = _text(request, f"was-{one}") if is_kept else ""
            return [actions.Words(int(one), text, _number(seen[one]), is_confirmed=is_kept)]
    found = [(one, _text(request, f"text-{one}"), _text(request, f"was-{one}")) for one in seen]
    changed = [(one, text) for one, text, was in found if whole(one) and text != was]
    return [actions.Words(int(one), text, _number(seen[one])) for one, text in changed]


def _text(request: HttpRequest, name: str) -> str:
    """A text as it is kept: browsers send line ends of two characters."""
    return request.POST.get(name, "").replace("\r\n", "\n").strip()


def _number(text: str) -> int:
    return whole(text) or 0


def _say(request: HttpRequest, done: actions.Described) -> None:
    if done.written:
        said = ngettext("{n} description saved.", "{n} descriptions saved.", done.written)
        messages.success(request, said.format(n=done.written))
    else:
        messages.info(request, _("Nothing was changed."))


@takes(reader.MAX_BYTES)
@requires(permissions.can_describe)
@require_http_methods(["GET", "POST"])
def description_import(request: HttpRequest) -> HttpResponse:
    """Take a file of descriptions in, whole or not at all, and say of every refused row why."""
    form, done = DescriptionsImportForm(request.POST or None, request.FILES or None), None
    if request.method == "POST" and form.is_valid():
        upload, only_check = form.cleaned_data["file"], form.cleaned_data["only_check"]
        try:
            data = upload.read(reader.MAX_BYTES + 1)
            done = actions.take_in(data=data, file_name=upload.name, only_check=only_check, by=request.user)
        except DomainError as refusal:
            form.add_error("file", refusal.message)
        else:
            if not (done.refused_rows or only_check):
                messages.success(request, _counted(done))
                return redirect("inventory:description-list")
    refused = done.refused_rows if done else []
    context = {
        "form": form,
        "done": done,
        "would": _counted(done) if done and not refused else "",
        "refused": refused[:REFUSED_SHOWN],
        "refused_count": len(refused),
        "cap": REFUSED_SHOWN,
        "columns": reader.COLUMNS,
        "more": reader.CONTEXT,
    }
    return render(request, "inventory/description_import.html", context, status=422 if form.errors or refused else 200)


def _counted(done: actions.Described) -> str:
    counts = (done.written, done.unchanged, done.empty)
    written, unchanged, empty = (intcomma(count) for count in counts)
    said = _("Set: {written}. As before: {unchanged}. Left empty: {empty}. Refused: 0.")
    return said.format(written=written, unchanged=unchanged, empty=empty)


@requires(permissions.can_describe)
@require_safe
def description_export(request: HttpRequest) -> StreamingHttpResponse:
    """The rights that one may describe as a file that the import takes; with `show` only some of them."""
    show = request.GET.get("show", "")
    rights = describing.describable(request.user).filter(describing.SHOWN.get(show, describing.SHOWN["all"]))
    rows = queries.with_holders(rights).select_related("source", "described").order_by("source__key", "key")
    return StreamingHttpResponse(
        export.lines(rows.iterator(chunk_size=1000)),
        content_type="text/csv; charset=utf-8",
        headers={"Content-Disposition": 'attachment; filename="descriptions.csv"'},
    )
