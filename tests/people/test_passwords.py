"""Links to set a password."""

import re

import pytest
from django.core import mail as outbox

from certify.lib.errors import NotAllowed
from people.actions import passwords, users
from people.models import Mail
from people.tasks import send_queued_mail
from tests.people.conftest import PASSWORD, Recorded, make

pytestmark = pytest.mark.django_db
FORGOTTEN = "/password/forgotten/"
NEW = "eight blue doors in a row"
OTHER = "nine red chairs by the sea"
MADE_UP = ["/password/set/MQ/abc-def/", "/password/set/%F0%9F/x/", "/password/set/OTk5OTk/set-password/"]
REFUSED = [(NEW, OTHER, "differ"), ("short", "short", "too short"), ("", "", "required")]


def path_in_mail(number: int = -1) -> str:
    """The path of the link in a sent mail."""
    return re.search(r"http://testserver(/password/set/\S+)", outbox.outbox[number].body).group(1)


def ask(client, name: str):
    """Ask for a link on the page."""
    return client.post(FORGOTTEN, {"name": name}, follow=True)


@pytest.mark.parametrize("name", ["rita", " RITA ", "rita@x.example", "Rita@X.example"])
def test_a_forgotten_password_is_set_anew_by_mail(client, reviewer, name):
    ask(client, name)
    send_queued_mail()
    assert outbox.outbox[0].to == ["rita@x.example"]
    recorded = Recorded()
    form = client.get(path_in_mail(), follow=True)
    answer = client.post(form.redirect_chain[-1][0], {"password": NEW, "again": NEW}, follow=True)
    assert "Your password is set. Sign in as rita." in answer.text
    reviewer.refresh_from_db()
    assert reviewer.check_password(NEW)
    subject = f"people.user:{reviewer.pk}"
    assert recorded.all() == [("user:password-set", subject, subject, {"user": subject})]


def test_the_token_leaves_the_address_at_once(client, reviewer):
    ask(client, "rita")
    send_queued_mail()
    answer = client.get(path_in_mail())
    assert answer.status_code == 302
    assert answer.url.endswith("/set-password/")


def test_a_link_works_once(client, reviewer):
    ask(client, "rita")
    send_queued_mail()
    form = client.get(path_in_mail(), follow=True)
    client.post(form.redirect_chain[-1][0], {"password": NEW, "again": NEW})
    again = client.get(path_in_mail(), follow=True)
    assert "This link has had its day" in again.text
    answer = client.post(
        form.redirect_chain[-1][0], {"password": "ninth red chair by the sea", "again": "ninth red chair by the sea"}
    )
    assert answer.status_code == 200
    reviewer.refresh_from_db()
    assert reviewer.check_password(NEW)


@pytest.mark.parametrize(
    "path", ["/password/set/MQ/abc-def/", "/password/set/%F0%9F/x/", "/password/set/OTk5OTk/set-password/"]
)
def test_a_made_up_link_opens_nothing(client, reviewer, path):
    assert "This link has had its day" in client.get(path).text


@pytest.mark.parametrize(("password", "again", "words"), REFUSED)
def test_a_password_that_is_refused_says_why(client, reviewer, password, again, words):
    ask(client, "rita")
    send_queued_mail()
    form = client.get(path_in_mail(), follow=True)
    answer = client.post(form.redirect_chain[-1][0], {"password": password, "again": again})
    assert answer.status_code == 422
    assert words in answer.text
    reviewer.refresh_from_db()
    assert reviewer.check_password(PASSWORD)


def test_the_answer_is_the_same_for_names_nobody_has(client, admin, reviewer):
    users.deactivate(user_id=make("gone").pk, by=admin)
    make("mute", email="")
    answers = {ask(client, name).text for name in ("rita", "nobody", "gone", "mute", "x@y.example")}
    assert len({re.sub(r'value="[^"]+"|RFToken": "[^"]+"', "", text) for text in answers}) == 1
    assert [mail.recipient for mail in Mail.objects.all()] == [reviewer]


def test_asking_again_within_ten_minutes_sends_no_second_mail(client, reviewer):
    for _ in range(5):
        ask(client, "rita")
    assert Mail.objects.count() == 1


def test_the_mail_task_keeps_no_token(client, reviewer):
    ask(client, "rita")
    send_queued_mail()
    token = path_in_mail().split("/")[-2]
    assert token not in str(Mail.objects.values().get())


def test_a_link_is_dead_when_the_person_was_deactivated_meanwhile(client, admin, reviewer):
    ask(client, "rita")
    send_queued_mail()
    form = client.get(path_in_mail(), follow=True)
    users.deactivate(user_id=reviewer.pk, by=admin)
    answer = client.post(form.redirect_chain[-1][0], {"password": NEW, "again": NEW})
    assert answer.status_code == 422
    reviewer.refresh_from_db()
    assert reviewer.check_password(PASSWORD)


def test_an_invitation_leads_to_a_first_password(client, admin):
    person = users.create(username="nora", name="Nora", email="nora@x.example", roles=["reviewer"], invite=True, by=admin)
    send_queued_mail()
    body = outbox.outbox[0].body
    assert outbox.outbox[0].subject == "Your sign-in to Certify"
    assert "Your roles: Reviewer" in body
    form = client.get(path_in_mail(), follow=True)
    client.post(form.redirect_chain[-1][0], {"password": NEW, "again": NEW})
    person.refresh_from_db()
    assert person.check_password(NEW)


def test_administrators_send_links_but_nobody_else_does(admin, reviewer):
    assert passwords.send_link(user_id=reviewer.pk, by=admin) is not None
    assert passwords.send_link(user_id=reviewer.pk, by=admin) is None
    with pytest.raises(NotAllowed):
        passwords.send_link(user_id=reviewer.pk, by=reviewer)
    with pytest.raises(NotAllowed):
        passwords.send_link(user_id=make("mute", email="").pk, by=admin)
