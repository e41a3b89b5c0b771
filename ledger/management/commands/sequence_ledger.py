from django.core.management.base import BaseCommand, CommandError

from ledger import placing
from ledger.actions import configuration, sequencing
from ledger.actors import SYSTEM


class Command(BaseCommand):
    help = "Give every committed entry its place in the log and sign a checkpoint, as the worker does every few seconds."

    def add_arguments(self, parser):
        parser.add_argument("--requeue", action="store_true", help="first put entries back that are missing from the queue")

    def handle(self, *, requeue: bool, **options):
        try:
            if requeue:
                self.stdout.write(f"{sequencing.requeue(by=SYSTEM)} entries put back into the queue.")
            while configuration.absorb(by=SYSTEM):
                pass
            checkpoint = sequencing.sequence(by=SYSTEM)
        except placing.BrokenLedgerError as error:
            raise CommandError(str(error)) from error
        self.stdout.write(checkpoint.note if checkpoint else "The ledger is empty.")
