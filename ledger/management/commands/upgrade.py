import os

from django.core.management import call_command
from django.core.management.base import BaseCommand

from ledger import keychain, keys, queries
from ledger.actions import privileges
from ledger.actors import SYSTEM


class Command(BaseCommand):
    help = (
        "Bring the database to this version: migrate, then give the application's role its rights. "
        "Run it as the database's owner; the application itself runs as a role that owns nothing."
    )

    def add_arguments(self, parser):
        parser.add_argument(
            "--app-role",
            default=os.environ.get("CERTIFY_APP_ROLE", ""),
            help="the role the application connects as (default: CERTIFY_APP_ROLE; none: no rights are set)",
        )

    def handle(self, *, app_role: str, **options):
        call_command("migrate", interactive=False, verbosity=options["verbosity"])
        if app_role:
            kept = privileges.grant(role=app_role, by=SYSTEM)
            self.stdout.write(
                f"{app_role} may only read and add in {len(kept['append_only'])} append-only tables,"
                f" and deletes nothing in {len(kept['no_delete'])} more."
            )
        else:
            self.stdout.write("No application role was named, so no rights were set.")
        key = keychain.signing_key() if queries.latest_checkpoint() else keys.load_or_create()
        self.stdout.write(f"The ledger signs as {key.verifier}")
