"""`manage.py load_source`: load files from the command line, as the page does."""

from pathlib import Path

from django.core.management.base import BaseCommand, CommandError
from django.db import connection

from certify.lib.errors import DomainError
from inventory.actions import snapshots, sources
from inventory.models import RejectedRow, Source
from inventory.readers.rows import FileToRead
from inventory.states import Completeness, FileKind
from inventory.tasks import GROWN
from ledger.actors import SYSTEM
from people.models import User

SHOWN = 10


class Command(BaseCommand):
    help = "Load identities, entitlements and grants of one source from CSV files into a new snapshot, all or nothing."

    def add_arguments(self, parser):
        parser.add_argument("source", help="key of the source, as the files' “source” column says")
        for kind in FileKind.values:
            parser.add_argument(f"--{kind}", type=Path, help=f"CSV file of {kind}; may be gzipped")
        parser.add_argument("--completeness", choices=Completeness.values, required=True)
        parser.add_argument("--note", required=True, help="how the files were extracted; the auditor reads it")
        parser.add_argument("--create", metavar="NAME", help="create the source under this name when there is none")
        parser.add_argument("--owner", help="sign-in name of its system owner, with --create")
        parser.add_argument("--by", help="sign-in name of who loads; Certify itself when not given")
        parser.add_argument("--accept-large-drop", action="store_true", help="load even if most open grants end")

    def handle(self, **options) -> None:
        by = self._user(options["by"]) if options["by"] else SYSTEM
        files = [FileToRead(kind, options[kind], options[kind].name) for kind in FileKind.values if options[kind]]
        if missing := [file for file in files if not file.path.is_file()]:
            raise CommandError(f"There is no file {missing[0].path}.")
        try:
            snapshot = snapshots.load(
                source_id=self._source(options, by).pk,
                files=files,
                origin=snapshots.Origin(options["note"], options["completeness"]),
                by=by,
                accept_large_drop=options["accept_large_drop"],
                progress=lambda rows: self.stderr.write(f"\r{rows:,} rows read", ending=""),
            )
        except DomainError as refusal:
            raise CommandError(f"Nothing was loaded. {refusal.message}") from None
        with connection.cursor() as cursor:
            cursor.execute(f"ANALYZE {', '.join(GROWN)}")
        self._report(snapshot)

    def _user(self, username: str) -> User:
        try:
            return User.objects.get_by_natural_key(username)
        except User.DoesNotExist:
            raise CommandError(f"There is no user “{username}”.") from None

    def _source(self, options: dict, by) -> Source:
        source = Source.objects.filter(key=options["source"]).first()
        if source or not options["create"]:
            if source is None:
                raise CommandError(f"There is no source “{options['source']}”. Add --create NAME to make it.")
            return source
        owner = self._user(options["owner"]) if options["owner"] else None
        return sources.create(key=options["source"], name=options["create"], owner=owner, by=by)

    def _report(self, snapshot) -> None:
        self.stdout.write(f"\n{snapshot}: {snapshot.get_completeness_display()}")
        self.stdout.write(
            f"{snapshot.rows_read:,} rows read = {snapshot.rows_loaded:,} loaded + {snapshot.rows_rejected:,} rejected"
        )
        self.stdout.write(
            f"{snapshot.grants_open:,} grants open ({snapshot.grants_started:,} started, {snapshot.grants_changed:,} changed, "
            f"{snapshot.grants_ended:,} ended)"
        )
        for row in RejectedRow.objects.filter(file__snapshot=snapshot).select_related("file")[:SHOWN]:
            self.stdout.write(f"  {row.file.file_name} line {row.line}: {row.field} {row.reason}")
        if snapshot.rows_rejected > SHOWN:
            self.stdout.write(f"  … and {snapshot.rows_rejected - SHOWN:,} more; the snapshot's page has all of them.")
