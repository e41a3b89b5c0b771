"""Child processes that never outlive their parent."""

import ctypes
import os
import pwd
import signal
import subprocess
import sys
from dataclasses import dataclass, field
from pathlib import Path

PR_SET_PDEATHSIG = 1
#: PostgreSQL refuses to run as root, so root runs it as this user.
UNPRIVILEGED = "nobody"


def unprivileged() -> dict:
    """Arguments for `subprocess` that step down from root; nothing for everybody else."""
    if os.geteuid() != 0:
        return {}
    account = pwd.getpwnam(UNPRIVILEGED)
    return {"user": account.pw_uid, "group": account.pw_gid, "extra_groups": []}


def die_with_parent(death_signal: int = signal.SIGTERM) -> None:
    """Ask Linux to end this process when its parent dies, even by SIGKILL. Elsewhere the supervisor's own stop must do."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, int(death_signal))


@dataclass
class Child:
    """One program: how to start it, what ends it, and where its words go."""

    name: str
    command: list
    log: Path
    env: dict | None = None
    stop_signal: int = signal.SIGTERM
    options: dict = field(default_factory=dict)
    process: subprocess.Popen | None = None

    def start(self) -> None:
        """Start in a session of its own, so that Ctrl-C reaches only the supervisor."""
        self.log.parent.mkdir(parents=True, exist_ok=True)
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(  # noqa: S603 - our own programs
                [str(part) for part in self.command],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                env=self.env,
                start_new_session=True,
                preexec_fn=lambda: die_with_parent(self.stop_signal),  # noqa: PLW1509
                **self.options,
            )

    def is_running(self) -> bool:
        """Whether it was started and has not ended."""
        return self.process is not None and self.process.poll() is None

    def stop(self, patience: float = 15) -> None:
        """Ask it to end; after `patience` seconds end its whole group."""
        if not self.is_running():
            return
        self.process.send_signal(self.stop_signal)
        try:
            self.process.wait(patience)
        except subprocess.TimeoutExpired:
            os.killpg(self.process.pid, signal.SIGKILL)
            self.process.wait()

    def tail(self, lines: int = 20) -> str:
        """The last lines of its log."""
        return "\n".join(self.log.read_text(errors="replace").splitlines()[-lines:])
