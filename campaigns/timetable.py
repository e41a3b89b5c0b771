"""The calendar: what was expected in a year, against what was performed."""

from collections import Counter
from dataclasses import dataclass, field
from datetime import datetime

from django.db.models import Q

from campaigns.models import Campaign, CampaignDefinition, Occurrence
from campaigns.states import CampaignState, OccurrenceState, RunStatus

#: Definitions on one page of the calendar.
SHOWN = 100
ENDED = {
    OccurrenceState.MISSED: RunStatus.MISSED,
    OccurrenceState.SKIPPED: RunStatus.SKIPPED,
    OccurrenceState.WITHDRAWN: RunStatus.WITHDRAWN,
}


def status(occurrence: Occurrence, now: datetime) -> RunStatus:
    """What became of a run by now.

    Performed means closed, and that nothing could be decided any more after the due date. Late is closed, but decided on after it.
    """
    if ended := ENDED.get(occurrence.state):
        return ended
    campaign = occurrence.campaign
    if campaign and campaign.state == CampaignState.CANCELLED:
        return RunStatus.CANCELLED
    if campaign and campaign.state == CampaignState.CLOSED:
        in_time = min(campaign.due_at, campaign.closed_at) <= occurrence.due_at
        return RunStatus.PERFORMED if in_time else RunStatus.LATE
    if now > occurrence.due_at:
        return RunStatus.OVERDUE
    if campaign is None:
        return RunStatus.EXPECTED
    if campaign.state == CampaignState.FAILED or (occurrence.held_for and campaign.state == CampaignState.DRAFT):
        return RunStatus.HELD
    return RunStatus.DRAFT if campaign.state == CampaignState.DRAFT else RunStatus.RUNNING


@dataclass
class Line:
    """One definition in a year: month (1 to 12) → its runs, each {"occurrence" or "campaign", "status"}."""

    definition: CampaignDefinition
    months: list[list[dict]] = field(default_factory=lambda: [[] for _ in range(12)])


@dataclass(frozen=True)
class Year:
    """The calendar of a year; `counts` is status → runs that were expected, over all definitions, and the same for each control.

    A run counts for every control that its definition serves.
    """

    number: int
    lines: list[Line]
    counts: Counter
    by_control: dict[str, Counter]
    definitions: int


def year(number: int, now: datetime, control: str = "") -> Year:
    """Every definition that is in use, or had a run due or launched that year; the first 100 by name, of one control if asked for."""
    due = Q(due_on__year=number) & ~Q(state=OccurrenceState.WITHDRAWN)
    runs = Occurrence.objects.filter(due).select_related("campaign")
    by_hand = Campaign.objects.filter(opened_at__year=number, occurrence__isnull=True)
    wanted = CampaignDefinition.objects.filter(
        Q(is_archived=False) | Q(pk__in=runs.values("definition_id")) | Q(pk__in=by_hand.values("definition_id"))
    )
    if control:
        wanted = wanted.filter(controls__contains=[control])
    lines = {one.pk: Line(one) for one in wanted.order_by("name", "pk")[:SHOWN]}
    serves = dict(wanted.values_list("pk", "controls"))
    by_control = {
        one: Counter() for one in sorted({one for served in serves.values() for one in served if control in ("", one)})
    }
    counts: Counter = Counter()
    for run in runs.filter(definition__in=wanted):
        counts[found := status(run, now)] += 1
        for one in by_control.keys() & set(serves[run.definition_id]):
            by_control[one][found] += 1
        if line := lines.get(run.definition_id):
            line.months[run.due_on.month - 1].append({"occurrence": run, "status": found})
    for campaign in by_hand.filter(definition__in=lines).order_by("opened_at"):
        lines[campaign.definition_id].months[campaign.opened_at.month - 1].append({"campaign": campaign})
    return Year(number, list(lines.values()), counts, by_control, len(serves))


def years() -> list[int]:
    """The years in which something was expected or launched."""
    due = Occurrence.objects.exclude(state=OccurrenceState.WITHDRAWN).dates("due_on", "year")
    ran = Campaign.objects.filter(opened_at__isnull=False).datetimes("opened_at", "year")
    return sorted({day.year for day in due} | {moment.year for moment in ran})


def controls() -> list[str]:
    """The controls that definitions serve."""
    return sorted({control for served in CampaignDefinition.objects.values_list("controls", flat=True) for control in served})
