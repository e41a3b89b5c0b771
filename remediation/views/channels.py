"""Systems to which removals are sent: their settings, what is on its way, and what was given up."""

from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from certify.lib import clock
from certify.lib.access import requires
from certify.lib.errors import InvalidInput, NotAllowed
from certify.lib.numbers import whole
from inventory.models import Source
from remediation import permissions, queries
from remediation.actions import channels, delivering, sending
from remediation.connectors import KINDS, WEBHOOK
from remediation.forms import ChannelForm
from remediation.models import Channel, Sending
from remediation.outgoing.signing import REPLAY_SECONDS
from remediation.views.bulk import chosen

LISTED = 100
#: Button → what it does.
ACTS = {
    "on": lambda source, by: channels.switch(source_id=source, is_on=True, by=by),
    "off": lambda source, by: channels.switch(source_id=source, is_on=False, by=by),
    "dry": lambda source, by: channels.set_dry(source_id=source, is_dry=True, by=by),
    "earnest": lambda source, by: channels.set_dry(source_id=source, is_dry=False, by=by),
    "rotate": lambda source, by: channels.rotate(source_id=source, by=by),
}


@requires(permissions.can_see_channels)
@require_GET
def channel_list(request: HttpRequest) -> HttpResponse:
    """Every system, and whether a program removes access there."""
    sources = list(queries.channels())
    for source in sources:
        channel = getattr(source, "removal_channel", None)
        source.way = KINDS[channel.kind].label if channel else ""
    return render(request, "remediation/channel_list.html", {"sources": sources})


def _page(request: HttpRequest, source: Source, form: ChannelForm, secret: str = "") -> HttpResponse:
    channel = Channel.objects.filter(source=source).first()
    context = {
        "source": source,
        "channel": channel,
        "kind": KINDS[channel.kind] if channel else None,
        "form": form,
        "kinds": KINDS.values(),
        "secret": secret,
        "now": clock.now(),
        "replay_minutes": REPLAY_SECONDS // 60,
        "deliveries": queries.messages_of(channel, limit=LISTED) if channel else [],
        "sendings": channel.sendings.all()[:20] if channel else [],
        "can_configure": permissions.can_configure_channels(request.user),
        "can_resend": permissions.can_close_removals(request.user),
    }
    return render(request, "remediation/channel_detail.html", context, status=422 if form.errors else 200)


def _form(source: Source, kind: str = "") -> ChannelForm:
    """The settings as they are, or those of another kind as they are at first."""
    channel = Channel.objects.filter(source=source).first()
    chosen = KINDS.get(kind) or (KINDS[channel.kind] if channel else WEBHOOK)
    if channel is None:
        return ChannelForm(kind=chosen)
    limits = {"most": channel.most, "percent": channel.percent}
    if chosen.key != channel.kind:
        return ChannelForm(kind=chosen, initial=limits)
    return ChannelForm(kind=chosen, has_secret=True, initial={"url": channel.url, **channel.settings, **limits})


@requires(permissions.can_see_channels)
@require_GET
def channel_detail(request: HttpRequest, pk: int) -> HttpResponse:
    """How one system is reached: settings, sendings, messages."""
    source = get_object_or_404(Source, pk=pk)
    return _page(request, source, _form(source, request.GET.get("kind", "")))


@requires(permissions.can_configure_channels)
@require_POST
def channel_configure(request: HttpRequest, pk: int) -> HttpResponse:
    """Set the way, the address and the limits."""
    source, kind = get_object_or_404(Source, pk=pk), KINDS.get(request.POST.get("kind", ""), WEBHOOK)
    form = ChannelForm(request.POST, kind=kind)
    if form.is_valid():
        try:
            channels.configure(source_id=source.pk, **form.terms(), by=request.user)
        except InvalidInput as refusal:
            form.add_error(refusal.field if refusal.field in form.fields else None, refusal.message)
        else:
            messages.success(request, _("Kept."))
            return redirect("remediation:channel-detail", pk=pk)
    return _page(request, source, form)


@requires(permissions.can_switch_channels)
@require_POST
def channel_act(request: HttpRequest, pk: int) -> HttpResponse:
    """Switch on or off, dry or in earnest, or change the secret."""
    source, act = get_object_or_404(Source, pk=pk), ACTS.get(request.POST.get("act", ""))
    try:
        if act:
            act(source.pk, request.user)
            messages.success(request, _("Done."))
    except (InvalidInput, NotAllowed) as refusal:
        messages.error(request, refusal.message)
    return redirect("remediation:channel-detail", pk=pk)


@requires(permissions.can_configure_channels)
@require_POST
def channel_secret(request: HttpRequest, pk: int) -> HttpResponse:
    """Show the secret; that it was read is recorded."""
    source = get_object_or_404(Source, pk=pk)
    try:
        secret = channels.show_secret(source_id=source.pk, by=request.user)
    except InvalidInput as refusal:
        messages.error(request, refusal.message)
        return redirect("remediation:channel-detail", pk=pk)
    answer = _page(request, source, _form(source), secret)
    answer["Cache-Control"] = "no-store"
    return answer


@requires(permissions.can_open_removals)
@require_POST
def channel_resend(request: HttpRequest) -> HttpResponse:
    """Put messages that were given up back in the queue."""
    ids = list(filter(None, map(whole, request.POST.getlist("delivery"))))[:1000]
    try:
        count = delivering.resend(delivery_ids=ids, by=request.user)
        messages.success(request, _("{n} put back in the queue, under the same key.").format(n=count))
    except (InvalidInput, NotAllowed) as refusal:
        messages.error(request, refusal.message)
    return redirect("remediation:channel-list" if permissions.can_see_channels(request.user) else "remediation:task-list")


@requires(permissions.can_open_removals)
@require_POST
def bulk_send(request: HttpRequest) -> HttpResponse:
    """Send the chosen removals of one system to its program."""
    try:
        tasks = chosen(request)
        if len(sources := {task.source_id for task in tasks}) != 1:
            raise InvalidInput(_("Choose removals of one system that are yours to do."))
        made = sending.send(source_id=sources.pop(), task_ids=[task.pk for task in tasks], by=request.user)
    except InvalidInput as refusal:
        messages.error(request, refusal.message)
        return redirect("remediation:task-list")
    return redirect("remediation:sending-detail", pk=made.pk)


@requires(permissions.can_open_removals)
@require_http_methods(["GET", "POST"])
def sending_detail(request: HttpRequest, pk: int) -> HttpResponse:
    """What a sending is about; the second person's decision."""
    found = get_object_or_404(Sending.objects.select_related("channel__source"), pk=pk)
    if not permissions.can_see_sending(request.user, found):
        raise PermissionDenied
    if request.method == "POST":
        try:
            sending.decide(sending_id=pk, is_confirmed=request.POST.get("choice") == "confirm", by=request.user)
        except (InvalidInput, NotAllowed) as refusal:
            messages.error(request, refusal.message)
        return redirect("remediation:sending-detail", pk=pk)
    waits = found.needs_second and found.is_confirmed is None
    context = {
        "sending": found,
        "kind": KINDS[found.channel.kind],
        "deliveries": found.deliveries.select_related("task__item", "ticket")
        .prefetch_related("attempts")
        .order_by("id")[:LISTED],
        "can_confirm": waits and permissions.can_decide_sending(request.user, found, is_confirmed=True),
        "can_stop": waits and permissions.can_decide_sending(request.user, found, is_confirmed=False),
    }
    return render(request, "remediation/sending_detail.html", context)
