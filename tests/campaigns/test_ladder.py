"""When a ladder reminds: each step on its own day of the recipient's calendar, in every zone."""

from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from django.urls import reverse
from hypothesis import given
from hypothesis import strategies as st

from campaigns import ladder
from certify.lib.errors import InvalidInput

ZONES = [
    ZoneInfo(name) for name in ("UTC", "Europe/Berlin", "America/Los_Angeles", "Pacific/Kiritimati", "Australia/Lord_Howe")
]
BERLIN = ZoneInfo("Europe/Berlin")
moments = st.integers(0, 3 * 365 * 24 * 60).map(lambda minutes: datetime(2025, 1, 1, tzinfo=UTC) + timedelta(minutes=minutes))
counts = st.integers(1, 366)
ladders = st.fixed_dictionaries(
    dict.fromkeys(ladder.SWITCHES, st.booleans())
    | {"days_before": st.lists(counts, max_size=10)}
    | dict.fromkeys(ladder.SILENCE, st.none() | counts)
).map(ladder.checked)


@st.composite
def spans(draw):
    opened = draw(moments)
    promised = opened + timedelta(days=draw(st.integers(1, 60)))
    return ladder.Span(opened, promised, promised + timedelta(hours=draw(st.integers(0, 600))))


def calendar(rungs, span, zone) -> dict[date, list[str]]:
    """Day → steps, from well before the start to well after the end."""
    first, days = ladder.day_of(span.opened_at, zone) - timedelta(days=3), (span.due_at - span.opened_at).days + 12
    found = {first + timedelta(days=n): ladder.steps(rungs, span, first + timedelta(days=n), zone) for n in range(days)}
    return {day: names for day, names in found.items() if names}


def days_with(found: dict, step: str) -> set[date]:
    return {day for day, names in found.items() if step in names}


@given(ladders, spans(), st.sampled_from(ZONES))
def test_each_step_falls_on_its_days_and_on_no_other(rungs, span, zone):
    opened, promised, due = (moment.astimezone(zone).date() for moment in (span.opened_at, span.promised_at, span.due_at))
    found, day = calendar(rungs, span, zone), timedelta(days=1)
    stage = {opened + n * day for n in range(1, (due - opened).days + 1)}
    assert days_with(found, "on_the_day") == ({due} & stage if rungs["on_the_day"] else set())
    assert days_with(found, "before") == {due - n * day for n in rungs["days_before"]} & stage
    weeks = {opened + n * 7 * day for n in range(1, 20)}
    assert days_with(found, "weekly") == ((weeks & stage) - {due} if rungs["weekly"] else set())
    after = days_with(found, "after")
    assert all(one > promised for one in after)
    assert bool(after) == rungs["daily_after"]


@given(spans(), st.sampled_from(ZONES), st.lists(st.integers(0, 366), max_size=5))
def test_terms_without_a_ladder_remind_on_the_days_they_always_did(span, zone, reminder_days):
    old = ladder.of({"reminder_days": reminder_days})
    due, opened = span.due_at.astimezone(zone).date(), span.opened_at.astimezone(zone).date()
    reminded = {day for day in calendar(old, span, zone) if day > opened}
    range_ = {opened + timedelta(days=n) for n in range(1, (due - opened).days + 1)}
    assert reminded == {day for day in range_ if (due - day).days == 0 or (due - day).days in reminder_days}


@given(ladders)
def test_a_checked_ladder_stays_as_it_is(rungs):
    assert ladder.checked(rungs) == rungs
    assert ladder.of({"ladder": rungs}) == rungs
    assert ladder.in_words(rungs).endswith(".")


