"""Where an audit period stands before the auditor comes: for each control what was expected, what was performed and what is open."""

from collections import Counter
from dataclasses import dataclass
from datetime import datetime

from django.db.models import Count
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from campaigns.models import Campaign, CampaignSource, Finding, Occurrence
from campaigns.states import OccurrenceState, RunStatus
from evidence import coverage, frameworks, queries
from evidence.accountability import Accountability
from evidence.catalogue import Control
from evidence.models import AuditPeriod
from evidence.pack import scope
from evidence.states import Duty
from remediation.models import RemediationTask
from remediation.states import SETTLED

#: Width of the timeline of a period, whatever its length.
WIDTH = 1000
#: A run is at least so wide that it can be seen.
LEAST = 6
MISSED = (RunStatus.MISSED, RunStatus.SKIPPED, RunStatus.CANCELLED)


@dataclass(frozen=True)
class Bar:
    """A run on the timeline, from the day it opens to the day it is due, in units of `WIDTH`."""

    x: int
    width: int
    run: coverage.Ran


@dataclass(frozen=True)
class Line:
    """A control in a period. `campaigns` ran in it, `partial` are readings of systems that were not complete."""

    control: Control
    reference: str
    runs: list[coverage.Ran]
    bars: list[Bar]
    campaigns: list[Campaign]
    partial: list[CampaignSource]
    grants: int
    removals: int
    findings: int
    gaps: list[str]

    def count(self, *statuses: RunStatus) -> int:
        """Runs that came to one of these."""
        return sum(run.status in statuses for run in self.runs)

    @property
    def performed(self) -> int:
        """Runs closed in time."""
        return self.count(RunStatus.PERFORMED)

    @property
    def late(self) -> int:
        """Runs closed late, and those that are overdue."""
        return self.count(RunStatus.LATE, RunStatus.OVERDUE)

    @property
    def missed(self) -> int:
        """Runs that did not take place, for whatever reason."""
        return self.count(*MISSED)


class Readiness:
    """What is known of a period at a moment, read once for all its controls."""

    def __init__(self, period: AuditPeriod, now: datetime):
        self.period, self.now = period, now
        self.begin, self.end = scope.bounds(period)
        self.framework = frameworks.get(period.framework)
        self.answering = Accountability(map(self.framework.reference, self.framework.controls))
        self.campaigns, _others = queries.campaigns_of(period)
        due = Occurrence.objects.filter(due_on__gte=period.from_on, due_on__lte=period.to_on)
        due = due.exclude(state=OccurrenceState.WITHDRAWN)
        self.runs = list(due.select_related("definition", "campaign"))
        self.controls = coverage.controls_of(self.runs)
        frozen = CampaignSource.objects.filter(campaign__in=self.campaigns).select_related("source", "snapshot")
        self.frozen = list(frozen.order_by("campaign_id", "source__name"))
        left = RemediationTask.objects.exclude(state__in=SETTLED)
        self.removals, self.findings = (
            Counter(dict(found.filter(campaign__in=self.campaigns).order_by().values_list("campaign_id").annotate(Count("pk"))))
            for found in (left, Finding.objects.filter(disposition__isnull=True))
        )

    @property
    def mine(self) -> list[Occurrence]:
        """The runs that were to serve the framework, by the day on which they are due."""
        prefix = f"{self.framework.code}:"
        found = [run for run in self.runs if any(one.startswith(prefix) for one in self.controls.get(run.pk, ()))]
        return sorted(found, key=lambda run: (run.due_at, run.pk))

    def lines(self) -> list[Line]:
        """Every control of the period's framework, in the order of its catalogue."""
        references = {self.framework.reference(one.id): one for one in self.framework.controls.values()}
        return [self._line(reference, control, self.answering) for reference, control in references.items()]

    def _line(self, reference: str, control: Control, answering: Accountability) -> Line:
        due = [run for run in self.runs if reference in self.controls.get(run.pk, ())]
        runs = coverage.ran(reference, due, self.now, answering)
        campaigns = [one for one in self.campaigns if reference in one.terms["controls"]]
        inside = {one.pk for one in campaigns}
        frozen = [one for one in self.frozen if one.campaign_id in inside]
        partial = [one for one in frozen if one.snapshot.completeness != "full"]
        open_removals, unjudged = (sum(found[pk] for pk in inside) for found in (self.removals, self.findings))
        line = Line(
            control, reference, runs, [self._bar(run) for run in reversed(runs)], campaigns, partial,
            sum(one.grants_open for one in frozen), open_removals, unjudged, [],
        )  # fmt: skip
        line.gaps.extend(self._gaps(line))
        if (runs or campaigns) and not answering.at(reference, self.now)[list(Duty).index(Duty.PROCESS_OWNER)].name:
            line.gaps.append(_("Nobody is named as its process owner: record one on the control’s page."))
        return line

    def _bar(self, run: coverage.Ran) -> Bar:
        whole = self.end - self.begin
        at, until = (
            min(max((moment - self.begin) / whole, 0.0), 1.0) for moment in (run.occurrence.opens_at, run.occurrence.due_at)
        )
        width = max(LEAST, round((until - at) * WIDTH))
        return Bar(min(round(at * WIDTH), WIDTH - width), width, run)

    def _gaps(self, line: Line) -> list[str]:
        """What is missing, and what can still be done about it."""
        if not line.runs and not line.campaigns:
            is_over = self.now >= self.end
            return [
                _("No review served it, and the period is over: say to the auditor why.")
                if is_over
                else _("No review serves it yet: one can still be launched in the period.")
            ]
        overdue = line.count(RunStatus.OVERDUE)
        said = (
            (overdue, ngettext("{n} run is overdue: closed now, it counts as late.",
                               "{n} runs are overdue: closed now, they count as late.", overdue)),
            (line.missed, ngettext("{n} run did not take place: nothing repairs that; have the reason ready.",
                                   "{n} runs did not take place: nothing repairs that; have the reasons ready.", line.missed)),
            (line.removals, ngettext("{n} removal is not proved: load data that shows it gone.",
                                     "{n} removals are not proved: load data that shows them gone.", line.removals)),
            (line.findings, ngettext("{n} finding is not judged: judge it.",
                                     "{n} findings are not judged: judge them.", line.findings)),
            (len(line.partial), ngettext("{n} reading was not complete: what it lacks was not reviewed; review complete data.",
                                         "{n} readings were not complete: what they lack was not reviewed; review complete data.",
                                         len(line.partial))),
        )  # fmt: skip
        return [text.format(n=number) for number, text in said if number]
