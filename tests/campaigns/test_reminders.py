"""Reminders: one mail a person and day, in their hours, with what is open when it is sent."""

import threading
from datetime import UTC, datetime, time, timedelta

import pytest
from django.core import mail as outbox
from django.db import connection
from hypothesis import given
from hypothesis import settings as trying
from hypothesis import strategies as st

from campaigns import ladder, tasks
from campaigns.actions import advancing, closing, delegations, lifecycle, reminders
from campaigns.models import Campaign
from certify.lib import clock
from ledger.models import Entry
from people.hours import Hours
from people.models import Mail, User
from people.tasks import send_queued_mail
from tests.campaigns.test_ladder import ladders, spans

pytestmark = pytest.mark.django_db
QUARTER = timedelta(minutes=15)
MONDAY = datetime(2026, 6, 1, 10, tzinfo=UTC)
DAY = timedelta(days=1)


@pytest.fixture
def opened(story):
    """A campaign that opened on a Monday at ten, for 14 days; the clock stands still at its opening."""
    with clock.freeze(MONDAY):
        yield story.launch()


@pytest.fixture
def told(opened):
    """The mails that ask are out."""
    deliver(MONDAY)


@pytest.fixture
def ana(opened, story):
    return story.user("ana@x.example")


def sweep(moment: datetime) -> None:
    with clock.freeze(moment):
        tasks.send_due_reminders()


def digests(**of) -> list[Mail]:
    return list(Mail.objects.filter(template="campaign_digest", **of).order_by("id"))


def said(mail: Mail) -> dict[str, int]:
    return {line["name"]: line["total"] for line in mail.context["campaigns"]}


def deliver(moment: datetime) -> list[str]:
    """Whose mails go out at this moment."""
    outbox.outbox.clear()
    with clock.freeze(moment):
        send_queued_mail()
    return sorted(address for mail in outbox.outbox for address in mail.to)


def test_the_days_of_the_usual_ladder(opened, ana):
    days = []
    for quarter in range(0, 14 * 96, 8):
        with clock.freeze(MONDAY + quarter * QUARTER):
            tasks.send_due_reminders()
    days = [mail.dedupe_key.rpartition(":")[2] for mail in digests(recipient=ana)]
    # The Friday is 3 days before Monday's due date; the day before, a Sunday, comes with the day itself.
    assert days == ["2026-06-08", "2026-06-12", "2026-06-15"]
    assert {mail.due_at.time() for mail in digests()} == {time(8)}
    assert {mail.recipient.name for mail in digests()} == {"Ana Berg", "System_Owner"}


DAILY = dict.fromkeys(("weekly", "on_the_day", "daily_after"), False)


@pytest.fixture
def on_days(story):
    """Launch on the Monday with reminders so many days before the due date only; Monday is swept."""

    def made(*days: int, name: str = "Q4") -> Campaign:
        with clock.freeze(MONDAY):
            campaign = story.launch(name, ladder=ladder.default() | DAILY | {"days_before": list(days)})
        sweep(MONDAY)
        return campaign

    return made


def received(user: User) -> list[tuple[str, dict[str, int]]]:
    """(day it went out, campaign → items) of each reminder."""
    return [(mail.sent_at.date().isoformat()[-5:], said(mail)) for mail in digests(recipient=user, state="sent")]


def both(moment: datetime) -> None:
    """The sweep, and then the mails that are due; as the beat does it every quarter of an hour."""
    sweep(moment)
    deliver(moment)


def test_what_fell_into_a_standstill_comes_once_with_the_first_working_day_after_it(on_days, story):
    on_days(12, 11)  # the Wednesday and the Thursday
    ana = story.user("ana@x.example")
    for quarter in range(96):
        both(MONDAY + 4 * DAY + quarter * QUARTER)  # Friday at ten, until Saturday at ten
    assert received(ana) == [("06-05", {"Q4": 5})], "the latest once, not one for each day"
    both(MONDAY + 7 * DAY)
    assert len(digests(recipient=ana)) == 1


