from pathlib import Path

from django.core.management.base import BaseCommand, CommandError

from ledger import publishing, queries


class Command(BaseCommand):
    help = (
        "Write the log as files in the form of C2SP tlog-tiles, as the worker does every half minute; "
        "with --to into another directory, such as a disk that leaves the building."
    )

    def add_arguments(self, parser):
        parser.add_argument("--to", type=Path, metavar="DIRECTORY", help="where to (default: CERTIFY_LEDGER_LOG_DIR)")

    def handle(self, *, to: Path | None, **options):
        place = to or publishing.directory()
        if place is None:
            raise CommandError("CERTIFY_LEDGER_LOG_DIR is empty: name a directory with --to.", returncode=2)
        try:
            size = publishing.publish(place)
        except (publishing.ContradictionError, queries.MissingHashesError) as error:
            raise CommandError(str(error), returncode=1) from error
        except OSError as error:
            raise CommandError(f"{place} could not be written: {error.strerror}.", returncode=2) from error
        self.stdout.write(f"{place} holds the log with {size:,} entries.")
