from datetime import timedelta
from pathlib import Path

from django.core.exceptions import ImproperlyConfigured
from django.core.management.base import BaseCommand, CommandError

from ledger import keychain, notes, succession, verification


class Command(BaseCommand):
    help = (
        "Recompute the whole ledger: every entry, its place, the tree, every signed checkpoint. "
        "Exit status 0: everything fits. 1: the first entry that does not fit is named."
    )

    def add_arguments(self, parser):
        parser.add_argument(
            "--checkpoint",
            action="append",
            default=[],
            type=Path,
            metavar="FILE",
            help="a checkpoint that you kept outside the database; may be repeated",
        )
        parser.add_argument(
            "--key", default="", help="a public key of the log, also an older one (default: the one that signs now)"
        )
        parser.add_argument(
            "--grace",
            type=int,
            default=int(verification.GRACE.total_seconds()),
            metavar="SECONDS",
            help="how long an entry may wait for its place (default: %(default)s)",
        )

    def handle(self, *, checkpoint: list[Path], key: str, grace: int, **options):
        try:
            verifier = key or keychain.verifier()
            notes.parse_verifier_key(verifier)
            kept = [path.read_text() for path in checkpoint]
        except (OSError, ValueError, ImproperlyConfigured) as error:
            raise CommandError(f"Nothing was checked: {error}", returncode=2) from error
        report = verification.verify(verifier=verifier, kept=kept, grace=timedelta(seconds=grace))
        self._print_counts(report, verifier)
        if not report.found:
            self.stdout.write(self.style.SUCCESS("The ledger holds: everything fits."))
            return
        for problem in report.problems[1:]:
            self.stdout.write(f"also: {problem}")
        if report.found > len(report.problems):
            self.stdout.write(f"… and {report.found - len(report.problems)} more.")
        raise CommandError(f"The ledger does not hold. First: {report.problems[0]}", returncode=1)

    def _print_counts(self, report: verification.Report, verifier: str) -> None:
        self._print_keys(verifier)
        self.stdout.write(f"{report.entries:,} entries, of which {report.leaves:,} in the log and {report.waiting:,} waiting")
        self.stdout.write(f"{report.nodes:,} stored nodes, {report.checkpoints:,} signed checkpoints")
        self.stdout.write(f"{report.changes:,} changes of configuration compared with auditlog's table")
        kept = f"{report.kept:,} checkpoints" if report.kept else "no checkpoint"
        self.stdout.write(f"{kept} kept outside the database compared")

    def _print_keys(self, verifier: str) -> None:
        """The key that was given, and those after it; where one was lost, that nothing vouches for what follows."""
        chain = keychain.chain(verifier)
        self.stdout.write(f"Log {verifier}")
        later = chain.terms[[term.verifier for term in chain.terms].index(verifier) + 1 :]
        for said in [said for term in later if (said := self._said(term))]:
            if said.kind == succession.HANDED_OVER:
                self.stdout.write(f"handed over at entry {said.entry:,} to {said.new}, signed by both: {said.why}")
            else:
                self.stdout.write(
                    f"LOST: from entry {said.entry:,} on the log goes under {said.new}, and no key before it vouches for that: {said.why}"
                )

    @staticmethod
    def _said(term: succession.Term) -> succession.Statement | None:
        """What a key's statement says; one that does not hold is a problem of the report."""
        try:
            return term.said
        except notes.NoteError:
            return None
