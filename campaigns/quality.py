"""Reads of how people reviewed: `measures.measure` as SQL over the decisions of a campaign.

A gap of more than ten minutes between two acts begins a new sitting and is not counted; a bulk act is one act. See `measures`.
`tests/campaigns/test_quality.py` holds both against each other.
"""

from collections.abc import Iterable
from contextlib import nullcontext
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from django.db import connection, transaction
from django.db.models import Count
from psycopg2.extras import Json

from campaigns import measures, rules
from campaigns.measures import Breach, Measures
from campaigns.models import Campaign, Finding, FindingDisposition, PaceNotice
from campaigns.states import Disposition, Measure
from certify.lib.planning import without_loops
from people.models import User

MICROSECOND = timedelta(microseconds=1)

#: Acts are ordered by their time; the ids tell those of one moment apart.
MEASURED = """
    WITH decided AS MATERIALIZED (
        SELECT decision.id, decision.reviewer_id, decision.code, decision.bulk_act_id, decision.decided_at, decision.assignment_id,
               item.privileged = 'yes' AS is_privileged, advice.recommendation IN ('keep', 'remove') AS is_advised,
               advice.recommendation = %(against)s::jsonb ->> decision.code AS is_against,
               decision.bulk_act_id IS NOT NULL AND act.decision IS DISTINCT FROM 'sheet' AS is_bulk
        FROM campaigns_decision AS decision JOIN campaigns_reviewitem AS item ON item.id = decision.item_id
        LEFT JOIN campaigns_bulkact AS act ON act.id = decision.bulk_act_id
        LEFT JOIN campaigns_itemadvice AS advice ON advice.item_id = decision.item_id
        {since}
        WHERE decision.campaign_id = %(campaign)s AND decision.code <> 'undo' {only}
    ), counted AS (
        SELECT decided.reviewer_id, count(*) AS decided, count(*) FILTER (WHERE decided.is_bulk) AS in_bulk,
               count(*) FILTER (WHERE decided.is_privileged) AS privileged, count(opened.id) AS opened,
               count(*) FILTER (WHERE decided.is_advised) AS advised, count(*) FILTER (WHERE decided.is_against) AS against
        FROM decided LEFT JOIN campaigns_itemopened AS opened ON decided.is_privileged AND opened.assignment_id = decided.assignment_id
            AND opened.user_id = decided.reviewer_id AND opened.at <= decided.decided_at
        GROUP BY decided.reviewer_id
    ), acts AS (
        SELECT reviewer_id, id, decided_at AS at, code FROM decided WHERE bulk_act_id IS NULL
        UNION ALL
        SELECT reviewer_id, min(id), min(decided_at), (array_agg(code ORDER BY id))[1] FROM decided WHERE bulk_act_id IS NOT NULL
        GROUP BY reviewer_id, bulk_act_id
    ), followed AS (
        SELECT reviewer_id, id, at, code, lag(code) OVER sitting AS code_before,
               (extract(epoch FROM at - lag(at) OVER sitting) * 1000000)::bigint AS gap
        FROM acts WINDOW sitting AS (PARTITION BY reviewer_id ORDER BY at, id)
    ), paced AS (
        SELECT reviewer_id, count(*) AS gaps, count(*) FILTER (WHERE gap < %(haste)s) AS hasty,
               percentile_cont(0.5) WITHIN GROUP (ORDER BY gap) AS median
        FROM followed WHERE gap <= %(sitting)s GROUP BY reviewer_id
    ), runs AS (
        SELECT reviewer_id, count(*) FILTER (WHERE code <> code_before) OVER (
            PARTITION BY reviewer_id ORDER BY at, id ROWS UNBOUNDED PRECEDING) AS run
        FROM followed
    ), streaks AS (
        SELECT reviewer_id, max(length) AS streak
        FROM (SELECT reviewer_id, count(*) AS length FROM runs GROUP BY reviewer_id, run) AS counted_runs GROUP BY reviewer_id
    )
    SELECT counted.reviewer_id, counted.decided, counted.privileged, round(paced.median::numeric / 1000000, 1),
           round(100.0 * paced.hasty / paced.gaps, 1), round(100.0 * counted.in_bulk / counted.decided, 1), streaks.streak,
           round(100.0 * counted.opened / NULLIF(counted.privileged, 0), 1),
           round(100.0 * counted.against / NULLIF(counted.advised, 0), 1)
    FROM counted JOIN streaks USING (reviewer_id) LEFT JOIN paced USING (reviewer_id) ORDER BY counted.reviewer_id
"""


#: Of those who were asked again only what they decided since.
SINCE = """
    LEFT JOIN unnest(%(asked)s::bigint[], %(since)s::timestamptz[]) AS again (reviewer_id, since)
        ON again.reviewer_id = decision.reviewer_id
"""


@dataclass(frozen=True)
class Again:
    """That a reviewer was asked again: how often, since when for the last time, and how many answers were opened then."""

    times: int
    since: datetime
    opened: int