def test_a_standstill_until_the_weekend_is_made_up_on_monday_in_the_same_mail_as_mondays(on_days, story):
    on_days(10)  # the Friday
    on_days(7, name="Monday too")
    ana = story.user("ana@x.example")
    sweep(MONDAY + 3 * DAY)
    both(MONDAY + 5 * DAY)
    assert received(ana) == []
    for hour in range(-9, 10):
        both(MONDAY + 7 * DAY + timedelta(hours=hour))
    assert received(ana) == [("06-08", {"Q4": 5, "Monday too": 5})]


def test_an_evening_is_too_late_for_the_day_and_the_next_morning_makes_up_for_it(on_days, story):
    on_days(12)
    ana = story.user("ana@x.example")
    sweep(MONDAY + DAY)
    for moment in (MONDAY + 2 * DAY + timedelta(hours=10), MONDAY + 3 * DAY - timedelta(hours=9), MONDAY + 3 * DAY):
        both(moment)  # Wednesday at eight in the evening, Thursday at one and at ten
    assert received(ana) == [("06-04", {"Q4": 5})]


@pytest.mark.parametrize("order", [(sweep, deliver), (deliver, sweep)])
def test_a_mail_that_was_kept_from_going_out_is_the_only_one_of_the_day_and_says_all_of_it(on_days, story, order):
    on_days(12)
    on_days(11, name="Thursday")
    ana = story.user("ana@x.example")
    sweep(MONDAY + 2 * DAY - timedelta(hours=9))  # Wednesday's mail is made, and waits for the morning
    for act in order:
        act(MONDAY + 3 * DAY)
    assert received(ana) == [("06-04", {"Q4": 5, "Thursday": 5})]
    for hour in range(48):
        both(MONDAY + 3 * DAY + timedelta(hours=hour))
    assert len(received(ana)) == 1


def test_after_a_standstill_mails_wait_for_the_hours_of_their_readers(on_days, story):
    on_days(12)
    assert deliver(MONDAY + timedelta(hours=13)) == [], "the mails that ask wait, it is eleven in the evening"
    assert len(deliver(MONDAY + DAY)) == 2
    sweep(MONDAY + 2 * DAY - timedelta(hours=9))
    assert deliver(MONDAY + 2 * DAY + timedelta(hours=13)) == [], "and so does the reminder"
    assert deliver(MONDAY + 3 * DAY - timedelta(hours=2)) == ["ana@x.example", "system_owner@x.example"]


def test_a_run_that_breaks_off_has_missed_nothing(on_days, monkeypatch, story):
    on_days(12)
    with monkeypatch.context() as broken:
        broken.setattr(reminders.mails, "queue_many", lambda **_: 1 / 0)
        with pytest.raises(ZeroDivisionError):
            sweep(MONDAY + 3 * DAY)
    both(MONDAY + 3 * DAY + QUARTER)
    assert received(story.user("ana@x.example")) == [("06-04", {"Q4": 5})]


def test_a_step_on_a_day_off_comes_with_the_next_working_day(story):
    rungs = {"weekly": False, "on_the_day": False, "days_before": [1, 9], "daily_after": False}
    with clock.freeze(MONDAY):
        story.launch(ladder=ladder.default() | rungs)  # 9 days before is a Saturday, the day before a Sunday
    for number in range(1, 14):
        sweep(MONDAY + number * DAY - timedelta(hours=9))
    assert {(mail.dedupe_key.rpartition(":")[2], mail.due_at.day) for mail in digests()} == {("2026-06-08", 8)}
    sweep(MONDAY + 14 * DAY - timedelta(hours=9))
    assert {mail.due_at.day for mail in digests()} == {8, 15}


