"""What the pages on retention show."""

from dataclasses import dataclass
from datetime import datetime

from campaigns.holds import is_held
from certify.lib import clock
from evidence.retention import due
from evidence.retention.kinds import KINDS, LEAVERS, Kind
from inventory.models import Identity
from people import holds
from people.models import LegalHold, RetentionRule, RetentionRun, User


@dataclass(frozen=True)
class Line:
    """One kind: what there is of it, its rule, what the next run deletes of it, and the last run."""

    kind: Kind
    found: due.Summary
    rule: RetentionRule | None
    last: RetentionRun | None
    least: int


def lines() -> list[Line]:
    """Every kind as it stands now."""
    return [line(kind) for kind in KINDS.values()]


def line(kind: Kind) -> Line:
    """One kind as it stands now."""
    now, rule = clock.now(), due.current(kind)
    return Line(
        kind,
        preview(kind, rule.days if rule else None, now),
        rule,
        RetentionRun.objects.filter(rule__kind=kind.code).order_by("-pk").first(),
        due.minimum_days(now.date()) if kind.is_evidence else 0,
    )


def leavers_due(limit: int) -> list[Identity]:
    """People who left, whose particulars are due for erasure by the rule and whom no hold covers: the oldest, at most so many.

    Whoever erases begins here, and asks `campaigns.holds.is_held` again when it does.
    """
    now, rule = clock.now(), due.current(LEAVERS)
    moment = due.before(LEAVERS, rule.days if rule else None, now)
    if moment is None:
        return []
    found = due.doomed(LEAVERS, moment, holds.cover_of(holds.in_force()), limit)
    ids = [int(one.key.partition(":")[2]) for one in found]
    known = Identity.objects.select_related("user", "gone_in").in_bulk(ids)
    return [known[pk] for pk in ids if not is_held(known[pk])]


def called(people: list[str]) -> list[str]:
    """What the people of a hold are called now, each once; an identity without a name by its key."""
    keys: dict[str, list[int]] = {}
    for one in people:
        kind, _, key = one.partition(":")
        keys.setdefault(kind, []).append(int(key))
    users = User.objects.filter(pk__in=keys.get("people.user", ())).values_list("name", "username")
    identities = Identity.objects.filter(pk__in=keys.get("inventory.identity", ())).values_list("name", "key")
    return sorted({name or key for name, key in [*users, *identities]})


def preview(kind: Kind, days: int | None, now: datetime) -> due.Summary:
    """What the next run would delete under a rule that is not set yet."""
    return due.summary(kind, due.before(kind, days, now), holds.cover_of(holds.in_force()))


def stopped(hold: LegalHold) -> list[tuple[Kind, due.Summary]]:
    """Of each kind, how many things a hold covers by itself, and how many of them a rule would let go."""
    now, cover = clock.now(), holds.cover_of([hold])
    found = []
    for kind in KINDS.values():
        rule = due.current(kind)
        found.append((kind, due.summary(kind, due.before(kind, rule.days if rule else None, now), cover)))
    return found
