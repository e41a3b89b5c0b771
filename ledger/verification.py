"""Recomputes the whole log from its entries and compares it with everything that was stored and signed.

Reads leaf by leaf in chunks, so memory does not grow with the log. It relies on nothing but the rows themselves, the log's
public key and, where somebody kept one outside, an older checkpoint. The sequencer's queue is not looked at.
"""

import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from heapq import merge

from auditlog.models import LogEntry
from django.db import connection

from certify.lib import clock
from certify.lib.batches import batched
from certify.lib.times import rfc3339
from ledger import keychain, merkle, notes, persons, rules, succession
from ledger.models import AbsorbedChange, Erasure
from ledger.queries import TILE_HEIGHT, leaf_count

#: Entries that are in memory at once: one may have 64 KiB.
CHUNK = 1_024
MAX_PROBLEMS = 100
#: An entry that waits longer than this for its place is reported as held back.
GRACE = timedelta(minutes=15)
COLUMNS = "entry.id, uid, kind, subject, actor_id, actor_name, at, payload, leaf_hash"
APPEND_ONLY = (
    "ledger_entry", "ledger_leaf", "ledger_node", "ledger_checkpoint", "ledger_absorbedchange", "ledger_cosignature", "ledger_anchor",
    "ledger_keyterm", "ledger_erasure", "auditlog_logentry",
)  # fmt: skip
#: Changes of keys of which the table of keys and the entries say different things.
KEYS_AND_ENTRIES = """
    SELECT coalesce(term.since, said.index), coalesce(term.verifier, said.data ->> 'new')
    FROM (SELECT entry.uid, leaf.index, entry.payload_json -> 'data' AS data FROM ledger_entry AS entry
          LEFT JOIN ledger_leaf AS leaf ON leaf.entry_id = entry.id WHERE entry.kind = ANY(%s)) AS said
    FULL JOIN (SELECT * FROM ledger_keyterm WHERE since > 0) AS term
        ON (term.entry_uid, term.since, term.verifier, term.note) = (said.uid, said.index, said.data ->> 'new', said.data ->> 'statement')
    WHERE term.id IS NULL OR said.uid IS NULL ORDER BY 1
"""


@dataclass
class Report:
    """What was counted, and the contradictions in the order they were met, in words; `found` = 0 means that the log holds."""

    entries: int = 0
    leaves: int = 0
    nodes: int = 0
    checkpoints: int = 0
    kept: int = 0
    waiting: int = 0
    changes: int = 0
    found: int = 0
    problems: list[str] = field(default_factory=list)

    def add(self, problem: str) -> None:
        """Count a contradiction; the first hundred are kept."""
        self.found += 1
        if len(self.problems) < MAX_PROBLEMS:
            self.problems.append(problem)


@dataclass(frozen=True)
class Row:
    """An entry as its row states it."""

    id: int
    uid: object
    kind: str
    subject: str
    actor_id: str
    actor_name: str
    at: datetime
    payload: str
    leaf_hash: memoryview

    def name(self) -> str:
        """How a problem names the entry."""
        return f"entry {self.id} ({self.kind}, {self.subject}, uid {self.uid})"

    def problem(self) -> str:
        """Why the row contradicts itself; empty when it does not."""
        if merkle.leaf_hash(self.payload.encode()) != bytes(self.leaf_hash):
            return "its payload is not the one that was hashed when it was recorded"
        columns = {
            "uid": str(self.uid),
            "kind": self.kind,
            "subject": self.subject,
            "actor_id": self.actor_id,
            "actor_name": self.actor_name,
            "at": rfc3339(self.at),
        }
        return rules.misfit(columns, self.payload)


@dataclass(frozen=True)
class Signed:
    """A tree head that the log signed: one of its own checkpoints, or one that was kept outside (`name` says which)."""

    name: str
    size: int
    root: bytes


