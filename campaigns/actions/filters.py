"""Filters that a reviewer keeps under a name. They are a convenience of one person and make no entry in the ledger."""

from urllib.parse import parse_qsl, urlencode

from django.db import transaction
from django.utils.translation import gettext as _

from campaigns.models import SavedFilter
from certify.lib import clock
from certify.lib.errors import InvalidInput
from people.models import User

MOST = 20
#: What a filter is made of; everything else of an address, such as how far one has come, is not kept.
PARTS = ("state", "unchanged", "signal", "care", "system", "department", "entitlement", "person", "search", "view")


@transaction.atomic
def keep(*, name: str, query: str, by) -> SavedFilter:
    """Keep a filter; one of the same name is replaced. Refuses a filter without a name or without parts, and more than 20."""
    name = " ".join(name.split())
    parts = [(part, value) for part, value in parse_qsl(query) if part in PARTS]
    if not name or len(name) > 60:
        raise InvalidInput(_("Give the filter a name of at most 60 characters."), field="name")
    if not parts or len(urlencode(parts)) > 2000:
        raise InvalidInput(_("Choose a filter first, then keep it."), field="name")
    # Two windows that keep at the same moment wait for each other here, so that the cap holds.
    User.objects.select_for_update(of=("self",), no_key=True).get(pk=by.pk)
    mine = SavedFilter.objects.filter(user=by)
    if not mine.filter(name=name).exists() and mine.count() >= MOST:
        raise InvalidInput(
            _("You have {most} saved filters, which is the most. Remove one first.").format(most=MOST), field="name"
        )
    values = {"query": urlencode(parts), "saved_at": clock.now()}
    return SavedFilter.objects.update_or_create(user=by, name=name, defaults=values)[0]


@transaction.atomic
def remove(*, filter_id: int, by) -> None:
    """Remove one of one's own filters; one that is gone already is no error."""
    SavedFilter.objects.filter(pk=filter_id, user=by).delete()
