"""Runs that schedules expect, on a fake clock: drafted, held, launched, caught up, skipped; each once, whoever asks twice."""

from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from threading import Barrier, Thread

import pytest
from django.db import DatabaseError, connection, transaction

from campaigns import tasks
from campaigns.actions import closing, definitions, occurrences, schedules
from campaigns.models import Campaign, CampaignDefinition, Occurrence
from campaigns.states import CampaignState, OccurrenceState
from certify.lib import clock
from certify.lib.errors import InvalidInput, NotAllowed
from inventory.models import LoadJob, Snapshot
from ledger.models import Entry
from people.models import Mail
from tests.story import QUARTERLY

pytestmark = pytest.mark.django_db

DRAFTED, OPENS, DUE = (
    datetime(2027, 3, 12, 7, tzinfo=UTC),
    datetime(2027, 3, 17, 7, tzinfo=UTC),
    datetime(2027, 3, 31, 21, 59, 59, tzinfo=UTC),
)


@contextmanager
def at(moment: datetime):
    """The sweeps of that moment, run twice: the second time nothing may change."""
    with clock.freeze(moment):
        tasks.run_schedules()
        tasks.run_requested_launches()
        before = Entry.objects.count()
        tasks.run_schedules()
        tasks.run_requested_launches()
        assert Entry.objects.count() == before
        yield


@pytest.fixture
def scheduled(story) -> CampaignDefinition:
    """A quarterly review, due on the last day of each quarter of 2027, set on New Year's Day; fresh data at every launch."""
    definition = story.define()
    with clock.freeze(datetime(2027, 1, 1, 9, tzinfo=UTC)):
        return schedules.set_schedule(definition_id=definition.pk, schedule=QUARTERLY, by=story.owner)


def first(definition: CampaignDefinition) -> Occurrence:
    return definition.occurrences.select_related("campaign").first()


def load(story, moment: datetime) -> None:
    with clock.freeze(moment):
        story.load()


def kinds(occurrence: Occurrence) -> list[str]:
    """What the ledger has of it, in order."""
    return list(Entry.objects.filter(subject=occurrence.ledger_subject()).order_by("pk").values_list("kind", flat=True))


def test_a_year_ahead_is_expected_and_in_the_ledger(scheduled):
    found = [(one.label, one.due_on.isoformat(), one.state) for one in scheduled.occurrences.all()]
    assert found == [
        ("Q1 2027", "2027-03-31", "expected"),
        ("Q2 2027", "2027-06-30", "expected"),
        ("Q3 2027", "2027-09-30", "expected"),
        ("Q4 2027", "2027-12-31", "expected"),
    ]
    one = first(scheduled)
    assert (one.draft_at, one.opens_at, one.due_at) == (DRAFTED, OPENS, DUE)
    assert kinds(one) == ["occurrence:expected"]


def test_it_is_drafted_then_launched_and_due_when_the_schedule_says(story, scheduled):
    with at(DRAFTED - timedelta(seconds=1)):
        assert first(scheduled).state == OccurrenceState.EXPECTED
    with at(DRAFTED):
        one = first(scheduled)
        assert (one.state, one.campaign.state, one.campaign.name) == ("drafted", "draft", "Quarterly review – Q1 2027")
        assert Mail.objects.filter(template="occurrence_drafted", recipient=story.owner).count() == 1
    load(story, OPENS - timedelta(hours=1))
    with at(OPENS - timedelta(seconds=1)):
        assert first(scheduled).campaign.state == CampaignState.DRAFT
    with at(OPENS):
        one = first(scheduled)
        assert (one.state, one.campaign.state, one.campaign.due_at) == ("launched", "open", DUE)
        assert one.campaign.item_count == 7
    assert kinds(one) == ["occurrence:expected", "occurrence:drafted", "occurrence:launched"]
    with at(DUE):
        tasks.close_due_campaigns()
        assert first(scheduled).campaign.state == CampaignState.CLOSED


