"""The pages on people and mail."""

import io

import pytest
from django.core import mail as outbox
from django.core.management import CommandError, call_command
from django.urls import reverse
from django.utils.html import escape

from ledger.actors import SYSTEM
from people.actions import mails, users
from people.models import Mail, User
from people.states import Role
from people.tasks import send_queued_mail
from tests.people.conftest import Recorded, make

pytestmark = pytest.mark.django_db
LIST = "/people/"


@pytest.fixture
def desk(client, admin):
    """A client signed in as the administrator."""
    client.force_login(admin)
    return client


def names(answer) -> list[str]:
    """The people on the page, in order."""
    return [person.username for person in answer.context["people"]]


def test_the_list_pages_by_name_without_losing_or_repeating_anybody(desk, settings):
    settings.CERTIFY_PAGE_ROWS = 3
    for username, name in [*((f"a{number}", "Same Name") for number in range(1, 5)), ("b", "Bea"), ("z", "Zoe")]:
        users.create(username=username, name=name, roles=[], by=SYSTEM)
    seen, url = [], LIST
    while url:
        answer = desk.get(url)
        assert "of 7 people on this page" in answer.text
        seen += names(answer)
        url = answer.context["next_url"] and LIST + answer.context["next_url"]
    assert seen == ["alma", "b", "a1", "a2", "a3", "a4", "z"]


@pytest.mark.parametrize(
    ("filters", "found"),
    [
        ({"search": "RIT"}, ["rita"]),
        ({"search": "rita@x"}, ["rita"]),
        ({"search": "100%"}, []),
        ({"role": "administrator"}, ["alma"]),
        ({"state": "deactivated"}, ["gone"]),
        ({"state": "active", "role": "reviewer"}, ["rita"]),
        ({"role": "root", "state": "x", "after": "x"}, ["alma", "gone", "rita"]),
        ({"after": "999999"}, ["alma", "gone", "rita"]),
    ],
)
def test_the_list_is_searched_and_filtered(desk, admin, reviewer, filters, found):
    users.deactivate(user_id=make("gone", roles=[Role.REVIEWER]).pk, by=admin)
    assert names(desk.get(LIST, filters)) == found


@pytest.mark.parametrize("count", [1, 3])
def test_the_list_takes_few_queries_whatever_it_shows(desk, django_assert_max_num_queries, count):
    for number in range(count):
        make(f"p{number}", roles=list(Role))
    with django_assert_max_num_queries(5):
        desk.get(LIST)


def test_a_name_on_the_page_is_text(desk):
    users.create(username="x", name="<script>alert(1)</script>", roles=[], by=SYSTEM)
    text = desk.get(LIST).text
    assert "<script>alert(1)" not in text
    assert escape("<script>alert(1)</script>") in text


def test_a_person_is_created_and_invited(desk, admin):
    form = {"username": "Nora", "name": "Nora Berg", "email": "nora@x.example", "roles": ["auditor"], "invite": "on"}
    answer = desk.post("/people/new/", form, follow=True)
    person = User.objects.get(username="nora")
    assert answer.redirect_chain == [(f"/people/{person.pk}/", 302)]
    assert person.roles == ["auditor"]
    assert Mail.objects.get().recipient == person


@pytest.mark.parametrize(
    ("wrong", "words"),
    [
        ({"username": "ALMA"}, "is taken"),
        ({"email": "x"}, "valid email"),
        ({"email": ""}, "Without a mail address no invitation"),
        ({"roles": ["root"]}, "not one of the available choices"),
        ({"name": ""}, "required"),
        ({"username": "\u200b"}, "invisible"),
    ],
)
def test_a_wrong_form_says_what_is_wrong_and_makes_nobody(desk, wrong, words):
    right = {"username": "nora", "name": "Nora", "email": "nora@x.example", "roles": ["auditor"], "invite": "on"}
    answer = desk.post("/people/new/", {**right, **wrong})
    assert answer.status_code == 422
    assert words in answer.text
    assert User.objects.count() == 1


