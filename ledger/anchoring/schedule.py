"""When a checkpoint is to be left outside, and whether that is late."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from django.conf import settings

from certify.lib import clock
from ledger.anchoring import CHANNELS
from ledger.anchoring.base import Channel
from ledger.models import Anchor, AnchorFailure, Checkpoint

#: How long after its time an anchor may be missing before the health page says so: tries are made every minute.
MAX_LATE = timedelta(hours=1)


def last_anchor(channel: Channel) -> Anchor | None:
    """What was left there last, at this target: a new target begins anew."""
    kept = Anchor.objects.filter(channel=channel.name, target=channel.target()[:500])
    return kept.select_related("checkpoint").order_by("-id").first()


def due_since(channel: Channel) -> datetime | None:
    """Since when a checkpoint should be there that is not; None while none is due.

    Due is the first one ever; then when a newer one has been there for CERTIFY_ANCHOR_HOURS; and, in channels that count, when
    there are CERTIFY_ANCHOR_EVERY newer ones.
    """
    last = last_anchor(channel)
    newer = (
        Checkpoint.objects.filter(size__gt=last.checkpoint.size if last else -1).order_by("size").values_list("at", flat=True)
    )
    oldest = newer.first()
    if oldest is None:
        return None
    moments = [oldest + timedelta(hours=settings.CERTIFY_ANCHOR_HOURS) if last else oldest]
    if channel.counts_checkpoints:
        moments += newer[settings.CERTIFY_ANCHOR_EVERY - 1 :][:1]
    due = min(moments)
    return due if due <= clock.now() else None


@dataclass(frozen=True)
class Standing:
    """How a channel stands: what was left there last, since when something is missing, why the last try failed."""

    channel: Channel
    last: Anchor | None
    due_since: datetime | None
    failure: AnchorFailure | None

    @property
    def is_late(self) -> bool:
        """Whether it is time to worry."""
        return bool(self.due_since and clock.now() - self.due_since > MAX_LATE)


def standings() -> list[Standing]:
    """Every channel that is used."""
    failures = AnchorFailure.objects.in_bulk()
    used = [channel for channel in CHANNELS if channel.target()]
    return [Standing(channel, last_anchor(channel), due_since(channel), failures.get(channel.name)) for channel in used]