def test_one_mail_a_day_across_campaigns_and_only_those_that_remind(opened, story, ana):
    with clock.freeze(MONDAY):
        story.launch("Q5")
        story.launch("Q6", ladder=ladder.default() | {"weekly": False})
    for _ in range(2):
        sweep(MONDAY + 7 * DAY)
    [mail] = digests(recipient=ana)
    assert said(mail) == {"Q4": 5, "Q5": 5}
    reminding = Campaign.objects.exclude(name="Q6").order_by("pk").values_list("pk", flat=True)
    assert mail.context["about"] == [f"campaigns.campaign:{pk}" for pk in reminding]
    assert mail.subject_ref == f"people.user:{ana.pk}"


def test_it_waits_for_the_readers_morning_and_names_times_of_their_zone(told, ana):
    User.objects.filter(pk=ana.pk).update(time_zone="America/Los_Angeles", works_from=time(9))
    midnight = datetime(2026, 6, 8, 7, 5, tzinfo=UTC)
    sweep(midnight - QUARTER)
    assert digests(recipient=ana) == []
    sweep(midnight)
    [mail] = digests(recipient=ana)
    assert (mail.dedupe_key, mail.due_at) == (f"digest:{ana.pk}:2026-06-08", datetime(2026, 6, 8, 16, tzinfo=UTC))
    assert deliver(mail.due_at - timedelta(seconds=1)) == ["system_owner@x.example"]
    assert deliver(mail.due_at) == ["ana@x.example"]
    assert "due Monday 15 June 2026, 03:00 (America/Los_Angeles)" in outbox.outbox[0].body
    assert outbox.outbox[0].subject == "5 items wait for you in Q4, due 15 June 2026"


def test_what_would_come_after_the_deadline_goes_at_once(story, opened):
    with clock.freeze(MONDAY):
        short = story.launch("Short", duration_days=5)  # ends on a Saturday at ten
    ana = story.user("ana@x.example")
    sweep(datetime(2026, 6, 6, 0, 5, tzinfo=UTC))
    [mail] = digests(recipient=ana)
    assert (said(mail), mail.due_at) == ({"Short": 5}, datetime(2026, 6, 6, 0, 5, tzinfo=UTC))
    assert mail.due_at < short.due_at
    assert "ana@x.example" in deliver(mail.due_at)


def test_who_finished_meanwhile_gets_none_and_the_ledger_says_so(told, opened, story, ana):
    morning = MONDAY + 7 * DAY - timedelta(hours=9)
    sweep(morning)
    with clock.freeze(morning):
        for account, right in (("bruno", "read"), ("bruno", "admin"), ("chloe", "read"), ("david", "read"), ("job", "read")):
            story.decide(opened, account, "revoke", ana, entitlement=right)
        story.submit(opened, ana)
    assert deliver(morning + timedelta(hours=7)) == ["system_owner@x.example"]
    [mail] = digests(recipient=ana)
    assert (mail.state, mail.attempts, mail.sent_at) == ("skipped", 0, None)
    entry = Entry.objects.get(kind="mail:skipped")
    assert entry.subject == f"campaigns.campaign:{opened.pk}"
    assert (
        entry.payload_json["data"]["reason"] == mail.error == "Nothing that the mail is about waited for this person any more."
    )
    assert deliver(morning + DAY) == []


def test_what_was_done_meanwhile_is_no_longer_counted(told, opened, story, ana):
    morning = MONDAY + 7 * DAY - timedelta(hours=9)
    sweep(morning)
    with clock.freeze(morning):
        story.decide(opened, "bruno", "revoke", ana)
        story.submit(opened, ana)
    deliver(morning + timedelta(hours=7))
    assert [mail.subject for mail in outbox.outbox if mail.to == ["ana@x.example"]] == [
        "4 items wait for you in Q4, due 15 June 2026"
    ]
    assert said(digests(recipient=ana)[0]) == {"Q4": 4}


@pytest.mark.parametrize("end", ["closed", "cancelled"])
def test_a_campaign_that_ended_reminds_nobody(opened, story, end):
    morning = MONDAY + 7 * DAY - timedelta(hours=9)
    sweep(morning)
    with clock.freeze(morning):
        if end == "closed":
            closing.close(campaign_id=opened.pk, by=story.owner)
        else:
            closing.cancel(campaign_id=opened.pk, reason="Asked about the wrong system", by=story.owner)
    deliver(morning + DAY)
    assert {mail.state for mail in digests()} == {"skipped"}


