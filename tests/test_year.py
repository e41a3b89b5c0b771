"""A year of reviews by schedule, on a fake clock: four quarters in two stages, and everything that goes wrong in a year.

The first quarter contains a change of the clocks, in the second the worker is down for two days when it opens and the manager is
away, in the third the manager leaves the company, in the fourth the data comes twelve days late. What must come out is written down
by hand in `EXPECTED`; the calendar, the pack and its verifier must all say it.
"""

import csv
import io
import zipfile
from datetime import UTC, date, datetime, timedelta

import pytest

from campaigns import tasks, timetable
from campaigns.actions import delegations, plans, schedules
from campaigns.models import Assignment, Campaign
from certify.lib import clock
from certify.lib.times import rfc3339
from evidence.actions import periods
from evidence.pack import builder, scope
from evidence.verifier import verify as verifier
from ledger.actions import sequencing
from ledger.actors import SYSTEM
from ledger.models import Checkpoint
from people.tasks import send_queued_mail
from remediation import tasks as remediation_tasks
from tests.story import IDENTITIES, QUARTERLY, Story

pytestmark = [pytest.mark.slow, pytest.mark.django_db]

STAGES = [
    {
        "name": "Managers",
        "panels": [[{"rule": "manager"}, {"rule": "system_owner"}]],
        "strategy": "one_deny_denies",
        "days": 10,
        "stop_on": ["revoke"],
    },
    {"name": "Confirm", "panels": [[{"rule": "control_owner"}]], "strategy": "one_deny_denies", "days": 5},
]

#: Quarter → opened, end of the first stage, second stage opened, due, closed, how it was performed, kept, to be removed, not reviewed.
#: The beat comes at noon UTC. Berlin is an hour ahead of UTC until 28 March and from 31 October on, two hours in between.
EXPECTED = {
    "Q1 2027": ("03-16T12:00:00", "03-26T22:59:59", "03-27T12:00:00", "03-31T21:59:59", "04-01T12:00:00", "in_time", 2, 1, 4),
    "Q2 2027": ("06-17T12:00:00", "06-25T21:59:59", "06-26T12:00:00", "06-30T21:59:59", "07-01T12:00:00", "in_time", 1, 0, 5),
    "Q3 2027": ("09-15T12:00:00", "09-25T21:59:59", "09-26T12:00:00", "09-30T21:59:59", "10-01T12:00:00", "in_time", 1, 0, 5),
    # Twelve days late: each stage gets half of its days, and the due date of the quarter passes.
    "Q4 2027": ("12-28T12:00:00", "01-02T12:00:00", "01-02T12:00:00", "01-05T00:00:00", "01-05T12:00:00", "late", 0, 0, 6),
}


def moment(month: int, day: int, hour: int = 12, year: int = 2027) -> datetime:
    return datetime(year, month, day, hour, tzinfo=UTC)


class Year:
    """The company, its definition, and a beat that somebody can forget to run."""

    def __init__(self, story: Story):
        self.story = story
        with clock.freeze(moment(1, 4)):
            self.definition = story.define("Quarterly review")
            plans.set_plan(definition_id=self.definition.pk, plan={"stages": STAGES}, by=story.owner)
            schedules.set_schedule(definition_id=self.definition.pk, schedule=QUARTERLY, by=story.owner)

    def beats(self, first: datetime, last: datetime) -> None:
        """Every day at noon, from day to day: all that the beat sweeps."""
        now = first
        while now <= last:
            with clock.freeze(now):
                tasks.run_schedules()
                tasks.run_requested_launches()
                tasks.close_due_campaigns()
                tasks.replace_leavers()
                tasks.send_due_reminders()
                send_queued_mail()
                remediation_tasks.sweep_signed_off()
                remediation_tasks.verify_new_snapshots()
            now += timedelta(days=1)

    def campaign(self, quarter: str) -> Campaign:
        return Campaign.objects.get(occurrence__label=quarter)

    def say(self, at: datetime, quarter: str, by, **answers: str) -> None:
        """Decide accounts (`bruno__admin` is another right) and submit."""
        with clock.freeze(at):
            campaign = self.campaign(quarter)
            for name, code in answers.items():
                account, _, right = name.partition("__")
                self.story.decide(campaign, account, code, by, entitlement=right or "read")
            self.story.submit(campaign, by)

    def load(self, at: datetime, **texts: str) -> None:
        with clock.freeze(at):
            self.story.load(**texts)


def first_quarter(year: Year) -> None:
    """As it should be; one removal, which the data of April shows gone."""
    story = year.story
    year.load(moment(3, 15))
    year.beats(moment(3, 10), moment(3, 18))
    year.say(moment(3, 18, 13), "Q1 2027", story.user("ana@x.example"), bruno="approve", bruno__admin="revoke", david="approve")
    year.beats(moment(3, 19), moment(3, 27))
    year.say(moment(3, 28), "Q1 2027", story.owner, bruno="approve", david="approve")
    year.beats(moment(3, 29), moment(4, 2))
    with clock.freeze(moment(4, 10)):
        story.load_without(("bruno", "admin"))
    year.beats(moment(4, 10), moment(4, 10))