@given(counts, moments, st.sampled_from(ZONES))
def test_silence_is_counted_in_days_of_the_one_who_is_told(days, since, zone):
    began = since.astimezone(zone).date()
    waited = [ladder.has_waited(days, since, began + timedelta(days=n), zone) for n in (days - 1, days, days + 1)]
    assert waited == [False, True, True]
    assert not ladder.has_waited(None, since, began + timedelta(days=1000), zone)


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"days_before": [0]}, "days_before"),
        ({"days_before": list(range(1, 12))}, "days_before"),
        ({"days_before": [True]}, "days_before"),
        ({"tell_manager_after": 0}, "tell_manager_after"),
        ({"tell_owner_after": 367}, "tell_owner_after"),
        ({"hand_over_after": "7"}, "hand_over_after"),
    ],
)
def test_a_ladder_that_makes_no_sense_is_refused(change, field):
    with pytest.raises(InvalidInput) as refusal:
        ladder.checked(change)
    assert refusal.value.field == field


def test_unknown_rungs_are_left_out():
    assert ladder.checked({"sms": True}) == ladder.default()


def test_the_day_is_the_recipients():
    span = ladder.Span(*(datetime(2026, 6, day, 23, tzinfo=UTC) for day in (1, 15, 15)))  # 01:00 of the next day in Berlin
    rungs = ladder.default()
    assert calendar(rungs, span, BERLIN) == {
        date(2026, 6, 9): ["weekly"],
        date(2026, 6, 13): ["before"],
        date(2026, 6, 15): ["before"],
        date(2026, 6, 16): ["on_the_day"],
        **{date(2026, 6, 17) + timedelta(days=n): ["after"] for n in range(8)},
    }


def test_more_time_reminds_daily_after_the_first_due_date():
    span = ladder.Span(*(datetime(2026, 6, day, 12, tzinfo=UTC) for day in (1, 5, 9)))
    rungs = ladder.default() | {"weekly": False}
    assert {day.day: names for day, names in calendar(rungs, span, UTC).items() if day.day <= 9} == {
        6: ["before", "after"],
        7: ["after"],
        8: ["before", "after"],
        9: ["on_the_day", "after"],
    }
    assert [ladder.is_late(rungs, span, date(2026, 6, day), UTC) for day in (5, 6)] == [False, True]


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({}, "At the start, weekly, 3 and 1 days before, on the day, then daily, to the manager too."),
        (
            dict.fromkeys(ladder.SWITCHES, False) | {"days_before": []},
            "No reminders.",
        ),
        (
            {"days_before": [1], "weekly": False, "daily_after": False, "tell_manager_after": 1, "hand_over_after": 9},
            "At the start, 1 day before, on the day; after 1 day of silence tell the reviewer’s manager; "
            "after 9 days of silence give the open items to the reviewer’s manager.",
        ),
    ],
)
def test_a_ladder_in_words(change, words):
    assert ladder.in_words(ladder.checked(change)) == words


@pytest.fixture
def typed(story, client):
    """What the form of a definition posts, and how to post it."""
    definition = story.define()
    client.force_login(story.owner)
    page = client.get(reverse("campaigns:definition-edit", args=[definition.pk]))
    fields = {name: value for name, value in page.context["form"].initial.items() if isinstance(value, str | int) and value}
    fields["sources"] = [str(story.source.pk)]

    def post(**changes):
        answer = client.post(page.request["PATH_INFO"], {k: v for k, v in (fields | changes).items() if v})
        definition.refresh_from_db()
        return answer, definition

    return post


def test_the_form_shows_and_keeps_a_ladder(typed):
    answer, definition = typed(weekly="", days_before="2, 5", tell_manager_after="4", hand_over_after="9")
    assert answer.status_code == 302, answer.context["form"].errors
    assert definition.terms()["ladder"] == {
        "at_start": True,
        "weekly": False,
        "days_before": [5, 2],
        "on_the_day": True,
        "daily_after": True,
        "tell_manager_after": 4,
        "tell_owner_after": None,
        "hand_over_after": 9,
    }


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"days_before": "soon"}, "days_before"),
        ({"days_before": "0"}, "days_before"),
        ({"hand_over_after": "0"}, "hand_over_after"),
    ],
)
def test_the_form_refuses_a_ladder_beside_the_field(typed, change, field):
    answer, definition = typed(**change)
    assert answer.status_code == 422
    assert list(answer.context["form"].errors) == [field]
    assert '<details class="ladder" open>' in answer.text
    assert definition.terms()["ladder"] == ladder.default()
