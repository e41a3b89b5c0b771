"""The two questions of an audit, over the same records: did the controls operate in the period, and is there a managed system.

What Certify knows is what its readiness knows; what only people know is what they stated. Where nobody did, that is said.
"""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import date

from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from campaigns import recurrence, timetable
from campaigns.states import CampaignState, RunStatus
from certify.lib import language
from evidence import coverage, deviations, persons, queries, statements
from evidence.catalogue import Control
from evidence.models import AuditPeriod, Statement
from evidence.readiness import MISSED, Line, Readiness
from evidence.states import Duty, Standing, StatementKind

SOC2, ISO27001 = "soc2", "iso27001"


@dataclass
class Said:
    """The statements of a framework that hold: kind → each in its latest version; and how many of a kind were withdrawn."""

    holding: dict[str, list[Statement]] = field(default_factory=dict)
    withdrawn: Counter = field(default_factory=Counter)
    #: What the people are called whom they refer to.
    names: dict[str, str] = field(default_factory=dict)

    @classmethod
    def of(cls, latest: Iterable[Statement], names: dict[str, str] | None = None) -> "Said":
        """Sorts the latest versions of statements."""
        found = cls(names=names or {})
        for one in latest:
            if one.withdrawn:
                found.withdrawn[one.kind] += 1
            else:
                found.holding.setdefault(one.kind, []).append(one)
        return found

    def get(self, kind: str) -> list[Statement]:
        """Those of a kind."""
        return self.holding.get(kind, [])

    def applicability(self) -> dict[str, Statement]:
        """Control → whether it applies, and why."""
        return {one.control: one for one in self.get(StatementKind.APPLICABILITY)}

    def about(self, kind: str) -> dict[str, list[Statement]]:
        """Control → the statements of a kind that name it."""
        found: dict[str, list[Statement]] = {}
        for one in self.get(kind):
            for control in one.facts["controls"]:
                found.setdefault(control, []).append(one)
        return found

    def answering(self) -> dict[str, Statement]:
        """Deviation → the nonconformity that is about it."""
        return {one.facts["deviation"]: one for one in self.get(StatementKind.NONCONFORMITY) if one.facts["deviation"]}

    def held_in(self, kind: str, first: date, last: date) -> list[Statement]:
        """Audits or reviews that were held in a span of days, by day."""
        span = (first.isoformat(), last.isoformat())
        return sorted(
            (one for one in self.get(kind) if span[0] <= one.facts["held_on"] <= span[1]), key=lambda one: one.facts["held_on"]
        )

    def nonconformities(self, first: date, last: date) -> list[Statement]:
        """Those that were found by the end of a span of days and were not closed before it began."""
        return [
            one
            for one in self.get(StatementKind.NONCONFORMITY)
            if one.facts["found_on"] <= last.isoformat() and not (one.facts.get("effective") == "yes" and one.at.date() < first)
        ]


@dataclass(frozen=True)
class Figures:
    """A control in a period: its runs in numbers, who owns it and how often it is to run."""

    control: Control
    reference: str
    expected: int
    in_time: int
    late: int
    missed: int
    owner: str
    cadence: str = ""
    is_served: bool = False

    @property
    def to_come(self) -> int:
        """Runs whose due date has not passed, so that the numbers balance."""
        return self.expected - self.in_time - self.late - self.missed


class Assurance:
    """A period with all that its report tells."""

    def __init__(self, found: Readiness):
        self.found, self.period, self.framework = found, found.period, found.framework
        self.deviations = deviations.of(found)
        stated = list(Statement.objects.filter(framework=self.framework.code).newest())
        self.said = Said.of(stated, persons.names(*(one.facts for one in stated)))
        self.scope = queries.scope_of(self.period, found.campaigns)
        serving = coverage.serving(found.now, f"{self.framework.code}:")
        self.figures = [self._figures(line, serving.get(line.reference, [])) for line in found.lines()]

    def _figures(self, line: Line, serving: list[coverage.Served]) -> Figures:
        held = self.found.answering.at(line.reference, self.found.now)
        owner = held[list(Duty).index(Duty.PROCESS_OWNER)].name
        cadence = "; ".join(f"{one.definition.name}: {cadence_of(one)}" for one in serving)
        return Figures(
            line.control, line.reference, len(line.runs), line.performed, line.late, line.missed, owner, cadence,
            bool(line.runs or line.campaigns),
        )  # fmt: skip

    def missing(self) -> list[str]:
        """What is not stated and should be, a sentence each."""
        return missing(self.framework.assurance, self.period, self.figures, self.said) + self._unanswered()

    def _unanswered(self) -> list[str]:
        answered = self.said.answering()
        rest = sum(one.key not in answered for one in self.deviations)
        text = ngettext("No nonconformity is stated for {n} deviation.", "No nonconformity is stated for {n} deviations.", rest)
        return [text.format(n=rest)] if rest else []


