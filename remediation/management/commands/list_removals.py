"""What was denied, as CSV, for scripts that do not speak HTTP."""

import csv

from django.core.management.base import BaseCommand

from certify.lib import csvsafe
from remediation import denials
from remediation.management.tokens import add_token_file, signed_in


class Command(BaseCommand):
    """Write the removals in the systems of a token to standard output."""

    help = "Write the removals in the systems of a token as CSV. With --waiting only those without a result."

    def add_arguments(self, parser):
        add_token_file(parser)
        parser.add_argument("--campaign", type=int, help="id of a review")
        parser.add_argument("--source", default="", help="key of a system")
        parser.add_argument("--waiting", action="store_true", default=None, help="only those without a result")

    def handle(self, *args, **options):
        token = signed_in(options["token_file"], "removals:read")
        wanted = {name: options[name] for name in ("campaign", "source", "waiting")}
        written = csv.writer(self.stdout, lineterminator="\n")
        written.writerow(denials.COLUMNS)
        for task in denials.denials(token, **wanted).iterator(chunk_size=2000):
            written.writerow([csvsafe.cell(cell) for cell in denials.cells(task)])
