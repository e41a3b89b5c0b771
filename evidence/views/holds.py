"""Legal holds: what each covers and stops, placed by one person and released by another."""

from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.db.models import F
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from campaigns.models import Campaign
from certify.lib.access import requires
from certify.lib.errors import InvalidInput
from evidence.actions import holds
from evidence.forms import HoldForm, ReleaseForm
from evidence.retention import overview
from inventory.models import Source
from people.models import LegalHold
from people.permissions import can_place_hold, can_release_hold, can_see_retention

SHOWN = 200


@requires(can_see_retention)
@require_http_methods(["GET", "POST"])
def hold_list(request: HttpRequest) -> HttpResponse:
    """Every hold, those in force first; POST places one."""
    if request.method == "POST" and not can_place_hold(request.user):
        raise PermissionDenied("Only administrators and control owners may place a hold.")
    form = HoldForm(request.POST or None)
    if request.method == "POST" and form.is_valid():
        try:
            placed = holds.place(terms=form.terms(), by=request.user)
        except InvalidInput as refusal:
            form.add_error(refusal.field if refusal.field in form.fields else None, refusal.message)
        else:
            messages.success(request, _("The hold is in force."))
            return redirect("evidence:hold-detail", pk=placed.pk)
    found = list(
        LegalHold.objects.select_related("release").order_by(F("release__pk").desc(nulls_first=True), "-pk")[: SHOWN + 1]
    )
    context = {
        "holds": found[:SHOWN],
        "cut": len(found) > SHOWN,
        "cap": SHOWN,
        "form": form,
        "can_place": can_place_hold(request.user),
    }
    return render(request, "evidence/hold_list.html", context, status=422 if form.errors else 200)


@requires(can_see_retention)
@require_safe
def hold_detail(request: HttpRequest, pk: int) -> HttpResponse:
    return _detail(request, get_object_or_404(LegalHold.objects.select_related("release"), pk=pk), ReleaseForm())


def _detail(request: HttpRequest, hold: LegalHold, form: ReleaseForm) -> HttpResponse:
    release = getattr(hold, "release", None)
    context = {
        "hold": hold,
        "release": release,
        "campaigns": Campaign.objects.filter(pk__in=hold.campaigns).order_by("pk"),
        "systems": Source.objects.filter(key__in=hold.systems).order_by("name"),
        "people": overview.called(hold.people),
        "stopped": [] if release else overview.stopped(hold),
        "form": form,
        "can_release": release is None and can_release_hold(request.user, hold),
    }
    return render(request, "evidence/hold_detail.html", context, status=422 if form.errors else 200)


@requires(can_place_hold)
@require_POST
def hold_release(request: HttpRequest, pk: int) -> HttpResponse:
    """End a hold; whoever placed it may not."""
    hold = get_object_or_404(LegalHold.objects.select_related("release"), pk=pk)
    if not can_release_hold(request.user, hold):
        raise PermissionDenied("A second person releases a hold, not the one who placed it.")
    form = ReleaseForm(request.POST)
    if form.is_valid():
        try:
            holds.release(hold_id=hold.pk, reason=form.cleaned_data["reason"], by=request.user)
        except InvalidInput as refusal:
            form.add_error("reason", refusal.message)
        else:
            messages.success(request, _("The hold is released. Rules apply again to what it covered."))
            return redirect("evidence:hold-detail", pk=pk)
    return _detail(request, hold, form)
