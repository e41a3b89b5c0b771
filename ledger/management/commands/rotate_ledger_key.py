import json

from django.conf import settings
from django.core.exceptions import ImproperlyConfigured
from django.core.management.base import BaseCommand, CommandError

from certify.lib.errors import DomainError
from ledger import keys, notes, placing
from ledger.actors import SYSTEM
from ledger.tasks import rotate_key


class Command(BaseCommand):
    help = (
        "Hand the ledger over to a new key: the old one signs that the new one comes after it, both sign the next checkpoint, and"
        " the old one is destroyed. Whoever trusts the old public key can follow. Run it again if it was interrupted."
    )

    def add_arguments(self, parser):
        parser.add_argument("--why", metavar="TEXT", help="the reason, which is recorded, such as: yearly change")
        parser.add_argument(
            "--print-new",
            action="store_true",
            help="only make a key and print it, where keys are kept in variables (CERTIFY_LEDGER_KEY_NEXT); it is a secret",
        )
        parser.add_argument("--origin", help="with --print-new: the log's name, for one that begins anew (default: as it is)")

    def handle(self, *, why: str | None, print_new: bool, origin: str | None, **options):
        try:
            if print_new:
                name = origin or (keys.load().origin if keys.store().read() else settings.CERTIFY_LEDGER_ORIGIN)
                notes.check_name(name)
                self.stdout.write(json.dumps({"origin": name, "seed": keys.new_seed()}))
                return
            if not why:
                raise CommandError("Say why with --why.", returncode=2)
            verifier = rotate_key(why, SYSTEM)
        except (DomainError, ImproperlyConfigured, placing.BrokenLedgerError, notes.NoteError) as error:
            raise CommandError(str(error), returncode=1) from error
        self.stdout.write(f"The ledger now signs as {verifier}")
        if not keys.store().is_ours:
            self.stdout.write("Now put CERTIFY_LEDGER_KEY_NEXT into CERTIFY_LEDGER_KEY, and destroy the old one.")
        self.stdout.write("Back it up, and give the public half to your auditors; the old one still leads them to it.")
