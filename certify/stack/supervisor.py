"""The supervisor of `manage.py up`: servers, then the product's processes, and everything stopped again in reverse order."""

import fcntl
import json
import os
import secrets
import signal
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable
from pathlib import Path

from certify.stack.ports import HOST, free_port
from certify.stack.processes import Child
from certify.stack.servers import PostgresServer, StackError, ValkeyServer

DATABASE, OWNER_ROLE, APP_ROLE = "certify", "certify_owner", "certify_app"
READY_TIMEOUT = 90
MANAGE = Path(__file__).resolve().parents[2] / "manage.py"
Say = Callable[[str], None]


class AlreadyRunning(StackError):
    """Another supervisor holds the data directory."""


class Stack:
    """Everything that runs for one data directory."""

    def __init__(self, data: Path, *, port: int, say: Say):
        self.data, self.say = data.resolve(), say
        self.wanted_port = port
        self.port = 0
        self.running: list = []
        self.children: list[Child] = []
        self.stop_asked = False

    @property
    def address(self) -> str:
        """Where the product answers."""
        return f"http://{HOST}:{self.port}"

    def lock(self) -> None:
        """Own the data directory until this process ends. Refuses when another supervisor owns it, and says where it answers."""
        self.data.mkdir(parents=True, exist_ok=True)
        self.lock_file = (self.data / "certify.lock").open("a+")
        try:
            fcntl.flock(self.lock_file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            self.lock_file.seek(0)
            raise AlreadyRunning(
                f"Certify is already running on {self.data}, at {self.lock_file.read().strip() or 'an address it has not told yet'}. "
                "Stop it with Ctrl-C where it runs; nothing was changed."
            ) from None
        self.port = free_port(self.wanted_port)
        self.lock_file.truncate(0)
        self.lock_file.write(self.address)
        self.lock_file.flush()

    def secrets(self) -> dict[str, str]:
        """The installation's own secrets, made on first start, readable by their owner alone."""
        path = self.data / "secrets.json"
        found = json.loads(path.read_text()) if path.exists() else {}
        for name in ("django", "postgres", OWNER_ROLE, APP_ROLE):
            found.setdefault(name, secrets.token_urlsafe(40))
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        with os.fdopen(descriptor, "w") as target:
            json.dump(found, target)
        return found

    def environment(self) -> dict[str, str]:
        """Start the servers that the user did not bring, and return the environment of the product's processes."""
        kept = self.secrets()
        env = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
        env |= {
            "DJANGO_SETTINGS_MODULE": "certify.settings",
            "CERTIFY_ENV": "demo",
            "CERTIFY_INSECURE_HTTP": "true",
            "CERTIFY_DATA_DIR": str(self.data),
            "CERTIFY_BASE_URL": self.address,
            "ALLOWED_HOSTS": f"{HOST},localhost",
            "SECRET_KEY": os.environ.get("SECRET_KEY") or kept["django"],
            "EMAIL_URL": os.environ.get("EMAIL_URL") or f"filemail://{self.data / 'mail'}",
            "PYTHONUNBUFFERED": "1",
        }
        (self.data / "mail").mkdir(exist_ok=True)
        if "DATABASE_URL" not in os.environ:
            server = self._start(PostgresServer(self.data / "postgres", password=kept["postgres"]))
            server.ensure_database(DATABASE, owner=OWNER_ROLE, app=APP_ROLE, passwords=kept)
            env["DATABASE_URL"] = server.url(APP_ROLE, database=DATABASE, password=kept[APP_ROLE])
            env["CERTIFY_OWNER_URL"] = server.url(OWNER_ROLE, database=DATABASE, password=kept[OWNER_ROLE])
            env["CERTIFY_APP_ROLE"] = APP_ROLE
        if "REDIS_URL" not in os.environ:
            env["REDIS_URL"] = self._start(ValkeyServer(self.data / "valkey")).url
        return env

    def _start(self, server):
        server.start()
        self.running.append(server)
        return server

    def manage(self, name: str, *arguments: str, env: dict[str, str]) -> None:
        """Run one management command to its end; its failure stops the start."""
        child = Child(name, [sys.executable, "-W", "ignore", MANAGE, name, *arguments], self.data / "log" / f"{name}.log", env=env)
        child.start()
        self.running.append(child)
        while child.is_running():
            self.check_stop()
            time.sleep(0.05)
        self.running.remove(child)
        if child.process.returncode:
            raise StackError(f"manage.py {name} failed:\n{child.tail()}")

    def prepare(self, env: dict[str, str], *, with_demo: bool) -> None:
        """Migrate as the owner, collect static files, load the sample company."""
        owner_env = env | {"DATABASE_URL": env.get("CERTIFY_OWNER_URL", env["DATABASE_URL"])} if "DATABASE_URL" in env else env
        self.say("Preparing the database …")
        self.manage("upgrade", env=owner_env)
        self.manage("collectstatic", "--noinput", "--verbosity=0", env=env)
        if with_demo:
            self.say("Loading the sample company …")
            self.manage("demo", env=env)

    def start_product(self, env: dict[str, str]) -> None:
        """Web, worker and beat."""
        python, log = sys.executable, self.data / "log"
        celery = [python, "-W", "ignore", "-m", "celery", "-A", "certify"]
        web = [python, "-W", "ignore", "-m", "gunicorn", "certify.wsgi", "--bind", f"{HOST}:{self.port}", "--workers", "2",
               "--threads", "4", "--timeout", "120", "--access-logfile", "-"]  # fmt: skip
        worker = [*celery, "worker", "--concurrency", "2", "--without-gossip", "--without-mingle", "--loglevel", "INFO"]
        beat = [*celery, "beat", "--loglevel", "WARNING", "--pidfile", ""]
        options = {"cwd": MANAGE.parent}
        for name, command in (("web", web), ("worker", worker), ("beat", beat)):
            child = Child(name, command, log / f"{name}.log", env=env, options=options)
            child.start()
            self.children.append(child)
            self.running.append(child)

    def wait_until_ready(self) -> None:
        """Return when the health page answers; fail when a process ends or nothing answers in time."""
        deadline = time.monotonic() + READY_TIMEOUT
        while time.monotonic() < deadline:
            self.check()
            try:
                with urllib.request.urlopen(f"{self.address}/health/", timeout=5):  # noqa: S310 - our own address
                    return
            except (urllib.error.URLError, OSError):
                time.sleep(0.2)
        raise StackError(f"The web server did not answer at {self.address}:\n{self.children[0].tail()}")

    def check(self) -> None:
        """Fail when a process has ended that should not have."""
        self.check_stop()
        for child in [*self.children, *(server.child for server in self.running if not isinstance(server, Child))]:
            if not child.is_running():
                raise StackError(f"{child.name} ended unexpectedly. The end of its log, {child.log}:\n{child.tail()}")

    def ask_stop(self, *_) -> None:
        """Signal handler: stop soon."""
        self.stop_asked = True

    def check_stop(self) -> None:
        """Leave when a stop was asked for."""
        if self.stop_asked:
            raise KeyboardInterrupt

    def watch(self) -> None:
        """Until a stop is asked for or something ends."""
        while True:
            self.check()
            time.sleep(0.3)

    def stop(self) -> None:
        """Everything, in reverse order of its start."""
        for one in reversed(self.running):
            one.stop()
        self.running.clear()

    def install_signals(self) -> None:
        """Ctrl-C and SIGTERM stop everything cleanly, also while it still starts."""
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, self.ask_stop)
