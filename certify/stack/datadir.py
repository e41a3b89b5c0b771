"""The data directory of an embedded stack: who owns it now, its secrets, and starting over."""

import fcntl
import json
import os
import secrets
import shlex
import shutil
from pathlib import Path

from certify.stack.programs import cluster_directory
from certify.stack.servers import StackError

#: The lock outlives a fresh start: deleting a locked file would let a second supervisor in.
LOCK = "certify.lock"
SECRETS = "secrets.json"


class AlreadyRunning(StackError):
    """Another supervisor holds the data directory."""


def write_private(path: Path, text: str) -> None:
    """Write a file that only its owner may read, whole or not at all."""
    half = path.with_name(f"{path.name}.new")
    half.unlink(missing_ok=True)
    with os.fdopen(os.open(half, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as target:
        target.write(text)
        target.flush()
        os.fsync(target.fileno())
    half.replace(path)


class DataDirectory:
    """Everything that one installation keeps, at `path`."""

    def __init__(self, path: Path):
        self.path = path.resolve()
        self.lock_file = None

    @property
    def postgres(self) -> Path:
        """Where the database cluster is asked to be; see `programs.cluster_directory` for where it is."""
        return self.path / "postgres"

    def lock(self) -> None:
        """Own the directory until this process ends. Refuses when another supervisor owns it, and says where it answers."""
        self.path.mkdir(parents=True, exist_ok=True)
        # Private, but PostgreSQL's user must be able to pass through to its own part.
        self.path.chmod(0o711 if os.geteuid() == 0 else 0o700)
        self.lock_file = (self.path / LOCK).open("a+")
        try:
            fcntl.flock(self.lock_file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            self.lock_file.seek(0)
            address = self.lock_file.read().strip() or "an address it has not told yet"
            raise AlreadyRunning(
                f"Certify already runs on {self.path}, at {address}. Nothing was changed; Ctrl-C stops it where it runs."
            ) from None

    def tell(self, address: str) -> None:
        """Write the address into the lock, for a second supervisor to report."""
        self.lock_file.truncate(0)
        self.lock_file.write(address)
        self.lock_file.flush()

    def secrets(self, *names: str) -> dict[str, str]:
        """The installation's own secrets, made when first asked for, readable by their owner alone."""
        path = self.path / SECRETS
        kept = json.loads(path.read_text()) if path.exists() else {}
        missing = {name: secrets.token_urlsafe(48) for name in names if name not in kept}
        if missing:
            write_private(path, json.dumps(kept | missing))
        return kept | missing

    def write_environment(self, env: dict[str, str]) -> Path:
        """A file for `. FILE` in a shell, so that `manage.py` reaches this stack; gone when the stack stops."""
        path = self.path / "environment"
        write_private(path, "".join(f"export {name}={shlex.quote(value)}\n" for name, value in sorted(env.items())))
        return path

    def forget_environment(self) -> None:
        """The stack has stopped: what the file says is no longer true."""
        (self.path / "environment").unlink(missing_ok=True)

    def start_over(self) -> None:
        """Delete everything but the lock. Refuses a directory that holds files but was never Certify's."""
        entries = {entry.name: entry for entry in self.path.iterdir() if entry.name != LOCK}
        if entries and SECRETS not in entries:
            raise StackError(f"{self.path} has files that Certify did not make. It is left alone: name another directory.")
        # The secrets go last: while they are there, an interrupted deletion can be repeated.
        last = entries.pop(SECRETS, None)
        entries["postgres"] = cluster_directory(self.postgres)
        for entry in entries.values():
            if entry.is_dir() and not entry.is_symlink():
                shutil.rmtree(entry)
            else:
                entry.unlink(missing_ok=True)
        if last:
            last.unlink()

    def sign_ins(self) -> list[dict]:
        """What the sample company's loader wrote: rows of {role, name, username, password, secret}; none without it."""
        path = self.path / "demo-sign-ins.json"
        return json.loads(path.read_text()) if path.exists() else []
