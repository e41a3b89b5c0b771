"""Which key signs the log from which place on, and the statements that make it so; pure.

A log begins with one key. A *hand-over* is a note that the old key and the new one sign both: whoever trusts the old key may trust
the new one. When a key is lost nobody can sign that, so the log *begins anew* under another name: a note that the new key alone
signs, and which says so. Either stands in an entry; every checkpoint that covers this entry is signed by the new key, and the first
one after a hand-over by the old key as well.
"""

import base64
from collections.abc import Sequence
from dataclasses import dataclass

from ledger import notes

HANDED_OVER, BEGUN_ANEW = "ledger:key-handed-over", "ledger:log-begun-anew"
TITLES = {HANDED_OVER: "certify-key-handover/1", BEGUN_ANEW: "certify-log-begun-anew/1"}
FIELDS = ("old", "new", "entry", "size", "root", "why")
MAX_WHY = 500


@dataclass(frozen=True)
class Statement:
    """What is signed: which key comes after which, in the entry at which place, behind which last checkpoint, and why."""

    kind: str
    old: str
    new: str
    entry: int
    size: int
    root: bytes
    why: str

    def text(self) -> str:
        """The text of the note. It is no checkpoint: its first line is the name of no log."""
        root = base64.b64encode(self.root).decode()
        values = (self.old, self.new, str(self.entry), str(self.size), root, self.why)
        return "".join(f"{line}\n" for line in (TITLES[self.kind], *map(" ".join, zip(FIELDS, values, strict=True))))

    def signers(self) -> tuple[str, ...]:
        """The keys that must have signed it."""
        return (self.old, self.new) if self.kind == HANDED_OVER else (self.new,)

    @classmethod
    def open(cls, note: str) -> "Statement":
        """Read a statement that everybody signed who had to. Raises `NoteError` otherwise."""
        found = cls._parse(note.rpartition("\n\n")[0] + "\n")
        for signer in found.signers():
            notes.verify(note, signer)
        names = [notes.parse_verifier_key(key)[0] for key in (found.old, found.new)]
        if (names[0] == names[1]) != (found.kind == HANDED_OVER):
            raise notes.NoteError("a hand-over keeps the log's name, and a log that begins anew has another")
        if found.text() != note.rpartition("\n\n")[0] + "\n" or not 0 < found.size <= found.entry:
            raise notes.NoteError("the statement is not written as it must be")
        return found

    @classmethod
    def _parse(cls, text: str) -> "Statement":
        title, *lines = text.split("\n")[:-1]
        kind = {title: kind for kind, title in TITLES.items()}.get(title)
        parts = [line.partition(" ") for line in lines]
        if kind is None or tuple(name for name, _, _ in parts) != FIELDS:
            raise notes.NoteError("it is not a statement about a key of the log")
        old, new, entry, size, root, why = (value for _, _, value in parts)
        if not notes.SIZE.fullmatch(entry):
            raise notes.NoteError(f"{entry!r} is not the place of an entry")
        head = notes.TreeHead.parse(f"log\n{size}\n{root}\n")
        return cls(kind, old, new, int(entry), head.size, head.root, why)


@dataclass(frozen=True)
class Term:
    """A key, and since when: it signs the checkpoints of more than `since` entries. The first one has no statement (`note`)."""

    verifier: str
    since: int = 0
    note: str = ""

    @property
    def origin(self) -> str:
        """The name that the log has in these checkpoints."""
        return self.verifier.partition("+")[0]

    @property
    def said(self) -> Statement | None:
        """What its statement says. Raises `NoteError` when it does not hold."""
        return Statement.open(self.note) if self.note else None


class Chain:
    """The keys of a log, the oldest first."""

    def __init__(self, terms: Sequence[Term]):
        self.terms = list(terms)

    @property
    def current(self) -> Term:
        """The key that signs now."""
        return self.terms[-1]

    def of(self, size: int) -> Term:
        """The key of the checkpoint of so many entries."""
        return next((term for term in reversed(self.terms) if term.since < size), self.terms[0])

    def problems(self) -> list[str]:
        """Why the keys do not follow one another as they must, in words."""
        found = []
        for place, term in enumerate(self.terms):
            before = self.terms[place - 1] if place else None
            try:
                said = term.said
                fits = (
                    (said.old, said.new, said.entry) == (before.verifier, term.verifier, term.since)
                    if said and before
                    else False
                )
                if bool(said) != bool(before) or (before and not (fits and before.since < term.since)):
                    found.append(f"The key {term.verifier} does not follow the one before as its statement says.")
            except notes.NoteError as error:
                found.append(f"What made {term.verifier} the log's key does not hold: {error}.")
        return found

    def open(self, note: str, size: int, *, is_first: bool = False) -> notes.TreeHead:
        """The tree head in the checkpoint of `size` entries, if its key signed it, and the old one too if it is the first after
        a hand-over. Raises `NoteError` otherwise."""
        term = self.of(size)
        head = notes.open_checkpoint(note, term.verifier)
        if is_first and term.said and term.said.kind == HANDED_OVER:
            notes.open_checkpoint(note, term.said.old)
        return head

    def begun_anew(self) -> list[Statement]:
        """The losses: where nothing that the old key signed vouches for the new one."""
        return [term.said for term in self.terms if term.said and term.said.kind == BEGUN_ANEW]
