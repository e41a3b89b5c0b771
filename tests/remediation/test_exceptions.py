"""Risk exceptions: asked for by one person, accepted by another, until a day, and never longer."""

import csv
from datetime import timedelta

import pytest
from django.db import connection, transaction
from django.db.utils import DatabaseError, IntegrityError
from hypothesis import given
from hypothesis import strategies as st

from certify.lib import clock
from certify.lib.errors import InvalidInput, NotAllowed
from evidence import sealing
from ledger.models import Entry
from people.models import Mail
from remediation import rules, tasks
from remediation.actions import attempts, exceptions
from remediation.models import RemediationTask, RiskException
from remediation.states import EXCEPTION_TRANSITIONS, ExceptionState, TaskState

REASON, CONTROL, YES = "The new system comes in spring", "Every use is read by the security team", "Accepted by the risk board"


def wanted(days: int = 30) -> exceptions.Wanted:
    return exceptions.Wanted(REASON, CONTROL, clock.now().date() + timedelta(days=days))


def ask(story, task, days: int = 30) -> RiskException:
    return exceptions.request(task_id=task.pk, wanted=wanted(days), by=story.system_owner)


def accept(story, task, days: int = 30) -> RiskException:
    return exceptions.approve(exception_id=ask(story, task, days).pk, note=YES, by=story.owner)


def state(task) -> str:
    return RemediationTask.objects.get(pk=task.pk).state


@pytest.mark.parametrize("old", ExceptionState.values)
@pytest.mark.parametrize("new", ExceptionState.values)
def test_transitions(old, new):
    if new in EXCEPTION_TRANSITIONS[old]:
        rules.check_exception_transition(old, new)
    else:
        with pytest.raises(InvalidInput, match="cannot become"):
            rules.check_exception_transition(old, new)


@given(st.dates(), st.integers(-5000, 5000))
def test_the_last_day_is_ahead_but_not_far(today, days):
    try:
        day = today + timedelta(days=days)
    except OverflowError:
        return
    if 1 <= days <= rules.LONGEST_EXCEPTION:
        rules.check_last_day(day, today)
    else:
        with pytest.raises(InvalidInput):
            rules.check_last_day(day, today)


@pytest.mark.django_db
def test_a_request_changes_nothing_until_somebody_else_accepts_it(story, opened):
    task = opened["chloe"]
    made = ask(story, task)
    assert state(task) == TaskState.OPEN
    assert Mail.objects.get(template="exception_requested").recipient == story.owner
    for by in (story.system_owner, story.admin, story.auditor):
        with pytest.raises(NotAllowed):
            exceptions.approve(exception_id=made.pk, note=YES, by=by)
    exceptions.approve(exception_id=made.pk, note=YES, by=story.owner)
    assert state(task) == TaskState.EXCEPTED
    kinds = Entry.objects.filter(subject=f"remediation.task:{task.pk}", kind__startswith="exception:").order_by("id")
    assert list(kinds.values_list("kind", flat=True)) == ["exception:requested", "exception:approved"]


@pytest.mark.django_db
def test_whoever_asks_does_not_accept_even_as_control_owner(story, opened):
    made = exceptions.request(task_id=opened["chloe"].pk, wanted=wanted(), by=story.owner)
    with pytest.raises(NotAllowed, match="did not ask"):
        exceptions.approve(exception_id=made.pk, note=YES, by=story.owner)
    with pytest.raises(IntegrityError, match="exception_decided_by_somebody_else"), transaction.atomic():
        RiskException.objects.filter(pk=made.pk).update(decided_by=story.owner, decided_at=clock.now(), decided_by_name="x")


@pytest.mark.django_db
@pytest.mark.parametrize("field", ["reason", "control"])
def test_words_that_say_nothing_are_refused(story, opened, field):
    poor = exceptions.Wanted(**{"reason": REASON, "control": CONTROL, "expires_on": wanted().expires_on, field: "........."})
    with pytest.raises(InvalidInput) as refused:
        exceptions.request(task_id=opened["chloe"].pk, wanted=poor, by=story.system_owner)
    assert refused.value.field == field


@pytest.mark.django_db
def test_strangers_and_settled_removals_have_none(story, opened):
    for by in (story.admin, story.auditor, story.fallback):
        with pytest.raises(NotAllowed):
            exceptions.request(task_id=opened["chloe"].pk, wanted=wanted(), by=by)
    story.load_without(("chloe", "read"))
    tasks.verify_new_snapshots()
    with pytest.raises(NotAllowed):
        ask(story, opened["chloe"])


@pytest.mark.django_db
def test_it_ends_after_its_last_day_and_is_asked_again(story, opened):
    task = opened["chloe"]
    made = accept(story, task, days=10)
    last = made.expires_on
    with clock.freeze(clock.now() + timedelta(days=10)):
        assert clock.now().date() == last
        tasks.follow_exceptions()
        assert state(task) == TaskState.EXCEPTED
    with clock.freeze(clock.now() + timedelta(days=11)):
        tasks.follow_exceptions()
        tasks.follow_exceptions()
        found = RemediationTask.objects.get(pk=task.pk)
        assert (found.state, found.due_at) == (TaskState.OPEN, clock.now() + timedelta(days=7))
    entry = Entry.objects.get(kind="exception:ended").payload_json["data"]
    assert (entry["why"], entry["due_at"] != "") == ("expired", True)
    assert {mail.recipient for mail in Mail.objects.filter(template="exception_ended")} == {story.system_owner, story.owner}
    assert {mail.recipient for mail in Mail.objects.filter(template="exception_ends")} == {story.system_owner, story.owner}