def cadence_of(served: coverage.Served) -> str:
    """How often a definition is to run, and when it was closed last and is due next."""
    definition = served.definition
    often = recurrence.words(definition.schedule) if definition.schedule else language.within(definition.get_cadence_display())
    last = language.dated(served.last.closed_at, "j M Y") if served.last else _("never")
    coming = language.dated(served.next.due_on, "j M Y") if served.next else "–"
    often = often if often.endswith(".") else f"{often}."
    return _("{often} Closed last: {last}; due next: {next}.").format(often=often, last=last, next=coming)


def missing(mode: str, period: AuditPeriod, figures: list[Figures], said: Said) -> list[str]:
    """Of what people have to state for the question of an audit: what is not stated."""
    stated, risks = said.applicability(), said.about(StatementKind.RISK)
    open_ones = sum(one.reference not in stated for one in figures)
    served = [one for one in figures if one.is_served]
    unowned, riskless = sum(not one.owner for one in served), sum(one.reference not in risks for one in served)
    found = [
        (open_ones, ngettext("Whether {n} control applies is not stated.", "Whether {n} controls apply is not stated.", open_ones)),
        (unowned, ngettext("{n} control that reviews serve has no process owner.",
                           "{n} controls that reviews serve have no process owner.", unowned)),
    ]  # fmt: skip
    if mode == SOC2:
        found += [
            (not said.get(StatementKind.USER_CONTROL), _("No complementary user-entity control is stated: not even that there is none.")),
            (not said.get(StatementKind.SUBSERVICE), _("No subservice organisation is stated: not even that there is none.")),
        ]  # fmt: skip
    else:
        audits, reviews = (
            said.held_in(kind, period.from_on, period.to_on)
            for kind in (StatementKind.INTERNAL_AUDIT, StatementKind.MANAGEMENT_REVIEW)
        )
        found += [
            (riskless, ngettext("Of {n} control that reviews serve no risk is stated.",
                                "Of {n} controls that reviews serve no risk is stated.", riskless)),
            (not audits, _("No internal audit of this period is stated.")),
            (not reviews, _("No management review of this period is stated.")),
        ]  # fmt: skip
    return [text.format(n=count) for count, text in found if count]


def figures(found: Readiness) -> dict[str, str]:
    """What lies before a management review: each run and review counts once, whichever controls it serves."""
    statuses = Counter(timetable.status(run, found.now) for run in found.mine)
    outcomes = queries.outcomes_of(found.campaigns)
    said = Said.of(Statement.objects.filter(framework=found.framework.code, kind=StatementKind.NONCONFORMITY).newest())
    today = found.now.date()
    unclosed = sum(
        statements.standing(one.facts, today) != Standing.CLOSED
        for one in said.nonconformities(found.period.from_on, found.period.to_on)
    )
    counted = {
        "expected": statuses.total(),
        "in_time": statuses[RunStatus.PERFORMED],
        "late": statuses[RunStatus.LATE] + statuses[RunStatus.OVERDUE],
        "missed": sum(statuses[one] for one in MISSED),
        "items": sum(one.item_count for one in found.campaigns if one.state != CampaignState.CANCELLED),
        "not_reviewed": sum(one.get("not_reviewed", 0) for one in outcomes.values()),
        "removals": found.removals.total(),
        "findings": found.findings.total(),
        "nonconformities": unclosed,
    }
    return {name: str(count) for name, count in counted.items()}