def test_the_page_of_a_person_says_roles_in_words_and_what_happened(desk, admin, reviewer):
    users.set_roles(user_id=reviewer.pk, roles=["reviewer", "auditor"], by=admin)
    about = f"people.user:{reviewer.pk}"
    mails.queue(recipient=reviewer, template="welcome", context={}, subject_ref=about, dedupe_key="k", by=admin)
    send_queued_mail()
    desk.post("/sign-out/")
    desk.post("/sign-in/", {"username": "rita", "password": "wrong"})
    desk.force_login(admin)
    text = desk.get(f"/people/{reviewer.pk}/").text
    for words in (
        "Reads the audit periods that were opened to them, and nothing else.",
        "Reviewer → Reviewer, Auditor",
        "Mail sent</b> · Your sign-in to Certify",
        "Sign-in failed</b> · Wrong password",
        "Password set",
    ):
        assert words in text


def test_roles_are_changed_on_the_page(desk, reviewer):
    answer = desk.post(f"/people/{reviewer.pk}/roles/", {"roles": ["control_owner", "system_owner"]})
    assert answer.url == f"/people/{reviewer.pk}/"
    reviewer.refresh_from_db()
    assert reviewer.roles == ["control_owner", "system_owner"]
    desk.post(f"/people/{reviewer.pk}/roles/", {})
    reviewer.refresh_from_db()
    assert reviewer.roles == []


def test_a_refusal_is_said_on_the_page(desk, admin):
    answer = desk.post(f"/people/{admin.pk}/roles/", {"roles": ["reviewer"]})
    assert answer.status_code == 422
    assert "You cannot take the administrator role from yourself." in answer.text
    answer = desk.post(f"/people/{admin.pk}/deactivate/", follow=True)
    assert "You cannot deactivate yourself." in answer.text
    admin.refresh_from_db()
    assert admin.has_role(Role.ADMINISTRATOR)


def test_name_and_address_are_changed_on_the_page(desk, reviewer):
    desk.post(f"/people/{reviewer.pk}/edit/", {"name": "Rita Holm", "email": ""})
    reviewer.refresh_from_db()
    assert (reviewer.name, reviewer.email) == ("Rita Holm", "")


def test_deactivating_and_reactivating_are_buttons(desk, reviewer):
    assert "Deactivate</button>" in desk.get(f"/people/{reviewer.pk}/").text
    desk.post(f"/people/{reviewer.pk}/deactivate/")
    text = desk.get(f"/people/{reviewer.pk}/").text
    assert "Reactivate</button>" in text
    assert "Deactivate</button>" not in text
    desk.post(f"/people/{reviewer.pk}/reactivate/")
    reviewer.refresh_from_db()
    assert reviewer.is_active


def test_a_link_is_sent_by_a_button(desk, reviewer):
    answer = desk.post(f"/people/{reviewer.pk}/password-link/", follow=True)
    assert "A link to set a password is on its way to Rita." in answer.text
    send_queued_mail()
    assert outbox.outbox[0].to == ["rita@x.example"]


@pytest.mark.parametrize("path", ["", "edit/", "roles/"])
def test_nobody_there_is_404(desk, path):
    assert desk.get(f"/people/999999/{path}").status_code == 404


@pytest.fixture
def three_mails(reviewer):
    """One mail sent, one failed, one queued."""
    drafts = [mails.Draft(reviewer.pk, template, "s", key) for key, template in (("k1", "welcome"), ("k2", "no_such"))]
    mails.queue_many(drafts=drafts, by=SYSTEM)
    send_queued_mail()
    mails.queue_many(drafts=[mails.Draft(reviewer.pk, "welcome", "s", "k3")], by=SYSTEM)
    return list(Mail.objects.order_by("id"))


