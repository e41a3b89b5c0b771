"""Reminders to those who still have access to remove: one digest a person and day."""

from django.db import transaction

from certify.lib import clock
from people.actions import mails
from remediation import queries, rules
from remediation.models import RemediationTask
from remediation.states import TO_DO


@transaction.atomic
def remind_owners(*, by) -> int:
    """Queue today's digest for every owner with a removal whose reminder day is today; returns how many were queued.

    Running it again on the same day queues nothing: the mail's key names the owner and the day.
    """
    now = clock.now()
    queued = 0
    for owner in queries.owners_with_unproved():
        waiting = RemediationTask.objects.filter(owner=owner, state__in=TO_DO)
        dues = list(waiting.values_list("due_at", flat=True))
        if not any(rules.is_reminder_day(due.date(), now.date()) for due in dues):
            continue
        queued += bool(
            mails.queue(
                recipient=owner,
                template="removals_reminder",
                context={
                    "waiting": len(dues),
                    "late": sum(due < now for due in dues),
                    "earliest_due": min(dues).date().isoformat(),
                    "path": "/removals/",
                },
                subject_ref=f"people.user:{owner.pk}",
                dedupe_key=f"removals-reminder:{owner.pk}:{now.date().isoformat()}",
                by=by,
            )
        )
    return queued
