"""How the reviewers of the story sign in before they sign: by one means, by two, and long before."""

from datetime import timedelta

from django.conf import settings
from django.contrib.sessions.backends.db import SessionStore
from django.http import HttpRequest
from django.test import RequestFactory

from certify.lib import clock
from people import factors
from people.actions import factors as acts
from people.actions import sessions
from people.models import User
from people.states import Means
from tests.evidence.stated import moment
from tests.story import Story


def request() -> HttpRequest:
    """A browser's, without a session yet."""
    made = RequestFactory().post("/sign-in/")
    made.session = SessionStore()
    return made


def with_factor(person: User) -> None:
    """Set up a second factor."""
    secret = factors.new_secret()
    code = factors.code_at(secret, factors.step_at(clock.now()))
    acts.enrol(user_id=person.pk, secret=secret, code=code, by=person)


def sign_in(person: User, means: Means) -> HttpRequest:
    """A sign-in, with the second factor where there is one."""
    opened, person.backend = request(), settings.AUTHENTICATION_BACKENDS[-1]
    sessions.start(request=opened, by=person)
    if means != Means.PASSWORD:
        sessions.confirm(request=opened, means=means, by=person)
    return opened


def tell(story: Story) -> None:
    """Before the statements of 5 February: Ana with a code in the last twelve hours, the owner with a password and then with a code."""
    ana, at = story.user("ana@x.example"), moment(2, 5)
    with clock.freeze(at - timedelta(hours=12)):
        sign_in(ana, Means.PASSWORD)
        with_factor(ana)
    with clock.freeze(at - timedelta(hours=3)):
        sign_in(story.owner, Means.PASSWORD)
        sign_in(ana, Means.CODE)
        with_factor(story.owner)
    with clock.freeze(at - timedelta(hours=1)):
        sign_in(story.owner, Means.CODE)
        sign_in(ana, Means.CODE)
        sign_in(story.admin, Means.PASSWORD)
