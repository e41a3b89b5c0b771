"""Working hours: the next working moment is found in every zone, across changes of clocks too."""

from dataclasses import replace
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

import pytest
from django.db import IntegrityError, transaction
from hypothesis import given
from hypothesis import settings as trying
from hypothesis import strategies as st

from certify.lib.errors import InvalidInput, NotAllowed
from ledger.actors import SYSTEM
from people.actions import users
from people.hours import Hours, is_zone, mail_at
from people.models import User
from tests.people.conftest import Recorded

MINUTE = timedelta(minutes=1)
NAMES = (
    "UTC", "Europe/Berlin", "America/New_York", "Australia/Lord_Howe", "Africa/Casablanca", "America/Santiago",
    "Asia/Kathmandu", "Pacific/Chatham", "Asia/Gaza",
)  # fmt: skip


@st.composite
def some_hours(draw):
    first, last = sorted(draw(st.lists(st.integers(0, 1439), min_size=2, max_size=2, unique=True)))
    days = draw(st.lists(st.integers(1, 7), min_size=1, unique=True))
    return Hours(draw(st.sampled_from(NAMES)), time(*divmod(first, 60)), time(*divmod(last, 60)), tuple(days))


def transitions(name: str) -> list[datetime]:
    """The hours of 2026 in which the zone's offset changes."""
    zone, start = ZoneInfo(name), datetime(2026, 1, 1, tzinfo=UTC)
    hours = [start + timedelta(hours=n) for n in range(365 * 24)]
    offsets = [hour.astimezone(zone).utcoffset() for hour in hours]
    return [hours[n] for n in range(1, len(hours)) if offsets[n] != offsets[n - 1]]


CHANGES = {name: transitions(name) for name in NAMES}


def near(draw, hours: Hours) -> datetime:
    """A moment of 2026, mostly around a change of the clocks."""
    if CHANGES[hours.zone_name] and draw(st.integers(0, 3)):
        middle, reach = draw(st.sampled_from(CHANGES[hours.zone_name])), 3 * 24 * 60
    else:
        middle, reach = datetime(2026, 7, 1, tzinfo=UTC), 180 * 24 * 60
    return middle + draw(st.integers(-reach, reach)) * MINUTE + timedelta(seconds=draw(st.integers(0, 59)))


@trying(deadline=None, max_examples=200)
@given(some_hours(), st.data())
def test_the_next_moment_is_the_first_in_which_they_work(hours, data):
    moment = near(data.draw, hours)
    found = hours.next_moment(moment)
    assert found >= moment
    assert hours.is_working(found)
    local = found.astimezone(hours.zone)
    assert hours.works_from <= local.time() < hours.works_to
    assert local.isoweekday() in hours.days
    earlier = moment
    while earlier < found:
        assert not hours.is_working(earlier), "somebody was at work before"
        earlier = earlier.replace(second=0) + MINUTE


@given(some_hours(), st.data())
def test_nothing_moves_in_working_hours(hours, data):
    found = hours.next_moment(near(data.draw, hours))
    assert hours.next_moment(found) == found


OFFICE = Hours("Europe/Berlin", time(8), time(18), (1, 2, 3, 4, 5))


@pytest.mark.parametrize(
    ("moment", "found"),
    [
        (datetime(2026, 3, 27, 9, tzinfo=UTC), datetime(2026, 3, 27, 9, tzinfo=UTC)),
        (datetime(2026, 3, 27, 17, tzinfo=UTC), datetime(2026, 3, 30, 6, tzinfo=UTC)),  # summer began on Sunday
        (datetime(2026, 10, 23, 16, tzinfo=UTC), datetime(2026, 10, 26, 7, tzinfo=UTC)),  # and ended
        (datetime(2026, 3, 27, 6, 59, tzinfo=UTC), datetime(2026, 3, 27, 7, tzinfo=UTC)),
    ],
)
def test_the_office_of_berlin(moment, found):
    assert OFFICE.next_moment(moment) == found


def test_hours_that_a_night_swallows_come_next_week():
    hours = Hours("Europe/Berlin", time(2, 15), time(2, 45), (7,))
    assert hours.next_moment(datetime(2026, 3, 28, 12, tzinfo=UTC)) == datetime(2026, 4, 5, 0, 15, tzinfo=UTC)


def test_a_monday_stands_for_the_weekend():
    assert OFFICE.covered(date(2026, 3, 30)) == [date(2026, 3, day) for day in (28, 29, 30)]
    assert OFFICE.covered(date(2026, 3, 31)) == [date(2026, 3, 31)]
    assert Hours("UTC", time(8), time(18), (1,)).covered(date(2026, 3, 30))[0] == date(2026, 3, 24)


