"""What hinders erasing a person: systems they own."""

from collections.abc import Iterator

from django.utils.translation import gettext as _

from inventory.models import Source


def hindrances(person) -> Iterator[str]:
    """Systems whose removals would go to nobody."""
    if count := Source.objects.filter(owner=person).count():
        yield _("Systems they own: {count}.").format(count=count)