def verify(*, verifier: str, kept: Iterable[str] = (), grace: timedelta = GRACE) -> Report:
    """Check everything; see `Report`.

    `verifier` is a public key of the log in verifier-key form, the newest or an older one that has handed over since; `kept` are
    signed checkpoints that were kept outside the database: only they can show that a tail was cut off together with its
    checkpoints. An entry may wait for its place as long as `grace`.
    """
    report = Report()
    newest = _rows("SELECT coalesce(max(size), 0) FROM ledger_checkpoint")[0][0]
    chain = keychain.chain(verifier)
    # Read after the newest checkpoint: the sequencer may go on meanwhile, but never has a checkpoint before its leaves.
    report.leaves = leaf_count()
    outside = sorted(_kept(chain, kept, report), key=lambda head: head.size)
    Walk(report, merge(_checkpoints(chain, report, newest), outside, key=lambda head: head.size)).run(report.leaves)
    _check_keys(report, chain)
    _check_around(report, newest, clock.now() - grace)
    return report


@dataclass(frozen=True)
class Place:
    """Where a walk in slices stands: the leaves behind it, the roots over them, and what it knows of signed roots."""

    size: int = 0
    roots: tuple[bytes, ...] = ()
    known_good: int = 0
    is_broken: bool = False


def verify_slice(*, verifier: str, place: Place, leaves: int) -> tuple[Report, Place | None]:
    """Go on with a walk for so many leaves; the place it came to, None when it ended. Then everything around was checked too."""
    report = Report()
    newest = _rows("SELECT coalesce(max(size), 0) FROM ledger_checkpoint")[0][0]
    chain = keychain.chain(verifier)
    report.leaves = leaf_count()
    walk = Walk(report, _checkpoints(chain, report, newest, after=place.size - 1), place)
    if place.size <= report.leaves and walk.run(place.size + leaves) and walk.tree.size < report.leaves:
        return report, Place(walk.tree.size, tuple(walk.tree.roots), walk.known_good, walk.is_broken)
    if place.size > report.leaves:
        report.add(f"Entries are missing at the end: {place.size} were verified, and the log now holds {report.leaves}.")
    _check_keys(report, chain)
    _check_around(report, newest, clock.now() - GRACE)
    return report, None


def _check_around(report: Report, newest: int, late_before: datetime) -> None:
    """What is not on the way from leaf to leaf."""
    _check_unsigned(report, newest, late_before)
    _check_node_count(report)
    _check_waiting(report, late_before)
    _check_doubles(report)
    _check_changes(report, late_before)
    _check_persons(report)
    _check_triggers(report)


def _rows(statement: str, parameters: Iterable = ()) -> list[tuple]:
    with connection.cursor() as cursor:
        cursor.execute(statement, list(parameters))
        return cursor.fetchall()


def _checkpoints(chain: succession.Chain, report: Report, newest: int, after: int = -1) -> Iterator[Signed]:
    """The stored checkpoints up to the newest size, in order; each must be signed and say what its row says."""
    firsts = keychain.firsts()
    while rows := _rows(
        "SELECT size, root, note FROM ledger_checkpoint WHERE size > %s AND size <= %s ORDER BY size LIMIT %s",
        [after, newest, CHUNK],
    ):
        for size, root, note in rows:
            report.checkpoints += 1
            try:
                stated = chain.open(note, size, is_first=size in firsts)
            except notes.NoteError as error:
                report.add(f"The checkpoint of {size} entries is not the log's: {error}.")
                continue
            if (stated.size, stated.root) != (size, bytes(root)):
                report.add(f"The checkpoint of {size} entries: its row contradicts the note that was signed.")
            else:
                yield Signed("its checkpoint", size, stated.root)
        after = rows[-1][0]


def _kept(chain: succession.Chain, kept: Iterable[str], report: Report) -> Iterator[Signed]:
    """The checkpoints that were kept outside."""
    for note in kept:
        report.kept += 1
        try:
            stated = chain.open(note, notes.TreeHead.parse(note.rpartition("\n\n")[0] + "\n").size)
        except notes.NoteError as error:
            report.add(f"The checkpoint that was kept is not this log's: {error}.")
        else:
            yield Signed("the checkpoint that was kept", stated.size, stated.root)