def test_old_data_holds_the_launch_until_it_is_fresh(story, scheduled):
    load(story, OPENS - timedelta(days=9))
    with at(OPENS):
        one = first(scheduled)
        assert (one.state, one.campaign.state) == ("drafted", "draft")
        assert one.held_for == ["Data of Customer records is 9 days old; at most 7 are allowed."]
        assert Mail.objects.filter(template="occurrence_held", recipient=story.owner).count() == 1
    load(story, OPENS + timedelta(days=2))
    with at(OPENS + timedelta(days=2)):
        one = first(scheduled)
        assert (one.state, one.campaign.state) == ("launched", "open")
        assert one.campaign.due_at == DUE, "a late launch does not move the due date"
    assert kinds(one) == ["occurrence:expected", "occurrence:drafted", "occurrence:held", "occurrence:launched"]


def test_a_launch_in_spite_of_the_gate_needs_a_reason_and_a_control_owner(story, scheduled):
    with at(OPENS):
        one = first(scheduled)
        with pytest.raises(InvalidInput, match="not ready"):
            occurrences.launch_now(occurrence_id=one.pk, reason="", by=story.owner)
        with pytest.raises(NotAllowed):
            occurrences.launch_now(occurrence_id=one.pk, reason="The export is known to be good", by=story.admin)
        occurrences.launch_now(occurrence_id=one.pk, reason="The export is known to be good", by=story.owner)
        tasks.run_requested_launches()
        assert first(scheduled).campaign.state == CampaignState.OPEN
        entry = Entry.objects.get(kind="occurrence:launched")
        assert entry.payload_json["data"]["reason"] == "The export is known to be good"
        assert "was never loaded" not in str(entry.payload_json["data"]["held_for"])
        with pytest.raises(InvalidInput, match="Launched"):
            occurrences.skip(occurrence_id=one.pk, reason="Too late to skip this", by=story.owner)


def test_rows_that_drift_and_failed_loads_hold_it(story, scheduled):
    load(story, OPENS - timedelta(hours=3))
    with clock.freeze(OPENS - timedelta(hours=2)):
        story.load_without(("bruno", "read"), ("bruno", "admin"), ("david", "read"))
    LoadJob.objects.create(source=story.source, state="failed", extraction_note="x", error="broken")
    LoadJob.objects.update(changed_at=OPENS)
    with at(OPENS):
        assert first(scheduled).held_for == [
            "The last load of Customer records failed on 2027-03-17.",
            "Customer records has 4 grants, 7 before: more than 20 % apart.",
        ]


def test_a_partial_snapshot_holds_it(story, scheduled):
    with clock.freeze(OPENS - timedelta(hours=2)):
        story.load("partial")
    with at(OPENS):
        assert first(scheduled).held_for == ["The latest snapshot of Customer records is not full."]


def test_a_worker_that_was_down_catches_up_once(story, scheduled):
    load(story, OPENS + timedelta(days=2))
    with at(OPENS + timedelta(days=2)):
        one = first(scheduled)
        assert (one.state, one.campaign.state, one.campaign.due_at) == ("launched", "open", DUE)
    assert Campaign.objects.count() == 1


def test_very_late_it_still_gets_half_its_days(story, scheduled):
    late = DUE - timedelta(days=1)
    load(story, late)
    with at(late):
        assert first(scheduled).campaign.due_at == late + timedelta(days=7)


def test_of_several_missed_runs_only_the_newest_is_caught_up(story, scheduled):
    late = datetime(2027, 9, 20, 9, tzinfo=UTC)
    load(story, late)
    with at(late):
        found = list(scheduled.occurrences.values_list("label", "state"))
        assert found[:4] == [("Q1 2027", "missed"), ("Q2 2027", "missed"), ("Q3 2027", "launched"), ("Q4 2027", "expected")]
        assert Campaign.objects.get().name == "Quarterly review – Q3 2027"
        assert first(scheduled).reason == "Certify did not run when it was to open. Caught up by the run due on 2027-09-30."


def test_what_was_held_until_the_next_one_is_missed_for_that_reason(story, scheduled):
    with at(OPENS):
        assert first(scheduled).held_for
    load(story, datetime(2027, 6, 16, 5, tzinfo=UTC))
    with at(datetime(2027, 6, 16, 6, tzinfo=UTC)):
        one = first(scheduled)
        assert (one.state, one.campaign.state) == ("missed", "cancelled")
        assert one.reason.startswith("Data of Customer records is ")
        assert scheduled.occurrences.get(label="Q2 2027").campaign.state == CampaignState.OPEN


