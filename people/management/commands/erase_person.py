"""Somebody is erased from the command line."""

from django.core.management.base import BaseCommand, CommandError

from certify.lib.errors import DomainError
from ledger.actors import SYSTEM
from people import hindrances, queries
from people.actions import erasing
from people.models import User
from people.states import ErasureBasis


class Command(BaseCommand):
    """Erase what a person is called; what they did stays."""

    help = (
        "Take away what a person is called, for good; what they did stays, and the log still verifies. Without --yes it only says what"
        " would go and what stands against it."
    )

    def add_arguments(self, parser):
        parser.add_argument("username", help="the sign-in name")
        parser.add_argument("--basis", choices=ErasureBasis.values, default=ErasureBasis.REQUEST.value)
        parser.add_argument("--reason", default="", help="stays in the log for ever; do not write the person's name in it")
        parser.add_argument("--yes", action="store_true", help="do it")

    def handle(self, *, username: str, basis: str, reason: str, yes: bool, **options):
        person = User.objects.filter(username__iexact=username).first()
        if person is None:
            raise CommandError(f"Nobody signs in as {username}.", returncode=2)
        if yes:
            self._erase(person, basis, reason)
        else:
            self._tell(person)

    def _erase(self, person: User, basis: str, reason: str) -> None:
        try:
            erased = erasing.erase(user_id=person.pk, basis=basis, reason=reason, by=SYSTEM)
        except DomainError as refusal:
            raise CommandError(refusal.message, returncode=1) from refusal
        self.stdout.write(f"Erased. What they did stands as that of “{erased.name}”.")

    def _tell(self, person: User) -> None:
        found = queries.what_names(person)
        self.stdout.write(f"Would go: {', '.join(found.called)}")
        self.stdout.write(f"{found.rows:,} rows of {found.tables} tables name them.")
        self.stdout.write(f"Would stay: {found.in_the_clear:,} older entries of the log that name them in the clear.")
        for words in hindrances.of(person):
            self.stdout.write(f"Not yet: {words}")
        self.stdout.write("Run it again with --yes and --reason to erase them.")
