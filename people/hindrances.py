"""What stands against erasing a person."""

from collections.abc import Callable, Iterable

from django.utils.translation import gettext as _

from people.models import Mail, User
from people.states import MailState

#: Each says what hinders erasing a person (work they have to do, records that must be kept for them), in words; nothing when nothing
#: does. Apps above this one put theirs in when they are ready.
OF_APPS: list[Callable[[User], Iterable[str]]] = []


def of(person: User) -> list[str]:
    """Everything that stands against erasing a person now, in words."""
    found = []
    if person.is_active:
        found.append(_("They can still sign in. Deactivate them first."))
    if waiting := Mail.objects.filter(recipient=person, state=MailState.QUEUED).count():
        found.append(_("Mails to them that wait to be sent: {count}.").format(count=waiting))
    return found + [words for hinders in OF_APPS for words in hinders(person)]
