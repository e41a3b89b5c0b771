"""Starts one throwaway PostgreSQL and one Valkey for the whole test run, before pytest-django reads the settings.

Loaded with `-p`; in an xdist run only the controller starts them and the workers inherit the addresses. Durability is off
here: this data is thrown away.
"""

import os
import tempfile
from pathlib import Path

from certify.stack.servers import PostgresServer, ValkeyServer

ENVIRONMENT = {
    "CERTIFY_ENV": "test",
    "SECRET_KEY": "only-for-tests",
    "ALLOWED_HOSTS": "testserver,127.0.0.1,localhost",
    "CERTIFY_INSECURE_HTTP": "true",
    "CERTIFY_BASE_URL": "http://testserver",
    # One directory for many databases would be many logs at one place; tests that publish name their own.
    "CERTIFY_LEDGER_LOG_DIR": "",
    "EMAIL_URL": "memorymail://",
    # Playwright's synchronous interface runs an event loop in the thread of the test.
    "DJANGO_ALLOW_ASYNC_UNSAFE": "true",
}
_servers = []


def _start(directory: Path) -> None:
    directory.chmod(0o711)
    postgres, valkey = PostgresServer(directory / "postgres", durable=False), ValkeyServer(directory / "valkey")
    for server in (postgres, valkey):
        server.start()
        _servers.append(server)
    os.environ["CERTIFY_DATA_DIR"] = str(directory / "data")
    os.environ["REDIS_URL"] = valkey.url
    os.environ["DATABASE_URL"] = postgres.url("postgres", database="postgres")


if "PYTEST_XDIST_WORKER" not in os.environ:
    # What the shell says about a real installation must not reach a test.
    for name in [name for name in os.environ if name.startswith("CERTIFY_")]:
        del os.environ[name]
    os.environ.pop("DEBUG", None)
    os.environ.update(ENVIRONMENT)
    _directory = tempfile.TemporaryDirectory(prefix="certify-tests-", ignore_cleanup_errors=True)
    _start(Path(_directory.name))


def pytest_unconfigure(config):
    """Stop the servers that this process started."""
    while _servers:
        _servers.pop().stop()
