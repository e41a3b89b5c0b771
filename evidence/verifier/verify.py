#!/usr/bin/env python3
"""Checks an evidence pack of Certify, offline and without trusting Certify.

    python3 -I verify.py PACK.zip [--checkpoint FILE] [--key VERIFIER_KEY]

PACK may also be the folder into which a pack was unpacked. Needs Python 3.9 or later and nothing else; opens no network
connection and writes no file. Prints one line per check, under it what does not hold, and at the end a verdict. Exit status:
0 everything held, 1 something did not, 2 something that was asked for could not be checked.

It is one file so that it can be read from top to bottom: signatures, Merkle trees, the files of a pack, then the checks.
Formats: RFC 4180 (CSV), RFC 6962 (Merkle trees), RFC 8032 (Ed25519), RFC 8785 (canonical JSON), C2SP signed-note and
tlog-checkpoint. Files are read as streams: memory does not grow with the pack, save for some 70 bytes an item under review.
"""

import argparse
import base64
import binascii
import contextlib
import csv
import hashlib
import io
import json
import os
import re
import stat
import sys
import unicodedata
import zipfile
import zlib
from array import array
from collections import deque
from itertools import groupby, islice

FORMAT = "certify-evidence-pack/1"
ITEM_COLUMNS = (
    "campaign item source snapshot account_id account_name identity_id identity_name identity_kind identity_status department "
    "title manager_id entitlement_id entitlement_name entitlement_kind description privileged path granted_at granted_by "
    "last_used_at expires_at first_seen_at signals reviewer reviewer_name reviewer_rule"
).split()
OUTCOME_COLUMNS = "outcome decision decided_by decided_at decision_entry sign_off_entry".split()
EXCLUSION_COLUMNS = "campaign number source snapshot account_id identity_id entitlement_id path rule".split()
#: The tables of a pack and their columns.
TABLES = {
    "administration/changes.csv": "at kind subject by data entry".split(),
    "campaigns/campaigns.csv": (
        "campaign name definition controls state launched_by opened_at due_at ended_at ended_by reason items excluded approved "
        "revoked not_reviewed population_root exclusion_root outcome_root launch_entry end_entry"
    ).split(),
    "campaigns/left_out.csv": "campaign name controls opened_at why launch_entry".split(),
    "campaigns/mails.csv": "about kind recipient recipient_name address template subject at entry".split(),
    "controls/mapping.csv": "control asks_for campaign campaign_name".split(),
    "population/balance.csv": "campaign source snapshot grants_open items excluded approved revoked not_reviewed".split(),
    "population/exclusions.csv": EXCLUSION_COLUMNS,
    "population/files.csv": "source snapshot kind name sha256 size rows_read rows_loaded rows_rejected".split(),
    "population/rejected_rows.csv": "source snapshot kind line field reason raw".split(),
    "population/snapshots.csv": (
        "source snapshot completeness extraction_note extracted_at loaded_at loaded_by rows_read rows_loaded rows_rejected "
        "grants_open started changed ended entry"
    ).split(),
    "remediation/attempts.csv": "removal campaign item note proof_name proof_sha256 by at entry".split(),
    "remediation/removals.csv": (
        "campaign item source account_id entitlement_id path removal owner opened_at due_at state attempts present_in gone_in "
        "verified_at entry"
    ).split(),
    "remediation/verifications.csv": "removal campaign item verdict source present_in snapshot at entry".split(),
    "reviews/bulk_acts.csv": (
        "campaign reviewer reviewer_name decision rationale filter count left_out at items_sha256 entry"
    ).split(),
    "reviews/decisions.csv": (
        "campaign item decision reviewer reviewer_name reviewer_email rule rationale decided_at shown bulk entry"
    ).split(),
    "reviews/items.csv": [*ITEM_COLUMNS, *OUTCOME_COLUMNS, "decided_by_name", "rationale"],
    "reviews/reassignments.csv": "campaign item from to reason at by entry".split(),
    "reviews/reviewers.csv": (
        "campaign reviewer reviewer_name items_assigned by_rule decisions by_bulk first_decision_at last_decision_at entry"
    ).split(),
    "reviews/submissions.csv": (
        "campaign reviewer reviewer_name statement approved revoked dont_know open_left decisions_root submitted_at entry"
    ).split(),
}
LEDGER = ("ledger/checkpoints.txt", "ledger/entries.jsonl", "ledger/leaves.bin", "ledger/proofs.json")
SIGNED = {*TABLES, *LEDGER, "README.md", "verify.py"}
ITEM, REMOVAL, REVIEWER = (
    {column: place for place, column in enumerate(TABLES[name])}
    for name in ("reviews/items.csv", "remediation/removals.csv", "reviews/reviewers.csv")
)
DATA = "campaign item decision rationale decided_at rule shown bulk".split()
DECISION = ("reviews/decisions.csv", {
    **{name: f"data.{name}" for name in DATA}, "reviewer": "data.reviewer.id", "reviewer_name": "data.reviewer.name",
    "reviewer_email": "data.reviewer.email",
})  # fmt: skip
#: Kind of entry → the table that shows it and, column by column, where in the entry the value stands. What is not here is shown
#: in administration/changes.csv.
SHOWN = {
    "decision:made": DECISION,
    "decision:undone": DECISION,
    "snapshot:loaded": ("population/snapshots.csv", {
        "source": "data.source", "snapshot": "data.snapshot", "completeness": "data.completeness",
        "extraction_note": "data.extraction_note", "extracted_at": "data.extracted_at", "loaded_at": "at",
        "loaded_by": "actor.name", "grants_open": "data.grants_open", "started": "data.started", "changed": "data.changed",
        "ended": "data.ended",
    }),
    "assignment:made": ("reviews/reviewers.csv", {
        "campaign": "data.campaign", "reviewer": "data.reviewer.id", "reviewer_name": "data.reviewer.name",
        "items_assigned": "data.items", "by_rule": "data.rules",
    }),
    "assignment:reassigned": ("reviews/reassignments.csv", {
        "campaign": "data.campaign", "from": "data.from", "to": "data.to", "reason": "data.reason", "at": "at",
        "by": "actor.name", "item": "data.items",
    }),
    "decision:bulk": ("reviews/bulk_acts.csv", {
        "campaign": "data.campaign", "reviewer": "actor.id", "reviewer_name": "actor.name", "decision": "data.decision",
        "rationale": "data.rationale", "filter": "data.filter", "count": "data.count", "left_out": "data.left_out", "at": "at",
        "items_sha256": "data.items_sha256",
    }),
    "review:submitted": ("reviews/submissions.csv", {
        "campaign": "data.campaign", "reviewer": "data.reviewer.id", "reviewer_name": "data.reviewer.name",
        "statement": "data.statement", "approved": "data.counts.approved", "revoked": "data.counts.revoked",
        "dont_know": "data.counts.dont_know", "open_left": "data.counts.open_left", "decisions_root": "data.decisions_root",
        "submitted_at": "data.submitted_at",
    }),
    "removal:opened": ("remediation/removals.csv", {
        "removal": "data.task", "campaign": "data.campaign", "item": "data.item", "owner": "data.owner", "due_at": "data.due_at",
        "opened_at": "at",
    }),
    "removal:claimed-done": ("remediation/attempts.csv", {
        "removal": "data.task", "campaign": "data.campaign", "item": "data.item", "note": "data.note",
        "proof_name": "data.proof_name", "proof_sha256": "data.proof_sha256", "by": "actor.name", "at": "data.at",
    }),
    "removal:verified": ("remediation/verifications.csv", {
        "removal": "data.task", "campaign": "data.campaign", "item": "data.item", "verdict": "data.verdict",
        "source": "data.source", "present_in": "data.present_in", "snapshot": "data.snapshot", "at": "data.at",
    }),
    **{kind: ("campaigns/mails.csv", {
        "about": "subject", "kind": "kind", "recipient": "data.recipient", "recipient_name": "data.recipient_name",
        "address": "data.address", "template": "data.template", "subject": "data.subject", "at": "at",
    }) for kind in ("mail:sent", "mail:failed")},
}  # fmt: skip
CHANGE = ("administration/changes.csv", {
    "at": "at", "kind": "kind", "subject": "subject", "by": "actor.name", "data": "data",
})  # fmt: skip
#: The check that reports a table's rows; the others belong to the removals.
OWNER = {
    "population/snapshots.csv": "snapshots", "reviews/reviewers.csv": "reviewers", "reviews/reassignments.csv": "reviewers",
    "reviews/submissions.csv": "submissions", "reviews/bulk_acts.csv": "bulk", "campaigns/mails.csv": "campaigns",
    "administration/changes.csv": "administration",
}  # fmt: skip
COMPARED = {table: list(paths) for table, paths in [*SHOWN.values(), CHANGE]}
#: Campaigns are compared by themselves: two entries make one row.
LAUNCHED, CLOSED, CANCELLED = "campaign:launched", "campaign:closed", "campaign:cancelled"
#: Cells that hold JSON; the order of keys and spaces do not matter in them.
JSON_COLUMNS = {"data", "filter", "by_rule"}
SMALL_FILE, LINE_LIMIT, FIELD_LIMIT = 64 * 2**20, 2**20, 2**20
PROBLEMS_SHOWN, STRAYS, AHEAD = 20, 50_000, 64
NEEDS_ESCAPE = re.compile(r'["\\\x00-\x1f]').search
quoted = json.encoder.encode_basestring
sha256 = hashlib.sha256


class Problem(Exception):
    """Something does not hold: the message says where, and what it means."""


class CannotRun(Exception):
    """What was asked for cannot be done at all."""


# --- Ed25519, RFC 8032 section 5.1: plain arithmetic, a pack has a handful of signatures ------------------------------------

