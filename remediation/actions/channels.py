"""Channels: to which program the removals of a source are sent, under which secret, and the switch that stops it."""

from datetime import timedelta

from django.conf import settings
from django.db import transaction

from certify.lib import clock
from certify.lib.errors import InvalidInput, NotAllowed
from ledger.actions import entries
from people.models import User
from remediation import permissions
from remediation.models import Channel
from remediation.outgoing import addresses, signing

#: A secret that was changed signs beside the new one for so long.
OVERLAP = timedelta(days=1)


def _check(by: User) -> None:
    if not permissions.can_configure_channels(by):
        raise NotAllowed("Only an administrator sets up how removals are sent.")


def _locked(source_id: int) -> Channel:
    found = (
        Channel.objects.select_for_update(of=("self",), no_key=True)
        .select_related("source")
        .filter(source_id=source_id)
        .first()
    )
    if found is None:
        raise InvalidInput("No program is set up for this system.")
    return found


def _record(step: str, channel: Channel, by: User, **data) -> None:
    facts = {"source": channel.source.key, "url": channel.url, **data}
    entries.record(kind=f"channel:{step}", subject=f"inventory.source:{channel.source_id}", by=by, data=facts)


@transaction.atomic
def configure(*, source_id: int, url: str, most: int, percent: int, by: User) -> Channel:
    """Set a source's address and limits. A new address is off and dry until it has been tried, and gets a new secret.

    Refuses what is no web address, and plain http unless networks of one's own are allowed at all.
    """
    _check(by)
    try:
        url = addresses.check_url(url)
    except addresses.Refused as refusal:
        raise InvalidInput(str(refusal), field="url") from None
    if url.startswith("http:") and not settings.CERTIFY_WEBHOOK_NETWORKS:
        raise InvalidInput("Use https: removals name people and their access.", field="url")
    if not (1 <= percent <= 100 and most >= 1):
        raise InvalidInput("At least one removal, and a share from 1 to 100 percent.")
    channel = Channel.objects.select_for_update(of=("self",), no_key=True).filter(source_id=source_id).first()
    channel = channel or Channel(source_id=source_id)
    if channel.url != url:
        channel.url, channel.secret, channel.former_secret, channel.former_until = (
            url,
            signing.seal(signing.new_secret()),
            "",
            None,
        )
        channel.is_on, channel.is_dry, channel.dried_at = False, True, None
    channel.most, channel.percent = most, percent
    channel.save()
    _record("configured", channel, by, most=most, percent=percent)
    return channel


@transaction.atomic
def switch(*, source_id: int, is_on: bool, by: User) -> Channel:
    """The kill switch: off, nothing leaves from the next message on, and what waits goes on waiting."""
    if not permissions.can_switch_channels(by):
        raise NotAllowed("Only control owners and administrators switch this.")
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
        raise InvalidInput("Do a dry run under this address first, and look at what would be sent.")
    channel.is_dry = is_dry
    channel.save(update_fields=["is_dry"])
    _record("dry-run-set", channel, by, is_dry=is_dry)
    return channel


@transaction.atomic
def rotate(*, source_id: int, by: User) -> Channel:
    """A new secret; for a day messages carry a signature of the old one too."""
    _check(by)
    channel = _locked(source_id)
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
    _record("secret-read", channel, by)
    return signing.unseal(channel.secret)