class Walk:
    """One walk over all leaves in order: entry, leaf, tile roots, signed roots."""

    def __init__(self, report: Report, heads: Iterator[Signed], place: Place = Place()):
        self.report, self.heads = report, heads
        self.head = next(heads, None)
        self.tree = merkle.MerkleAccumulator(place.size, place.roots)
        #: Up to here the log is as it was signed.
        self.known_good = place.known_good
        #: Whether the last signed root did not fit: then all after it do not fit either, and are not worth a line each.
        self.is_broken = place.is_broken

    def run(self, until: int) -> bool:
        """Walk up to a leaf or the end; False when it stopped at a gap, behind which no root can be recomputed."""
        self._check_heads()
        until = min(until, self.report.leaves)
        while self.tree.size < until:
            start, end = self.tree.size, min(self.tree.size + CHUNK, until)
            nodes = self._nodes(start, end)
            for leaf in _leaves(start, end):
                if leaf.index != self.tree.size:
                    return self._gap(leaf.index)
                self._check_leaf(leaf)
                self._append(leaf, nodes)
            if self.tree.size < end:
                return self._gap(end)
        if self.tree.size == self.report.leaves:
            self._missing_tail()
        return True

    def _check_leaf(self, leaf: "Leaf") -> None:
        if leaf.row is None:
            self.report.add(f"The entry at place {leaf.index} of the log is missing: it was deleted after it was sequenced.")
            return
        self.report.entries += 1
        if problem := leaf.row.problem():
            self.report.add(f"At place {leaf.index}, {leaf.row.name()}: {problem}.")
        elif bytes(leaf.row.leaf_hash) != leaf.hash:
            self.report.add(f"At place {leaf.index}, {leaf.row.name()} is not the entry whose hash was placed there.")

    def _append(self, leaf: "Leaf", nodes: dict[tuple[int, int], bytes]) -> None:
        for height, expected in enumerate(self.tree.append(leaf.hash), start=1):
            level, rest = divmod(height, TILE_HEIGHT)
            if rest == 0:
                self._check_node(level, leaf.index >> height, nodes.get((level, leaf.index >> height)), expected)
        self._check_heads()

    def _nodes(self, start: int, end: int) -> dict[tuple[int, int], bytes]:
        """The stored tile roots that the leaves `start` … `end` - 1 complete."""
        nodes, level = {}, 1
        while end >> level * TILE_HEIGHT:
            height = level * TILE_HEIGHT
            for index, value in _rows(
                "SELECT index, hash FROM ledger_node WHERE level = %s AND index >= %s AND index < %s",
                [level, start >> height, end >> height],
            ):
                nodes[level, index] = bytes(value)
            level += 1
        self.report.nodes += len(nodes)
        return nodes

    def _check_node(self, level: int, index: int, stored: bytes | None, expected: bytes) -> None:
        if stored != expected:
            width = 1 << level * TILE_HEIGHT
            self.report.add(
                f"The tree's stored node {level}/{index}, over the places {index * width} to {(index + 1) * width - 1}, "
                + ("is missing." if stored is None else "does not fit the leaves below it.")
            )

    def _check_heads(self) -> None:
        """Compare every signed root of exactly this many leaves with the recomputed one."""
        while self.head and self.head.size == self.tree.size:
            fits = self.tree.root() == self.head.root
            if fits:
                self.known_good = self.head.size
            elif not self.is_broken:
                self._misfit(self.head)
            self.is_broken = not fits
            self.head = next(self.heads, None)

    def _misfit(self, head: Signed) -> None:
        first = [leaf.row.name() for leaf in _leaves(self.known_good, self.known_good + 1) if leaf.row]
        self.report.add(
            f"The first {head.size} entries are not those that {head.name} of {head.size} entries covers: something from place "
            f"{self.known_good} to {head.size - 1} was changed, exchanged, added or removed"
            + (f", {first[0]} the first of them." if first else ".")
        )

    def _gap(self, found: int) -> bool:
        places = f"place {self.tree.size} is" if found == self.tree.size + 1 else f"places {self.tree.size} to {found - 1} are"
        self.report.add(f"The log has a gap: the leaf at {places} missing. What follows could not be compared.")
        return False

    def _missing_tail(self) -> None:
        """Signed roots over more leaves than there are."""
        if self.head:
            longest = max([self.head, *self.heads], key=lambda head: head.size)
            self.report.add(
                f"Entries are missing at the end, from place {self.report.leaves} on: {longest.name} covers {longest.size} "
                f"entries, and the log now holds {self.report.leaves}."
            )


