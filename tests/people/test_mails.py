"""Queueing mail, and sending it through a real SMTP server that can refuse."""

import hashlib
import socket
import threading
from datetime import timedelta

import pytest
from aiosmtpd.controller import Controller
from django.core import mail as outbox
from django.core.mail import get_connection
from django.db import IntegrityError, ProgrammingError, connection, transaction

from certify.lib import clock
from certify.lib.errors import NotAllowed
from certify.lib.times import rfc3339
from ledger.actors import SYSTEM
from people.actions import delivery, mails, users
from people.models import Mail, User
from people.states import Role
from people.tasks import send_queued_mail
from tests.people.conftest import Recorded, make

pytestmark = pytest.mark.django_db


class Postman:
    """An SMTP server's handler that refuses what it is told to refuse, and keeps the rest."""

    def __init__(self):
        self.refused: dict[str, str] = {}
        self.messages, self.hashes = [], []

    async def handle_RCPT(self, server, session, envelope, address, options):  # noqa: N802
        if answer := self.refused.get(address):
            return answer
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, server, session, envelope):  # noqa: N802
        self.messages.append((envelope.rcpt_tos, envelope.content.decode()))
        self.hashes.append(hashlib.sha256(envelope.content).hexdigest())
        return self.refused.get("DATA", "250 OK")


