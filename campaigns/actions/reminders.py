"""Reminders: one mail a day to whoever has something open, of all campaigns that remind them that day."""

from django.db import transaction

from campaigns import ladder, notices, waiting
from campaigns.models import Sweep
from certify.lib import clock
from people.actions import mails
from people.models import Mail

SWEEP = "reminders"


@transaction.atomic
def remind(*, by) -> int:
    """Queue the mails that are owed now; returns how many.

    Nobody gets two on one of their days, however often and by however many this is run: the mail's key names the person and the day.
    What fell on days on which this did not run at all comes in one mail.
    """
    now, queued = clock.now(), 0
    waiting.hold(SWEEP)
    since = Sweep.objects.filter(name=SWEEP).values_list("ran_at", flat=True).first()
    found = waiting.runs()
    for hours, people in waiting.by_hours().items():
        planned = ladder.plan([(run.ladder, run.span) for run in found], hours, now, since)
        if planned:
            queued += _queue([found[place] for place in planned.places], planned, people, by)
    # In the transaction of the mails: a run that breaks off has missed nothing.
    Sweep.objects.update_or_create(name=SWEEP, defaults={"ran_at": max(now, since or now)})
    return queued


def _queue(found: list[waiting.Run], planned: ladder.Round, people: list[int], by) -> int:
    keys = {f"digest:{person}:{planned.day.isoformat()}": person for person in people}
    # Who has had the day's mail is not looked at again: most runs of a day end here.
    had = set(Mail.objects.filter(dedupe_key__in=keys).values_list("dedupe_key", flat=True))
    left = {person: key for key, person in keys.items() if key not in had}
    drafts = [
        mails.Draft(
            recipient_id=person,
            template="campaign_digest",
            context=notices.digest(lines),
            subject_ref=f"people.user:{person}",
            dedupe_key=left[person],
            due_at=planned.due_at,
        )
        for person, lines in waiting.lines(found, list(left)).items()
    ]
    return mails.queue_many(drafts=drafts, by=by)
