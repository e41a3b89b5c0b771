"""Silence: managers and owners hear of it once, of lateness every working day, and items go to the manager where that is said."""

import threading
from datetime import UTC, datetime, time, timedelta

import pytest
from django.core import mail as outbox
from django.db import connection

from campaigns import ladder, tasks
from campaigns.actions import advancing, closing
from campaigns.models import Assignment, Campaign
from certify.lib import clock
from ledger.models import Entry
from people.models import Mail, User
from people.tasks import send_queued_mail
from tests.story import IDENTITIES

pytestmark = pytest.mark.django_db
MONDAY = datetime(2026, 6, 1, 10, tzinfo=UTC)
DAY, MORNING = timedelta(days=1), timedelta(hours=-2)
#: Ana reports to Olga, who can sign in.
WITH_MANAGER = (
    IDENTITIES.replace("Head of Finance,,", "Head of Finance,p0,") + "p0,Olga Top,reviewer@x.example,employee,active,,CEO,,\n"
)
QUIET = ladder.default() | {"daily_after": False, "weekly": False, "days_before": [], "on_the_day": False}


@pytest.fixture
def company(story):
    """The small company with a manager above Ana, who is asked nothing herself."""
    with clock.freeze(MONDAY - DAY):
        story.load(identities=WITH_MANAGER)
        story.load_without(("ana", "read"))
    return story


@pytest.fixture
def launch(company):
    """Launch on the Monday with these rungs."""

    def made(name: str = "Q4", **rungs) -> Campaign:
        with clock.freeze(MONDAY):
            return company.launch(name, ladder=QUIET | rungs)

    return made


def sweep(moment: datetime) -> None:
    with clock.freeze(moment):
        tasks.send_due_reminders()


def told(template: str = "campaign_escalation") -> list[tuple[str, str]]:
    """(who, on which day) of each escalation."""
    found = Mail.objects.filter(template=template).order_by("due_at", "recipient__name")
    return [(mail.recipient.username, mail.due_at.date().isoformat()[-5:]) for mail in found]


def names(mail: Mail) -> dict[str, tuple[int, int]]:
    return {
        person["name"]: (person["open"], person["asked"]) for line in mail.context["campaigns"] for person in line["people"]
    }


def escalated() -> list[dict]:
    return [entry.payload_json["data"] for entry in Entry.objects.filter(kind="review:escalated").order_by("id")]


def test_the_manager_hears_once_of_silence_and_the_owner_where_none_is_known(launch, company):
    campaign = launch(tell_manager_after=3)
    for number in range(1, 14):
        for _ in range(2):
            sweep(MONDAY + number * DAY + MORNING)
    assert told() == [("control_owner", "06-04"), ("reviewer", "06-04")]
    to_owner, to_olga = Mail.objects.filter(template="campaign_escalation").order_by("recipient__name")
    assert names(to_olga) == {"Ana Berg": (5, 5)}
    assert names(to_owner) == {"System_Owner": (1, 1)}
    assert [line["path"] for line in to_olga.context["campaigns"]] == [""], "a manager may not open the campaign"
    assert [line["path"] for line in to_owner.context["campaigns"]] == [f"/campaigns/{campaign.pk}/"]
    ana = company.user("ana@x.example")
    assert escalated()[0] | {"to": ""} == {
        "campaign": str(campaign.pk),
        "stage": "1",
        "reviewer": f"people.user:{ana.pk}",
        "rung": "tell_manager_after",
        "to": "",
        "days": 3,
        "open": 5,
    }
    assert len(escalated()) == 2


def test_who_has_answered_anything_is_not_silent(launch, company):
    campaign = launch(tell_manager_after=3, tell_owner_after=4)
    with clock.freeze(MONDAY + DAY):
        company.decide(campaign, "bruno", "approve", company.user("ana@x.example"))
    for number in range(2, 14):
        sweep(MONDAY + number * DAY + MORNING)
    assert told() == [("control_owner", "06-04"), ("control_owner", "06-05")]
    assert {entry["reviewer"] for entry in escalated()} == {f"people.user:{company.system_owner.pk}"}