def second_quarter(year: Year) -> None:
    """Nobody runs the beat on the day it opens, nor on the next; the manager's deputy answers for her."""
    story = year.story
    year.load(moment(6, 14))
    year.beats(moment(6, 10), moment(6, 14))
    year.beats(moment(6, 17), moment(6, 18))
    ana = story.user("ana@x.example")
    with clock.freeze(moment(6, 18)):
        away = delegations.Absence(date(2027, 6, 18), date(2027, 6, 30), "Away for two weeks")
        delegations.delegate(principal=ana, to=[story.fallback], absence=away, by=ana)
    year.say(moment(6, 20), "Q2 2027", story.fallback, bruno="approve")
    year.beats(moment(6, 21), moment(6, 26))
    year.say(moment(6, 27), "Q2 2027", story.owner, bruno="approve")
    year.beats(moment(6, 28), moment(7, 2))


def third_quarter(year: Year) -> None:
    """The manager leaves while she is asked; she has no manager, so the owner is asked instead, and in the next stage again."""
    story = year.story
    year.load(moment(9, 14))
    year.beats(moment(9, 10), moment(9, 18))
    left = IDENTITIES.replace("ana@x.example,employee,active", "ana@x.example,employee,inactive")
    year.load(moment(9, 19), identities=left)
    year.beats(moment(9, 19), moment(9, 20))
    year.say(moment(9, 21), "Q3 2027", story.owner, bruno="approve")
    year.beats(moment(9, 22), moment(9, 26))
    year.say(moment(9, 27), "Q3 2027", story.owner, bruno="approve")
    year.beats(moment(9, 28), moment(10, 2))


def fourth_quarter(year: Year) -> None:
    """The data is from September until three days before the due date; nobody answers, and nothing is approved by that."""
    year.beats(moment(12, 10), moment(12, 27))
    year.load(moment(12, 28, 10))
    year.beats(moment(12, 28), moment(1, 8, year=2028))


@pytest.fixture
def played(story, settings, tmp_path) -> Year:
    """The year, from its first day to the first week of the next."""
    settings.CERTIFY_LEDGER_KEY_FILE = tmp_path / "key.json"
    year = Year(story)
    first_quarter(year)
    second_quarter(year)
    third_quarter(year)
    fourth_quarter(year)
    return year


def of_year(text: str) -> str:
    """A time without its year and fraction."""
    return text[5:19]


def test_the_calendar_of_the_year_is_as_computed_by_hand(played):
    found = {}
    for run in played.definition.occurrences.filter(due_on__year=2027).select_related("campaign"):
        campaign = run.campaign
        found[run.label] = (run.due_on, campaign.stage, of_year(rfc3339(campaign.due_at)), of_year(rfc3339(campaign.closed_at)))
    assert found == {
        label: (due, 2, row[3], row[4])
        for (label, row), due in zip(
            EXPECTED.items(), [date(2027, 3, 31), date(2027, 6, 30), date(2027, 9, 30), date(2027, 12, 31)], strict=True
        )
    }
    counts = timetable.year(2027, moment(1, 9, year=2028)).counts
    assert dict(counts) == {"performed": 3, "late": 1}
    assert set(played.definition.occurrences.filter(due_on__year=2028).values_list("state", flat=True)) == {"expected"}
    _check_what_happened(played)


def _check_what_happened(played: Year) -> None:
    held = played.campaign("Q4 2027").occurrence.held_for
    assert len(held) == 1
    assert held[0].startswith("Data of Customer records is ")
    moved = Assignment.objects.get(campaign=played.campaign("Q3 2027"), item__account_key="bruno", stage=1, is_active=True)
    assert (moved.reviewer, moved.rule) == (played.story.owner, "reassigned")
    removal = played.campaign("Q1 2027").items.get(outcome="revoked").removal
    assert removal.state == "verified_gone"


def test_the_pack_of_the_year_says_the_same_and_holds(played, tmp_path, capsys):
    with clock.freeze(moment(1, 10, year=2028)):
        period = periods.create(
            details=periods.Details(
                name="2027",
                framework="soc2",
                from_on=date(2027, 1, 1),
                to_on=date(2027, 12, 31),
                open_until=date(2028, 6, 30),
                auditors=[played.story.auditor],
            ),
            by=played.story.owner,
        )
        sequencing.sequence(by=SYSTEM)
        builder.build(scope.of(period, Checkpoint.objects.latest("size")), tmp_path / "pack.zip")
    assert verifier.main([str(tmp_path / "pack.zip")]) == 0, capsys.readouterr().out
    report = capsys.readouterr().out
    assert "4 runs were expected in the period: 3 in time, 1 late" in report
    with zipfile.ZipFile(tmp_path / "pack.zip") as pack:
        tables = {
            name: list(csv.DictReader(io.StringIO(pack.read(f"{name}.csv").decode(), newline="")))
            for name in ("campaigns/campaigns", "controls/calendar", "administration/changes")
        }
    assert performed(tables) == EXPECTED


def performed(tables: dict[str, list[dict]]) -> dict[str, tuple]:
    """Quarter → what `EXPECTED` has of it, out of the tables of a pack alone."""
    stages = {}
    for row in tables["administration/changes"]:
        if row["kind"] == "stage:opened":
            stages[row["subject"].rpartition(":")[2]] = (
                of_year(row["at"]),
                of_year(verifier.parse_json(row["data"], "")["due_at"]),
            )
    campaigns = {row["campaign"]: row for row in tables["campaigns/campaigns"]}
    found = {}
    for run in tables["controls/calendar"]:
        one = campaigns[run["campaign"]]
        found[run["label"]] = (
            of_year(one["opened_at"]), of_year(one["due_at"]), *stages[run["campaign"]], of_year(one["ended_at"]),
            run["performed"], int(one["approved"]), int(one["revoked"]), int(one["not_reviewed"]),
        )  # fmt: skip
    return found
