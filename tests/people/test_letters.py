"""What mails look like to the program that receives them: parts, headers, calendar; and that what is hashed is what went out."""

from datetime import UTC, datetime, timedelta
from email import message_from_bytes, policy
from email.message import EmailMessage

import pytest
from django.core import mail as outbox
from hypothesis import given
from hypothesis import strategies as st
from icalendar import Calendar

from certify.lib import clock
from certify.lib.times import rfc3339
from ledger.actors import SYSTEM
from ledger.models import Entry
from people import letters
from people.actions import delivery, mails
from people.models import Mail, User
from people.tasks import send_queued_mail
from tests.people.conftest import make
from tests.people.test_mails import postman, unused_port  # noqa: F401

pytestmark = pytest.mark.django_db
NOW = datetime(2026, 6, 8, 8, tzinfo=UTC)
DUE = datetime(2026, 6, 15, 22, 30, tzinfo=UTC)
ODD = "R&D <script>alert(1)</script> \u201cq\u201d;,\\\r\nBcc: all@x.example"


def line(**changes) -> dict:
    return {
        "campaign": 1,
        "name": "Q4",
        "items": 5,
        "others": [],
        "total": 5,
        "due_at": rfc3339(DUE),
        "is_extended": False,
        "path": "/reviews/1/",
    } | changes


def digest(*lines: dict, **changes) -> dict:
    dates = [
        {"uid": "review-1-1", "summary": f"Review due: {one['name']}", "due_at": one["due_at"], "path": one["path"]}
        for one in lines
    ]
    return {
        "about": ["campaigns.campaign:1", "campaigns.campaign:2"],
        "campaigns": list(lines),
        "total": sum(one["total"] for one in lines),
        "first_due_at": rfc3339(DUE),
        "why": "you are asked to review access",
        "calendar": dates,
    } | changes


@pytest.fixture
def sent(reviewer, monkeypatch):
    """Send a mail and read it as its receiver would."""
    monkeypatch.setattr(delivery, "REFRESH", {})

    def send(template: str, context: dict, person: User = reviewer) -> EmailMessage:
        mails.queue(
            recipient=person, template=template, context=context, subject_ref="s", dedupe_key="k", due_at=NOW, by=SYSTEM
        )
        with clock.freeze(NOW):
            assert send_queued_mail() == 1
        found = Mail.objects.get()
        assert found.state == "sent", found.error
        return message_from_bytes(outbox.outbox[-1].message().as_bytes(), policy=policy.default)

    return send


def parts(message: EmailMessage) -> tuple[str, str, str]:
    """Text, HTML and calendar."""
    [dates] = message.iter_attachments()
    assert (dates.get_content_type(), dates.get_filename()) == ("text/calendar", letters.CALENDAR_NAME)
    return message.get_body(("plain",)).get_content(), message.get_body(("html",)).get_content(), dates.get_content()


def test_a_reminder_is_text_and_html_and_dates_in_the_readers_zone(sent, reviewer):
    User.objects.update(time_zone="Europe/Berlin")
    others = [{"name": "Ana Berg", "items": 2}, {"name": "Bo", "items": 1}]
    message = sent("campaign_digest", digest(line(), line(name="Q5", items=0, total=3, others=others, is_extended=True)))
    text, html, dates = parts(message)
    assert message["Subject"] == "8 items wait for you in 2 reviews, due 16 June 2026"
    assert message["Date"] == "Mon, 08 Jun 2026 08:00:00 +0000"
    assert "* Q4: 5 items\n  due Tuesday 16 June 2026, 00:30 (Europe/Berlin)\n  http://testserver/reviews/1/\n" in text
    assert (
        "* Q5: 2 for Ana Berg, 1 for Bo\n  due Tuesday 16 June 2026, 00:30 (Europe/Berlin), with the time that was added\n"
        in text
    )
    for words in ("Hello Rita,", "00:30 (Europe/Berlin)", "http://testserver/my-hours/", "you are asked to review access"):
        assert words in text
        assert words in html
    event, _ = Calendar.from_ical(dates).walk("VEVENT")
    assert (event.decoded("dtstart"), event.decoded("dtstamp")) == (DUE, NOW)
    assert (str(event["summary"]), str(event["uid"]), str(event["url"])) == (
        "Review due: Q4",
        "review-1-1@testserver",
        "http://testserver/reviews/1/",
    )


def test_nothing_is_fetched_from_elsewhere(sent):
    _, html, _ = parts(sent("campaign_digest", digest(line())))
    assert "<img" not in html
    assert "src=" not in html
    assert html.count("http") == html.count("http://testserver")


