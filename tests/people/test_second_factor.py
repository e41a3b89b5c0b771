"""The second factor through its pages: set up, asked for, refused, lost; and the rule of its codes."""

from datetime import UTC, datetime, timedelta
from threading import Thread

import pytest
from django.db import connection
from django.urls import reverse
from hypothesis import given
from hypothesis import strategies as st

from certify.lib import clock
from certify.lib.errors import InvalidInput, NotAllowed
from people import factors, sessions
from people.actions import factors as acts
from people.actions import users
from people.models import Mail, SecondFactor
from people.states import CodeFailure, Means, Role
from tests.people.conftest import PASSWORD, Recorded, make

NOW = datetime(2026, 11, 25, 9, 0, 0, tzinfo=UTC)
SECRET = factors.new_secret()
CODE, SET_UP, MINE = "/sign-in/code/", "/sign-in/set-up/", "/my-sign-in/"


def shown(moment=NOW, secret=SECRET) -> str:
    """What the app shows at a moment."""
    return factors.code_at(secret, factors.step_at(moment))


@pytest.fixture
def auditor(db, settings):
    """An auditor with a password, of whom a second factor is asked."""
    settings.CERTIFY_TWO_FACTOR_ROLES = ["auditor"]
    person = make("iris", roles=[Role.AUDITOR])
    users.set_password(user_id=person.pk, password=PASSWORD, by=person)
    person.refresh_from_db()
    return person


@pytest.fixture
def enrolled(auditor):
    """The auditor, with the second factor set up a day ago; and the recovery codes."""
    with clock.freeze(NOW - timedelta(days=1)):
        auditor.codes = acts.enrol(user_id=auditor.pk, secret=SECRET, code=shown(NOW - timedelta(days=1)), by=auditor)[1]
    return auditor


@pytest.fixture
def at_nine():
    """The clock stands."""
    with clock.freeze(NOW):
        yield


def sign_in(client, username="iris"):
    """The password, through the page."""
    return client.post("/sign-in/", {"username": username, "password": PASSWORD, "next": "/audit/"})


def kinds(recorded: Recorded) -> list[tuple[str, dict]]:
    """(kind, data without the person) of what was recorded about people."""
    return [(kind, {k: v for k, v in data.items() if k != "user"}) for kind, _, _, data in recorded.all()]


def test_the_first_sign_in_sets_it_up_and_nothing_opens_before(client, auditor, at_nine):
    recorded = Recorded()
    assert sign_in(client).url == "/audit/"
    assert client.get("/audit/").url == f"{CODE}?next=%2Faudit%2F"
    answer = client.get(f"{CODE}?next=/audit/", follow=True)
    assert answer.redirect_chain[-1][0] == f"{SET_UP}?next=%2Faudit%2F"
    assert "data:image/svg+xml" in answer.text
    assert 'class="nav"' not in answer.text or "/audit/" not in answer.text.split("</header>")[0]
    secret = client.session["second_factor_secret"]
    assert client.post(SET_UP, {"code": "000000" if shown(secret=secret) != "000000" else "1"}).status_code == 422
    answer = client.post(SET_UP, {"code": shown(secret=secret), "next": "/audit/"})
    assert len(answer.context["codes"]) == factors.RECOVERY_CODES
    assert 'href="/audit/"' in answer.text
    assert client.get("/audit/").status_code == 200
    assert kinds(recorded) == [
        ("session:password-accepted", {}),
        ("factor:set-up", {}),
        ("session:signed-in", {"means": "password and code"}),
    ]
    kept = SecondFactor.objects.get()
    assert secret not in kept.secret
    assert not {one.replace("-", "") for one in answer.context["codes"]} & set(kept.recovery)
    assert Mail.objects.get().context["event"] == "set up"


def test_each_sign_in_asks_for_a_code_and_none_works_twice(client, enrolled, at_nine):
    sign_in(client)
    before = client.session.session_key
    assert client.post(CODE, {"code": shown(), "next": "/audit/"}).url == "/audit/"
    assert client.session.session_key != before
    assert client.get("/audit/").status_code == 200
    client.post("/sign-out/")
    sign_in(client)
    recorded = Recorded()
    answer = client.post(CODE, {"code": shown()})
    assert (answer.status_code, client.get("/audit/").status_code) == (422, 302)
    assert "That code was used before." in answer.text
    assert kinds(recorded) == [("session:code-failed", {"reason": "used-code"})]


