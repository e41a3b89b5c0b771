"""Programs of their own on the test database, and their death by SIGKILL."""

import os
import signal
import subprocess
import sys
import time

from django.db import connection


def run(program: str) -> subprocess.Popen:
    """A process of its own on the test database; it says "ready" before it begins the work."""
    own = connection.settings_dict
    address = f"postgres://{own['USER']}@{own['HOST']}:{own['PORT']}/{own['NAME']}"
    env = os.environ | {"DATABASE_URL": address, "DJANGO_SETTINGS_MODULE": "certify.settings"}
    start = "import django; django.setup(); print('ready', flush=True)\n"
    process = subprocess.Popen(
        [sys.executable, "-W", "ignore", "-c", start + program], env=env, stdout=subprocess.PIPE, text=True
    )
    assert process.stdout.readline() == "ready\n"
    return process


def kill_after(program: str, seconds: float) -> bool:
    """Run it, kill it after so long; whether it was killed before its end."""
    process = run(program)
    time.sleep(seconds)
    was_running = process.poll() is None
    process.send_signal(signal.SIGKILL)
    process.wait()
    process.stdout.close()
    return was_running
