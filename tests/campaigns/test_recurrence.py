"""When reviews are due: against dates computed by hand, and properties that hold for every schedule."""

from datetime import UTC, date, datetime, timedelta
from itertools import pairwise
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from campaigns import recurrence
from certify.lib.errors import InvalidInput

BASE = {"starts_on": "2026-01-01", "draft_days": 5, "max_age_days": 7, "max_drift": 20}


def schedule(**changes) -> dict:
    """A checked schedule; the last day of every quarter unless told otherwise."""
    wanted = BASE | {"repeat": "months", "every": 3, "on": "day", "number": 31, "month": 3} | changes
    return recurrence.checked(wanted)


def due(made: dict, first: str, last: str) -> list[str]:
    return [day.isoformat() for day in recurrence.due_dates(made, date.fromisoformat(first), date.fromisoformat(last))]


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({}, ["2026-03-31", "2026-06-30", "2026-09-30", "2026-12-31"]),
        ({"month": 1, "number": 30}, ["2026-01-30", "2026-04-30", "2026-07-30", "2026-10-30"]),
        ({"starts_on": "2026-02-01", "month": 1, "number": 31}, ["2026-02-28", "2026-05-31", "2026-08-31", "2026-11-30"]),
        ({"on": "workday", "number": 5}, ["2026-01-07", "2026-04-07", "2026-07-07", "2026-10-07"]),
        # New Year's Day, Good Friday and Easter Monday fall on working days.
        ({"on": "workday", "number": 5, "holidays": "de"}, ["2026-01-08", "2026-04-09", "2026-07-07", "2026-10-07"]),
        ({"on": "workday", "number": -1}, ["2026-03-31", "2026-06-30", "2026-09-30", "2026-12-31"]),
        ({"every": 12, "month": 2, "number": 29}, ["2026-02-28"]),
        ({"every": 6, "month": 6, "number": 15}, ["2026-06-15", "2026-12-15"]),
        ({"repeat": "weeks", "every": 13, "number": 4}, ["2026-01-02", "2026-04-03", "2026-07-03", "2026-10-02"]),
        ({"repeat": "rrule", "rrule": "rrule:FREQ=MONTHLY;BYDAY=-1FR;INTERVAL=6"}, ["2026-01-30", "2026-07-31"]),
        ({"repeat": "rrule", "rrule": "FREQ=MONTHLY;BYMONTHDAY=15;UNTIL=20260320"}, ["2026-01-15", "2026-02-15", "2026-03-15"]),
    ],
)
def test_due_dates_of_2026(changes, expected):
    assert due(schedule(**changes), "2026-01-01", "2026-12-31") == expected


def test_nothing_is_due_before_the_schedule_begins():
    assert due(schedule(starts_on="2026-07-01"), "2026-01-01", "2026-12-31") == ["2026-09-30", "2026-12-31"]
    assert due(schedule(every=1, number=10, month=1, starts_on="2026-03-11"), "2026-01-01", "2026-05-01") == ["2026-04-10"]


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"repeat": "daily"}, "repeat"),
        ({"every": 5}, "every"),
        ({"on": "never"}, "on"),
        ({"number": 32}, "number"),
        ({"number": "3"}, "number"),
        ({"month": 4}, "month"),
        ({"on": "workday", "number": 0}, "number"),
        ({"on": "workday", "number": 21}, "number"),
        ({"starts_on": "soon"}, "starts_on"),
        ({"starts_on": "1026-01-01"}, "starts_on"),
        ({"starts_on": None}, "starts_on"),
        ({"time_zone": "Mars/Base"}, "time_zone"),
        ({"time_zone": "../../etc/passwd"}, "time_zone"),
        ({"holidays": "XX"}, "holidays"),
        ({"holidays": "DE-XX"}, "holidays"),
        ({"opens_at": "25:00"}, "opens_at"),
        ({"draft_days": -1}, "draft_days"),
        ({"max_age_days": 0}, "max_age_days"),
        ({"max_drift": 0}, "max_drift"),
        ({"repeat": "weeks", "every": 0, "number": 1}, "every"),
        ({"repeat": "weeks", "every": 1, "number": 7}, "number"),
        ({"repeat": "rrule", "rrule": ""}, "rrule"),
        ({"repeat": "rrule", "rrule": "FREQ=HOURLY"}, "rrule"),
        ({"repeat": "rrule", "rrule": "FREQ=DAILY;COUNT=3"}, "rrule"),
        ({"repeat": "rrule", "rrule": "FREQ=DAILY;INTERVAL=0"}, "rrule"),
        ({"repeat": "rrule", "rrule": "FREQ=DAILY;BYHOUR=3"}, "rrule"),
        ({"repeat": "rrule", "rrule": "FREQ=DAILY\nEXDATE:20260101"}, "rrule"),
        ({"repeat": "rrule", "rrule": "FREQ=MONTHLY;BYDAY=9XX"}, "rrule"),
        ({"repeat": "rrule", "rrule": "FREQ=DAILY;UNTIL=20270101T000000Z"}, "rrule"),
        ({"repeat": "rrule", "rrule": "FREQ=DAILY;UNTIL=20271399"}, "rrule"),
        ({"repeat": "rrule", "rrule": "FREQ=YEARLY;BYMONTH=2;BYMONTHDAY=30"}, "rrule"),
    ],
)
def test_what_cannot_be_run_is_refused_by_field(changes, field):
    with pytest.raises(InvalidInput) as refusal:
        schedule(**changes)
    assert refusal.value.field == field