def test_five_wrong_codes_lock_out_even_the_right_one_and_the_time_doubles(client, enrolled, at_nine):
    sign_in(client)
    recorded = Recorded()
    answers = [client.post(CODE, {"code": "12345"}) for _ in range(5)]
    assert [answer.status_code for answer in answers] == [422] * 4 + [429]
    assert "Try again in 15 minutes." in answers[-1].text
    assert client.post(CODE, {"code": shown()}).status_code == 429
    assert [data["reason"] for _, data in kinds(recorded)] == ["wrong-code"] * 5 + ["locked-out"]
    later = NOW + timedelta(minutes=15)
    with clock.freeze(later):
        for _ in range(5):
            answer = client.post(CODE, {"code": "12345"})
        assert "Try again in 30 minutes." in answer.text
    with clock.freeze(later + timedelta(minutes=30)):
        assert client.post(CODE, {"code": shown(later + timedelta(minutes=30))}).status_code == 302
    assert SecondFactor.objects.get().failures == 0


def test_a_recovery_code_works_once_in_any_spelling_and_a_mail_says_so(client, enrolled, at_nine):
    sign_in(client)
    recorded = Recorded()
    assert client.post(CODE, {"code": enrolled.codes[3].lower().replace("-", " ")}).status_code == 302
    assert kinds(recorded) == [
        ("factor:recovery-code-used", {"left": 9}),
        ("session:signed-in", {"means": "password and recovery code"}),
    ]
    assert Mail.objects.filter(context__event="recovery code", context__left=9).exists()
    verdict = acts.check(user_id=enrolled.pk, code=enrolled.codes[3], by=enrolled)
    assert verdict.failure == CodeFailure.WRONG


def test_new_recovery_codes_void_the_old_ones(client, enrolled, at_nine):
    sign_in(client)
    client.post(CODE, {"code": shown()})
    assert client.post("/my-sign-in/recovery-codes/", {"code": "wrong"}).status_code == 422
    answer = client.post("/my-sign-in/recovery-codes/", {"code": enrolled.codes[0]})
    assert set(answer.context["codes"]).isdisjoint(enrolled.codes)
    for code, means in ((enrolled.codes[1], None), (answer.context["codes"][1], Means.RECOVERY)):
        assert acts.check(user_id=enrolled.pk, code=code, by=enrolled).means == means


def test_another_phone_is_set_up_at_once_where_the_role_asks_for_one(client, enrolled, at_nine):
    sign_in(client)
    client.post(CODE, {"code": shown()})
    answer = client.post("/my-sign-in/end/", {"code": enrolled.codes[0]})
    assert answer.url == SET_UP
    assert client.get("/audit/").status_code == 302
    assert client.get(SET_UP).status_code == 200


def test_a_reset_by_an_administrator_ends_what_was_confirmed(client, admin, enrolled, at_nine):
    sign_in(client)
    client.post(CODE, {"code": shown()})
    recorded = Recorded()
    acts.reset(user_id=enrolled.pk, by=admin)
    assert recorded.all() == [
        ("factor:reset", f"people.user:{enrolled.pk}", f"people.user:{admin.pk}", {"user": f"people.user:{enrolled.pk}"})
    ]
    assert Mail.objects.filter(recipient=enrolled, context__event="reset").exists()
    assert client.get("/audit/").status_code == 302
    assert client.get(CODE).url.startswith(SET_UP)


def test_only_another_administrator_resets_and_only_the_person_uses_it(admin, enrolled, reviewer):
    for person, by in ((enrolled, reviewer), (enrolled, enrolled), (admin, admin)):
        with pytest.raises(NotAllowed):
            acts.reset(user_id=person.pk, by=by)
    for act in (acts.check, acts.renew, acts.end):
        with pytest.raises(NotAllowed):
            act(user_id=enrolled.pk, code="1", by=admin)


def test_who_sets_it_up_freely_is_asked_too_and_may_give_it_up(client, reviewer, settings, at_nine):
    settings.CERTIFY_TWO_FACTOR_ROLES = ["auditor"]
    sign_in(client, "rita")
    client.get(SET_UP)
    client.post(SET_UP, {"code": shown(secret=client.session["second_factor_secret"])})
    client.post("/sign-out/")
    sign_in(client, "rita")
    assert client.get("/").status_code == 302
    secret = client.session.get("second_factor_secret")
    assert secret is None
    assert acts.end(user_id=reviewer.pk, code="wrong", by=reviewer).failure == CodeFailure.WRONG
    SecondFactor.objects.update(recovery=[factors.recovery_hash("AAAA-BBBB")])
    assert acts.end(user_id=reviewer.pk, code="aaaa bbbb", by=reviewer).means == Means.RECOVERY
    client.post("/sign-out/")
    sign_in(client, "rita")
    assert client.get("/").status_code == 200


