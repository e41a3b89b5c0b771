"""Anchors: checkpoints that leave the building on a schedule, so that the log cannot be rewritten behind them."""

from ledger.anchoring.base import Channel, ChannelError, Receipt
from ledger.anchoring.bucket import BucketChannel
from ledger.anchoring.file import FileChannel
from ledger.anchoring.mail import MailChannel
from ledger.anchoring.timestamp import TimestampChannel

__all__ = ["CHANNELS", "Channel", "ChannelError", "Receipt"]

CHANNELS: tuple[Channel, ...] = (TimestampChannel(), MailChannel(), FileChannel(), BucketChannel())
