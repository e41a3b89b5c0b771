"""`manage.py up`: the whole of Certify under one supervisor."""

import json
import os
import shutil
from pathlib import Path

from django.core.management.base import BaseCommand, CommandError

from certify.stack.servers import StackError
from certify.stack.supervisor import Stack


class Command(BaseCommand):
    help = (
        "Start PostgreSQL and Valkey (unless DATABASE_URL and REDIS_URL name yours), the web server, a worker and the beat. "
        "Ctrl-C stops everything."
    )
    requires_system_checks = ()

    def add_arguments(self, parser):
        parser.add_argument("--port", type=int, default=8000, help="wanted port; another is chosen when it is taken")
        parser.add_argument("--data", default=os.environ.get("CERTIFY_DATA_DIR", "var"), help="where everything is kept")
        parser.add_argument("--fresh", action="store_true", help="delete the data directory first and start over")
        parser.add_argument("--no-demo", action="store_true", help="do not load the sample company")

    def handle(self, *, port: int, data: str, fresh: bool, no_demo: bool, **options) -> None:
        stack = Stack(Path(data), port=port, say=self.say)
        try:
            stack.lock()
            stack.install_signals()
            if fresh:
                self._start_over(stack.data)
            env = stack.environment()
            stack.prepare(env, with_demo=not no_demo)
            stack.start_product(env)
            stack.wait_until_ready()
            self._announce(stack)
            stack.watch()
        except KeyboardInterrupt:
            self.say("Stopping …")
        except StackError as refusal:
            stack.stop()
            raise CommandError(str(refusal)) from None
        finally:
            stack.stop()
        self.say("Certify has stopped.")

    def say(self, text: str) -> None:
        """One line, at once."""
        self.stdout.write(text)
        self.stdout.flush()

    def _start_over(self, data: Path) -> None:
        """Delete what an earlier run left; the lock is kept."""
        for entry in data.iterdir():
            if entry.name == "certify.lock":
                continue
            if entry.is_dir():
                shutil.rmtree(entry)
            else:
                entry.unlink()

    def _announce(self, stack: Stack) -> None:
        if stack.port != stack.wanted_port:
            self.say(f"Port {stack.wanted_port} is taken; using {stack.port}.")
        self.say(f"\nCertify is ready at {stack.address}\n")
        sign_ins = stack.data / "demo-sign-ins.json"
        if sign_ins.exists():
            rows = json.loads(sign_ins.read_text())
            for row in rows:
                self.say(f"  {row['role']:<16} {row['username']:<32} {row['password']}")
            self.say("\nPress Ctrl-C to stop. Mails are written to " + str(stack.data / "mail"))
