"""What every test may ask for: a real Celery worker, a browser, and the tools to wait for what they do."""

import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import hypothesis
import pytest
import redis
from django.conf import settings
from django.db import connection

from tests.pgplugin import TEMPLATE
from tests.story import tell

#: Where Chromium may be; the same as in `install_browser.sh`.
BROWSERS = (os.environ.get("CHROMIUM", "chromium"), "chromium", "chromium-browser", "google-chrome")
#: Fixtures that say what a test needs; the marker lets `-m "not browser"` leave those tests out.
MARKED_BY = {"page": "browser", "worker": "worker", "stack": "stack"}
#: Tests against data that lies beside the repository, where it is developed; elsewhere they cannot run.
SHARED_DATA = Path(__file__).parents[2] / "shared/data"
NEED_SHARED_DATA = ["evidence/test_verifier.py", "inventory/test_real_data.py", "ledger/test_merkle.py", "test_real_path.py"]
collect_ignore = [] if SHARED_DATA.exists() or os.environ.get("CI") else NEED_SHARED_DATA

LONGEST = "test_real_path.py"

# What an example takes says more of the machine than of what is tested.
hypothesis.settings.register_profile("tests", deadline=None, suppress_health_check=[hypothesis.HealthCheck.too_slow])
hypothesis.settings.load_profile("tests")
#: Longer than a test takes that counts days: none of those goes on into the next day, in UTC.
BEFORE_MIDNIGHT = 20


def pytest_report_header(config) -> list[str]:
    """Say what is left out, so that nobody takes a part for the whole."""
    return [f"left out, for want of {SHARED_DATA}: {', '.join(collect_ignore)}"] if collect_ignore else []


def pytest_collection_modifyitems(items):
    """Mark the tests by the fixtures they use. The longest begin: no process is left alone with them at the end."""
    items.sort(key=lambda item: item.path.name != LONGEST)
    for item in items:
        for fixture, marker in MARKED_BY.items():
            if fixture in getattr(item, "fixturenames", ()):
                item.add_marker(marker)
        # A database is made for whoever is marked; those who only read what a fixture of the session built there run alone as well.
        if "django_db_setup" in getattr(item, "fixturenames", ()) and not item.get_closest_marker("django_db"):
            item.add_marker("django_db")


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_setup():
    """Wait for the next day where this one is about to end: what was done "today" would be of yesterday in the same test."""
    left = 86_400 - time.time() % 86_400
    if left < BEFORE_MIDNIGHT:
        time.sleep(left)


@pytest.fixture(scope="session")
def django_db_keepdb() -> bool:
    """Nobody drops a test database: the server is thrown away whole, with whoever still holds on to one."""
    return True


@pytest.fixture(scope="session")
def django_db_modify_db_settings(django_db_modify_db_settings_parallel_suffix):
    """Test databases are copies of the migrated one."""
    connection.settings_dict["TEST"]["TEMPLATE"] = TEMPLATE


@pytest.fixture
def story(db, tmp_path):
    """The small company of `tests/story.py`."""
    return tell(tmp_path)


def eventually(found: Callable[[], object], *, within: float = 20, otherwise: Callable[[], str] = str) -> object:
    """The first true answer of `found`; fails with the words of `otherwise` when there is none in time."""
    deadline = time.monotonic() + within
    while time.monotonic() < deadline:
        if answer := found():
            return answer
        time.sleep(0.05)
    pytest.fail(f"nothing within {within} seconds. {otherwise()}")


class WorkerProcess:
    """A real Celery worker on the test database, in a process of its own."""

    def __init__(self, log: Path):
        self.log = log
        self.process: subprocess.Popen | None = None

    def start(self) -> None:
        """Start it and wait until it takes tasks."""
        own = connection.settings_dict
        address = f"postgres://{own['USER']}@{own['HOST']}:{own['PORT']}/{own['NAME']}"
        command = [sys.executable, "-m", "celery", "-A", "certify", "worker", "-c", "2", "--without-gossip", "--without-mingle"]
        env = os.environ | {"DATABASE_URL": address, "DJANGO_SETTINGS_MODULE": "certify.settings"}
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(
                [*command, "-l", "INFO"], env=env, stdout=log, stderr=subprocess.STDOUT, start_new_session=True
            )
        eventually(lambda: " ready." in self.log.read_text(), within=60, otherwise=self.log.read_text)

    def kill(self) -> None:
        """End it at once with everything it does, as a lost machine would."""
        os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait()


@pytest.fixture
def worker(transactional_db, tmp_path):
    """A running worker. The test's data is committed, so that the worker sees it; what was queued before is forgotten."""
    with redis.Redis.from_url(settings.REDIS_URL) as broker:
        broker.flushdb()
    process = WorkerProcess(tmp_path / "worker.log")
    process.start()
    yield process
    process.kill()


@pytest.fixture(scope="session")
def browser_type_launch_args(browser_type_launch_args):
    """The system's Chromium, quiet: it asks nobody for updates."""
    quiet = ["--disable-background-networking", "--disable-component-update", "--disable-sync", "--no-first-run"]
    return {
        **browser_type_launch_args,
        "executable_path": next(filter(None, map(shutil.which, BROWSERS)), None),
        "args": ["--no-sandbox", "--disable-gpu", "--disable-quic", *quiet],
    }


@pytest.fixture(scope="session")
def browser_context_args(browser_context_args):
    """A laptop's window, and the language and time zone of the product."""
    return {
        **browser_context_args,
        "viewport": {"width": 1280, "height": 800},
        "locale": "en-GB",
        "timezone_id": "UTC",
    }