@pytest.mark.django_db
def test_a_new_one_takes_the_place_of_the_old(story, opened):
    first = accept(story, opened["chloe"], days=10)
    second = accept(story, opened["chloe"], days=60)
    first.refresh_from_db()
    assert (first.state, first.end_reason, second.state) == ("ended", "replaced", "approved")
    assert state(opened["chloe"]) == TaskState.EXCEPTED


@pytest.mark.django_db
def test_access_that_is_gone_ends_the_exception(story, opened):
    made = accept(story, opened["chloe"])
    waiting = ask(story, opened["david"])
    story.load()
    tasks.verify_new_snapshots()
    assert state(opened["chloe"]) == TaskState.EXCEPTED
    story.load_without(("chloe", "read"), ("david", "read"))
    tasks.verify_new_snapshots()
    assert (state(opened["chloe"]), state(opened["david"])) == (TaskState.VERIFIED_GONE, TaskState.VERIFIED_GONE)
    assert set(RiskException.objects.filter(pk__in=(made.pk, waiting.pk)).values_list("end_reason", flat=True)) == {"gone"}


@pytest.mark.django_db
def test_it_can_be_ended_and_taken_back(story, opened):
    made, waiting = accept(story, opened["chloe"]), ask(story, opened["david"])
    for exception, by in ((made, story.system_owner), (waiting, story.owner), (made, story.auditor)):
        with pytest.raises(NotAllowed):
            exceptions.end(exception_id=exception.pk, by=by)
    exceptions.end(exception_id=made.pk, by=story.owner)
    exceptions.end(exception_id=waiting.pk, by=story.system_owner)
    assert (state(opened["chloe"]), state(opened["david"])) == (TaskState.OPEN, TaskState.OPEN)


@pytest.mark.django_db
def test_an_exception_settles_a_removal_for_the_seal_until_its_last_day(story, closed, opened):
    for task in opened.values():
        accept(story, task, days=20)
    late = closed.closed_at + timedelta(days=15)
    assert (sealing.counts(closed, late)["excepted"], sealing.counts(closed, late)["overdue"]) == (3, 0)
    later = closed.closed_at + timedelta(days=22)
    assert (sealing.counts(closed, later)["excepted"], sealing.counts(closed, later)["overdue"]) == (0, 3)


@pytest.mark.django_db
def test_what_was_asked_for_never_changes(story, opened):
    made = accept(story, opened["chloe"])
    for statement in (
        "DELETE FROM remediation_riskexception",
        "UPDATE remediation_riskexception SET expires_on = expires_on + 1",
        "UPDATE remediation_riskexception SET control = 'none'",
    ):
        with pytest.raises(DatabaseError, match="refused"), transaction.atomic(), connection.cursor() as cursor:
            cursor.execute(statement)
    exceptions.end(exception_id=made.pk, by=story.owner)
    with pytest.raises(DatabaseError, match="refused"), transaction.atomic():
        RiskException.objects.filter(pk=made.pk).update(state="approved", ended_at=None, end_reason="")


@pytest.mark.django_db
def test_a_report_can_still_be_made_after_a_decline(story, opened):
    made = ask(story, opened["chloe"])
    exceptions.decline(exception_id=made.pk, note="That is too long for it", by=story.owner)
    attempts.claim_one(task_id=opened["chloe"].pk, act=attempts.Act("Taken out of the group"), by=story.system_owner)
    assert state(opened["chloe"]) == TaskState.CLAIMED_DONE


@pytest.mark.django_db
def test_the_pages_lead_from_asking_to_the_register(story, opened, client):
    task = opened["chloe"]
    client.force_login(story.system_owner)
    form = {"reason": REASON, "control": "=cmd|calc", "expires_on": wanted().expires_on.isoformat()}
    assert client.post(f"/removals/{task.pk}/exception/", form | {"control": "short"}).status_code == 422
    answer = client.post(f"/removals/{task.pk}/exception/", form | {"control": "=cmd|calc and a watchman"})
    made = RiskException.objects.get()
    assert answer.url == f"/removals/exceptions/{made.pk}/"
    assert "Take it back" in client.get(answer.url).text
    client.force_login(story.owner)
    assert "Accept the risk" in client.get(answer.url).text
    assert client.post(f"{answer.url}decide/", {"choice": "approve"}).status_code == 422
    client.post(f"{answer.url}decide/", {"choice": "approve", "note": YES})
    assert state(task) == TaskState.EXCEPTED
    assert "Chloe Dahl · Read customers" in client.get("/removals/exceptions/?state=approved").text
    text = b"".join(client.get("/removals/exceptions/export.csv").streaming_content).decode()
    row = next(csv.DictReader(text.splitlines()))
    assert row["compensating_control"] == "'=cmd|calc and a watchman"
