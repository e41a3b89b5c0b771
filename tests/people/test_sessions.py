"""Signing in, out, and failing to, with real attempts through the pages."""

from datetime import timedelta

import pytest
from axes.models import AccessAttempt
from django.contrib.sessions.models import Session
from django.test import RequestFactory
from django.urls import reverse

from certify.lib import clock
from certify.lib.addresses import client_address
from people.actions import users
from people.states import Role
from people.tasks import forget_expired_sessions
from tests.people.conftest import PASSWORD, Recorded, make

pytestmark = pytest.mark.django_db
SIGN_IN = "/sign-in/"


def attempt(client, username="rita", password=PASSWORD, **extra):
    """One attempt through the page."""
    return client.post(SIGN_IN, {"username": username, "password": password, **extra.pop("data", {})}, **extra)


def test_signing_in_and_out_is_recorded(client, reviewer):
    recorded = Recorded()
    answer = attempt(client)
    assert (answer.status_code, answer.url) == (302, reverse("dashboard"))
    assert client.session["_auth_user_id"] == str(reviewer.pk)
    answer = client.post("/sign-out/")
    assert (answer.status_code, answer.url) == (302, SIGN_IN)
    assert "_auth_user_id" not in client.session
    subject = f"people.user:{reviewer.pk}"
    assert recorded.all() == [
        ("session:signed-in", subject, subject, {"user": subject, "means": "password"}),
        ("session:signed-out", subject, subject, {"user": subject}),
    ]
    reviewer.refresh_from_db()
    assert reviewer.last_login is not None


@pytest.mark.parametrize("username", ["RITA", "  rita ", "Ｒｉｔａ"])
def test_the_sign_in_name_has_no_case(client, reviewer, username):
    assert attempt(client, username).status_code == 302


def test_signing_in_changes_the_session_key(client, reviewer):
    client.get(SIGN_IN)
    session = client.session
    session["before"] = "kept"
    session.save()
    client.cookies["sessionid"] = old = session.session_key
    attempt(client)
    assert client.session.session_key != old
    assert client.cookies["sessionid"].value == client.session.session_key


def test_sign_out_is_no_link(client, reviewer):
    client.force_login(reviewer)
    assert client.get("/sign-out/").status_code == 405
    assert "_auth_user_id" in client.session


@pytest.mark.parametrize(
    ("username", "subject", "reason"),
    [
        ("Rita", "rita", "wrong-password"),
        ("nova", "nova", "no-password-set"),
        ("gone", "gone", "deactivated"),
        ("seven green lamps", None, "unknown-name"),
    ],
)
def test_a_failed_sign_in_is_recorded_with_its_reason_and_the_page_never_says_which(
    client, admin, reviewer, username, subject, reason
):
    people = {"rita": reviewer, "nova": make("nova"), "gone": make("gone")}
    users.set_password(user_id=people["gone"].pk, password=PASSWORD, by=people["gone"])
    users.deactivate(user_id=people["gone"].pk, by=admin)
    recorded = Recorded()
    answer = attempt(client, username, "wrong")
    assert answer.status_code == 422
    assert "The sign-in name or the password is wrong." in answer.text
    about = f"people.user:{people[subject].pk}" if subject else "people.user:unknown"
    said = {"person": people[subject].actor_ref()} if subject else {}
    assert recorded.all() == [("session:sign-in-failed", about, "system", {"reason": reason} | said)]


def test_a_deactivated_person_with_the_right_password_stays_out(client, admin, reviewer):
    users.deactivate(user_id=reviewer.pk, by=admin)
    assert attempt(client).status_code == 422
    assert "_auth_user_id" not in client.session


def test_deactivation_ends_a_session_at_once(client, admin, reviewer):
    client.force_login(reviewer)
    assert client.get(reverse("dashboard")).status_code == 200
    users.deactivate(user_id=reviewer.pk, by=admin)
    assert client.get(reverse("dashboard")).status_code == 302


def test_a_new_password_ends_other_sessions(client, reviewer):
    attempt(client)
    users.set_password(user_id=reviewer.pk, password="another good long one", by=reviewer)
    assert client.get(reverse("dashboard")).status_code == 302


def test_an_empty_form_says_what_is_missing_and_counts_nothing(client, reviewer):
    recorded = Recorded()
    answer = attempt(client, "", "")
    assert answer.status_code == 422
    assert "Enter your sign-in name." in answer.text
    assert "Enter your password." in answer.text
    assert recorded.all() == []
    assert AccessAttempt.objects.count() == 0


def test_five_failures_lock_the_name_out_at_that_address_only(client, reviewer):
    recorded = Recorded()
    for _ in range(4):
        assert attempt(client, password="wrong").status_code == 422
    answer = attempt(client, password="wrong")
    assert answer.status_code == 429
    assert "Try again in 15 minutes" in answer.text
    assert answer["Retry-After"] == "900"
    reasons = [data["reason"] for _, _, _, data in recorded.all()]
    assert reasons == ["wrong-password"] * 5 + ["locked-out"]

    right = attempt(client)
    assert right.status_code == 429
    assert "_auth_user_id" not in client.session
    assert len(recorded.all()) == 6, "attempts during a lockout do not fill the ledger"
    assert attempt(client, REMOTE_ADDR="192.0.2.7").status_code == 302


