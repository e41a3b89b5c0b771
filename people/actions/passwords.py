"""Links to set a password, by mail."""

from django.db import transaction
from django.utils.translation import gettext as _

from certify.lib import clock
from certify.lib.errors import NotAllowed
from people import permissions, queries, rules
from people.actions import mails
from people.models import Mail, User


@transaction.atomic
def send_link(*, user_id: int, by) -> Mail | None:
    """Queue a mail with a link to set a password, for an administrator's request; None when one was queued just before.

    Refuses people who are deactivated or have no mail address.
    """
    person = User.objects.get(pk=user_id)
    if not permissions.can_send_link(by, person):
        raise NotAllowed(_("A link can be sent to active people who have a mail address, by an administrator."))
    return _queue(person, by)


@transaction.atomic
def forgotten(*, name: str, by) -> None:
    """Queue a link for the active people with this sign-in name or mail address who have an address.

    Says nothing about whether there are any. However often it is asked, a person gets one mail in ten minutes.
    """
    for person in queries.people_called(name):
        _queue(person, by)


def _queue(person: User, by) -> Mail | None:
    return mails.queue(
        recipient=person,
        template="password_link",
        context={"password_link": True},
        subject_ref=f"people.user:{person.pk}",
        dedupe_key=rules.link_key(person.pk, clock.now()),
        by=by,
    )