@pytest.fixture
def unused_port():
    """A port on which nobody listens."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return listener.getsockname()[1]


@pytest.fixture
def postman(settings, unused_port):
    """A real SMTP server on a free port, and the settings that lead to it."""
    controller = Controller(handler := Postman(), hostname="127.0.0.1", port=unused_port)
    controller.start()
    settings.EMAIL_BACKEND = "django.core.mail.backends.smtp.EmailBackend"
    settings.EMAIL_HOST, settings.EMAIL_PORT = "127.0.0.1", unused_port
    settings.EMAIL_USE_TLS = settings.EMAIL_USE_SSL = False
    settings.EMAIL_HOST_USER = settings.EMAIL_HOST_PASSWORD = ""
    yield handler
    controller.stop()


def queue(person, key="k1", **context):
    """Queue the invitation mail."""
    return mails.queue(
        recipient=person, template="welcome", context=context, subject_ref="campaigns.campaign:7", dedupe_key=key, by=SYSTEM
    )


def test_the_same_mail_is_queued_once(reviewer):
    assert queue(reviewer).queued_by_name == "Certify"
    assert queue(reviewer) is None
    drafts = [mails.Draft(reviewer.pk, "welcome", "s", key, {"n": 1}) for key in ("k1", "k2", "k2", "k3")]
    assert mails.queue_many(drafts=drafts, by=SYSTEM) == 2
    assert mails.queue_many(drafts=drafts, by=SYSTEM) == 0
    assert mails.queue_many(drafts=[], by=SYSTEM) == 0
    assert sorted(Mail.objects.values_list("dedupe_key", flat=True)) == ["k1", "k2", "k3"]
    assert Mail.objects.get(dedupe_key="k2").context == {"n": 1}


def test_a_mail_that_was_sent_is_not_queued_again(reviewer):
    queue(reviewer)
    send_queued_mail()
    assert queue(reviewer) is None
    assert send_queued_mail() == 0
    assert len(outbox.outbox) == 1


def test_many_mails_are_one_statement(reviewer, django_assert_num_queries):
    drafts = [mails.Draft(reviewer.pk, "welcome", "s", f"k{n}") for n in range(1_000)]
    with clock.freeze(clock.now()), django_assert_num_queries(3):  # savepoint, insert, release
        assert mails.queue_many(drafts=drafts, by=SYSTEM) == 1_000


def test_a_mail_goes_through_smtp_and_into_the_ledger(reviewer, postman):
    mail = queue(reviewer, roles=["Reviewer & “more” <b>"])
    recorded = Recorded()
    assert send_queued_mail() == 1
    [(recipients, text)] = postman.messages
    assert recipients == ["rita@x.example"]
    assert "Subject: Your sign-in to Certify" in text
    assert f"Message-ID: <certify-mail-{mail.pk}@testserver>" in text
    mail.refresh_from_db()
    assert (mail.state, mail.address, mail.attempts) == ("sent", "rita@x.example", 1)
    data = {
        "mail": f"people.mail:{mail.pk}",
        "recipient": f"people.user:{reviewer.pk}",
        "to": {"id": f"people.user:{reviewer.pk}", "person": reviewer.commitment},
        "template": "welcome",
        "subject": "Your sign-in to Certify",
        "sent_at": rfc3339(mail.sent_at),
        "message_id": f"<certify-mail-{mail.pk}@testserver>",
        "sha256": postman.hashes[0],
    }
    assert recorded.all() == [("mail:sent", "campaigns.campaign:7", "system", data)]


def test_a_mail_is_text_and_not_html(reviewer):
    queue(reviewer, roles=["Reviewer & “more” <b>"])
    send_queued_mail()
    assert "Reviewer & “more” <b>" in outbox.outbox[0].body
    assert outbox.outbox[0].body.endswith("answers are not read.\n")


def test_those_without_password_get_a_link_to_set_one_and_others_do_not(reviewer):
    queue(reviewer)
    queue(make("nova"), key="k2")
    send_queued_mail()
    assert ["/password/set/" in mail.body for mail in outbox.outbox] == [False, True]


def test_a_refused_address_fails_at_once_and_the_others_go_out(reviewer, postman):
    postman.refused = {"rita@x.example": "550 No such user"}
    queue(reviewer)
    queue(make("nova"), key="k2")
    recorded = Recorded()
    assert send_queued_mail() == 2
    first, second = Mail.objects.order_by("id")
    assert (first.state, first.attempts, second.state) == ("failed", 1, "sent")
    assert "550" in first.error
    failed, _ = recorded.all()
    assert failed[0] == "mail:failed"
    assert failed[3]["to"] == reviewer.actor_ref()
    assert failed[3]["reason"] == first.error


def test_a_server_that_is_busy_is_asked_again_later_and_at_last_given_up(reviewer, postman):
    postman.refused = {"rita@x.example": "450 Mailbox busy"}
    mail = queue(reviewer)
    recorded, moment, waits = Recorded(), mail.queued_at, []
    for attempt in range(1, 8):
        with clock.freeze(moment):
            assert send_queued_mail() == 1
            assert send_queued_mail() == 0, "not before its time"
        mail.refresh_from_db()
        assert mail.attempts == attempt
        waits.append((mail.due_at - moment) // timedelta(minutes=1))
        moment = mail.due_at
    assert waits[:6] == [1, 5, 15, 60, 240, 720]
    assert mail.state == "failed"
    assert [kind for kind, *_ in recorded.all()] == ["mail:failed"]
    with clock.freeze(moment + timedelta(days=30)):
        assert send_queued_mail() == 0


def test_a_busy_server_that_recovers_gets_the_mail(reviewer, postman):
    postman.refused = {"DATA": "451 Try later"}
    mail = queue(reviewer)
    send_queued_mail()
    postman.refused = {}
    with clock.freeze(mail.queued_at + timedelta(minutes=5)):
        send_queued_mail()
    mail.refresh_from_db()
    assert (mail.state, mail.attempts, mail.error) == ("sent", 2, "")


def test_a_server_that_does_not_answer_stops_the_sweep_and_loses_nothing(reviewer, settings, unused_port):
    settings.EMAIL_BACKEND = "django.core.mail.backends.smtp.EmailBackend"
    settings.EMAIL_HOST, settings.EMAIL_PORT = "127.0.0.1", unused_port
    for number in range(3):
        queue(reviewer, key=f"k{number}")
    assert send_queued_mail() == 1
    assert sorted(Mail.objects.values_list("state", "attempts")) == [("queued", 0), ("queued", 0), ("queued", 1)]
    assert "refused" in Mail.objects.get(attempts=1).error


def test_a_server_that_goes_away_halfway_costs_one_attempt(reviewer, postman):
    for number in range(3):
        queue(reviewer, key=f"k{number}")
    mailer = get_connection()
    mailer.open()
    mailer.connection.sock.shutdown(socket.SHUT_RDWR)
    attempt = delivery.send_next(mailer=mailer, by=SYSTEM)
    assert attempt.is_server_down
    assert sorted(Mail.objects.values_list("state", "attempts")) == [("queued", 0), ("queued", 0), ("queued", 1)]


@pytest.mark.parametrize(
    ("person", "reason"),
    [({"email": ""}, "The recipient has no mail address."), ({"is_active": False}, "The recipient is deactivated.")],
)
def test_a_mail_to_nobody_fails_with_its_reason(admin, person, reason):
    recipient = make("mute", email=person.get("email"))
    mail = queue(recipient)
    if person.get("is_active") is False:
        users.deactivate(user_id=recipient.pk, by=admin)
    recorded = Recorded()
    send_queued_mail()
    mail.refresh_from_db()
    assert (mail.state, mail.error) == ("failed", reason)
    assert [(kind, data["reason"]) for kind, _, _, data in recorded.all()] == [("mail:failed", reason)]
    assert outbox.outbox == []


def test_a_broken_template_does_not_hold_up_the_others(reviewer):
    mails.queue(recipient=reviewer, template="no_such", context={}, subject_ref="s", dedupe_key="k0", by=SYSTEM)
    queue(reviewer)
    assert send_queued_mail() == 2
    assert [(mail.state, mail.template) for mail in Mail.objects.order_by("id")] == [("failed", "no_such"), ("sent", "welcome")]


@pytest.mark.parametrize("line_break", ["\r", "\n", "\r\n", "\u2028"])
def test_a_line_break_in_a_value_cannot_become_a_header(reviewer, line_break):
    mails.queue(
        recipient=reviewer,
        template="campaign_closed",
        context={"campaign": f"Spring{line_break}Bcc: all@x.example"},
        subject_ref="s",
        dedupe_key="k",
        by=SYSTEM,
    )
    send_queued_mail()
    assert outbox.outbox[0].recipients() == ["rita@x.example"]
    assert "Bcc" not in dict(outbox.outbox[0].message().items())


def test_an_address_that_cannot_be_written_does_not_hold_up_the_others(reviewer):
    odd = make("odd")
    User.objects.filter(pk=odd.pk).update(email=f"x@{'ä' * 60}.example")
    queue(odd, key="k1")
    queue(reviewer, key="k2")
    assert send_queued_mail() == 2
    assert [mail.state for mail in Mail.objects.order_by("id")] == ["failed", "sent"]


def test_retry_is_for_those_who_see_mails(admin, reviewer, postman):
    postman.refused = {"rita@x.example": "550 No such user"}
    mail = queue(reviewer)
    send_queued_mail()
    with pytest.raises(NotAllowed):
        mails.retry(mail_id=mail.pk, by=reviewer)
    users.change(user_id=reviewer.pk, name="Rita", email="rita2@x.example", by=admin)
    mails.retry(mail_id=mail.pk, by=make("cora", roles=[Role.CONTROL_OWNER]))
    send_queued_mail()
    mail.refresh_from_db()
    assert (mail.state, mail.address, mail.error) == ("sent", "rita2@x.example", "")
    mails.retry(mail_id=mail.pk, by=admin)
    assert send_queued_mail() == 0, "a sent mail stays sent"


def test_the_database_keeps_mails_and_their_facts_together(reviewer):
    mail = queue(reviewer)
    with pytest.raises(ProgrammingError, match="people_mail"), transaction.atomic():
        Mail.objects.filter(pk=mail.pk).delete()
    for wrong in ({"state": "sent"}, {"sent_at": clock.now()}):
        with pytest.raises(IntegrityError), transaction.atomic():
            Mail.objects.filter(pk=mail.pk).update(**wrong)


@pytest.mark.django_db(transaction=True)
def test_workers_side_by_side_send_each_mail_once(postman):
    person = make("rita")
    drafts = [mails.Draft(person.pk, "welcome", "s", f"k{n}") for n in range(20)]
    mails.queue_many(drafts=drafts, by=SYSTEM)

    def work():
        try:
            send_queued_mail()
        finally:
            connection.close()

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert Mail.objects.filter(state="sent").count() == 20
    assert len(postman.messages) == 20


@pytest.mark.django_db(transaction=True)
def test_a_worker_that_dies_before_its_commit_sends_at_most_that_mail_again(postman):
    person = make("rita")
    mail = queue(person)
    mailer = get_connection()
    with transaction.atomic():
        delivery.send_next(mailer=mailer, by=SYSTEM)
        transaction.set_rollback(True)
    mailer.close()
    mail.refresh_from_db()
    assert mail.state == "queued"
    send_queued_mail()
    identifiers = [line for _, text in postman.messages for line in text.splitlines() if line.startswith("Message-ID")]
    assert len(identifiers) == 2
    assert len(set(identifiers)) == 1, "mail programs can tell that it is the same one"
