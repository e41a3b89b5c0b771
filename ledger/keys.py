"""The log's signing key: an Ed25519 seed in a file outside the database, readable by its owner alone."""

import base64
import json
import logging
import os
import secrets
import tempfile
from dataclasses import dataclass
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from django.conf import settings
from django.core.exceptions import ImproperlyConfigured

from ledger import notes

logger = logging.getLogger(__name__)


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
    """Make a new key file. Refuses to replace one (`FileExistsError`): a lost key means a new log.

    The file appears complete or not at all, so that two processes that start at once agree on one key.
    """
    notes.check_name(origin)
    path.parent.mkdir(parents=True, exist_ok=True)
    body = json.dumps({"origin": origin, "seed": base64.b64encode(secrets.token_bytes(32)).decode()})
    descriptor, temporary = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}-")
    try:
        with os.fdopen(descriptor, "w") as target:
            target.write(body)
            target.flush()
            os.fsync(target.fileno())
        os.link(temporary, path)
    finally:
        Path(temporary).unlink()


def load() -> LogKey:
    """The key of this installation. Raises `ImproperlyConfigured` when the file is missing, open to others or not a key."""
    path = Path(settings.CERTIFY_LEDGER_KEY_FILE)
    if not path.exists():
        raise ImproperlyConfigured(
            f"The ledger's key file {path} is missing. Restore it from its backup: "
            "the log goes on only under the key it began with."
        )
    if path.stat().st_mode & 0o077:
        raise ImproperlyConfigured(f"The ledger's key file {path} can be read by others. Run: chmod 600 {path}")
    try:
        body = json.loads(path.read_text())
        return LogKey(body["origin"], Ed25519PrivateKey.from_private_bytes(base64.b64decode(body["seed"], validate=True)))
    except (ValueError, KeyError, TypeError) as error:
        raise ImproperlyConfigured(f"The ledger's key file {path} does not hold a key.") from error


def load_or_create() -> LogKey:
    """The key of this installation, made now if there is none. Only for a log that has signed nothing yet."""
    path = Path(settings.CERTIFY_LEDGER_KEY_FILE)
    if not path.exists():
        try:
            create(path, settings.CERTIFY_LEDGER_ORIGIN)
        except FileExistsError:
            logger.info("another process has just made the ledger's key")
        else:
            logger.warning("made a new ledger key in %s: back it up; its public half is %s", path, load().verifier)
    return load()
