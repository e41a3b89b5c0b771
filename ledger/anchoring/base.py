"""What every channel of anchors is made of."""

from dataclasses import dataclass, field
from typing import Protocol

from ledger.models import Checkpoint


class ChannelError(Exception):
    """The checkpoint could not be left there; the message says why, and another try may succeed."""


@dataclass(frozen=True)
class Receipt:
    """What came back: the bytes to keep (a token, a message; empty when there are none) and facts about them, as text."""

    content: bytes = b""
    detail: dict[str, str] = field(default_factory=dict)


class Channel(Protocol):
    """A place outside where checkpoints are left."""

    #: The word in the database, and the words for people.
    name: str
    label: str
    #: Whether each 100th checkpoint goes there as well, or only one when the time has come.
    counts_checkpoints: bool

    def target(self) -> str:
        """Where it is, as it is configured; empty when the channel is not used."""

    def send(self, checkpoint: Checkpoint) -> Receipt:
        """Leave a checkpoint there. Raises `ChannelError`. May happen twice when a worker dies in between."""
