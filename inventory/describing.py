"""Reads of descriptions: which rights somebody may describe, and which of them still need it."""

from django.db.models import F, Q, QuerySet
from django.utils.translation import gettext as _

from inventory import rules
from inventory.models import Entitlement, EntitlementDescription
from inventory.queries import with_holders
from people.states import Role

#: Nothing says what the right lets people do.
MISSING = Q(description="", described__isnull=True)
#: The owner's words are shown, and the file says something that it did not say when they were written.
STALE = Q(described__isnull=False) & ~Q(description="") & ~Q(description=F("described__file_said"))
#: What the page can show.
SHOWN = {"missing": MISSING, "stale": STALE, "described": Q(described__isnull=False), "all": Q()}


def owned(user) -> QuerySet:
    """Rights that still exist and of which the user is the owner, or the owner of their system."""
    return Entitlement.objects.filter(Q(owner__user=user) | Q(source__owner=user), gone_in__isnull=True)


def describable(user) -> QuerySet:
    """Rights that the user may describe: those that they own; an administrator all."""
    return Entitlement.objects.filter(gone_in__isnull=True) if user.has_role(Role.ADMINISTRATOR) else owned(user)


def counts(rights: QuerySet) -> dict[str, int]:
    """How many of the rights there are of each sort that the page shows."""
    return {name: rights.filter(condition).count() for name, condition in SHOWN.items()}


def own(right: Entitlement) -> str:
    """What its owner wrote of a right; "" where nobody did."""
    return right.described.text if right.described else ""


def problem(right: Entitlement | None, text: str, seen: int | None = None) -> str:
    """Why a text cannot be written of a right (None: not one of the user's); "" where it can. `seen`: as in `actions.describing.Words`."""
    if right is None:
        return _("This is no right that you may describe.")
    if seen is not None and seen != (right.described_id or 0):
        return _("Somebody wrote something else in the meantime: {words}").format(words=own(right) or _("nothing"))
    return rules.description_problem(text, names=(right.key, right.name)) if text.strip() else ""


def page(rights: QuerySet, *, show: str, search: str = "", after: int = 0) -> QuerySet:
    """Rights of one sort after an id, in the order of their ids, with how many accounts hold each."""
    found = rights.filter(SHOWN[show], pk__gt=after)
    for word in search.split()[:5]:
        found = found.filter(Q(name__icontains=word) | Q(key__icontains=word) | Q(source__name__icontains=word))
    return with_holders(found).select_related("source", "owner", "described").order_by("pk")


def history(right: Entitlement) -> QuerySet:
    """What was written about a right, the latest first."""
    return EntitlementDescription.objects.filter(entitlement=right).order_by("-id")
