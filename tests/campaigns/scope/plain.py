"""The meaning of a scope once more, in plain Python over plain rows: what the SQL must agree with."""

import re
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta

from campaigns.scope.conditions import BY_NAME


@dataclass
class Holder:
    """A person or another identity."""

    key: str
    kind: str = "employee"
    status: str = "active"
    department: str = ""
    title: str = ""
    location: str = ""
    manager: str = ""
    end_on: date | None = None
    is_gone: bool = False


@dataclass
class Row:
    """One grant with what is known around it. Snapshots are whole numbers that grow with time."""

    source: int
    account: str
    holder: Holder | None
    entitlement: str
    entitlement_kind: str
    privileged: str
    tags: list[str]
    granted_at: datetime | None
    last_used_at: datetime | None
    first_seen_at: datetime
    answered_at: datetime | None = None
    is_changed: bool = True
    is_in_conflict: bool = False


@dataclass
class World:
    """Everybody, and the moment."""

    now: datetime
    people: dict[str, Holder] = field(default_factory=dict)
    baselines: dict[int, int] = field(default_factory=dict)

    def ago(self, condition: dict) -> datetime:
        """So many days before now."""
        return self.now - timedelta(days=condition["days"])


def fits_pattern(pattern: str, text: str) -> bool:
    """Whether the text is what the pattern says: a star is anything, a backslash takes the next letter as it is."""
    parts, place = [], 0
    while place < len(pattern):
        if pattern[place] == "\\":
            parts.append(re.escape(pattern[place + 1 : place + 2] or "\\"))
            place += 2
        else:
            parts.append(".*" if pattern[place] == "*" else re.escape(pattern[place]))
            place += 1
    return re.fullmatch("".join(parts), text, re.DOTALL) is not None


def chain(holder: Holder, world: World) -> set[str]:
    """Keys of everybody above."""
    above, at = set(), holder.manager
    while at in world.people and at not in above:
        above.add(at)
        at = world.people[at].manager
    return above


def _yes(fact: bool) -> str:
    return "yes" if fact else "no"


def _ended(row: Row, world: World) -> bool:
    return row.holder.end_on is not None and row.holder.end_on < world.now.date()


def holds(condition: dict, row: Row, world: World) -> bool:
    """Whether a condition is true of a grant; a question about a holder that nobody knows is not asked here."""
    who, any_of = row.holder, condition.get("any")
    status = who and ("inactive" if who.is_gone else who.status)
    ends = who and who.end_on
    facts = {
        "source": lambda: row.source in any_of,
        "orphan": lambda: _yes(who is None) in any_of,
        "person": lambda: who.key in any_of,
        "below": lambda: bool(chain(who, world) & set(any_of)),
        "kind": lambda: who.kind in any_of,
        "status": lambda: status in any_of,
        "left": lambda: _yes(status == "inactive" or _ended(row, world)) in any_of,
        "end_passed": lambda: _yes(_ended(row, world)) in any_of,
        "ends_within": lambda: bool(ends) and 0 <= (ends - world.now.date()).days <= condition["days"],
        "department": lambda: any(fits_pattern(one, who.department) for one in any_of),
        "title": lambda: any(fits_pattern(one, who.title) for one in any_of),
        "location": lambda: any(fits_pattern(one, who.location) for one in any_of),
        "entitlement": lambda: any(fits_pattern(one, row.entitlement) for one in any_of),
        "tag": lambda: any(fits_pattern(one.lower(), tag) for one in any_of for tag in row.tags or [""]),
        "entitlement_kind": lambda: row.entitlement_kind in any_of,
        "privileged": lambda: row.privileged in any_of,
        "granted_within": lambda: condition["unknown"] if not row.granted_at else row.granted_at >= world.ago(condition),
        "unused": lambda: condition["unknown"] if not row.last_used_at else row.last_used_at < world.ago(condition),
        "first_seen_within": lambda: row.first_seen_at >= world.ago(condition),
        "not_reviewed": lambda: row.answered_at is None or row.answered_at < world.ago(condition),
        "changed": lambda: row.is_changed,
        "sod": lambda: row.is_in_conflict,
    }
    return facts[condition["field"]]()


def exclusion(document: dict, row: Row, world: World) -> str | None:
    """The first rule that leaves the grant out, or None: it is asked about."""
    for one in document["include"]:
        silent = BY_NAME[one["field"]].is_of_holder and row.holder is None
        if not silent and not holds(one, row, world):
            return BY_NAME[one["field"]].code
    for rule in document["exclude"]:
        unknown = row.holder is None and any(BY_NAME[one["field"]].is_of_holder for one in rule["when"])
        if not unknown and all(holds(one, row, world) for one in rule["when"]):
            return rule["code"]
    return None
