"""Signed messages in the form of Standard Webhooks 1.0 (github.com/standard-webhooks): HMAC-SHA256 over id, time and body."""

import base64
import hashlib
import hmac
import secrets
from collections.abc import Iterable

from certify.lib import sealing

PREFIX = "whsec_"
PURPOSE = "webhook secrets"
#: Receivers refuse messages that are older or newer than this, in seconds.
REPLAY_SECONDS = 300


def new_secret() -> str:
    """256 random bits, as Standard Webhooks writes a secret."""
    return PREFIX + base64.b64encode(secrets.token_bytes(32)).decode()


def _key(secret: str) -> bytes:
    return base64.b64decode(secret.removeprefix(PREFIX))


def signature(secret: str, message_id: str, timestamp: int, body: bytes) -> str:
    """One signature: "v1," and the base64 of HMAC-SHA256 over "id.timestamp.body"."""
    signed = f"{message_id}.{timestamp}.".encode() + body
    return "v1," + base64.b64encode(hmac.new(_key(secret), signed, hashlib.sha256).digest()).decode()


def headers(known: Iterable[str], message_id: str, timestamp: int, body: bytes) -> dict[str, str]:
    """The three headers; one signature for each secret, so that a receiver may know the old one or the new one."""
    return {
        "webhook-id": message_id,
        "webhook-timestamp": str(timestamp),
        "webhook-signature": " ".join(signature(secret, message_id, timestamp, body) for secret in known),
    }


def seal(secret: str) -> str:
    """A secret as it is kept in the database: encrypted under SECRET_KEY; "" for none."""
    return sealing.seal(secret, purpose=PURPOSE)


def unseal(sealed: str) -> str:
    """The secret; "" for none, and when SECRET_KEY is another one now."""
    return sealing.unseal(sealed, purpose=PURPOSE)
