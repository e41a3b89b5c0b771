"""Whether somebody is independent of an item: neither granted the access nor reports to the person reviewed; pure but for `of`."""

from dataclasses import dataclass

from campaigns.models import ReviewItem
from inventory.models import Identity
from people.models import User

#: What is required → what an excused violation is called.
CALLED = {"granter": "granter", "report": "own_report"}
ROUTE = "route"


@dataclass(frozen=True)
class Standing:
    """What makes somebody unfit for items: own access, the names under which access was granted, whom they report to."""

    own: frozenset[str]
    names: frozenset[str]
    bosses: frozenset[str]

    def holds(self, item: ReviewItem) -> bool:
        """Whether it is their own access."""
        return item.identity_key in self.own

    def violated(self, item: ReviewItem) -> str:
        """What of their independence is violated, a key of `CALLED`; empty when nothing is."""
        if item.granted_by and item.granted_by in self.names:
            return "granter"
        return "report" if item.identity_key in self.bosses else ""

    def judged(self, item: ReviewItem, terms: dict) -> tuple[bool, str]:
        """(whether they may be asked about it under these terms, what they are excused from)."""
        if self.holds(item):
            return False, ""
        violated = self.violated(item)
        if not violated:
            return True, ""
        return terms.get("independence", {}).get(violated, ROUTE) != ROUTE, CALLED[violated]


def of(user: User) -> Standing:
    """How somebody stands to items."""
    known = list(Identity.objects.filter(user=user).values_list("key", "email", "manager__key"))
    names = {user.username, user.email, *(key for key, _, _ in known), *(email for _, email, _ in known)}
    return Standing(
        own=frozenset(key for key, _, _ in known if key),
        names=frozenset(names - {""}),
        bosses=frozenset(boss for _, _, boss in known if boss),
    )


def values_of(user: User) -> dict[str, list[str]]:
    """The same as values of a statement: `own`, `names`, `bosses`."""
    standing = of(user)
    return {name: sorted(getattr(standing, name)) for name in ("own", "names", "bosses")}