def test_silence_that_fills_up_on_a_day_off_is_told_on_the_next_working_day_even_after_a_standstill(launch, company):
    launch(tell_manager_after=5)
    sweep(MONDAY + 5 * DAY)  # a Saturday
    assert told() == []
    sweep(MONDAY + 9 * DAY + MORNING)  # nothing ran on Monday and Tuesday
    sweep(MONDAY + 10 * DAY + MORNING)
    assert told() == [("control_owner", "06-10"), ("reviewer", "06-10")]


def test_one_mail_a_day_for_all_campaigns_with_its_names(launch, company):
    launch("Q4", tell_owner_after=2)
    launch("Q5 <b>\nBcc: x@x.example", tell_owner_after=2, tell_manager_after=2)
    sweep(MONDAY + 2 * DAY - timedelta(hours=9))
    assert told() == [("control_owner", "06-03"), ("reviewer", "06-03")]
    Mail.objects.exclude(template="campaign_escalation").update(due_at=MONDAY + 90 * DAY)
    with clock.freeze(MONDAY + 2 * DAY):
        send_queued_mail()
    to_owner = next(mail for mail in outbox.outbox if mail.to == ["control_owner@x.example"])
    assert to_owner.subject == "2 people have not finished their reviews"
    for words in ("Q4, due", "Q5 <b> Bcc: x@x.example, due", "* Ana Berg: 5 of 5 items open, nothing answered yet"):
        assert words in to_owner.body
    assert "because you answer for this review" in to_owner.body
    html = to_owner.alternatives[0].content
    assert "Q5 &lt;b&gt; Bcc" in html
    assert "<b>\n" not in html
    subjects = set(Entry.objects.filter(kind="mail:sent").values_list("subject", flat=True))
    assert subjects == {f"campaigns.campaign:{pk}" for pk in Campaign.objects.values_list("pk", flat=True)}


def test_after_the_first_due_date_the_manager_hears_every_working_day(launch, company):
    campaign = launch(daily_after=True)
    ana = company.user("ana@x.example")
    with clock.freeze(MONDAY + 10 * DAY):
        advancing.extend(campaign_id=campaign.pk, due_at=MONDAY + 21 * DAY, reason="The data came late", by=company.owner)
        company.decide(campaign, "bruno", "approve", ana)
        company.submit(campaign, ana)
    for number in range(11, 22):
        sweep(MONDAY + number * DAY + MORNING)
    olga = list(Mail.objects.filter(template="campaign_escalation", recipient=company.fallback).order_by("id"))
    assert [mail.due_at.day for mail in olga] == [16, 17, 18, 19, 22]
    assert names(olga[0]) == {"Ana Berg": (4, 5)}
    assert escalated() == []


@pytest.mark.parametrize("meanwhile", ["answered", "closed"])
def test_what_was_answered_before_the_morning_is_not_told(launch, company, meanwhile):
    campaign, night = launch(tell_manager_after=3), MONDAY + 3 * DAY - timedelta(hours=9)
    sweep(night)
    with clock.freeze(night):
        if meanwhile == "answered":
            company.decide(campaign, "bruno", "approve", company.user("ana@x.example"))
        else:
            closing.close(campaign_id=campaign.pk, by=company.owner)
    with clock.freeze(MONDAY + 3 * DAY):
        send_queued_mail()
    states = dict(Mail.objects.filter(template="campaign_escalation").values_list("recipient__username", "state"))
    assert states == {"reviewer": "skipped", "control_owner": "sent" if meanwhile == "answered" else "skipped"}


