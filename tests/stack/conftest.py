"""A whole Certify of its own, started as a person starts it."""

import json
import os
import re
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psutil
import pytest

from certify.stack.supervisor import MANAGE
from tests.conftest import eventually
from tests.pgplugin import ENVIRONMENT

READY = re.compile(r"Certify is ready at (http://127\.0\.0\.1:\d+)")


def clean_environment() -> dict[str, str]:
    """The environment without what the test run itself was given."""
    ours = {*ENVIRONMENT, "DATABASE_URL", "REDIS_URL", "DJANGO_SETTINGS_MODULE", "CERTIFY_DATA_DIR"}
    return {name: value for name, value in os.environ.items() if name not in ours}


class RunningStack:
    """`manage.py up` on a data directory, with what it prints."""

    def __init__(self, data: Path):
        self.data, self.lines = data, []
        self.process: subprocess.Popen | None = None
        self.reader: threading.Thread | None = None

    def start(self, *options: str, demo: bool = False, **environment: str) -> None:
        """Start it; `lines` fills with what it says."""
        command = [sys.executable, MANAGE, "up", "--data", self.data, *([] if demo else ["--no-demo"]), *options]
        self.lines = []
        self.process = subprocess.Popen(
            [str(part) for part in command],
            env=clean_environment() | environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            start_new_session=True,
        )
        self.reader = threading.Thread(target=self._read, daemon=True)
        self.reader.start()

    def _read(self) -> None:
        for line in self.process.stdout:
            self.lines.append(line.rstrip("\n"))

    @property
    def output(self) -> str:
        """All that it said."""
        return "\n".join(self.lines)

    def address(self) -> str:
        """Where it answers, once it says so."""

        def found():
            return READY.search(self.output) or (self.process.poll() is not None and pytest.fail(self.output))

        return eventually(found, within=120, otherwise=lambda: self.output).group(1)

    def health(self) -> dict:
        """What the health page says."""
        with urllib.request.urlopen(f"{self.address()}/health/", timeout=10) as answer:
            return json.load(answer)

    def processes(self) -> list[psutil.Process]:
        """The supervisor and everything below it."""
        top = psutil.Process(self.process.pid)
        return [top, *top.children(recursive=True)]

    def signal(self, number: signal.Signals) -> int:
        """Send a signal to the supervisor alone and wait for its end; returns its exit status."""
        self.process.send_signal(number)
        status = self.process.wait(60)
        self.reader.join(10)
        self.process.stdout.close()
        return status

    def run(self, *options: str, **environment: str) -> int:
        """Start it, expecting that it ends by itself; returns its exit status."""
        self.start(*options, **environment)
        return self.signal(0)


@contextmanager
def place() -> Iterator[Path]:
    """A data directory, not yet made, where PostgreSQL's user may go."""
    with tempfile.TemporaryDirectory(prefix="certify-stack-") as name:
        Path(name).chmod(0o711)
        yield Path(name) / "var"


def ended(running: RunningStack) -> None:
    """Stop it if it still runs."""
    if running.process and running.process.poll() is None:
        running.signal(signal.SIGTERM)


@pytest.fixture
def stack():
    """A stack that is not yet started."""
    with place() as data:
        running = RunningStack(data)
        yield running
        ended(running)


@pytest.fixture(scope="module")
def taken() -> Iterator[int]:
    """A port on which somebody else listens."""
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        yield other.getsockname()[1]


@pytest.fixture(scope="module")
def running_stack(taken):
    """A running stack for tests that only look at it: with the sample company, and a wanted port that is taken."""
    with place() as data:
        running = RunningStack(data)
        running.start("--port", str(taken), demo=True)
        running.address()
        yield running
        ended(running)
