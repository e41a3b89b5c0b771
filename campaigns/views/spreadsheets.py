"""A review in a spreadsheet: download, upload, look at what it would do, apply it."""

from django.contrib import messages
from django.contrib.humanize.templatetags.humanize import intcomma
from django.core.exceptions import PermissionDenied
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.translation import ngettext
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from campaigns import permissions, spreadsheet_checks, worklist
from campaigns import spreadsheet_format as form
from campaigns.actions import spreadsheets
from campaigns.exports import spreadsheet
from campaigns.forms import FilterForm, SheetForm
from campaigns.models import Assignment, Campaign, SheetUpload
from campaigns.second_look import ANSWERABLE
from campaigns.views.reviews import desk, query_of
from certify.lib.access import requires
from certify.lib.errors import Conflict, DomainError, InvalidInput, NotAllowed
from certify.lib.files import store
from certify.lib.uploads import takes
from inventory.models import Identity
from ledger.models import Entry
from people import deletions

XLSX = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
UPLOAD_LIMIT_MB = 20
#: Rows of each list on the page; the counts say how many there are.
SHOWN = 100


def _downloadable(request: HttpRequest, campaign: Campaign, rows: QuerySet) -> QuerySet:
    """What the filter shows of the rows that can still be answered."""
    filters = FilterForm(request.GET).filters()
    own = Identity.objects.filter(user=request.user).exclude(key="").values("key")
    tail = worklist.tail_of(campaign) if filters.unchanged else None
    found = worklist.filtered(rows, filters, tail).filter(ANSWERABLE, ~worklist.SUBMITTED, stage=campaign.stage)
    return found.exclude(item__identity_key__in=own)


@takes(UPLOAD_LIMIT_MB * 2**20)
@requires(permissions.can_review)
@require_http_methods(["GET", "POST"])
def sheet(request: HttpRequest, pk: int) -> HttpResponse:
    """What a spreadsheet can do here, the download, and the upload."""
    campaign, rows = desk(request, pk)
    upload, refusal = (SheetForm(request.POST, request.FILES) if request.method == "POST" else SheetForm()), ""
    if upload.is_valid():
        given = upload.cleaned_data["file"]
        try:
            stored = store(given.chunks(), directory="evidence", limit=UPLOAD_LIMIT_MB * 2**20)
            made = spreadsheets.keep(campaign_id=pk, name=given.name, stored=stored, by=request.user)
        except InvalidInput as error:
            refusal = error.message
        else:
            return redirect("campaigns:sheet-upload", pk=pk, upload=made.pk)
    found = _downloadable(request, campaign, rows)
    context = {
        "campaign": campaign,
        "form": upload,
        "refusal": refusal,
        "count": found.count(),
        "cap": form.MAX_ROWS,
        "same_reason": form.MAX_SAME_REASON,
        "query": query_of(FilterForm(request.GET).filters(), ""),
        "uploads": SheetUpload.objects.filter(campaign=campaign, user=request.user)
        .select_related("act")
        .order_by("-id")[:SHOWN],
    }
    return render(request, "campaigns/sheet.html", context, status=422 if refusal or upload.errors else 200)


@requires(permissions.can_review)
@require_safe
def download(request: HttpRequest, pk: int) -> HttpResponse:
    """The items that the filter shows, riskiest first, as XLSX."""
    campaign, rows = desk(request, pk)
    found = _downloadable(request, campaign, rows).select_related("item").order_by(*form.ORDER)
    shown: list[Assignment] = list(found[: form.MAX_ROWS])
    body = spreadsheet.workbook(campaign, shown, request.user, left_out=found.count() - len(shown))
    return HttpResponse(
        body, content_type=XLSX, headers={"Content-Disposition": f'attachment; filename="certify-review-{pk}.xlsx"'}
    )


@requires(permissions.can_review)
@require_safe
def upload(request: HttpRequest, pk: int, upload: int) -> HttpResponse:
    """What an uploaded file would do; after it was applied, what it did."""
    desk(request, pk)
    return _shown(request, get_object_or_404(_uploads(request, pk), pk=upload))


def _uploads(request: HttpRequest, pk: int) -> QuerySet:
    return SheetUpload.objects.filter(campaign_id=pk, user=request.user).select_related("campaign", "act")


def _shown(request: HttpRequest, found: SheetUpload, refusal: DomainError | None = None) -> HttpResponse:
    context = {"campaign": found.campaign, "upload": found, "shown": SHOWN, "error": refusal.message if refusal else ""}
    if act := getattr(found, "act", None):
        entry = Entry.objects.get(uid=act.entry_uid)
        context |= {"act": act, "refused": found.refused, "leaf_hash": bytes(entry.leaf_hash).hex()}
    elif said := deletions.note(found.stored_as):
        context["error"] = said
    else:
        try:
            _, checked = spreadsheet_checks.checked(found, request.user)
        except InvalidInput as error:
            context["error"] = error.message
        else:
            context |= {"checked": checked, "refused": [one.as_list() for one in checked.refused]}
    status = 200 if not context["error"] else 409 if isinstance(refusal, Conflict) else 422
    return render(request, "campaigns/sheet_upload.html", context, status=status)


@requires(permissions.can_review)
@require_POST
def apply(request: HttpRequest, pk: int, upload: int) -> HttpResponse:
    """Decide what the page showed."""
    desk(request, pk)
    found = get_object_or_404(_uploads(request, pk), pk=upload)
    try:
        done = spreadsheets.apply(upload_id=found.pk, seen=request.POST.get("seen", ""), by=request.user)
    except (Conflict, InvalidInput) as refusal:
        return _shown(request, found, refusal)
    except NotAllowed as refusal:
        raise PermissionDenied(refusal.message) from refusal
    said = ngettext(
        "{n} item decided. Look at it on the list, then submit.",
        "{n} items decided. Look at them on the list, then submit.",
        done.count,
    )
    messages.success(request, said.format(n=intcomma(done.count)))
    return redirect("campaigns:sheet-upload", pk=pk, upload=upload)
