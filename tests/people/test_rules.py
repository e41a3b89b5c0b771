from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from certify.lib.errors import InvalidInput
from people import rules
from people.states import MAIL_TRANSITIONS, ROLE_DESCRIPTIONS, MailState, Role

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)


@given(st.text())
def test_sign_in_name_is_the_same_when_written_again(text):
    once = rules.sign_in_name(text)
    assert rules.sign_in_name(once) == once


@given(st.text(st.characters(categories=["Lu", "Ll", "Nd"]), min_size=1, max_size=40))
def test_sign_in_name_ignores_case(text):
    assert rules.sign_in_name(text.swapcase().swapcase()) == rules.sign_in_name(text.swapcase().swapcase().casefold())
    assert rules.sign_in_name(text) == rules.sign_in_name(text.casefold())


@pytest.mark.parametrize(
    ("given", "kept"),
    [("  Nora ", "nora"), ("ＮＯＲＡ", "nora"), ("STRASSE", "strasse"), ("Straße", "strasse"), ("Zoe\u0301", "zo\u00e9")],
)
def test_sign_in_name_has_one_spelling(given, kept):
    assert rules.check_username(given) == kept


@pytest.mark.parametrize("text", ["", "   ", "a\nb", "a\x00b", "a\u202eb", "a\u200bb", "x" * 151])
def test_sign_in_name_is_refused(text):
    with pytest.raises(InvalidInput) as refusal:
        rules.check_username(text)
    assert refusal.value.field == "username"


@given(st.text())
def test_an_accepted_sign_in_name_is_short_visible_and_settled(text):
    try:
        name = rules.check_username(text)
    except InvalidInput:
        return
    assert 1 <= len(name) <= 150
    assert name.isprintable()
    assert rules.check_username(name) == name


def test_name_is_one_line():
    assert rules.check_name("  Nora \n  Berg ") == "Nora Berg"


@pytest.mark.parametrize("text", ["", " \n ", "x" * 201, "a\u202eb"])
def test_name_is_refused(text):
    with pytest.raises(InvalidInput) as refusal:
        rules.check_name(text)
    assert refusal.value.field == "name"


def test_email_may_be_empty_but_not_wrong():
    assert rules.check_email(" nora@x.example ") == "nora@x.example"
    assert rules.check_email("  ") == ""
    for wrong in ("nora", "nora@", "a b@x.example", "nora@x.example\nBcc: all@x.example", f"{'x' * 250}@x.example"):
        with pytest.raises(InvalidInput) as refusal:
            rules.check_email(wrong)
        assert refusal.value.field == "email"


@given(st.lists(st.sampled_from(Role.values)))
def test_roles_are_a_set_in_one_order(roles):
    checked = rules.check_roles(roles)
    assert set(checked) == set(roles)
    assert checked == [role for role in Role.values if role in roles]


@given(st.lists(st.sampled_from(Role.values)), st.text().filter(lambda text: text not in Role.values))
def test_an_unknown_role_is_refused(roles, unknown):
    with pytest.raises(InvalidInput):
        rules.check_roles([*roles, unknown])


def test_every_role_says_what_it_may_do():
    assert set(ROLE_DESCRIPTIONS) == set(Role)


def test_a_mail_is_tried_seven_times_with_growing_pauses():
    pauses = [rules.retry_at(attempt, NOW) for attempt in range(1, 8)]
    assert pauses == [NOW + timedelta(minutes=minutes) for minutes in (1, 5, 15, 60, 240, 720)] + [None]


def test_password_links_within_ten_minutes_have_one_key():
    assert rules.link_key(5, NOW) == rules.link_key(5, NOW + timedelta(minutes=9, seconds=59))
    assert rules.link_key(5, NOW) != rules.link_key(5, NOW + timedelta(minutes=10))
    assert rules.link_key(5, NOW) != rules.link_key(6, NOW)


def test_a_sent_mail_stays_sent():
    assert set(MAIL_TRANSITIONS) == set(MailState)
    assert MAIL_TRANSITIONS[MailState.SENT] == MAIL_TRANSITIONS[MailState.SKIPPED] == set()
