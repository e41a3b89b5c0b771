"""The log's signing key: an Ed25519 seed in a file outside the database, readable by its owner alone."""

import base64
import json
import os
import secrets
from dataclasses import dataclass
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from django.conf import settings
from django.core.exceptions import ImproperlyConfigured

from ledger import notes


@dataclass(frozen=True)
class LogKey:
    """The key and the origin it signs for."""

    origin: str
    private: Ed25519PrivateKey

    @property
    def verifier(self) -> str:
        """The public half, as auditors keep it."""
        return notes.verifier_key(self.origin, self.private.public_key().public_bytes_raw())

    def sign(self, text: str) -> str:
        """The text as a signed note."""
        return notes.sign(text, self.origin, self.private)


def create(path: Path, origin: str) -> None:
    """Make a new key file. Refuses to replace one: a lost key means a new log."""
    path.parent.mkdir(parents=True, exist_ok=True)
    body = json.dumps({"origin": origin, "seed": base64.b64encode(secrets.token_bytes(32)).decode()})
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "w") as target:
        target.write(body)


def load() -> LogKey:
    """The key of this installation. Raises `ImproperlyConfigured` when the file is missing or open to others."""
    path = Path(settings.CERTIFY_LEDGER_KEY_FILE)
    if not path.exists():
        raise ImproperlyConfigured(f"The ledger's key file {path} is missing. `manage.py upgrade` makes it on first use.")
    if path.stat().st_mode & 0o077:
        raise ImproperlyConfigured(f"The ledger's key file {path} can be read by others. Run: chmod 600 {path}")
    body = json.loads(path.read_text())
    return LogKey(body["origin"], Ed25519PrivateKey.from_private_bytes(base64.b64decode(body["seed"])))