def test_silence_hands_the_items_to_the_manager_once_but_not_their_own_access(launch, company):
    with clock.freeze(MONDAY - DAY):
        company.load(grants=company.texts["grants"] + "crm,olga,Olga Top,p0,read,2026-01-05,,\n")
    campaign = launch(hand_over_after=4)
    ana, olga = company.user("ana@x.example"), company.fallback
    asked = Assignment.objects.filter(campaign=campaign, is_active=True)
    asked.filter(item__account_key="olga").update(reviewer=ana)  # as after a reassignment
    sweep(MONDAY + 3 * DAY)
    assert asked.filter(reviewer=ana).count() == 6
    for _ in range(2):
        sweep(MONDAY + 4 * DAY)
    assert set(asked.filter(reviewer=ana).values_list("item__account_key", flat=True)) == {"olga"}
    moved = asked.filter(reviewer=olga, rule="reassigned")
    assert set(moved.values_list("reason", flat=True)) == {"The reviewer answered nothing for 4 days; their manager is asked"}
    owners = asked.get(reviewer=company.owner)
    assert owners.reason == (
        "The reviewer answered nothing for 4 days; as nobody above them can be, the owner of the review is asked"
    )
    entry = Entry.objects.get(kind="assignment:reassigned", payload_json__data__to=f"people.user:{olga.pk}").payload_json[
        "data"
    ]
    assert (len(entry["items"]), entry["from"]) == (5, f"people.user:{ana.pk}")
    mail = Mail.objects.get(template="campaign_handed_over", recipient=olga)
    assert mail.context["items"] == 5
    with clock.freeze(MONDAY + 4 * DAY):
        send_queued_mail()
    assert "5 items of Q4 are yours now" in [mail.subject for mail in outbox.outbox]


def test_the_new_reviewer_has_as_many_days_as_the_first(launch, company):
    campaign = launch(hand_over_after=4)
    asked = Assignment.objects.filter(campaign=campaign, is_active=True)
    for number in range(1, 8):
        sweep(MONDAY + number * DAY)
    # Ana's items came to Olga on the fifth day; her own four days end on the ninth. Above her there is only the owner.
    assert asked.filter(reviewer=company.fallback).count() == 5
    sweep(MONDAY + 8 * DAY)
    assert set(asked.values_list("reviewer", flat=True)) == {company.owner.pk}


def test_nothing_is_handed_over_that_is_answered_or_late(launch, company):
    campaign = launch(hand_over_after=4)
    with clock.freeze(MONDAY + DAY):
        company.decide(campaign, "bruno", "approve", company.user("ana@x.example"))
        company.decide(campaign, "shared", "approve", company.system_owner)
    for moment in (MONDAY + 5 * DAY, MONDAY + 15 * DAY):
        sweep(moment)
    assert Entry.objects.filter(kind="assignment:reassigned").count() == 0


def test_a_mere_auditor_hears_of_nothing(launch, company):
    User.objects.filter(pk=company.fallback.pk).update(roles=["auditor"])
    launch(tell_manager_after=3, hand_over_after=4)
    sweep(MONDAY + 3 * DAY)
    assert told() == [("control_owner", "06-04")]
    sweep(MONDAY + 4 * DAY)
    assert told("campaign_handed_over") == [("control_owner", "06-05"), ("control_owner", "06-05")]


@pytest.mark.django_db(transaction=True)
def test_sweeps_side_by_side_tell_and_hand_over_once(company):
    now = clock.now()
    with clock.freeze(now - 5 * DAY):
        campaign = company.launch(ladder=QUIET | {"hand_over_after": 4})
        company.launch("Told", ladder=QUIET | {"tell_owner_after": 3})
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
    assert Entry.objects.filter(kind="assignment:reassigned").count() == 2
    assert Entry.objects.filter(kind="review:escalated").count() == 2
    assert Mail.objects.filter(template="campaign_escalation").count() == 1
    assert Assignment.objects.filter(campaign=campaign, is_active=True, reviewer=company.fallback).count() == 5
