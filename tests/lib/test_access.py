"""The door in front of every view."""

import pytest
from django.contrib.auth.models import AnonymousUser
from django.core.exceptions import PermissionDenied
from django.http import HttpResponse

from certify.lib.access import public, requires, signed_in
from people.models import User


def may(user) -> bool:
    return user.username == "ada"


@requires(may)
def room(request, number: int = 0) -> HttpResponse:
    """A view behind the door."""
    return HttpResponse(f"room {number}")


def ask(rf, user, **headers):
    """The request of a user."""
    request = rf.get("/room/?page=2", headers=headers)
    request.user = user
    return request


def test_opens_for_whom_the_rule_holds(rf):
    assert room(ask(rf, User(username="ada")), number=7).content == b"room 7"


def test_refuses_others(rf):
    with pytest.raises(PermissionDenied):
        room(ask(rf, User(username="eve")))


def test_sends_strangers_to_sign_in_and_back(rf):
    answer = room(ask(rf, AnonymousUser()))
    assert (answer.status_code, answer.url) == (302, "/sign-in/?next=/room/%3Fpage%3D2")


def test_a_fragment_never_becomes_a_sign_in_form(rf):
    answer = room(ask(rf, AnonymousUser(), **{"HX-Request": "true"}))
    assert (answer.status_code, answer.content) == (401, b"")
    assert answer["HX-Redirect"] == "/sign-in/?next=/room/%3Fpage%3D2"


def test_the_rule_can_be_read():
    assert room.access_rule is may
    assert public(lambda request: None).access_rule == "public"
    assert signed_in(User(is_active=True))
    assert not signed_in(User(is_active=False))
