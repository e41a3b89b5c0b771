"""What a session says of the second factor."""

from django.contrib.sessions.backends.base import SessionBase

from people import permissions
from people.models import SecondFactor, User

#: In a session: that a second factor is asked for; by which one it was given.
AWAITS, CONFIRMED_BY = "second_factor_awaited", "second_factor"


def must_confirm(person: User) -> bool:
    """Whether a password is not enough for this person."""
    return permissions.must_use_second_factor(person) or SecondFactor.objects.filter(person=person).exists()


def awaits_second_factor(session: SessionBase, person: User) -> bool:
    """Whether a session stands at the second factor: asked for and not given, taken away since, or demanded by a role now."""
    if confirmed := session.get(CONFIRMED_BY):
        return not SecondFactor.objects.filter(pk=confirmed, person=person).exists()
    return AWAITS in session or permissions.must_use_second_factor(person)
