from django.core.management.base import BaseCommand, CommandError

from ledger import tasks
from ledger.actions import sequencing
from ledger.actors import SYSTEM
from ledger.queries import latest_checkpoint


class Command(BaseCommand):
    help = "Give every committed entry its place in the log and sign a checkpoint, as the worker does every few seconds."

    def add_arguments(self, parser):
        parser.add_argument("--requeue", action="store_true", help="first put entries back that are missing from the queue")

    def handle(self, *, requeue: bool, **options):
        try:
            if requeue:
                self.stdout.write(f"{sequencing.requeue(by=SYSTEM)} entries put back into the queue.")
            tasks.sequence_entries()
        except sequencing.LedgerBroken as error:
            raise CommandError(str(error)) from error
        checkpoint = latest_checkpoint()
        self.stdout.write(checkpoint.note if checkpoint else "The ledger is empty.")
