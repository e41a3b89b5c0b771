#!/usr/bin/env python3
"""Checks an evidence pack of Certify, offline and without trusting Certify.

    python3 -I verify.py PACK.zip [--checkpoint FILE] [--key VERIFIER_KEY]

PACK may also be a folder into which the pack was unpacked. Needs Python 3.9 or later and nothing else; reads no network and
writes nothing. One line per check, then a verdict. Exit status: 0 everything held, 1 something did not, 2 it could not be run.

Formats: RFC 6962 (Merkle tree), RFC 8032 (Ed25519), RFC 8785 (canonical JSON), C2SP signed-note and tlog-checkpoint, RFC 4180 (CSV).
"""

import argparse
import base64
import binascii
import csv
import hashlib
import io
import json
import os
import re
import stat
import sys
import zipfile
import zlib

FORMAT = "certify-evidence-pack/1"
ITEM_COLUMNS = (
    "campaign item source snapshot account_id account_name identity_id identity_name identity_kind identity_status department title "
    "manager_id entitlement_id entitlement_name entitlement_kind description privileged path granted_at granted_by last_used_at "
    "expires_at first_seen_at signals reviewer reviewer_name reviewer_rule"
).split()
EXCLUSION_COLUMNS = "campaign number source snapshot account_id identity_id entitlement_id path rule".split()
OUTCOME_COLUMNS = "campaign item outcome decision decided_by decided_at decision_entry sign_off_entry".split()
TABLES = {
    "campaigns/campaigns.csv": "campaign name definition launched_by opened_at due_at closed_at closed_by state items excluded "
    "population_root exclusion_root outcome_root launch_entry close_entry".split(),
    "population/balance.csv": "campaign source snapshot grants_open items excluded approved revoked not_reviewed".split(),
    "population/snapshots.csv": "source snapshot completeness extraction_note extracted_at loaded_at loaded_by rows_read rows_loaded "
    "rows_rejected grants_open started changed ended entry".split(),
    "population/files.csv": "source snapshot kind name sha256 size rows_read rows_loaded rows_rejected".split(),
    "population/rejected_rows.csv": "source snapshot kind line field reason raw".split(),
    "population/exclusions.csv": EXCLUSION_COLUMNS,
    "reviews/items.csv": [*ITEM_COLUMNS, *OUTCOME_COLUMNS[2:], "rationale"],
    "reviews/decisions.csv": "campaign item reviewer reviewer_name reviewer_email rule decision rationale decided_at shown bulk entry".split(),
    "reviews/submissions.csv": "campaign reviewer reviewer_name statement approved revoked dont_know open_left decisions_root "
    "submitted_at entry".split(),
    "reviews/bulk_acts.csv": "campaign reviewer decision rationale filter count left_out at items entry".split(),
    "reviews/reviewers.csv": "campaign reviewer reviewer_name decisions by_bulk first_decision_at last_decision_at".split(),
    "reviews/reassignments.csv": "campaign from to reason items at by entry".split(),
    "remediation/removals.csv": "campaign item removal source owner opened_at due_at verdict present_in gone_in verified_at attempts "
    "entry".split(),
    "remediation/attempts.csv": "campaign item removal note proof_name proof_sha256 by at entry".split(),
    "remediation/verifications.csv": "campaign item removal verdict source present_in snapshot at entry".split(),
    "administration/changes.csv": "at kind subject by data entry".split(),
    "controls/mapping.csv": "control asks_for campaign campaign_name".split(),
}
OTHER_FILES = {
    "README.md", "manifest.json", "manifest.sig", "verify.py", "ledger/entries.jsonl", "ledger/leaves.bin", "ledger/checkpoints.txt",
    "ledger/proofs.json",
}  # fmt: skip
SMALL_FILE = 64 * 2**20
SHOWN = 5


class Failure(Exception):
    """Something does not hold; the message says what, where and what it means."""


class CannotRun(Exception):
    """The pack cannot be read at all."""


# --- Ed25519, RFC 8032 section 5.1, written for clarity: a pack has a handful of signatures -------------------------------------

