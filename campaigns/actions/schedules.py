"""Schedules of definitions, and the runs they lead to expect. What was expected is in the ledger before it is due."""

from datetime import date, datetime, timedelta

from django.db import transaction
from django.utils.translation import gettext as _

from campaigns import permissions, recurrence, stages
from campaigns.models import Campaign, CampaignDefinition, Occurrence
from campaigns.states import OccurrenceState
from certify.lib import clock
from certify.lib.errors import InvalidInput, NotAllowed
from certify.lib.times import rfc3339
from ledger.actions import entries

#: So far ahead runs are expected.
HORIZON = timedelta(days=400)
MOMENTS = ("draft_at", "opens_at", "due_at")


@transaction.atomic
def set_schedule(*, definition_id: int, schedule: dict | None, by) -> CampaignDefinition:
    """Say when a definition is due; None for whenever it is launched. Runs that have a draft or a campaign stay as they are.

    Refuses, naming the field, what cannot be run. Nothing is expected that would have had to open before now.
    """
    if not permissions.can_run_campaigns(by):
        raise NotAllowed(_("Only a control owner may say when a review is due."))
    definition = CampaignDefinition.objects.select_for_update(of=("self",), no_key=True).get(pk=definition_id)
    if definition.is_archived:
        raise InvalidInput(_("This definition is archived."))
    old, new = definition.schedule, recurrence.checked(schedule) if schedule else {}
    if new == old:
        return definition
    definition.schedule, definition.scheduled_at = new, clock.now() if new else None
    definition.save(update_fields=["schedule", "scheduled_at", "changed_at"])
    entries.record(
        kind="definition:scheduled",
        subject=f"campaigns.definition:{definition.pk}",
        by=by,
        data={"definition": str(definition.pk), "old": old, "new": new},
    )
    expect(definition=definition, reason="The schedule was changed.", by=by)
    return definition


@transaction.atomic
def expect(*, definition: CampaignDefinition, reason: str, by) -> None:
    """Make the runs that are still to come what the schedule of the (locked) definition says now.

    New ones are added, changed ones moved, those no longer due withdrawn with the reason. Runs that should have been drafted by
    now are left alone: they were expected.
    """
    now = clock.now()
    wanted = _wanted(definition, now)
    found = {one.due_on: one for one in definition.occurrences.exclude(state=OccurrenceState.WITHDRAWN)}
    waiting = {day: one for day, one in found.items() if one.state == OccurrenceState.EXPECTED and one.opens_at > now}
    gone = [one for day, one in waiting.items() if day not in wanted]
    for one in gone:
        one.state, one.reason = OccurrenceState.WITHDRAWN, reason
    moved = [one for day, one in waiting.items() if day in wanted and _move(one, wanted[day])]
    added = [
        Occurrence(
            definition=definition,
            due_on=day,
            label=recurrence.label(definition.schedule, day),
            draft_at=moments.draft_at,
            opens_at=moments.opens_at,
            due_at=moments.due_at,
        )
        for day, moments in wanted.items()
        if day not in found
    ]
    Occurrence.objects.bulk_create(added)
    Occurrence.objects.bulk_update([*gone, *moved], ["state", "reason", *MOMENTS])
    entries.record_many(
        kind="occurrence:expected",
        by=by,
        at=now,
        rows=[
            (one.ledger_subject(), one.ledger_facts() | {name: rfc3339(getattr(one, name)) for name in MOMENTS})
            for one in [*added, *moved]
        ],
    )
    entries.record_many(
        kind="occurrence:withdrawn",
        by=by,
        at=now,
        rows=[(one.ledger_subject(), one.ledger_facts() | {"reason": reason}) for one in gone],
    )


def _wanted(definition: CampaignDefinition, now: datetime) -> dict[date, recurrence.Moments]:
    """Due date → moments, of every run that opens after the schedule was set and is due within the horizon."""
    if not definition.schedule or definition.is_archived:
        return {}
    days = stages.total_days(definition.terms())
    dates = recurrence.due_dates(definition.schedule, definition.scheduled_at.date(), (now + HORIZON).date())
    found = {day: recurrence.moments(definition.schedule, day, days) for day in dates}
    return {day: moments for day, moments in found.items() if moments.opens_at > definition.scheduled_at}


def _move(occurrence: Occurrence, moments: recurrence.Moments) -> bool:
    """Whether its moments had to be changed; they are."""
    old = [getattr(occurrence, name) for name in MOMENTS]
    new = [getattr(moments, name) for name in MOMENTS]
    for name, moment in zip(MOMENTS, new, strict=True):
        setattr(occurrence, name, moment)
    return old != new


@transaction.atomic
def skipped(*, campaign: Campaign, reason: str, by) -> None:
    """The draft of a run was cancelled: the run is skipped."""
    occurrence = Occurrence.objects.get(campaign=campaign)
    occurrence.state, occurrence.reason = OccurrenceState.SKIPPED, reason
    occurrence.save(update_fields=["state", "reason"])
    entries.record(
        kind="occurrence:skipped",
        subject=occurrence.ledger_subject(),
        by=by,
        data=occurrence.ledger_facts() | {"reason": reason},
    )
