"""Starts one throwaway PostgreSQL for the whole test run, before pytest-django reads the settings.

Loaded with `-p`; in an xdist run only the controller starts it and the workers inherit its address. `DATABASE_URL` from outside is
used as it is. Durability is off here: this data is thrown away.
"""

import os
import tempfile
from pathlib import Path

from certify.stack.servers import PostgresServer

_server = None

os.environ.setdefault("CERTIFY_ENV", "test")
os.environ.setdefault("SECRET_KEY", "only-for-tests")
os.environ.setdefault("ALLOWED_HOSTS", "testserver,127.0.0.1,localhost")
os.environ.setdefault("CERTIFY_INSECURE_HTTP", "true")
os.environ.setdefault("CERTIFY_BASE_URL", "http://testserver")
os.environ.setdefault("EMAIL_URL", "memorymail://")
os.environ.setdefault("DJANGO_ALLOW_ASYNC_UNSAFE", "true")

if "PYTEST_XDIST_WORKER" not in os.environ and "DATABASE_URL" not in os.environ:
    _directory = tempfile.TemporaryDirectory(prefix="certify-tests-", ignore_cleanup_errors=True)
    Path(_directory.name).chmod(0o711)
    os.environ["CERTIFY_DATA_DIR"] = str(Path(_directory.name) / "data")
    _server = PostgresServer(Path(_directory.name) / "postgres", durable=False)
    _server.start()
    os.environ["DATABASE_URL"] = _server.url("postgres", database="postgres")


def pytest_unconfigure(config):
    """Stop the server that this process started."""
    if _server:
        _server.stop()