@dataclass(frozen=True)
class Leaf:
    """A place of the log, its hash, and the entry that stands there, if it does."""

    index: int
    hash: bytes
    row: Row | None


def _leaves(start: int, end: int) -> Iterator[Leaf]:
    """The leaves from `start` to `end` - 1 that are there, in order."""
    for index, value, entry, *columns in _rows(
        f"SELECT leaf.index, leaf.hash, entry.id, {COLUMNS} FROM ledger_leaf AS leaf"  # noqa: S608 - our own columns
        " LEFT JOIN ledger_entry AS entry ON entry.id = leaf.entry_id"
        " WHERE leaf.index >= %s AND leaf.index < %s ORDER BY leaf.index",
        [start, end],
    ):
        yield Leaf(index, bytes(value), Row(*columns) if entry is not None else None)


def _check_keys(report: Report, chain: succession.Chain) -> None:
    """Each change of keys is signed as it must be, and stands in an entry at its place; no other entry speaks of one."""
    for problem in chain.problems():
        report.add(problem)
    for place, verifier in _rows(KEYS_AND_ENTRIES, [list(succession.TITLES)]):
        report.add(
            f"The change of keys to {verifier} at place {place}: the log's keys and its entries do not say the same of it."
        )


def _check_unsigned(report: Report, newest: int, late_before: datetime) -> None:
    """Leaves that no checkpoint covers, although there was time to sign one: somebody took it away."""
    for leaf in _leaves(newest, newest + 1):
        if leaf.row and leaf.row.at < late_before:
            report.add(f"From place {newest} on the log is not signed: {leaf.row.name()} is covered by no checkpoint.")


def _check_node_count(report: Report) -> None:
    """Nodes that no complete tile stands for. Counted before the leaves, which the sequencer adds with their nodes."""
    stored = _rows("SELECT count(*) FROM ledger_node")[0][0]
    size, expected = leaf_count(), 0
    while size := size >> TILE_HEIGHT:
        expected += size
    if stored > expected:
        report.add(f"The tree has {stored} stored nodes, {stored - expected} more than it has complete tiles.")


def _check_waiting(report: Report, late_before: datetime) -> None:
    """Entries that have no place yet: sound in themselves, and not held back."""
    after = 0
    while rows := _rows(
        f"SELECT {COLUMNS} FROM ledger_entry AS entry WHERE entry.id > %s AND NOT EXISTS"  # noqa: S608 - our own columns
        " (SELECT FROM ledger_leaf WHERE entry_id = entry.id) ORDER BY entry.id LIMIT %s",
        [after, CHUNK],
    ):
        for row in (Row(*columns) for columns in rows):
            report.waiting += 1
            if problem := row.problem():
                report.add(f"Not yet sequenced, {row.name()}: {problem}.")
            elif row.at < late_before:
                report.add(
                    f"Held back since {rfc3339(row.at)}: {row.name()} has no place in the log. "
                    "If the sequencer was only not running, run: manage.py sequence_ledger --requeue"
                )
        after = rows[-1][0]
    report.entries += report.waiting


def _check_doubles(report: Report) -> None:
    """An entry stands at one place only."""
    for entry, places in _rows(
        "SELECT entry_id, count(*) FROM ledger_leaf GROUP BY entry_id HAVING count(*) > 1 ORDER BY entry_id LIMIT 1"
    ):
        report.add(f"Entry {entry} stands at {places} places of the log.")


