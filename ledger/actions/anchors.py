"""What was left outside is written down: in a table that only grows, and in the ledger."""

import hashlib
import logging

from django.db import transaction

from certify.lib import clock
from ledger.actions import entries
from ledger.anchoring import Channel, Receipt
from ledger.models import Anchor, AnchorFailure, Checkpoint

logger = logging.getLogger(__name__)


@transaction.atomic
def keep(*, checkpoint: Checkpoint, channel: Channel, receipt: Receipt, by) -> Anchor:
    """Keep what came back for a checkpoint. The entry makes a removed anchor show, and a new checkpoint to be left in time."""
    now, target = clock.now(), channel.target()[:500]
    entry = entries.record(
        kind="ledger:anchored",
        subject=f"ledger.checkpoint:{checkpoint.size}",
        by=by,
        at=now,
        data={
            "size": str(checkpoint.size),
            "root": bytes(checkpoint.root).hex(),
            "channel": channel.name,
            "target": target,
            "detail": receipt.detail,
            "receipt_sha256": hashlib.sha256(receipt.content).hexdigest() if receipt.content else "",
        },
    )
    AnchorFailure.objects.filter(channel=channel.name).delete()
    return Anchor.objects.create(
        checkpoint=checkpoint,
        channel=channel.name,
        target=target,
        receipt=receipt.content,
        detail=receipt.detail,
        at=now,
        entry_uid=entry.uid,
    )


@transaction.atomic
def note_failure(*, channel: Channel, reason: str, by) -> None:
    """Remember for the page why a try failed. It is tried again; `by` is told in the log."""
    AnchorFailure.objects.update_or_create(channel=channel.name, defaults={"reason": reason, "at": clock.now()})
    logger.error("%s could not leave a checkpoint by %s: %s", by.actor_ref()["id"], channel.name, reason)
