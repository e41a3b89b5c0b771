"""Above somebody: the nearest manager who can be told, who is passed over and why, and the owner where nobody can."""

from datetime import UTC, datetime, timedelta

import pytest
from django.core import mail as outbox

from campaigns import above, ladder, tasks
from campaigns.actions import routing
from campaigns.models import Assignment
from certify.lib import clock
from ledger.actors import SYSTEM
from ledger.models import Entry
from people.actions import users
from people.models import Mail, User
from people.tasks import send_queued_mail
from tests.story import IDENTITIES, Story

pytestmark = pytest.mark.django_db
MONDAY = datetime(2026, 6, 1, 10, tzinfo=UTC)
DAY = timedelta(days=1)
#: Above Ana: Olga, who has no sign-in; Ian, who has left; Hugo.
LINE = IDENTITIES.replace("Head of Finance,,", "Head of Finance,p6,") + (
    "p6,Olga Top,olga@x.example,employee,active,,CEO,p7,\n"
    "p7,Ian Old,ian@x.example,employee,inactive,,Chair,p8,\n"
    "p8,Hugo Lind,hugo@x.example,employee,active,,President,,\n"
)
QUIET = dict.fromkeys(("weekly", "on_the_day", "daily_after"), False) | {"days_before": []}
PASSED = [
    {"name": "Olga Top", "why": "has no sign-in in Certify"},
    {"name": "Ian Old", "why": "has left"},
]


@pytest.fixture
def company(story) -> Story:
    with clock.freeze(MONDAY - DAY):
        users.create(username="hugo", name="Hugo Lind", email="hugo@x.example", roles=["reviewer"], by=story.admin)
        story.load(identities=LINE)
        story.load_without(("ana", "read"), ("shared", "read"))
    return story


def launched(company: Story, **rungs):
    with clock.freeze(MONDAY):
        return company.launch(ladder=ladder.default() | QUIET | rungs)


def sweep(days: int) -> None:
    with clock.freeze(MONDAY + days * DAY):
        tasks.send_due_reminders()
        send_queued_mail()


def test_the_next_manager_with_a_sign_in_hears_and_it_is_said_who_was_passed_over(company):
    launched(company, tell_manager_after=2)
    sweep(2)
    mail = Mail.objects.get(template="campaign_escalation")
    assert mail.recipient.username == "hugo"
    entry = Entry.objects.get(kind="review:escalated").payload_json["data"]
    assert (entry["to"], entry["passed_over"]) == (f"people.user:{mail.recipient_id}", [{"why": one["why"]} for one in PASSED])
    sent = next(one for one in outbox.outbox if one.to == ["hugo@x.example"] and "not finished" in one.subject)
    words = "(passed over: Olga Top has no sign-in in Certify; Ian Old has left)"
    assert words in " ".join(sent.body.split())
    assert words in " ".join(sent.alternatives[0].content.split())


def test_where_nobody_above_has_a_sign_in_the_owner_hears_and_gets_the_items(company):
    User.objects.filter(username="hugo").update(is_active=False)
    campaign = launched(company, tell_manager_after=2, hand_over_after=3)
    sweep(2)
    assert Mail.objects.get(template="campaign_escalation").recipient == company.owner
    passed = Entry.objects.get(kind="review:escalated").payload_json["data"]["passed_over"]
    assert passed == [*({"why": one["why"]} for one in PASSED), {"why": "has a sign-in that is deactivated"}]
    sweep(3)
    rows = Assignment.objects.filter(campaign=campaign, is_active=True)
    assert {row.reviewer for row in rows} == {company.owner}
    [reason] = {row.reason for row in rows}
    assert reason == (
        "The reviewer answered nothing for 3 days; as nobody above them can be, the owner of the review is asked"
        " (somebody above has no sign-in in Certify; somebody above has left; somebody above has a sign-in that is deactivated)"
    )


def test_open_answers_of_a_leaver_go_to_the_next_manager_with_a_sign_in(company):
    campaign = launched(company)
    ana = company.user("ana@x.example")
    with clock.freeze(MONDAY + DAY):
        users.deactivate(user_id=ana.pk, by=company.admin)
        routing.replace_leavers(campaign_id=campaign.pk, by=SYSTEM)
    rows = Assignment.objects.filter(campaign=campaign, is_active=True)
    assert {row.reviewer.username for row in rows} == {"hugo"}
    words = "somebody above has no sign-in in Certify; somebody above has left"
    assert {row.reason for row in rows} == {f"The reviewer is not there any more ({words})"}
    mail = Mail.objects.get(template="items_given")
    assert (mail.recipient.username, mail.context["items"]) == ("hugo", len(rows))


def test_a_line_that_goes_in_a_circle_ends(company):
    with clock.freeze(MONDAY):
        company.load(identities=LINE.replace("President,,", "President,p6,"))
        ana = launched(company).assignments.first().reviewer
    User.objects.filter(username="hugo").update(roles=["auditor"])
    found = above.of([ana.pk])[ana.pk]
    assert found.manager is None
    assert [one.name for one in found.passed_over] == ["Olga Top", "Ian Old", "Hugo Lind"]
    assert found.passed_over[-1].as_data()["why"] == "is an auditor, who stays independent"


def test_nobody_is_above_who_is_not_known(company):
    assert above.of([]) == {}
    assert above.of([company.admin.pk]) == {}