def test_mails_are_listed_with_what_became_of_them(desk, three_mails, settings):
    answer = desk.get("/mails/")
    assert [mail.state for mail in answer.context["mails"]] == ["queued", "failed", "sent"]
    assert "The mail could not be written: emails/no_such.txt" in answer.text
    assert "Your sign-in to Certify" in answer.text
    assert [mail.state for mail in desk.get("/mails/?state=failed").context["mails"]] == ["failed"]
    assert len(desk.get("/mails/?search=RITA").context["mails"]) == 3
    assert "Nothing was queued that fits" in desk.get("/mails/?search=nobody").text
    settings.CERTIFY_PAGE_ROWS = 2
    older = desk.get("/mails/" + desk.get("/mails/").context["next_url"])
    assert [mail.pk for mail in older.context["mails"]] == [three_mails[0].pk]


def test_a_control_owner_has_a_failed_mail_tried_again(client, three_mails):
    client.force_login(make("cora", roles=[Role.CONTROL_OWNER]))
    answer = client.post(f"/mails/{three_mails[1].pk}/retry/", follow=True)
    assert "The mail to Rita is queued again." in answer.text
    three_mails[1].refresh_from_db()
    assert (three_mails[1].state, three_mails[1].attempts) == ("queued", 0)


@pytest.mark.parametrize("count", [1, 3])
def test_the_list_of_mails_takes_few_queries(desk, reviewer, django_assert_max_num_queries, count):
    drafts = [mails.Draft(reviewer.pk, "welcome", "s", f"k{number}") for number in range(count)]
    mails.queue_many(drafts=drafts, by=SYSTEM)
    with django_assert_max_num_queries(6):
        desk.get("/mails/")


@pytest.mark.parametrize(
    ("roles", "labels"),
    [
        (["reviewer"], ["Reviews"]),
        (["auditor"], ["Audit"]),
        (["system_owner"], ["Reviews", "Removals", "Systems"]),
        ([], ["Reviews"]),
        (
            ["control_owner"],
            ["Reviews", "Campaigns", "Calendar", "Definitions", "Duties", "Removals", "Systems", "Audit", "Ledger", "Mails"],
        ),
        (
            ["administrator"],
            [
                *["Reviews", "Campaigns", "Calendar", "Definitions", "Duties", "Removals", "Systems"],
                *["Audit", "Ledger", "People", "Mails"],
            ],
        ),
    ],
)
def test_the_navigation_has_what_the_roles_may_open(client, roles, labels):
    client.force_login(make("nora", roles=roles))
    entries = client.get(reverse("dashboard")).context["navigation"]
    assert [entry["label"] for entry in entries] == labels
    assert not any(entry["active"] for entry in entries)
    assert [client.get(entry["url"]).status_code for entry in entries] == [200] * len(labels)


def test_the_navigation_marks_where_one_is(desk, reviewer):
    entries = desk.get(f"/people/{reviewer.pk}/").context["navigation"]
    assert [entry["label"] for entry in entries if entry["active"]] == ["People"]


def test_the_command_makes_the_first_administrator(db, monkeypatch, capsys):
    recorded = Recorded()
    monkeypatch.setattr("sys.stdin", io.StringIO("twelve grey stones\n"))
    call_command("create_administrator", "Ada", name="Ada", email="ada@x.example", password_stdin=True)
    person = User.objects.get(username="ada")
    assert person.has_role(Role.ADMINISTRATOR)
    assert person.check_password("twelve grey stones")
    assert [kind for kind, *_ in recorded.all()] == ["user:created", "user:password-set"]
    monkeypatch.setattr("sys.stdin", io.StringIO("short\n"))
    with pytest.raises(CommandError, match="too short"):
        call_command("create_administrator", "Eve", name="Eve", password_stdin=True)
    assert not User.objects.filter(username="eve").exists()


def test_the_mail_command_says_how_many_attempts_it_made(reviewer, capsys):
    mails.queue(recipient=reviewer, template="welcome", context={}, subject_ref="s", dedupe_key="k", by=SYSTEM)
    call_command("send_queued_mail")
    assert capsys.readouterr().out == "attempts: 1\n"
