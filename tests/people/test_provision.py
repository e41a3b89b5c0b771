"""Sign-ins for reviewers whom a campaign chose."""

import time

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from certify.lib.errors import InvalidInput, NotAllowed
from ledger.actors import SYSTEM
from ledger.models import Entry
from people import rules
from people.actions import users
from people.models import User
from people.states import Role
from tests.people.conftest import Recorded, make

pytestmark = pytest.mark.django_db


def test_provision_makes_reviewers_with_their_entries(admin):
    recorded = Recorded()
    ids = users.provision(rows=[("P1", "Ana Berg", "ana@x.example"), ("p2", "", "not an address")], by=admin)
    ana, second = User.objects.get(username="p1"), User.objects.get(username="p2")
    assert ids == {"P1": ana.pk, "p2": second.pk}
    assert (ana.name, ana.email, ana.roles, ana.is_active) == ("Ana Berg", "ana@x.example", ["reviewer"], True)
    assert (second.name, second.email) == ("p2", "")
    assert not ana.has_usable_password()
    assert ana.password != second.password
    assert recorded.all() == [
        (
            "user:created",
            f"people.user:{person.pk}",
            f"people.user:{admin.pk}",
            {
                "user": f"people.user:{person.pk}",
                "person": {"id": f"people.user:{person.pk}", "person": person.commitment},
                "roles": ["reviewer"],
            },
        )
        for person in (ana, second)
    ]


def test_provision_leaves_existing_people_as_they_are(admin, reviewer):
    recorded = Recorded()
    before = User.objects.values().get(pk=reviewer.pk)
    assert users.provision(rows=[("RITA", "Somebody Else", "else@x.example")], by=admin) == {"RITA": reviewer.pk}
    assert User.objects.values().get(pk=reviewer.pk) == before
    assert recorded.all() == []


def test_provision_run_twice_makes_nobody_twice(admin):
    rows = [("p1", "Ana", ""), ("P1", "Ana again", ""), ("p2", "Bo", "")]
    first = users.provision(rows=rows, by=admin)
    assert first["p1"] == first["P1"]
    assert User.objects.get(username="p1").name == "Ana"
    recorded = Recorded()
    assert users.provision(rows=rows, by=admin) == first
    assert recorded.all() == []


def test_provision_of_nobody_is_nothing(admin):
    assert users.provision(rows=[], by=admin) == {}


def test_provision_refuses_a_name_that_cannot_be_one_and_makes_nobody(admin):
    with pytest.raises(InvalidInput):
        users.provision(rows=[("p1", "Ana", ""), (" ", "Bo", "")], by=admin)
    assert not User.objects.filter(username="p1").exists()


@pytest.mark.parametrize("role", [Role.REVIEWER, Role.SYSTEM_OWNER, Role.AUDITOR])
def test_provision_is_for_those_who_launch(db, role):
    with pytest.raises(NotAllowed):
        users.provision(rows=[("p1", "Ana", "")], by=make("sten", roles=[role]))


@settings(max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(st.lists(st.tuples(st.text(max_size=30), st.text(max_size=30)), max_size=8))
def test_provision_maps_every_name_to_the_person_who_signs_in_with_it(admin, rows):
    rows = [(username, name, "") for username, name in rows]
    try:
        ids = users.provision(rows=rows, by=admin)
    except InvalidInput:
        return
    assert ids == {username: User.objects.get_by_natural_key(username).pk for username, _, _ in rows}
    assert len(set(ids.values())) == len({rules.sign_in_name(username) for username, _, _ in rows})


def test_five_thousand_people_take_a_fixed_number_of_statements_and_seconds(db):
    def rows(start: int, count: int):
        return [(f"p{n}", f"Person {n}", f"p{n}@x.example") for n in range(start, start + count)]

    with CaptureQueriesContext(
        connection,
    ) as few:
        users.provision(rows=rows(0, 3), by=SYSTEM)
    started = time.monotonic()
    with CaptureQueriesContext(connection) as many:
        ids = users.provision(rows=rows(0, 5_000), by=SYSTEM)
    assert time.monotonic() - started < 10
    assert len(many) == len(few)
    assert len(ids) == User.objects.count() == Entry.objects.filter(kind="user:created").count() == 5_000
