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


def die_with(parent: int, death_signal: int) -> None:
    """Ask Linux to end this process when its parent dies, even by SIGKILL. Elsewhere the supervisor's own stop must do."""
    if sys.platform != "linux":
        return
    ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, int(death_signal))
    if os.getppid() != parent:  # it died before the request was made
        os._exit(1)


@dataclass
class Child:
    """One program: how to start it, what ends it (`death_signal` when its parent has died), and where its words go."""

    name: str
    command: list
    log: Path
    env: dict | None = None
    stop_signal: int = signal.SIGTERM
    death_signal: int = 0
    options: dict = field(default_factory=dict)
    process: subprocess.Popen | None = None

    def start(self) -> None:
        """Start in a session of its own, so that Ctrl-C reaches only the supervisor."""
        self.log.parent.mkdir(parents=True, exist_ok=True)
        parent = os.getpid()
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(  # noqa: S603 - our own programs
                [str(part) for part in self.command],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                env=self.env,
                start_new_session=True,
                preexec_fn=lambda: die_with(parent, self.death_signal or self.stop_signal),
                **self.options,
            )

    def is_running(self) -> bool:
        """Whether it was started and has not ended."""
        return self.process is not None and self.process.poll() is None

    def stop(self, patience: float = 15) -> None:
        """Ask it to end; after `patience` seconds, and for whatever it leaves behind, end its whole group."""
        if self.process is None:
            return
        if self.is_running():
            self.process.send_signal(self.stop_signal)
            try:
                self.process.wait(patience)
            except subprocess.TimeoutExpired:
                self._end_group()
                self.process.wait()
        self._end_group()
        self.process = None

    def _end_group(self) -> None:
        try:
            os.killpg(self.process.pid, signal.SIGKILL)
        except ProcessLookupError:
            return

    def tail(self, lines: int = 20) -> str:
        """The last lines of its log."""
        return "\n".join(self.log.read_text(errors="replace").splitlines()[-lines:])