def test_a_run_opens_by_the_clock_of_its_zone_over_a_change_of_time():
    made = schedule(time_zone="Europe/Berlin", opens_at="08:00", draft_days=3)
    # Summer time began on 2026-03-29: 08:00 is 07:00 UTC before it and 06:00 UTC after it.
    moments = recurrence.moments(made, date(2026, 3, 31), 14)
    assert moments.draft_at == datetime(2026, 3, 14, 7, tzinfo=UTC)
    assert moments.opens_at == datetime(2026, 3, 17, 7, tzinfo=UTC)
    assert moments.due_at == datetime(2026, 3, 31, 21, 59, 59, tzinfo=UTC)
    assert recurrence.moments(made, date(2026, 6, 30), 14).opens_at == datetime(2026, 6, 16, 6, tzinfo=UTC)


def test_a_day_before_a_midnight_that_the_clocks_skip_ends_with_its_last_second():
    # Beirut goes from 23:59:59 on 2026-03-28 to 01:00 on 2026-03-29.
    made = schedule(time_zone="Asia/Beirut", number=28)
    assert recurrence.moments(made, date(2026, 3, 28), 1).due_at == datetime(2026, 3, 28, 21, 59, 59, tzinfo=UTC)


@pytest.mark.parametrize(
    ("changes", "day", "expected"),
    [
        ({}, "2026-03-31", "Q1 2026"),
        ({}, "2026-12-31", "Q4 2026"),
        ({"starts_on": "2026-02-01"}, "2026-04-30", "2026-04-30"),
        ({"every": 1, "month": 1}, "2026-02-28", "February 2026"),
        ({"every": 6, "month": 6}, "2026-12-31", "H2 2026"),
        ({"every": 12, "month": 12}, "2026-12-31", "2026"),
        ({"repeat": "weeks", "every": 2, "number": 0}, "2026-01-05", "2026-01-05"),
    ],
)
def test_a_run_is_called_what_people_call_it(changes, day, expected):
    assert recurrence.label(schedule(**changes), date.fromisoformat(day)) == expected


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({}, "Due every quarter, on the last day of its 3rd month (UTC), from 2026-01-01 on."),
        (
            {"on": "workday", "number": 5, "holidays": "DE"},
            "Due every quarter, on the 5th working day (UTC, holidays of DE are no working days), from 2026-01-01 on.",
        ),
        ({"on": "workday", "number": -1}, "Due every quarter, on the last working day (UTC), from 2026-01-01 on."),
        ({"on": "workday", "number": -2}, "Due every quarter, on the 2nd last working day (UTC), from 2026-01-01 on."),
        ({"every": 1, "number": 21, "month": 1}, "Due every month, on the 21st (UTC), from 2026-01-01 on."),
        ({"repeat": "weeks", "every": 2, "number": 4}, "Due every 2 weeks on Friday (UTC), from 2026-01-01 on."),
    ],
)
def test_a_schedule_is_a_sentence(changes, expected):
    assert recurrence.words(schedule(**changes)) == expected


ZONES = st.sampled_from(["UTC", "Europe/Berlin", "America/New_York", "Australia/Lord_Howe", "Asia/Kathmandu", "Pacific/Apia"])
STARTS = st.dates(date(2025, 1, 1), date(2027, 12, 31)).map(date.isoformat)


@st.composite
def schedules(draw):
    """Any schedule that is not a rule of its own."""
    every = draw(st.sampled_from(list(recurrence.MONTHS)))
    own = draw(
        st.one_of(
            st.builds(lambda n, m: {"on": "day", "number": n, "month": m}, st.integers(1, 31), st.integers(1, every)),
            st.builds(lambda n: {"on": "workday", "number": n}, st.integers(-20, 20).filter(bool)),
        )
        if draw(st.booleans())
        else st.builds(
            lambda n, d: {"repeat": "weeks", "every": n, "number": d, "on": None}, st.integers(1, 52), st.integers(0, 6)
        )
    )
    return schedule(**({"every": every} | own | {"starts_on": draw(STARTS), "time_zone": draw(ZONES)}))


DAYS = st.dates(date(2025, 1, 1), date(2031, 12, 31))


@given(schedules(), DAYS, DAYS, DAYS)
def test_what_is_due_does_not_depend_on_when_one_looks(made, one, two, three):
    first, middle, last = sorted((one, two, three))
    whole = recurrence.due_dates(made, first, last)
    parts = recurrence.due_dates(made, first, middle) + recurrence.due_dates(made, middle + timedelta(days=1), last)
    assert whole == parts
    assert whole == sorted(set(whole))
    assert all(first <= day <= last and day.isoformat() >= made["starts_on"] for day in whole)


@given(schedules())
def test_each_period_has_its_day(made):
    begin = date.fromisoformat(made["starts_on"])
    found = recurrence.due_dates(made, begin, begin + timedelta(days=5 * 366))
    gaps = {(later - earlier).days for earlier, later in pairwise(found)}
    length = made["every"] * (7 if made["repeat"] == "weeks" else 31)
    assert len(found) >= 5 * 365 // length - 1
    assert max(gaps, default=0) <= length + 31


@given(schedules(), st.dates(date(2026, 1, 1), date(2030, 12, 31)), st.integers(1, 60))
def test_moments_keep_the_clock_of_the_zone(made, day, days):
    zone = ZoneInfo(made["time_zone"])
    found = recurrence.moments(made, day, days)
    assert found.draft_at <= found.opens_at < found.due_at
    opened = found.opens_at.astimezone(zone)
    assert opened.date() == day - timedelta(days=days)
    ended = found.due_at.astimezone(zone)
    assert (ended.date(), (ended + timedelta(seconds=1)).astimezone(UTC).astimezone(zone).date()) == (
        day,
        day + timedelta(days=1),
    )
