"""Results of removals from a CSV file, for scripts that do not speak HTTP."""

import csv
import sys
from pathlib import Path

from django.core.management.base import BaseCommand, CommandError

from certify.lib import csvsafe
from certify.lib.errors import DomainError
from certify.lib.numbers import whole
from remediation.actions import reporting
from remediation.management.tokens import add_token_file, signed_in
from remediation.models import RemediationTask

NEEDED = ("removal", "result", "description")


class Command(BaseCommand):
    """Report each row by itself, and write what became of it; exit status 1 when one was refused."""

    help = "Report results from a CSV file with the columns removal, result, description and, if you like, key."

    def add_arguments(self, parser):
        parser.add_argument("file", type=Path)
        add_token_file(parser)

    def handle(self, *args, **options):
        token = signed_in(options["token_file"], "removals:report")
        try:
            with options["file"].open(encoding="utf-8-sig", newline="") as lines:
                rows = csv.DictReader(lines)
                if missing := set(NEEDED) - set(rows.fieldnames or ()):
                    raise CommandError(f"The file has no column {', '.join(sorted(missing))}. It needs {', '.join(NEEDED)}.")
                answers = [(rows.line_num, row["removal"], self._report(row, token)) for row in rows]
        except (OSError, UnicodeDecodeError, csv.Error) as error:
            raise CommandError(f"The file cannot be read: {error}") from error
        written = csv.writer(self.stdout, lineterminator="\n")
        written.writerow(("line", "removal", "became"))
        for line, removal, (_, words) in answers:
            written.writerow((line, csvsafe.cell(str(removal)), csvsafe.cell(words)))
        if any(not is_good for _, _, (is_good, _) in answers):
            sys.exit(1)

    def _report(self, row: dict, token) -> tuple[bool, str]:
        removal = whole((row["removal"] or "").strip())
        if removal is None:
            return False, "refused: “removal” is not a number"
        said = reporting.Report(
            removal, (row["result"] or "").strip(), row["description"] or "", (row.get("key") or "").strip()
        )
        try:
            done = reporting.report(said=said, by=token)
        except RemediationTask.DoesNotExist:
            return False, "refused: there is no such removal in the systems of this token"
        except DomainError as refusal:
            return False, f"refused: {refusal.message}"
        return True, "on record already" if done.is_repeated else "recorded"
