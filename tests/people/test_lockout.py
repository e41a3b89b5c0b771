"""One password tried on many names from one address, one name from many addresses, and the office that has only one address."""

from datetime import timedelta

import pytest
from axes.models import AccessAttempt
from django.db.models import F
from django.test import Client

from people import lockout, queries
from people.actions import users
from tests.people.conftest import PASSWORD, Recorded, make
from tests.people.test_sessions import attempt

pytestmark = pytest.mark.django_db


@pytest.fixture
def sprayed(reviewer, client):
    """So many names have failed at the address that no other may be tried."""
    for number in range(lockout.MOST_NAMES):
        assert attempt(client, f"name{number}", "Winter2026!").status_code == 422
    return client


def test_after_so_many_names_no_other_is_tried_at_the_address(sprayed, client):
    answer = attempt(client)
    assert answer.status_code == 429, "even with the right password: nothing is learnt from trying"
    assert "Try again in 15 minutes" in answer.text
    assert "_auth_user_id" not in client.session
    assert attempt(client, REMOTE_ADDR="192.0.2.7").status_code == 302


def test_it_is_recorded_once_and_waiting_ends_it(reviewer, client):
    recorded = Recorded()
    for number in range(lockout.MOST_NAMES + 5):
        attempt(client, f"name{number}", "Winter2026!")
    reasons = [data["reason"] for _, _, _, data in recorded.all()]
    assert reasons == ["unknown-name"] * lockout.MOST_NAMES + ["address-locked-out"]
    AccessAttempt.objects.update(attempt_time=F("attempt_time") - timedelta(minutes=10))
    assert "Try again in 5 minutes" in attempt(client).text
    AccessAttempt.objects.update(attempt_time=F("attempt_time") - timedelta(minutes=6))
    assert attempt(client).status_code == 302


def test_who_signed_in_with_this_browser_before_is_let_in(reviewer, client):
    attempt(client)
    client.post("/sign-out/")
    known = client.cookies[lockout.COOKIE]
    assert (known["httponly"], known["samesite"], known["path"]) == (True, "Strict", "/sign-in/")
    for number in range(lockout.MOST_NAMES):
        attempt(client, f"name{number}", "Winter2026!")
    other = make("boris")
    users.set_password(user_id=other.pk, password=PASSWORD, by=other)
    assert attempt(client, "boris").status_code == 429, "the cookie is about one person"
    assert attempt(client).status_code == 302


def test_a_known_browser_still_has_five_attempts(reviewer, client):
    attempt(client)
    client.post("/sign-out/")
    answers = [attempt(client, password="wrong").status_code for _ in range(5)]
    assert answers == [422] * 4 + [429]
    assert attempt(client).status_code == 429


@pytest.fixture
def hunted(reviewer, client):
    """So many addresses have failed with one name that no other may try it."""
    for number in range(lockout.MOST_FAILURES):
        assert attempt(client, password="Winter2026!", REMOTE_ADDR=f"198.51.100.{number}").status_code == 422
    return client


def test_one_name_is_not_tried_from_ever_new_addresses(hunted, client):
    answer = attempt(client, REMOTE_ADDR="192.0.2.7")
    assert (answer.status_code, answer["Retry-After"]) == (429, "900"), (
        "even with the right password: nothing is learnt from trying"
    )
    assert "set a new password" in answer.text
    other = make("boris")
    users.set_password(user_id=other.pk, password=PASSWORD, by=other)
    assert attempt(client, "boris", REMOTE_ADDR="192.0.2.7").status_code == 302, "other names are not concerned"


def test_a_name_that_nobody_has_is_refused_in_the_same_way(client, reviewer):
    answers = []
    for name in ("nobody", "rita"):
        found = [
            attempt(client, name, "Winter2026!", REMOTE_ADDR=f"203.0.113.{number}")
            for number in range(lockout.MOST_FAILURES + 1)
        ]
        answers.append([(one.status_code, one.text.replace(name, "")) for one in found])
        AccessAttempt.objects.all().delete()
    strip = [[(status, "Too many" in text) for status, text in found] for found in answers]
    assert strip[0] == strip[1]
    assert strip[0][-1] == (429, True)


