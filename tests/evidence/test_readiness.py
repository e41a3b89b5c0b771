"""Readiness: the numbers of a played year against what happened in it, and who sees them."""

from collections import Counter
from datetime import timedelta

import pytest
from django.urls import reverse

from campaigns.actions import occurrences, schedules
from campaigns.models import CampaignDefinition, Occurrence
from certify.lib import clock
from evidence import coverage, deviations
from evidence.actions import duties, periods
from evidence.readiness import WIDTH, Readiness
from ledger.models import Entry
from remediation.models import RemediationTask
from tests.evidence.story import YEAR, details, moment, play
from tests.evidence.test_pages import client_of
from tests.story import QUARTERLY

pytestmark = pytest.mark.django_db


def test_a_played_year_is_counted_as_it_was_played(story):
    period = play(story)
    lines = {line.control.id: line for line in Readiness(period, moment(12, 31)).lines()}
    line = lines["CC6.3"]
    expected = Occurrence.objects.filter(due_on__year=YEAR).exclude(state="withdrawn")
    states = Counter(expected.values_list("state", flat=True))
    assert len(line.runs) == expected.count() == states.total()
    assert (line.performed, line.count("late"), line.missed) == (1, 1, states["missed"] + states["skipped"])
    assert line.performed + line.late + line.missed == len(line.runs), "the year is over"
    assert {one.name for one in line.campaigns} >= {"=Review of spring", "Review of summer"}
    assert line.grants == sum(frozen.grants_open for one in line.campaigns for frozen in one.sources.all())
    tasks = RemediationTask.objects.filter(campaign__in=line.campaigns)
    assert line.removals == tasks.exclude(state__in=("verified_gone", "excepted", "closed")).count() > 0
    assert any(gap.startswith(f"{line.removals} removal") for gap in line.gaps)
    assert any(f"{line.missed} runs did not take place" in gap for gap in line.gaps)
    assert not lines["CC9.2"].campaigns
    assert all(bar.x >= 0 and bar.x + bar.width <= WIDTH for bar in line.bars)
    assert [bar.run.occurrence.due_at for bar in line.bars] == sorted(bar.run.occurrence.due_at for bar in line.bars)


def test_gaps_say_what_can_still_be_done(story):
    today = clock.now().date()
    days = {"from_on": today, "to_on": today, "open_until": today + timedelta(days=9)}
    period = periods.create(details=details(story, **days), by=story.owner)
    (gap,) = {gap for line in Readiness(period, clock.now()).lines() for gap in line.gaps}
    assert "can still be launched" in gap
    (gap,) = {gap for line in Readiness(period, clock.now() + timedelta(days=2)).lines() for gap in line.gaps}
    assert "the period is over" in gap
    story.launch("Q1")
    line = next(line for line in Readiness(period, clock.now()).lines() if line.reference == "soc2:CC6.3")
    assert line.gaps == ["Nobody is named as its process owner: record one on the control’s page."]
    duties.give(control="soc2:CC6.3", duty="process_owner", holder=story.owner, by=story.owner)
    line = next(line for line in Readiness(period, clock.now()).lines() if line.reference == "soc2:CC6.3")
    assert line.gaps == []


def test_the_page_shows_it_and_an_auditors_look_is_recorded(story):
    today = clock.now().date()
    days = {"from_on": today, "to_on": today, "open_until": today}
    period = periods.create(details=details(story, **days), by=story.owner)
    campaign = story.launch("Q1")
    page = reverse("evidence:period-readiness", args=[period.pk])
    link = reverse("campaigns:campaign-detail", args=[campaign.pk])
    text = client_of(story.owner).get(page).text
    assert link in text
    assert "Nobody is named as its process owner" in text
    text = client_of(story.auditor).get(page).text
    assert "What you open here is recorded" in text
    assert link not in text
    (entry,) = Entry.objects.filter(kind="period:opened")
    assert entry.payload_json["data"]["page"] == "readiness"
    assert "Opened the readiness" in client_of(story.owner).get(reverse("evidence:period-detail", args=[period.pk])).text


def test_a_run_that_was_missed_stays_missed_whatever_its_definition_serves_later(story):
    with clock.freeze(moment(1, 1)):
        definition = story.define()
        CampaignDefinition.objects.filter(pk=definition.pk).update(controls=["soc2:CC6.1", "soc2:CC6.3"])
        schedules.set_schedule(definition_id=definition.pk, schedule=QUARTERLY | {"starts_on": f"{YEAR}-01-01"}, by=story.owner)
        run = Occurrence.objects.earliest("due_on")
        occurrences.skip(occurrence_id=run.pk, reason="Nobody had the time for it", by=story.owner)
        period = periods.create(details=details(story), by=story.owner)
        before = told(period)
        CampaignDefinition.objects.filter(pk=definition.pk).update(controls=["soc2:CC6.3"])
        assert told(period) == before
        assert run in coverage.runs_of("soc2:CC6.1")


def told(period) -> tuple:
    """The runs of CC6.1, and the deviations with their controls."""
    found = Readiness(period, moment(12, 31))
    line = next(line for line in found.lines() if line.reference == "soc2:CC6.1")
    assert line.missed
    return [run.occurrence.pk for run in line.runs], [(one.text, one.controls) for one in deviations.of(found)]