P = 2**255 - 19
Q = 2**252 + 27742317777372353535851937790883648493
D = -121665 * pow(121666, P - 2, P) % P
SQRT_M1 = pow(2, (P - 1) // 4, P)


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


def _same(a, b):
    return (a[0] * b[2] - b[0] * a[2]) % P == 0 and (a[1] * b[2] - b[1] * a[2]) % P == 0


def _decompress(data):
    y = int.from_bytes(data, "little")
    sign, y = y >> 255, y & (2**255 - 1)
    if y >= P:
        return None
    x2 = (y * y - 1) * pow(D * y * y + 1, P - 2, P) % P
    if x2 == 0:
        return None if sign else (0, y, 1, 0)
    x = pow(x2, (P + 3) // 8, P)
    if (x * x - x2) % P:
        x = x * SQRT_M1 % P
    if (x * x - x2) % P:
        return None
    x = P - x if x & 1 != sign else x
    return x, y, 1, x * y % P


BASE = _decompress((4 * pow(5, P - 2, P) % P).to_bytes(32, "little"))


def ed25519_verify(public, message, signature):
    """Whether the 64-byte signature is the public key's over the message."""
    if len(public) != 32 or len(signature) != 64:
        return False
    a, r, s = _decompress(public), _decompress(signature[:32]), int.from_bytes(signature[32:], "little")
    if a is None or r is None or s >= Q:
        return False
    h = int.from_bytes(hashlib.sha512(signature[:32] + public + message).digest(), "little") % Q
    return _same(_multiply(s, BASE), _add(r, _multiply(h, a)))


# --- Merkle tree, RFC 6962 ------------------------------------------------------------------------------------------------------


def leaf_hash(data):
    """The hash of a leaf."""
    return hashlib.sha256(b"\x00" + data).digest()


def node_hash(left, right):
    """The hash of a node."""
    return hashlib.sha256(b"\x01" + left + right).digest()


class Tree:
    """Grows leaf by leaf and knows its root; keeps one hash for each complete subtree."""

    def __init__(self, size=0, roots=()):
        if len(roots) != bin(size).count("1"):
            raise Failure(f"ledger/proofs.json: {len(roots)} hashes cannot stand for {size:,} earlier leaves")
        self.size, self.roots = size, list(roots)

    def append(self, leaf):
        """Add a leaf hash."""
        node, rest = leaf, self.size
        while rest & 1:
            node, rest = node_hash(self.roots.pop(), node), rest >> 1
        self.roots.append(node)
        self.size += 1

    def root(self):
        """The root now."""
        if not self.roots:
            return hashlib.sha256(b"").digest()
        node = self.roots[-1]
        for left in reversed(self.roots[:-1]):
            node = node_hash(left, node)
        return node


def row_leaf(cells):
    """The leaf hash of a row: RFC 8785 of the array of its cells, which for strings is what `json` writes without spaces."""
    return leaf_hash(json.dumps(cells, ensure_ascii=False, separators=(",", ":")).encode("utf-8", "surrogatepass"))


# --- signed notes, C2SP ---------------------------------------------------------------------------------------------------------


def _base64(text, what):
    try:
        return base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        raise Failure(f"{what} is not base64") from None


def parse_key(text):
    """(name, key hash, public key) of a verifier key in the form name+hash+key."""
    name, _, rest = text.strip().partition("+")
    stated, _, encoded = rest.partition("+")
    raw = _base64(encoded, "the verifier key")
    if not name or raw[:1] != b"\x01" or len(raw) != 33:
        raise Failure("the verifier key is not an Ed25519 key")
    hashed = hashlib.sha256(name.encode() + b"\n" + raw).digest()[:4]
    if hashed.hex() != stated:
        raise Failure("the verifier key's hash does not fit its name and key")
    return name, hashed, raw[1:]


def open_note(note, key, what):
    """The text of a note that the key signed."""
    name, hashed, public = key
    text, separator, signatures = note.rpartition("\n\n")
    if not separator:
        raise Failure(f"{what} has no signature")
    text += "\n"
    for line in signatures.split("\n"):
        signer, _, signature = line[2:].partition(" ")
        if line[:2] != "\u2014 " or signer != name:
            continue
        raw = _base64(signature, f"{what}: a signature")
        if raw[:4] == hashed:
            if ed25519_verify(public, text.encode(), raw[4:]):
                return text
            raise Failure(f"{what}: the signature of {name} does not fit the text; it was changed, or signed by another key")
    raise Failure(f"{what} is not signed by {name}")


def parse_checkpoint(text, what):
    """(origin, size, root) of a checkpoint's text."""
    lines = text.split("\n")
    if len(lines) < 4 or not re.fullmatch(r"0|[1-9][0-9]{0,17}", lines[1]):
        raise Failure(f"{what} is not a checkpoint")
    root = _base64(lines[2], f"{what}: the root")
    if len(root) != 32:
        raise Failure(f"{what}: the root is not a SHA-256 hash")
    return lines[0], int(lines[1]), root


# --- the pack, zipped or unpacked -----------------------------------------------------------------------------------------------


class Pack:
    """The files of a pack by name. Refuses names that lead elsewhere, links and names that stand twice."""

    def __init__(self, path):
        self.path, self.archive, self.sizes = path, None, {}
        if os.path.isdir(path):
            self._read_folder()
        else:
            self._read_archive()
        for name in self.sizes:
            if name.startswith("/") or "\\" in name or ".." in name.split("/") or not name.isascii():
                raise Failure(f"the pack has a file named {name!r}, which leads elsewhere; no honest pack has one")

    def _read_folder(self):
        for folder, folders, names in os.walk(self.path):
            for name in (*folders, *names):
                full = os.path.join(folder, name)
                if os.path.islink(full):
                    raise Failure(f"{full} is a link; no honest pack has one")
            for name in names:
                full = os.path.join(folder, name)
                self.sizes[os.path.relpath(full, self.path).replace(os.sep, "/")] = os.path.getsize(full)

    def _read_archive(self):
        try:
            self.archive = zipfile.ZipFile(self.path)
        except (OSError, zipfile.BadZipFile, ValueError, NotImplementedError) as error:
            raise CannotRun(f"{self.path} is not a ZIP archive that can be read: {error}") from None
        for info in self.archive.infolist():
            if info.filename in self.sizes:
                raise Failure(f"the archive holds {info.filename!r} twice; no honest pack does")
            if stat.S_ISLNK(info.external_attr >> 16):
                raise Failure(f"{info.filename!r} is a link; no honest pack has one")
            self.sizes[info.filename] = info.file_size

    def open(self, name):
        """A binary stream of a file."""
        if name not in self.sizes:
            raise Failure(f"{name} is missing from the pack")
        if self.archive:
            return self.archive.open(name)
        return open(os.path.join(self.path, *name.split("/")), "rb")

    def small(self, name):
        """The bytes of a small file."""
        if self.sizes.get(name, 0) > SMALL_FILE:
            raise Failure(f"{name} has {self.sizes[name]:,} bytes, far more than it can need")
        with self.open(name) as stream:
            return stream.read()

    def text(self, name):
        """A small file as text."""
        try:
            return self.small(name).decode("utf-8")
        except UnicodeDecodeError:
            raise Failure(f"{name} is not UTF-8") from None

    def json(self, name):
        """A small file as JSON."""
        try:
            return json.loads(self.text(name))
        except (ValueError, RecursionError):
            raise Failure(f"{name} is not JSON") from None

    def rows(self, name):
        """(line, {column: cell}) of a table; the apostrophe that made a cell harmless is taken away."""
        columns = TABLES[name]
        with self.open(name) as stream:
            text = io.TextIOWrapper(stream, encoding="utf-8", newline="")
            reader = csv.reader(text, strict=True)
            try:
                if next(reader, None) != list(columns):
                    raise Failure(f"{name}: the header is not {','.join(columns)}")
                line = 2
                for cells in reader:
                    if len(cells) != len(columns):
                        raise Failure(f"{name} line {line}: {len(cells)} cells instead of {len(columns)}")
                    yield line, dict(zip(columns, (cell[1:] if cell[:1] == "'" else cell for cell in cells)))
                    line = reader.line_num + 1
            except UnicodeDecodeError:
                raise Failure(f"{name} is not UTF-8") from None
            except csv.Error as error:
                raise Failure(f"{name}: not a CSV file: {error}") from None


# --- the checks, in the order of the README --------------------------------------------------------------------------------------


class Verifier:
    """Runs every check, prints a line for each, and keeps what later checks need."""

    def __init__(self, pack, kept=None, key=None, say=print):
        self.pack, self.kept, self.trusted, self.say = pack, kept, key, say
        self.failed = 0
        self.manifest, self.key, self.campaigns = {}, None, {}
        self.entries = {}

    def run(self):
        """Every check; a failed one does not keep the others from being tried, unless they need what it found."""
        steps = (
            ("Files", self.files, True),
            ("Manifest signature", self.signature, True),
            ("Log", self.log, True),
            ("Snapshots", self.snapshots, False),
            ("Campaigns", self.campaign_table, True),
            ("Population", self.population, False),
            ("Exclusions", self.exclusions, False),
            ("Decisions", self.decisions, False),
            ("Submissions", self.submissions, False),
            ("Bulk acts", self.bulk_acts, False),
            ("Reviewers", self.reviewers, False),
            ("Balances", self.balances, False),
            ("Removals", self.removals, False),
            ("Administration", self.administration, False),
            ("Completeness of the log", self.leftovers, False),
        )
        for name, check, needed in steps:
            try:
                self.say(f"ok      {name}: {check()}")
            except (Failure, KeyError, TypeError, ValueError, AttributeError, RecursionError) as failure:
                self.failed += 1
                # Honest packs never get here with another error than Failure: a value is missing or of the wrong kind.
                text = failure if isinstance(failure, Failure) else f"the pack is malformed ({type(failure).__name__}: {failure})"
                self.say(f"FAILED  {name}: {text}")
                if needed:
                    self.say("        The checks after this one need it and were not made.")
                    break
        return self.failed == 0

    def files(self):
        """Every file in the manifest is there, nothing else is, sizes and hashes agree."""
        self.manifest = self.pack.json("manifest.json")
        listed = self.manifest.get("files") if isinstance(self.manifest, dict) else None
        if not isinstance(listed, dict) or self.manifest.get("format") != FORMAT:
            raise Failure(f"manifest.json is not a manifest of the format {FORMAT}")
        expected = set(TABLES) | OTHER_FILES
        if lacking := sorted(expected - set(self.pack.sizes)):
            raise Failure(f"missing from the pack: {_some(lacking)}")
        if extra := sorted(set(self.pack.sizes) - expected):
            raise Failure(f"in the pack but part of no pack: {_some(extra)}")
        if set(listed) != expected - {"manifest.json", "manifest.sig"}:
            raise Failure("manifest.json does not list exactly the files of a pack")
        wrong = []
        for name, facts in listed.items():
            size = facts.get("size") if isinstance(facts, dict) else None
            if self.pack.sizes[name] != size:
                wrong.append(f"{name} has {self.pack.sizes[name]:,} bytes, the manifest says {size}")
                continue
            if self._sha256(name, size) != facts.get("sha256"):
                wrong.append(f"{name} was changed: its SHA-256 is not the one in the manifest")
        if wrong:
            raise Failure("; ".join(wrong[:SHOWN]))
        return f"{len(listed)} files are there, complete and unchanged since the manifest was made"

    def _sha256(self, name, limit):
        digest, size = hashlib.sha256(), 0
        with self.pack.open(name) as stream:
            try:
                while block := stream.read(1 << 20):
                    digest.update(block)
                    size += len(block)
                    if size > limit:
                        raise Failure(f"{name} unpacks to more than the manifest says")
            except (zipfile.BadZipFile, zlib.error, OSError, EOFError) as error:
                raise Failure(f"{name} is damaged: {error}") from None
        return digest.hexdigest()

    def signature(self):
        """The manifest's signature, by the key that the checker trusts, or by the key the pack names."""
        self.key = parse_key(self.trusted or str(self.manifest.get("verifier_key", "")))
        text = open_note(self.pack.text("manifest.sig"), self.key, "manifest.sig")
        digest = hashlib.sha256(self.pack.small("manifest.json")).hexdigest()
        if text != f"{self.key[0]}\n{FORMAT} manifest\nsha256 {digest}\n":
            raise Failure("manifest.sig signs another manifest than the one in this pack")
        known = "the key you gave" if self.trusted else "the key named in the pack (give --key to check that it is the right one)"
        return f"signed by {self.key[0]}, with {known}"

    def log(self):
        """Checkpoints; the root from every leaf; consistency; each entry hashes to its leaf."""
        notes = [f"{note}\n" if not note.endswith("\n") else note for note in _split_notes(self.pack.text("ledger/checkpoints.txt"))]
        heads = [parse_checkpoint(open_note(note, self.key, "ledger/checkpoints.txt"), "ledger/checkpoints.txt") for note in notes]
        if not 1 <= len(heads) <= 2 or any(head[0] != self.key[0] for head in heads):
            raise Failure("ledger/checkpoints.txt does not hold the one or two checkpoints of this log")
        sealing, before = heads[-1], heads[0] if len(heads) == 2 else None
        stated = self.manifest.get("checkpoint", {})
        if stated.get("size") != sealing[1] or stated.get("root") != sealing[2].hex():
            raise Failure("the manifest names another checkpoint than ledger/checkpoints.txt")
        proofs = self.pack.json("ledger/proofs.json")
        first, frontier = proofs.get("first_leaf"), proofs.get("frontier")
        if not isinstance(first, int) or first != (before[1] if before else 0) or not isinstance(frontier, list):
            raise Failure("ledger/proofs.json does not begin where the earlier checkpoint ends")
        tree = Tree(first, [_base64(str(node), "ledger/proofs.json") for node in frontier])
        if before and tree.root() != before[2]:
            raise Failure("the earlier leaves do not have the root that the earlier checkpoint signed")
        if self.pack.sizes["ledger/leaves.bin"] != 32 * (sealing[1] - first):
            raise Failure("ledger/leaves.bin does not hold exactly the leaves between the checkpoints: some were dropped or added")
        found = self._read_leaves(tree)
        if tree.root() != sealing[2]:
            raise Failure("the leaves do not have the root that the checkpoint signed: the log in this pack is not the signed one")
        earlier = f", and extends the checkpoint of {first:,} entries before it" if before else " from its first entry"
        kept = self._kept_result if self.kept else "; no checkpoint of your own was given, so none was compared"
        return f"{sealing[1] - first:,} leaves have the signed root of {sealing[1]:,} entries{earlier}; {found:,} entries in the pack hash to their leaves{kept}"

    def _read_leaves(self, tree):
        """Append every leaf; entries.jsonl is in the same order, so each line's hash must come along."""
        kept = self._parse_kept()
        if kept and kept[1] == tree.size:
            self._compare_kept(kept, tree)
        found, index = 0, tree.size
        with self.pack.open("ledger/leaves.bin") as leaves, self.pack.open("ledger/entries.jsonl") as lines:
            line = lines.readline()
            wanted = leaf_hash(line[:-1]) if line else None
            while block := leaves.read(32 * 4096):
                for start in range(0, len(block), 32):
                    leaf = block[start : start + 32]
                    tree.append(leaf)
                    if leaf == wanted:
                        found += 1
                        self._keep(line, index, found)
                        line = lines.readline()
                        wanted = leaf_hash(line[:-1]) if line else None
                    if kept and kept[1] == tree.size:
                        self._compare_kept(kept, tree)
                    index += 1
            if wanted is not None:
                raise Failure(f"ledger/entries.jsonl line {found + 1} is not in the log where it should be: it was changed, added or moved")
        if self.kept and not hasattr(self, "_kept_result"):
            raise Failure(
                f"your checkpoint of {kept[1]:,} entries lies outside this pack's range, so it could not be compared; "
                "ask for a pack whose period begins earlier or ends later"
            )
        return found

    def _parse_kept(self):
        if not self.kept:
            return None
        return parse_checkpoint(open_note(self.kept, self.key, "your checkpoint"), "your checkpoint")

    def _compare_kept(self, kept, tree):
        if kept[2] != tree.root():
            raise Failure(
                f"at {kept[1]:,} entries this log has another root than the checkpoint you kept: the log was rewritten since, "
                "or you were shown another log"
            )
        self._kept_result = f"; it contains the {kept[1]:,} entries of the checkpoint you kept, unchanged"

    def _keep(self, line, index, number):
        """Remember of an entry what later checks compare: by uid, its place and its facts."""
        try:
            entry = json.loads(line)
            uid, kind, data = entry["uid"], entry["kind"], entry["data"]
        except (ValueError, KeyError, TypeError, RecursionError):
            raise Failure(f"ledger/entries.jsonl line {number} is not an entry") from None
        if kind in ("decision:made", "decision:undone"):
            # Of decisions there may be a million: a digest of the facts is enough to compare.
            self.entries[uid] = (kind, index, _decision_digest(data), data.get("decision"), None)
        else:
            self.entries[uid] = (kind, index, data, entry.get("at"), entry.get("actor", {}).get("name"))

    def _take(self, uid, kinds, where):
        """The entry that a row names, once. Two rows may not share one."""
        entry = self.entries.pop(uid, None)
        if entry is None or entry[0] not in kinds:
            raise Failure(f"{where}: its entry {uid} is not in the log, or belongs to another row; the row was added or changed")
        return entry

    def snapshots(self):
        """Every snapshot equals its entry; its rows balance; its files' hashes are those recorded at the load."""
        files = {}
        for line, row in self.pack.rows("population/files.csv"):
            where = f"population/files.csv line {line}"
            _balance(row, where)
            files.setdefault((row["source"], row["snapshot"]), []).append(row)
        rejected = {}
        for _, row in self.pack.rows("population/rejected_rows.csv"):
            key = (row["source"], row["snapshot"], row["kind"])
            rejected[key] = rejected.get(key, 0) + 1
        count = 0
        for line, row in self.pack.rows("population/snapshots.csv"):
            where, key = f"population/snapshots.csv line {line}", (row["source"], row["snapshot"])
            data = self._take(row["entry"], ("snapshot:loaded",), where)[2]
            same = ("source", "snapshot", "completeness", "extraction_note", "extracted_at", "grants_open", "started", "changed", "ended")
            _same_facts(row, data, same, where)
            own = files.pop(key, [])
            facts = [{name: str(value) for name, value in file.items()} for file in data["files"]]
            if [{name: file[name] for name in fact} for file, fact in zip(own, facts)] != facts or len(own) != len(facts):
                raise Failure(f"{where}: population/files.csv does not show the files that were recorded when it was loaded")
            _balance(row, where)
            if int(row["rows_read"]) != sum(int(file["rows_read"]) for file in own):
                raise Failure(f"{where}: its rows are not the sum of its files' rows")
            for file in own:
                if rejected.pop((*key, file["kind"]), 0) != int(file["rows_rejected"]):
                    raise Failure(f"{where}: population/rejected_rows.csv does not hold the rejected rows of its {file['kind']} file")
            count += 1
        if files or rejected:
            raise Failure("population/files.csv or rejected_rows.csv has rows of a snapshot that population/snapshots.csv lacks")
        return f"{count:,} readings of sources equal what the log recorded; rows read = loaded + rejected in each"

    def campaign_table(self):
        """Each campaign equals its launch and close entries."""
        for line, row in self.pack.rows("campaigns/campaigns.csv"):
            where = f"campaigns/campaigns.csv line {line}"
            launch = self._take(row["launch_entry"], ("campaign:launched",), where)
            same = ("campaign", "name", "definition", "opened_at", "due_at", "items", "excluded", "population_root", "exclusion_root")
            _same_facts(row, launch[2], same, where)
            close = None
            if row["state"] == "closed":
                close = self._take(row["close_entry"], ("campaign:closed",), where)
                _same_facts(row, close[2], ("campaign", "closed_at", "items", "outcome_root"), where)
                if close[2]["closed_at"] < row["opened_at"]:
                    raise Failure(f"{where}: it was closed before it was opened")
            elif row["close_entry"] or row["closed_at"] or row["outcome_root"]:
                raise Failure(f"{where}: it is said to be open but has facts of a closed one")
            self.campaigns[row["campaign"]] = {
                "row": row, "launch": launch[2], "close": close[2] if close else None, "closed_index": close[1] if close else None,
                "counts": {}, "removals": set(), "revoked": {}, "submitted": {},
            }  # fmt: skip
        closed = sum(1 for campaign in self.campaigns.values() if campaign["close"])
        names = {row["campaign"] for _, row in self.pack.rows("controls/mapping.csv")}
        if names != set(self.campaigns):
            raise Failure("controls/mapping.csv does not map exactly the campaigns of the pack")
        return f"{len(self.campaigns):,} campaigns ({closed:,} closed) equal their launch and close in the log"

    def _campaign(self, row, where):
        if row["campaign"] not in self.campaigns:
            raise Failure(f"{where}: campaign {row['campaign']} is not in campaigns/campaigns.csv")
        return self.campaigns[row["campaign"]]

    def population(self):
        """Population and outcome roots recomputed from the rows; every item has exactly one outcome."""
        state = {}
        self.rationales = {}
        for line, row in self.pack.rows("reviews/items.csv"):
            where = f"reviews/items.csv line {line}"
            campaign = self._campaign(row, where)
            population, outcomes = state.setdefault(row["campaign"], (Tree(), Tree()))
            if row["item"] != str(population.size + 1):
                raise Failure(f"{where}: item {row['item']} stands where item {population.size + 1} should: a row was dropped, added or moved")
            population.append(row_leaf([row[name] for name in ITEM_COLUMNS]))
            outcomes.append(row_leaf([row[name] for name in OUTCOME_COLUMNS]))
            self._outcome(row, campaign, where)
        for key, campaign in self.campaigns.items():
            population, outcomes = state.get(key, (Tree(), Tree()))
            row = campaign["row"]
            name = f"campaign {key} ({row['name']})"
            if str(population.size) != row["items"]:
                raise Failure(f"reviews/items.csv has {population.size:,} items of {name}, its launch recorded {row['items']}")
            if population.root().hex() != row["population_root"]:
                raise Failure(f"reviews/items.csv: the items of {name} are not those that were frozen at its launch: a row was changed")
            if campaign["close"] and outcomes.root().hex() != row["outcome_root"]:
                raise Failure(f"reviews/items.csv: the outcomes of {name} are not those recorded when it was closed: a row was changed")
        return f"{sum(len(c['counts']) and c['counts']['all'] for c in self.campaigns.values()):,} items are exactly those frozen at launch, each with exactly one outcome"

    def _outcome(self, row, campaign, where):
        counts = campaign["counts"]
        counts["all"] = counts.get("all", 0) + 1
        source = counts.setdefault(row["source"], {"items": 0, "approved": 0, "revoked": 0, "not_reviewed": 0})
        source["items"] += 1
        if not campaign["close"]:
            if any(row[name] for name in (*OUTCOME_COLUMNS[2:], "rationale")):
                raise Failure(f"{where}: it has an outcome although its campaign is open")
            return
        outcome, decision, signed = row["outcome"], row["decision"], bool(row["sign_off_entry"])
        wanted = {"approve": "approved", "revoke": "revoked"}.get(decision, "not_reviewed") if signed else "not_reviewed"
        if outcome != wanted:
            raise Failure(f"{where}: the outcome is {outcome!r}, but what was submitted makes it {wanted!r}; silence never approves")
        source[outcome] += 1
        if outcome == "revoked":
            campaign["revoked"][row["item"]] = row["source"]
        if signed:
            self.rationales[row["decision_entry"]] = hashlib.sha256(row["rationale"].encode()).digest()[:16]
            cells = [row[name] for name in ("campaign", "item", "decision", "decided_at", "decision_entry")]
            campaign["submitted"].setdefault(row["sign_off_entry"], Tree()).append(row_leaf(cells))

    def exclusions(self):
        """What was left out of each population, with its rule, is what the launch recorded."""
        trees, self.excluded = {}, {}
        for line, row in self.pack.rows("population/exclusions.csv"):
            where = f"population/exclusions.csv line {line}"
            self._campaign(row, where)
            tree = trees.setdefault(row["campaign"], Tree())
            if row["number"] != str(tree.size + 1):
                raise Failure(f"{where}: exclusion {row['number']} stands where {tree.size + 1} should: a row was dropped, added or moved")
            tree.append(row_leaf([row[name] for name in EXCLUSION_COLUMNS]))
            key = (row["campaign"], row["source"])
            self.excluded[key] = self.excluded.get(key, 0) + 1
        for key, campaign in self.campaigns.items():
            tree, row = trees.get(key, Tree()), campaign["row"]
            if str(tree.size) != row["excluded"] or tree.root().hex() != row["exclusion_root"]:
                raise Failure(f"population/exclusions.csv: the exclusions of campaign {key} ({row['name']}) are not those recorded at its launch")
        return f"{sum(tree.size for tree in trees.values()):,} exclusions, each with its rule, are exactly those recorded at launch"

    def decisions(self):
        """Each decision row equals its entry, and each decision entry has its row; none after close."""
        count, last = 0, {}
        for line, row in self.pack.rows("reviews/decisions.csv"):
            where = f"reviews/decisions.csv line {line}"
            campaign = self._campaign(row, where)
            kind = "decision:undone" if row["decision"] == "undo" else "decision:made"
            entry = self._take(row["entry"], (kind,), where)
            facts = {name: row[name] for name in ("campaign", "item", "decision", "rationale", "decided_at", "rule", "shown", "bulk")}
            facts["reviewer"] = {"id": row["reviewer"], "name": row["reviewer_name"], "email": row["reviewer_email"]}
            if _decision_digest(facts) != entry[2]:
                raise Failure(f"{where}: it is not what the log recorded: the reviewer, item, decision, reason or time was changed")
            if entry[1] <= last.get(row["campaign"], -1):
                raise Failure(f"{where}: it stands out of the log's order: rows were swapped")
            last[row["campaign"]] = entry[1]
            if not campaign["row"]["opened_at"] <= row["decided_at"] <= campaign["row"]["due_at"]:
                raise Failure(f"{where}: it was made outside the time of its campaign")
            if campaign["close"] and (entry[1] > campaign["closed_index"] or row["decided_at"] > campaign["close"]["closed_at"]):
                raise Failure(f"{where}: it was made after its campaign was closed")
            reason = self.rationales.pop(row["entry"], None)
            if reason is not None and reason != hashlib.sha256(row["rationale"].encode()).digest()[:16]:
                raise Failure(f"{where}: reviews/items.csv shows another reason for this decision")
            count += 1
        if self.rationales:
            raise Failure(f"reviews/items.csv names {len(self.rationales):,} decisions that reviews/decisions.csv lacks: a row was dropped")
        return f"{count:,} decisions, withdrawn and superseded ones too, equal the log entry by entry; none was made after close"

    def submissions(self):
        """Each submission equals its entry; the decisions it covers are the submitted ones."""
        count = 0
        for line, row in self.pack.rows("reviews/submissions.csv"):
            where = f"reviews/submissions.csv line {line}"
            campaign = self._campaign(row, where)
            data = self._take(row["entry"], ("review:submitted",), where)[2]
            _same_facts(row, data, ("campaign", "statement", "decisions_root", "submitted_at"), where)
            _same_facts(row, data["counts"], ("approved", "revoked", "dont_know", "open_left"), where)
            if (row["reviewer"], row["reviewer_name"]) != (data["reviewer"]["id"], data["reviewer"]["name"]):
                raise Failure(f"{where}: it was signed by somebody else")
            if campaign["close"]:
                tree = campaign["submitted"].pop(row["entry"], Tree())
                if tree.root().hex() != row["decisions_root"]:
                    raise Failure(f"{where}: reviews/items.csv does not show the decisions that were signed here")
            count += 1
        if any(campaign["submitted"] for campaign in self.campaigns.values()):
            raise Failure("reviews/items.csv names submissions that reviews/submissions.csv lacks: a row was dropped")
        return f"{count:,} signed statements cover exactly the decisions that counted"

    def bulk_acts(self):
        """Each bulk act equals its entry."""
        count = 0
        for line, row in self.pack.rows("reviews/bulk_acts.csv"):
            where = f"reviews/bulk_acts.csv line {line}"
            self._campaign(row, where)
            data = self._take(row["entry"], ("decision:bulk",), where)[2]
            _same_facts(row, data, ("campaign", "decision", "rationale", "count", "left_out"), where)
            try:
                same_filter = json.loads(row["filter"]) == data["filter"]
            except ValueError:
                same_filter = False
            numbers = "[" + ",".join(row["items"].split()) + "]"
            if not same_filter or hashlib.sha256(numbers.encode()).hexdigest() != data["items_sha256"]:
                raise Failure(f"{where}: its filter or its items are not what the log recorded")
            count += 1
        return f"{count:,} acts on many items equal the log, with filter, count and items"

    def reviewers(self):
        """The summary of reviewers is what the decisions add up to."""
        sums = {}
        for _, row in self.pack.rows("reviews/decisions.csv"):
            one = sums.setdefault((row["campaign"], row["reviewer"]), [0, 0, row["decided_at"], row["decided_at"]])
            one[0] += 1
            one[1] += bool(row["bulk"])
            one[2], one[3] = min(one[2], row["decided_at"]), max(one[3], row["decided_at"])
        for line, row in self.pack.rows("reviews/reviewers.csv"):
            stated = [row["decisions"], row["by_bulk"], row["first_decision_at"], row["last_decision_at"]]
            if stated != [str(value) for value in sums.pop((row["campaign"], row["reviewer"]), ())]:
                raise Failure(f"reviews/reviewers.csv line {line}: its numbers are not what reviews/decisions.csv adds up to")
        if sums:
            raise Failure("reviews/reviewers.csv lacks a reviewer who has decisions: a row was dropped")
        count = 0
        for line, row in self.pack.rows("reviews/reassignments.csv"):
            where = f"reviews/reassignments.csv line {line}"
            _, _, data, at, by = self._take(row["entry"], ("assignment:reassigned",), where)
            _same_facts(row, data, ("campaign", "from", "to", "reason"), where)
            if _numbers(row["items"]) != data["items"] or (row["at"], row["by"]) != (at, by):
                raise Failure(f"{where}: it is not what the log recorded")
            count += 1
        return f"the numbers of each reviewer add up; {count:,} reassignments equal the log"

    def balances(self):
        """Per source: open grants = items + excluded; items = approved + revoked + not reviewed."""
        seen = set()
        for line, row in self.pack.rows("population/balance.csv"):
            where = f"population/balance.csv line {line}"
            campaign, key = self._campaign(row, where), (row["campaign"], row["source"])
            recorded = [one for one in campaign["launch"]["sources"] if one["source"] == row["source"]]
            if len(recorded) != 1 or key in seen:
                raise Failure(f"{where}: its launch did not freeze this source")
            seen.add(key)
            _same_facts(row, recorded[0], ("snapshot", "grants_open", "items", "excluded"), where)
            counted = campaign["counts"].get(row["source"], {"items": 0, "approved": 0, "revoked": 0, "not_reviewed": 0})
            if int(row["items"]) != counted["items"] or int(row["excluded"]) != self.excluded.get(key, 0):
                raise Failure(f"{where}: the rows of the pack are not as many as it says")
            if int(row["grants_open"]) != counted["items"] + int(row["excluded"]):
                raise Failure(f"{where}: open grants are not items + excluded")
            for name in ("approved", "revoked", "not_reviewed"):
                if row[name] != (str(counted[name]) if campaign["close"] else ""):
                    raise Failure(f"{where}: {name} is not what reviews/items.csv adds up to")
        for key, campaign in self.campaigns.items():
            if missing := [one["source"] for one in campaign["launch"]["sources"] if (key, one["source"]) not in seen]:
                raise Failure(f"population/balance.csv lacks {_some(missing)} of campaign {key}: a row was dropped")
            if campaign["close"]:
                totals = {name: sum(c[name] for c in campaign["counts"].values() if isinstance(c, dict)) for name in ("approved", "revoked", "not_reviewed")}
                if totals != campaign["close"]["counts"]:
                    raise Failure(f"campaign {key}: the outcomes do not add up to what its close recorded")
        return f"{len(seen):,} balances hold: open grants = items + excluded, items = approved + revoked + not reviewed"

    def removals(self):
        """Every revoked item of a closed campaign has one removal; verdicts follow from recorded verifications alone."""
        verdicts, claims = {}, {}
        for line, row in self.pack.rows("remediation/verifications.csv"):
            where = f"remediation/verifications.csv line {line}"
            entry = self._take(row["entry"], ("removal:verified",), where)
            data = {**entry[2], "removal": entry[2].get("task")}
            _same_facts(row, data, ("campaign", "item", "removal", "verdict", "source", "present_in", "snapshot", "at"), where)
            if int(row["present_in"]) >= int(row["snapshot"]):
                raise Failure(f"{where}: the snapshot that showed the access is not earlier than the one that was checked")
            verdicts[row["removal"]] = (entry[1], row)
        for line, row in self.pack.rows("remediation/attempts.csv"):
            where = f"remediation/attempts.csv line {line}"
            entry = self._take(row["entry"], ("removal:claimed-done",), where)
            data = {**entry[2], "removal": entry[2].get("task"), "by": entry[4]}
            _same_facts(row, data, ("campaign", "item", "removal", "note", "proof_name", "proof_sha256", "by", "at"), where)
            claims.setdefault(row["removal"], []).append(entry[1])
        counts = {"verified_gone": 0, "still_there": 0, "reported_not_proved": 0, "open": 0}
        for line, row in self.pack.rows("remediation/removals.csv"):
            where = f"remediation/removals.csv line {line}"
            campaign = self._campaign(row, where)
            data = self._take(row["entry"], ("removal:opened",), where)[2]
            _same_facts(row, {**data, "removal": data["task"]}, ("campaign", "item", "removal", "owner", "due_at"), where)
            if campaign["revoked"].get(row["item"]) != row["source"] or row["item"] in campaign["removals"]:
                raise Failure(f"{where}: item {row['item']} was not revoked, or has two removals")
            campaign["removals"].add(row["item"])
            if row["verdict"] != _verdict(verdicts.get(row["removal"]), claims.get(row["removal"], [])):
                raise Failure(f"{where}: {row['verdict']} is not what the recorded verifications say")
            self._bounds(row, verdicts.get(row["removal"]), claims.get(row["removal"], []), where)
            counts[row["verdict"]] += 1
        pending = sum(len(c["revoked"]) - len(c["removals"]) for c in self.campaigns.values())
        words = f"{counts['verified_gone']:,} proved gone by later data, {counts['still_there']:,} still there, "
        words += f"{counts['reported_not_proved']:,} reported but not proved, {counts['open']:,} open"
        return f"{sum(counts.values()):,} removals: {words}" + (f"; {pending:,} revoked items have no task yet" if pending else "")

    @staticmethod
    def _bounds(row, verdict, claims, where):
        gone = row["verdict"] == "verified_gone"
        wanted = (
            verdict[1]["present_in"] if verdict else "",
            verdict[1]["snapshot"] if gone else "",
            verdict[1]["at"] if gone else "",
            str(len(claims)),
        )
        if (row["present_in"], row["gone_in"], row["verified_at"], row["attempts"]) != wanted:
            raise Failure(f"{where}: the snapshots between which it was removed are not those that were recorded")

    def administration(self):
        """Changes of users, roles, sources and definitions equal the log."""
        count = 0
        for line, row in self.pack.rows("administration/changes.csv"):
            where = f"administration/changes.csv line {line}"
            kind, _, data, at, by = self._take(row["entry"], (row["kind"],), where)
            try:
                same = json.loads(row["data"]) == data
            except ValueError:
                same = False
            if not same or (row["at"], row["by"]) != (at, by):
                raise Failure(f"{where}: it is not what the log recorded")
            count += 1
        return f"{count:,} changes of people, roles, sources and definitions equal the log"

    def leftovers(self):
        """Every entry in the pack that a table should show is shown."""
        shown = {
            "snapshot:loaded", "campaign:launched", "campaign:closed", "decision:made", "decision:undone", "decision:bulk",
            "review:submitted", "assignment:reassigned", "removal:opened", "removal:claimed-done", "removal:verified",
        }  # fmt: skip
        missing = [uid for uid, entry in self.entries.items() if entry[0] in shown]
        if missing:
            raise Failure(f"{len(missing):,} entries of the log have no row in the tables, {self.entries[missing[0]][0]} {missing[0]} first: a row was dropped")
        return "every decision, submission, removal and verification in the log has its row"


def _verdict(verdict, claims):
    if verdict and verdict[1]["verdict"] == "gone":
        return "verified_gone"
    if claims and (not verdict or max(claims) > verdict[0]):
        return "reported_not_proved"
    return "still_there" if verdict else "open"


def _numbers(text):
    try:
        return json.loads(text)
    except ValueError:
        return None


def _decision_digest(data):
    reviewer = data.get("reviewer", {})
    facts = [data.get(name) for name in ("campaign", "item", "decision", "rationale", "decided_at", "rule", "shown", "bulk")]
    facts += [reviewer.get(name) for name in ("id", "name", "email")]
    return hashlib.sha256(json.dumps(facts).encode()).digest()[:16]


def _same_facts(row, data, names, where):
    for name in names:
        if row[name] != str(data.get(name)):
            raise Failure(f"{where}: {name} is {row[name]!r}, the log recorded {data.get(name)!r}")


def _balance(row, where):
    try:
        read, loaded, rejected = (int(row[name]) for name in ("rows_read", "rows_loaded", "rows_rejected"))
    except ValueError:
        raise Failure(f"{where}: its counts are not numbers") from None
    if read != loaded + rejected:
        raise Failure(f"{where}: rows read are not loaded + rejected")


def _split_notes(text):
    """Notes are put one after the other with an empty line between them; each ends with its signature lines."""
    notes, current = [], []
    for line in text.split("\n"):
        if line == "" and any(part.startswith("\u2014 ") for part in current):
            notes.append("\n".join(current) + "\n")
            current = []
        else:
            current.append(line)
    return notes + (["\n".join(current) + "\n"] if any(current) else [])


def _some(names):
    rest = f" and {len(names) - SHOWN} more" if len(names) > SHOWN else ""
    return ", ".join(names[:SHOWN]) + rest


def main(arguments=None):
    """Read the command line, run the checks, say the verdict."""
    parser = argparse.ArgumentParser(description="Checks an evidence pack offline, without trusting the system that made it.")
    parser.add_argument("pack", help="the pack: a ZIP file, or the folder it was unpacked into")
    parser.add_argument("--checkpoint", help="a checkpoint of the same log that you kept from another day")
    parser.add_argument("--key", help="the log's verifier key, as you know it from elsewhere")
    options = parser.parse_args(arguments)
    csv.field_size_limit(2**27)
    try:
        kept = None
        if options.checkpoint:
            with open(options.checkpoint, encoding="utf-8") as stream:
                kept = stream.read(65536)
        verifier = Verifier(Pack(options.pack), kept, options.key)
        held = verifier.run()
    except Failure as failure:
        print(f"FAILED  {failure}")
        held = False
    except (CannotRun, OSError, UnicodeDecodeError) as error:
        print(f"The pack could not be checked: {error}")
        return 2
    if held:
        print("\nVerdict: everything in this pack holds. What it shows is what was recorded, complete and unchanged.")
        return 0
    print("\nVerdict: this pack does NOT hold. Do not rely on it; ask how the lines marked FAILED came about.")
    return 1


if __name__ == "__main__":
    sys.exit(main())