def test_a_hunted_name_is_recorded_once_and_waiting_ends_it(reviewer, client):
    recorded = Recorded()
    for number in range(lockout.MOST_FAILURES + 5):
        attempt(client, password="Winter2026!", REMOTE_ADDR=f"198.51.100.{number}")
    reasons = [data["reason"] for _, _, _, data in recorded.all()]
    assert reasons == ["wrong-password"] * lockout.MOST_FAILURES + ["name-locked-out"]
    AccessAttempt.objects.filter(ip_address="198.51.100.0").update(attempt_time=F("attempt_time") - timedelta(minutes=10))
    assert "Try again in 5 minutes" in attempt(client).text, "the oldest is forgotten first, and one less is enough"
    AccessAttempt.objects.filter(ip_address="198.51.100.0").update(attempt_time=F("attempt_time") - timedelta(minutes=6))
    assert attempt(client).status_code == 302


def test_several_failures_at_one_address_count_each(reviewer, client):
    for number in range(lockout.MOST_FAILURES // 4):
        for _ in range(4):
            assert attempt(client, password="Winter2026!", REMOTE_ADDR=f"198.51.100.{number}").status_code == 422
    assert attempt(client, REMOTE_ADDR="192.0.2.7").status_code == 429


def test_a_hunted_person_gets_in_where_they_did_before_and_by_the_link_of_a_mail(reviewer, client):
    attempt(client)
    client.post("/sign-out/")
    for number in range(lockout.MOST_FAILURES):
        attempt(Client(), password="Winter2026!", REMOTE_ADDR=f"198.51.100.{number}")
    assert attempt(client).status_code == 302
    elsewhere = Client()
    assert attempt(elsewhere).status_code == 429
    reviewer.refresh_from_db()
    page = elsewhere.get(queries.password_path(reviewer), follow=True)
    new = "seven quiet lanterns"
    assert elsewhere.post(page.redirect_chain[-1][0], {"password": new, "again": new}).status_code == 302
    assert attempt(elsewhere, password=new).status_code == 302


@pytest.mark.parametrize("cookie", ["", "x", "MQ:abc:def", "eyJ9:1:2"])
def test_a_forged_cookie_opens_nothing(sprayed, client, cookie):
    client.cookies[lockout.COOKIE] = cookie
    assert attempt(client).status_code == 429


def test_an_office_whose_people_mistype_and_then_get_in_is_never_locked_out(client):
    for number in range(lockout.MOST_NAMES + 5):
        person = make(f"person{number}")
        users.set_password(user_id=person.pk, password=PASSWORD, by=person)
        assert attempt(client, person.username, "wrong").status_code == 422
        assert attempt(client, person.username).status_code == 302
        client.post("/sign-out/")
        del client.cookies[lockout.COOKIE]


def test_addresses_of_one_network_of_ipv6_are_one(client, reviewer):
    for number in range(5):
        attempt(client, password="wrong", REMOTE_ADDR=f"2001:db8:1:2:{number}::{number}")
    assert attempt(client, REMOTE_ADDR="2001:db8:1:2::77").status_code == 429
    assert attempt(client, REMOTE_ADDR="2001:db8:1:3::1").status_code == 302


@pytest.mark.parametrize(
    ("address", "counted"),
    [
        ("198.51.100.9", "198.51.100.9"),
        ("::ffff:198.51.100.9", "198.51.100.9"),
        ("2001:db8::1:2:3:4", "2001:db8::"),
        ("?", None),
    ],
)
def test_what_is_counted_together(rf, address, counted):
    assert lockout.origin(rf.get("/", REMOTE_ADDR=address)) == counted
