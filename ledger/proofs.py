"""The offline proof of one entry in one file: C2SP tlog-proof (https://c2sp.org/tlog-proof)."""

import base64

from ledger import queries
from ledger.models import Checkpoint, Entry

HEADER = "c2sp.org/tlog-proof@v1"
SUFFIX = ".tlog-proof"


def text(entry: Entry, checkpoint: Checkpoint, note: str) -> str:
    """The proof that an entry, which needs its leaf, is under a checkpoint. `note` is that checkpoint, with or without its witnesses."""
    path = [base64.b64encode(node).decode() for node in queries.inclusion_proof(entry.leaf.index, checkpoint.size)]
    return "\n".join([HEADER, f"index {entry.leaf.index}", *path, "", note])
