"""Who held which role of Certify in a period, from when to when, as the entries about people tell it under the checkpoint.

The role of a reviewer is left out: by itself it lets nobody change a rule, a person or data, and who reviewed what has tables of
its own.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

from django.db import connection

from certify.lib.times import rfc3339
from evidence.pack import scope as scopes
from evidence.pack.recorded import ACTOR
from ledger.persons import particular_sql
from people.states import Role

COLUMNS = ("person", "name", "role", "changes", "from", "until", "given_by", "taken_by", "given_entry", "taken_entry")
#: What a role lets somebody change, beyond what lies open to everybody.
CHANGES = {
    Role.ADMINISTRATOR: "people, systems, rules",
    Role.CONTROL_OWNER: "rules, data",
    Role.SYSTEM_OWNER: "descriptions, removals",
    Role.AUDITOR: "",
}
#: How an entry about somebody refers to them: those of version 1 say in the clear what they are called.
CALLED = """(CASE entry.kind WHEN 'user:changed' THEN entry.payload_json -> 'data' -> 'new'
    ELSE COALESCE(entry.payload_json -> 'data' -> 'person', entry.payload_json -> 'data') END || jsonb_build_object('id', entry.subject))"""
ENTRIES = f"""
    SELECT entry.subject, entry.kind, entry.payload_json ->> 'at', {ACTOR}, entry.uid::text,
           ARRAY(SELECT jsonb_array_elements_text(CASE entry.kind WHEN 'user:created' THEN entry.payload_json -> 'data' -> 'roles'
               WHEN 'user:roles-changed' THEN entry.payload_json -> 'data' -> 'new' ELSE '[]' END)),
           CASE WHEN entry.kind IN ('user:created', 'user:changed') THEN {particular_sql(CALLED)} END
    FROM pack_entry AS found JOIN ledger_entry AS entry ON entry.id = found.id
    WHERE found.kind IN ('user:created', 'user:changed', 'user:roles-changed', 'user:deactivated', 'user:reactivated')
    ORDER BY found.index
"""


@dataclass
class Held:
    """A role of somebody since an entry; `taken` is the entry that ended it: (time, by, entry)."""

    name: str
    role: str
    given: tuple[str, str, str]
    taken: tuple[str, str, str] = ("", "", "")


@dataclass
class Person:
    """Somebody as the entries leave them so far."""

    name: str = ""
    is_active: bool = True
    roles: list[str] = field(default_factory=list)
    held: list[Held] = field(default_factory=list)

    def settle(self, entry: tuple[str, str, str]) -> None:
        """Begin and end what they hold after an entry."""
        wanted = [role for role in CHANGES if self.is_active and role in self.roles]
        running = [one for one in self.held if not one.taken[2]]
        for one in running:
            if one.role not in wanted:
                one.taken = entry
        self.held += [Held(self.name, role, entry) for role in wanted if role not in {one.role for one in running}]


def rows(scope: scopes.Scope) -> Iterator[list[str]]:
    """One row for each time that somebody held a role in the period, by person and beginning."""
    begin, end = (rfc3339(moment) for moment in scopes.bounds(scope.period))
    with connection.cursor() as cursor:
        cursor.execute(ENTRIES)
        people = _people(cursor.fetchall())
    for subject, person in sorted(people.items(), key=lambda one: int(one[0].rpartition(":")[2])):
        for one in person.held:
            if one.given[0] < end and (not one.taken[0] or one.taken[0] >= begin):
                yield [
                    subject, one.name, str(one.role), CHANGES[Role(one.role)], one.given[0], one.taken[0], one.given[1], one.taken[1],
                    one.given[2], one.taken[2],
                ]  # fmt: skip


def _people(entries: Iterable[tuple]) -> dict[str, Person]:
    people: dict[str, Person] = {}
    for subject, kind, at, by, uid, roles, name in entries:
        person = people.setdefault(subject, Person())
        person.name = name or person.name
        if kind in ("user:created", "user:roles-changed"):
            person.roles = roles
        elif kind in ("user:deactivated", "user:reactivated"):
            person.is_active = kind == "user:reactivated"
        person.settle((at, by, uid))
    return people
