"""The supervisor of `manage.py up`: servers, then the product's processes, and everything stopped again in reverse order."""

import signal
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Mapping
from pathlib import Path

from certify.stack.datadir import DataDirectory
from certify.stack.ports import HOST, free_port
from certify.stack.processes import Child
from certify.stack.servers import PostgresServer, StackError, ValkeyServer

DATABASE, OWNER_ROLE, APP_ROLE = "certify", "certify_owner", "certify_app"
READY_TIMEOUT = 90
MANAGE = Path(__file__).resolve().parents[2] / "manage.py"
#: Ctrl-C, a polite kill, and the end of the terminal.
STOP_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
Say = Callable[[str], None]


class Stack:
    """Everything that runs for one data directory. `given` is the environment it was started in."""

    def __init__(self, data: DataDirectory, *, wanted_port: int, given: Mapping[str, str], say: Say):
        self.data, self.given, self.say = data, given, say
        self.wanted_port = wanted_port
        self.port = 0
        self.running: list = []
        self.children: list[Child] = []
        self.stop_asked = False

    @property
    def address(self) -> str:
        """Where the product answers."""
        return f"http://{HOST}:{self.port}"

    def start(self, *, with_demo: bool) -> None:
        """From nothing to a product that answers. Raises `StackError` when something fails."""
        for number in STOP_SIGNALS:
            signal.signal(number, self._ask_stop)
        self.port = free_port(self.wanted_port)
        self.data.tell(self.address)
        env = self._environment(with_demo=with_demo)
        self._prepare(env, with_demo=with_demo)
        self._start_product(env)
        self._wait_until_ready()

    def watch(self) -> None:
        """Until a stop is asked for, which raises KeyboardInterrupt, or something ends, which raises `StackError`."""
        while True:
            self._check()
            time.sleep(0.3)

    def stop(self) -> None:
        """Everything, in reverse order of its start. Harmless when nothing runs."""
        for one in reversed(self.running):
            one.stop()
        self.running.clear()
        self.data.forget_environment()

    def _environment(self, *, with_demo: bool) -> dict[str, str]:
        """Start the servers that the user did not bring, and return the environment of the product's processes."""
        kept = self.data.secrets("django", "postgres", OWNER_ROLE, APP_ROLE)
        mail = self.data.path / "mail"
        mail.mkdir(exist_ok=True)
        ours = {
            "CERTIFY_ENV": "demo",
            "CERTIFY_INSECURE_HTTP": "true",
            "CERTIFY_DATA_DIR": str(self.data.path),
            "CERTIFY_BASE_URL": self.address,
            "ALLOWED_HOSTS": f"{HOST},localhost",
            "SECRET_KEY": self.given.get("SECRET_KEY") or kept["django"],
            "EMAIL_URL": self.given.get("EMAIL_URL") or f"filemail:///{mail}",
        }
        for name in ("DATABASE_URL", "CERTIFY_OWNER_URL", "CERTIFY_APP_ROLE", "REDIS_URL"):
            if self.given.get(name):
                ours[name] = self.given[name]
        if "DATABASE_URL" not in ours:
            ours |= self._start_postgres(kept)
        if "REDIS_URL" not in ours:
            ours["REDIS_URL"] = self._start_server(ValkeyServer(self.data.path / "valkey")).url
        self.data.write_environment(ours)
        inherited = {name: value for name, value in self.given.items() if name != "PYTHONDONTWRITEBYTECODE"}
        return inherited | ours | {"DJANGO_SETTINGS_MODULE": "certify.settings", "PYTHONUNBUFFERED": "1"}

    def _start_postgres(self, kept: dict[str, str]) -> dict[str, str]:
        server = PostgresServer(self.data.postgres, password=kept["postgres"])
        if self.data.path not in server.directory.parents:
            self.say(f"PostgreSQL does not run as root and cannot enter {self.data.path}; its files are in {server.directory}.")
        self._start_server(server)
        server.ensure_database(DATABASE, owner=OWNER_ROLE, app=APP_ROLE, passwords=kept)
        return {
            "DATABASE_URL": server.url(APP_ROLE, database=DATABASE, password=kept[APP_ROLE]),
            "CERTIFY_OWNER_URL": server.url(OWNER_ROLE, database=DATABASE, password=kept[OWNER_ROLE]),
            "CERTIFY_APP_ROLE": APP_ROLE,
        }

    def _start_server(self, server):
        self._check_stop()
        self.running.append(server)
        server.start()
        return server

    def _prepare(self, env: dict[str, str], *, with_demo: bool) -> None:
        """Migrate as the owner, collect static files, load the sample company."""
        self.say("Preparing the database …")
        self._manage("upgrade", env=env | {"DATABASE_URL": env.get("CERTIFY_OWNER_URL", env["DATABASE_URL"])})
        self._manage("collectstatic", "--noinput", "--verbosity=0", env=env)
        if with_demo:
            self.say("Loading the sample company …")
            self._manage("demo", env=env)

    def _manage(self, name: str, *arguments: str, env: dict[str, str]) -> None:
        """Run one management command to its end; its failure stops the start."""
        child = self._child(name, [MANAGE, name, *arguments], env)
        child.start()
        self.running.append(child)
        while child.is_running():
            self._check_stop()
            time.sleep(0.05)
        self.running.remove(child)
        if child.process.returncode:
            raise StackError(f"manage.py {name} failed:\n{child.tail()}")

    def _start_product(self, env: dict[str, str]) -> None:
        """Web, worker and beat."""
        celery = ["-m", "celery", "--app", "certify"]
        web = ["-m", "gunicorn", "certify.wsgi", "--bind", f"{HOST}:{self.port}", "--workers", "2", "--threads", "4"]
        web += ["--timeout", "120", "--access-logfile", "-", "--logger-class", "certify.access_log.AccessLogger"]
        web += ["--no-control-socket"]
        worker = [*celery, "worker", "--concurrency", "2", "--without-gossip", "--without-mingle", "--loglevel", "INFO"]
        beat = [*celery, "beat", "--loglevel", "WARNING", "--pidfile", ""]
        # Asked politely, beat first writes to the servers, which die with it; it holds nothing that is not in the database.
        for name, command, death_signal in (("web", web, 0), ("worker", worker, 0), ("beat", beat, signal.SIGKILL)):
            child = self._child(name, command, env, death_signal)
            child.start()
            self.children.append(child)
            self.running.append(child)

    def _child(self, name: str, command: list, env: dict[str, str], death_signal: int = 0) -> Child:
        log = self.data.path / "log" / f"{name}.log"
        program = [sys.executable, *command]
        return Child(name, program, log, env=env, death_signal=death_signal, options={"cwd": MANAGE.parent})

    def _wait_until_ready(self) -> None:
        """Return when the health page answers; fail when a process ends or nothing answers in time."""
        deadline = time.monotonic() + READY_TIMEOUT
        while time.monotonic() < deadline:
            self._check()
            try:
                with urllib.request.urlopen(f"{self.address}/health/", timeout=5):  # noqa: S310 - our own address
                    return
            except (urllib.error.URLError, OSError):
                time.sleep(0.2)
        raise StackError(
            f"Nothing healthy answered at {self.address}/health/. The web server's log ends:\n{self.children[0].tail()}"
        )

    def _check(self) -> None:
        """Fail when a process has ended that should not have."""
        self._check_stop()
        for child in [*self.children, *(server.child for server in self.running if not isinstance(server, Child))]:
            if not child.is_running():
                raise StackError(f"{child.name} ended unexpectedly. The end of its log, {child.log}:\n{child.tail()}")

    def _ask_stop(self, *_) -> None:
        self.stop_asked = True

    def _check_stop(self) -> None:
        if self.stop_asked:
            raise KeyboardInterrupt
