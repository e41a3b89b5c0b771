"""The log's signing key: an Ed25519 seed outside the database, in a file that its owner alone may read or in the environment."""

import base64
import json
import logging
import os
import secrets
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

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


class KeyStore(Protocol):
    """Where the key is kept, outside the database: the one thing to write for another place, such as a vault."""

    def name(self) -> str:
        """How messages call it."""

    def read(self) -> str | None:
        """The key as JSON, {"origin", "seed" in base64}; None when there is none. Raises `ImproperlyConfigured` when it is not safe."""


@dataclass(frozen=True)
class KeyFile:
    """A file that its owner alone may read."""

    path: Path

    def name(self) -> str:
        """The file's path."""
        return f"key file {self.path}"

    def read(self) -> str | None:
        """Refuses a file that is open to others."""
        if not self.path.exists():
            return None
        if self.path.stat().st_mode & 0o077:
            raise ImproperlyConfigured(f"The ledger's key file {self.path} can be read by others. Run: chmod 600 {self.path}")
        return self.path.read_text()


@dataclass(frozen=True)
class KeyInEnvironment:
    """CERTIFY_LEDGER_KEY, which a container engine or a vault's agent sets."""

    text: str

    def name(self) -> str:
        """The setting's name; never its value."""
        return "key in CERTIFY_LEDGER_KEY"

    def read(self) -> str | None:
        """The setting as it is."""
        return self.text


def store() -> KeyStore:
    """Where this installation keeps its key: in the environment if it is there, else in the file."""
    if settings.CERTIFY_LEDGER_KEY:
        return KeyInEnvironment(settings.CERTIFY_LEDGER_KEY)
    return KeyFile(Path(settings.CERTIFY_LEDGER_KEY_FILE))


def load() -> LogKey:
    """The key of this installation. Raises `ImproperlyConfigured` when it is missing, open to others or not a key."""
    kept = store()
    text = kept.read()
    if text is None:
        raise ImproperlyConfigured(
            f"The ledger's {kept.name()} is missing. Restore it from its backup: the log goes on only under the key it began with."
        )
    try:
        body = json.loads(text)
        return LogKey(body["origin"], Ed25519PrivateKey.from_private_bytes(base64.b64decode(body["seed"], validate=True)))
    except (ValueError, KeyError, TypeError) as error:
        raise ImproperlyConfigured(f"The ledger's {kept.name()} does not hold a key.") from error


def load_or_create() -> LogKey:
    """The key of this installation, made now if there is none. Only for a log that has signed nothing yet."""
    if store().read() is None:
        path = Path(settings.CERTIFY_LEDGER_KEY_FILE)
        try:
            create(path, settings.CERTIFY_LEDGER_ORIGIN)
        except FileExistsError:
            logger.info("another process has just made the ledger's key")
        else:
            logger.warning("made a new ledger key in %s: back it up; its public half is %s", path, load().verifier)
    return load()