@pytest.mark.parametrize("template", ["campaign_digest", "campaign_opened"])
def test_odd_names_are_neither_markup_nor_headers(sent, template):
    contexts = {
        "campaign_digest": digest(line(name=ODD, others=[{"name": ODD, "items": 1}])),
        "campaign_opened": {
            "campaign": ODD, "purpose": ODD, "stage": ODD, "items": 3, "due_at": rfc3339(DUE), "path": "/reviews/1/",
            "calendar": [{"uid": "review-1-1", "summary": ODD, "due_at": rfc3339(DUE), "path": "/reviews/1/"}],
        },
    }  # fmt: skip
    message = sent(template, contexts[template])
    text, html, dates = parts(message)
    assert "Bcc" not in message
    assert outbox.outbox[-1].recipients() == ["rita@x.example"]
    assert "R&D <script>" in text
    assert "<script" not in html
    assert "R&amp;D &lt;script&gt;alert(1)&lt;/script&gt;" in html
    [event] = Calendar.from_ical(dates).walk("VEVENT")
    assert ODD.replace("\r\n", "\n") in str(event["summary"])
    assert len(Calendar.from_ical(dates).walk()) == 2, "no component was smuggled in"


def test_mails_without_a_page_of_html_stay_plain_text(sent):
    message = sent("welcome", {"roles": ["Reviewer"]})
    assert message.get_content_type() == "text/plain"
    assert "You get this mail because" not in message.get_content()


def test_those_without_password_find_the_link_in_both(sent):
    text, html, _ = parts(sent("campaign_digest", digest(line()), make("nova")))
    assert "/password/set/" in text
    assert 'href="http://testserver/password/set/' in html


@pytest.mark.parametrize("template", ["campaign_digest", "welcome"])
def test_the_ledger_has_the_hash_of_the_bytes_that_the_server_took(reviewer, monkeypatch, postman, template):  # noqa: F811
    monkeypatch.setattr(delivery, "REFRESH", {})
    context = digest(line(name=ODD)) if template == "campaign_digest" else {"roles": ["ä"]}
    mail = mails.queue(recipient=reviewer, template=template, context=context, subject_ref="s", dedupe_key="k", by=SYSTEM)
    send_queued_mail()
    recorded = Entry.objects.filter(kind="mail:sent").order_by("id")
    assert [entry.subject for entry in recorded] == context.get("about", ["s"]), "one for each thing it is about"
    facts = {(entry.payload_json["data"]["sha256"], entry.payload_json["data"]["message_id"]) for entry in recorded}
    assert facts == {(postman.hashes[0], f"<certify-mail-{mail.pk}@testserver>")}


def test_a_mail_that_cannot_be_brought_up_to_date_does_not_hold_up_the_others(reviewer, monkeypatch):
    def broken(mail, now):
        return Mail.objects.raw("SELECT nonsense")[0]

    monkeypatch.setattr(delivery, "REFRESH", {"campaign_digest": broken})
    for template, key in (("campaign_digest", "k1"), ("welcome", "k2")):
        mails.queue(recipient=reviewer, template=template, context={}, subject_ref="s", dedupe_key=key, by=SYSTEM)
    assert send_queued_mail() == 2
    assert list(Mail.objects.order_by("id").values_list("state", flat=True)) == ["failed", "sent"]
    assert "brought up to date" in Mail.objects.get(state="failed").error


@given(
    st.text(st.characters(exclude_categories=["Cs", "Cc"])),
    st.integers(0, 40 * 366 * 86_400).map(lambda seconds: NOW + timedelta(seconds=seconds)),
)
def test_whatever_is_written_into_a_calendar_can_be_read_again(summary, due_at):
    made = letters.calendar([{"uid": "u", "summary": summary, "due_at": rfc3339(due_at), "path": "/"}], NOW)
    assert all(len(row.encode()) <= 75 for row in made.split("\r\n"))
    [event] = Calendar.from_ical(made).walk("VEVENT")
    assert str(event["summary"]) == summary
    assert event.decoded("dtstart") == due_at


def test_more_time_moves_the_entry():
    dates = [{"uid": "u", "summary": "s", "due_at": rfc3339(due), "path": "/"} for due in (NOW, DUE)]
    first, second = (Calendar.from_ical(letters.calendar([one], NOW)).walk("VEVENT")[0] for one in dates)
    assert first["uid"] == second["uid"]
    assert first["sequence"] < second["sequence"]
