"""Audit periods and their packs, and the seals of campaigns."""

from django.contrib import messages
from django.core.exceptions import ImproperlyConfigured, PermissionDenied
from django.http import FileResponse, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from campaigns.models import Campaign
from certify.lib import clock
from certify.lib.access import requires
from certify.lib.errors import InvalidInput
from certify.lib.nudge import nudge
from evidence import frameworks, permissions, queries, sealing, storage
from evidence.actions import packs, periods
from evidence.actions import sealing as sealing_actions
from evidence.forms import PeriodForm, SealForm
from evidence.models import AuditPeriod, EvidencePack, Seal
from evidence.states import PackState
from evidence.tasks import build_pack, build_progress
from ledger import keychain
from ledger.queries import latest_checkpoint
from people import deletions

PACKS_SHOWN, OPENINGS_SHOWN = 50, 50


def _period(request: HttpRequest, pk: int) -> AuditPeriod:
    return get_object_or_404(AuditPeriod.objects.visible_to(request.user, clock.now().date()), pk=pk)


def _save(request: HttpRequest, form: PeriodForm, period: AuditPeriod | None) -> AuditPeriod | None:
    """Write the form; a refusal lands at its field."""
    if not form.is_valid():
        return None
    try:
        if period:
            return periods.change(period_id=period.pk, details=form.details(), by=request.user)
        return periods.create(details=form.details(), by=request.user)
    except InvalidInput as refusal:
        form.add_error(refusal.field if refusal.field in form.fields else None, refusal.message)
        return None


@requires(permissions.can_open_audit)
@require_safe
def period_list(request: HttpRequest) -> HttpResponse:
    visible = AuditPeriod.objects.visible_to(request.user, clock.now().date())
    context = {
        "periods": visible.prefetch_related("auditors"),
        "can_manage": permissions.can_manage_audit(request.user),
        "sees_frameworks": permissions.sees_every_period(request.user),
    }
    return render(request, "evidence/period_list.html", context)


@requires(permissions.can_manage_audit)
@require_http_methods(["GET", "POST"])
def period_create(request: HttpRequest) -> HttpResponse:
    form = PeriodForm(request.POST or None)
    if request.method == "POST" and (saved := _save(request, form, None)):
        return redirect("evidence:period-detail", pk=saved.pk)
    return render(request, "evidence/period_form.html", {"form": form}, status=422 if form.errors else 200)


@requires(permissions.can_manage_audit)
@require_http_methods(["GET", "POST"])
def period_edit(request: HttpRequest, pk: int) -> HttpResponse:
    period = _period(request, pk)
    names = ("name", "framework", "from_on", "to_on", "open_until", "systems", "kinds", "outside", "leaver_days")
    initial = {name: getattr(period, name) for name in names} | {"auditors": list(period.auditors.all())}
    form = PeriodForm(request.POST or None, initial=initial)
    if request.method == "POST" and _save(request, form, period):
        return redirect("evidence:period-detail", pk=pk)
    context = {"form": form, "period": period}
    return render(request, "evidence/period_form.html", context, status=422 if form.errors else 200)


@requires(permissions.can_open_audit)
@require_safe
def period_detail(request: HttpRequest, pk: int) -> HttpResponse:
    period = _period(request, pk)
    context = {"period": period, "can_manage": permissions.can_manage_audit(request.user), **_packs(period)}
    if request.htmx:
        return render(request, "evidence/_packs.html", context)
    sees_all = permissions.sees_every_period(request.user)
    if not sees_all:
        periods.record_opening(period_id=pk, page="period", by=request.user)
    mine, others = queries.campaigns_of(period)
    outcomes = queries.outcomes_of(mine)
    context |= {
        "framework": frameworks.get(period.framework),
        "campaigns": [(campaign, outcomes.get(campaign.pk, {})) for campaign in mine],
        "others": others,
        "balances": queries.balances_of(mine),
        "checkpoint": latest_checkpoint(),
        "key": _public_key(),
        "scope": queries.scope_of(period, mine),
        "openings": queries.openings_of(period)[:OPENINGS_SHOWN] if sees_all else None,
        "openings_cap": OPENINGS_SHOWN,
    }
    return render(request, "evidence/period_detail.html", context)


def _packs(period: AuditPeriod) -> dict:
    found = list(period.packs.select_related("requested_by")[: PACKS_SHOWN + 1])
    return {
        "packs": [(pack, build_progress(pack.pk).shown() if pack.is_waiting else None) for pack in found[:PACKS_SHOWN]],
        "deleted": deletions.notes(pack.stored_as for pack in found),
        "cut": len(found) > PACKS_SHOWN,
        "cap": PACKS_SHOWN,
        "is_building": any(pack.is_waiting for pack in found),
    }


def _public_key() -> str:
    """The public half of the key that signs now; empty where nothing was signed yet, or where this machine does not have it."""
    try:
        return keychain.verifier()
    except ImproperlyConfigured:
        return ""


@requires(permissions.can_manage_audit)
@require_POST
def pack_request(request: HttpRequest, pk: int) -> HttpResponse:
    period = _period(request, pk)
    try:
        pack = packs.request(period_id=period.pk, by=request.user)
    except InvalidInput as refusal:
        messages.error(request, refusal.message)
    else:
        nudge(build_pack, pack.pk)
    return redirect("evidence:period-detail", pk=pk)


@requires(permissions.can_open_audit)
@require_POST
def pack_download(request: HttpRequest, pk: int) -> HttpResponse:
    """The ZIP as it was built; POST, because the download is recorded."""
    visible = AuditPeriod.objects.visible_to(request.user, clock.now().date())
    pack = get_object_or_404(EvidencePack.objects.filter(period__in=visible, state=PackState.READY), pk=pk)
    if said := deletions.note(pack.stored_as):
        messages.warning(request, said)
        return redirect("evidence:period-detail", pk=pack.period_id)
    try:
        found = storage.opened(pack.stored_as, pack.size)
    except storage.StorageError as missing:
        messages.error(request, missing.message)
        return redirect("evidence:period-detail", pk=pack.period_id)
    packs.record_download(pack_id=pack.pk, by=request.user)
    answer = FileResponse(found, as_attachment=True, filename=pack.file_name, content_type="application/zip")
    answer["Content-Length"] = pack.size
    return answer


@requires(permissions.sees_every_period)
@require_http_methods(["GET", "POST"])
def campaign_seal(request: HttpRequest, pk: int) -> HttpResponse:
    """What a seal stands on and what hinders it; POST seals. Afterwards the seal."""
    campaign = get_object_or_404(Campaign.objects.visible_to(request.user), pk=pk)
    if request.method == "POST" and not permissions.can_manage_audit(request.user):
        raise PermissionDenied("Only a control owner may seal a campaign.")
    form = SealForm(request.POST or None)
    if request.method == "POST" and form.is_valid():
        try:
            sealing_actions.seal(campaign_id=pk, statement=form.cleaned_data["statement"], by=request.user)
        except InvalidInput as refusal:
            form.add_error(refusal.field if refusal.field in form.fields else None, refusal.message)
        else:
            messages.success(request, _("Sealed."))
            return redirect("evidence:campaign-seal", pk=pk)
    seal = Seal.objects.filter(campaign=campaign).first()
    counts = seal.counts if seal else sealing.counts(campaign, clock.now())
    context = {
        "campaign": campaign,
        "form": form,
        "seal": seal,
        "counts": counts,
        "hindrances": [] if seal else sealing.hindrances(campaign, counts),
        "can_manage": permissions.can_manage_audit(request.user),
    }
    return render(request, "evidence/campaign_seal.html", context, status=422 if form.errors else 200)
