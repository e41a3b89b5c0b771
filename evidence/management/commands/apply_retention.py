"""Delete what the rules let go, without Celery; or only say what would go."""

from django.core.management.base import BaseCommand

from certify.lib import clock
from evidence import tasks
from evidence.retention import due
from evidence.retention.kinds import KINDS
from people import holds


class Command(BaseCommand):
    """The beat does the same every hour."""

    help = "Delete what the rules of retention let go and no legal hold covers. --dry-run only says what would go."

    def add_arguments(self, parser):
        parser.add_argument("--dry-run", action="store_true")

    def handle(self, *, dry_run: bool, **options) -> None:
        if not dry_run:
            self.stdout.write(f"Deleted: {tasks.apply_retention()}")
            return
        now, cover = clock.now(), holds.cover_of(holds.in_force())
        for kind in KINDS.values():
            rule = due.current(kind)
            found = due.summary(kind, due.before(kind, rule.days if rule else None, now), cover)
            self.stdout.write(f"{kind.code.value}: {found.due} of {found.total} would go, {found.stopped} are held")
