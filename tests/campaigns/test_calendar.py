"""The calendar and the pages around it, as a control owner uses them; what a run comes to, on a fake clock."""

from datetime import UTC, datetime, timedelta

import pytest
from django.urls import reverse

from campaigns import tasks, timetable
from campaigns.actions import advancing, closing, schedules
from campaigns.models import CampaignDefinition, Occurrence
from certify.lib import clock
from tests.story import QUARTERLY

pytestmark = pytest.mark.django_db

POSTED = {
    "repeat": "months",
    "every": "3",
    "on": "day",
    "day": "31",
    "month": "3",
    "workday": "5",
    "weeks": "4",
    "weekday": "0",
    "rrule": "",
    "starts_on": "2027-01-01",
    "time_zone": "Europe/Berlin",
    "holidays": "",
    "opens_at": "08:00",
    "draft_days": "5",
    "max_age_days": "7",
    "max_drift": "20",
}
NEW_YEAR = datetime(2027, 1, 1, 9, tzinfo=UTC)


@pytest.fixture
def page(client, story):
    """The definition's schedule page, for its owner."""
    client.force_login(story.owner)
    return reverse("campaigns:definition-schedule", args=[story.define().pk])


def due() -> list[str]:
    return [day.isoformat() for day in Occurrence.objects.exclude(state="withdrawn").values_list("due_on", flat=True)]


@pytest.mark.parametrize(
    ("changes", "days"),
    [
        ({}, ["2027-03-31", "2027-06-30", "2027-09-30", "2027-12-31"]),
        ({"on": "workday", "workday": "-1", "every": "12"}, ["2027-12-31"]),
        ({"repeat": "weeks", "weeks": "26", "weekday": "2"}, ["2027-07-07", "2028-01-05"]),
        ({"repeat": "rrule", "rrule": "FREQ=YEARLY;BYMONTH=5;BYMONTHDAY=2"}, ["2027-05-02"]),
        ({"repeat": ""}, []),
    ],
)
def test_a_schedule_is_set_in_the_page(client, page, changes, days):
    with clock.freeze(NEW_YEAR):
        assert client.get(page).status_code == 200
        assert client.post(page, POSTED | changes).status_code == 302
        text = client.get(page).content.decode()
    assert due() == days
    assert ("Nothing: no run is due by itself." in text) == (not days)


@pytest.mark.parametrize(
    ("changes", "name"),
    [
        ({"starts_on": ""}, "starts_on"),
        ({"day": "40"}, "day"),
        ({"day": ""}, "day"),
        ({"month": "4"}, "month"),
        ({"on": "workday", "workday": "0"}, "workday"),
        ({"repeat": "weeks", "weeks": "0"}, "weeks"),
        ({"repeat": "weeks", "weeks": ""}, "weeks"),
        ({"repeat": "rrule", "rrule": "FREQ=SECONDLY"}, "rrule"),
        ({"holidays": "Atlantis"}, "holidays"),
        ({"opens_at": "8"}, "opens_at"),
        ({"time_zone": "Nowhere"}, "time_zone"),
        ({"max_drift": "0"}, "max_drift"),
    ],
)
def test_a_refusal_stands_at_its_field_and_nothing_is_saved(client, page, changes, name):
    answer = client.post(page, POSTED | changes)
    assert answer.status_code == 422
    assert list(answer.context["form"].errors) == [name]
    assert due() == []


def test_the_form_shows_what_was_saved(client, page):
    with clock.freeze(NEW_YEAR):
        client.post(page, POSTED | {"on": "workday", "workday": "-2", "holidays": "de-by"})
        form = client.get(page).context["form"]
    assert (form["on"].value(), form["workday"].value(), form["holidays"].value()) == ("workday", -2, "DE-BY")


def status(story, moment: datetime) -> str:
    with clock.freeze(moment):
        return timetable.status(Occurrence.objects.select_related("campaign").first(), moment)


def test_what_a_run_comes_to(client, story):
    with clock.freeze(NEW_YEAR):
        definition = story.define()
        schedules.set_schedule(definition_id=definition.pk, schedule=QUARTERLY, by=story.owner)
    run = Occurrence.objects.first()

    def beat(moment):
        with clock.freeze(moment):
            tasks.run_schedules()
            tasks.run_requested_launches()
        return status(story, moment)

    assert beat(run.draft_at - timedelta(seconds=1)) == "expected"
    assert beat(run.draft_at) == "draft"
    assert beat(run.opens_at) == "held"
    assert status(story, run.due_at + timedelta(seconds=1)) == "overdue"
    with clock.freeze(run.opens_at):
        story.load()
    assert beat(run.opens_at + timedelta(hours=1)) == "running"
    run.refresh_from_db()
    with clock.freeze(run.due_at - timedelta(days=1)):
        advancing.extend(
            campaign_id=run.campaign_id,
            due_at=run.due_at + timedelta(days=3),
            reason="Two reviewers are ill",
            by=story.owner,
        )
    assert status(story, run.due_at + timedelta(days=1)) == "overdue"
    with clock.freeze(run.due_at + timedelta(days=2)):
        closing.close(campaign_id=run.campaign_id, by=story.owner)
    assert status(story, run.due_at + timedelta(days=2)) == "late"