def test_deputies_are_reminded_of_those_they_act_for_but_not_of_their_own_access(opened, story, ana):
    deputy, monday = story.fallback, MONDAY + 7 * DAY
    with clock.freeze(MONDAY):
        away = delegations.Absence(MONDAY.date(), monday.date(), "On leave for a week", (opened.pk,))
        delegations.delegate(principal=ana, to=[deputy, story.system_owner], absence=away, by=ana)
        story.launch("Q5")
    sweep(monday)
    assert [said(mail) for mail in digests(recipient=deputy)] == [{"Q4": 5}]
    [line] = digests(recipient=deputy)[0].context["campaigns"]
    assert (line["items"], line["others"]) == (0, [{"name": "Ana Berg", "items": 5}])
    assert [said(mail) for mail in digests(recipient=story.system_owner)] == [{"Q4": 7, "Q5": 2}]
    assert [said(mail) for mail in digests(recipient=ana)] == [{"Q4": 5, "Q5": 5}]
    sweep(MONDAY + 11 * DAY)  # the delegation is over
    assert len(digests(recipient=deputy)) == 1


def test_terms_from_before_there_were_ladders_go_on_reminding_on_their_days(opened, ana):
    terms = {name: value for name, value in opened.terms.items() if name != "ladder"} | {"reminder_days": [7, 5]}
    Campaign.objects.update(terms=terms)
    for number in range(1, 15):
        sweep(MONDAY + number * DAY - timedelta(hours=9))
    days = [mail.dedupe_key.rpartition(":")[2] for mail in digests(recipient=ana)]
    assert days == ["2026-06-08", "2026-06-10", "2026-06-15"]


def test_more_time_reminds_every_working_day_after_the_first_due_date(opened, story, ana):
    with clock.freeze(MONDAY + 13 * DAY):
        advancing.extend(campaign_id=opened.pk, due_at=MONDAY + 18 * DAY, reason="The data came late", by=story.owner)
        advancing.extend(campaign_id=opened.pk, due_at=MONDAY + 21 * DAY, reason="The data came later", by=story.owner)
    for number in range(14, 22):
        sweep(MONDAY + number * DAY - timedelta(hours=1))
    days = [mail.dedupe_key.rpartition("-")[2] for mail in digests(recipient=ana)]
    # The 15th is no longer the day itself, but two weeks after the start; the weekend comes with Monday the 22nd.
    assert days == ["15", "16", "17", "18", "19", "22"]
    assert all(line["is_extended"] for mail in digests() for line in mail.context["campaigns"])


def test_a_definition_may_ask_without_a_mail_at_the_start(story):
    story.launch("Quiet", ladder=ladder.default() | {"at_start": False})
    assert Mail.objects.filter(template="campaign_opened").count() == 0


def test_the_mail_that_asks_waits_for_the_working_day_too(story):
    night = datetime(2026, 6, 6, 1, tzinfo=UTC)
    with clock.freeze(night):
        story.launch()
        short = story.launch("Short", duration_days=2)
        closing.close(campaign_id=story.launch("Gone").pk, by=story.owner)
    due = {mail.context["campaign"]: mail.due_at for mail in Mail.objects.filter(template="campaign_opened")}
    monday = datetime(2026, 6, 8, 8, tzinfo=UTC)
    assert due == {"Q4": monday, "Short": night, "Gone": monday}
    assert short.due_at < monday
    deliver(monday)
    states = {mail.context["campaign"]: mail.state for mail in Mail.objects.filter(template="campaign_opened")}
    assert states == {"Q4": "sent", "Short": "skipped", "Gone": "skipped"}


