"""Which definitions serve a control, when each was run last and is due next, and what became of its runs."""

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from django.db import connection

from campaigns import timetable
from campaigns.models import Campaign, CampaignDefinition, Occurrence
from campaigns.states import CampaignState, OccurrenceState, RunStatus
from evidence.accountability import Accountability, Held

#: What an auditor asks about: who answered for the control then.
OFF = (RunStatus.LATE, RunStatus.MISSED, RunStatus.OVERDUE, RunStatus.SKIPPED, RunStatus.CANCELLED)


@dataclass(frozen=True)
class Served:
    """A definition that serves a control; `last` is the campaign that was closed last, `next` the next run that is due."""

    definition: CampaignDefinition
    last: Campaign | None
    next: Occurrence | None


@dataclass(frozen=True)
class Ran:
    """A run, what became of it, and who had which duty at the control when it was due; empty where it went as it should."""

    occurrence: Occurrence
    status: RunStatus
    held: list[Held]


def serving(now: datetime, prefix: str = "") -> dict[str, list[Served]]:
    """Control → the definitions in use that serve it, by name; of controls that begin like this."""
    definitions = list(CampaignDefinition.objects.filter(is_archived=False).order_by("name"))
    closed = Campaign.objects.filter(definition__in=definitions, state=CampaignState.CLOSED)
    last = {one.definition_id: one for one in closed.order_by("definition_id", "-closed_at").distinct("definition_id")}
    due = Occurrence.objects.filter(definition__in=definitions, due_at__gte=now)
    due = due.filter(state__in=(OccurrenceState.EXPECTED, OccurrenceState.DRAFTED, OccurrenceState.LAUNCHED))
    coming = {one.definition_id: one for one in due.order_by("definition_id", "due_at").distinct("definition_id")}
    found = defaultdict(list)
    for definition in definitions:
        for control in definition.controls:
            if control.startswith(prefix):
                found[control].append(Served(definition, last.get(definition.pk), coming.get(definition.pk)))
    return found


#: What the last entry about each run says; before its first one there is none.
RECORDED = """
    SELECT DISTINCT ON (subject) split_part(subject, ':', 2)::bigint,
           ARRAY(SELECT jsonb_array_elements_text(payload_json -> 'data' -> 'controls'))
    FROM ledger_entry WHERE subject = ANY(%s) ORDER BY subject, id DESC
"""


def controls_of(runs: Iterable[Occurrence]) -> dict[int, list[str]]:
    """Run → the controls that it was to serve, as it was recorded and as packs say it; its definition may serve others by now."""
    with connection.cursor() as cursor:
        cursor.execute(RECORDED, [[run.ledger_subject() for run in runs]])
        return dict(cursor.fetchall())


def ran(control: str, runs: Iterable[Occurrence], now: datetime, duties: Accountability) -> list[Ran]:
    """The runs of a control, the latest first; those that went wrong with who had which duty when they were due."""
    found = []
    for run in sorted(runs, key=lambda one: (one.due_at, one.pk), reverse=True):
        status = timetable.status(run, now)
        found.append(Ran(run, status, duties.at(control, run.due_at) if status in OFF else []))
    return found


def runs_of(control: str) -> list[Occurrence]:
    """The runs that were due or are due next and were to serve the control, the latest 50."""
    found = Occurrence.objects.exclude(state=OccurrenceState.WITHDRAWN).select_related("definition", "campaign")
    every = list(found.order_by("-due_at"))
    controls = controls_of(every)
    return [run for run in every if control in controls.get(run.pk, ())][:50]