def asked_again(campaign: Campaign) -> dict[int, Again]:
    """Reviewer → how they were asked again in the campaign while there was time; only those who were."""
    found = FindingDisposition.objects.filter(finding__campaign=campaign, choice=Disposition.RE_ASK, reopened__gt=0)
    again: dict[int, Again] = {}
    for reviewer, at, opened in found.order_by("at").values_list("finding__reviewer", "at", "reopened").distinct():
        times = again[reviewer].times if reviewer in again else 0
        again[reviewer] = Again(times + 1, at, opened)
    return again


def _values(campaign: int) -> dict:
    return {
        "campaign": campaign,
        "sitting": measures.SITTING // MICROSECOND,
        "haste": measures.HASTE // MICROSECOND,
        "against": Json(rules.AGAINST),
    }


def measured_under(campaign: int, entries: str) -> dict[int, Measures]:
    """User id → how they reviewed in a campaign, by the decisions whose ledger entries are in a table of this name, which has `uid`."""
    known = f"JOIN {entries} AS known ON known.uid = decision.entry_uid"
    with transaction.atomic(), without_loops(), connection.cursor() as cursor:
        cursor.execute(MEASURED.format(only="", since=known), _values(campaign))
        return {reviewer: Measures(*row) for reviewer, *row in cursor.fetchall()}


def measured(
    campaign: Campaign, reviewers: Iterable[int] | None = None, again: dict[int, Again] | None = None
) -> dict[int, Measures]:
    """User id → how they reviewed, for everybody who has decided something in the campaign, or for these of them.

    Of those in `again` it is how they reviewed since they were asked again.
    """
    values = _values(campaign.pk)
    only = ""
    if reviewers is not None:
        only, values["reviewers"] = "AND decision.reviewer_id = ANY(%(reviewers)s)", list(reviewers)
    if again:
        values |= {"asked": list(again), "since": [one.since for one in again.values()]}
        only += " AND (again.since IS NULL OR decision.decided_at > again.since)"
    planned = without_loops() if reviewers is None else nullcontext()
    with transaction.atomic(), planned, connection.cursor() as cursor:
        cursor.execute(MEASURED.format(only=only, since=SINCE if again else ""), values)
        return {reviewer: Measures(*row) for reviewer, *row in cursor.fetchall()}


@dataclass(frozen=True)
class Cell:
    """One measure of a reviewer as a page shows it; `breach` is set where it is on the wrong side of its threshold."""

    measure: Measure
    value: object
    breach: Breach | None


@dataclass
class Row:
    """A reviewer with their measures, what was found, and how often they decided in a great hurry (`guards.hurry`)."""

    reviewer: User
    measures: Measures
    breaches: list[Breach]
    findings: list[Finding] = field(default_factory=list)
    hurries: int = 0
    again: Again | None = None

    @property
    def cells(self) -> list[Cell]:
        """The measures in their order."""
        by_measure = {breach.measure: breach for breach in self.breaches}
        return [Cell(name, self.measures.value(name), by_measure.get(name)) for name in Measure]

    @property
    def waiting(self) -> list[Finding]:
        """Findings that nobody has judged yet."""
        return [finding for finding in self.findings if not hasattr(finding, "disposition")]

    @property
    def judged(self) -> list[Finding]:
        """Findings that somebody has judged."""
        return [finding for finding in self.findings if hasattr(finding, "disposition")]

    @property
    def place(self) -> tuple:
        """Who is listed first: findings to be judged, then breaches, then the others by name."""
        return (not self.waiting, -len(self.breaches), not self.findings, self.reviewer.name, self.reviewer.pk)


def held_to(thresholds: dict, again: Again | None) -> dict:
    """The thresholds for somebody. Who was asked again is held to them from as many decisions on as were opened, if that is fewer."""
    if not thresholds or again is None:
        return thresholds
    return thresholds | {measures.MIN_DECISIONS: min(thresholds[measures.MIN_DECISIONS], again.opened)}


def rows(campaign: Campaign, reviewers: Iterable[int] | None = None) -> list[Row]:
    """Everybody who has decided something in the campaign (or these of them), what needs the owner first."""
    again, thresholds = asked_again(campaign), campaign.terms.get("quality", {})
    # Who was asked again and has not begun is shown with what there was before.
    found = measured(campaign, reviewers)
    if again:
        found |= measured(campaign, [pk for pk in again if pk in found], again)
    people = User.objects.in_bulk(list(found))
    listed = {
        pk: Row(people[pk], one, measures.breaches(one, held_to(thresholds, again.get(pk))), again=again.get(pk))
        for pk, one in found.items()
    }
    findings = Finding.objects.filter(campaign=campaign, reviewer_id__in=list(found)).select_related("disposition")
    for finding in findings:
        listed[finding.reviewer_id].findings.append(finding)
    notices = PaceNotice.objects.filter(campaign=campaign, reviewer_id__in=list(found))
    for reviewer, count in notices.values_list("reviewer").annotate(Count("id")).order_by():
        listed[reviewer].hurries = count
    return sorted(listed.values(), key=lambda row: row.place)


def open_findings(campaign: Campaign) -> int:
    """Findings of a campaign that nobody has judged yet."""
    return Finding.objects.filter(campaign=campaign, disposition__isnull=True).count()
