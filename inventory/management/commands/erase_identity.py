"""Names of those whose access was reviewed are erased from the command line."""

from django.core.management.base import BaseCommand, CommandError

from certify.lib.errors import DomainError
from inventory import hindrances, queries
from inventory.actions import erasing
from inventory.models import Account, Identity
from ledger import persons
from ledger.actors import SYSTEM
from people.states import ErasureBasis


class Command(BaseCommand):
    """Erase what an identity is called; what was decided of their access stays."""

    help = (
        "Take away what an identity, or an account that nobody is known to hold, is called, for good; what was decided stays, and the log"
        " still verifies. Without --yes it only says what would go and what stands against it."
    )

    def add_arguments(self, parser):
        parser.add_argument("key", help="the identity_id of the files; with --source an account_id")
        parser.add_argument("--source", help="the system of an account that no known identity holds")
        parser.add_argument("--basis", choices=ErasureBasis.values, default=ErasureBasis.REQUEST.value)
        parser.add_argument("--reason", default="", help="stays in the log for ever; do not write the name in it")
        parser.add_argument("--yes", action="store_true", help="do it")

    def handle(self, *, key: str, source: str | None, basis: str, reason: str, yes: bool, **options):
        subject = self._subject(key, source)
        if yes:
            self._erase(subject, {"basis": basis, "reason": reason, "by": SYSTEM})
        else:
            self._tell(subject)

    def _subject(self, key: str, source: str | None) -> Identity | Account:
        if source is None:
            found = Identity.objects.filter(key=key).first()
            unknown = f"No file of people has an identity_id {key}."
        else:
            found = Account.objects.filter(source__key=source, key=key, identity=None).first()
            unknown = f"{source} has no account {key} without a known holder. Erase a known one by their identity_id."
        if found is None:
            raise CommandError(unknown, returncode=2)
        return found

    def _erase(self, subject: Identity | Account, asked: dict) -> None:
        try:
            if isinstance(subject, Identity):
                erasing.erase_identity(identity_id=subject.pk, **asked)
            else:
                erasing.erase_account(account_id=subject.pk, **asked)
        except DomainError as refusal:
            raise CommandError(refusal.message, returncode=1) from refusal
        mark = persons.mark(queries.reference(subject))
        self.stdout.write(f"Erased. What was decided of their access stands as that of “{mark}”.")

    def _tell(self, subject: Identity | Account) -> None:
        found = queries.what_names(subject)
        self.stdout.write(f"Would go: {', '.join([*found.called, *found.accounts]) or 'nothing'}")
        self.stdout.write(f"{found.rows:,} rows of reviews and former readings name them.")
        for words in hindrances.of(subject):
            self.stdout.write(f"Not yet: {words}")
        self.stdout.write("Run it again with --yes and --reason to erase the names.")
