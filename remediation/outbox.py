"""From a row that waits to what a connector is given: with secrets, never to be kept."""

from datetime import datetime

from remediation.connectors.protocol import Message
from remediation.models import Delivery
from remediation.outgoing import signing
from remediation.states import Effect


def message_of(delivery: Delivery, now: datetime, *, is_dry: bool = False) -> Message:
    """What a connector needs to carry a message out, or to look at its ticket."""
    channel = delivery.channel
    known = [channel.secret]
    if channel.former_until and channel.former_until > now:
        known.append(channel.former_secret)
    return Message(
        url=channel.url,
        settings=channel.settings,
        secrets=tuple(filter(None, map(signing.unseal, known))),
        key=str(delivery.key),
        body=delivery.body,
        at=now,
        asked_at=delivery.sending.at,
        is_repeat=delivery.attempts.filter(effect=Effect.UNKNOWN).exists(),
        is_dry=is_dry,
    )