def test_a_wrong_first_code_sets_nothing_up(reviewer, at_nine):
    with pytest.raises(InvalidInput):
        acts.enrol(user_id=reviewer.pk, secret=SECRET, code="12345", by=reviewer)
    assert not SecondFactor.objects.exists()


def test_a_session_from_before_the_role_is_asked_with_its_next_request(client, admin, reviewer, settings, at_nine):
    settings.CERTIFY_TWO_FACTOR_ROLES = ["auditor"]
    sign_in(client, "rita")
    assert client.get("/").status_code == 200
    users.set_roles(user_id=reviewer.pk, roles=["reviewer", "auditor"], by=admin)
    assert client.get("/").url == f"{CODE}?next=%2F"
    answer = client.get("/reviews/", headers={"HX-Request": "true"})
    assert (answer.status_code, answer["HX-Redirect"]) == (401, CODE)


def test_what_stays_open_before_the_second_factor(client, enrolled):
    sign_in(client)
    assert client.get(MINE).status_code == 302
    assert client.post("/my-sign-in/end/", {"code": enrolled.codes[0]}).status_code == 302
    assert SecondFactor.objects.exists()
    assert client.get("/health/").status_code in (200, 503)
    assert client.post("/sign-out/").url == reverse("people:sign-in")


@pytest.mark.django_db(transaction=True)
def test_of_four_who_give_one_code_at_once_one_gets_in(transactional_db):
    person = make("iris", roles=[Role.AUDITOR])
    verdicts = []
    with clock.freeze(NOW - timedelta(days=1)):
        acts.enrol(user_id=person.pk, secret=SECRET, code=shown(NOW - timedelta(days=1)), by=person)

    def give():
        verdicts.append(acts.check(user_id=person.pk, code=shown(), by=person))
        connection.close()

    with clock.freeze(NOW):
        threads = [Thread(target=give) for _ in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert sorted(str(one.means) for one in verdicts) == sorted([str(Means.CODE), "None", "None", "None"])
    assert SecondFactor.objects.get().failures == 3


@given(st.integers(min_value=10, max_value=2**26), st.integers(min_value=-5, max_value=5))
def test_a_code_counts_in_its_half_minute_and_the_two_beside_it_and_no_other(step, away):
    code = factors.code_at(SECRET, step)
    now = datetime.fromtimestamp((step + away) * 30, tz=UTC)
    present = factors.step_at(now)
    found = factors.matching_step(SECRET, code, now)
    near = [one for one in range(present - 1, present + 2) if factors.code_at(SECRET, one) == code]
    assert found == (max(near) if near else None)


@pytest.mark.parametrize("code", ["", "²²²²²²", "١٢٣٤٥٦", "12345", "x" * 5_000])
def test_what_is_no_code_matches_nothing(code):
    assert factors.matching_step(SECRET, code, NOW) is None


@pytest.mark.parametrize(
    ("seconds", "code"),
    [(59, "287082"), (1111111109, "081804"), (1111111111, "050471"), (1234567890, "005924"), (2000000000, "279037")],
)
def test_codes_are_those_of_the_rfc(seconds, code):
    """The SHA-1 vectors of RFC 6238, appendix B, in their last six digits."""
    secret = "GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ"
    moment = datetime.fromtimestamp(seconds, tz=UTC)
    assert factors.code_at(secret, factors.step_at(moment)) == code


@given(st.integers(min_value=0, max_value=500))
def test_every_fifth_failure_locks_and_never_for_less_than_before_or_more_than_a_day(failures):
    until = factors.locked_until(failures, NOW)
    assert (until is None) == (failures == 0 or failures % 5 != 0)
    if until:
        before = factors.locked_until(failures - 5, NOW) or NOW
        assert before <= until <= NOW + timedelta(days=1)


@given(st.text(alphabet=factors.ALPHABET, min_size=16, max_size=16), st.randoms())
def test_a_recovery_code_is_known_however_it_is_typed(code, chance):
    typed = "".join(char.lower() + chance.choice(["", " ", "-"]) for char in code)
    assert factors.recovery_hash(typed) == factors.recovery_hash(code)


def test_a_session_is_asked_again_when_its_factor_is_another_one(auditor):
    assert sessions.awaits_second_factor({"second_factor": 12345}, auditor)
