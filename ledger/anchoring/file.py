"""Checkpoints one under the other in a file, on a volume that others keep: append-only storage, a tape, a share of the auditors."""

import os
from contextlib import suppress
from pathlib import Path

from django.conf import settings
from django.utils.translation import gettext_lazy as _

from ledger import keychain, notes, queries
from ledger.anchoring.base import ChannelError, Receipt
from ledger.models import Checkpoint

#: The last note is within this many bytes of the end.
TAIL = 1 << 16


class FileChannel:
    """The file CERTIFY_ANCHOR_FILE. What is in it is compared with the log before anything is added."""

    name = "file"
    label = _("File on another volume")
    counts_checkpoints = True

    def target(self) -> str:
        """The file's path."""
        return settings.CERTIFY_ANCHOR_FILE

    def send(self, checkpoint: Checkpoint) -> Receipt:
        """Append the note and an empty line; an unfinished line of a crash before is closed first."""
        path = Path(self.target())
        try:
            tail = _tail(path)
            _compare(tail, checkpoint)
            descriptor = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o640)
            try:
                start = os.fstat(descriptor).st_size
                _write(descriptor, (_ending(tail) + checkpoint.note + "\n").encode())
                os.fsync(descriptor)
            finally:
                os.close(descriptor)
        except OSError as error:
            raise ChannelError(f"{path} could not be written: {error.strerror}.") from error
        return Receipt(b"", {"path": str(path), "offset": str(start)})


def _write(descriptor: int, left: bytes) -> None:
    """All of it: a volume that is nearly full takes a part, and says so when it is given the rest."""
    while left:
        left = left[os.write(descriptor, left) :]


def _tail(path: Path) -> str:
    if not path.exists():
        return ""
    with path.open("rb") as source:
        source.seek(max(0, path.stat().st_size - TAIL))
        return source.read().decode(errors="replace")


def _ending(tail: str) -> str:
    """What separates the next note from whatever stands before it."""
    return "" if not tail or tail.endswith("\n\n") else "\n" if tail.endswith("\n") else "\n\n"


def _compare(tail: str, checkpoint: Checkpoint) -> None:
    """Refuse to go on under a checkpoint that the log no longer extends."""
    for head in _heads(tail, {checkpoint.note.partition("\n")[0], *(term.origin for term in keychain.terms())}):
        try:
            fits = head.size <= checkpoint.size and queries.root_at(head.size) == head.root
        except queries.MissingHashesError:
            fits = False
        if not fits:
            raise ChannelError(
                f"The file's last checkpoint, of {head.size} entries, is not one of this log. Run verify_ledger."
            )


def _heads(tail: str, origins: set[str]) -> list[notes.TreeHead]:
    """The last tree head of this log in the text, under any name that it had, if there is one."""
    lines = tail.split("\n")
    for place in reversed(range(len(lines))):
        if lines[place] in origins:
            with suppress(notes.NoteError):
                return [notes.TreeHead.parse("\n".join(lines[place : place + 3]) + "\n")]
    return []
