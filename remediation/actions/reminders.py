"""Reminders to those who still have access to remove, and to those who answer for it: one digest a person and working day."""

from datetime import datetime

from django.db import transaction

from certify.lib import clock
from people.actions import mails
from people.hours import mail_at
from people.models import Mail, User
from remediation import notices, queries, rules


@transaction.atomic
def remind_owners(*, by) -> int:
    """Queue today's digest for everybody with a removal whose reminder day is today; returns how many were queued.

    A day off is stood for by the next working day, by each person's own clock, and the mail waits for their hours. Running it again
    queues nothing: the mail's key names the person and the day.
    """
    now, queued = clock.now(), 0
    for person in queries.people_with_removals():
        key = _key("removals-reminder", person, now)
        if not key or not _is_due(person, queries.dues(person.pk), now, rules.is_reminder_day):
            continue
        context = notices.digest(queries.owed(person.pk, now=now))
        queued += _queue(person, "removals_reminder", context, key, now, by)
    return queued


@transaction.atomic
def escalate(*, by) -> int:
    """Tell the owners of the reviews what is late in them: so many days after it was due, then weekly. Returns how many mails."""
    now, queued = clock.now(), 0
    for owner in queries.owners_of_late(now=now):
        key = _key("removals-escalation", owner, now)
        if not key or not _is_due(owner, queries.late_dues(owner.pk, now=now), now, rules.is_escalation_day):
            continue
        context = notices.escalation(queries.late_lines(owner.pk, now=now))
        queued += _queue(owner, "removals_escalation", context, key, now, by)
    return queued


def _key(prefix: str, person: User, now: datetime) -> str:
    """The key of the day's mail; "" on a day off, and when the person has had it."""
    today = person.hours.day(now)
    key = f"{prefix}:{person.pk}:{today.isoformat()}"
    is_off = not person.hours.is_working_day(today)
    return "" if is_off or Mail.objects.filter(dedupe_key=key).exists() else key


def _is_due(person: User, dues: list[datetime], now: datetime, is_day) -> bool:
    days = person.hours.covered(person.hours.day(now))
    return any(is_day(person.hours.day(due), day) for due in dues for day in days)


def _queue(person: User, template: str, context: dict, key: str, now: datetime, by) -> bool:
    mail = mails.queue(
        recipient=person,
        template=template,
        context=context,
        subject_ref=f"people.user:{person.pk}",
        dedupe_key=key,
        due_at=mail_at(person.hours, now),
        by=by,
    )
    return mail is not None
