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


def sign_together(keys: list[LogKey], text: str) -> str:
    """The text as one note that all these keys sign."""
    return keys[0].sign(text) + "".join(key.sign(text).rpartition("\n\n")[2] for key in keys[1:])


def create(path: Path, origin: str) -> None:
    """Make a new key file. Refuses to replace one (`FileExistsError`): a lost key means a new log.

    The file appears complete or not at all, so that two processes that start at once agree on one key.
    """
    notes.check_name(origin)
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = _write(path, json.dumps({"origin": origin, "seed": new_seed()}))
    try:
        os.link(temporary, path)
    finally:
        temporary.unlink()


def _write(path: Path, text: str) -> Path:
    """A file of its own beside the path, for its owner alone, with this text in it."""
    descriptor, temporary = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}-")
    with os.fdopen(descriptor, "w") as target:
        target.write(text)
        target.flush()
        os.fsync(target.fileno())
    return Path(temporary)


def _sync(folder: Path) -> None:
    """Make sure that a new name outlives a power cut."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


class KeyStore(Protocol):
    """Where the key is kept, outside the database: the one thing to write for another place, such as a vault."""

    #: Whether programs write there, or only people.
    is_ours: bool

    def name(self) -> str:
        """How messages call it."""

    def read(self) -> str | None:
        """The key as JSON, {"origin", "seed" in base64}; "next" is the seed of the key that comes after it, where one was made.

        None when there is none. Raises `ImproperlyConfigured` when it is not safe.
        """

    def write(self, text: str) -> None:
        """Keep this instead of what is there, all at once. Raises `ImproperlyConfigured` where people must do it."""


@dataclass(frozen=True)
class KeyFile:
    """A file that its owner alone may read."""

    path: Path
    is_ours = True

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

    def write(self, text: str) -> None:
        """The file is the old one or the new one, whatever crashes when, and stays that of its owner."""
        try:
            was, temporary = self.path.stat(), _write(self.path, text)
            if was.st_uid != os.geteuid():
                os.chown(temporary, was.st_uid, was.st_gid)
            temporary.replace(self.path)
            _sync(self.path.parent)
        except OSError as error:
            raise ImproperlyConfigured(f"The ledger's key file {self.path} cannot be written: {error.strerror}.") from error


@dataclass(frozen=True)
class KeyInEnvironment:
    """CERTIFY_LEDGER_KEY, which a container engine or a vault's agent sets, and CERTIFY_LEDGER_KEY_NEXT while keys change."""

    text: str
    next_text: str = ""
    is_ours = False

    def name(self) -> str:
        """The setting's name; never its value."""
        return "key in CERTIFY_LEDGER_KEY"

    def read(self) -> str | None:
        """The settings as they are, as one."""
        if not self.next_text:
            return self.text
        try:
            return json.dumps({**json.loads(self.text), "next": json.loads(self.next_text)["seed"]})
        except (ValueError, KeyError, TypeError) as error:
            raise ImproperlyConfigured("CERTIFY_LEDGER_KEY or CERTIFY_LEDGER_KEY_NEXT does not hold a key.") from error

    def write(self, text: str) -> None:
        """A program cannot change what it was started with."""
        raise ImproperlyConfigured(
            "The ledger's key is in CERTIFY_LEDGER_KEY, which only you can change. `manage.py rotate_ledger_key --print-new` makes"
            " a key: start every process with it in CERTIFY_LEDGER_KEY_NEXT, hand over, then put it into CERTIFY_LEDGER_KEY instead."
        )


def store() -> KeyStore:
    """Where this installation keeps its key: in the environment if it is there, else in the file."""
    if settings.CERTIFY_LEDGER_KEY:
        return KeyInEnvironment(settings.CERTIFY_LEDGER_KEY, settings.CERTIFY_LEDGER_KEY_NEXT)
    return KeyFile(Path(settings.CERTIFY_LEDGER_KEY_FILE))


def held() -> list[LogKey]:
    """The key of this installation, and behind it the next one where one was made. Which of them signs, the log itself says.

    Raises `ImproperlyConfigured` when there is none, or what is there is open to others or not a key.
    """
    kept = store()
    text = kept.read()
    if text is None:
        raise ImproperlyConfigured(
            f"The ledger's {kept.name()} is missing. Restore it from its backup: the log goes on only under its own key."
        )
    try:
        body = json.loads(text)
        return [LogKey(body["origin"], _private(body[name])) for name in ("seed", "next") if name == "seed" or body.get(name)]
    except (ValueError, KeyError, TypeError) as error:
        raise ImproperlyConfigured(f"The ledger's {kept.name()} does not hold a key.") from error


def load() -> LogKey:
    """The key of this installation that was there first. Raises as `held` does."""
    return held()[0]


def prepare_next() -> LogKey:
    """The key that comes after this installation's, made and kept beside it unless that has been done."""
    keys = held()
    if len(keys) == 1:
        kept = store()
        kept.write(json.dumps({**json.loads(kept.read() or ""), "next": new_seed()}))
        keys = held()
    return keys[1]


def drop_all_but(verifier: str) -> bool:
    """Forget the key before the one with this public half; whether there was one. A key that was only prepared stays."""
    keys = held()
    if len(keys) == 1 or keys[1].verifier != verifier:
        return False
    body = json.loads(store().read() or "")
    store().write(json.dumps({"origin": body["origin"], "seed": body["next"]}))
    return True


def new_seed() -> str:
    """A new private key in base64."""
    return base64.b64encode(secrets.token_bytes(32)).decode()


def _private(seed: str) -> Ed25519PrivateKey:
    return Ed25519PrivateKey.from_private_bytes(base64.b64decode(seed, validate=True))


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
