"""The first administrator of a new installation, who makes everybody else."""

import getpass

from django.core.management.base import BaseCommand, CommandError
from django.db import transaction

from certify.lib.errors import DomainError
from ledger.actors import SYSTEM
from people.actions import users
from people.states import Role


class Command(BaseCommand):
    """Create an administrator and ask for the password."""

    help = "Create an administrator. The password is asked for, or read from standard input with --password-stdin."

    def add_arguments(self, parser):
        parser.add_argument("username")
        parser.add_argument("--name", required=True)
        parser.add_argument("--email", default="")
        parser.add_argument("--password-stdin", action="store_true")

    def handle(self, *args, **options):
        password = input() if options["password_stdin"] else getpass.getpass("Password: ")
        try:
            with transaction.atomic():
                person = users.create(
                    username=options["username"],
                    name=options["name"],
                    email=options["email"],
                    roles=[Role.ADMINISTRATOR],
                    by=SYSTEM,
                )
                users.set_password(user_id=person.pk, password=password, by=SYSTEM)
        except DomainError as refusal:
            raise CommandError(refusal.message) from refusal
        self.stdout.write(f"{person.name} can sign in as {person.username}.")