def test_a_skip_needs_a_reason_and_stays(story, scheduled):
    with at(DRAFTED):
        one = first(scheduled)
        with pytest.raises(InvalidInput):
            occurrences.skip(occurrence_id=one.pk, reason=" ", by=story.owner)
        occurrences.skip(occurrence_id=one.pk, reason="The system is retired this quarter", by=story.owner)
    load(story, OPENS)
    with at(OPENS):
        one = first(scheduled)
        assert (one.state, one.campaign.state, one.reason) == ("skipped", "cancelled", "The system is retired this quarter")


def test_cancelling_the_draft_is_a_skip(story, scheduled):
    with at(DRAFTED):
        closing.cancel(campaign_id=first(scheduled).campaign_id, reason="Not needed this quarter", by=story.owner)
        assert (first(scheduled).state, first(scheduled).reason) == ("skipped", "Not needed this quarter")
    load(story, OPENS)
    with at(OPENS):
        assert first(scheduled).campaign.state == CampaignState.CANCELLED


def test_another_schedule_withdraws_what_is_no_longer_due_and_keeps_the_rest(story, scheduled):
    with clock.freeze(datetime(2027, 2, 1, tzinfo=UTC)):
        monthly = QUARTERLY | {"every": 1, "month": 1}
        schedules.set_schedule(definition_id=scheduled.pk, schedule=monthly, by=story.owner)
        days = scheduled.occurrences.exclude(state="withdrawn").values_list("due_on", flat=True)
        assert [str(day) for day in days][:3] == ["2027-02-28", "2027-03-31", "2027-04-30"]
        assert scheduled.occurrences.filter(state="withdrawn").count() == 0
        schedules.set_schedule(definition_id=scheduled.pk, schedule=None, by=story.owner)
        assert set(scheduled.occurrences.values_list("state", flat=True)) == {"withdrawn"}
    assert Entry.objects.filter(kind="definition:scheduled").count() == 3


def test_more_days_to_decide_open_it_earlier(story, scheduled):
    CampaignDefinition.objects.filter(pk=scheduled.pk).update(duration_days=21)
    with at(datetime(2027, 2, 1, tzinfo=UTC)):
        assert first(scheduled).opens_at == OPENS - timedelta(days=7)


def test_an_archived_definition_is_expected_no_more(story, scheduled):
    with clock.freeze(datetime(2027, 2, 1, tzinfo=UTC)):
        definitions.archive(definition_id=scheduled.pk, by=story.owner)
    load(story, OPENS)
    with at(OPENS):
        assert set(scheduled.occurrences.values_list("state", flat=True)) == {"withdrawn"}
        assert not Campaign.objects.exists()


def test_a_launch_that_is_refused_is_told_to_the_owner(story, scheduled):
    load(story, OPENS)
    CampaignDefinition.objects.filter(pk=scheduled.pk).update(
        scope=scheduled.scope | {"include": [{"field": "entitlement", "any": ["nothing"]}]}
    )
    with at(OPENS):
        assert first(scheduled).campaign.state == CampaignState.FAILED
        assert "Nothing is in scope" in Mail.objects.get(template="launch_failed").context["reason"]


def test_what_was_expected_cannot_be_deleted_or_moved(scheduled):
    for change in ("DELETE FROM campaigns_occurrence", "UPDATE campaigns_occurrence SET due_on = due_on + 1"):
        with pytest.raises(DatabaseError), transaction.atomic(), connection.cursor() as cursor:
            cursor.execute(change)


@pytest.mark.django_db(transaction=True)
def test_two_beats_at_once_launch_once(story, scheduled):
    load(story, OPENS)
    barrier, failures = Barrier(4), []

    def beat():
        try:
            barrier.wait()
            tasks.run_schedules()
            tasks.run_requested_launches()
        except BaseException as error:
            failures.append(error)
        finally:
            connection.close()

    with clock.freeze(OPENS):
        threads = [Thread(target=beat) for _ in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert not failures
    campaign = Campaign.objects.get()
    assert (campaign.state, campaign.item_count) == ("open", 7)
    assert Entry.objects.filter(kind="campaign:launched").count() == 1
    assert Snapshot.objects.count() == 2
