"""The life of a removal: what may follow what, and that no order of loads, claims and sweeps leads anywhere else."""

from datetime import timedelta

import pytest
from django.db import transaction
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from certify.lib import clock
from certify.lib.errors import DomainError, InvalidInput
from ledger.models import Entry
from remediation import rules, tasks
from remediation.actions import attempts
from remediation.models import RemediationTask, Return, Verification
from remediation.states import SETTLED, TASK_TRANSITIONS, TO_DO, UNPROVED, TaskState

NOTE = attempts.Act("Taken out of the group, ticket 4711", link="https://tickets.example/4711")


@given(st.dates(), st.integers(-60, 60))
def test_reminder_days(due, days):
    try:
        today = due - timedelta(days=days)
    except OverflowError:
        return
    assert rules.is_reminder_day(due, today) == (days in (2, 0) or (days < 0 and days % 7 == 0))


@pytest.mark.parametrize("old", TaskState.values)
@pytest.mark.parametrize("new", TaskState.values)
def test_transitions(old, new):
    if new in TASK_TRANSITIONS[old]:
        rules.check_transition(old, new)
    else:
        with pytest.raises(InvalidInput, match="cannot become"):
            rules.check_transition(old, new)


def test_every_state_is_reached_and_left():
    reached = set().union(*TASK_TRANSITIONS.values())
    assert reached | {TaskState.OPEN, TaskState.ANNOUNCED} == set(TaskState)
    left = {state for state in TaskState if TASK_TRANSITIONS[state]}
    assert left == set(TaskState) - {TaskState.KEPT}, "nothing but what is kept is beyond what data may show"


def test_words_alone_never_prove_anything():
    """From whatever people say there is no way to "verified gone" but through data; and data may always disprove them."""
    said = {TaskState.CLAIMED_DONE, TaskState.CLOSED}
    assert all(TaskState.STILL_THERE in TASK_TRANSITIONS[state] for state in said)
    assert {*SETTLED} | {*UNPROVED} == set(TaskState)
    assert {*TO_DO} < {*UNPROVED}


@given(st.integers(1, 366), st.integers(0, 400), st.sampled_from(["yes", "no", "unknown", ""]))
def test_what_is_privileged_never_gets_more_days(days, privileged_days, privileged):
    found = rules.removal_days(days, privileged_days, privileged)
    assert found == (min(days, privileged_days) if privileged == "yes" else days)


@pytest.mark.parametrize("link", ["javascript:alert(1)", "data:text/html,x", "ftp://x", "//x", "x"])
def test_an_address_that_could_run_something_is_no_proof(link):
    with pytest.raises(InvalidInput, match="https://"):
        rules.check_link(link)


#: What may happen to one removal between two looks at it.
EVENTS = st.lists(
    st.sampled_from(["claim", "close", "hand_on", "load with", "load without", "partial with", "sweep", "again"]),
    min_size=1,
    max_size=8,
)


def act(event: str, story, task) -> None:
    """One event; what is refused changes nothing."""
    try:
        if event == "claim":
            attempts.claim_one(task_id=task.pk, act=NOTE, by=story.system_owner)
        elif event == "close":
            attempts.close(task_id=task.pk, act=NOTE, by=story.owner)
        elif event == "hand_on":
            attempts.hand_on(task_ids=[task.pk], act=NOTE, by=story.system_owner)
    except DomainError:
        return


@pytest.mark.django_db
@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(EVENTS)
def test_whatever_happens_the_state_is_what_the_readings_show(story, opened, events):
    texts, now = dict(story.texts), clock.now()
    with transaction.atomic():
        for hours, event in enumerate(events, 1):
            with clock.freeze(now + timedelta(hours=hours)):
                happen(event, story, opened["chloe"], texts["grants"])
        transaction.set_rollback(True)
    story.texts = texts


def happen(event: str, story, task, full: str) -> None:
    """One event, the sweep after it, and what must be true then."""
    known = RemediationTask.objects.get(pk=task.pk).state
    was_there = "crm,chloe" in story.texts["grants"]
    if event in ("load with", "partial with"):
        story.load("full" if event == "load with" else "partial", grants=full)
    elif event == "load without":
        story.load_without(("chloe", "read"))
    act(event, story, task)
    for _ in range(2 if event == "again" else 1):
        tasks.verify_new_snapshots()
    found, is_there = RemediationTask.objects.get(pk=task.pk).state, "crm,chloe" in story.texts["grants"]
    assert found == known or found in TASK_TRANSITIONS[known]
    assert (found == TaskState.VERIFIED_GONE) == (not is_there)
    if event == "load with":
        assert found == (TaskState.STILL_THERE if was_there else TaskState.RETURNED)
    written = Verification.objects.count() + Return.objects.count()
    assert written == Entry.objects.filter(kind__in=("removal:verified", "removal:returned")).count()
