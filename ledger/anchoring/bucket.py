"""Checkpoints in an S3 bucket with Object Lock: until a day nobody deletes them, not even who owns the account."""

import hashlib
from datetime import timedelta

from django.conf import settings
from django.utils.translation import gettext_lazy as _

from certify.lib import clock
from certify.lib.times import rfc3339
from ledger.anchoring.base import ChannelError, Receipt
from ledger.buckets import ROUNDING, Bucket, BucketError
from ledger.models import Checkpoint

MODE = "COMPLIANCE"


class BucketChannel:
    """The bucket CERTIFY_ANCHOR_S3, where each checkpoint is kept for CERTIFY_ANCHOR_S3_DAYS."""

    name = "s3"
    label = _("S3 with Object Lock")
    counts_checkpoints = True

    def target(self) -> str:
        """The bucket's address."""
        return settings.CERTIFY_ANCHOR_S3

    def send(self, checkpoint: Checkpoint) -> Receipt:
        """Add the note under its size, and look at whether the store retains it as asked.

        Refuses when the bucket has a checkpoint over more entries, or another one over as many: then the log was put back or
        rewritten.
        """
        bucket, note = Bucket.of(self.target()), checkpoint.note.encode()
        folder = f"checkpoints/{checkpoint.note.partition(chr(10))[0]}/"
        key = f"{folder}{checkpoint.size:020d}.txt"
        until = clock.now().replace(microsecond=0) + timedelta(days=settings.CERTIFY_ANCHOR_S3_DAYS)
        try:
            if later := bucket.first_after(folder, key):
                raise ChannelError(
                    f"{later} in the bucket is of more entries than the log has signed. Was an older backup restored?"
                )
            is_new = bucket.add(key, note, until=until)
            stored = bucket.stored(key)
        except BucketError as error:
            raise ChannelError(str(error)) from error
        wanted = until - timedelta(seconds=ROUNDING) if is_new else clock.now()  # one of a try before is retained from then on
        if stored.mode != MODE or stored.until is None or stored.until < wanted:
            raise ChannelError(
                f"{key} is in the bucket and not retained as asked: {stored.mode or 'no mode'}, {rfc3339(stored.until)}."
            )
        detail = {"key": bucket.prefix + key, "version": stored.version, "mode": stored.mode, "until": rfc3339(stored.until)}
        return Receipt(b"", detail | {"sha256": hashlib.sha256(note).hexdigest()})