P = 2**255 - 19
ORDER = 2**252 + 27742317777372353535851937790883648493
D = -121665 * pow(121666, P - 2, P) % P
ROOT_OF_MINUS_ONE = pow(2, (P - 1) // 4, P)


def _add(a, b):
    left, right = (a[1] - a[0]) * (b[1] - b[0]) % P, (a[1] + a[0]) * (b[1] + b[0]) % P
    c, d = 2 * a[3] * b[3] * D % P, 2 * a[2] * b[2] % P
    e, f, g, h = right - left, d - c, d + c, right + left
    return e * f % P, g * h % P, f * g % P, e * h % P


def _multiply(scalar, point):
    result = (0, 1, 1, 0)
    while scalar:
        if scalar & 1:
            result = _add(result, point)
        point, scalar = _add(point, point), scalar >> 1
    return result


def _point(encoded):
    y = int.from_bytes(encoded, "little")
    sign, y = y >> 255, y & (2**255 - 1)
    if y >= P:
        return None
    square = (y * y - 1) * pow(D * y * y + 1, P - 2, P) % P
    x = pow(square, (P + 3) // 8, P)
    if (x * x - square) % P:
        x = x * ROOT_OF_MINUS_ONE % P
    if (x * x - square) % P or (x == 0 and sign):
        return None
    x = P - x if x & 1 != sign else x
    return x, y, 1, x * y % P


BASE = _point((4 * pow(5, P - 2, P) % P).to_bytes(32, "little"))


def ed25519_verify(public, message, signature):
    """Whether the 64-byte signature over the message is that of the 32-byte public key."""
    if len(public) != 32 or len(signature) != 64:
        return False
    a, r, s = _point(public), _point(signature[:32]), int.from_bytes(signature[32:], "little")
    if a is None or r is None or s >= ORDER:
        return False
    challenge = int.from_bytes(hashlib.sha512(signature[:32] + public + message).digest(), "little") % ORDER
    one, other = _multiply(s, BASE), _add(r, _multiply(challenge, a))
    return (one[0] * other[2] - other[0] * one[2]) % P == 0 and (one[1] * other[2] - other[1] * one[2]) % P == 0


# --- Merkle trees, RFC 6962 section 2.1, and the proofs of RFC 9162 ----------------------------------------------------------


def leaf_hash(data):
    """The hash of a leaf."""
    return sha256(b"\x00" + data).digest()


def node_hash(left, right):
    """The hash of a node over its two children."""
    return sha256(b"\x01" + left + right).digest()


class Tree:
    """Grows leaf by leaf and knows its root; holds one hash for each complete subtree it is made of."""

    def __init__(self, size=0, roots=()):
        self.size, self.roots = size, list(roots)

    def append(self, leaf):
        """Add a leaf hash."""
        rest, roots = self.size, self.roots
        while rest & 1:
            leaf = sha256(b"\x01" + roots.pop() + leaf).digest()
            rest >>= 1
        roots.append(leaf)
        self.size += 1

    def root(self):
        """The root as it stands."""
        if not self.roots:
            return sha256(b"").digest()
        node = self.roots[-1]
        for left in reversed(self.roots[:-1]):
            node = node_hash(left, node)
        return node


def verify_inclusion(index, size, leaf, proof, root):
    """Whether the proof shows the leaf at `index` in the tree of `size` leaves with this root."""
    if not 0 <= index < size:
        return False
    fn, sn, node = index, size - 1, leaf
    for step in proof:
        if sn == 0:
            return False
        if fn & 1 or fn == sn:
            node = node_hash(step, node)
            while not fn & 1 and fn:
                fn, sn = fn >> 1, sn >> 1
        else:
            node = node_hash(node, step)
        fn, sn = fn >> 1, sn >> 1
    return sn == 0 and node == root


def verify_consistency(old, new, proof, old_root, new_root):
    """Whether the proof shows that the tree (new, new_root) begins with the tree (old, old_root)."""
    if not 0 < old <= new:
        return False
    if old == new:
        return not proof and old_root == new_root
    path = list(proof) if old & (old - 1) else [old_root, *proof]
    if not path:
        return False
    fn, sn = old - 1, new - 1
    while fn & 1:
        fn, sn = fn >> 1, sn >> 1
    first = second = path[0]
    for step in path[1:]:
        if sn == 0:
            return False
        if fn & 1 or fn == sn:
            first, second = node_hash(step, first), node_hash(step, second)
            while not fn & 1 and fn:
                fn, sn = fn >> 1, sn >> 1
        else:
            second = node_hash(second, step)
        fn, sn = fn >> 1, sn >> 1
    return sn == 0 and first == old_root and second == new_root


# --- canonical JSON of rows, RFC 8785: for strings it is what Python's encoder writes without spaces --------------------------


def canonical_row(cells):
    """The bytes of the JSON array of the cells."""
    if NEEDS_ESCAPE("".join(cells)):
        return ("[" + ",".join(map(quoted, cells)) + "]").encode()
    return ('["' + '","'.join(cells) + '"]').encode()


def digest(cells):
    """Sixteen bytes that stand for the cells in memory."""
    return hashlib.blake2b(canonical_row(cells), digest_size=16).digest()


def parse_json(text, where):
    """JSON without anything that two readers could understand differently."""

    def unique(pairs):
        if len({name for name, _ in pairs}) != len(pairs):
            raise ValueError("a name stands twice in one object")
        return dict(pairs)

    def refused(number):
        raise ValueError(f"{number[:40]} is not allowed")

    def whole(number):
        return int(number) if len(number) < 20 else refused(number)

    try:
        return json.loads(text, object_pairs_hook=unique, parse_int=whole, parse_float=refused, parse_constant=refused)
    except (ValueError, RecursionError) as error:
        raise Problem(f"{where} is not the JSON it should be ({error}): it was changed or damaged") from None


# --- signed notes and checkpoints, C2SP ---------------------------------------------------------------------------------------


def _base64(text, where):
    try:
        return base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        raise Problem(f"{where}: {text[:60]!r} is not base64") from None


class Key:
    """A verifier key, written name+hash+key."""

    def __init__(self, text, where):
        self.text = text.strip()
        self.name, _, rest = self.text.partition("+")
        stated, _, encoded = rest.partition("+")
        raw = _base64(encoded, where)
        if not self.name or raw[:1] != b"\x01" or len(raw) != 33:
            raise Problem(f"{where} is not an Ed25519 verifier key")
        self.public, self.hash = raw[1:], sha256(self.name.encode() + b"\n" + raw).digest()[:4]
        if self.hash.hex() != stated:
            raise Problem(f"{where}: its hash does not fit its name and key")

    def open(self, note, where):
        """The text of a note that this key signed."""
        text, separator, tail = note.rpartition("\n\n")
        if not separator or not tail.endswith("\n"):
            raise Problem(f"{where} carries no signature")
        for line in tail[:-1].split("\n"):
            signer, _, signature = line[2:].partition(" ")
            if not line.startswith("\u2014 ") or not signer or not signature:
                raise Problem(f"{where}: {line[:60]!r} is not a signature line")
            raw = _base64(signature, where)
            if signer != self.name or raw[:4] != self.hash:
                continue
            if not ed25519_verify(self.public, (text + "\n").encode(), raw[4:]):
                raise Problem(
                    f"{where}: the signature of {self.name} does not fit the text: the text was changed after it was signed"
                )
            return text + "\n"
        raise Problem(f"{where} is not signed by {self.text}: another key signed it, or nobody did")


class Checkpoint:
    """What a checkpoint says: origin, size and root of the log."""

    def __init__(self, text, where):
        lines = text.split("\n")
        if len(lines) < 4 or not re.fullmatch(r"0|[1-9][0-9]{0,17}", lines[1]):
            raise Problem(f"{where} is not a checkpoint: it needs an origin, a size and a root")
        self.origin, self.size, self.root = lines[0], int(lines[1]), _base64(lines[2], where)
        if len(self.root) != 32:
            raise Problem(f"{where}: its root is not a SHA-256 hash")

    @classmethod
    def open(cls, note, key, where):
        """A checkpoint of the log that the key belongs to."""
        found = cls(key.open(note, where), where)
        if found.origin != key.name:
            raise Problem(f"{where} belongs to the log {found.origin}, not to {key.name}")
        return found


def split_notes(text):
    """Several notes, one after the other with an empty line between."""
    notes, lines = [], []
    for line in text.split("\n"):
        if not line and lines and lines[-1].startswith("\u2014 "):
            notes.append("\n".join(lines) + "\n")
            lines = []
        else:
            lines.append(line)
    return [*notes, "\n".join(lines)] if any(lines) else notes


# --- the files of a pack, zipped or unpacked ----------------------------------------------------------------------------------


class Pack:
    """The files of a pack by name, read as streams. Nothing is ever unpacked to disk."""

    def __init__(self, path):
        self.path, self.archive, self.sizes, self.oddities = path, None, {}, []
        if os.path.isdir(path):
            self._list_folder()
        else:
            self._list_archive()
        folded = {}
        for name in self.sizes:
            if name.startswith("/") or ".." in name.split("/") or re.search(r"[\\:\x00-\x1f]", name):
                self.oddities.append(f"a file is named {name!r}, which leads outside the pack when it is unpacked")
            same = folded.setdefault(unicodedata.normalize("NFKC", name).casefold(), name)
            if same != name:
                self.oddities.append(f"{name!r} and {same!r} are names that look alike: one hides the other")

    def _list_folder(self):
        for folder, folders, names in os.walk(self.path):
            for name in folders + names:
                full = os.path.join(folder, name)
                short = os.path.relpath(full, self.path).replace(os.sep, "/")
                found = os.lstat(full)
                if stat.S_ISREG(found.st_mode):
                    self.sizes[short] = found.st_size
                elif not stat.S_ISDIR(found.st_mode):
                    self.oddities.append(f"{short} is a link or a device, not a file")

    def _list_archive(self):
        try:
            self.archive = zipfile.ZipFile(self.path)
            members = self.archive.infolist()
        except (OSError, ValueError, zipfile.BadZipFile, NotImplementedError, RecursionError) as error:
            raise CannotRun(f"{self.path} is not a ZIP file that can be read ({error})") from None
        for member in members:
            kind = stat.S_IFMT(member.external_attr >> 16)
            if member.filename in self.sizes:
                self.oddities.append(f"{member.filename} is in the ZIP twice: whoever unpacks it sees only one of them")
            elif kind not in (0, stat.S_IFREG):
                self.oddities.append(f"{member.filename} is a link or a device, not a file")
            elif member.flag_bits & 1:
                self.oddities.append(f"{member.filename} is encrypted")
            else:
                self.sizes[member.filename] = member.file_size

    def open(self, name):
        """A file as a binary stream."""
        if name not in self.sizes:
            raise Problem(f"{name} is missing from the pack")
        if self.archive:
            return io.BufferedReader(self.archive.open(name), 1 << 18)
        return open(os.path.join(self.path, *name.split("/")), "rb")

    def small(self, name):
        """The bytes of a file that must be small."""
        if self.sizes.get(name, 0) > SMALL_FILE:
            raise Problem(f"{name} has {self.sizes[name]:,} bytes, far more than such a file can need; it was not read")
        with self.open(name) as stream:
            return stream.read(SMALL_FILE + 1)

    def text(self, name):
        """A small file as text."""
        try:
            return self.small(name).decode()
        except UnicodeDecodeError:
            raise Problem(f"{name} is not UTF-8: it was changed or damaged") from None

    def lines(self, name):
        """The lines of a text file."""
        with self.open(name) as stream:
            for number in range(1, sys.maxsize):
                line = stream.readline(LINE_LIMIT)
                if not line:
                    return
                if len(line) == LINE_LIMIT:
                    raise Problem(f"{name}, line {number}: longer than any line can be; it was changed or damaged")
                try:
                    yield line.decode()
                except UnicodeDecodeError:
                    raise Problem(f"{name}, line {number}: not UTF-8; it was changed or damaged") from None

    def table(self, name):
        """(row number as a spreadsheet counts, cells) of a table; the apostrophe that made a cell harmless is taken away."""
        columns, number = TABLES[name], 1
        reader = csv.reader(self.lines(name), strict=True)
        try:
            if next(reader, None) != columns:
                raise Problem(f"{name}, row 1: the columns are not {', '.join(columns)}")
            for cells in reader:
                number += 1
                if len(cells) != len(columns):
                    raise Problem(
                        f"{name}, row {number}: {len(cells)} cells instead of {len(columns)}; it was changed or damaged"
                    )
                if "'" in "".join(cells):
                    cells = [cell[1:] if cell[:1] == "'" else cell for cell in cells]
                yield number, cells
        except csv.Error as error:
            raise Problem(f"{name}, after row {number}: not a CSV table ({error}); it was changed or damaged") from None

    def rows(self, name):
        """(row number, {column: cell}) of a table."""
        columns = TABLES[name]
        for number, cells in self.table(name):
            yield number, dict(zip(columns, cells))


# --- what is found ------------------------------------------------------------------------------------------------------------


class Check:
    """One line of the report: what was checked, how much of it, and what does not hold."""

    def __init__(self, title):
        self.title, self.words, self.problems, self.more, self.unable = title, "", [], 0, ""

    def problem(self, text):
        """Note something that does not hold; after twenty they are only counted."""
        if len(self.problems) < PROBLEMS_SHOWN:
            self.problems.append(text)
        else:
            self.more += 1

    @contextlib.contextmanager
    def reading(self):
        """Whatever goes wrong while a pack is read is a finding about the pack, never a crash."""
        try:
            yield
        except Problem as problem:
            self.problem(str(problem))
        except (zipfile.BadZipFile, zlib.error, EOFError, OSError, NotImplementedError) as error:
            self.problem(f"a file of the pack cannot be read to its end ({error}): it is damaged")
        except Exception as error:
            self.problem(f"a value is missing or not of the kind it must be ({type(error).__name__}: {str(error)[:200]})")

    def lines(self):
        """The lines of the report."""
        if self.problems:
            yield f"[FAILED]      {self.title}"
            yield from (f"                {text}" for text in self.problems)
            if self.more:
                yield f"                … and {self.more:,} more"
        elif self.unable:
            yield f"[not checked] {self.title}: {self.unable}"
        else:
            yield f"[held]        {self.title}: {self.words}"


class Campaign:
    """What the tables say of one campaign, compact: sixteen bytes stand for a row where only equality matters."""

    def __init__(self, number, row):
        self.number, self.row = number, row
        self.label = f"campaign {row['campaign']} “{row['name']}”"
        self.is_closed = row["state"] == "closed"
        self.items, self.outcomes, self.exclusions = Tree(), Tree(), Tree()
        self.leaf, self.final, self.facts = bytearray(), bytearray(), bytearray()
        self.reviewer, self.sign_off = array("l"), array("l")
        self.people, self.assigned, self.decided = {}, {}, {}
        self.sign_offs, self.trees, self.signed, self.seen = {}, [], [], []
        self.balance, self.moved = {}, set()
        self.decisions, self.disordered = 0, False
        self.launch, self.end = None, None

    def counts(self, source, snapshot):
        """[items, approved, revoked, not reviewed, excluded] of a source, to be counted up."""
        return self.balance.setdefault((source, snapshot), [0, 0, 0, 0, 0])

    def place(self, reviewer):
        """A small number for a person."""
        return self.people.setdefault(reviewer, len(self.people))


PLACE = {"approved": 1, "revoked": 2, "not_reviewed": 3}
EMPTY = bytes(16)


def value_at(entry, path):
    """The value at a dotted path of an entry, as a table shows it."""
    for name in path.split("."):
        entry = entry[name]
    if isinstance(entry, str):
        return entry
    if isinstance(entry, list):
        return " ".join(map(str, entry))
    return json.dumps(entry, sort_keys=True) if isinstance(entry, dict) else str(entry)


def plain_json(cell):
    """A cell of JSON with its keys in order."""
    try:
        return json.dumps(json.loads(cell), sort_keys=True)
    except (ValueError, RecursionError):
        return cell


def short(text):
    """A value for a message."""
    return f"“{text[:120]}…”" if len(text) > 120 else f"“{text}”"


def uid_bytes(text):
    """An entry's id in sixteen bytes; an id that is none stands for nothing."""
    try:
        return bytes.fromhex(text.replace("-", "")) if len(text) == 36 else b"?" + text.encode()
    except ValueError:
        return b"?" + text.encode()


# --- the checks ---------------------------------------------------------------------------------------------------------------


class Verifier:
    """Runs every check over one pack. `kept` is the text of the checker's own checkpoint, `key` the key they trust."""

    def __init__(self, pack, kept="", key=""):
        self.pack, self.kept, self.trusted = pack, kept, key
        titles = {
            "files": "Files", "signature": "Manifest", "checkpoints": "Checkpoints", "log": "Log",
            "kept": "Your own checkpoint", "entries": "Log entries", "campaigns": "Campaigns", "items": "Populations",
            "exclusions": "Exclusions", "outcomes": "Outcomes", "decisions": "Decisions", "submissions": "Submissions",
            "bulk": "Bulk acts", "reviewers": "Reviewers", "snapshots": "Readings of the systems", "balance": "Balances",
            "removals": "Removals", "controls": "Controls", "administration": "Changes of people, rules and systems",
            "anchors": "Witnesses outside",
        }  # fmt: skip
        self.checks = {name: Check(title) for name, title in titles.items()}
        self.manifest, self.key, self.sealing, self.first = {}, None, None, 0
        self.campaigns, self.left_out, self.rows, self.unreadable = {}, {}, {}, set()
        self.files, self.snapshots, self.acts, self.removals, self.progress = {}, {}, {}, {}, {}
        self.reviewers, self.outside, self.removal_counts = {}, {}, {}

    def run(self):
        """Every check, in the order in which they are reported."""
        self.check_files()
        self.check_signature()
        self.check_checkpoints()
        self.read_tables()
        self.check_entries()
        self.compare_campaigns()
        self.compare_people()
        self.compare_removals()
        self.describe()
        return list(self.checks.values())

    # 1: files and manifest

    def check_files(self):
        """Every file of the manifest is there, nothing else is, sizes and SHA-256 agree."""
        check = self.checks["files"]
        for oddity in self.pack.oddities:
            check.problem(oddity)
        with check.reading():
            self.manifest = self._read_manifest()
        listed = self.manifest.get("files", {})
        for name in sorted(SIGNED - set(listed) if listed else ()):
            check.problem(f"manifest.json does not list {name}, which every pack has")
        for name in sorted(set(self.pack.sizes) - set(listed) - {"manifest.json", "manifest.sig"}):
            check.problem(f"{name} is in the pack but not in its manifest: it was added")
        total = 0
        for name, facts in sorted(listed.items()):
            with check.reading():
                self._check_file(name, facts["size"], facts["sha256"], check)
                total += facts["size"]
        check.words = (
            f"{len(listed):,} files with {total:,} bytes: all there, nothing else, sizes and SHA-256 as the manifest says"
        )

    def _read_manifest(self):
        manifest = parse_json(self.pack.text("manifest.json"), "manifest.json")
        if not isinstance(manifest, dict) or manifest.get("format") != FORMAT:
            raise Problem(f"manifest.json is not a manifest of the format {FORMAT}")
        for name, facts in manifest["files"].items():
            size = facts["size"]
            if type(size) is not int or size < 0 or not re.fullmatch("[0-9a-f]{64}", facts["sha256"]):
                raise Problem(f"manifest.json: size or SHA-256 of {name} are not such")
        return manifest

    def _check_file(self, name, size, stated, check):
        found = self.pack.sizes.get(name)
        if found is None:
            raise Problem(f"{name} is missing from the pack: the manifest lists it")
        if found != size:
            if found > 4 * size + 2**20:
                self.unreadable.add(name)
                raise Problem(f"{name} unpacks to {found:,} bytes where the manifest says {size:,}; it was not read further")
            raise Problem(f"{name} has {found:,} bytes, the manifest says {size:,}: it was changed after the pack was made")
        hashed = sha256()
        with self.pack.open(name) as stream:
            for block in iter(lambda: stream.read(1 << 20), b""):
                hashed.update(block)
        if hashed.hexdigest() != stated:
            check.problem(f"{name} was changed after the pack was made: its SHA-256 is not the one in the manifest")

    def check_signature(self):
        """The manifest is signed by the log's key."""
        check = self.checks["signature"]
        with check.reading():
            self.key = (
                Key(self.trusted, "the key you gave") if self.trusted else Key(self.manifest["log"]["key"], "the pack's key")
            )
            text = self.key.open(self.pack.text("manifest.sig"), "manifest.sig")
            hashed = sha256(self.pack.small("manifest.json")).hexdigest()
            if text != f"{FORMAT} manifest of {self.key.name}\nsha256 {hashed}\n":
                raise Problem("manifest.sig signs another manifest: manifest.json was changed after it was signed")
            if self.manifest.get("log", {}).get("key") != self.key.text:
                raise Problem("manifest.json names another key than the one you gave")
        whose = "the key you gave" if self.trusted else f"the key that the pack names, {self.key.text if self.key else ''}"
        check.words = f"signed with {whose}"

    # 2: checkpoints and the log

    def check_checkpoints(self):
        """Signatures of the checkpoints; the root from every leaf; each checkpoint continues the one before."""
        check = self.checks["checkpoints"]
        known, proofs = [], {}
        with check.reading():
            if self.key is None:
                raise Problem("no key is known, so no signature can be checked")
            notes = split_notes(self.pack.text("ledger/checkpoints.txt"))
            known = [
                Checkpoint.open(note, self.key, f"ledger/checkpoints.txt, checkpoint {place}")
                for place, note in enumerate(notes, 1)
            ]
            if not known or [one.size for one in known] != sorted({one.size for one in known}):
                raise Problem("ledger/checkpoints.txt: the checkpoints do not stand in the order of their sizes")
            stated = self.manifest["checkpoint"]
            if (known[-1].size, known[-1].root.hex()) != (stated["size"], stated["root"]):
                raise Problem("ledger/checkpoints.txt: the last checkpoint is not the one that the manifest names")
            self.sealing = known[-1]
        check.words = f"{len(known)} signed by {self.key.name if self.key else ''}; the pack is sealed by the one of {known[-1].size if known else 0:,} entries"
        with self.checks["log"].reading():
            if self.sealing is None:
                raise Problem("the log cannot be checked without its checkpoints")
            proofs = self._read_proofs()
            self._check_leaves(known, proofs)
        with self.checks["log"].reading():
            for one in known[:-1] if proofs else ():
                path = proofs["consistency"].get(one.size, [])
                if not verify_consistency(one.size, self.sealing.size, path, one.root, self.sealing.root):
                    raise Problem(
                        f"ledger/proofs.json: the log does not continue its own checkpoint of {one.size:,} entries: it was rewritten"
                    )
        self._check_kept(known)

    def _read_proofs(self):
        body = parse_json(self.pack.text("ledger/proofs.json"), "ledger/proofs.json")
        path = [bytes.fromhex(node) for node in body["earlier"]]
        self.first = body["first_leaf"]
        if type(self.first) is not int or not 0 <= self.first <= self.sealing.size or len(path) != bin(self.first).count("1"):
            raise Problem("ledger/proofs.json does not say which leaves came before those in the pack")
        self.outside = {
            bytes.fromhex(one["leaf"]): (one["index"], [bytes.fromhex(node) for node in one["path"]])
            for one in body["inclusion"]
        }
        consistency = {one["size"]: [bytes.fromhex(node) for node in one["path"]] for one in body["consistency"]}
        return {"earlier": path, "consistency": consistency}

    def _leaves(self):
        with self.pack.open("ledger/leaves.bin") as stream:
            for block in iter(lambda: stream.read(32 * 8192), b""):
                for start in range(0, len(block), 32):
                    yield block[start : start + 32]

    def _check_leaves(self, known, proofs):
        """Recompute the root from every leaf, and on the way the root of every checkpoint within."""
        check, tree = self.checks["log"], Tree(self.first, proofs["earlier"])
        roots = {one.size: (one.root, f"the checkpoint of {one.size:,} entries in ledger/checkpoints.txt") for one in known}
        if self.pack.sizes.get("ledger/leaves.bin") != 32 * (self.sealing.size - self.first):
            check.problem(
                f"ledger/leaves.bin does not hold exactly the {self.sealing.size - self.first:,} leaves up to the seal: leaves were dropped or added"
            )
        kept = self._open_kept()
        self.kept_root = tree.root() if kept and kept.size == tree.size else None
        if tree.size in roots and tree.size and tree.root() != roots[tree.size][0]:
            check.problem(f"ledger/proofs.json: the hashes of the earlier leaves do not have the root of {roots[tree.size][1]}")
        for leaf in self._leaves():
            tree.append(leaf)
            if tree.size in roots and tree.root() != roots[tree.size][0]:
                check.problem(
                    f"ledger/leaves.bin: the leaves do not have the root of {roots[tree.size][1]}: the log in this pack is not the one that was signed"
                )
            if kept and kept.size == tree.size:
                self.kept_root = tree.root()

    def _open_kept(self):
        with self.checks["kept"].reading():
            return Checkpoint.open(self.kept, self.key, "your checkpoint") if self.kept else None

    def _check_kept(self, known):
        """The checkpoint that the checker kept is a beginning of this log."""
        check = self.checks["kept"]
        if not self.kept:
            check.unable = "give one that you kept with --checkpoint, and a log that was rewritten since then is found"
            return
        kept = self._open_kept() if not check.problems and self.key else None
        if kept is None:
            check.unable = "there is no key, or no signature of it, to open it with"
            return
        roots = [one.root for one in known if one.size == kept.size] or [getattr(self, "kept_root", None)]
        if roots[0] is None or self.checks["log"].problems:
            check.unable = f"it is of {kept.size:,} entries; this pack has the log from {self.first:,} to {self.sealing.size if self.sealing else 0:,}"
        elif roots[0] != kept.root:
            check.problem(
                f"at {kept.size:,} entries this log has another root than the checkpoint you kept: the log was rewritten since, or "
                "you were shown another log than others"
            )
        check.words = f"this log begins with exactly the {kept.size:,} entries that yours stands for"

    # 3: the tables

    def read_tables(self):
        """Read every table once. What each row says is kept in sixteen bytes, to be compared with the log afterwards."""
        steps = (
            ("campaigns", ("campaigns/campaigns.csv", "campaigns/left_out.csv"), self._read_campaigns),
            ("items", ("reviews/items.csv", "remediation/removals.csv"), self._read_items),
            ("exclusions", ("population/exclusions.csv",), self._read_exclusions),
            (
                "snapshots",
                ("population/snapshots.csv", "population/files.csv", "population/rejected_rows.csv"),
                self._read_snapshots,
            ),
            ("reviewers", ("reviews/reviewers.csv",), self._read_reviewers),
            ("reviewers", ("reviews/reassignments.csv",), self._read_reassignments),
            ("submissions", ("reviews/submissions.csv",), self._read_plain),
            ("bulk", ("reviews/bulk_acts.csv",), self._read_bulk_acts),
            ("removals", ("remediation/attempts.csv",), self._read_plain),
            ("removals", ("remediation/verifications.csv",), self._read_verifications),
            ("administration", ("administration/changes.csv",), self._read_plain),
            ("campaigns", ("campaigns/mails.csv",), self._read_plain),
        )
        for name, tables, read in steps:
            check = self.checks[name]
            before = len(check.problems) + check.more
            finished = False
            with check.reading():
                if closed := [table for table in tables if table in self.unreadable]:
                    raise Problem(f"{closed[0]} was not read")
                read(check, *tables)
                finished = True
            if not finished and len(check.problems) + check.more > before:
                self.unreadable.update(tables)

    def _remember(self, table, number, row):
        """Keep what a row says until its entry comes by."""
        key = uid_bytes(row["entry"])
        if key in self.rows:
            self.checks["entries"].problem(
                f"{table}, row {number}: its entry {row['entry']} is already that of another row: a row was copied"
            )
        self.rows[key] = (table, number, [row[name] for name in COMPARED[table]])

    def _read_plain(self, _check, table):
        for number, row in self.pack.rows(table):
            self._remember(table, number, row)

    def _read_campaigns(self, check, table, left_out):
        for number, row in self.pack.rows(table):
            if row["campaign"] in self.campaigns:
                check.problem(f"{table}, row {number}: campaign {row['campaign']} stands there twice")
            self.campaigns[row["campaign"]] = Campaign(number, row)
        for number, row in self.pack.rows(left_out):
            self.left_out[row["launch_entry"]] = (number, row)

    def _read_items(self, check, table, removals):
        waiting = self.pack.table(removals)
        removal = next(waiting, None)
        for number, cells in self.pack.table(table):
            campaign = self.campaigns.get(cells[0])
            if campaign is None:
                check.problem(f"{table}, row {number}: campaign {cells[0]} is not in campaigns/campaigns.csv")
                continue
            self._take_item(campaign, table, number, cells)
            if campaign.is_closed and cells[ITEM["outcome"]] == "revoked":
                removal = self._take_removal(campaign, number, cells, removal, waiting)
        while removal:
            self.checks["removals"].problem(
                f"{removals}, row {removal[0]}: item {removal[1][1]} of campaign {removal[1][0]} was not revoked: a row was added or moved"
            )
            removal = next(waiting, None)

    def _take_item(self, campaign, table, number, cells):
        tree = campaign.items
        if cells[1] != str(tree.size + 1) and not campaign.disordered:
            campaign.disordered = True
            self.checks["items"].problem(
                f"{table}, row {number}: item {short(cells[1])} of {campaign.label} stands where item {tree.size + 1} should: "
                "a row was dropped, added or moved"
            )
        leaf = leaf_hash(canonical_row(cells[:28]))
        tree.append(leaf)
        campaign.leaf += leaf[:16]
        reviewer = campaign.place(cells[25])
        campaign.reviewer.append(reviewer)
        campaign.assigned[reviewer] = campaign.assigned.get(reviewer, 0) + 1
        outcome, decision, by, at, entry, sign_off, name, rationale = cells[28:]
        signed = -1
        if sign_off:
            signed = self._sign_off(campaign, sign_off)
            campaign.trees[signed].append(leaf_hash(canonical_row([cells[0], cells[1], decision, at, entry])))
            campaign.final += uid_bytes(entry)[:16].ljust(16, b"?")
            campaign.facts += digest([decision, by, at, name, rationale])
        else:
            campaign.final += EMPTY
            campaign.facts += EMPTY
        campaign.sign_off.append(signed)
        counts = campaign.counts(cells[2], cells[3])
        counts[0] += 1
        if campaign.is_closed:
            campaign.outcomes.append(leaf_hash(canonical_row([cells[0], cells[1], *cells[28:34]])))
            counts[PLACE.get(outcome, 3)] += 1
        self._check_outcome(campaign, f"{table}, row {number}", cells[28:])

    @staticmethod
    def _sign_off(campaign, uid):
        place = campaign.sign_offs.setdefault(uid, len(campaign.sign_offs))
        if place == len(campaign.trees):
            campaign.trees.append(Tree())
            campaign.signed.append(0)
            campaign.seen.append(0)
        campaign.signed[place] += 1
        return place

    def _check_outcome(self, campaign, where, cells):
        """The outcome is what was submitted, and nothing else; without a submission nothing is said of a decision."""
        outcome, decision, sign_off = cells[0], cells[1], cells[5]
        if bool(sign_off) != all(cells[1:6]) or (not sign_off and any(cells[1:])):
            self.checks["outcomes"].problem(f"{where}: a decision without its submission, or the other way round")
        wanted = {"approve": "approved", "revoke": "revoked"}.get(decision, "not_reviewed") if campaign.is_closed else ""
        if outcome != wanted:
            self.checks["outcomes"].problem(
                f"{where}: the outcome is {short(outcome)}, but what was submitted makes it {short(wanted)}; silence never approves"
            )

    def _take_removal(self, campaign, number, cells, removal, waiting):
        """The removals stand in the order of the items: each revoked item takes the next one."""
        check, here = self.checks["removals"], (int(cells[0]), int(cells[1]))
        while removal and tuple(map(int, removal[1][:2])) < here:
            check.problem(
                f"remediation/removals.csv, row {removal[0]}: item {removal[1][1]} of campaign {removal[1][0]} was not revoked: a row was added or moved"
            )
            removal = next(waiting, None)
        if removal is None or tuple(map(int, removal[1][:2])) != here:
            check.problem(
                f"reviews/items.csv, row {number}: item {cells[1]} of {campaign.label} was revoked, but remediation/removals.csv has no row for it: a row was dropped"
            )
            return removal
        row = dict(zip(TABLES["remediation/removals.csv"], removal[1]))
        where = f"remediation/removals.csv, row {removal[0]}"
        for name in ("source", "account_id", "entitlement_id", "path"):
            if row[name] != cells[ITEM[name]]:
                check.problem(
                    f"{where}: {name} is {short(row[name])}, but the item that was revoked says {short(cells[ITEM[name]])}"
                )
        if row["entry"]:
            self._remember("remediation/removals.csv", removal[0], row)
        elif row["state"] != "not_opened":
            check.problem(f"{where}: it is said to be {row['state']} but no entry of the log opened it")
        if row["removal"]:
            said = [row[name] for name in ("state", "attempts", "present_in", "gone_in", "verified_at")]
            self.removals[row["removal"]] = (removal[0], digest(said), cells[3])
        self.removal_counts[row["state"]] = self.removal_counts.get(row["state"], 0) + 1
        return next(waiting, None)

    def _read_exclusions(self, check, table):
        for number, cells in self.pack.table(table):
            campaign = self.campaigns.get(cells[0])
            if campaign is None:
                check.problem(f"{table}, row {number}: campaign {cells[0]} is not in campaigns/campaigns.csv")
                continue
            if cells[1] != str(campaign.exclusions.size + 1):
                check.problem(
                    f"{table}, row {number}: exclusion {cells[1]} stands where {campaign.exclusions.size + 1} should: a row was dropped, added or moved"
                )
            campaign.exclusions.append(leaf_hash(canonical_row(cells)))
            campaign.counts(cells[2], cells[3])[4] += 1

    def _read_snapshots(self, check, table, files, rejected):
        for number, row in self.pack.rows(files):
            self.files.setdefault((row["source"], row["snapshot"]), []).append(row)
            balanced(row, f"{files}, row {number}", check)
        refused = {}
        for _, row in self.pack.rows(rejected):
            key = (row["source"], row["snapshot"], row["kind"])
            refused[key] = refused.get(key, 0) + 1
        for number, row in self.pack.rows(table):
            key = (row["source"], row["snapshot"])
            self.snapshots[key] = row
            self._remember(table, number, row)
            balanced(row, f"{table}, row {number}", check)
            own = self.files.get(key, [])
            if sum(int(file["rows_read"]) for file in own) != int(row["rows_read"]):
                check.problem(
                    f"{table}, row {number}: rows read are not the sum of its files in {files}: a row was dropped, added or changed"
                )
            for file in own:
                if refused.pop((*key, file["kind"]), 0) != int(file["rows_rejected"]):
                    check.problem(
                        f"{rejected}: not exactly the rejected rows of the {file['kind']} file of {row['source']} reading {row['snapshot']}: a row was dropped or added"
                    )
        for source, snapshot, kind in refused:
            check.problem(f"{rejected} has rows of the {kind} file of {source} reading {snapshot}, which {files} does not have")
        for key in set(self.files) - set(self.snapshots):
            check.problem(f"{files} has files of {key[0]} reading {key[1]}, which {table} does not have")

    def _read_reviewers(self, check, table):
        for number, row in self.pack.rows(table):
            if row["entry"]:
                self._remember(table, number, row)
            elif row["items_assigned"] != "0":
                check.problem(
                    f"{table}, row {number}: items were assigned to {row['reviewer']}, but no entry of the log says so"
                )
            self.reviewers[row["campaign"], row["reviewer"]] = (number, row)

    def _read_reassignments(self, check, table):
        for entry, group in groupby(self.pack.rows(table), key=lambda found: found[1]["entry"]):
            found = list(group)
            number, row = found[0]
            if any({**one, "item": ""} != {**row, "item": ""} for _, one in found):
                check.problem(f"{table}, from row {number} on: rows of one entry, {entry}, differ in more than the item")
            self._remember(table, number, {**row, "item": " ".join(one["item"] for _, one in found)})
            if campaign := self.campaigns.get(row["campaign"]):
                campaign.moved.update((one["item"], one["to"]) for _, one in found)

    def _read_bulk_acts(self, _check, table):
        for number, row in self.pack.rows(table):
            self._remember(table, number, row)
            self.acts[row["entry"]] = [number, row["count"], row["items_sha256"], 0, sha256(b"[")]

    def _read_verifications(self, check, table):
        for number, row in self.pack.rows(table):
            self._remember(table, number, row)
            where = f"{table}, row {number}"
            after = self.snapshots.get((row["source"], row["snapshot"]))
            before = self.snapshots.get((row["source"], row["present_in"]))
            if not after or not before:
                check.problem(
                    f"{where}: the readings {row['present_in']} and {row['snapshot']} of {row['source']} between which it lies are not both in population/snapshots.csv"
                )
            elif int(row["present_in"]) >= int(row["snapshot"]) or after["completeness"] != "full":
                check.problem(
                    f"{where}: reading {row['snapshot']} of {row['source']} proves nothing: it is not a full reading later than {row['present_in']}"
                )

    # 4: the entries, and the rows that they must equal

    def check_entries(self):
        """Each entry hashes to a leaf of the log; each row equals its entry; each entry has its row."""
        check, found = self.checks["entries"], 0
        with check.reading():
            if self.sealing is None or self.checks["log"].problems:
                check.problem("without a log that holds, entries can be compared with the tables only, not with the log")
            for number, line in self._entries_in_log(check):
                found += 1
                self._take_entry(number, line)
        self._end_of_decisions()
        for table, number, _ in self.rows.values():
            if table not in self.unreadable:
                check.problem(
                    f"{table}, row {number}: its entry is not in the log of this pack: the row was added or changed, or the entry was left out"
                )
        hidden = (self.sealing.size if self.sealing else 0) - self.first + len(self.outside) - found
        check.words = (
            f"{found:,} are in the log word for word and equal the rows that show them; {hidden:,} other entries of the same range "
            "belong to other matters and are there as hashes"
        )

    def _entries_in_log(self, check):
        """(line number, bytes) of the entries. They stand in the order of the log, so each is searched from the last one on."""
        self.decision_rows = Ahead(self.pack.table("reviews/decisions.csv"))
        leaves, place, missed = self._leaves(), 0, 0
        for number, text in enumerate(self.pack.lines("ledger/entries.jsonl"), 1):
            line = text.rstrip("\n").encode()
            hashed = leaf_hash(line)
            if hashed in self.outside:
                index, path = self.outside[hashed]
                if not self.sealing or not verify_inclusion(index, self.sealing.size, hashed, path, self.sealing.root):
                    check.problem(
                        f"ledger/proofs.json: the proof of the entry in ledger/entries.jsonl, line {number} does not lead to the sealed root"
                    )
            elif missed < PROBLEMS_SHOWN:
                start = place
                for leaf in leaves:
                    place += 1
                    if leaf == hashed:
                        break
                else:
                    missed += 1
                    check.problem(
                        f"ledger/entries.jsonl, line {number}: not in the log, or not at this place: the entry was changed, added or moved"
                    )
                    leaves, place = islice(self._leaves(), start, None), start
            yield number, line

    def _take_entry(self, number, line):
        if self._matches_decision(line):
            return
        where = f"ledger/entries.jsonl, line {number}"
        with self.checks["entries"].reading():
            entry = parse_json(line.decode(), where)
            kind = entry["kind"]
            if kind in (LAUNCHED, CLOSED, CANCELLED):
                self._take_campaign_entry(entry, where)
            elif kind.startswith("decision:") and kind != "decision:bulk":
                self._take_decision(entry, where)
            else:
                self._take_other(entry, where)

    def _matches_decision(self, line):
        """Whether the next decision row is, byte for byte, this entry: the row is written as the entry that it must have made."""
        rows = self.decision_rows
        if "reviews/decisions.csv" in self.unreadable or not rows.fill(1, self._unreadable_decisions):
            return False
        number, cells = rows.buffer[0]
        campaign, item, decision, reviewer, name, email, rule, rationale, at, shown, bulk, entry = map(quoted, cells)
        person, kind = f'{{"email":{email},"id":{reviewer},"name":{name}}}', "undone" if cells[2] == "undo" else "made"
        wanted = (
            f'{{"actor":{person},"at":{at},"data":{{"bulk":{bulk},"campaign":{campaign},"decided_at":{at},"decision":{decision},'
            f'"item":{item},"rationale":{rationale},"reviewer":{person},"rule":{rule},"shown":{shown}}},"kind":"decision:{kind}",'
            f'"subject":"campaigns.reviewitem:{cells[0]}/{cells[1]}","uid":{entry},"v":1}}'
        )
        if wanted.encode() != line:
            return False
        rows.buffer.popleft()
        self._judge_decision(number, cells)
        return True

    def _unreadable_decisions(self, problem):
        self.checks["decisions"].problem(problem)
        self.unreadable.add("reviews/decisions.csv")

    def _take_decision(self, entry, where):
        """A decision entry that is not simply that of the next row: find its row further on, or miss it."""
        rows, check = self.decision_rows, self.checks["decisions"]
        rows.fill(AHEAD, self._unreadable_decisions)
        for skipped, (number, cells) in enumerate(rows.buffer):
            if cells[11] == entry["uid"]:
                for _ in range(skipped):
                    rows.stray_row(rows.buffer.popleft(), check)
                rows.buffer.popleft()
                self._compare_decision(number, cells, entry)
                self._judge_decision(number, cells)
                return
        rows.stray_entry(entry, where, check)

    def _compare_decision(self, number, cells, entry):
        row = dict(zip(TABLES["reviews/decisions.csv"], cells))
        for name, path in DECISION[1].items():
            if row[name] != value_at(entry, path):
                self.checks["decisions"].problem(
                    f"reviews/decisions.csv, row {number}: {name} is {short(row[name])}, but the log recorded "
                    f"{short(value_at(entry, path))} (entry {entry['uid']}): the row was changed"
                )
        if entry["actor"] != entry["data"]["reviewer"] or entry["subject"] != f"campaigns.reviewitem:{cells[0]}/{cells[1]}":
            self.checks["decisions"].problem(
                f"reviews/decisions.csv, row {number}: the entry {entry['uid']} was recorded by somebody else, or of another item"
            )

    def _end_of_decisions(self):
        """What is left over: rows without entry, entries without row, rows in another place than the log's."""
        check, rows = self.checks["decisions"], self.decision_rows
        rows.fill(STRAYS, self._unreadable_decisions)
        while rows.buffer:
            rows.stray_row(rows.buffer.popleft(), check)
        if "reviews/decisions.csv" in self.unreadable:
            return
        for uid, (number, cells) in rows.rows.items():
            if uid in rows.entries:
                check.problem(
                    f"reviews/decisions.csv, row {number}: it does not stand where its entry {uid} stands in the log: rows were swapped or moved"
                )
                self._compare_decision(number, cells, rows.entries.pop(uid)[0])
            else:
                check.problem(
                    f"reviews/decisions.csv, row {number}: its entry {short(uid)} is not in the log of this pack: the row was added or changed"
                )
        for uid, (_, where) in rows.entries.items():
            check.problem(f"{where}: the decision {uid} has no row in reviews/decisions.csv: a row was dropped")

    def _judge_decision(self, number, cells):
        """What a decision must be besides recorded: on what was shown, by whom it was assigned to, in time, and not after the end."""
        campaign, where = self.campaigns.get(cells[0]), f"reviews/decisions.csv, row {number}"
        place = int(cells[1]) - 1 if campaign and cells[1].isdigit() else -1
        if not campaign or not 0 <= place < campaign.items.size:
            self._decision(f"{where}: item {cells[1]} of campaign {cells[0]} is not in reviews/items.csv")
            return
        decision, reviewer, at, bulk = cells[2], cells[3], cells[8], cells[10]
        span, person = slice(16 * place, 16 * place + 16), campaign.place(reviewer)
        campaign.decisions += 1
        if cells[9][:32] != campaign.leaf[span].hex():
            self._decision(
                f"{where}: what was shown to the reviewer is not what reviews/items.csv says of item {cells[1]} of {campaign.label}: that row was changed"
            )
        if (
            cells[6] == "reassigned"
            and (cells[1], reviewer) not in campaign.moved
            or cells[6] != "reassigned"
            and campaign.reviewer[place] != person
        ):
            self._decision(
                f"{where}: {short(cells[4])} decided item {cells[1]} of {campaign.label}, which was not assigned to them"
            )
        if not campaign.launch or campaign.end or not campaign.row["opened_at"] <= at <= (campaign.row["ended_at"] or at):
            self._decision(f"{where}: it was made before {campaign.label} began or after it ended")
        self._judge_final(campaign, place, cells, where)
        stats = campaign.decided.setdefault(person, [0, 0, at, at])
        stats[0] += 1
        stats[2], stats[3] = min(stats[2], at), max(stats[3], at)
        if bulk:
            stats[1] += 1
            act = self.acts.get(bulk)
            if act is None:
                self._decision(f"{where}: its bulk act {bulk} is not in reviews/bulk_acts.csv")
            else:
                act[4].update((b"," if act[3] else b"") + cells[1].encode())
                act[3] += 1

    def _judge_final(self, campaign, place, cells, where):
        span = slice(16 * place, 16 * place + 16)
        final, facts = campaign.final[span], campaign.facts[span]
        if final == EMPTY and facts != EMPTY:
            self._decision(f"{where}: it was made after item {cells[1]} of {campaign.label} had been submitted")
        elif final != EMPTY and final == uid_bytes(cells[11]):
            if facts != digest([cells[2], cells[3], cells[8], cells[4], cells[7]]):
                self.checks["outcomes"].problem(
                    f"reviews/items.csv, item {cells[1]} of {campaign.label}: decision, person, time or reason are not those of {where}"
                )
            campaign.final[span] = EMPTY
            campaign.seen[campaign.sign_off[place]] += 1

    def _decision(self, text):
        self.checks["decisions"].problem(text)

    def _take_campaign_entry(self, entry, where):
        data, kind = entry["data"], entry["kind"]
        campaign = self.campaigns.get(data["campaign"])
        if kind == LAUNCHED and entry["uid"] in self.left_out:
            self._check_left_out(*self.left_out.pop(entry["uid"]), entry)
        elif campaign is None or entry["uid"] != campaign.row["launch_entry" if kind == LAUNCHED else "end_entry"]:
            self.checks["campaigns"].problem(
                f"{where}: campaign {data['campaign']} has no such row in campaigns/campaigns.csv: a row was dropped or changed"
            )
        elif kind == LAUNCHED:
            campaign.launch = entry
        else:
            campaign.end = entry

    def _check_left_out(self, number, row, entry):
        data, where, check = entry["data"], f"campaigns/left_out.csv, row {number}", self.checks["campaigns"]
        for name in ("campaign", "name", "controls", "opened_at"):
            if row[name] != value_at(data, name):
                check.problem(f"{where}: {name} is {short(row[name])}, but the log recorded {short(value_at(data, name))}")
        prefix = self.manifest["period"]["framework"] + ":"
        if any(control.startswith(prefix) for control in data["controls"]):
            check.problem(f"{where}: the campaign serves a control of the pack's framework and must not be left out")

    def _take_other(self, entry, where):
        table, paths = SHOWN.get(entry["kind"], CHANGE)
        found = self.rows.pop(uid_bytes(entry["uid"]), None)
        if found is None or found[0] != table:
            if table not in self.unreadable:
                self.checks["entries"].problem(
                    f"{where}: the entry {entry['uid']} ({entry['kind']}) has no row in {table}: a row was dropped or changed"
                )
        else:
            for (name, path), said in zip(paths.items(), found[2]):
                wanted = value_at(entry, path)
                if (plain_json(said) if name in JSON_COLUMNS else said) != wanted:
                    self.checks[OWNER.get(table, "removals")].problem(
                        f"{table}, row {found[1]}: {name} is {short(said)}, but the log recorded {short(wanted)} (entry {entry['uid']}): "
                        "the row was changed"
                    )
        if entry["kind"] == "snapshot:loaded":
            self._compare_files(entry)
        elif entry["kind"] == "review:submitted":
            self._compare_submission(entry)
        elif entry["kind"].startswith("removal:"):
            self._follow_removal(entry)

    def _compare_files(self, entry):
        data, columns = entry["data"], TABLES["population/files.csv"][2:]
        shown = [[row[name] for name in columns] for row in self.files.get((data["source"], data["snapshot"]), [])]
        if shown != [[str(file[name]) for name in columns] for file in data["files"]]:
            self.checks["snapshots"].problem(
                f"population/files.csv: the files of {data['source']} reading {data['snapshot']} are not those that were recorded when it was loaded (entry {entry['uid']})"
            )

    def _compare_submission(self, entry):
        """The statement covers exactly the decisions that counted, and they were made before it was signed."""
        data, check = entry["data"], self.checks["submissions"]
        campaign = self.campaigns.get(data["campaign"])
        if campaign is None or "reviews/items.csv" in self.unreadable:
            return
        place = campaign.sign_offs.get(entry["uid"])
        said = f"the submission {entry['uid']} of {short(data['reviewer']['name'])} in {campaign.label}"
        if place is None or campaign.trees[place].root().hex() != data["decisions_root"]:
            check.problem(
                f"reviews/items.csv does not show the decisions that {said} was signed over: rows were changed, dropped or added"
            )
        elif campaign.seen[place] != campaign.signed[place] and "reviews/decisions.csv" not in self.unreadable:
            check.problem(
                f"reviews/decisions.csv lacks {campaign.signed[place] - campaign.seen[place]:,} of the decisions that {said} was signed over, or has them after it"
            )
        if campaign.end:
            check.problem(f"{said} was signed after the campaign ended")

    def _follow_removal(self, entry):
        """Where a removal stands follows from the entries alone: somebody's word is a claim, only later data proves it."""
        data, kind = entry["data"], entry["kind"]
        if kind == "removal:opened":
            self.progress.setdefault(data["task"], ["open", 0, "", "", ""])
            return
        now = self.progress.setdefault(data["task"], ["open", 0, "", "", ""])
        if kind == "removal:claimed-done":
            now[1] += 1
            now[0] = "reported_not_proved" if now[0] != "verified_gone" else now[0]
        elif data["verdict"] == "gone":
            now[0], now[2:] = "verified_gone", [data["present_in"], data["snapshot"], data["at"]]
        else:
            now[0], now[2] = "still_there", data["snapshot"]

    # 5: what must add up when everything was read

    def compare_campaigns(self):
        """Roots and counts of each campaign against its launch and its close; balances; controls."""
        for campaign in self.campaigns.values():
            with self.checks["campaigns"].reading():
                self._compare_campaign(campaign)
        for _, (number, row) in self.left_out.items():
            self.checks["campaigns"].problem(
                f"campaigns/left_out.csv, row {number}: the launch of campaign {row['campaign']} is not in the log of this pack"
            )
        with self.checks["balance"].reading():
            self._compare_balance()
        with self.checks["controls"].reading():
            self._compare_controls()

    def _compare_campaign(self, campaign):
        check, row, where = self.checks["campaigns"], campaign.row, f"campaigns/campaigns.csv, row {campaign.number}"
        if campaign.launch is None:
            raise Problem(
                f"{where}: the launch of {campaign.label} is not in the log of this pack: the row was added or changed"
            )
        data = campaign.launch["data"]
        wanted = {
            name: value_at(data, name)
            for name in "name definition controls opened_at due_at items excluded population_root exclusion_root".split()
        }
        wanted["launched_by"] = campaign.launch["actor"]["name"]
        wanted.update(self._end_of(campaign, check, where))
        for name, value in wanted.items():
            if row[name] != value:
                check.problem(f"{where}: {name} is {short(row[name])}, but the log recorded {short(value)}")
        period = self.manifest.get("period", {})
        if row["opened_at"][:10] > period["to"] or (row["ended_at"] and row["ended_at"][:10] < period["from"]):
            check.problem(f"{where}: {campaign.label} was not open in the period")
        if "reviews/items.csv" not in self.unreadable:
            self._compare_items(campaign, data)
        if "population/exclusions.csv" not in self.unreadable and campaign.exclusions.root().hex() != data["exclusion_root"]:
            self.checks["exclusions"].problem(
                f"population/exclusions.csv: what {campaign.label} left out is not what its launch recorded: a row was changed, dropped or added"
            )

    @staticmethod
    def _end_of(campaign, check, where):
        """What the row must say of the end."""
        if campaign.end is None:
            if campaign.row["end_entry"]:
                check.problem(f"{where}: the end of {campaign.label} is not in the log of this pack")
            return dict.fromkeys(
                "ended_at ended_by reason approved revoked not_reviewed outcome_root end_entry".split(), ""
            ) | {"state": "open"}
        data, by = campaign.end["data"], campaign.end["actor"]["name"]
        if campaign.end["kind"] == CANCELLED:
            return {
                "state": "cancelled",
                "ended_at": campaign.end["at"],
                "ended_by": by,
                "reason": data["reason"],
                "outcome_root": "",
            }
        counts = {name: str(data["counts"][name]) for name in PLACE}
        return {
            "state": "closed",
            "ended_at": data["closed_at"],
            "ended_by": by,
            "reason": "",
            "outcome_root": data["outcome_root"],
            **counts,
        }

    def _compare_items(self, campaign, data):
        name, tree = "reviews/items.csv", campaign.items
        if tree.size != data["items"]:
            self.checks["items"].problem(
                f"{name} has {tree.size:,} items of {campaign.label}, its launch recorded {data['items']:,}: rows were dropped or added"
            )
        elif tree.root().hex() != data["population_root"]:
            self.checks["items"].problem(
                f"{name}: the items of {campaign.label} are not those that were frozen at its launch: a row was changed or moved"
            )
        check = self.checks["outcomes"]
        lost = (
            [place + 1 for place in range(tree.size) if campaign.final[16 * place : 16 * place + 16] != EMPTY]
            if any(campaign.final)
            else []
        )
        if lost and "reviews/decisions.csv" not in self.unreadable:
            check.problem(
                f"{name}: the decisions on {len(lost):,} items of {campaign.label} (first item {lost[0]}) are not in reviews/decisions.csv: rows were dropped or changed"
            )
        if not campaign.is_closed or not campaign.end:
            return
        close = campaign.end["data"]
        if campaign.outcomes.root().hex() != close["outcome_root"]:
            check.problem(
                f"{name}: the outcomes of {campaign.label} are not those recorded when it closed: a row was changed, dropped or added"
            )
        totals = {outcome: sum(counts[place] for counts in campaign.balance.values()) for outcome, place in PLACE.items()}
        if totals != close["counts"]:
            check.problem(f"{name}: {totals} outcomes of {campaign.label}, its close recorded {close['counts']}")
        if campaign.decisions != close.get("decisions", campaign.decisions) and "reviews/decisions.csv" not in self.unreadable:
            self._decision(
                f"reviews/decisions.csv has {campaign.decisions:,} decisions of {campaign.label}, its close recorded {close['decisions']:,}: rows and their entries were left out"
            )

    def _compare_balance(self):
        """Per source: open grants = items + excluded; items = approved + revoked + not reviewed."""
        check, seen = self.checks["balance"], set()
        for number, row in self.pack.rows("population/balance.csv"):
            campaign, where = self.campaigns.get(row["campaign"]), f"population/balance.csv, row {number}"
            if campaign is None or campaign.launch is None:
                check.problem(f"{where}: campaign {row['campaign']} is not known")
                continue
            seen.add((row["campaign"], row["source"]))
            frozen = [one for one in campaign.launch["data"]["sources"] if one["source"] == row["source"]]
            counts = campaign.balance.get((row["source"], row["snapshot"]), [0] * 5)
            outcomes = {name: str(counts[place]) if campaign.is_closed else "" for name, place in PLACE.items()}
            wanted = {name: str(value) for one in frozen for name, value in one.items() if name in row}
            for name, value in {"items": str(counts[0]), "excluded": str(counts[4]), **outcomes, **wanted}.items():
                if row[name] != value:
                    check.problem(f"{where}: {name} is {short(row[name])}, the rows and the log make it {short(value)}")
            if not frozen or int(row["grants_open"]) != counts[0] + counts[4]:
                check.problem(
                    f"{where}: open grants {row['grants_open']} are not items {counts[0]:,} + excluded {counts[4]:,}: part of the population is missing"
                )
            if (row["source"], row["snapshot"]) not in self.snapshots and "population/snapshots.csv" not in self.unreadable:
                check.problem(f"{where}: reading {row['snapshot']} of {row['source']} is not in population/snapshots.csv")
        for campaign in self.campaigns.values():
            for source in {one["source"] for one in (campaign.launch["data"]["sources"] if campaign.launch else ())} | {
                key[0] for key in campaign.balance
            }:
                if (campaign.row["campaign"], source) not in seen:
                    check.problem(f"population/balance.csv has no row of {source} in {campaign.label}: a row was dropped")
        check.words = f"{len(seen):,} hold: open grants = items + excluded by rule; items = kept + to be removed + not reviewed"

    def _compare_controls(self):
        check, mapped, prefix = self.checks["controls"], set(), self.manifest["period"]["framework"] + ":"
        for number, row in self.pack.rows("controls/mapping.csv"):
            if row["campaign"] and row["campaign_name"] != getattr(self.campaigns.get(row["campaign"]), "row", {}).get("name"):
                check.problem(
                    f"controls/mapping.csv, row {number}: campaign {row['campaign']} is not in the pack under this name"
                )
            mapped.add((row["control"], row["campaign"]))
        wanted = {
            (control, campaign.row["campaign"])
            for campaign in self.campaigns.values() if campaign.launch
            for control in campaign.launch["data"]["controls"] if control.startswith(prefix)
        }  # fmt: skip
        for control, campaign in sorted(wanted ^ {one for one in mapped if one[1]}):
            check.problem(
                f"controls/mapping.csv: control {control} and campaign {campaign} are not mapped as the campaign's launch recorded it"
            )
        for campaign in self.campaigns.values():
            if campaign.launch and not any(one[1] == campaign.row["campaign"] for one in wanted):
                check.problem(f"campaigns/campaigns.csv: {campaign.label} serves no control of the pack's framework")
        served = len({control for control, campaign in mapped if campaign})
        check.words = f"{served:,} of the {len({control for control, _ in mapped}):,} listed are served by a campaign in the pack, as its launch recorded"

    def compare_people(self):
        """Reviewers and bulk acts against the rows they add up."""
        check = self.checks["reviewers"]
        counted = (
            {} if {"reviews/reviewers.csv", "reviews/items.csv", "reviews/decisions.csv"} & self.unreadable else self.reviewers
        )
        for (of, reviewer), (number, row) in counted.items():
            campaign = self.campaigns.get(of)
            person = campaign.people.get(reviewer) if campaign else None
            if person is None:
                check.problem(
                    f"reviews/reviewers.csv, row {number}: {reviewer} has nothing to do with campaign {of}: a row was added or changed"
                )
                continue
            stats = campaign.decided.pop(person, [0, 0, "", ""])
            wanted = [str(campaign.assigned.pop(person, 0)), *map(str, stats)]
            if [row[name] for name in "items_assigned decisions by_bulk first_decision_at last_decision_at".split()] != wanted:
                check.problem(
                    f"reviews/reviewers.csv, row {number}: its numbers are not what reviews/items.csv and reviews/decisions.csv add up to"
                )
        for campaign in self.campaigns.values() if counted else ():
            if campaign.assigned or campaign.decided:
                check.problem(
                    f"reviews/reviewers.csv lacks {len({*campaign.assigned, *campaign.decided}):,} reviewers of {campaign.label}: a row was dropped"
                )
        for uid, (number, count, stated, found, hashed) in self.acts.items():
            hashed.update(b"]")
            if (count, stated) != (str(found), hashed.hexdigest()) and "reviews/decisions.csv" not in self.unreadable:
                self.checks["bulk"].problem(
                    f"reviews/bulk_acts.csv, row {number}: reviews/decisions.csv does not have exactly the decisions of the act {uid}"
                )

    def compare_removals(self):
        """Each removal stands where its entries leave it."""
        for task, (number, said, first_seen) in self.removals.items():
            state = self.progress.get(task, ["open", 0, "", "", ""])
            if digest([state[0], str(state[1]), state[2] or first_seen, state[3], state[4]]) != said:
                self.checks["removals"].problem(
                    f"remediation/removals.csv, row {number}: the log leaves removal {task} {short(state[0].replace('_', ' '))} after {state[1]} reports"
                    f"{f', last present in reading {state[2]}' if state[2] else ''}{f', gone in reading {state[3]}' if state[3] else ''}; the row says otherwise"
                )

    def describe(self):
        """The words of the checks that held."""
        campaigns, words = self.campaigns.values(), self.checks
        items, closed = sum(one.items.size for one in campaigns), sum(one.is_closed for one in campaigns)
        words[
            "campaigns"
        ].words = f"{len(campaigns):,} open in the period ({closed:,} closed), each as its launch and its end recorded it"
        words["items"].words = f"{items:,} items are exactly those that were frozen at launch"
        words[
            "exclusions"
        ].words = f"{sum(one.exclusions.size for one in campaigns):,} grants left out, each by the rule recorded at launch"
        words[
            "outcomes"
        ].words = f"each item of the {closed:,} closed campaigns has one outcome, the one its submitted decision gave it, else not reviewed"
        words["decisions"].words = (
            f"{sum(one.decisions for one in campaigns):,}, withdrawn and superseded ones too: word for word in the log, on what was "
            "shown, by the person it was assigned to, none after the end"
        )
        words[
            "submissions"
        ].words = f"{sum(len(one.sign_offs) for one in campaigns):,} signed statements cover exactly the decisions that counted"
        words["bulk"].words = f"{len(self.acts):,}, each with exactly the items that were recorded"
        words["reviewers"].words = f"{len(self.reviewers):,}, each with the items and decisions that the rows add up to"
        words[
            "snapshots"
        ].words = f"{len(self.snapshots):,} as recorded when they were loaded; rows read = loaded + rejected in each file"
        states = ("verified_gone", "proved gone by a later full reading"), ("reported_not_proved", "reported done but not proved"), ("still_there", "still there"), ("open", "open"), ("not_opened", "without a task yet")  # fmt: skip
        counted = ", ".join(f"{self.removal_counts.get(state, 0):,} {word}" for state, word in states)
        words["removals"].words = f"each revoked item has one: {counted}"
        words["administration"].words = "as recorded"
        words["anchors"].unable = "this pack carries none (timestamps, witnesses); a checkpoint that you keep does their work"


class Ahead:
    """A table that is read a little ahead, and the rows and entries that found no partner yet."""

    def __init__(self, rows):
        self.source, self.buffer, self.rows, self.entries = rows, deque(), {}, {}

    def fill(self, wanted, failed):
        """Have `wanted` rows in the buffer, if there are so many; a table that breaks off is reported once."""
        try:
            while len(self.buffer) < wanted:
                self.buffer.append(next(self.source))
        except StopIteration:
            pass
        except (Problem, zipfile.BadZipFile, zlib.error, EOFError, OSError) as error:
            self.source = iter(())
            failed(str(error))
        return bool(self.buffer)

    def stray_row(self, found, check):
        """Keep a row until the end."""
        if found[1][11] in self.rows:
            check.problem(
                f"reviews/decisions.csv, row {found[0]}: its entry {found[1][11]} is already that of row {self.rows[found[1][11]][0]}: a row was copied"
            )
        if len(self.rows) < STRAYS:
            self.rows[found[1][11]] = found

    def stray_entry(self, entry, where, _check):
        """Keep an entry until the end."""
        if len(self.entries) < STRAYS:
            self.entries[entry["uid"]] = (entry, where)


def balanced(row, where, check):
    """Rows read are rows loaded and rows rejected."""
    if int(row["rows_read"]) != int(row["rows_loaded"]) + int(row["rows_rejected"]):
        check.problem(
            f"{where}: rows read {row['rows_read']} are not loaded {row['rows_loaded']} + rejected {row['rows_rejected']}"
        )


def verdict(verifier, status):
    """The last sentences: what can be relied on, and what cannot."""
    checks = verifier.checks.values()
    failed, unchecked = [one for one in checks if one.problems], [one for one in checks if one.unable and not one.problems]
    if status == 1:
        names = ", ".join(one.title for one in failed)
        return f"This pack does NOT hold ({names}). Do not rely on it; ask how each line above came about."
    words = "Everything that could be checked holds: what the tables of this pack show is what the log recorded, complete and unchanged."
    if not verifier.trusted:
        words += (
            f" It was signed with the key {verifier.key.text}: compare this with the key that you were given on another way."
        )
    if unchecked:
        words += f" Not checked: {', '.join(one.title for one in unchecked)}."
    if status == 2:
        words = f"The checkpoint you gave could not be compared with this pack, so what you asked for is open. {words}"
    return words


def report(pack, kept, key):
    """Check, print, and return the exit status."""
    verifier = Verifier(Pack(pack), kept, key)
    checks = verifier.run()
    period, log = verifier.manifest.get("period", {}), verifier.sealing
    if isinstance(period, dict) and {"name", "framework_name", "from", "to"} <= set(period):
        print(f"Evidence pack “{period['name']}” ({period['framework_name']}), {period['from']} to {period['to']}")
    if log:
        print(f"Log {log.origin}, sealed at {log.size:,} entries, root {log.root.hex()}")
    print()
    for check in checks:
        for line in check.lines():
            print(line)
    kept_open = bool(kept and verifier.checks["kept"].unable)
    status = 1 if any(check.problems for check in checks) else 2 if kept_open else 0
    print(f"\nVerdict: {verdict(verifier, status)}")
    return status


def text_of(path):
    """A small text file of the checker's own."""
    with open(path, encoding="utf-8") as stream:
        return stream.read(2**16)


def main(arguments=None):
    """Read the command line and run."""
    parser = argparse.ArgumentParser(description="Checks an evidence pack offline, without trusting the system that made it.")
    parser.add_argument("pack", help="the pack: a ZIP file, or the folder it was unpacked into")
    parser.add_argument("--checkpoint", metavar="FILE", help="a checkpoint of the same log that you kept from another day")
    parser.add_argument(
        "--key",
        metavar="KEY",
        help="the log's verifier key (name+hash+key) or a file with it, from another source than the pack",
    )
    options = parser.parse_args(arguments)
    csv.field_size_limit(FIELD_LIMIT)
    if hasattr(sys.stdout, "reconfigure"):
        sys.stdout.reconfigure(encoding="utf-8", errors="backslashreplace")
    try:
        kept = text_of(options.checkpoint) if options.checkpoint else ""
        key = text_of(options.key).strip() if options.key and os.path.isfile(options.key) else options.key or ""
        if key:
            Key(key, "the key you gave")
        return report(options.pack, kept, key)
    except Problem as problem:
        print(f"The pack could not be checked: {problem}")
    except (CannotRun, OSError, UnicodeDecodeError) as error:
        print(f"The pack could not be checked: {error}")
    return 2


if __name__ == "__main__":
    sys.exit(main())