@pytest.mark.django_db(transaction=True)
def test_sweeps_side_by_side_queue_each_mail_once(opened):
    Campaign.objects.update(
        opened_at=clock.now() - 7 * DAY, stage_opened_at=clock.now() - 7 * DAY, due_at=clock.now() + 7 * DAY
    )
    User.objects.update(working_days=[1, 2, 3, 4, 5, 6, 7], works_from=time(), works_to=time(23, 59, 59))

    def work():
        try:
            tasks.send_due_reminders()
        finally:
            connection.close()

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(digests()) == 2


OFFICE = st.builds(
    Hours,
    st.sampled_from(["UTC", "Europe/Berlin", "America/New_York", "Australia/Lord_Howe"]),
    st.builds(time, st.integers(6, 10)),
    st.builds(time, st.integers(14, 20)),
    st.lists(st.integers(1, 7), min_size=1, unique=True).map(tuple),
)


@trying(deadline=None, max_examples=40)
@given(st.lists(st.tuples(ladders, spans()), min_size=1, max_size=3), OFFICE)
def test_whatever_the_ladders_nobody_gets_two_mails_a_day_and_none_too_late(rungs, hours):
    """Sweeps over the first weeks of a stage, with the key that the mails have."""
    start, sent = rungs[0][1].opened_at, {}
    for number in range(30 * 24):
        now = start + timedelta(hours=number)
        open_now = [(rung, span) for rung, span in rungs if span.opened_at <= now < span.due_at]
        if open_now and (planned := ladder.plan(open_now, hours, now)):
            sent.setdefault(planned.day, (planned, open_now, now))
    for day, (planned, open_now, now) in sent.items():
        assert hours.day(planned.due_at) == day, "it is sent on the day that names it"
        ends = [open_now[place][1].due_at for place in planned.places]
        assert hours.is_working(planned.due_at) or min(ends) <= hours.next_moment(now)
        assert planned.due_at < min(ends) or planned.due_at == now


@trying(deadline=None, max_examples=40)
@given(st.tuples(ladders, spans()), OFFICE, st.lists(st.tuples(st.integers(0, 700), st.integers(1, 200)), max_size=3))
def test_whatever_stands_still_nobody_gets_two_mails_a_day_and_every_step_is_followed_by_one(rung, hours, stops):
    """Sweeps every hour but in standstills (begin, hours), with the key that the mails have."""
    rungs, span = rung
    stopped = {hour for begin, length in stops for hour in range(begin, begin + length)}
    mails_at, since = {}, None
    swept = [number for number in range(30 * 24) if number not in stopped]
    for number in swept:
        now = span.opened_at + timedelta(hours=number)
        if now < span.due_at and (planned := ladder.plan([rung], hours, now, since)):
            mails_at.setdefault(planned.day, planned.due_at)
        since = now
    for day, moment in mails_at.items():
        assert hours.day(moment) == day
    latest = max((span.opened_at + timedelta(hours=number) for number in swept), default=None)
    for number in range(30):
        day = hours.day(span.opened_at) + number * DAY
        # A step is made up for when there is a working moment after it that is swept before the stage ends.
        later = [at for at in (span.opened_at + timedelta(hours=n) for n in swept) if hours.day(at) >= day]
        if not later or since is None or not ladder.steps(rungs, span, day, hours.zone):
            continue
        chance = next((at for at in later if hours.is_working(at) and at < span.due_at), None)
        if chance and swept[0] == 0 and chance < latest:
            assert any(day <= sent <= hours.day(chance) for sent in mails_at), (day, chance)


def test_the_mail_that_asks_waits_while_the_campaign_is_paused(opened, story):
    with clock.freeze(MONDAY):
        lifecycle.pause(campaign_id=opened.pk, reason="The data is looked at again", by=story.owner)
    assert deliver(MONDAY) == []
    assert set(Mail.objects.values_list("state", "due_at")) == {("queued", MONDAY + timedelta(hours=1))}
    with clock.freeze(MONDAY + DAY):
        lifecycle.resume(campaign_id=opened.pk, by=story.owner)
    assert deliver(MONDAY + DAY) == ["ana@x.example", "system_owner@x.example"]
    assert "until Tuesday 16 June 2026, 10:00 (UTC)" in outbox.outbox[0].body