def test_closing_by_the_beat_after_a_night_without_a_worker_is_in_time(story):
    with clock.freeze(NEW_YEAR):
        schedules.set_schedule(definition_id=story.define().pk, schedule=QUARTERLY, by=story.owner)
    run = Occurrence.objects.first()
    with clock.freeze(run.opens_at):
        story.load()
        tasks.run_schedules()
        tasks.run_requested_launches()
    with clock.freeze(run.due_at + timedelta(hours=9)):
        tasks.close_due_campaigns()
    assert status(story, run.due_at + timedelta(hours=10)) == "performed"


def test_the_calendar_shows_expected_runs_and_those_by_hand(client, story):
    with clock.freeze(NEW_YEAR):
        campaign = story.launch("By hand in January")
        schedules.set_schedule(definition_id=campaign.definition_id, schedule=QUARTERLY, by=story.owner)
        client.force_login(story.owner)
        answer = client.get(reverse("campaigns:calendar"))
        (line,) = answer.context["year"].lines
        assert [len(runs) for runs in line.months] == [1, 0, 1, 0, 0, 1, 0, 0, 1, 0, 0, 1]
        assert answer.context["counts"] == [("expected", 4)]
        assert client.get(reverse("campaigns:calendar"), {"control": "iso27001:A.5.18"}).context["year"].lines == []
        assert client.get(reverse("campaigns:calendar"), {"year": "1e9"}).context["year"].number == 2027


def test_runs_are_counted_for_every_control_that_a_review_serves(client, story):
    with clock.freeze(NEW_YEAR):
        one, two = story.define("One"), story.define("Two")
        CampaignDefinition.objects.filter(pk=two.pk).update(controls=["soc2:CC6.3", "iso27001:A.5.18"])
        schedules.set_schedule(definition_id=one.pk, schedule=QUARTERLY, by=story.owner)
        schedules.set_schedule(definition_id=two.pk, schedule=QUARTERLY | {"every": 12, "month": 12}, by=story.owner)
        client.force_login(story.owner)
        address = reverse("campaigns:calendar")
        assert client.get(address).context["by_control"] == [("iso27001:A.5.18", 1, [1]), ("soc2:CC6.3", 5, [5])]
        assert client.get(address, {"control": "iso27001:A.5.18"}).context["by_control"] == [("iso27001:A.5.18", 1, [1])]


def test_the_calendar_takes_few_queries_whatever_there_is(client, story, django_assert_max_num_queries):
    with clock.freeze(NEW_YEAR):
        for number in range(12):
            definition = story.define(f"Review {number}")
            schedules.set_schedule(definition_id=definition.pk, schedule=QUARTERLY | {"every": 1, "month": 1}, by=story.owner)
        client.force_login(story.owner)
        with django_assert_max_num_queries(12):
            assert len(client.get(reverse("campaigns:calendar")).context["year"].lines) == 12


def test_a_run_is_launched_or_skipped_from_its_page(client, story):
    with clock.freeze(NEW_YEAR):
        definition = story.define()
        schedules.set_schedule(definition_id=definition.pk, schedule=QUARTERLY, by=story.owner)
    one, two = Occurrence.objects.all()[:2]
    with clock.freeze(one.draft_at):
        story.load()
        tasks.run_schedules()
        client.force_login(story.owner)
        address = reverse("campaigns:occurrence-detail", args=[one.pk])
        assert "Launch now" in client.get(address).content.decode()
        assert client.post(address, {"reason": "", "launch": ""}).status_code == 302
        assert client.post(reverse("campaigns:occurrence-detail", args=[two.pk]), {"skip": ""}).status_code == 422
        assert client.post(reverse("campaigns:occurrence-detail", args=[two.pk]), {"launch": ""}).status_code == 422
        skipped = {"skip": "", "reason": "The company is closed in June"}
        assert client.post(reverse("campaigns:occurrence-detail", args=[two.pk]), skipped).status_code == 302
    assert list(Occurrence.objects.values_list("state", flat=True)[:2]) == ["launched", "skipped"]
    assert CampaignDefinition.objects.get().campaigns.get().state == "requested"
