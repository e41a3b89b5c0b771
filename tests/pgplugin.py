"""Starts one throwaway PostgreSQL and one Valkey for the whole test run, before pytest-django reads the settings.

Loaded with `-p`; in a parallel run only the controller starts them. The workers inherit the addresses; each has its own test
databases, its own number in Valkey and its own directory. Durability is off here: this data is thrown away.

Every test database is copied from one that was migrated once. The cluster that holds it is kept in the virtual environment
until a migration or a locked package changes, so that the next run starts at once.
"""

import hashlib
import os
import shutil
import subprocess
import sys
import tempfile
from contextlib import closing
from pathlib import Path

from certify.stack.processes import UNPRIVILEGED, unprivileged
from certify.stack.servers import PostgresServer, ValkeyServer

ROOT = Path(__file__).resolve().parents[1]
#: The database that test databases are copied from; `tests/conftest.py` names it to Django.
TEMPLATE = "certify_template"
ENVIRONMENT = {
    "CERTIFY_ENV": "test",
    "SECRET_KEY": "only-for-tests",
    "ALLOWED_HOSTS": "testserver,127.0.0.1,localhost",
    "CERTIFY_INSECURE_HTTP": "true",
    "CERTIFY_BASE_URL": "http://testserver",
    # One directory for many databases would be many logs at one place; tests that publish name their own.
    "CERTIFY_LEDGER_LOG_DIR": "",
    "EMAIL_URL": "memorymail://",
    # Tests of other things sign auditors in at once; those of the second factor ask for it.
    "CERTIFY_TWO_FACTOR_ROLES": "",
    # Playwright's synchronous interface runs an event loop in the thread of the test.
    "DJANGO_ALLOW_ASYNC_UNSAFE": "true",
}
_servers = []


def _migrations() -> str:
    """A name for what the migrated database depends on."""
    files = [*sorted(ROOT.glob("*/migrations/**/*.py")), ROOT / "certify/lib/together.py", ROOT / "requirements/base.txt"]
    return hashlib.sha256(b"".join(file.read_bytes() for file in files)).hexdigest()[:16]


def _copy(cluster: Path, target: Path) -> None:
    """A stopped cluster; it appears whole or not at all, and belongs to whoever runs PostgreSQL."""
    half = target.with_name(f"{target.name}.{os.getpid()}")
    shutil.copytree(cluster, half)
    if unprivileged():
        for path in (half, *half.rglob("*")):
            shutil.chown(path, UNPRIVILEGED)
    try:
        half.rename(target)
    except OSError:  # another run was quicker
        shutil.rmtree(half)


def _start_postgres(directory: Path) -> PostgresServer:
    kept = Path(sys.prefix) / ".test-clusters" / _migrations()
    server = PostgresServer(directory, durable=False, connections=300)
    if kept.exists():
        directory.mkdir()
        _copy(kept, server.data)
        server.start()
        return server
    server.start()
    with closing(server.connect("postgres")) as connection, connection.cursor() as cursor:
        cursor.execute(f"CREATE DATABASE {TEMPLATE}")
    env = os.environ | {"DATABASE_URL": server.url("postgres", database=TEMPLATE), "REDIS_URL": "redis://127.0.0.1:1/0"}
    command = [sys.executable, ROOT / "manage.py", "migrate", "--verbosity=0"]
    subprocess.run(command, env=env | {"CERTIFY_DATA_DIR": str(directory.parent / "data")}, check=True)
    server.stop()
    shutil.rmtree(kept.parent, ignore_errors=True)
    kept.parent.mkdir(exist_ok=True)
    _copy(server.data, kept)
    server.start()
    return server


def _start(directory: Path) -> None:
    directory.chmod(0o711)
    _servers.append(_start_postgres(directory / "postgres"))
    valkey = ValkeyServer(directory / "valkey")
    valkey.start()
    _servers.append(valkey)
    os.environ["CERTIFY_DATA_DIR"] = str(directory / "data")
    os.environ["REDIS_URL"] = valkey.url
    os.environ["DATABASE_URL"] = _servers[0].url("postgres", database="postgres")


def _go_apart(worker: str) -> None:
    """A worker of a parallel run (gw0, gw1 …) shares the servers and nothing in them."""
    os.environ["CERTIFY_DATA_DIR"] += f"-{worker}"
    os.environ["REDIS_URL"] = f"{os.environ['REDIS_URL'].rsplit('/', 1)[0]}/{int(worker.removeprefix('gw')) + 1}"


if worker := os.environ.get("PYTEST_XDIST_WORKER"):
    _go_apart(worker)
else:
    # What the shell says about a real installation must not reach a test.
    for name in [name for name in os.environ if name.startswith("CERTIFY_") and not name.startswith("CERTIFY_TEST_")]:
        del os.environ[name]
    os.environ.pop("DEBUG", None)
    os.environ.update(ENVIRONMENT)
    _directory = tempfile.TemporaryDirectory(prefix="certify-tests-", ignore_cleanup_errors=True)
    _start(Path(_directory.name))


def pytest_unconfigure(config):
    """Stop the servers that this process started."""
    while _servers:
        _servers.pop().stop()
