"""What a reviewer looked at: a row for the first time they open an item."""

from django.db import transaction

from campaigns.models import Assignment, ItemOpened
from certify.lib import clock


@transaction.atomic
def note(*, row: Assignment, by) -> None:
    """Remember that the reviewer has the item before them. Only the first time is kept, and it makes no entry in the ledger."""
    ItemOpened.objects.bulk_create([ItemOpened(assignment=row, user=by, at=clock.now())], ignore_conflicts=True)