def _check_changes(report: Report, late_before: datetime) -> None:
    """django-auditlog's rows against what the ledger kept of them, and the rows that the ledger should know by now."""
    for batch in batched(AbsorbedChange.objects.select_related("entry").order_by("pk").iterator(CHUNK), CHUNK):
        rows = LogEntry.objects.select_related("content_type").in_bulk([change.pk for change in batch])
        for change in batch:
            report.changes += 1
            if change.pk not in rows:
                report.add(f"The change of configuration {change.pk} is in the ledger and is missing in auditlog's table.")
            elif not _is_as_recorded(rows[change.pk], json.loads(change.entry.payload)):
                report.add(f"The change of configuration {change.pk} in auditlog's table is not what the ledger recorded.")
    for row, at in _rows(
        "SELECT id, timestamp FROM auditlog_logentry WHERE timestamp < %s AND NOT EXISTS"
        " (SELECT FROM ledger_absorbedchange WHERE change_id = auditlog_logentry.id) ORDER BY id LIMIT 1",
        [late_before],
    ):
        report.add(
            f"The change of configuration {row} of {rfc3339(at)} is in auditlog's table and was not entered in the ledger."
        )


def _is_as_recorded(row: LogEntry, entry: dict) -> bool:
    """Whether a row of auditlog's is what its entry recorded; of somebody who was erased, all but what they were called."""
    found, said = rules.change_data(row, entry["v"]), entry["data"]
    if entry["v"] == 1 and row.object_repr == persons.mark(entry["subject"]) and _is_erased(entry["subject"]):
        found, said = rules.without_particulars(found), rules.without_particulars(said)
    return found == said


def _is_erased(person: str) -> bool:
    return Erasure.objects.filter(person=person).exists()


#: Commitments that open nothing, or something else; that are gone although nobody was erased; and that no record has.
PERSONS = """
    SELECT record.commitment, record.person, 'does not fit what it commits to' FROM ledger_personrecord AS record
    WHERE record.salt IS NOT NULL
      AND record.commitment <> encode(sha256(
          convert_to(E'certify-person/1\n', 'UTF8') || record.salt || convert_to(record.particulars, 'UTF8')), 'hex')
    UNION ALL
    SELECT record.commitment, record.person, 'lacks what it commits to, and no entry says that the person was erased'
    FROM ledger_personrecord AS record WHERE record.salt IS NULL AND NOT EXISTS (
        SELECT FROM ledger_erasure AS erasure JOIN ledger_entry AS entry ON entry.uid = erasure.entry_uid
        WHERE erasure.person = record.person AND entry.kind = 'person:erased' AND entry.subject = record.person
          AND entry.payload_json -> 'data' -> 'commitments' ? record.commitment)
    UNION ALL
    SELECT record.commitment, record.person, 'still says who was erased' FROM ledger_personrecord AS record
    JOIN ledger_entry AS entry ON entry.kind = 'person:erased' AND entry.subject = record.person WHERE record.salt IS NOT NULL
    UNION ALL
    SELECT named.commitment, named.person, 'is in an entry, and no record has it' FROM (
        SELECT DISTINCT payload_json -> 'actor' ->> 'person' AS commitment, actor_id AS person
        FROM ledger_entry WHERE actor_name = '') AS named
    WHERE NOT EXISTS (
        SELECT FROM ledger_personrecord AS record WHERE (record.commitment, record.person) = (named.commitment, named.person))
    ORDER BY 2, 1 LIMIT 100
"""


def _check_persons(report: Report) -> None:
    """What opens the commitments in entries, and who was erased."""
    for commitment, person, wrong in _rows(PERSONS):
        report.add(f"The commitment {commitment} to {person} {wrong}.")


def _check_triggers(report: Report) -> None:
    """The protection itself: each append-only table still has its trigger, and it is on."""
    guarded = _rows(
        "SELECT c.relname FROM pg_trigger t JOIN pg_class c ON c.oid = t.tgrelid JOIN pg_proc p ON p.oid = t.tgfoid"
        " WHERE p.proname = 'certify_refuse_change' AND t.tgenabled IN ('O', 'A')"
    )
    for table in APPEND_ONLY:
        if (table,) not in guarded:
            report.add(f"The table {table} is not protected: the trigger that refuses changes is missing or off.")
