"""What stands against erasing the names of an identity, or of an account that nobody is known to hold."""

from collections.abc import Callable, Iterable

from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from inventory.models import Account, Grant, Identity

#: Each says what hinders it in words; nothing when nothing does. Apps above this one put theirs in when they are ready.
OF_APPS: list[Callable[[Identity | Account], Iterable[str]]] = []


def of(subject: Identity | Account) -> list[str]:
    """Everything that stands against erasing their names now, in words."""
    found = []
    if isinstance(subject, Identity):
        if subject.gone_in_id is None:
            found.append(
                _(
                    "The last file of {source} still lists them, and the next one would name them again. Take them out there first."
                ).format(source=subject.source.name)
            )
        if subject.user and not subject.user.erased_at:
            found.append(
                _("They are known as {name}, who can be erased under People: do that first.").format(name=subject.user.name)
            )
    if count := Grant.objects.current().filter(account__in=accounts(subject)).count():
        found.append(
            ngettext(
                "They hold {count} access right, and the next file would name them again. See it removed first.",
                "They hold {count} access rights, and the next files would name them again. See them removed first.",
                count,
            ).format(count=count)
        )
    return found + [words for hinders in OF_APPS for words in hinders(subject)]


def accounts(subject: Identity | Account):
    """The accounts whose name is theirs: of an account without a known holder itself."""
    return subject.accounts.all() if isinstance(subject, Identity) else Account.objects.filter(pk=subject.pk)
