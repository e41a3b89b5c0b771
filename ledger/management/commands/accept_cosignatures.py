from pathlib import Path

from django.core.management.base import BaseCommand, CommandError

from certify.lib.errors import DomainError
from ledger.actions import cosignatures
from ledger.actors import SYSTEM


class Command(BaseCommand):
    help = "Keep the cosignatures that witnesses put under checkpoints of this log; their keys are in CERTIFY_LEDGER_WITNESSES."

    def add_arguments(self, parser):
        parser.add_argument("note", nargs="+", type=Path, help="a checkpoint as the witness gave it back")

    def handle(self, *, note: list[Path], **options):
        for path in note:
            try:
                kept = cosignatures.accept(note=path.read_text(), by=SYSTEM)
            except (OSError, UnicodeDecodeError, DomainError) as error:
                raise CommandError(f"{path}: {error}") from error
            self.stdout.write(f"{path}: {len(kept)} new cosignature{'' if len(kept) == 1 else 's'} kept.")
