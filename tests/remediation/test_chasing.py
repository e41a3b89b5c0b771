"""Reminders in working hours, escalation, what is late; many removals at once, and lists to hand on."""

import csv
import hashlib
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from campaigns.actions import closing
from certify.lib import clock
from certify.lib.files import located
from people.actions import delivery
from people.models import Mail
from remediation import notices, queries, rules, tasks
from remediation.actions import attempts
from remediation.models import Attempt, RemediationTask
from remediation.states import TaskState

pytestmark = pytest.mark.django_db
#: A Monday; the removals of `opened` are moved to be due on the Wednesday of the week after it.
MONDAY = datetime(2031, 3, 3, 6, tzinfo=UTC)
DUE = datetime(2031, 3, 12, 15, tzinfo=UTC)
NOTE = attempts.Act("Taken out of the group, ticket 4711")


@pytest.fixture
def due(opened):
    """The removals, all due at one known moment."""
    RemediationTask.objects.update(due_at=DUE)
    return opened


def run(day: datetime) -> None:
    """The sweep at a moment, and once more a little later."""
    for minutes in (0, 15):
        with clock.freeze(day + timedelta(minutes=minutes)):
            tasks.send_reminders()


def count(template: str) -> int:
    return Mail.objects.filter(template=template).count()


def test_whoever_removes_gets_one_mail_on_the_days_that_count_and_in_their_hours(story, due):
    expected = {10: 1, 11: 1, 12: 2, 13: 2, 14: 2, 17: 2, 18: 2, 19: 3, 26: 4}
    for day, mails in expected.items():
        run(datetime(2031, 3, day, 5, tzinfo=UTC))
        assert count("removals_reminder") == mails, f"{day} March"
    mail = Mail.objects.filter(template="removals_reminder").earliest("id")
    assert (mail.recipient, mail.due_at) == (story.system_owner, datetime(2031, 3, 10, 8, tzinfo=UTC))
    assert mail.context["waiting"] == 3


def test_a_day_off_is_stood_for_by_the_next_working_day(story, due):
    RemediationTask.objects.update(due_at=datetime(2031, 3, 9, 15, tzinfo=UTC))  # a Sunday
    run(datetime(2031, 3, 8, 9, tzinfo=UTC))
    run(datetime(2031, 3, 9, 9, tzinfo=UTC))
    assert count("removals_reminder") == 0
    run(datetime(2031, 3, 10, 9, tzinfo=UTC))
    assert count("removals_reminder") == 1


def test_the_owner_of_the_review_hears_of_what_is_late_after_three_days_then_weekly(story, due):
    for day, mails in {13: 0, 14: 0, 15: 0, 16: 0, 17: 1, 18: 1, 24: 2}.items():
        run(datetime(2031, 3, day, 9, tzinfo=UTC))
        assert count("removals_escalation") == mails, f"{day} March"
    mail = Mail.objects.filter(template="removals_escalation").earliest("id")
    assert (mail.recipient, mail.context["late"]) == (story.owner, 3)
    assert mail.context["lines"][0]["owner"] == story.system_owner.name


@given(st.integers(-40, 60))
def test_escalation_days(late):
    due = DUE.date()
    assert rules.is_escalation_day(due, due + timedelta(days=late)) == (late >= 3 and (late - 3) % 7 == 0)


def test_a_mail_that_waited_says_what_is_true_when_it_goes_out(story, due):
    with clock.freeze(datetime(2031, 3, 12, 5, tzinfo=UTC)):
        tasks.send_reminders()
        mail = Mail.objects.get(template="removals_reminder")
        attempts.claim(task_ids=[due["chloe"].pk, due["david"].pk], act=NOTE, by=story.system_owner)
        found = notices.digest_now(mail, clock.now())
        assert (found["waiting"], found["unshown"]) == (1, 2)
        link = attempts.Act(NOTE.note, link="https://tickets.example/1")
        for name in ("chloe", "david"):
            attempts.add_proof(task_id=due[name].pk, act=link, by=story.system_owner)
        attempts.claim_one(task_id=due["bruno"].pk, act=link, by=story.system_owner)
        assert notices.digest_now(mail, clock.now()) is None
    assert {"removals_reminder", "removals_escalation"} <= set(delivery.REFRESH)


def test_both_mails_can_be_written(story, due):
    for template, context in (
        ("removals_reminder", notices.digest(queries.owed(story.system_owner.pk, now=DUE + timedelta(days=9)))),
        ("removals_escalation", notices.escalation(queries.late_lines(story.owner.pk, now=DUE + timedelta(days=9)))),
    ):
        mail = Mail(recipient=story.system_owner, template=template, context=context, address="x@x.example", pk=1)
        text = delivery.letters.write(mail, {}, DUE, None).body
        assert "3" in text
        assert "{{" not in text


