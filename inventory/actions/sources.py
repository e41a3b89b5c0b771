"""Sources: created and changed."""

from django.db import IntegrityError, transaction
from django.utils.translation import gettext as _

from certify.lib.errors import InvalidInput, NotAllowed
from inventory import permissions
from inventory.models import Source
from ledger.actions import entries
from ledger.actors import SYSTEM


def _check(by) -> None:
    if by is not SYSTEM and not permissions.can_manage_sources(by):
        raise NotAllowed(_("Only an administrator may create or change a source."))


def _facts(source: Source) -> dict[str, str]:
    return {
        "source": source.key,
        "name": source.name,
        "description": source.description,
        "owner": f"people.user:{source.owner_id}" if source.owner_id else "",
    }


@transaction.atomic
def create(*, key: str, name: str, description: str = "", owner=None, by) -> Source:
    """Add a source. Refuses a key that is taken."""
    _check(by)
    source = Source(key=key, name=name, description=description, owner=owner)
    try:
        with transaction.atomic():
            source.save()
    except IntegrityError:
        raise InvalidInput(_("There is already a source with the key “{key}”.").format(key=key), field="key") from None
    entries.record(kind="source:created", subject=f"inventory.source:{source.pk}", by=by, data=_facts(source))
    return source


@transaction.atomic
def change(*, source_id: int, name: str, description: str, owner, by) -> Source:
    """Change what a source is called and who owns it. Its key stays: files and packs name it."""
    _check(by)
    source = Source.objects.select_for_update(of=("self",), no_key=True).get(pk=source_id)
    old = _facts(source)
    source.name, source.description, source.owner = name, description, owner
    source.save(update_fields=["name", "description", "owner"])
    if (new := _facts(source)) != old:
        entries.record(kind="source:changed", subject=f"inventory.source:{source.pk}", by=by, data={"old": old, "new": new})
    return source
