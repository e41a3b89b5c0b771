"""`manage.py up`: the whole of Certify under one supervisor."""

import os
from pathlib import Path

from django.core.management.base import BaseCommand, CommandError

from certify.stack.datadir import DataDirectory
from certify.stack.servers import StackError
from certify.stack.supervisor import MANAGE, Stack


class Command(BaseCommand):
    help = (
        "Start PostgreSQL and Valkey (unless DATABASE_URL and REDIS_URL name yours), the web server, a worker and the beat. "
        "Ctrl-C stops everything."
    )
    requires_system_checks = ()

    def add_arguments(self, parser):
        where = os.environ.get("CERTIFY_DATA_DIR") or MANAGE.parent / "var"
        parser.add_argument("--port", type=int, default=8000, help="wanted port; another is chosen when it is taken")
        parser.add_argument("--data", type=Path, default=Path(where), help="where everything is kept (CERTIFY_DATA_DIR)")
        parser.add_argument("--fresh", action="store_true", help="delete what an earlier run left and start over")
        parser.add_argument("--no-demo", action="store_true", help="do not load the sample company")

    def handle(self, *, port: int, data: Path, fresh: bool, no_demo: bool, **options) -> None:
        if fresh and os.environ.get("DATABASE_URL"):
            raise CommandError("--fresh deletes the embedded database only. DATABASE_URL names yours: empty it yourself.")
        os.umask(0o077)  # uploads, mails and logs are for nobody else on this machine
        directory = DataDirectory(data)
        stack = Stack(directory, wanted_port=port, given=os.environ, say=self.say)
        try:
            directory.lock()
            if fresh:
                directory.start_over()
            self._run(stack, with_demo=not no_demo)
        except StackError as refusal:
            raise CommandError(str(refusal)) from None

    def _run(self, stack: Stack, *, with_demo: bool) -> None:
        try:
            stack.start(with_demo=with_demo)
            self._announce(stack)
            stack.watch()
        except KeyboardInterrupt:
            self.say("Stopping …")
        finally:
            stack.stop()
        self.say("Certify has stopped; nothing of it runs any more.")

    def say(self, text: str) -> None:
        """One line, at once."""
        self.stdout.write(text)
        self.stdout.flush()

    def _announce(self, stack: Stack) -> None:
        if stack.port != stack.wanted_port:
            self.say(f"Port {stack.wanted_port} is taken; this is another one.")
        self.say(f"\nCertify is ready at {stack.address}\n")
        rows = stack.data.sign_ins()
        for row in rows:
            self.say(f"  {row['role']:<15} {row['username']:<32} {row['password']}")
        for row in rows:
            if row.get("secret"):
                self.say(
                    f"\n{row['username']} signs in with a second factor as well: `make code` in another shell shows its code,"
                )
                self.say(f"and so does an app that is given the secret {row['secret']}.")
        if not rows:
            self.say("There is no sample company. `manage.py create_administrator` makes the first user.")
        self.say(f"\nMails are written to {stack.data.path / 'mail'}, logs to {stack.data.path / 'log'}.")
        self.say(f"For manage.py in another shell: . {stack.data.path / 'environment'}")
        self.say("Ctrl-C stops everything.")