def test_the_list_is_filtered_by_what_it_says(story, opened, client):
    client.force_login(story.system_owner)
    assert "Bruno Costa" not in client.get("/removals/?text=chloe").text.partition("<table")[2]
    assert "Nothing here" in client.get("/removals/?text=nobody-of-this-name").text
    found = client.get(f"/removals/?owner={story.system_owner.pk}&source={story.source.pk}&state=to_do").text
    assert found.count('name="task"') == 3
    assert client.get("/removals/?owner=x&source=-1&state=nonsense").status_code == 200


def test_many_are_reported_in_two_steps(story, opened, client):
    client.force_login(story.system_owner)
    ids = [opened["chloe"].pk, opened["david"].pk]
    assert client.post("/removals/report/", {}).status_code == 302
    page = client.post("/removals/report/", {"task": ids})
    assert "Report 2 removals done" in page.text
    assert RemediationTask.objects.filter(state="open").count() == 3
    assert client.post("/removals/report/", {"task": ids, "confirm": "yes", "note": "no"}).status_code == 422
    client.post("/removals/report/", {"task": ids, "confirm": "yes", "note": NOTE.note, "proof_link": "https://x.example/1"})
    assert RemediationTask.objects.filter(state=TaskState.CLAIMED_DONE).count() == 2
    client.post("/removals/report/", {"everything": "yes", "state": "to_do"})
    client.post("/removals/report/", {"task": [opened["bruno"].pk], "confirm": "yes", "note": NOTE.note})
    assert Attempt.objects.count() == 3


def test_others_removals_are_not_in_the_bulk(story, opened, client):
    client.force_login(story.admin)
    client.post("/removals/report/", {"task": [opened["chloe"].pk], "confirm": "yes", "note": NOTE.note})
    assert not Attempt.objects.exists()


def test_a_list_is_handed_on_with_its_hash_and_runs_nothing(story, opened, client, settings, tmp_path):
    settings.CERTIFY_DATA_DIR = tmp_path
    client.force_login(story.system_owner)
    body = {"everything": "yes", "confirm": "yes", "note": "To the service desk, by Friday"}
    assert "Hand on 3 removals" in client.post("/removals/hand-on/", {"everything": "yes"}).text
    answer = client.post("/removals/hand-on/", body)
    rows = list(csv.DictReader(answer.text.splitlines()))
    assert {row["account_id"] for row in rows} == {"bruno", "chloe", "david"}
    assert set(RemediationTask.objects.values_list("state", flat=True)) == {TaskState.SENT}
    attempt = Attempt.objects.first()
    assert attempt.proof_sha256 == hashlib.sha256(answer.content).hexdigest()
    assert located(attempt.stored_as).read_bytes() == answer.content


def test_cells_that_would_run_are_harmless_in_the_list(story, client):
    story.load(
        identities=story.texts["identities"].replace("Chloe Dahl", "=cmd|' /C calc'!A0"),
        grants=story.texts["grants"].replace("Chloe Dahl", "@SUM(1)"),
    )
    campaign, ana = story.launch(), story.user("ana@x.example")
    story.decide(campaign, "chloe", "revoke", ana)
    story.submit(campaign, ana)
    closing.close(campaign_id=campaign.pk, by=story.owner)
    tasks.sweep_signed_off()
    client.force_login(story.system_owner)
    row = next(csv.DictReader(b"".join(client.get("/removals/export.csv").streaming_content).decode().splitlines()))
    assert row["person"].startswith("'=cmd")
    assert row["account_name"] == "'@SUM(1)"


def test_what_is_late_stands_by_person_and_by_system(story, due, client):
    client.force_login(story.owner)
    with clock.freeze(DUE - timedelta(hours=1)):
        assert client.get("/removals/overdue/").text.count("Nothing is late") == 2
    with clock.freeze(DUE + timedelta(days=9)):
        text = client.get("/removals/overdue/").text
    assert story.system_owner.name in text
    assert story.source.name in text
    assert "9 days late" in text


@pytest.mark.parametrize("rows", [1, 3])
def test_the_list_asks_no_more_for_more_rows(story, opened, client, django_assert_num_queries, rows):
    client.force_login(story.system_owner)
    RemediationTask.objects.exclude(pk__in=[task.pk for task in list(opened.values())[:rows]]).update(owner=story.owner)
    client.get("/removals/")
    with django_assert_num_queries(11, exact=False):
        client.get("/removals/")
