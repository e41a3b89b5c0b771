"""200 people write at once, two sequencers run at once and are killed again and again, the database crashes in the middle of it."""

import json
import os
import random
import signal
import subprocess
import sys
import time

import pytest

from certify.stack.servers import PostgresServer
from certify.stack.supervisor import MANAGE

PEOPLE, EACH = 200, 6
pytestmark = [pytest.mark.slow, pytest.mark.stack]


@pytest.fixture
def server(tmp_path):
    """A durable PostgreSQL of its own, with room for all, and with the tables."""
    server = PostgresServer(tmp_path / "postgres", connections=PEOPLE + 30)
    server.start()
    subprocess.run([sys.executable, "-W", "ignore", MANAGE, "migrate", "-v0"], env=environment(server, tmp_path), check=True)
    yield server
    server.stop()


def environment(server, folder) -> dict[str, str]:
    return os.environ | {
        "DATABASE_URL": server.url("postgres", database="postgres"),
        "DJANGO_SETTINGS_MODULE": "certify.settings",
        "CERTIFY_LEDGER_KEY_FILE": str(folder / "key.json"),
        "PYTHONPATH": str(MANAGE.parent),
    }


def program(server, folder, *arguments: str) -> subprocess.Popen:
    command = [sys.executable, "-W", "ignore", "-m", "tests.ledger.storm", *arguments]
    return subprocess.Popen(
        command,
        env=environment(server, folder),
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
        cwd=MANAGE.parent,
    )


def crash(server) -> None:
    """End the database at once, without a checkpoint, as a lost machine would; it recovers from its log when it starts."""
    server.child.process.send_signal(signal.SIGQUIT)
    server.child.process.wait()
    server.start()


def disturb(server, folder, writers: subprocess.Popen, when: random.Random) -> tuple[int, int]:
    """Kill sequencers while people write, always with two at work; once the database as well. How often each."""
    kills = crashes = 0
    sequencers = [program(server, folder, "sequence") for _ in range(2)]
    begun = time.monotonic()
    while writers.poll() is None and time.monotonic() - begun < 240:
        time.sleep(when.uniform(0.5, 4))
        place = when.randrange(2)
        sequencers[place].kill()
        sequencers[place].wait()
        sequencers[place] = program(server, folder, "sequence")
        kills += 1
        if not crashes and kills == 2:
            crash(server)
            crashes += 1
    for sequencer in sequencers:
        sequencer.kill()
        sequencer.wait()
        sequencer.stdout.close()
    return kills, crashes


def test_nothing_is_lost_or_doubled_and_the_log_never_forks(server, tmp_path):
    writers = program(server, tmp_path, "write", str(PEOPLE), str(EACH), str(tmp_path / "said"))
    kills, crashes = disturb(server, tmp_path, writers, random.Random(6962))
    assert writers.wait(120) == 0
    checking = program(server, tmp_path, "check", str(tmp_path / "said"))
    found = json.loads(checking.communicate(timeout=120)[0])
    assert (found["missing"], found["in_vain"], found["twice"], found["pending"]) == (0, 0, 0, 0)
    assert (found["indexes"], found["forks"], found["problems"]) == (True, [], [])
    assert found["size"] == found["entries"] >= PEOPLE * EACH
    assert (kills > 1, crashes) == (True, 1), found