def test_a_mail_waits_for_the_morning_but_not_past_its_deadline():
    saturday, monday = datetime(2026, 6, 6, 1, tzinfo=UTC), datetime(2026, 6, 8, 6, tzinfo=UTC)
    assert mail_at(OFFICE, saturday) == monday
    assert mail_at(OFFICE, saturday, monday + MINUTE) == monday
    assert mail_at(OFFICE, saturday, monday) == saturday
    assert mail_at(OFFICE, saturday, saturday - MINUTE) == monday, "what is over already is in no hurry"


def test_words_are_in_the_persons_zone():
    moment = datetime(2026, 6, 6, 22, 30, tzinfo=UTC)
    assert OFFICE.words(moment) == "Sunday 7 June 2026, 00:30 (Europe/Berlin)"
    assert OFFICE.date_words(moment) == "7 June 2026"


def test_an_unknown_zone_is_taken_for_utc():
    lost = Hours("Mars/Olympus", time(8), time(18), (1, 2, 3, 4, 5))
    assert lost.next_moment(datetime(2026, 6, 6, tzinfo=UTC)) == datetime(2026, 6, 8, 8, tzinfo=UTC)
    assert [is_zone(name) for name in ("Europe/Berlin", "", "../etc/passwd", "x" * 300, "Mars/Olympus")] == [True, *[False] * 4]


def hours_of(person) -> tuple:
    person.refresh_from_db()
    return person.time_zone, person.works_from, person.works_to, person.working_days


USUAL = ("", time(8), time(18), [1, 2, 3, 4, 5])
CHANGED = {"time_zone": "Europe/Berlin", "works_from": "09:00", "works_to": "17:30", "working_days": ["4", "1"]}


@pytest.mark.django_db
def test_everybody_begins_with_office_hours_in_the_usual_zone(reviewer, settings):
    settings.CERTIFY_TIME_ZONE = "Asia/Kathmandu"
    made = users.provision(rows=[("nova", "Nova", "nova@x.example")], by=SYSTEM)["nova"]
    assert hours_of(reviewer) == hours_of(User.objects.get(pk=made)) == USUAL
    assert reviewer.hours.words(datetime(2026, 6, 6, tzinfo=UTC)) == "Saturday 6 June 2026, 05:45 (Asia/Kathmandu)"


@pytest.mark.django_db
def test_the_page_keeps_ones_own_hours_and_the_ledger_says_so(client, reviewer):
    client.force_login(reviewer)
    recorded = Recorded()
    for _ in range(2):
        assert client.post("/my-hours/", CHANGED).status_code == 302
    assert hours_of(reviewer) == ("Europe/Berlin", time(9), time(17, 30), [1, 4])
    new = {"time_zone": "Europe/Berlin", "works_from": "09:00", "works_to": "17:30", "working_days": [1, 4]}
    old = {"time_zone": "", "works_from": "08:00", "works_to": "18:00", "working_days": [1, 2, 3, 4, 5]}
    me = f"people.user:{reviewer.pk}"
    assert recorded.all() == [("user:hours-changed", me, me, {"user": me, "old": old, "new": new})]
    assert "Europe/Berlin" in client.get("/my-hours/").text


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"time_zone": "Mars/Olympus"}, "time_zone"),
        ({"works_to": "09:00"}, "works_to"),
        ({"works_from": "late"}, "works_from"),
        ({"working_days": []}, "working_days"),
        ({"working_days": ["8"]}, "working_days"),
    ],
)
def test_hours_in_which_nobody_works_are_refused_beside_their_field(client, reviewer, change, field):
    client.force_login(reviewer)
    answer = client.post("/my-hours/", CHANGED | change)
    assert answer.status_code == 422
    assert list(answer.context["form"].errors) == [field]
    assert hours_of(reviewer) == USUAL


@pytest.mark.django_db
def test_nobody_sets_the_hours_of_somebody_else(admin, reviewer):
    for by in (admin, SYSTEM):
        with pytest.raises(NotAllowed):
            users.set_hours(user_id=reviewer.pk, hours=OFFICE, by=by)
    for wrong in (replace(OFFICE, zone_name="Mars/Olympus"), replace(OFFICE, days=()), replace(OFFICE, works_to=time(8))):
        with pytest.raises(InvalidInput):
            users.set_hours(user_id=reviewer.pk, hours=wrong, by=reviewer)
    assert hours_of(reviewer) == USUAL


@pytest.mark.django_db
@pytest.mark.parametrize("wrong", [{"works_to": time(8)}, {"working_days": []}, {"working_days": [1, 8]}])
def test_the_database_refuses_hours_in_which_nobody_works(reviewer, wrong):
    with pytest.raises(IntegrityError), transaction.atomic():
        User.objects.filter(pk=reviewer.pk).update(**wrong)
