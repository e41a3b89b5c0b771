"""What a rule of retention deleted: asked by whoever shows the row that is left."""

from collections.abc import Iterable

from django.utils.translation import gettext as _

from certify.lib.language import dated
from people.models import Deletion


def of(keys: Iterable[str]) -> dict[str, Deletion]:
    """Key → what deleted it, for those of the keys that were deleted. A file's key is where it lay."""
    wanted = {key for key in keys if key}
    if not wanted:
        return {}
    found = Deletion.objects.filter(key__in=wanted).select_related("run__rule")
    return {one.key: one for one in found}


def notes(keys: Iterable[str]) -> dict[str, str]:
    """Key → what a page says in place of what was deleted."""
    return {key: words(one) for key, one in of(keys).items()}


def note(key: str) -> str:
    """What a page says in place of one thing; empty when no rule deleted it."""
    return notes([key]).get(key, "")


def words(deletion: Deletion) -> str:
    """What a page says in place of what was deleted."""
    return _("Deleted by rule {number} on {day}, SHA-256 {sha256}").format(
        number=deletion.run.rule.number, day=dated(deletion.run.at, "j F Y"), sha256=deletion.sha256
    )
