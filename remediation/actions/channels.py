"""Channels: to which system the removals of a source are sent, in which way, under which secret, and the switch that stops it."""

from dataclasses import dataclass, field
from datetime import timedelta

from django.conf import settings as django_settings
from django.db import transaction
from django.utils.translation import gettext as _
from django.utils.translation import gettext_noop

from certify.lib import clock
from certify.lib.errors import InvalidInput, NotAllowed
from ledger.actions import entries
from people.models import User
from remediation import permissions
from remediation.connectors import KINDS, WEBHOOK
from remediation.connectors.protocol import Kind
from remediation.models import Channel
from remediation.outgoing import addresses, signing
from remediation.states import DeliveryState

#: A secret that was changed signs beside the new one for so long.
OVERLAP = timedelta(days=1)


def _check(by: User) -> None:
    if not permissions.can_configure_channels(by):
        raise NotAllowed(_("Only an administrator sets up how removals are sent."))


def _locked(source_id: int) -> Channel:
    found = (
        Channel.objects.select_for_update(of=("self",), no_key=True)
        .select_related("source")
        .filter(source_id=source_id)
        .first()
    )
    if found is None:
        raise InvalidInput(_("No program is set up for this system."))
    return found


def _record(step: str, channel: Channel, by: User, **data) -> None:
    facts = {"source": channel.source.key, "url": channel.url, **data}
    entries.record(kind=f"channel:{step}", subject=f"inventory.source:{channel.source_id}", by=by, data=facts)


@dataclass(frozen=True)
class Way:
    """How a system is reached: the kind of connector, what that asks for, and the secret ("" keeps the one there is)."""

    kind: str = WEBHOOK.key
    settings: dict[str, str] = field(default_factory=dict)
    secret: str = ""


@transaction.atomic
def configure(*, source_id: int, url: str, most: int, percent: int, by: User, way: Way | None = None) -> Channel:
    """Set a source's address, the way in which it is reached, and the limits.

    A new address or way is off and dry until it has been tried. A program gets a new secret with a new address; the secret of another
    system has to be entered again for it. Refuses what is no address of the kind, settings that make no sense, and plain http unless
    networks of one's own are allowed at all.
    """
    _check(by)
    way = way or Way()
    kind = KINDS.get(way.kind)
    if kind is None:
        raise InvalidInput(_("This kind of connection is unknown."))
    url = _checked_url(kind, url)
    settings = kind.check(url, way.settings)
    if not (1 <= percent <= 100 and most >= 1):
        raise InvalidInput(_("At least one removal, and a share from 1 to 100 percent."))
    channel = Channel.objects.select_for_update(of=("self",), no_key=True).filter(source_id=source_id).first()
    channel = channel or Channel(source_id=source_id)
    is_new = (channel.url, channel.kind) != (url, kind.key)
    has_new_secret = _set_secret(channel, kind, way.secret, is_new=is_new)
    if is_new or channel.settings != settings:
        channel.is_on, channel.is_dry, channel.dried_at, channel.waits_until = False, True, None, None
    changes_kind = channel.pk is not None and channel.kind != kind.key
    channel.url, channel.kind, channel.settings, channel.most, channel.percent = url, kind.key, settings, most, percent
    channel.save()
    if changes_kind:
        waiting = channel.deliveries.filter(state__in=(DeliveryState.HELD, DeliveryState.QUEUED), trying_since__isnull=True)
        waiting.update(state=DeliveryState.CANCELLED, note=gettext_noop("The system is reached in another way now."))
    facts = {"most": most, "percent": percent, "kind": kind.key, "settings": settings, "new_secret": has_new_secret}
    _record("configured", channel, by, **facts)
    return channel


def _checked_url(kind: Kind, url: str) -> str:
    try:
        url = addresses.check_url(url, kind.schemes)
    except addresses.Refused as refusal:
        raise InvalidInput(_(refusal.text).format(**refusal.values), field="url") from None
    if url.startswith("http:") and not django_settings.CERTIFY_WEBHOOK_NETWORKS:
        raise InvalidInput(_("Use https: removals name people and their access."), field="url")
    return url


def _set_secret(channel: Channel, kind: Kind, secret: str, *, is_new: bool) -> bool:
    """Make or keep the secret; whether it is another one now. A secret is never sent to an address it was not entered for."""
    if not kind.credential:
        if is_new:
            secret = signing.new_secret()
        else:
            return False
    elif not secret.strip():
        if is_new or not channel.secret:
            raise InvalidInput(_("“{name}” has to be entered for this address.").format(name=kind.credential), field="secret")
        return False
    channel.secret, channel.former_secret, channel.former_until = signing.seal(secret.strip()), "", None
    return True


def _own_secret(channel: Channel) -> None:
    """Refuse what only makes sense for a secret that was made here."""
    if KINDS[channel.kind].credential:
        raise InvalidInput(_("This secret was entered here and is not shown again. Enter another one in the settings."))


@transaction.atomic
def switch(*, source_id: int, is_on: bool, by: User) -> Channel:
    """The kill switch: off, nothing leaves from the next message on, and what waits goes on waiting."""
    if not permissions.can_switch_channels(by):
        raise NotAllowed(_("Only control owners and administrators switch this."))
    channel = _locked(source_id)
    channel.is_on = is_on
    channel.save(update_fields=["is_on"])
    _record("switched", channel, by, is_on=is_on)
    return channel


@transaction.atomic
def set_dry(*, source_id: int, is_dry: bool, by: User) -> Channel:
    """Send in earnest, or only show what would be sent. Refuses earnest before the first dry run under this address."""
    _check(by)
    channel = _locked(source_id)
    if not is_dry and channel.dried_at is None:
        raise InvalidInput(_("Do a dry run under this address first, and look at what would be sent."))
    channel.is_dry = is_dry
    channel.save(update_fields=["is_dry"])
    _record("dry-run-set", channel, by, is_dry=is_dry)
    return channel


@transaction.atomic
def rotate(*, source_id: int, by: User) -> Channel:
    """A new secret; for a day messages carry a signature of the old one too."""
    _check(by)
    channel = _locked(source_id)
    _own_secret(channel)
    channel.former_secret, channel.former_until = channel.secret, clock.now() + OVERLAP
    channel.secret = signing.seal(signing.new_secret())
    channel.save(update_fields=["secret", "former_secret", "former_until"])
    _record("secret-rotated", channel, by)
    return channel


@transaction.atomic
def show_secret(*, source_id: int, by: User) -> str:
    """The secret, to be entered at the receiver; that it was read is recorded."""
    _check(by)
    channel = _locked(source_id)
    _own_secret(channel)
    _record("secret-read", channel, by)
    return signing.unseal(channel.secret)
