"""What an entry is made of; pure."""

from datetime import datetime
from uuid import UUID

from certify.lib import canonical
from certify.lib.errors import InvalidInput
from certify.lib.times import rfc3339

VERSION = 1
#: C2SP tlog-tiles prefixes an entry with a 16-bit length.
MAX_PAYLOAD_BYTES = 65_535


def payload(*, uid: UUID, kind: str, subject: str, actor: dict[str, str], at: datetime, data: dict) -> bytes:
    """The canonical bytes of an entry (RFC 8785). Refuses more than 65,535 bytes: commit to larger things by their hash."""
    body = canonical.dumps(
        {
            "v": VERSION,
            "uid": str(uid),
            "kind": kind,
            "subject": subject,
            "actor": actor,
            "at": rfc3339(at),
            "data": data,
        }
    )
    if len(body) > MAX_PAYLOAD_BYTES:
        raise InvalidInput(f"A ledger entry of kind {kind} has {len(body):,} bytes; at most {MAX_PAYLOAD_BYTES:,} are allowed.")
    return body