@pytest.mark.parametrize("spelling", ["Rita", "rItA", " rita", "ｒita"])
def test_another_spelling_is_no_other_name(client, reviewer, spelling):
    for _ in range(5):
        attempt(client, spelling, "wrong")
    assert attempt(client, "rita").status_code == 429


def test_another_browser_is_no_other_address(client, reviewer):
    for number in range(5):
        attempt(client, password="wrong", HTTP_USER_AGENT=f"browser {number}")
    assert attempt(client).status_code == 429


def test_a_lockout_ends_by_itself_and_is_not_prolonged_by_trying(client, reviewer):
    for _ in range(5):
        attempt(client, password="wrong")
    AccessAttempt.objects.update(attempt_time=AccessAttempt.objects.get().attempt_time - timedelta(minutes=10))
    answer = attempt(client)
    assert answer.status_code == 429
    assert "Try again in 5 minutes" in answer.text
    assert "Try again in 5 minutes" in attempt(client).text
    AccessAttempt.objects.update(attempt_time=AccessAttempt.objects.get().attempt_time - timedelta(minutes=6))
    assert attempt(client).status_code == 302


def test_a_sign_in_forgets_the_failures_before_it(client, reviewer):
    for _ in range(2):
        for _ in range(4):
            attempt(client, password="wrong")
        assert attempt(client).status_code == 302
        client.post("/sign-out/")


@pytest.mark.parametrize(
    ("wanted", "goes_to"),
    [
        ("/people/?role=auditor", "/people/?role=auditor"),
        ("https://evil.example/", "/"),
        ("//evil.example/", "/"),
        ("/\\evil.example", "/"),
        ("javascript:alert(1)", "/"),
        ("http:///evil.example", "/"),
        ("people:person-list", "/"),
        ("=1+1", "/"),
        ("9223372036854775808", "/"),
        ("", "/"),
    ],
)
def test_after_signing_in_one_stays_here(client, reviewer, wanted, goes_to):
    assert attempt(client, data={"next": wanted}).url == goes_to
    assert client.get(SIGN_IN, {"next": wanted}).url == goes_to, "the same for those already signed in"


def test_the_page_that_was_asked_for_survives_a_failed_attempt(client, reviewer):
    first = client.get(reverse("dashboard"))
    assert first.url == "/sign-in/?next=/"
    answer = client.post("/sign-in/?next=/people/", {"username": "rita", "password": "wrong", "next": "/people/"})
    assert '<input type="hidden" name="next" value="/people/">' in answer.text


def test_the_sign_in_page_is_not_cached_and_needs_no_session(client, db):
    answer = client.get(SIGN_IN)
    assert "no-store" in answer["Cache-Control"]


def test_a_forged_post_without_csrf_token_is_refused(reviewer, client):
    client.handler.enforce_csrf_checks = True
    assert attempt(client).status_code == 403
    assert "_auth_user_id" not in client.session


@pytest.mark.parametrize(
    ("proxies", "forwarded", "address"),
    [
        (0, "198.51.100.9", "10.0.0.1"),
        (1, "198.51.100.9", "198.51.100.9"),
        (1, "6.6.6.6, 198.51.100.9", "198.51.100.9"),
        (2, "6.6.6.6, 198.51.100.9, 10.0.0.2", "198.51.100.9"),
        (1, "", "10.0.0.1"),
        (2, "198.51.100.9", "10.0.0.1"),
        (1, "unknown", None),
        (1, "2001:db8::1", "2001:db8::1"),
    ],
)
def test_only_our_own_proxies_are_believed(settings, proxies, forwarded, address):
    settings.CERTIFY_PROXY_COUNT = proxies
    request = RequestFactory().get("/", REMOTE_ADDR="10.0.0.1", HTTP_X_FORWARDED_FOR=forwarded)
    assert client_address(request) == address


def test_behind_a_proxy_a_client_cannot_choose_its_address(client, reviewer, settings):
    settings.CERTIFY_PROXY_COUNT = 1
    for number in range(5):
        attempt(client, password="wrong", HTTP_X_FORWARDED_FOR=f"10.9.8.{number}, 198.51.100.9")
    assert attempt(client, HTTP_X_FORWARDED_FOR="10.9.8.77, 198.51.100.9").status_code == 429


def test_a_role_taken_away_is_gone_with_the_next_request(client, admin):
    other = make("boris", roles=[Role.ADMINISTRATOR])
    client.force_login(other)
    assert client.get(reverse("people:person-list")).status_code == 200
    users.set_roles(user_id=other.pk, roles=["auditor"], by=admin)
    assert client.get(reverse("people:person-list")).status_code == 403


def test_sessions_that_are_over_are_forgotten(client, reviewer):
    attempt(client)
    over = Session.objects.create(session_key="over", session_data="", expire_date=clock.now() - timedelta(minutes=1))
    forget_expired_sessions()
    assert not Session.objects.filter(pk=over.pk).exists()
    assert client.get(reverse("dashboard")).status_code == 200
