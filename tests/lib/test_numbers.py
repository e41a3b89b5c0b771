"""Numbers that a browser sends, and addresses of things that cannot be there."""

import pytest
from django.urls import reverse
from hypothesis import given
from hypothesis import strategies as st

from certify.lib.numbers import HIGHEST, whole
from people.states import Role
from tests.people.conftest import make


@given(st.integers(0, 10**18 - 1))
def test_digits_are_their_number(number):
    assert whole(str(number)) == number


@given(st.text() | st.sampled_from(["²", "٣", "-1", "+1", "1_0", "1.0", " 1", "", "9" * 19, "9" * 5000, "0x1", "\0"]))
def test_everything_else_is_none_that_a_row_could_have(text):
    assert whole(text) is None or (str(whole(text)) == text.lstrip("0") or not text.strip("0"))


@pytest.fixture
def control_owner(client, db):
    """Signed in."""
    client.force_login(make("olga", roles=[Role.CONTROL_OWNER, Role.ADMINISTRATOR]))
    return client


ODD = ["²", "٣", "9" * 25, "9" * 5000, "-1", "x"]
#: Pages that take a number in their address, and what it is called.
PAGES = [
    ("campaigns:calendar", "year"), ("campaigns:definition-create", "scope"), ("campaigns:sod-conflict-list", "after"),
    ("people:mail-list", "before"), ("people:person-list", "after"), ("inventory:description-list", "after"),
    ("remediation:task-list", "after"), ("ledger:entry-list", "before"), ("remediation:exception-list", "from"),
]  # fmt: skip


@pytest.mark.parametrize("text", ODD)
@pytest.mark.parametrize(("name", "parameter"), PAGES)
def test_a_number_that_is_none_breaks_no_page(control_owner, name, parameter, text):
    assert control_owner.get(reverse(name), {parameter: text}).status_code in (200, 404)


@pytest.mark.parametrize("path", [
    f"/reviews/{HIGHEST + 1}/", f"/reviews/{10**40}/items/1/row/", f"/people/{10**40}/", "/audit/frameworks/%00/",
    "/audit/frameworks/soc2/CC%006/",
])  # fmt: skip
def test_what_the_database_cannot_hold_is_nowhere(control_owner, path):
    assert control_owner.get(path).status_code == 404


@pytest.mark.parametrize("query", ["search=%00", "search=a%00b", "%00=1"])
def test_nul_in_a_question_is_refused(control_owner, query):
    assert control_owner.get(f"/people/?{query}").status_code == 400


@pytest.mark.parametrize("name", ["remediation:task-list", "remediation:task-export"])
def test_the_last_day_that_there_is_breaks_no_list(control_owner, name):
    assert control_owner.get(reverse(name), {"since": "0001-01-01", "until": "9999-12-31"}).status_code == 200
