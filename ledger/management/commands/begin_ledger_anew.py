from pathlib import Path

from django.conf import settings
from django.core.exceptions import ImproperlyConfigured
from django.core.management.base import BaseCommand, CommandError

from certify.lib.errors import DomainError
from ledger import keychain, keys, notes, placing
from ledger.actions import rotation, sequencing
from ledger.actors import SYSTEM

CONFIRMATION = "The key of {origin} is lost for ever"


class Command(BaseCommand):
    help = (
        "Only when the ledger's key is lost with all its backups: go on under a new key and another name, from the root that was"
        " signed last. Everybody who checks will be told that no key vouches for it. Where you still have the key, use"
        " rotate_ledger_key."
    )

    def add_arguments(self, parser):
        parser.add_argument("--origin", required=True, help="the ledger's new name, such as example.com/certify-2")
        parser.add_argument("--why", required=True, metavar="TEXT", help="how the key was lost; recorded and shown")
        parser.add_argument(
            "--old-key", default="", help="the lost key's public half, if Certify asks for it (it is in every pack)"
        )
        parser.add_argument("--confirm", default="", metavar="TEXT", help="the sentence that this command asks for")

    def handle(self, *, origin: str, why: str, old_key: str, confirm: str, **options):
        try:
            term = keychain.current()
            lost = (term.verifier if term else old_key).partition("+")[0]
            if not lost:
                raise CommandError("Give the lost key's public half with --old-key: it is in manifest.json of every pack.")
            self._check_lost(term.verifier if term else old_key)
            if confirm != (sentence := CONFIRMATION.format(origin=lost)):
                raise CommandError(
                    f"Nothing was done. No key that your auditors know will vouch for {origin}, and everybody is told so. Look for a"
                    f' backup of the key once more. If there is none, say so with --confirm "{sentence}".'
                )
            self._make(origin)
            verifier = rotation.begin_anew(why=why, old_key=old_key, by=SYSTEM).verifier
            sequencing.sequence(by=SYSTEM)
        except (DomainError, ImproperlyConfigured, placing.BrokenLedgerError, notes.NoteError) as error:
            raise CommandError(str(error)) from error
        self.stdout.write(
            f"The ledger now signs as {verifier}\nBack the key up, and give its public half to your auditors in person."
        )

    def _check_lost(self, verifier: str) -> None:
        """A key that is still here is not lost."""
        if keys.store().read() is not None and verifier in {key.verifier for key in keys.held()}:
            raise CommandError("The key is here, so it is not lost. To change it: manage.py rotate_ledger_key")

    def _make(self, origin: str) -> None:
        """The new key: in the file, unless one of this name is there from a try before, or it is in a variable."""
        notes.check_name(origin)
        if keys.store().read() is None:
            keys.create(Path(settings.CERTIFY_LEDGER_KEY_FILE), origin)
        elif keys.load().origin != origin:
            raise CommandError(
                f"The {keys.store().name()} is one for {keys.load().origin}, which did not sign this log. Take it away first; keys"
                " in variables are made by: manage.py rotate_ledger_key --print-new --origin NAME"
            )
