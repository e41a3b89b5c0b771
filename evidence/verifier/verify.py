#!/usr/bin/env python3
"""Checks an evidence pack of Certify, offline and without trusting Certify.

    python3 -I verify.py PACK.zip [--checkpoint FILE] [--key VERIFIER_KEY] [--witness VERIFIER_KEY] [--tsa FILE]

PACK may also be the folder into which a pack was unpacked. Needs Python 3.9 or later and nothing else (timestamps: openssl); opens
no network connection and writes no file. Prints one line per check, under it what does not hold, and at the end a verdict. Exit status:
0 everything held, 1 something did not, 2 something that was asked for could not be checked.

It is one file so that it can be read from top to bottom: signatures, Merkle trees, the files of a pack, then the checks.
Formats: RFC 4180 (CSV), RFC 6962 (Merkle trees), RFC 8032 (Ed25519), RFC 8785 (canonical JSON), C2SP signed-note and
tlog-checkpoint. Files are read as streams: memory does not grow with the pack, save for some 90 bytes an item under review.
"""

import argparse
import base64
import binascii
import calendar
import csv
import gc
import hashlib
import io
import json
import marshal
import os
import re
import shutil
import stat
import subprocess
import sys
import time
import unicodedata
import zipfile
import zlib
from array import array
from collections import defaultdict, deque, namedtuple
from datetime import date, datetime, timedelta
from decimal import ROUND_HALF_UP, Decimal
from functools import lru_cache
from itertools import chain, count, groupby, islice, repeat
from operator import attrgetter

FORMAT = "certify-evidence-pack/5"


def words(text):
    """The words of a line, as a list."""
    return text.split()


ITEM_COLUMNS = words(
    "campaign item source snapshot account_id account_name identity_id identity_name identity_kind identity_status department "
    "title manager_id entitlement_id entitlement_name entitlement_kind description privileged path granted_at granted_by "
    "last_used_at expires_at first_seen_at signals reviewer reviewer_name reviewer_rule"
)
OUTCOME_COLUMNS = words("outcome decision decided_by decided_at decision_entry sign_off_entry")
ANSWER_COLUMNS = words(
    "campaign item stage panel reviewer reviewer_name rule reason excused quorum active vote decision until reduce_to decided_by "
    "decided_at decision_entry sign_off_entry"
)
#: Somebody who was asked about an item, and what they answered: a row of reviews/assignments.csv.
Answer = namedtuple("Answer", ANSWER_COLUMNS)
EXCLUSION_COLUMNS = words("campaign number source snapshot account_id identity_id entitlement_id path rule")
#: The tables of a pack and their columns.
TABLES = {
    "audit/conclusions.csv": words("sample row id conclusion note by at entry"),
    "audit/populations.csv": words("sample place id stratum"),
    "audit/requests.csv": words("request kind title sample row text file file_sha256 by at entry"),
    "audit/sample_rows.csv": words("sample number id stratum label"),
    "audit/samples.csv": words(
        "sample population campaigns strata_by seed size population_count population_root rows_root strata completeness by at entry"
    ),
    "audit/sign_offs.csv": words("sample statement totals conclusions_root by at entry"),
    "administration/changes.csv": words("at kind subject by data entry"),
    "administration/roles.csv": words("person name role changes from until given_by taken_by given_entry taken_entry"),
    "campaigns/campaigns.csv": words(
        "campaign name definition controls state launched_by opened_at due_at ended_at ended_by reason items excluded approved "
        "revoked reduced not_reviewed population_root exclusion_root outcome_root launch_entry end_entry terms"
    ),
    "campaigns/left_out.csv": words("campaign name controls opened_at why launch_entry"),
    "campaigns/mails.csv": words("about kind recipient recipient_name address template subject message_id sha256 at entry"),
    "campaigns/seals.csv": words("campaign statement close_entry outcome_root totals by at entry"),
    "controls/calendar.csv": words(
        "occurrence definition name controls label due_on opens_at due_at state reason campaign performed entry"
    ),
    "controls/duties.csv": words("control duty holder holder_name before by at entry"),
    "controls/statements.csv": words("framework kind number version control withdrawn facts by at entry"),
    "controls/mapping.csv": words("control asks_for campaign campaign_name"),
    "ledger/people.csv": words("commitment person name email username salt erased"),
    "lifecycle/balance.csv": words(
        "known there left_before leavers in_time late still_there cannot_say without_account accounts days"
    ),
    "lifecycle/leavers.csv": words(
        "identity_id identity_name identity_kind people_source people_snapshot last_day left_on due_on source account_id present_in "
        "gone_in verdict late_at_least late_at_most why"
    ),
    "population/balance.csv": words(
        "campaign source snapshot grants_open items excluded approved revoked reduced not_reviewed"
    ),
    "population/exclusions.csv": EXCLUSION_COLUMNS,
    "population/files.csv": words("source snapshot kind name sha256 size rows_read rows_loaded rows_rejected"),
    "population/rejected_rows.csv": words("source snapshot kind line field reason raw"),
    "population/snapshots.csv": words(
        "source snapshot completeness extraction_note extracted_at loaded_at loaded_by rows_read rows_loaded rows_rejected "
        "grants_open started changed ended entry"
    ),
    "remediation/attempts.csv": words("removal kind campaign item note proof_name proof_sha256 proof_link by at entry"),
    "remediation/exceptions.csv": words(
        "exception kind removal campaign item requested_by reason control expires_on note was why due_at by at entry"
    ),
    "remediation/figures.csv": words(
        "campaign decided reported verified verified_late still_there came_back excepted cannot_verify closed_on_proof "
        "kept_after_objection withdrawn to_do median_minutes p95_minutes"
    ),
    "remediation/objections.csv": words(
        "removal kind campaign item person until waits decision reviewer reason answer_by due_at by at entry"
    ),
    "remediation/removals.csv": words(
        "campaign item source account_id entitlement_id path removal owner opened_at due_at state attempts present_in gone_in "
        "verified_at entry"
    ),
    "remediation/returns.csv": words(
        "removal campaign item source gone_in seen_in decision later_decision later_outcome granted_by due_at at entry"
    ),
    "remediation/verifications.csv": words("removal campaign item verdict source present_in snapshot at entry"),
    "reviews/assignments.csv": ANSWER_COLUMNS,
    "reviews/advice.csv": words("campaign item recommendation score peers_holding peers_total peers_label reasons"),
    "reviews/bulk_acts.csv": words(
        "campaign reviewer reviewer_name decision rationale filter count left_out at items_sha256 entry"
    ),
    "reviews/conflicts.csv": words(
        "campaign number item rule name severity side duty other_duty held held_count control found_at excepted_until "
        "exception_control exception_by"
    ),
    "reviews/contexts.csv": words(
        "campaign number item described_by described_by_name described_at file_description credential_kind credential_at "
        "credential_limit"
    ),
    "reviews/decisions.csv": words(
        "campaign item decision reviewer reviewer_name reviewer_email rule rationale decided_at shown bulk entry stage for "
        "until reduce_to evidence signed_in counts"
    ),
    "reviews/findings.csv": words(
        "campaign kind reviewer reviewer_name measure value threshold decided finding choice reason asked reopened by at entry"
    ),
    "reviews/independence.csv": words(
        "campaign reviewer reviewer_name identity known_since decisions own manages delegated granted reports_to rules"
    ),
    "reviews/items.csv": [
        *ITEM_COLUMNS,
        *OUTCOME_COLUMNS,
        "decided_by_name",
        "rationale",
        "name_salt",
        "name_commitment",
    ],
    "reviews/quality.csv": words(
        "campaign reviewer reviewer_name decided privileged median_seconds under_3_seconds bulk streak privileged_opened "
        "against_advice approved with_reason limits beyond"
    ),
    "reviews/reassignments.csv": words("campaign item from to reason at by entry"),
    "reviews/reviewers.csv": words(
        "campaign reviewer stage reviewer_name items_assigned by_rule decisions by_bulk first_decision_at last_decision_at entry"
    ),
    "reviews/second_looks.csv": words("campaign stage seed share items without_reviewer items_root reviewers due_at at entry"),
    "reviews/sign_ins.csv": words("reviewer reviewer_name means at entry"),
    "reviews/signed_in_by.csv": words("campaign reviewer reviewer_name submitted_at sign_ins means entry"),
    "reviews/signed.csv": words("campaign item decision decided_at decision_entry sign_off_entry"),
    "reviews/submissions.csv": words(
        "campaign reviewer reviewer_name statement approved revoked reduced dont_know open_left decisions_root submitted_at entry"
    ),
}
#: Tables that only a pack of one sample has.
OWN_TABLES = {"trail.csv": words("row id kind subject by at entry")}
LEDGER = (
    "ledger/anchors/anchors.json",
    "ledger/checkpoints.txt",
    "ledger/entries.jsonl",
    "ledger/keys.json",
    "ledger/leaves.bin",
    "ledger/proofs.json",
)
SIGNED = {*TABLES, *LEDGER, "README.md", "verify.py"}
ITEM = {column: place for place, column in enumerate(TABLES["reviews/items.csv"])}
ANSWERED_BY = ANSWER_COLUMNS.index("reviewer"), ANSWER_COLUMNS.index("reviewer_name")
OUTCOME, ASKED_RULE = ITEM["outcome"], ITEM["reviewer_rule"]
ASKED, ASKED_NAME = ITEM["reviewer"], ITEM["reviewer_name"]
HOLDER, MANAGER, PRIVILEGED = ITEM["identity_id"], ITEM["manager_id"], ITEM["privileged"]
FROZEN, RESULT = len(ITEM_COLUMNS), len(ITEM_COLUMNS) + len(OUTCOME_COLUMNS)
ACCOUNT_NAME, HOLDER_NAME, SALT, SEALED = (
    ITEM[name] for name in ("account_name", "identity_name", "name_salt", "name_commitment")
)


def shown_in(table, same, **others):
    """The table that shows a kind of entry; columns that are called as in the entry's data, and where the others stand."""
    return table, {**{name: f"data.{name}" for name in words(same)}, **others}


REVIEWER = {"reviewer": "data.reviewer.id", "reviewer_name": "data.reviewer.name"}
DECISION = shown_in(
    "reviews/decisions.csv", "campaign item decision rationale decided_at rule shown bulk",
    reviewer_email="data.reviewer.email", stage="data.stage", until="data.until", reduce_to="data.reduce_to",
    evidence="data.evidence", **{"for": "data.for"}, **REVIEWER,
)  # fmt: skip
MAIL = shown_in(
    "campaigns/mails.csv",
    "recipient template subject message_id sha256",
    recipient_name="data.to.name",
    address="data.to.email",
    about="subject",
    kind="kind",
    at="at",
)
FINDING = shown_in(
    "reviews/findings.csv", "campaign measure value threshold decided finding choice reason asked reopened",
    kind="kind", by="actor.name", at="at", **REVIEWER,
)  # fmt: skip
ATTEMPT = shown_in(
    "remediation/attempts.csv", "campaign item note proof_name proof_sha256 proof_link at",
    kind="kind", removal="data.task", by="actor.name",
)  # fmt: skip
EXCEPTION = shown_in(
    "remediation/exceptions.csv", "exception campaign item requested_by reason control expires_on note was why due_at",
    kind="kind", removal="data.task", by="actor.name", at="at",
)  # fmt: skip
OBJECTION = shown_in(
    "remediation/objections.csv", "campaign item person until waits decision reviewer reason answer_by due_at at",
    kind="kind", removal="data.task", by="actor.name",
)  # fmt: skip
REQUEST = shown_in(
    "audit/requests.csv", "request title sample row text file file_sha256", kind="kind", by="actor.name", at="at",
)  # fmt: skip
#: Kind of entry → its table and columns. Kinds that are not here are shown in administration/changes.csv.
SHOWN = {
    "sample:drawn": shown_in(
        "audit/samples.csv",
        "sample population campaigns strata_by seed size population_count population_root rows_root strata",
        completeness="data.statement", by="actor.name", at="at",
    ),
    "sample:concluded": shown_in("audit/conclusions.csv", "sample row id conclusion note", by="actor.name", at="at"),
    "sample:signed-off": shown_in(
        "audit/sign_offs.csv", "sample statement conclusions_root", totals="data.counts", by="actor.name", at="at",
    ),
    **dict.fromkeys(map("request:{}".format, words("asked answered closed")), REQUEST),
    "decision:made": DECISION,
    "decisions:made": DECISION,
    "decision:undone": DECISION,
    "decision:bulk": shown_in(
        "reviews/bulk_acts.csv", "campaign decision rationale filter count left_out items_sha256",
        reviewer="actor.id", reviewer_name="actor.name", at="at",
    ),
    "review:submitted": shown_in(
        "reviews/submissions.csv", "campaign statement decisions_root submitted_at", **REVIEWER,
        **{name: f"data.counts.{name}" for name in words("approved revoked reduced dont_know open_left")},
    ),
    "assignment:made": shown_in(
        "reviews/reviewers.csv", "campaign stage", items_assigned="data.items", by_rule="data.rules", reviewer="data.reviewer.id",
        reviewer_name="data.reviewer.frozen_name",
    ),
    "assignment:reassigned": shown_in(
        "reviews/reassignments.csv", "campaign from to reason", item="data.items", at="at", by="actor.name",
    ),
    "snapshot:loaded": shown_in(
        "population/snapshots.csv",
        "source snapshot completeness extraction_note extracted_at grants_open started changed ended",
        loaded_at="at", loaded_by="actor.name",
    ),
    "removal:opened": shown_in("remediation/removals.csv", "campaign item owner due_at", removal="data.task", opened_at="at"),
    **dict.fromkeys(map("removal:{}".format, words("sent claimed-done proof-added closed")), ATTEMPT),
    **dict.fromkeys(
        map("removal:{}".format, words("announced objected confirmed kept unanswered released objection-ended")), OBJECTION
    ),
    **dict.fromkeys(map("exception:{}".format, words("requested approved declined ended")), EXCEPTION),
    "removal:returned": shown_in(
        "remediation/returns.csv",
        "campaign item source gone_in seen_in decision later_decision later_outcome granted_by due_at at", removal="data.task",
    ),
    "removal:verified": shown_in(
        "remediation/verifications.csv", "campaign item verdict source present_in snapshot at", removal="data.task",
    ),
    "mail:sent": MAIL,
    "mail:failed": MAIL,
    "campaign:sealed": shown_in(
        "campaigns/seals.csv", "campaign statement close_entry outcome_root", totals="data.counts", by="actor.name", at="at",
    ),
    "finding:made": FINDING,
    "finding:dispositioned": FINDING,
    "duty:given": shown_in(
        "controls/duties.csv", "control duty holder", holder_name="data.given_to.name", before="data.taken_from.name", by="actor.name",
        at="at",
    ),
    "statement:made": shown_in(
        "controls/statements.csv", "framework kind number version control withdrawn facts", by="actor.name", at="at",
    ),
    "session:signed-in": shown_in(
        "reviews/sign_ins.csv", "means", reviewer="subject", reviewer_name="actor.name", at="at",
    ),
    "second-look:asked": shown_in(
        "reviews/second_looks.csv", "campaign stage seed share items without_reviewer items_root reviewers due_at", at="at",
    ),
}  # fmt: skip
CHANGE = shown_in("administration/changes.csv", "", at="at", kind="kind", subject="subject", by="actor.name", data="data")
COMPARED = {table: list(paths) for table, paths in [*SHOWN.values(), CHANGE]}
#: The check under which a table's rows are reported.
CHECK_OF = {
    **dict.fromkeys(map("audit/{}.csv".format, words("samples conclusions sign_offs requests")), "samples"),
    "population/snapshots.csv": "snapshots", "reviews/reviewers.csv": "reviewers", "reviews/reassignments.csv": "reviewers",
    "reviews/submissions.csv": "submissions", "reviews/bulk_acts.csv": "bulk", "campaigns/mails.csv": "campaigns",
    "campaigns/seals.csv": "seals", "reviews/findings.csv": "seals", "reviews/second_looks.csv": "second_looks",
    "administration/changes.csv": "administration", "remediation/removals.csv": "removals",
    "remediation/attempts.csv": "removals", "remediation/verifications.csv": "removals", "remediation/returns.csv": "removals",
    "remediation/exceptions.csv": "exceptions", "controls/duties.csv": "controls", "controls/statements.csv": "controls",
    "remediation/objections.csv": "removals", "reviews/sign_ins.csv": "sign_ins",
}  # fmt: skip
#: A campaign's row shows two entries, its launch and its end.
LAUNCHED, CLOSED, CANCELLED = "campaign:launched", "campaign:closed", "campaign:cancelled"
#: The decisions of an act on many, or a part of them: what they share once, and of each the rest.
MANY = "decisions:made"
#: What an entry does not say where it says nothing unusual.
UNSAID = {
    "data.stage": "1", "data.for": "", "data.until": "", "data.reduce_to": "", "data.evidence": "", "data.counts.reduced": "0",
    **dict.fromkeys(
        map("data.{}".format, words("proof_link control note was why due_at person waits decision reviewer answer_by")), ""
    ),
    **dict.fromkeys(
        map("data.{}".format, words("message_id sha256 value threshold decided finding choice reason asked reopened")), ""
    ),
}  # fmt: skip
#: Where entries of version 1 say in the clear what later ones commit to.
IN_THE_CLEAR = {
    "data.to.name": "recipient_name", "data.to.email": "address", "data.given_to.name": "holder_name", "data.taken_from.name": "before",
}  # fmt: skip
#: Since the terms of a campaign say so, its leaves do not cover the names of people.
NAMES, APART = "names", "apart"
HOLDERS, COMMITTED = "holders", "committed"
#: Cells that hold JSON; the order of keys and spaces do not matter in them.
JSON_COLUMNS = {
    "limits",
    "rules",
    "data",
    "facts",
    "filter",
    "by_rule",
    "terms",
    "totals",
    "reviewers",
    "strata",
    "completeness",
}
#: Lists in entries that a table shows as JSON.
JSON_LISTS = {"data.reviewers", "data.strata", "data.statement"}
SMALL_FILE, LINE_LIMIT, FIELD_LIMIT, BLOCK = 64 * 2**20, 2**20, 2**20, 2**18
PROBLEMS_SHOWN, STRAYS, AHEAD = 20, 50_000, 64
MOMENT = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z").fullmatch
#: What stands before the apostrophe that begins a cell, and it, except at the very beginning of a text.
APOSTROPHES = (",'", "\"'", "\n'")
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
    if not 0 <= index < size or len(leaf) != 32:
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


def needs_escape(cells):
    """Whether a cell is not written as it is in JSON: then more than the two quotes are added to the text of all."""
    text = "".join(cells)
    return len(quoted(text)) != len(text) + 2


def canonical_row(cells):
    """The bytes of the JSON array of the cells."""
    if needs_escape(cells):
        return ("[" + ",".join(map(quoted, cells)) + "]").encode()
    return ('["' + '","'.join(cells) + '"]').encode()


def row_hash(cells):
    """The hash of a row as a leaf."""
    return sha256(b"\x00" + canonical_row(cells)).digest()


def as_bytes(cells):
    """Bytes that only these cells have, for comparing in memory: each with its length (marshal, a version that knows no references)."""
    return marshal.dumps(cells, 2)


# Rows of an act say the same one after another: what was made of the last one is kept.
@lru_cache(maxsize=1)
def digest(cells):
    """Sixteen bytes that stand for the cells, a tuple, in memory."""
    return hashlib.blake2b(as_bytes(cells), digest_size=16).digest()


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
        raw = base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        raw = None
    if raw is None or base64.b64encode(raw).decode() != text:
        raise Problem(f"{where}: {text[:60]!r} is not base64 as it is written")
    return raw


#: Kinds of keys: of logs, and of witnesses with Ed25519 and with ML-DSA-44, which is not checked here. → bytes of each.
LOG_KEY, WITNESS_KEY, OTHER_WITNESS_KEY = b"\x01", b"\x04", b"\x06"
KEY_SIZES = {LOG_KEY: 32, WITNESS_KEY: 32, OTHER_WITNESS_KEY: 1312}


class Key:
    """A verifier key, written name+hash+key."""

    def __init__(self, text, where, kinds=(LOG_KEY,)):
        self.text = text.strip()
        self.name, _, rest = self.text.partition("+")
        stated, _, encoded = rest.partition("+")
        raw = _base64(encoded, where)
        if not self.name or raw[:1] not in kinds or len(raw) != 1 + KEY_SIZES[raw[:1]]:
            raise Problem(f"{where} is not an Ed25519 verifier key")
        self.kind, self.public, self.hash = raw[:1], raw[1:], sha256(self.name.encode() + b"\n" + raw).digest()[:4]
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


#: How a key came after another: the title of the statement → the kind of the entry that repeats it.
CHANGES_OF_KEYS = {"certify-key-handover/1": "ledger:key-handed-over", "certify-log-begun-anew/1": "ledger:log-begun-anew"}
STATEMENT = words("old new entry size root why")


class Term:
    """A key of the log: it signs the checkpoints of more than `since` entries, after the term `before`, by a signed statement."""

    def __init__(self, told, before, where):
        if set(told) != {"key", "since", "statement"} or type(told["since"]) is not int:
            raise Problem(f"{where} does not say which key signs since which entry")
        self.key, self.since, self.note = Key(told["key"], where), told["since"], told["statement"]
        self.before, self.said, self.is_lost = before, {}, False
        if before is None and (self.since, self.note) != (0, ""):
            raise Problem(f"{where}: the first key of a log signs from its first entry on, by no statement")
        if before is not None:
            self._read(where)

    def _read(self, where):
        """The statement is signed by the old key and this one; of a log that began anew because a key was lost, by this one alone."""
        text, old = self.key.open(self.note, f"{where}: the statement"), self.before.key
        title, *lines = text[:-1].split("\n")
        self.said = dict(line.partition(" ")[::2] for line in lines)
        if title not in CHANGES_OF_KEYS or [line.partition(" ")[0] for line in lines] != STATEMENT:
            raise Problem(f"{where}: the statement is none about a key of the log")
        self.is_lost = CHANGES_OF_KEYS[title] == "ledger:log-begun-anew"
        if not self.is_lost:
            old.open(self.note, f"{where}: the statement")
        if (self.said["old"], self.said["new"], self.said["entry"]) != (old.text, self.key.text, str(self.since)):
            raise Problem(f"{where}: the statement is about other keys or another place of the log")
        if self.since <= self.before.since or (old.name == self.key.name) == self.is_lost:
            raise Problem(f"{where}: the key does not follow the one before as a key must")


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


class Hashing(io.RawIOBase):
    """A file of a pack whose SHA-256 is put into `hashes` when its end is reached."""

    def __init__(self, stream, name, hashes):
        self.stream, self.name, self.hashes, self.hashed = stream, name, hashes, sha256()

    def readable(self):
        """It is."""
        return True

    def readinto(self, buffer):
        """Read some bytes."""
        count = self.stream.readinto(buffer)
        self.hashed.update(buffer[:count])
        if not count:
            self.hashes[self.name] = self.hashed.hexdigest()
        return count

    def close(self):
        """The file below too."""
        self.stream.close()
        super().close()


class Pack:
    """The files of a pack by name, read as streams. Nothing is ever unpacked to disk."""

    def __init__(self, path):
        self.path, self.archive, self.sizes, self.oddities = path, None, {}, []
        # Name → SHA-256 of each file that was read to its end.
        self.hashes = {}
        if os.path.isdir(path):
            self._list_folder()
        else:
            self._list_archive()
        self.check_names()

    def check_names(self):
        """Names that lead elsewhere, or that look alike."""
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
            elif member.flag_bits & 0x61:
                self.oddities.append(f"{member.filename} is encrypted or a patch")
            elif member.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
                self.oddities.append(f"{member.filename} is packed in a way that packs do not use; it was not read")
            else:
                self.sizes[member.filename] = member.file_size

    def open(self, name):
        """A file as a binary stream; what is read of it is hashed on the way, so that nothing is unpacked twice."""
        if name not in self.sizes:
            raise Problem(f"{name} is missing from the pack")
        return io.BufferedReader(Hashing(self._raw(name), name, self.hashes), BLOCK)

    def _raw(self, name):
        return self.archive.open(name) if self.archive else open(os.path.join(self.path, *name.split("/")), "rb")

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

    def _blocks(self, name):
        """(bytes of whole lines, their text) of a text file, block by block; only the last line may lack its end."""
        number, rest, block = 1, b"", b"\n"
        with self.open(name) as stream:
            while block:
                block = stream.read(BLOCK)
                end = block.rfind(b"\n") + 1 if block else 0
                whole, rest = (rest + block[:end], block[end:]) if end or not block else (b"", rest + block)
                if max(whole.find(b"\n"), len(rest)) >= LINE_LIMIT:
                    raise Problem(f"{name}, line {number}: longer than any line can be; it was changed or damaged")
                if whole:
                    yield whole, self._decoded(name, number, whole)
                    number += whole.count(b"\n")

    @staticmethod
    def _decoded(name, number, lines):
        """Lines as text; `number` is that of the first."""
        try:
            return lines.decode()
        except UnicodeDecodeError as error:
            place = number + lines[: error.start].count(b"\n")
            raise Problem(f"{name}, line {place}: not UTF-8; it was changed or damaged") from None

    def lines(self, name):
        """The lines of a text file as bytes, each with its end. They are UTF-8."""
        return chain.from_iterable(io.BytesIO(whole) for whole, _ in self._blocks(name))

    def table(self, name):
        """(row number as a spreadsheet counts, cells) of a table; the apostrophe that made a cell harmless is taken away."""
        columns, number, numbers = OWN_TABLES.get(name) or TABLES[name], 0, count(1)
        width, untitled = len(columns), f"{name}, row 1: the columns are not {', '.join(columns)}"
        try:
            for rows, has_apostrophes in self._row_blocks(name):
                if not number:
                    number = next(numbers)
                    if next(rows, None) != columns:
                        raise Problem(untitled)
                for cells, number in zip(rows, numbers):
                    if len(cells) != width:
                        raise Problem(f"{name}, row {number}: {len(cells)} cells instead of {width}; it was changed or damaged")
                    if has_apostrophes:
                        cells = [cell[1:] if cell[:1] == "'" else cell for cell in cells]
                    yield number, cells
        except csv.Error as error:
            raise Problem(f"{name}, after row {number}: not a CSV table ({error}); it was changed or damaged") from None
        if not number:
            raise Problem(untitled)

    def _row_blocks(self, name):
        """(rows, whether cells may begin with an apostrophe), a block at a time, or several where a cell goes on in the next one."""
        blocks = (text for _, text in self._blocks(name))
        for text in blocks:
            if text.count('"') % 2:
                lines = (io.StringIO(one, newline="\n") for one in self._until_even(text, blocks))
                yield csv.reader(chain.from_iterable(lines), strict=True), True
            else:
                yield self._rows_of(text), text[:1] == "'" or ("'" in text and any(mark in text for mark in APOSTROPHES))

    @staticmethod
    def _until_even(first, blocks):
        """A block and those after it, until every quote that was opened is closed."""
        is_open = False
        for text in chain([first], blocks):
            is_open ^= text.count('"') % 2
            yield text
            if not is_open:
                return

    @staticmethod
    def _rows_of(text):
        """The rows of whole lines. Where nothing is quoted, a line is its cells, and that is found in half the time."""
        if '"' not in text:
            *lines, rest = text.split("\r\n")
            if not rest and text.count("\r") == text.count("\n") == len(lines):
                return map(str.split, lines, repeat(","))
        return csv.reader(io.StringIO(text, newline="\n"), strict=True)

    def rows(self, name):
        """(row number, {column: cell}) of a table."""
        columns = OWN_TABLES.get(name) or TABLES[name]
        for number, cells in self.table(name):
            yield number, dict(zip(columns, cells))


# --- what is found ------------------------------------------------------------------------------------------------------------

TITLES = {
    "files": "Files", "keys": "Keys of the log", "signature": "Manifest", "checkpoints": "Checkpoints", "log": "Log",
    "kept": "Your own checkpoint",
    "entries": "Log entries", "people": "Names of people", "campaigns": "Campaigns", "items": "Populations", "exclusions": "Exclusions",
    "advice": "Recommendations", "conflicts": "Conflicts of duties", "contexts": "Descriptions and credentials",
    "outcomes": "Outcomes", "decisions": "Decisions", "submissions": "Submissions", "bulk": "Bulk acts",
    "reviewers": "Reviewers", "independence": "Independence", "quality": "Attention",
    "sign_ins": "Sign-ins of reviewers",
    "snapshots": "Readings of the systems", "balance": "Balances", "removals": "Removals",
    "exceptions": "Risk exceptions",
    "controls": "Controls", "calendar": "Calendar", "second_looks": "Second looks", "seals": "Findings and seals",
    "samples": "Samples of the audit",
    "leavers": "Leavers", "administration": "Changes of people, rules and systems", "roles": "Roles",
    "anchors": "Checkpoints left outside", "timestamps": "Timestamps", "cosignatures": "Witnesses",
}  # fmt: skip


class Check:
    """One line of the report: what was checked, how much of it, and what does not hold."""

    def __init__(self, title):
        self.title, self.held, self.problems, self.more, self.unable = title, "", [], 0, ""

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
            yield f"[held]        {self.title}: {self.held}"


class Report:
    """All checks, in the order in which they are reported."""

    def __init__(self, titles=None):
        self.checks = {name: Check(title) for name, title in (titles or TITLES).items()}

    def problem(self, name, text):
        """Note something that does not hold; after twenty they are only counted."""
        check = self.checks[name]
        if len(check.problems) < PROBLEMS_SHOWN:
            check.problems.append(text)
        else:
            check.more += 1

    def compare(self, name, where, row, wanted, against):
        """Note every cell of a row that is not what it should be; `against` says, in a message, who wants it otherwise."""
        for column, value in wanted.items():
            if row[column] != value:
                other = f"{column} is {short(row[column])}, but {against} {short(value)}"
                self.problem(name, f"{where}: {other}: the row was changed")

    def failed(self, name):
        """Whether something does not hold."""
        return bool(self.checks[name].problems)

    def reading(self, name, where):
        """For a `with` around what reads a pack: whatever goes wrong is a finding about the pack, never a crash."""
        return Reading(self, name, where)


class Reading:
    """See `Report.reading`; a class of its own because one that is made of a generator takes three times as long."""

    __slots__ = ("name", "report", "where")

    def __init__(self, report, name, where):
        self.report, self.name, self.where = report, name, where

    def __enter__(self):
        return self

    def __exit__(self, kind, error, trace):
        if kind is None:
            return False
        if issubclass(kind, Problem):
            self.report.problem(self.name, str(error))
        elif issubclass(kind, (zipfile.BadZipFile, zlib.error, EOFError, OSError, NotImplementedError)):
            self.report.problem(self.name, f"{self.where} cannot be read to its end ({error}): it is damaged")
        elif issubclass(kind, (LookupError, TypeError, ValueError, AttributeError, ArithmeticError, RecursionError)):
            what = f"a value is missing or not of the kind it must be ({kind.__name__}: {str(error)[:200]})"
            self.report.problem(self.name, f"{self.where}: {what}: it was changed or damaged")
        else:
            return False
        return True


def say(text=""):
    """Print one line. What a terminal would act on, or not show, is written out: a pack must not paint a verdict of its own."""
    print("".join(mark if mark.isprintable() else mark.encode("unicode_escape").decode() for mark in text))


def short(value):
    """A value for a message."""
    text = str(value)
    return f"“{text[:120]}…”" if len(text) > 120 else f"“{text}”"


class People:
    """Whom the commitments in entries stand for: ledger/people.csv, each line of it opened with its salt.

    A person who was erased is “erased person 7” in every row, and whose access was reviewed “erased identity 12”; that is accepted when the
    entry that says so is in the pack.
    """

    def __init__(self):
        self.forget()

    def forget(self):
        """Begin with nobody."""
        # Commitment → (person, name, address); person → the names that were opened, and the entry of their erasure.
        self.known, self.names, self.erased, self.used, self.said = {}, {}, {}, set(), {}
        # Of the items: (what stands for the names, whose they are) → the first row that says so; and the same of the entries.
        self.sealed, self.sealing = {}, set()

    def read(self, pack, report):
        """Open every commitment."""
        self.forget()
        table = "ledger/people.csv"
        for number, (commitment, person, name, email, username, salt, erased) in pack.table(table):
            where, particulars = f"{table}, row {number}", {"email": email, "id": person, "name": name, "username": username}
            if commitment in self.known:
                report.problem("people", f"{where}: {short(commitment)} stands there twice: a row was copied")
            if erased:
                if self.erased.setdefault(person, erased) != erased or name or email or username or salt:
                    report.problem("people", f"{where}: {short(person)} was erased, and something is left: the row was changed")
                name = email = mark_of(person)
            elif person in self.erased or opened(salt, particulars) != commitment:
                report.problem("people", f"{where}: this is not what the commitment was made of: the row was changed")
            self.known[commitment] = (person, name, email)
            self.names.setdefault(person, set()).add(name)

    def part(self, reference, part):
        """What somebody whom an entry names is called there: in the clear, or behind the commitment."""
        person = reference["id"]
        if part != FROZEN_NAME and person in self.erased:
            return mark_of(person)
        if "person" not in reference:
            return reference["name" if part == FROZEN_NAME else part]
        known, name, email = self.known.get(reference["person"], (None, None, None))
        if known != person:
            raise Problem(
                f"ledger/people.csv does not say who {person} was when this was recorded: a row was dropped or changed"
            )
        return email if part == "email" else name

    def take(self, entry, line):
        """Remember which commitments the entries use, and who they say was erased."""
        self.used.update(NAMED_BY(line))
        if entry["kind"] == ERASED:
            data = entry["data"]
            self.said[entry["subject"]] = (entry["uid"], set(data["commitments"]))
            if "identity" in data:
                self.sealing.add((mark_of(entry["subject"]), "", data["identity"]))
            elif "account" in data:
                self.sealing.add((mark_of(entry["subject"]), data["source"], data["account"]))

    def check(self, report):
        """Each commitment is opened once and used, and who is shown as erased was erased, by an entry of this pack."""
        for commitment in sorted(self.used - set(self.known)):
            report.problem("people", f"ledger/people.csv has nothing for {commitment}: a row was dropped or changed")
        for commitment in sorted(one for one in set(self.known) - self.used if self.known[one][0] not in self.erased):
            report.problem("people", f"ledger/people.csv: no entry names {short(commitment)}: the row was added or changed")
        for commitment, (person, _, _) in self.known.items():
            uid, commitments = self.said.get(person, ("", ()))
            if self.erased.get(person, "") != uid or (uid and commitment not in commitments):
                wrong = f"{short(person)} is shown as erased, or not, other than the log says: rows were changed"
                report.problem("people", f"ledger/people.csv: {wrong}")
        for who in self.sealed.keys() - self.sealing:
            wrong = (
                f"{short(who[0])} stands for names, and no entry of this pack says that these were erased: the row was changed"
            )
            report.problem("people", f"{self.sealed[who]}: {wrong}")
        opened_ones, erased = len(self.names) - len(self.erased), len(self.erased) + len({mark for mark, *_ in self.sealed})
        report.checks[
            "people"
        ].held = f"{opened_ones:,} are called what the entries commit to; {erased:,} were erased, as the log says"


ERASED, FROZEN_NAME, PREFIX = "person:erased", "frozen_name", b"certify-person/1\n"
NAMED_BY = re.compile(r'"person":"([0-9a-f]{64})"').findall


def mark_of(person):
    """What stands for somebody who was erased: a person who uses Certify, an identity or an account."""
    label, _, number = person.partition(":")
    return f"erased {label[10:] if label.startswith('inventory.') else 'person'} {number}"


ITEM_NAMES, SALTED = b"certify-item-names/1\n", re.compile(r"[0-9a-f]{32}").fullmatch


def seal_names(covered, cells, is_committed, where):
    """Put into `covered` what the leaf of an item has in place of the names of account and holder.

    That is a commitment: SHA-256 of a prefix, the salt and the RFC 8785 array of both. Where the names were erased, so was the salt, and
    the commitment itself is in the row. Campaigns that were launched before have no salts, and leaves over the names as they are.
    """
    salt, sealed = cells[SALT], cells[SEALED]
    if bool(salt) + bool(sealed) != is_committed:
        raise Problem(f"{where}: name_salt or name_commitment stands there too much, or is missing: the row was changed")
    if salt:
        if not SALTED(salt):
            raise Problem(f"{where}: name_salt is {short(salt)}, which is no salt: the row was changed")
        sealed = sha256(ITEM_NAMES + bytes.fromhex(salt) + canonical_row([cells[ACCOUNT_NAME], cells[HOLDER_NAME]])).hexdigest()
    elif sealed:
        if cells[HOLDER_NAME] != (cells[ACCOUNT_NAME] if cells[HOLDER] else ""):
            raise Problem(f"{where}: the names were erased, and something is left: the row was changed")
        who = ("", cells[HOLDER]) if cells[HOLDER] else (cells[2], cells[ITEM["account_id"]])
        PEOPLE.sealed.setdefault((cells[ACCOUNT_NAME], *who), where)
    else:
        return
    covered[ACCOUNT_NAME], covered[HOLDER_NAME] = sealed, ""


def opened(salt, particulars):
    """The commitment that a salt and particulars make."""
    try:
        text = json.dumps(particulars, ensure_ascii=False, sort_keys=True, separators=(",", ":"))
        return sha256(PREFIX + bytes.fromhex(salt) + text.encode()).hexdigest()
    except ValueError:
        return ""


#: Of the pack that is being checked.
PEOPLE = People()


def value_at(entry, path):
    """The value at a dotted path of an entry, as a table shows it."""
    holder, _, part = path.rpartition(".")
    if part in ("name", "email", FROZEN_NAME) and holder not in ("", "data"):
        return called(entry, path, holder.split("."), part)
    for name in path.split("."):
        if name not in entry and path in UNSAID:
            return UNSAID[path]
        entry = entry[name]
    if isinstance(entry, dict) or (isinstance(entry, list) and path in JSON_LISTS):
        return json.dumps(entry, sort_keys=True)
    return " ".join(map(str, entry)) if isinstance(entry, list) else str(entry)


def called(entry, path, holder, part):
    """What somebody is called at a path of an entry; nobody is there where a duty has no holder."""
    place = entry[holder[0]]
    for name in holder[1:]:
        if name not in place:
            return place.get(IN_THE_CLEAR.get(path), "")
        place = place[name]
    return PEOPLE.part(place, part)


def apart(cells, person, name):
    """A row as the leaves of a campaign cover it whose names stand apart: without what its person is called."""
    if not cells[person].startswith("people.user:"):
        return cells
    covered = list(cells)
    covered[name] = ""
    return covered


def plain(column, cell):
    """A cell as it is compared: JSON with its keys in order, everything else as it is."""
    try:
        return json.dumps(json.loads(cell), sort_keys=True) if column in JSON_COLUMNS else cell
    except (ValueError, RecursionError):
        return cell


@lru_cache(maxsize=1)
def uid_bytes(text):
    """An entry's id in sixteen bytes; a text that is no id stays one."""
    try:
        return bytes.fromhex(text.replace("-", "")) if len(text) == 36 else b"?" + text.encode()
    except ValueError:
        return b"?" + text.encode()


def balanced(row):
    """Rows read are rows loaded and rows rejected."""
    return int(row["rows_read"]) == int(row["rows_loaded"]) + int(row["rows_rejected"])


# --- the files, their manifest, and the log they are sealed with --------------------------------------------------------------


class Seal:
    """Files, manifest, signatures, checkpoints and leaves: whether the pack is whole and its log the one that was signed."""

    #: The files that every such pack has.
    always = SIGNED

    def __init__(self, pack, report, kept, trusted):
        self.pack, self.report, self.kept_note, self.trusted = pack, report, kept, trusted
        self.manifest, self.unreadable, self.outside = {}, set(), {}
        # Size → the note of each checkpoint that its key signed.
        self.notes = {}
        self.key = self.kept = self.kept_root = self.sealing = None
        self.first, self.terms = 0, []

    def check(self):
        """In the order of the report."""
        with self.report.reading("files", "manifest.json"):
            self.manifest = self._read_manifest()
        self._check_sizes()
        with self.report.reading("signature", "manifest.sig"):
            self.key = Key(self.manifest.get("log", {}).get("key", ""), "manifest.json: the key of the log")
            with self.report.reading("keys", "ledger/keys.json"):
                self._read_keys()
            self._check_signature()
        with self.report.reading("checkpoints", "ledger/checkpoints.txt"):
            known = self._read_checkpoints()
            with self.report.reading("kept", "your checkpoint"):
                self.kept = self._open(self.kept_note, "your checkpoint") if self.kept_note else None
            with self.report.reading("log", "ledger/proofs.json"):
                self._check_log(known)
            self._check_kept(known)
        if self.sealing is None:
            self.report.problem("log", "the log cannot be checked without its signed checkpoints")

    def _read_manifest(self):
        manifest = parse_json(self.pack.text("manifest.json"), "manifest.json")
        if not isinstance(manifest, dict) or manifest.get("format") != FORMAT:
            raise Problem(f"manifest.json is not a manifest of the format {FORMAT}")
        texts = [manifest["period"][name] for name in words("name framework framework_name from to")]
        texts += [manifest["log"]["key"], manifest["checkpoint"]["root"], *manifest["files"]]
        numbers = [manifest["checkpoint"]["size"], *(facts["size"] for facts in manifest["files"].values())]
        if {type(one) for one in texts} != {str} or {type(one) for one in numbers} != {int} or min(numbers) < 0:
            raise Problem("manifest.json: a value is not of the kind it must be: it was changed or damaged")
        return manifest

    def _check_sizes(self):
        """Every file of the manifest is there, nothing else is, and each is as long as it says; `check_hashes` comes last."""
        listed = self.manifest.get("files", {})
        for oddity in self.pack.oddities:
            self.report.problem("files", oddity)
        for name in sorted(self.always - set(listed)) if listed else ():
            self.report.problem("files", f"manifest.json does not list {name}, which every pack has")
        for name in sorted(set(self.pack.sizes) - set(listed) - {"manifest.json", "manifest.sig"}) if listed else ():
            self.report.problem("files", f"{name} is in the pack but not in manifest.json: it was added")
        for name, facts in sorted(listed.items()):
            with self.report.reading("files", name):
                self._check_size(name, facts["size"])

    def _check_size(self, name, size):
        found = self.pack.sizes.get(name)
        if found is None:
            raise Problem(f"{name} is missing from the pack: the manifest lists it")
        if found > 4 * size + 2**20:
            self.unreadable.add(name)
            raise Problem(f"{name} unpacks to {found:,} bytes where the manifest says {size:,}; it was not read")
        if found != size:
            raise Problem(f"{name} has {found:,} bytes, the manifest says {size:,}: it was changed after the pack was made")

    def check_hashes(self):
        """Each file that is as long as it should be has the SHA-256 that the manifest says, tables that broke off among them.

        Those that a check has read to their end were hashed on the way.
        """
        listed = self.manifest.get("files", {})
        for name, facts in sorted(listed.items()):
            if self.pack.sizes.get(name) == facts["size"]:
                with self.report.reading("files", name):
                    self._check_hash(name, facts.get("sha256"))
        total = sum(facts["size"] for facts in listed.values())
        self.report.checks[
            "files"
        ].held = f"{len(listed):,} with {total:,} bytes: all there, nothing else, sizes and SHA-256 as the manifest says"

    def _check_hash(self, name, stated):
        if name not in self.pack.hashes:
            with self.pack.open(name) as stream:
                while stream.read(BLOCK):
                    pass
        if self.pack.hashes[name] != stated:
            raise Problem(f"{name} was changed after the pack was made: its SHA-256 is not the one in manifest.json")

    def _read_keys(self):
        """Each key follows the one before as its statement says; the last one signed the manifest, and the one you trust leads there."""
        file, terms = "ledger/keys.json", []
        for place, told in enumerate(parse_json(self.pack.text(file), file), 1):
            terms.append(Term(told, terms[-1] if terms else None, f"{file}, key {place}"))
        names, self.terms = [term.key.text for term in terms], terms
        if not terms or names[-1] != self.key.text or len(set(names)) != len(names):
            raise Problem(f"{file}: its last key is not the one that manifest.json names, or a key is there twice")
        losses = [term for term in terms if term.is_lost]
        held = "1, since the log began" if len(terms) == 1 else f"{len(terms)}, each signed by the one before"
        if losses:
            held = "; ".join(f"{len(terms)}, but {text}" for text in map(self.loss, losses))
        self.report.checks["keys"].held = held
        if not self.trusted:
            return
        if self.trusted not in names:
            raise Problem(f"{file}: the key you gave, {self.trusted}, is none of this log's keys, or is younger than this pack")
        later = [term for term in terms[names.index(self.trusted) + 1 :] if term.is_lost]
        if later:
            self.report.checks[
                "keys"
            ].unable = f"{self.loss(later[0])}. The key you gave cannot tell whether this pack is honest"

    @staticmethod
    def loss(term):
        """The words for a key that was lost."""
        old, new = term.before.key.name, term.key.text
        return (
            f"the key of {old} was LOST: from entry {term.since:,} on the log goes under {new}, for which no key before it vouches "
            f"(reason given: {short(term.said['why'])})"
        )

    def _term(self, size):
        """The term in which a checkpoint of so many entries is signed."""
        if not self.terms:
            raise Problem("ledger/keys.json does not hold, so it is not known which key signs what")
        return next((term for term in reversed(self.terms) if term.since < size), self.terms[0])

    def _open(self, note, where):
        """A checkpoint that the key of its time has signed."""
        return Checkpoint.open(note, self._term(Checkpoint(note.rpartition("\n\n")[0] + "\n", where).size).key, where)

    def _check_signature(self, form=FORMAT):
        text = self.key.open(self.pack.text("manifest.sig"), "manifest.sig")
        hashed = sha256(self.pack.small("manifest.json")).hexdigest()
        if text != f"{form} manifest of {self.key.name}\nsha256 {hashed}\n":
            raise Problem("manifest.sig signs another manifest: manifest.json was changed after it was signed")
        whose = "the key you gave" if self.trusted == self.key.text else f"the key that the pack names, {self.key.text}"
        if self.trusted and self.trusted != self.key.text:
            whose += ": the one you gave has handed over to it" if not self.report.checks["keys"].unable else ""
        self.report.checks["signature"].held = f"signed with {whose}"

    def _read_checkpoints(self):
        if self.key is None:
            raise Problem("no key is known, so no signature can be checked")
        file, stated = "ledger/checkpoints.txt", self.manifest.get("checkpoint", {})
        notes = split_notes(self.pack.text(file))
        known = [self._open(note, f"{file}, checkpoint {place}") for place, note in enumerate(notes, 1)]
        if not known or [one.size for one in known] != sorted({one.size for one in known}):
            raise Problem(f"{file}: the checkpoints do not stand in the order of their sizes")
        if (known[-1].size, known[-1].root.hex()) != (stated.get("size"), stated.get("root")):
            raise Problem(f"{file}: the last checkpoint is not the one that manifest.json names")
        self.sealing, self.notes = known[-1], dict(zip((one.size for one in known), notes))
        for term in self.terms[1:]:
            first = next((place for place, one in enumerate(known) if term.since < one.size), None)
            if first is not None and not term.is_lost and self._term(known[first].size) is term:
                Checkpoint.open(
                    notes[first], term.before.key, f"{file}, checkpoint {first + 1}, the first after a change of keys,"
                )
        self.report.checks[
            "checkpoints"
        ].held = f"{len(known)} signed by {known[-1].origin}; the pack is sealed by the one of {self.sealing.size:,} entries"
        return known

    def _check_log(self, known):
        """The root from every leaf of the range; every checkpoint on the way; and that the log continues each of them."""
        proofs = parse_json(self.pack.text("ledger/proofs.json"), "ledger/proofs.json")
        earlier, first = [bytes.fromhex(node) for node in proofs["earlier"]], proofs["first_leaf"]
        if type(first) is not int or not 0 <= first <= self.sealing.size or len(earlier) != bin(first).count("1"):
            raise Problem("ledger/proofs.json does not say which leaves came before those in the pack")
        self.first = first
        for one in proofs["inclusion"]:
            self.outside[bytes.fromhex(one["leaf"])] = one["index"], [bytes.fromhex(node) for node in one["path"]]
        if len(self.outside) != len(proofs["inclusion"]):
            raise Problem("ledger/proofs.json proves an entry twice: a proof was added")
        self._check_leaves({one.size: one.root for one in known}, Tree(self.first, earlier))
        paths = {one["size"]: [bytes.fromhex(node) for node in one["path"]] for one in proofs["consistency"]}
        for one in known[:-1]:
            if not verify_consistency(one.size, self.sealing.size, paths.get(one.size, []), one.root, self.sealing.root):
                raise Problem(
                    f"ledger/proofs.json: the log does not continue its own checkpoint of {one.size:,} entries: it was rewritten"
                )
        self.report.checks["log"].held = (
            f"{self.sealing.size - self.first:,} leaves, every entry from {self.first:,} on, have the root that was signed; "
            f"the log continues {len(known) - 1} earlier checkpoints"
        )

    def leaves(self):
        """Every leaf hash of the range."""
        with self.pack.open("ledger/leaves.bin") as stream:
            for block in iter(lambda: stream.read(32 * 8192), b""):
                for start in range(0, len(block), 32):
                    yield block[start : start + 32]

    def _check_leaves(self, roots, tree):
        count, found = self.sealing.size - self.first, self.pack.sizes.get("ledger/leaves.bin")
        if found != 32 * count:
            self.report.problem(
                "log", f"ledger/leaves.bin does not hold exactly {count:,} leaves: leaves were dropped or added"
            )
        kept_size = self.kept.size if self.kept else None
        if tree.size and roots.get(tree.size, tree.root()) != tree.root():
            self.report.problem(
                "log", f"ledger/proofs.json: the earlier leaves do not have the root signed at {tree.size:,} entries"
            )
        if tree.size == kept_size:
            self.kept_root = tree.root()
        for leaf in self.leaves():
            tree.append(leaf)
            if tree.size in roots and tree.root() != roots[tree.size]:
                self.report.problem(
                    "log",
                    f"ledger/leaves.bin: the leaves do not have the root that was signed at {tree.size:,} entries: this is not the "
                    "log that was signed",
                )
            if tree.size == kept_size:
                self.kept_root = tree.root()

    def _check_kept(self, known):
        """The checkpoint that the checker kept is a beginning of this log."""
        check = self.report.checks["kept"]
        if not self.kept_note:
            check.unable = "give one that you kept with --checkpoint; a log that was rewritten since then is found by it"
            return
        if self.kept is None:
            return
        computed = None if self.report.failed("log") else self.kept_root
        root = next((one.root for one in known if one.size == self.kept.size), computed)
        if root is None:
            span = f"from {self.first:,} to {self.sealing.size:,} entries"
            check.unable = f"it is of {self.kept.size:,} entries; this pack shows how the log stood {span}"
        elif root != self.kept.root:
            self.report.problem(
                "kept",
                f"at {self.kept.size:,} entries this log has another root than the checkpoint you kept: the log was rewritten "
                "since, or you were shown another log than others",
            )
        check.held = f"this log begins with exactly the {self.kept.size:,} entries that yours stands for"


# --- what the tables say ------------------------------------------------------------------------------------------------------


# --- what several answers come to ---------------------------------------------------------------------------------------------

#: Strategy → results, the strongest first; the first that is present wins.
PRECEDENCE = {
    "one_accept_accepts": words("accept revoke reduce not_decided no_response"),
    "all_must_accept": words("revoke reduce not_decided no_response accept"),
    "one_deny_denies": words("revoke reduce accept not_decided no_response"),
    "accepted_if_not_denied": words("revoke reduce accept not_decided no_response"),
}
COUNTS_AS = {"approve": "accept", "revoke": "revoke", "reduce": "reduce", "dont_know": "not_decided"}
OUTCOME_OF = {"accept": "approved", "revoke": "revoked", "reduce": "reduced"}
NO_RESPONSE = "no_response"


def drawn_from(kept, seed, share):
    """The sample of what somebody kept: in the order of SHA-256 over the seed and the item's number, the share rounded up."""
    order = sorted(kept, key=lambda number: (sha256(f"{seed}{number}".encode()).digest(), number))
    return order[: -(-len(order) * share // 100)]


def allocation(sizes, size):
    """Stratum → how many rows an auditor's sample has of it: one where there are enough, the rest in proportion, largest remainders."""
    total = sum(sizes.values())
    size = min(size, total)
    first = 1 if size >= len(sizes) else 0
    left, rest = size - first * len(sizes), total - first * len(sizes)
    shares = {name: divmod(left * (count - first), rest) if rest else (0, 0) for name, count in sizes.items()}
    missing = left - sum(whole for whole, _ in shares.values())
    larger = sorted(shares, key=lambda name: (-shares[name][1], name))[:missing]
    return {name: first + shares[name][0] + (name in larger) for name in sizes}


def stages_of(terms):
    """(stages, how they make the outcome) of a campaign's terms; terms without stages have one that asks one person."""
    single = {"panels": [[]], "strategy": "one_deny_denies", "stop_on": []}
    return terms.get("stages") or [single], terms.get("overall", "last_stage")


def combine(strategy, results):
    """The strongest of the results; silence alone is never acceptance."""
    strongest = next((result for result in PRECEDENCE[strategy] if result in results), NO_RESPONSE)
    return "accept" if strategy == "accepted_if_not_denied" and strongest == "not_decided" else strongest


def result_of(stage, answers):
    """What the answers of a stage come to: once a quorum of a panel has answered, the silence of its others is dropped."""
    panels, counted = {}, set()
    for answer in answers:
        panels.setdefault(answer.panel, []).append(answer)
    for asked in panels.values():
        spoken = [COUNTS_AS[answer.decision] for answer in asked if answer.sign_off_entry]
        quorums = [int(answer.quorum) for answer in asked if answer.quorum]
        enough = max(quorums) if quorums else len(asked)
        counted.update(spoken, [NO_RESPONSE] if len(spoken) < enough else [])
    return combine(stage["strategy"], counted)


def outcome_of(stages, overall, answers):
    """(outcome, the answer that made it or None) of an item, from everybody who was asked about it."""
    results = []
    for number, stage in enumerate(stages, 1):
        if results and results[-1][1] in stages[number - 2]["stop_on"]:
            break
        votes = [one for one in answers if one.stage == str(number) and one.active == one.vote == "yes"]
        results.append((votes, result_of(stage, votes)))
    if overall == "last_stage":
        votes, result = results[-1]
        final = result
    else:
        votes, result = min(results, key=lambda found: PRECEDENCE[overall].index(found[1]))
        final = combine(overall, [result])
    made = [one for one in votes if one.sign_off_entry]
    made = [one for one in made if COUNTS_AS[one.decision] == result or (result == "accept" and one.decision == "dont_know")]
    made.sort(key=lambda one: (one.decision == "dont_know", one.decided_at))
    return OUTCOME_OF.get(final, "not_reviewed"), made[0] if made else None


class Bag:
    """A set with repetitions, of which only size and equality matter: the sum of the hashes of what is in it."""

    def __init__(self):
        self.size, self.sum = 0, 0

    def put(self, hashed):
        """Add the hash of a row."""
        self.size += 1
        self.sum += int.from_bytes(hashed, "big")

    def __eq__(self, other):
        return (self.size, self.sum) == (other.size, other.sum)

    __hash__ = None


class Campaign:
    """What the tables say of one campaign, compact: sixteen bytes stand for a row where only equality matters."""

    def __init__(self, number, row):
        self.number, self.row, self.is_closed = number, row, row["state"] == "closed"
        self.label = f"campaign {row['campaign']} {short(row['name'])}"
        self.items, self.outcomes, self.exclusions, self.answers = Tree(), Tree(), Tree(), Tree()
        self.conflicts, self.contexts, self.advice, self.recommended = Tree(), Tree(), Tree(), bytearray()
        self.leaf, self.final, self.facts = bytearray(), bytearray(), bytearray()
        self.reviewer = array("l")
        # A small number for each person, given when they are first asked for.
        self.people, self.assigned, self.decided = defaultdict(count().__next__), {}, {}
        self.sign_offs, self.trees, self.signed, self.seen = {}, [], [], []
        # (source, snapshot) → items, approved, revoked, not reviewed, excluded, reduced.
        self.balance, self.moved, self.asked, self.submitted = defaultdict(lambda: [0] * 6), set(), set(), set()
        # Removals of items that are not to be removed: item → (row, removal, its state); approvals → whether they count, and their items.
        self.loose, self.approvals = {}, {}
        # Removals that begin at sign-off: items that are settled; (item, stage, who was asked) → their decisions, and from where in the
        # log on their submissions count.
        self.settled, self.said, self.void = set(), {}, {}
        # Removals that wait for a second person: hold → [why, system, whether they were confirmed, items].
        self.holds = {}
        self.answered, self.counted = Bag(), Bag()
        terms = json.loads(row["terms"])
        self.stages, self.overall = stages_of(terms)
        self.is_apart, self.is_committed = terms.get(NAMES) == APART, terms.get(HOLDERS) == COMMITTED
        self.independence, self.is_looked_at = terms.get("independence") or {}, bool(terms.get("second_look"))
        self.removal_limit = terms.get("removal_limit")
        self.begins_early = terms.get("removals_begin") == "sign_off"
        self.decisions, self.is_disordered = 0, False
        # What an answer that stands alone comes to, by what of it matters: (outcome, whether it made that).
        self.alone = {}
        self.launch, self.end = None, None
        # What each reviewer kept, who was asked to look again, and what the log says of the draw.
        self.looks, self.again, self.kept, self.is_reopened = [], [], {}, False
        # Findings nobody has judged, and until when each removal is to be done.
        self.unjudged, self.dues = set(), {}
        # Whose access an item is and whose reports, by the numbers of reviewers' identities; whether it is privileged; how each worked.
        self.holder, self.manager, self.privileged, self.work = array("i"), array("i"), bytearray(), {}
        self.excused = {}

    def outcome_of(self, answers):
        """(outcome, the answer that made it or None) of an item; most items have one answer, and few kinds of those."""
        if len(answers) != 1:
            return outcome_of(self.stages, self.overall, answers)
        (one,) = answers
        kind = one.stage, one.panel, one.active, one.vote, one.quorum, one.decision, not one.sign_off_entry
        if kind not in self.alone:
            outcome, made_by = outcome_of(self.stages, self.overall, answers)
            self.alone[kind] = outcome, made_by is not None
        outcome, is_made = self.alone[kind]
        return outcome, one if is_made else None

    def signing(self, uid):
        """A small number for a submission."""
        place = self.sign_offs.setdefault(uid, len(self.sign_offs))
        if place == len(self.trees):
            self.trees.append(Tree())
            self.signed.append(Bag())
            self.seen.append(Bag())
        return place


PLACE = {"approved": 1, "revoked": 2, "not_reviewed": 3, "reduced": 5}
NOTHING = bytes(16)


class Tables:
    """Reads every table once and keeps what must be compared with the log, or with other tables, afterwards."""

    def __init__(self, pack, report, unreadable):
        self.pack, self.report, self.unreadable = pack, report, unreadable
        self.campaigns, self.left_out, self.rows, self.reviewers = {}, {}, {}, {}
        self.files, self.snapshots, self.acts, self.removals, self.states = {}, {}, {}, {}, {}
        # Removal → its campaign, its system, and when it was decided; campaign → removals without a task.
        self.begun, self.unopened = {}, {}
        # (campaign, reviewer) → their row; reviewers' identities → a number from 1; bulk acts that were spreadsheets.
        self.independence, self.identities, self.sheets = {}, {}, set()
        # (identity, system, account) of leavers → row; the items that are about them, as (identity, system, account, reading, where).
        self.leavers, self.left, self.of_leavers = {}, set(), []

    def read(self):
        """Campaigns first: the other tables refer to them."""
        self._table("campaigns", self._read_campaigns, "campaigns/campaigns.csv")
        self._table("independence", self._read_independence, "reviews/independence.csv")
        self._table("leavers", self._read_leavers, "lifecycle/leavers.csv")
        self._table("campaigns", self._read_left_out, "campaigns/left_out.csv")
        self._table("items", self._read_items, "reviews/items.csv", "remediation/removals.csv", "reviews/assignments.csv")
        self._table("submissions", self._read_signed, "reviews/signed.csv")
        self._table("exclusions", self._read_exclusions, "population/exclusions.csv")
        self._table("advice", self._read_advice, "reviews/advice.csv")
        self._table("conflicts", self._read_conflicts, "reviews/conflicts.csv")
        self._table("contexts", self._read_contexts, "reviews/contexts.csv")
        self._table("snapshots", self._read_files, "population/files.csv", "population/rejected_rows.csv")
        self._table("snapshots", self._read_snapshots, "population/snapshots.csv")
        self._table("reviewers", self._read_reviewers, "reviews/reviewers.csv")
        self._table("reviewers", self._read_reassignments, "reviews/reassignments.csv")
        self._table("bulk", self._read_bulk_acts, "reviews/bulk_acts.csv")
        self._table("removals", self._read_verifications, "remediation/verifications.csv")
        self._table("removals", self._read_returns, "remediation/returns.csv")
        for table in (
            "reviews/submissions.csv",
            "remediation/attempts.csv",
            "administration/changes.csv",
            "campaigns/mails.csv",
            "campaigns/seals.csv",
            "reviews/findings.csv",
            "reviews/second_looks.csv",
            "remediation/exceptions.csv",
            "controls/duties.csv",
            "controls/statements.csv",
            "remediation/objections.csv",
            "audit/samples.csv",
            "audit/conclusions.csv",
            "audit/sign_offs.csv",
            "audit/requests.csv",
            "reviews/sign_ins.csv",
        ):
            self._table(CHECK_OF[table], self._read_plain, table)

    def _table(self, name, read, *tables):
        """A table that cannot be read to its end is reported once, and nothing is concluded from its missing rows."""
        done = False
        with self.report.reading(name, " or ".join(tables)):
            if not self.unreadable.intersection(tables):
                read(*tables)
                done = True
        if not done:
            self.unreadable.update(tables)

    def _campaign(self, name, table, number, key):
        if key not in self.campaigns:
            self.report.problem(name, f"{table}, row {number}: campaign {key} is not in campaigns/campaigns.csv")
        return self.campaigns.get(key)

    def _remember(self, table, number, row):
        """Keep what a row says until its entry comes by."""
        key = uid_bytes(row["entry"])
        if key in self.rows:
            copied = f"its entry {row['entry']} is already that of another row: a row was copied"
            self.report.problem("entries", f"{table}, row {number}: {copied}")
        self.rows[key] = (table, number, [row[name] for name in COMPARED[table]])

    def _read_plain(self, table):
        for number, row in self.pack.rows(table):
            self._remember(table, number, row)

    def _read_campaigns(self, table):
        for number, row in self.pack.rows(table):
            if row["campaign"] in self.campaigns:
                self.report.problem("campaigns", f"{table}, row {number}: campaign {row['campaign']} stands there twice")
            self.campaigns[row["campaign"]] = Campaign(number, row)

    def _read_independence(self, table):
        for number, row in self.pack.rows(table):
            key = (row["campaign"], row["reviewer"])
            if key in self.independence:
                self.report.problem("independence", f"{table}, row {number}: the reviewer stands there twice: a row was added")
            self.independence[key] = (number, row)
            if row["known_since"] and not MOMENT(row["known_since"]):
                self.report.problem(
                    "independence", f"{table}, row {number}: {short(row['known_since'])} is no time: it was changed"
                )
            if row["identity"]:
                self.identities.setdefault(row["identity"], len(self.identities) + 1)

    def _read_leavers(self, table):
        for number, row in self.pack.rows(table):
            key = (row["identity_id"], row["source"], row["account_id"])
            if key in self.leavers:
                self.report.problem("leavers", f"{table}, row {number}: the account stands there twice: a row was added")
            self.leavers[key] = (number, row)
        self.left = {identity for identity, _, _ in self.leavers}

    def _read_left_out(self, table):
        for number, row in self.pack.rows(table):
            if row["launch_entry"] in self.left_out:
                self.report.problem("campaigns", f"{table}, row {number}: campaign {row['campaign']} stands there twice")
            self.left_out[row["launch_entry"]] = (number, row)

    def _read_items(self, table, removals, assignments):
        following, asked = self.pack.table(removals), self.pack.table(assignments)
        removal, ahead = next(following, None), next(asked, None)
        for number, cells in self.pack.table(table):
            campaign = self._campaign("items", table, number, cells[0])
            if campaign:
                answers, ahead = self._answers_of(cells, asked, ahead)
                self._take_item(campaign, table, number, cells, answers)
                removal = self._take_removal(campaign, number, cells, removal, following)
        while removal:
            self._not_revoked(removal)
            removal = next(following, None)
        while ahead:
            ahead = self._stray_answers(asked, ahead)

    def _answers_of(self, cells, asked, ahead):
        """The assignments of an item, which stand in the order of the items; and the row after them."""
        campaign, item = cells[:2]
        while ahead and (ahead[1][1] != item or ahead[1][0] != campaign):
            if tuple(map(int, ahead[1][:2])) >= (int(campaign), int(item)):
                return [], ahead
            ahead = self._stray_answers(asked, ahead)
        answers = []
        while ahead and ahead[1][1] == item and ahead[1][0] == campaign:
            answers.append(Answer._make(ahead[1]))
            ahead = next(asked, None)
        return answers, ahead

    def _stray_answers(self, asked, ahead):
        """Assignments of one item that do not stand where it does; returns the row after them."""
        number, (campaign, item, *_) = ahead
        wrong = f"item {short(item)} of campaign {short(campaign)} does not stand here: a row was added or moved"
        self.report.problem("outcomes", f"reviews/assignments.csv, row {number}: {wrong}")
        while ahead and ahead[1][:2] == [campaign, item]:
            ahead = next(asked, None)
        return ahead

    def _take_answers(self, campaign, where, cells, answers, made_by):
        """Who was asked; the first of them stands with the item itself."""
        if not answers:
            self.report.problem("outcomes", f"{where}: reviews/assignments.csv has nobody who was asked: a row was dropped")
            campaign.reviewer.append(-1)
            return
        first, rule = answers[0], cells[ASKED_RULE]
        if first.rule != rule or first.stage != "1" or (rule != "group" and first.reviewer != cells[ASKED]):
            other = "the reviewer is not the one that reviews/assignments.csv names first"
            self.report.problem("outcomes", f"{where}: {other}: a row was changed, moved or dropped")
        campaign.reviewer.append(campaign.people[first.reviewer])
        for place, answer in enumerate(answers):
            person = campaign.people[answer.reviewer]
            if place:
                campaign.asked.add((answer.item, answer.stage, person))
            self._take_answer(campaign, answer, person, made_by)
        if not campaign.is_closed and any(any(UNCERTAIN(answer)) for answer in answers):
            early = "an answer is shown as final, but the campaign is open"
            self.report.problem("outcomes", f"reviews/assignments.csv, item {cells[1]} of {campaign.label}: {early}")
        if campaign.is_looked_at:
            self._take_kept(campaign, answers)

    def _take_answer(self, campaign, answer, person, made_by):
        if answer.excused:
            self._take_excuse(campaign, answer)
        if answer.rule not in ASKED_LATER:
            campaign.assigned[person, answer.stage] = campaign.assigned.get((person, answer.stage), 0) + 1
        if campaign.is_closed:
            campaign.answers.append(row_hash(self._covered(campaign, answer)))
            # The one that made the outcome is compared with its decision where that is read: `_judge_final`.
            if answer.sign_off_entry and answer is not made_by:
                campaign.answered.put(leaf_hash(as_bytes(COUNTED(answer))))

    def _covered(self, campaign, answer):
        """What the leaf of an answer covers."""
        if not campaign.is_apart:
            return answer
        self._check_called(campaign, "assignments", answer.item, answer.reviewer, answer.reviewer_name)
        return apart(answer, *ANSWERED_BY)

    def _check_called(self, campaign, table, item, person, name):
        """A name that no leaf covers is one that the entries commit to."""
        if name not in PEOPLE.names.get(person, ()) and person.startswith("people.user:"):
            wrong = f"{short(name)} is not what the log calls {person}: the row was changed"
            self.report.problem("people", f"reviews/{table}.csv, item {item} of {campaign.label}: {wrong}")

    def _take_excuse(self, campaign, answer):
        """Who is not independent was asked only where the terms of the campaign excuse it in writing."""
        required = EXCUSES.get(answer.excused)
        if required and answer.decided_by:
            campaign.excused.setdefault(answer.decided_by, dict.fromkeys(EXCUSES, 0))[answer.excused] += 1
        if required and campaign.independence.get(required) != "excuse":
            unexcused = f"{short(answer.reviewer_name)} is not independent ({answer.excused}), and the terms do not excuse that"
            self.report.problem("reviewers", f"reviews/assignments.csv, item {answer.item} of {campaign.label}: {unexcused}")

    @staticmethod
    def _take_kept(campaign, answers):
        """From what a second look is drawn: the kept answers of an item's last stage; and whom it asked."""
        votes = [answer for answer in answers if answer.active == answer.vote == "yes"]
        last = max((int(answer.stage) for answer in votes), default=0)
        for answer in votes:
            if int(answer.stage) == last and answer.sign_off_entry and answer.decision == "approve":
                campaign.kept.setdefault(answer.decided_by, set()).add(int(answer.item))
        campaign.again += [(answer.item, answer.reviewer) for answer in answers if answer.rule == "second_look"]

    def _read_signed(self, table):
        """The decisions under each submission, in the order of the items."""
        for number, cells in self.pack.table(table):
            campaign = self._campaign("submissions", table, number, cells[0])
            if campaign:
                place = campaign.signing(cells.pop())
                leaf = row_hash(cells)
                campaign.trees[place].append(leaf)
                campaign.signed[place].put(leaf)

    def _take_item(self, campaign, table, number, cells, answers):
        tree, where = campaign.items, f"{table}, row {number}"
        if cells[1] != str(tree.size + 1) and not campaign.is_disordered:
            campaign.is_disordered = True
            wrong = f"item {short(cells[1])} of {campaign.label} stands where item {tree.size + 1} should"
            self.report.problem("items", f"{where}: {wrong}: a row was dropped, added or moved")
        covered = cells[:FROZEN]
        if campaign.is_apart:
            self._check_called(campaign, "items", cells[1], cells[ASKED], cells[ASKED_NAME])
            covered = apart(covered, ASKED, ASKED_NAME)
        try:
            seal_names(covered, cells, campaign.is_committed, where)
        except Problem as problem:
            self.report.problem("people", str(problem))
        leaf = row_hash(covered)
        tree.append(leaf)
        campaign.leaf += leaf[:16]
        campaign.holder.append(self.identities.get(cells[HOLDER], 0))
        campaign.manager.append(self.identities.get(cells[MANAGER], 0))
        campaign.privileged.append(cells[PRIVILEGED] == "yes")
        if cells[HOLDER] in self.left:
            self.of_leavers.append((cells[HOLDER], cells[2], cells[ITEM["account_id"]], cells[3], where))
        wanted, made_by = campaign.outcome_of(answers) if campaign.is_closed else ("", None)
        self._take_answers(campaign, where, cells, answers, made_by)
        counts = campaign.balance[cells[2], cells[3]]
        counts[0] += 1
        if campaign.is_closed:
            campaign.outcomes.append(row_hash(cells[:2] + cells[FROZEN:RESULT]))
            counts[PLACE.get(cells[FROZEN], 3)] += 1
        self._take_outcome(campaign, where, cells, wanted, made_by)

    def _take_outcome(self, campaign, where, cells, wanted, made_by):
        """The outcome is what the submitted answers come to, and nothing else; the answer that made it is shown."""
        outcome, decision, by, at, entry, sign_off, name, rationale = cells[FROZEN:SALT]
        if made_by:
            campaign.final += uid_bytes(entry)[:16].ljust(16, b"?")
            campaign.facts += digest((name, rationale, *FINAL(made_by)))
        else:
            campaign.final += NOTHING
            campaign.facts += NOTHING
        if bool(sign_off) != all((decision, by, at, entry)) or (not sign_off and any(cells[FROZEN + 1 : SALT])):
            self.report.problem("outcomes", f"{where}: a decision without its submission, or the other way round")
        if (decision, by, at, entry, sign_off) != (MADE(made_by) if made_by else ("",) * 5):
            other = "the decision, its person, time or entries are not those of the answer that made the outcome"
            self.report.problem("outcomes", f"{where}: {other} (reviews/assignments.csv): a row was changed")
        if outcome != wanted:
            made = f"the outcome is {short(outcome)}, but what was submitted makes it {short(wanted)}; silence never approves"
            self.report.problem("outcomes", f"{where}: {made}")

    def _take_removal(self, campaign, number, cells, removal, following):
        """Removals stand in the order of the items: each revoked item takes the next one, others may: `_check_loose`."""
        is_decided, here = cells[OUTCOME] in ("revoked", "reduced"), [int(cells[0]), int(cells[1])] if removal else None
        while removal and list(map(int, removal[1][:2])) < here:
            self._not_revoked(removal)
            removal = next(following, None)
        if removal and list(map(int, removal[1][:2])) == here:
            self._take_found_removal(campaign, cells, removal, is_decided)
            return next(following, None)
        if is_decided:
            missing = f"item {cells[1]} of {campaign.label} is to be removed, but remediation/removals.csv has no row for it"
            self.report.problem("removals", f"reviews/items.csv, row {number}: {missing}: a row was dropped")
        return removal

    def _take_found_removal(self, campaign, cells, removal, is_decided):
        """What the removal of an item says is what the item says of it."""
        row, where = dict(zip(TABLES["remediation/removals.csv"], removal[1])), f"remediation/removals.csv, row {removal[0]}"
        if not is_decided:
            campaign.loose[cells[1]] = (where, row["removal"], row["state"], cells[ITEM["outcome"]])
            if not row["entry"]:
                self.report.problem(
                    "removals", f"{where}: nobody decided it and no entry of the log opened it: a row was added"
                )
        for name in ("source", "account_id", "entitlement_id", "path"):
            if row[name] != cells[ITEM[name]]:
                other = f"{name} is {short(row[name])}, but the item that was revoked says {short(cells[ITEM[name]])}"
                self.report.problem("removals", f"{where}: {other}")
        if row["entry"]:
            self._remember("remediation/removals.csv", removal[0], row)
            self.removals[row["removal"]] = (removal[0], [row[name] for name in STANDING], cells[3])
            self.begun[row["removal"]] = (cells[0], cells[2], cells[ITEM["decided_at"]] or row["opened_at"])
        elif any(row[name] for name in ("removal", "owner", "opened_at", "due_at")) or [row[name] for name in STANDING] != [
            "not_opened", "0", cells[3], "", "",
        ]:  # fmt: skip
            self.report.problem(
                "removals", f"{where}: it is said to be {short(row['state'])} but no entry of the log opened it"
            )
        else:
            self.unopened[cells[0]] = self.unopened.get(cells[0], 0) + 1
        self.states[row["state"]] = self.states.get(row["state"], 0) + 1

    def _not_revoked(self, removal):
        number, cells = removal
        wrong = f"item {cells[1]} of campaign {cells[0]} was not revoked: a row was added or moved"
        self.report.problem("removals", f"remediation/removals.csv, row {number}: {wrong}")

    def _read_leaves(self, name, called, table, take=lambda campaign, cells: None):
        """A table whose rows are numbered leaves of a tree of their campaign, which has the name of the check."""
        for number, cells in self.pack.table(table):
            campaign = self._campaign(name, table, number, cells[0])
            if campaign:
                tree = getattr(campaign, name)
                if cells[1] != str(tree.size + 1):
                    wrong = f"{called.format(short(cells[1]))} stands where {tree.size + 1} should"
                    self.report.problem(name, f"{table}, row {number}: {wrong}: a row was dropped, added or moved")
                tree.append(row_hash(cells))
                take(campaign, cells)

    def _read_exclusions(self, table):
        def take(campaign, cells):
            campaign.balance[cells[2], cells[3]][4] += 1

        self._read_leaves("exclusions", "exclusion {}", table, take)

    def _read_advice(self, table):
        def take(campaign, cells):
            campaign.recommended += cells[2][:1].encode()

        self._read_leaves("advice", "item {}", table, take)

    def _read_contexts(self, table):
        self._read_leaves("contexts", "row {} of the campaign", table)

    def _read_conflicts(self, table):
        self._read_leaves("conflicts", "conflict {}", table)

    def _read_files(self, table, rejected):
        refused = {}
        for _, row in self.pack.rows(rejected):
            key = (row["source"], row["snapshot"], row["kind"])
            refused[key] = refused.get(key, 0) + 1
        for number, row in self.pack.rows(table):
            self.files.setdefault((row["source"], row["snapshot"]), []).append(row)
            if not balanced(row):
                self.report.problem("snapshots", f"{table}, row {number}: rows read are not loaded + rejected")
            if refused.pop((row["source"], row["snapshot"], row["kind"]), 0) != int(row["rows_rejected"]):
                wrong = f"{rejected} does not have exactly its {row['rows_rejected']} rejected rows: a row was dropped or added"
                self.report.problem("snapshots", f"{table}, row {number}: {wrong}")
        for source, snapshot, kind in refused:
            stray = f"{rejected} has rows of the {kind} file of {source}, reading {snapshot}, which {table} does not have"
            self.report.problem("snapshots", stray)

    def _read_snapshots(self, table):
        for number, row in self.pack.rows(table):
            key = (row["source"], row["snapshot"])
            self.snapshots[key] = row
            self._remember(table, number, row)
            total = sum(int(file["rows_read"]) for file in self.files.get(key, ()))
            if "population/files.csv" not in self.unreadable and (not balanced(row) or total != int(row["rows_read"])):
                wrong = "rows read are not loaded + rejected, or not the sum of its files in population/files.csv"
                self.report.problem("snapshots", f"{table}, row {number}: {wrong}: a row was changed, dropped or added")
        for source, snapshot in set(self.files) - set(self.snapshots):
            stray = f"population/files.csv has files of {source}, reading {snapshot}, which {table} does not have"
            self.report.problem("snapshots", stray)

    def _read_reviewers(self, table):
        for number, row in self.pack.rows(table):
            key = (row["campaign"], row["reviewer"], row["stage"])
            if row["entry"]:
                self._remember(table, number, row)
            if (not row["entry"] and row["items_assigned"] + row["by_rule"] != "0") or key in self.reviewers:
                wrong = "no entry of the log assigned these items, or the reviewer stands there twice"
                self.report.problem("reviewers", f"{table}, row {number}: {wrong}: a row was added or changed")
            self.reviewers[key] = (number, row)

    def _read_reassignments(self, table):
        for entry, group in groupby(self.pack.rows(table), key=lambda found: found[1]["entry"]):
            found = list(group)
            number, row = found[0]
            if any({**one, "item": ""} != {**row, "item": ""} for _, one in found):
                wrong = f"rows of one entry, {entry}, differ in more than the item: a row was changed"
                self.report.problem("reviewers", f"{table}, from row {number} on: {wrong}")
            self._remember(table, number, {**row, "item": " ".join(one["item"] for _, one in found)})
            if row["campaign"] in self.campaigns:
                self.campaigns[row["campaign"]].moved.update((one["item"], one["to"]) for _, one in found)

    def _read_bulk_acts(self, table):
        for number, row in self.pack.rows(table):
            self._remember(table, number, row)
            self.acts[row["entry"]] = [number, row["count"], row["items_sha256"], 0, sha256(b"[")]
            if row["decision"] == "sheet":
                self.sheets.add(row["entry"])

    def _read_verifications(self, table):
        for number, row in self.pack.rows(table):
            self._remember(table, number, row)
            after = self.snapshots.get((row["source"], row["snapshot"]))
            before = self.snapshots.get((row["source"], row["present_in"]))
            sound = after and before and int(row["present_in"]) < int(row["snapshot"]) and after["completeness"] == "full"
            if not sound and "population/snapshots.csv" not in self.unreadable:
                wrong = (
                    f"it does not rest on a full reading {row['snapshot']} of {row['source']}, later than {row['present_in']}"
                )
                self.report.problem("removals", f"{table}, row {number}: {wrong}, both in population/snapshots.csv")

    def _read_returns(self, table):
        for number, row in self.pack.rows(table):
            self._remember(table, number, row)
            both = {(row["source"], row["gone_in"]), (row["source"], row["seen_in"])} <= set(self.snapshots)
            if not (both and int(row["gone_in"]) < int(row["seen_in"])) and "population/snapshots.csv" not in self.unreadable:
                wrong = f"reading {row['seen_in']} of {row['source']} does not follow reading {row['gone_in']}"
                self.report.problem("removals", f"{table}, row {number}: {wrong}, both in population/snapshots.csv")


#: Roles of Certify that administration/roles.csv tells of → what they let somebody change.
ROLES = {
    "administrator": "people, systems, rules", "control_owner": "rules, data", "system_owner": "descriptions, removals", "auditor": "",
}  # fmt: skip
#: Rules by which somebody is asked later than a stage began.
ASKED_LATER = {"reassigned", "asked_next", "second_look"}
#: What is not certain of an assignment before its campaign is closed.
UNCERTAIN = attrgetter(*(name for name in ANSWER_COLUMNS if name not in words("campaign item stage reviewer rule")))
#: What of an answer that counts is compared with its decision: `answered_in`; of one that did not make the outcome with where it stands.
FINAL = attrgetter(*words("stage decision until reduce_to decided_by decided_at sign_off_entry"))
COUNTED = attrgetter(*words("campaign item decision_entry stage decision until reduce_to decided_by decided_at sign_off_entry"))
#: What an item shows of the answer that made its outcome.
MADE = attrgetter(*OUTCOME_COLUMNS[1:])
#: What somebody who is not independent is excused from → what the terms call it.
EXCUSES = {"granter": "granter", "own_report": "report"}
#: What every entry of an expected run says.
RUN = words("occurrence definition name controls label due_on")
#: Entries that say until when the present stage of a campaign runs, and where they say it.
DUE_AT = {
    "stage:opened": "due_at", "campaign:extended": "new", "campaign:resumed": "due_at", "silence:escalated": "due_at",
    "second-look:asked": "due_at",
}  # fmt: skip
#: Entries that may say by when a removal is to be done.
DUE_AGAIN = set(words("removal:opened removal:returned removal:confirmed removal:unanswered removal:resumed exception:ended"))
#: Entries after which a removal stands at one state whatever it was.
LEAVES_AT = {
    "removal:sent": "sent", "removal:delivered": "sent", "removal:handed-back": "open", "removal:resumed": "open",
}  # fmt: skip
#: Results from which a removal follows.
TAKEN = ("revoke", "reduce")
#: A removal that hinders no seal.
SETTLED = {"verified_gone", "closed_on_proof", "kept_after_objection", "withdrawn"}
#: Where a removal stands.
STANDING = words("state attempts present_in gone_in verified_at")


def stands_for(delegation, cells):
    """Whether a delegation lets the one who decided answer for the one who was asked, on that day and in that campaign."""
    named = (delegation["principal"], delegation["delegate"]) == (cells[13], cells[3])
    runs = delegation["begins_on"] <= cells[8][:10] <= delegation["ends_on"]
    return named and runs and (not delegation["campaigns"] or cells[0] in delegation["campaigns"])


# --- the entries of the log, and the rows that they must equal ----------------------------------------------------------------


def each_decision(entry):
    """The decisions that an entry is of, each as if it had an entry of its own; no two of one entry are on the same item."""
    return [one_decision(entry, row) for row in entry["data"]["rows"]] if entry["kind"] == MANY else [entry]


def one_decision(entry, row):
    """A decision of an act as if it had an entry of its own: what all of the act share, and what is its own."""
    shared = {name: value for name, value in entry["data"].items() if name != "rows"}
    return {**entry, "subject": f"campaigns.reviewitem:{shared['campaign']}/{row['item']}", "data": {**shared, **row}}


#: What a decision of an act may have for its own → the place of its cell in reviews/decisions.csv.
OWN = {
    name: TABLES["reviews/decisions.csv"].index(name)
    for name in words("item decision rule rationale shown stage for until reduce_to evidence")
}
#: What the act or the decision itself must say.
SAID = set(words("item decision rule rationale shown"))


def decided_cells(entry):
    """The cells of reviews/decisions.csv that a decision's entry says, in their order."""
    data, person, said = entry["data"], entry["data"]["reviewer"], entry["data"].get
    return [
        data["campaign"], data["item"], data["decision"], person["id"], PEOPLE.part(person, "name"), PEOPLE.part(person, "email"),
        data["rule"], data["rationale"], data["decided_at"], data["shown"], data["bulk"], entry["uid"], said("stage", "1"),
        said("for", ""), said("until", ""), said("reduce_to", ""), said("evidence", ""),
    ]  # fmt: skip


def answered_in(cells):
    """What of a row of reviews/decisions.csv an answer has that counts, in the order of `FINAL`."""
    return cells[12], cells[2], cells[14], cells[15], cells[3], cells[8], cells[17].rpartition(" ")[2]


class Ahead:
    """The decision rows, read a little ahead; and rows and entries that found no partner yet."""

    def __init__(self, rows):
        self.source, self.buffer, self.rows, self.entries = rows, deque(), {}, {}

    def fill(self, wanted):
        """Have `wanted` rows in the buffer, if there are so many left."""
        while len(self.buffer) < wanted:
            found = next(self.source, None)
            if found is None:
                break
            self.buffer.append(found)
        return bool(self.buffer)


class Entries:
    """Walks through the entries once: each hashes to a leaf of the log, and equals the row that shows it."""

    def __init__(self, pack, report, seal, tables):
        self.pack, self.report, self.seal, self.tables = pack, report, seal, tables
        self.ahead = Ahead(pack.table("reviews/decisions.csv"))
        self.removals, self.runs, self.dues, self.delegations, self.proved = {}, {}, {}, {}, set()
        # The people of Certify as their entries leave them; so many days after their last day the access of leavers must be gone.
        self.people, self.leaver_days = {}, 1
        # The period of the pack, as its last entry leaves it.
        self.period = None
        # Removal → who reported it, and whether anything was shown.
        self.reporters = {}
        # Exception → where it stands, who asked for it, until when; excepted removal → until when.
        self.exceptions, self.excepted, self.came_back, self.objections = {}, {}, set(), {}
        # Removals that began at sign-off, and those of them that were gone when nothing decided them any more; submission → its place.
        self.early, self.in_vain, self.submitted, self.last_at = set(), set(), {}, ""
        # Where the entry that is being looked at stands in the log; changes of keys as (place, kind, statement).
        self.index, self.keys = -1, set()
        # What was left outside, by the id of its entry; SHA-256 of each cosignature → what its entry says.
        self.anchored, self.cosigned = {}, {}
        # Reviewer → (when, by which means) of each sign-in.
        self.sign_ins = {}
        self.followed = {
            "removal": self._follow_removal, "exception": self._follow_exception, "occurrence": self._follow_run,
            "delegation": self._follow_delegation, "ledger": self._follow_log, "user": self._follow_person,
            "period": self._follow_period, "session": self._follow_session,
        }  # fmt: skip

    def check(self):
        """Every entry; then rows that no entry stands for."""
        found, tables = 0, self.tables
        with self.report.reading("entries", "ledger/entries.jsonl"):
            for number, line in self._in_log():
                found += 1
                with self.report.reading("entries", f"ledger/entries.jsonl, line {number}"):
                    self._take(number, line)
        self._check_period()
        self._check_keys()
        self._rest_of_decisions()
        if unused := len(set(self.seal.outside) - self.proved):
            wrong = (
                f"{unused:,} proofs are of no entry in ledger/entries.jsonl: a proof was changed or added, or an entry left out"
            )
            self.report.problem("entries", f"ledger/proofs.json: {wrong}")
        for table, number, _ in tables.rows.values():
            if table not in tables.unreadable:
                missing = "its entry is not in the log of this pack: the row was added or changed, or the entry was left out"
                self.report.problem("entries", f"{table}, row {number}: {missing}")
        range_size = (self.seal.sealing.size if self.seal.sealing else 0) - self.seal.first
        hidden = range_size + len(self.seal.outside) - found
        self.report.checks["entries"].held = (
            f"{found:,} are in the log word for word and equal the rows that show them; {hidden:,} others of the same range belong "
            "to other matters and are there as hashes"
        )

    def _in_log(self):
        """(line number, bytes) of the entries. They stand in the order of the log, so each is searched from the last one on."""
        seal, leaves, place, missed = self.seal, self.seal.leaves(), 0, 0
        for number, line in enumerate(self.pack.lines("ledger/entries.jsonl"), 1):
            line = line.rstrip(b"\n")
            hashed = leaf_hash(line)
            if hashed in seal.outside:
                self._check_outside(number, hashed)
            elif missed < PROBLEMS_SHOWN and seal.sealing:
                start = place
                for leaf in leaves:
                    place += 1
                    if leaf == hashed:
                        break
                else:
                    missed += 1
                    wrong = "not in the log, or not at this place: the entry was changed, added or moved"
                    self.report.problem("entries", f"ledger/entries.jsonl, line {number}: {wrong}")
                    leaves, place = islice(seal.leaves(), start, None), start
                self.index = seal.first + place - 1
            yield number, line

    def _check_outside(self, number, hashed):
        index, path = self.seal.outside[hashed]
        where, sealing = f"ledger/entries.jsonl, line {number}", self.seal.sealing
        if type(index) is not int or not self.index < index < self.seal.first:
            wrong = f"the proof of the entry in {where}, is of place {index}, which is not after the entry before it and before the leaves"
            self.report.problem(
                "entries", f"ledger/proofs.json: {wrong} of this pack: leaves were left out, or an entry was moved"
            )
        self.proved.add(hashed)
        self.index = index
        if not sealing or not verify_inclusion(index, sealing.size, hashed, path, sealing.root):
            wrong = f"the proof of the entry in {where}, does not lead to the sealed root"
            self.report.problem("entries", f"ledger/proofs.json: {wrong}: it was changed, or the entry was added")

    def _take(self, number, line):
        if self._is_next_decision(line):
            return
        where, text = f"ledger/entries.jsonl, line {number}", line.decode()
        entry = parse_json(text, where)
        PEOPLE.take(entry, text)
        kind = entry["kind"]
        is_mine = kind == LAUNCHED and entry["uid"] not in self.tables.left_out
        if self.index < self.seal.first and (is_mine or entry["at"] >= self.seal.manifest["period"]["from"]):
            wrong = f"it is of the period, or launches a review of it, and the leaves begin behind it, with {self.seal.first:,}"
            self.report.problem("entries", f"{where}: {wrong}: leaves were left out")
        if kind in (LAUNCHED, CLOSED, CANCELLED):
            self._take_campaign(entry, where)
        elif SHOWN.get(kind) is DECISION:
            self._take_decisions(entry, where)
        else:
            self._take_other(entry, where)

    def _rows_ahead(self, wanted):
        """Whether decision rows are left; a table that breaks off is reported once and then left alone."""
        tables = self.tables
        if "reviews/decisions.csv" not in tables.unreadable:
            before = len(self.ahead.buffer)
            done = False
            with self.report.reading("decisions", "reviews/decisions.csv"):
                self.ahead.fill(wanted)
                done = True
            if not done and before <= len(self.ahead.buffer):
                tables.unreadable.add("reviews/decisions.csv")
        return bool(self.ahead.buffer)

    def _is_next_decision(self, line):
        """Whether the next decision row says, byte for byte, what this entry says: the row is written as the entry it must have made."""
        if not (self.ahead.buffer or self._rows_ahead(AHEAD)):
            return False
        number, cells = self.ahead.buffer[0]
        (
            campaign, item, decision, reviewer, name, email, rule, rationale, at, shown, bulk, uid, stage, acted_for, until, reduce_to,
            evidence, _, _,
        ) = [quoted(cell)[1:-1] for cell in cells] if needs_escape(cells) else cells  # fmt: skip
        person, kind, version = f'{{"email":"{email}","id":"{reviewer}","name":"{name}"}}', "made", 1
        place = line.find(b'"person":"', 10)
        if place > 0:
            committed = line[place + 10 : place + 74].decode("ascii", "replace")
            if PEOPLE.known.get(committed) != (cells[3], cells[4], cells[5]):
                return False
            person, version = f'{{"id":"{reviewer}","person":"{committed}"}}', 2
            PEOPLE.used.add(committed)
        if decision == "undo":
            kind = "undone"
        evidence = f'"evidence":"{evidence}",' if evidence else ""
        acted_for = f'"for":"{acted_for}",' if acted_for else ""
        reduce_to = f'"reduce_to":"{reduce_to}",' if reduce_to else ""
        stage = f',"stage":"{stage}"' if stage != "1" else ""
        until = f',"until":"{until}"' if until else ""
        wanted = (
            f'{{"actor":{person},"at":"{at}","data":{{"bulk":"{bulk}","campaign":"{campaign}","decided_at":"{at}",'
            f'"decision":"{decision}",{evidence}{acted_for}"item":"{item}","rationale":"{rationale}",{reduce_to}"reviewer":{person},'
            f'"rule":"{rule}","shown":"{shown}"{stage}{until}}},"kind":"decision:{kind}",'
            f'"subject":"campaigns.reviewitem:{campaign}/{item}","uid":"{uid}","v":{version}}}'
        )
        if wanted.encode() != line:
            return False
        self.ahead.buffer.popleft()
        self._judge(number, cells)
        return True

    def _take_decisions(self, entry, where):
        """Those of an act mostly stand in the next rows, and then each is compared as cells that are all of the act's but a few."""
        if entry["kind"] != MANY:
            self._take_decision(entry, where)
            return
        told = decided_cells({**entry, "data": {**dict.fromkeys(OWN, ""), "stage": "1", **entry["data"]}})
        is_own, needed = entry["actor"] == entry["data"]["reviewer"], SAID - entry["data"].keys()
        for row in entry["data"]["rows"]:
            wanted, is_next = told.copy(), is_own and needed <= row.keys() <= OWN.keys()
            for name, cell in row.items() if is_next else ():
                wanted[OWN[name]] = cell
            if is_next and (self.ahead.buffer or self._rows_ahead(AHEAD)) and self.ahead.buffer[0][1][:17] == wanted:
                self._judge(*self.ahead.buffer.popleft())
            else:
                self._take_decision(one_decision(entry, row), where)

    def _take_decision(self, entry, where):
        """A decision that is not, byte for byte, that of the next row: find its row further on, or miss it."""
        self._rows_ahead(AHEAD)
        uid, item = named = entry["uid"], entry["data"]["item"] if entry["kind"] == MANY else ""
        for skipped, (number, cells) in enumerate(self.ahead.buffer):
            if cells[11] == uid and (not item or cells[1] == item):
                for _ in range(skipped):
                    self._stray(*self.ahead.buffer.popleft())
                self.ahead.buffer.popleft()
                self._compare_decision(number, cells, entry)
                self._judge(number, cells)
                return
        if len(self.ahead.entries) < STRAYS:
            self.ahead.entries[named] = (entry, where)

    def _stray(self, number, cells):
        named = cells[11], cells[1]
        if named in self.ahead.rows:
            copied = f"its entry {cells[11]} is already that of row {self.ahead.rows[named][0]}: a row was copied"
            self.report.problem("decisions", f"reviews/decisions.csv, row {number}: {copied}")
        if len(self.ahead.rows) < STRAYS:
            self.ahead.rows[named] = (number, cells)

    def _compare_decision(self, number, cells, entry):
        if cells[:17] != decided_cells(entry):
            self._compare("reviews/decisions.csv", number, cells, TABLES["reviews/decisions.csv"], DECISION[1], entry)
        if entry["actor"] != entry["data"]["reviewer"] or entry["subject"] != f"campaigns.reviewitem:{cells[0]}/{cells[1]}":
            wrong = f"the entry {entry['uid']} was recorded by somebody else, or of another item"
            self.report.problem("decisions", f"reviews/decisions.csv, row {number}: {wrong}")

    def _compare(self, table, number, cells, columns, paths, entry):
        """Name every cell that is not what the entry says."""
        for name, cell in zip(columns, cells):
            if name in paths and plain(name, cell) != value_at(entry, paths[name]):
                other = f"{name} is {short(cell)}, but the log recorded {short(value_at(entry, paths[name]))}"
                self.report.problem(
                    CHECK_OF.get(table, "decisions"),
                    f"{table}, row {number}: {other} (entry {entry['uid']}): the row was changed",
                )

    def _rest_of_decisions(self):
        """What is left over: rows without entry, entries without row, rows in another place than the log's."""
        table, ahead = "reviews/decisions.csv", self.ahead
        while self._rows_ahead(AHEAD):
            self._stray(*ahead.buffer.popleft())
        if table in self.tables.unreadable:
            return
        for (uid, item), (number, cells) in ahead.rows.items():
            if found := ahead.entries.pop((uid, item), None) or ahead.entries.pop((uid, ""), None):
                moved = f"it does not stand where its entry {uid} stands in the log: rows were swapped or moved"
                self.report.problem("decisions", f"{table}, row {number}: {moved}")
                self._compare_decision(number, cells, found[0])
            else:
                missing = f"its entry {short(uid)} is not in the log of this pack: the row was added or changed"
                self.report.problem("decisions", f"{table}, row {number}: {missing}")
        for (uid, item), (_, where) in ahead.entries.items():
            which = f"{uid} on item {item}" if item else uid
            self.report.problem(
                "decisions", f"{where}: the decision {which} has no row in {table}: a row was dropped or changed"
            )

    def _judge(self, number, cells):
        """What a decision must be besides recorded: on what was shown, by whom it was assigned to, in time, not after the end."""
        campaign, where = self.tables.campaigns.get(cells[0]), f"reviews/decisions.csv, row {number}"
        place = int(cells[1]) - 1 if campaign and cells[1].isdigit() else -1
        if not campaign or not 0 <= place < campaign.items.size:
            if "reviews/items.csv" not in self.tables.unreadable:
                self._wrong(f"{where}: item {cells[1]} of campaign {cells[0]} is not in reviews/items.csv")
            return
        campaign.decisions += 1
        self._judge_person(campaign, place, cells, where)
        against = AGAINST.get(cells[2])
        if against and campaign.recommended[place : place + 1] == against and len(cells[7]) < 10:
            self._wrong(f"{where}: it goes against what reviews/advice.csv recommends, without a reason")
        at, row = cells[8], campaign.row
        if not campaign.launch or campaign.end or not row["opened_at"] <= at <= (row["ended_at"] or at):
            self._wrong(f"{where}: it was made before {campaign.label} began or after it ended")
        is_final = self._judge_final(campaign, place, cells, where)
        self._judge_signed(campaign, cells)
        if cells[18] and not is_final:
            self._judge_counted(campaign, cells, where)
        if cells[10]:
            self._judge_bulk(cells[10], cells[1], where)

    def _judge_signed(self, campaign, cells):
        """Under which submissions it stands."""
        campaign_key, item, decision, reviewer, entry, at = *cells[:4], cells[11], cells[8]
        signed_in = cells[17].split()
        if campaign.begins_early and signed_in:
            asked = campaign.said.setdefault((item, cells[12]), {})
            asked.setdefault(cells[13] or reviewer, []).append((decision, signed_in))
        for uid in signed_in:
            campaign.seen[campaign.signing(uid)].put(row_hash((campaign_key, item, decision, at, entry)))

    def _judge_counted(self, campaign, cells, where):
        """One that is marked as counting and did not make the outcome: an answer of reviews/assignments.csv, and its review closed."""
        if cells[18] != "yes" or not campaign.is_closed:
            mark = "only yes marks a decision that counts, and only in a campaign that was closed"
            self._wrong(f"{where}: counts is {short(cells[18])}; {mark}: the row was changed")
        campaign.counted.put(leaf_hash(as_bytes((*cells[:2], cells[11], *answered_in(cells)))))

    def _judge_person(self, campaign, place, cells, where):
        item, stage, at = cells[1], cells[12], cells[8]
        person, asked = campaign.people[cells[3]], campaign.people[cells[13] or cells[3]]
        if cells[9][:32] != campaign.leaf[16 * place : 16 * place + 16].hex():
            shown = f"what was shown to the reviewer is not what reviews/items.csv says of item {item} of {campaign.label}"
            self._wrong(f"{where}: {shown}: that row was changed")
        is_first = stage == "1" and campaign.reviewer[place] == asked
        is_later = cells[6] in ASKED_LATER and (item, cells[13] or cells[3]) in campaign.moved
        if not (is_first or is_later or (item, stage, asked) in campaign.asked):
            self._wrong(f"{where}: {short(cells[4])} decided item {item} of {campaign.label}, which was not assigned to them")
        if cells[13] and not any(stands_for(one, cells) for one in self.delegations.values()):
            nobody = f"no delegation that ran then lets {short(cells[4])} act for {cells[13]} in {campaign.label}"
            self._wrong(f"{where}: {nobody}")
        stats = campaign.decided.get((person, stage))
        if stats is None:
            stats = campaign.decided[person, stage] = [0, 0, at, at, cells[4]]
        stats[0] += 1
        stats[1] += cells[10] != ""
        if at < stats[2]:
            stats[2] = at
        if at > stats[3]:
            stats[3] = at
        if cells[4] < stats[4]:
            stats[4] = cells[4]
        if cells[2] != "undo":
            work = campaign.work.get(cells[3])
            if work is None:
                row = self.tables.independence.get((cells[0], cells[3]))
                own = self.tables.identities.get(row[1]["identity"], -1) if row else -1
                work = campaign.work[cells[3]] = Work(own, row[1]["known_since"] if row else "", cells[4])
            work.take(campaign, place, cells, self.tables.sheets)

    def _judge_final(self, campaign, place, cells, where):
        """Whether it is the decision that made the outcome; that is in reviews/items.csv and reviews/assignments.csv as it was."""
        span = slice(16 * place, 16 * place + 16)
        final = campaign.final[span]
        if final == NOTHING or final != uid_bytes(cells[11]):
            return False
        if cells[18] != "yes" or campaign.facts[span] != digest((cells[4], cells[7], *answered_in(cells))):
            other = (
                f"item {cells[1]} of {campaign.label}: decision, person, time, reason or submission are not those of {where}"
            )
            self.report.problem(
                "outcomes", f"reviews/items.csv or reviews/assignments.csv, {other}: one of these rows was changed"
            )
        campaign.final[span] = NOTHING
        return True

    def _judge_bulk(self, uid, item, where):
        act = self.tables.acts.get(uid)
        if act:
            act[4].update((b"," if act[3] else b"") + item.encode())
            act[3] += 1
        elif "reviews/bulk_acts.csv" not in self.tables.unreadable:
            self._wrong(f"{where}: its bulk act {uid} is not in reviews/bulk_acts.csv: a row was dropped or changed")

    def _wrong(self, text):
        self.report.problem("decisions", text)

    def _take_campaign(self, entry, where):
        kind, tables, key = entry["kind"], self.tables, entry["data"]["campaign"]
        campaign = tables.campaigns.get(key)
        if kind == LAUNCHED and entry["uid"] in tables.left_out:
            self._check_left_out(*tables.left_out.pop(entry["uid"]), entry)
        elif campaign is None or entry["uid"] != campaign.row["launch_entry" if kind == LAUNCHED else "end_entry"]:
            if "campaigns/campaigns.csv" not in tables.unreadable:
                missing = f"campaign {key} has no such row in campaigns/campaigns.csv, nor in campaigns/left_out.csv"
                self.report.problem("campaigns", f"{where}: {missing}: a row was dropped or changed")
        elif kind == LAUNCHED:
            campaign.launch, self.dues[key] = entry, entry["data"]["due_at"]
        else:
            campaign.end = entry

    def _check_left_out(self, number, row, entry):
        where, prefix = f"campaigns/left_out.csv, row {number}", self.seal.manifest["period"]["framework"] + ":"
        for name in ("campaign", "name", "controls", "opened_at"):
            if row[name] != value_at(entry, f"data.{name}"):
                other = f"{name} is {short(row[name])}, but the log recorded {short(value_at(entry, f'data.{name}'))}"
                self.report.problem("campaigns", f"{where}: {other}: the row was changed")
        if any(control.startswith(prefix) for control in entry["data"]["controls"]):
            must = "the campaign serves a control of the pack's framework and must not be left out"
            self.report.problem("campaigns", f"{where}: {must}")

    def _take_other(self, entry, where):
        table, paths = SHOWN.get(entry["kind"], CHANGE)
        found = self.tables.rows.pop(uid_bytes(entry["uid"]), None)
        if found and found[0] == table:
            self._compare(*found, COMPARED[table], paths, entry)
        elif table not in self.tables.unreadable:
            missing = f"the entry {entry['uid']} ({entry['kind']}) has no row in {table}: a row was dropped or changed"
            self.report.problem("entries", f"{where}: {missing}")
        if entry["kind"] == "snapshot:loaded":
            self._compare_files(entry)
        elif entry["kind"] == "review:submitted":
            self._compare_submission(entry)
        elif entry["kind"].partition(":")[0] in self.followed:
            self.followed[entry["kind"].partition(":")[0]](entry)
        elif entry["kind"] in DUE_AT:
            self.dues[entry["data"]["campaign"]] = entry["data"][DUE_AT[entry["kind"]]]
        elif entry["kind"].startswith("silence:removals-"):
            self._follow_approval(entry)
        self._follow_end(entry, where)
        self._follow_hold(entry, where)
        self._follow_early(entry, where)

    def _follow_log(self, entry):
        """What the log says of itself."""
        if entry["kind"] in CHANGES_OF_KEYS.values():
            self.keys.add((self.index, entry["kind"], entry["data"]["statement"]))
        elif entry["kind"] == "ledger:anchored":
            self.anchored[entry["uid"]] = {**entry["data"], "at": entry["at"]}
        elif entry["kind"] == "ledger:cosigned":
            self.cosigned[entry["data"]["line_sha256"]] = entry["data"]

    def _check_keys(self):
        """Each change of keys stands in an entry at the place that its statement names, and no entry speaks of another."""
        kinds, size = words("ledger:key-handed-over ledger:log-begun-anew"), self.seal.sealing.size if self.seal.sealing else 0
        wanted = {(term.since, kinds[term.is_lost], term.note) for term in self.seal.terms[1:] if term.since < size}
        for place, *_ in sorted(wanted ^ self.keys) if self.seal.terms else ():
            wrong = f"the entry at place {place:,} of the log and the keys do not say the same of a change of keys"
            self.report.problem("keys", f"ledger/keys.json: {wrong}: it was changed, dropped or added")

    def _follow_hold(self, entry, where):
        """Removals that wait for a second person are not opened before somebody has confirmed them who did not decide on them."""
        kind, data = entry["kind"], entry["data"]
        campaign = self.tables.campaigns.get(str(data.get("campaign")))
        if campaign is None:
            return
        if kind == "removal-hold:made":
            campaign.holds[entry["uid"]] = [data["why"], data["source"], False, set()]
        elif kind == "removal-hold:listed":
            campaign.holds[data["hold"]][3].update(map(str, data["items"]))
        elif kind == "removal-hold:confirmed":
            campaign.holds[data["hold"]][2] = True
        elif kind == "removal:opened" and any(not one[2] and data["item"] in one[3] for one in campaign.holds.values()):
            wrong = f"the removal of item {data['item']} of {campaign.label} was opened, but waits for a second person"
            self.report.problem("removals", f"{where}: {wrong}")

    def _check_period(self):
        """The manifest tells the period that the log has."""
        told = self.seal.manifest.get("period")
        if told and self.period is None:
            self.report.problem("entries", "ledger/entries.jsonl: no entry opens the period of manifest.json: it was left out")
        for name, value in (self.period or {}).items() if told else ():
            if told.get(name) != value:
                wrong = f"{name} of the period is {short(told.get(name))}, the log has {short(value)}"
                self.report.problem("entries", f"manifest.json: {wrong}: it was changed")

    def _follow_period(self, entry):
        """What the period is called, asks and covers, and by how many days it measures leavers."""
        data = entry["data"].get("new", entry["data"])
        self.leaver_days = int(data.get("leaver_days", self.leaver_days))
        if "framework" in data:
            self.period = {name: data[name] for name in words("name framework from to")}

    def _follow_session(self, entry):
        """By which means somebody signed in."""
        if entry["kind"] == "session:signed-in":
            self.sign_ins.setdefault(entry["subject"], []).append((microseconds(entry["at"]), entry["data"]["means"]))

    def _follow_person(self, entry):
        """Which roles somebody holds after this entry, and since which."""
        kind, data = entry["kind"].partition(":")[2], entry["data"]
        person = self.people.setdefault(entry["subject"], {"name": "", "active": True, "roles": [], "held": []})
        if kind in ("created", "changed"):
            told = data["new"] if kind == "changed" else data.get("person", data)
            person["name"] = PEOPLE.part({**told, "id": entry["subject"]}, "name")
        if kind in ("created", "roles-changed"):
            person["roles"] = data["roles" if kind == "created" else "new"]
        elif kind in ("deactivated", "reactivated"):
            person["active"] = kind == "reactivated"
        now = [role for role in ROLES if person["active"] and role in person["roles"]]
        said = [entry["at"], PEOPLE.part(entry["actor"], "name"), entry["uid"]]
        for one in person["held"]:
            if not one["taken"] and one["role"] not in now:
                one["taken"] = said
        running = {one["role"] for one in person["held"] if not one["taken"]}
        person["held"] += [
            {"role": role, "name": person["name"], "given": said, "taken": []} for role in now if role not in running
        ]

    def _follow_early(self, entry, where):
        """A removal is opened before the end only where submitted answers have settled it, and by nothing else before the end."""
        kind, data, self.last_at = entry["kind"], entry["data"], max(self.last_at, entry["at"])
        campaign = self.tables.campaigns.get(str(data.get("campaign"))) if isinstance(data, dict) else None
        if campaign is None:
            return
        if kind == "review:submitted":
            self.submitted[entry["uid"]] = self.index
        elif kind == "review:reopened":
            stage = data.get("stage", "1")
            campaign.void.update(dict.fromkeys(((str(item), stage, data["reviewer"]) for item in data["items"]), self.index))
        elif kind == "items:unsettled":
            campaign.settled.difference_update(map(str, data["items"]))
        elif kind == "items:settled":
            campaign.settled.update(map(str, data["items"]))
            for item in data["items"] if campaign.begins_early else ():
                self._check_settled(campaign, str(item), int(data["stage"]), where)
        elif kind == "removal:opened" and data.get("origin") == "sign-off":
            self.early.add(data["task"])
            if not campaign.begins_early or data["item"] not in campaign.settled:
                wrong = (
                    f"the removal of item {data['item']} of {campaign.label} was opened at sign-off, but nothing had settled it"
                )
                self.report.problem("removals", f"{where}: {wrong}")
        elif kind == "removal:opened" and not (campaign.end and campaign.is_closed):
            wrong = f"the removal of item {data['item']} of {campaign.label} was opened before the campaign was closed"
            self.report.problem("removals", f"{where}: {wrong}")

    def _check_settled(self, campaign, item, stage, where):
        """What is settled must be what the answers that were submitted by then come to, in stages after which nothing else can come."""
        results = []
        for number, one in enumerate(campaign.stages[:stage], 1):
            if said := self._said(campaign, item, str(number)):
                results.append((number, combine(one["strategy"], said)))
        number, last = results[-1] if results else (stage, NO_RESPONSE)
        is_over = number == len(campaign.stages) or last in campaign.stages[number - 1]["stop_on"]
        if campaign.overall == "last_stage":
            is_good = is_over and last in TAKEN
        else:
            order = PRECEDENCE[campaign.overall]
            final = min((result for _, result in results), key=order.index, default=NO_RESPONSE)
            is_good = final in TAKEN and (is_over or final == order[0])
        if not is_good:
            wrong = f"item {item} of {campaign.label} is said to be settled, but the answers submitted until then do not say so"
            self.report.problem("removals", f"{where}: {wrong}")

    def _said(self, campaign, item, stage):
        """The submitted answers about an item in a stage, as far as the log has come."""
        found = set()
        for key in campaign.said.get((item, stage), ()):
            since = campaign.void.get((item, stage, key), -1)
            for decision, signed_in in reversed(campaign.said[item, stage][key]):
                if any(self.submitted.get(uid, -1) > since for uid in signed_in):
                    found.add(COUNTS_AS[decision])
                    break
        return found

    def _follow_delegation(self, entry):
        """Who may answer for whom at this place of the log."""
        self.delegations.pop(entry["data"]["delegation"], None)
        if entry["kind"] == "delegation:made":
            self.delegations[entry["data"]["delegation"]] = entry["data"]

    def _follow_end(self, entry, where):
        """What a seal rests on: every finding judged, every removal gone or within its deadline; and what was drawn to be asked again."""
        kind, data = entry["kind"], entry["data"]
        campaign = self.tables.campaigns.get(str(data.get("campaign")))
        if campaign is None:
            return
        if kind == "finding:made":
            campaign.unjudged.add(entry["uid"])
        elif kind == "finding:dispositioned":
            campaign.unjudged.discard(data["finding"])
        elif kind in DUE_AGAIN and data["due_at"]:
            campaign.dues[data["task"]] = data["due_at"]
        elif kind == "second-look:asked":
            campaign.looks.append(data)
        elif kind == "review:reopened" and campaign.looks:
            campaign.is_reopened = True
        elif kind == "campaign:sealed":
            due = [task for task, due_at in campaign.dues.items() if due_at <= data["sealed_at"]]
            late = sum(not self._is_settled(task, data["sealed_at"]) for task in due)
            for count, what in ((len(campaign.unjudged), "findings nobody had judged"), (late, "removals past their deadline")):
                if count:
                    self.report.problem("seals", f"{where}: {campaign.label} was sealed with {count:,} {what}")

    def _is_settled(self, task, at):
        """Whether a removal hinders no seal: gone, closed on a proof, or excepted until a day that has not passed."""
        state = self.removals[task][0]
        return state in SETTLED or (state == "excepted" and at[:10] <= self.excepted[task])

    def _compare_files(self, entry):
        data, columns = entry["data"], TABLES["population/files.csv"][2:]
        shown = [[row[name] for name in columns] for row in self.tables.files.get((data["source"], data["snapshot"]), [])]
        recorded = [[str(file[name]) for name in columns] for file in data["files"]]
        if shown != recorded and "population/files.csv" not in self.tables.unreadable:
            other = f"the files of {data['source']}, reading {data['snapshot']}, are not those recorded when it was loaded"
            self.report.problem("snapshots", f"population/files.csv: {other} (entry {entry['uid']}): a row was changed")

    def _compare_submission(self, entry):
        """The statement covers exactly the decisions that counted, and they were made before it was signed."""
        data, unreadable = entry["data"], self.tables.unreadable
        campaign = self.tables.campaigns.get(data["campaign"])
        if campaign is None or "reviews/signed.csv" in unreadable:
            return
        place = campaign.sign_offs.get(entry["uid"])
        campaign.submitted.add(entry["uid"])
        said = f"the submission {entry['uid']} of {short(PEOPLE.part(data['reviewer'], 'name'))} in {campaign.label}"
        if place is None or campaign.trees[place].root().hex() != data["decisions_root"]:
            wrong = f"reviews/signed.csv does not show the decisions that {said} was signed over: rows were changed, dropped or added"
            self.report.problem("submissions", wrong)
        elif campaign.seen[place] != campaign.signed[place] and "reviews/decisions.csv" not in unreadable:
            found, wanted = campaign.seen[place].size, campaign.signed[place].size
            wrong = f"of the {wanted:,} decisions that {said} was signed over, reviews/decisions.csv has {found:,} before it, or others"
            self.report.problem("submissions", wrong)
        if campaign.end:
            self.report.problem("submissions", f"{said} was signed after the campaign ended")

    def _follow_run(self, entry):
        """What became of an expected run is what its last entry says; when it was due is what its last expectation says."""
        data, state = entry["data"], entry["kind"].partition(":")[2]
        moments = data if state == "expected" else self.runs.get(data["occurrence"], {})
        self.runs[data["occurrence"]] = {
            **{name: value_at(data, name) for name in RUN},
            "opens_at": moments["opens_at"],
            "due_at": moments["due_at"],
            "state": state,
            "reason": data.get("reason") or " ".join(data.get("reasons", [])),
            "campaign": data.get("campaign", ""),
            "entry": entry["uid"],
        }

    def _follow_approval(self, entry):
        """Removals that people approved where nobody had answered: which items, and whether a second person had to confirm it, and did."""
        data, kind = entry["data"], entry["kind"].rpartition("-")[2]
        campaign = self.tables.campaigns.get(data["campaign"])
        if campaign is None:
            return
        approval = campaign.approvals.setdefault(data.get("approval", entry["uid"]), [False, "", set()])
        if kind == "approved":
            approval[0], approval[1] = not data["limits"]["needs_second"], entry["actor"]["id"]
        elif kind == "listed":
            approval[2].update(map(str, data["items"]))
        elif kind == "confirmed" and entry["actor"]["id"] != approval[1]:
            approval[0] = True

    def _follow_removal(self, entry):
        """Where a removal stands follows from the entries alone: somebody's word is a claim, only later data proves it."""
        data, kind = entry["data"], entry["kind"]
        now = self.removals.setdefault(data["task"], ["open", 0, "", "", ""])
        if kind in ("removal:claimed-done", "removal:proof-added"):
            known = self.reporters.setdefault(data["task"], [set(), False])
            known[0].add(entry["actor"]["id"])
            known[1] = known[1] or bool(data["proof_name"] or data.get("proof_link"))
        if kind == "removal:claimed-done":
            now[1] += 1
            now[0] = "reported_not_proved"
        elif kind == "removal:verified" and data["verdict"] == "gone":
            now[0], now[2:] = "verified_gone", [data["present_in"], data["snapshot"], data["at"]]
        elif kind == "removal:verified":
            now[0], now[2] = "still_there", data["snapshot"]
        elif kind == "removal:returned":
            self._follow_return(entry, now)
        elif kind in LEAVES_AT:
            now[0] = LEAVES_AT[kind]
        elif kind == "removal:withdrawn":
            self._follow_withdrawal(entry, now)
        elif kind == "removal:closed":
            self._follow_closing(entry, now)
        elif kind in SHOWN and SHOWN[kind] is OBJECTION:
            self._follow_objection(entry, now)

    def _follow_withdrawal(self, entry, now):
        """Only what began at sign-off is withdrawn; what is gone already is named instead."""
        data = entry["data"]
        is_gone = now[0] in ("verified_gone", "closed_on_proof")
        if data["task"] not in self.early or is_gone != (data["gone"] == "yes"):
            wrong = (
                f"removal {data['task']} was withdrawn, but did not begin at sign-off, or does not stand where that entry says"
            )
            self.report.problem("removals", f"administration/changes.csv: {wrong} (entry {entry['uid']})")
        if data["gone"] == "yes":
            self.in_vain.add(data["task"])
        else:
            now[0] = "withdrawn"

    def _follow_exception(self, entry):
        """An accepted risk: asked for by one person, approved by another before its last day, ended after it; then the removal goes on."""
        data, step, at = entry["data"], entry["kind"].partition(":")[2], entry["at"]
        known = self.exceptions.setdefault(data["exception"], ["", "", ""])
        now = self.removals.setdefault(data["task"], ["open", 0, "", "", ""])
        wrong = ""
        if step == "requested":
            wrong = "was asked for twice" if known[0] else ""
            wrong = wrong or ("was asked for by somebody else" if entry["actor"]["id"] != data["requested_by"] else "")
            known[1:] = [data["requested_by"], data["expires_on"]]
        elif step in ("approved", "declined"):
            is_first = known == ["requested", data["requested_by"], data["expires_on"]]
            wrong = "" if is_first else "was decided without a request that says the same"
            wrong = wrong or ("was decided by whoever asked for it" if entry["actor"]["id"] == known[1] else "")
            wrong = wrong or ("was approved after its last day" if step == "approved" and at[:10] > data["expires_on"] else "")
        elif (data["was"], known[0]) not in (("requested", "requested"), ("approved", "approved")):
            wrong = "ended without having been asked for or approved"
        elif data["why"] == "expired" and at[:10] <= data["expires_on"]:
            wrong = "is said to have expired before its last day was over"
        if wrong:
            said = f"exception {data['exception']} of removal {data['task']} {wrong} (entry {entry['uid']})"
            self.report.problem("exceptions", f"remediation/exceptions.csv: {said}")
        known[0] = step
        if step == "approved":
            now[0] = "excepted"
            self.excepted[data["task"]] = data["expires_on"]
        elif step == "ended" and data["due_at"]:
            now[0] = "open"

    def _follow_return(self, entry, now):
        """Only what had been proved gone can come back."""
        if now[0] != "verified_gone" or now[3] != entry["data"]["gone_in"]:
            wrong = f"removal {entry['data']['task']} is said to have come back, but was not proved gone before"
            self.report.problem("removals", f"remediation/returns.csv: {wrong} (entry {entry['uid']})")
        now[0], now[2:] = "returned", [entry["data"]["seen_in"], "", ""]
        self.came_back.add(entry["data"]["task"])

    def _follow_objection(self, entry, now):
        """Access is kept only by an answer to an objection that somebody else than its author gave; silence keeps nothing."""
        data, step, wrong = entry["data"], entry["kind"].partition(":")[2], ""
        known = self.objections.setdefault(data["task"], ["", ""])
        if step == "announced":
            known[:] = [step, data["person"]]
            now[0] = "announced" if data["waits"] == "yes" else now[0]
        elif step == "objected":
            is_told = known[0] == "announced" and entry["actor"]["id"] == data["person"] == known[1]
            wrong, known[0] = "" if is_told else "was objected to by somebody who was not told, or twice", step
        elif step in ("confirmed", "kept", "unanswered", "objection-ended"):
            by_somebody = step in ("unanswered", "objection-ended") or entry["actor"]["id"] != known[1]
            is_good = known[0] == "objected" and by_somebody
            wrong, known[0] = "" if is_good else "was decided again without an objection, or by its author", step
        if wrong:
            self.report.problem(
                "removals", f"remediation/objections.csv: removal {data['task']} {wrong} (entry {entry['uid']})"
            )
        if step == "kept":
            now[0] = "kept_after_objection"
        elif now[0] == "announced" and (step == "released" or data.get("due_at")):
            now[0] = "open"

    def _follow_closing(self, entry, now):
        """What no data verifies is closed by somebody else than those who reported it, and on a proof that they gave."""
        people, is_proved = self.reporters.get(entry["data"]["task"], [set(), False])
        if now[0] != "reported_not_proved" or entry["actor"]["id"] in people or not is_proved:
            wrong = f"removal {entry['data']['task']} was closed without a proof, or by somebody who reported it"
            self.report.problem("removals", f"remediation/attempts.csv: {wrong} (entry {entry['uid']})")
        now[0] = "closed_on_proof"


# --- what must add up when everything was read --------------------------------------------------------------------------------


def moment(text):
    """A time as the log writes it."""
    return datetime.strptime(text.replace("Z", "+0000"), "%Y-%m-%dT%H:%M:%S.%f%z")


def nearest(values, percent):
    """The value of nearest rank in a sorted list; nothing for none."""
    return values[max(0, -(-len(values) * percent // 100) - 1)] if values else ""


class Sums:
    """Roots, counts, balances, and the tables that only add up others."""

    def __init__(self, pack, report, seal, tables, entries):
        self.pack, self.report, self.tables, self.entries = pack, report, tables, entries
        self.period = seal.manifest.get("period", {"from": "", "to": "", "framework": ""})
        self.sealed = 0

    def check(self):
        """Campaign by campaign, then across them."""
        for campaign in self.tables.campaigns.values():
            with self.report.reading("campaigns", f"campaigns/campaigns.csv, row {campaign.number}"):
                self._check_campaign(campaign)
        for number, row in self.tables.left_out.values():
            missing = f"the launch of campaign {row['campaign']} is not in the log of this pack: the row was added or changed"
            self.report.problem("campaigns", f"campaigns/left_out.csv, row {number}: {missing}")
        with self.report.reading("balance", "population/balance.csv"):
            self._check_balance()
        with self.report.reading("controls", "controls/mapping.csv"):
            self._check_controls()
        with self.report.reading("calendar", "controls/calendar.csv"):
            self._check_calendar()
        with self.report.reading("reviewers", "reviews/reviewers.csv"):
            self._check_reviewers()
        self._check_bulk_acts()
        self._check_removals()
        if self._can_read(
            "remediation/figures.csv", "remediation/removals.csv", "population/snapshots.csv", "reviews/items.csv"
        ):
            with self.report.reading("removals", "remediation/figures.csv"):
                self._check_figures()
        for campaign in self.tables.campaigns.values():
            self._check_second_look(campaign)
        self._check_seals()
        self._check_samples()
        for check in (Reviewing, SignIns, Leavers, Roles):
            check(self.pack, self.report, self.tables, self.entries, self.period).check()

    def _check_samples(self):
        """The auditor's samples are drawn again, and their populations held against the items of this pack."""
        samples = Samples(self.pack, self.report, self.tables.unreadable)
        with self.report.reading("samples", "audit/samples.csv or audit/populations.csv"):
            samples.check(set(self.tables.campaigns) if self._can_read("reviews/items.csv") else set())
        self.report.checks["samples"].held = samples.held()

    def _can_read(self, *tables):
        return not self.tables.unreadable.intersection(tables)

    def _check_campaign(self, campaign):
        row, where = campaign.row, f"campaigns/campaigns.csv, row {campaign.number}"
        if campaign.launch is None:
            raise Problem(
                f"{where}: the launch of {campaign.label} is not in the log of this pack: the row was added or changed"
            )
        data = campaign.launch["data"]
        same = words("name definition controls opened_at due_at items excluded population_root exclusion_root terms")
        wanted = {name: value_at(data, name) for name in same} | {"launched_by": PEOPLE.part(campaign.launch["actor"], "name")}
        for name, value in {**wanted, **self._end_of(campaign)}.items():
            if plain(name, row[name]) != value:
                other = f"{name} is {short(row[name])}, but the log recorded {short(value)}"
                self.report.problem("campaigns", f"{where}: {other}: the row was changed")
        if row["opened_at"][:10] > self.period["to"] or (row["ended_at"] and row["ended_at"][:10] < self.period["from"]):
            self.report.problem("campaigns", f"{where}: {campaign.label} was not open in the period")
        if self._can_read("reviews/items.csv"):
            self._check_items(campaign, data)
        if self._can_read("population/exclusions.csv") and campaign.exclusions.root().hex() != data["exclusion_root"]:
            other = f"what {campaign.label} left out is not what its launch recorded: a row was changed, dropped or added"
            self.report.problem("exclusions", f"population/exclusions.csv: {other}")
        if self._can_read("reviews/advice.csv"):
            self._check_advice(campaign, data)
        # Launches from before conflicts were frozen say nothing of them, and have none.
        recorded = data.get("conflict_root", Tree().root().hex())
        if self._can_read("reviews/conflicts.csv") and campaign.conflicts.root().hex() != recorded:
            other = f"the conflicts of {campaign.label} are not those frozen at its launch: a row was changed, dropped or added"
            self.report.problem("conflicts", f"reviews/conflicts.csv: {other}")
        # Launches from before descriptions and credentials were frozen have none.
        recorded = data.get("context_root", Tree().root().hex())
        if self._can_read("reviews/contexts.csv") and campaign.contexts.root().hex() != recorded:
            other = f"what else was known of items of {campaign.label} is not what was frozen at its launch"
            self.report.problem("contexts", f"reviews/contexts.csv: {other}: a row was changed, dropped or added")

    def _check_advice(self, campaign, data):
        # Launches from before there was advice have none.
        if campaign.advice.root().hex() != data.get("advice_root", Tree().root().hex()):
            wrong = f"what was recommended in {campaign.label} is not what was frozen at its launch: a row was changed, dropped or added"
            self.report.problem("advice", f"reviews/advice.csv: {wrong}")
        elif campaign.advice.size not in (0, data["items"]):
            wrong = f"{campaign.advice.size:,} of {data['items']:,} items of {campaign.label} have a recommendation"
            self.report.problem("advice", f"reviews/advice.csv: {wrong}")

    @staticmethod
    def _end_of(campaign):
        """What the row must say of the end."""
        wanted = dict.fromkeys(
            words("ended_at ended_by reason approved revoked reduced not_reviewed outcome_root end_entry"), ""
        )
        if campaign.end is None:
            return {**wanted, "state": "open"}
        data, by = campaign.end["data"], PEOPLE.part(campaign.end["actor"], "name")
        wanted.update(ended_by=by, end_entry=campaign.end["uid"])
        if campaign.end["kind"] == CANCELLED:
            return {**wanted, "state": "cancelled", "ended_at": campaign.end["at"], "reason": data["reason"]}
        counts = {name: str(data["counts"].get(name, 0)) for name in PLACE}
        return {**wanted, "state": "closed", "ended_at": data["closed_at"], "outcome_root": data["outcome_root"], **counts}

    def _check_items(self, campaign, data):
        table, tree = "reviews/items.csv", campaign.items
        if tree.size != data["items"]:
            wrong = (
                f"{tree.size:,} items of {campaign.label}, its launch recorded {data['items']:,}: rows were dropped or added"
            )
            self.report.problem("items", f"{table} has {wrong}")
        elif tree.root().hex() != data["population_root"]:
            wrong = f"the items of {campaign.label} are not those that were frozen at its launch: a row was changed or moved"
            self.report.problem("items", f"{table}: {wrong}")
        final = campaign.final
        lost = [place + 1 for place in range(tree.size) if any(final[16 * place : 16 * place + 16])] if any(final) else []
        if lost and self._can_read("reviews/decisions.csv"):
            wrong = f"the decisions on {len(lost):,} items of {campaign.label}, the first item {lost[0]}, are not in reviews/decisions.csv"
            self.report.problem("outcomes", f"{table}: {wrong}: rows were dropped or changed")
        if self._can_read("reviews/signed.csv") and (unknown := set(campaign.sign_offs) - campaign.submitted):
            wrong = f"the submission {short(min(unknown))} of {campaign.label} is not in the log of this pack"
            self.report.problem(
                "submissions", f"reviews/signed.csv or reviews/decisions.csv: {wrong}: a row was changed or added"
            )
        if campaign.is_closed and campaign.end and campaign.end["kind"] == CLOSED:
            self._check_close(campaign, table, campaign.end["data"])

    def _check_close(self, campaign, table, close):
        if campaign.outcomes.root().hex() != close["outcome_root"]:
            wrong = (
                f"the outcomes of {campaign.label} are not those recorded when it closed: a row was changed, dropped or added"
            )
            self.report.problem("outcomes", f"{table}: {wrong}")
        totals = {outcome: sum(counts[place] for counts in campaign.balance.values()) for outcome, place in PLACE.items()}
        if totals != {**dict.fromkeys(PLACE, 0), **close["counts"]}:
            self.report.problem(
                "outcomes", f"{table}: {totals} outcomes of {campaign.label}, its close recorded {close['counts']}"
            )
        if campaign.answers.root().hex() != close.get("answers_root", campaign.answers.root().hex()):
            wrong = f"who was asked in {campaign.label}, and what they answered, is not what was recorded when it closed"
            self.report.problem("outcomes", f"reviews/assignments.csv: {wrong}: a row was changed, dropped, added or moved")
        if campaign.answered != campaign.counted and self._can_read("reviews/decisions.csv", "reviews/assignments.csv"):
            wrong = (
                f"the {campaign.answered.size:,} answers of {campaign.label} that count are not those of reviews/decisions.csv"
            )
            self.report.problem("outcomes", f"reviews/assignments.csv: {wrong}, which marks {campaign.counted.size:,}")
        if campaign.decisions != close.get("decisions", campaign.decisions) and self._can_read("reviews/decisions.csv"):
            wrong = f"{campaign.decisions:,} decisions of {campaign.label}, its close recorded {close['decisions']:,}"
            self.report.problem("decisions", f"reviews/decisions.csv has {wrong}: rows and their entries were left out")

    def _check_balance(self):
        """Per source: open grants = items + excluded; items = approved + revoked + not reviewed."""
        seen = set()
        for number, row in self.pack.rows("population/balance.csv"):
            key = (row["campaign"], row["source"])
            campaign, where = self.tables.campaigns.get(key[0]), f"population/balance.csv, row {number}"
            if campaign is None or campaign.launch is None or key in seen:
                self.report.problem("balance", f"{where}: campaign {key[0]} is not known, or {key[1]} stands there twice")
                continue
            seen.add(key)
            for text in self._unbalanced(campaign, row):
                self.report.problem("balance", f"{where}: {text}")
            self._check_hold(campaign, row, where)
        for campaign in self.tables.campaigns.values():
            frozen = {one["source"] for one in campaign.launch["data"]["sources"]} if campaign.launch else set()
            for source in sorted(frozen | {source for source, _ in campaign.balance}):
                if (campaign.row["campaign"], source) not in seen:
                    missing = f"population/balance.csv has no row of {source} in {campaign.label}: a row was dropped or changed"
                    self.report.problem("balance", missing)
        self.report.checks[
            "balance"
        ].held = f"{len(seen):,} hold: open grants = items + excluded by rule; items = kept + to be removed or reduced + not reviewed"

    def _unbalanced(self, campaign, row):
        frozen = [one for one in campaign.launch["data"]["sources"] if one["source"] == row["source"]]
        counts = campaign.balance.get((row["source"], row["snapshot"]), [0] * 6)
        wanted = {name: str(counts[place]) if campaign.is_closed else "" for name, place in PLACE.items()}
        wanted.update(items=str(counts[0]), excluded=str(counts[4]))
        wanted.update({name: str(value) for one in frozen for name, value in one.items() if name in row})
        if not self._can_read("reviews/items.csv", "population/exclusions.csv"):
            return
        for name, value in wanted.items():
            if row[name] != value:
                yield f"{name} is {short(row[name])}, the rows and the log make it {short(value)}"
        if not frozen or int(row["grants_open"]) != counts[0] + counts[4]:
            parts = f"items {counts[0]:,} + excluded {counts[4]:,}"
            yield f"open grants {row['grants_open']} are not {parts}: part of the population is missing"
        if (row["source"], row["snapshot"]) not in self.tables.snapshots and self._can_read("population/snapshots.csv"):
            yield f"reading {row['snapshot']} of {row['source']} is not in population/snapshots.csv"

    def _check_controls(self):
        """Controls and campaigns belong together as each launch recorded it."""
        mapped, prefix, campaigns = set(), self.period["framework"] + ":", self.tables.campaigns
        for number, row in self.pack.rows("controls/mapping.csv"):
            campaign = campaigns.get(row["campaign"])
            if row["campaign_name"] != (campaign.row["name"] if campaign else "") or bool(campaign) != bool(row["campaign"]):
                wrong = f"campaign {row['campaign']} is not in the pack under the name {short(row['campaign_name'])}"
                self.report.problem("controls", f"controls/mapping.csv, row {number}: {wrong}")
            if not row["control"].startswith(prefix):
                self.report.problem(
                    "controls", f"controls/mapping.csv, row {number}: {short(row['control'])} is of another framework"
                )
            mapped.add((row["control"], row["campaign"]))
        launched = {key: one.launch["data"]["controls"] for key, one in campaigns.items() if one.launch}
        wanted = {(control, key) for key, controls in launched.items() for control in controls if control.startswith(prefix)}
        for control, key in sorted(wanted ^ {one for one in mapped if one[1]}):
            other = f"control {control} and campaign {key} are not mapped as the launch of the campaign recorded it"
            self.report.problem("controls", f"controls/mapping.csv: {other}: a row was changed, dropped or added")
        for key in sorted(set(launched) - {key for _, key in wanted}):
            self.report.problem(
                "controls", f"campaigns/campaigns.csv: campaign {key} serves no control of the pack's framework"
            )
        served, listed = {control for control, key in mapped if key}, {control for control, _ in mapped}
        self.report.checks[
            "controls"
        ].held = f"{len(served):,} of the {len(listed):,} listed are served by a campaign in the pack, as its launch recorded"

    def _check_calendar(self):
        """Each run that was expected in the period is there, and stands where its entries leave it."""
        table, runs, counts, expected = "controls/calendar.csv", dict(self.entries.runs), {}, 0
        for number, row in self.pack.rows(table):
            run, expected = runs.pop(row["occurrence"], None), expected + 1
            if run is None:
                wrong = "no entry of the log expected this run, or it stands there twice: the row was added or changed"
                self.report.problem("calendar", f"{table}, row {number}: {wrong}")
                continue
            wanted = {**run, "performed": self._performed(run)}
            self.report.compare("calendar", f"{table}, row {number}", row, wanted, "the entries of this run leave it at")
            outcome = row["performed"] or row["state"]
            counts[outcome] = counts.get(outcome, 0) + 1
        for run in runs.values():
            missing = f"{short(run['name'])}, {run['label']}, was expected by {run['due_on']} and has no row: a row was dropped or changed"
            self.report.problem("calendar", f"{table}: {missing}")
        told = ", ".join(f"{count:,} {name.replace('_', ' ')}" for name, count in sorted(counts.items()))
        self.report.checks["calendar"].held = f"{expected:,} runs were expected in the period{': ' if told else ''}{told}"

    def _performed(self, run):
        """In time: closed, and nothing could be decided any more after the due date."""
        if run["state"] != "launched":
            return ""
        campaign = self.tables.campaigns.get(run["campaign"])
        if campaign is None:
            return "earlier_period"
        if not campaign.is_closed:
            return ""
        last = self.entries.dues.get(run["campaign"], "")
        return "in_time" if min(last, campaign.row["ended_at"]) <= run["due_at"] else "late"

    def _check_reviewers(self):
        if not self._can_read("reviews/reviewers.csv", "reviews/items.csv", "reviews/decisions.csv"):
            return
        for (key, reviewer, stage), (number, row) in self.tables.reviewers.items():
            campaign = self.tables.campaigns.get(key)
            person = campaign.people.get(reviewer) if campaign else None
            where = f"reviews/reviewers.csv, row {number}"
            if person is None:
                wrong = f"{reviewer} has nothing to do with campaign {key}: the row was added or changed"
                self.report.problem("reviewers", f"{where}: {wrong}")
                continue
            *done, name = campaign.decided.pop((person, stage), [0, 0, "", "", ""])
            wanted = [str(campaign.assigned.pop((person, stage), 0)), *map(str, done)]
            if not row["entry"] and row["reviewer_name"] != name:
                self.report.problem("reviewers", f"{where}: the name is not that of the decisions: the row was changed")
            if [row[name] for name in words("items_assigned decisions by_bulk first_decision_at last_decision_at")] != wanted:
                wrong = "its numbers are not what reviews/assignments.csv and reviews/decisions.csv add up to"
                self.report.problem("reviewers", f"{where}: {wrong}")
        for campaign in self.tables.campaigns.values():
            if missing := {*campaign.assigned, *campaign.decided}:
                lacking = f"{len(missing):,} reviewers of {campaign.label}: a row was dropped or changed"
                self.report.problem("reviewers", f"reviews/reviewers.csv lacks {lacking}")

    def _check_bulk_acts(self):
        for uid, (number, listed, stated, found, hashed) in self.tables.acts.items():
            hashed.update(b"]")
            if (listed, stated) != (str(found), hashed.hexdigest()) and self._can_read("reviews/decisions.csv"):
                wrong = f"reviews/decisions.csv does not have exactly the decisions of the act {uid}: rows were dropped, added or changed"
                self.report.problem("bulk", f"reviews/bulk_acts.csv, row {number}: {wrong}")

    def _check_second_look(self, campaign):
        """Those who were asked again are those the log drew; where no answer was opened again since, the draw is made again."""
        if not campaign.looks or not self._can_read("reviews/assignments.csv", "reviews/items.csv"):
            return
        look, tree = campaign.looks[0], Tree()
        for item, person in sorted(campaign.again, key=lambda one: int(one[0])):
            tree.append(row_hash([campaign.row["campaign"], item, person]))
        if tree.size != look["items"] or tree.root().hex() != look["items_root"]:
            other = (
                f"who was asked to look again in {campaign.label} is not whom the log drew: a row was changed, dropped or added"
            )
            self.report.problem("second_looks", f"reviews/assignments.csv: {other}")
        if not campaign.is_closed or campaign.is_reopened:
            return
        asked = {int(item) for item, _ in campaign.again}
        for one in (reviewer for data in campaign.looks for reviewer in data["reviewers"]):
            kept = campaign.kept.get(one["id"], set())
            sample = drawn_from(kept, look["seed"], look["share"])
            if (len(kept), len(sample), len(asked.intersection(sample))) != (one["kept"], one["drawn"], one["asked"]):
                other = f"drawn again, the sample of {one['id']} in {campaign.label} is not the one that was asked about"
                self.report.problem("second_looks", f"reviews/second_looks.csv: {other}")

    def _check_seals(self):
        """A seal is on a closed campaign and on its outcomes, once."""
        sealed = set()
        for number, row in self.pack.rows("campaigns/seals.csv") if self._can_read("campaigns/seals.csv") else ():
            campaign, where = self.tables.campaigns.get(row["campaign"]), f"campaigns/seals.csv, row {number}"
            closed = (campaign.row["end_entry"], campaign.row["outcome_root"]) if campaign and campaign.is_closed else None
            if closed != (row["close_entry"], row["outcome_root"]) or row["campaign"] in sealed:
                other = f"campaign {row['campaign']} was not closed with these outcomes, or is sealed twice"
                self.report.problem("seals", f"{where}: {other}: the row was changed or added")
            sealed.add(row["campaign"])
        self.sealed = len(sealed)

    def _check_hold(self, campaign, row, where):
        """Where more of a system goes than the terms allow, the log has that it waits for a second person."""
        if not campaign.is_closed or campaign.removal_limit is None:
            return
        going = int(row["revoked"]) + int(row["reduced"])
        is_held = any((why, source) == ("share", row["source"]) for why, source, _, _ in campaign.holds.values())
        if 100 * going > campaign.removal_limit * int(row["grants_open"]) and not is_held:
            wrong = f"{going:,} removals of {row['source']} in {campaign.label} needed a second person, and the log does not hold them"
            self.report.problem("removals", f"{where}: {wrong}")

    def _check_loose(self):
        """What is not to be removed has a removal only when it began at sign-off, or when people approved it after silence."""
        for campaign in self.tables.campaigns.values():
            approved = {item for counts, _, items in campaign.approvals.values() if counts for item in items}
            for item, (where, task, state, outcome) in campaign.loose.items():
                wrong = ""
                if task in self.entries.early:
                    wrong = self._left_going(campaign, item, task, state) if item not in approved else ""
                elif outcome != "not_reviewed":
                    wrong = f"item {item} of {campaign.label} was not revoked"
                elif item not in approved:
                    wrong = f"nobody decided item {item} of {campaign.label}, and the log has nobody who approved its removal"
                if wrong:
                    self.report.problem("removals", f"{where}: {wrong}: a row was added or changed")

    def _left_going(self, campaign, item, task, state):
        """What is wrong with a removal that began at sign-off, of a campaign that came to something else; "" while it is open."""
        ended_at = campaign.row["ended_at"]
        # Certify does it within minutes; a pack may have been made in between.
        if not ended_at or (moment(self.entries.last_at) - moment(ended_at)).total_seconds() < 3600:
            return ""
        if state in ("withdrawn", "excepted", "kept_after_objection") or task in self.entries.in_vain:
            return ""
        return f"the removal of item {item} began at sign-off, {campaign.label} came to something else, and nothing withdrew it"

    def _check_removals(self):
        """Each removal stands where its entries leave it."""
        self._check_loose()
        for task, (number, said, first_seen) in self.tables.removals.items():
            state, attempts, present, gone, at = self.entries.removals.get(task, ["open", 0, "", "", ""])
            for name, shown, wanted in zip(STANDING, said, [state, str(attempts), present or first_seen, gone, at]):
                if shown != wanted:
                    other = f"{name} is {short(shown)}, but the entries of removal {task} leave it at {short(wanted)}"
                    self.report.problem("removals", f"remediation/removals.csv, row {number}: {other}: the row was changed")

    def _check_figures(self):
        """The numbers about removals are what their entries and readings add up to."""
        table, wanted = "remediation/figures.csv", {}
        for task, (key, source, decided_at) in self.tables.begun.items():
            wanted.setdefault(key, []).append(self._spent(task, key, source, decided_at))
        for key in self.tables.unopened:
            wanted.setdefault(key, [])
        for number, row in self.pack.rows(table):
            if row["campaign"] not in wanted:
                wrong = f"campaign {row['campaign']} has no removals, or stands there twice: the row was added or changed"
                self.report.problem("removals", f"{table}, row {number}: {wrong}")
                continue
            found = self._figures(wanted.pop(row["campaign"]), self.tables.unopened.get(row["campaign"], 0))
            self.report.compare("removals", f"{table}, row {number}", row, found, "the removals add up to")
        for key in wanted:
            self.report.problem("removals", f"{table}: campaign {key} has removals and no row: a row was dropped")

    def _spent(self, task, key, source, decided_at):
        """(state, reported, came back, late, minutes from the decision to the reading that proved it)."""
        state, attempts, _, gone, _ = self.entries.removals.get(task, ["open", 0, "", "", ""])
        late, minutes = False, None
        reading = self.tables.snapshots.get((source, gone)) if state == "verified_gone" else None
        if reading:
            seen_at = reading["extracted_at"] or reading["loaded_at"]
            due_at = self.tables.campaigns[key].dues.get(task, "")
            late, minutes = seen_at > due_at, max(0, int((moment(seen_at) - moment(decided_at)).total_seconds() // 60))
        return state, attempts > 0, task in self.entries.came_back, late, minutes

    @staticmethod
    def _figures(rows, unopened):
        states = [row[0] for row in rows]
        minutes = sorted(row[4] for row in rows if row[4] is not None)
        counts = {
            "decided": len(rows) + unopened, "reported": sum(row[1] for row in rows), "verified": states.count("verified_gone"),
            "verified_late": sum(row[3] for row in rows), "still_there": states.count("still_there"),
            "came_back": sum(row[2] for row in rows), "excepted": states.count("excepted"),
            "cannot_verify": states.count("reported_not_proved"), "closed_on_proof": states.count("closed_on_proof"),
            "kept_after_objection": states.count("kept_after_objection"), "withdrawn": states.count("withdrawn"),
            "to_do": unopened + sum(state in ("announced", "open", "sent", "returned") for state in states),
            "median_minutes": nearest(minutes, 50), "p95_minutes": nearest(minutes, 95),
        }  # fmt: skip
        return {name: str(value) for name, value in counts.items()}


# --- how people reviewed, who left, who held which role -----------------------------------------------------------------------


def shares(part, whole):
    """Percent to one decimal; nothing of nothing."""
    return str((Decimal(100) * part / whole).quantize(Decimal("0.1"), ROUND_HALF_UP)) if whole else ""


@lru_cache(4096)
def _day_seconds(day):
    return date.fromisoformat(day).toordinal() * 86_400


def microseconds(text):
    """A time of the log in microseconds."""
    seconds = int(text[11:13]) * 3600 + int(text[14:16]) * 60 + int(text[17:19])
    return (_day_seconds(text[:10]) + seconds) * 1_000_000 + int(text[20:26])


#: A number for each answer; what goes against a recommendation.
ANSWERS = {"approve": 1, "revoke": 2, "reduce": 3, "dont_know": 4}
AGAINST = {"approve": b"r", "revoke": b"k", "reduce": b"k"}


class Work:
    """What somebody decided in a campaign, as far as it is measured. `own` is the number of their identity, known since a time."""

    def __init__(self, own, since, name):
        self.own_identity, self.since, self.name = own, since, name
        self.decisions = self.own = self.manages = self.delegated = self.privileged = 0
        self.approved = self.reasons = self.in_bulk = self.advised = self.against = 0
        self.rules, self.acts, self.at, self.codes = {}, set(), array("q"), bytearray()

    def take(self, campaign, place, cells, sheets):
        """One decision that is no withdrawal."""
        code, bulk, advice = cells[2], cells[10], campaign.recommended[place : place + 1]
        if cells[4] < self.name:
            self.name = cells[4]
        self.rules[cells[6]] = self.rules.get(cells[6], 0) + 1
        self.decisions += 1
        self.own += campaign.holder[place] == self.own_identity and cells[8] >= self.since
        self.manages += campaign.manager[place] == self.own_identity
        self.delegated += cells[13] != ""
        self.privileged += campaign.privileged[place]
        self.approved += code == "approve"
        self.reasons += cells[7] != ""
        if advice in (b"k", b"r"):
            self.advised += 1
            self.against += advice == AGAINST.get(code)
        if bulk:
            self.in_bulk += bulk not in sheets
            if bulk in self.acts:
                return
            self.acts.add(bulk)
        self.at.append(microseconds(cells[8]))
        self.codes.append(ANSWERS.get(code, 0))

    def pace(self):
        """(median of the seconds between two acts, share of those below three, the longest run of one answer)."""
        order = sorted(range(len(self.at)), key=self.at.__getitem__)
        gaps = sorted(
            later - earlier for earlier, later in zip(map(self.at.__getitem__, order), map(self.at.__getitem__, order[1:]))
        )
        gaps = [gap for gap in gaps if gap <= 600_000_000]
        middle = Decimal(gaps[(len(gaps) - 1) // 2] + gaps[len(gaps) // 2]) / 2 if gaps else None
        seconds = str((middle / 1_000_000).quantize(Decimal("0.1"), ROUND_HALF_UP)) if gaps else ""
        longest = max(sum(1 for _ in run) for _, run in groupby(order, key=self.codes.__getitem__))
        return seconds, shares(sum(gap < 3_000_000 for gap in gaps), len(gaps)), str(longest)


class Reviewing:
    """Independence and attention of reviewers, added up again from their decisions."""

    def __init__(self, pack, report, tables, entries, period):
        self.pack, self.report, self.tables, self.period = pack, report, tables, period

    def check(self):
        """Both tables, where what they rest on could be read."""
        needed = {
            "reviews/items.csv",
            "reviews/decisions.csv",
            "reviews/assignments.csv",
            "reviews/advice.csv",
            "reviews/bulk_acts.csv",
        }
        unreadable = self.tables.unreadable
        if not unreadable.intersection(needed | {"reviews/independence.csv"}):
            with self.report.reading("independence", "reviews/independence.csv"):
                self._check_independence()
        if not unreadable.intersection(needed | {"reviews/quality.csv"}):
            with self.report.reading("quality", "reviews/quality.csv"):
                self._check_quality()

    def _compare(self, check, table, number, row, wanted):
        for name, value in wanted.items():
            if plain(name, row[name]) != plain(name, value):
                other = f"{name} is {short(row[name])}, but the rows of this pack add up to {short(value)}"
                self.report.problem(check, f"{table}, row {number}: {other}: the row was changed")

    def _missing(self, check, table, seen):
        for key, campaign in self.tables.campaigns.items():
            for reviewer in sorted(set(campaign.work) - {one for where, one in seen if where == key}):
                lacking = f"{short(reviewer)} decided in {campaign.label} and has no row: a row was dropped or changed"
                self.report.problem(check, f"{table}: {lacking}")

    def _check_independence(self):
        table, own = "reviews/independence.csv", 0
        for (key, reviewer), (number, row) in self.tables.independence.items():
            campaign = self.tables.campaigns.get(key)
            work = campaign.work.get(reviewer) if campaign else None
            if work is None:
                self.report.problem(
                    "independence", f"{table}, row {number}: {short(reviewer)} decided nothing in campaign {short(key)}"
                )
                continue
            excused = (
                campaign.excused.get(reviewer, dict.fromkeys(EXCUSES, 0)) if campaign.is_closed else dict.fromkeys(EXCUSES, "")
            )
            counts = {name: str(getattr(work, name)) for name in words("decisions own manages delegated")}
            told = {
                "granted": str(excused["granter"]),
                "reports_to": str(excused["own_report"]),
                "rules": json.dumps(work.rules),
            }
            self._compare("independence", table, number, row, {"reviewer_name": work.name, **counts, **told})
            own += work.own
            if work.own:
                wrong = f"{short(row['reviewer_name'])} decided {work.own:,} times on access of their own in {campaign.label}"
                self.report.problem("independence", f"{table}, row {number}: {wrong}")
        self._missing("independence", table, set(self.tables.independence))
        self.report.checks["independence"].held = (
            f"{len(self.tables.independence):,} reviewers of campaigns, each with the decisions of reviews/decisions.csv; "
            f"{own:,} decisions on access of their own. Which identity is a reviewer's is as stated"
        )

    def _check_quality(self):
        table, seen = "reviews/quality.csv", set()
        for number, row in self.pack.rows(table):
            campaign = self.tables.campaigns.get(row["campaign"])
            work = campaign.work.get(row["reviewer"]) if campaign else None
            if work is None or (row["campaign"], row["reviewer"]) in seen:
                wrong = f"{short(row['reviewer'])} decided nothing in campaign {short(row['campaign'])}, or stands there twice"
                self.report.problem("quality", f"{table}, row {number}: {wrong}: the row was added or changed")
                continue
            seen.add((row["campaign"], row["reviewer"]))
            self._compare("quality", table, number, row, self._measured(campaign, work, row))
        self._missing("quality", table, seen)
        self.report.checks["quality"].held = (
            f"{len(seen):,} reviewers of campaigns, each with the pace, bulk, reasons and limits that their decisions add up to; what they "
            "had opened before is as stated"
        )

    @staticmethod
    def _measured(campaign, work, row):
        total = work.decisions
        seconds, hasty, streak = work.pace()
        limits = json.loads(campaign.row["terms"]).get("quality") or {}
        values = {
            "decided": str(total), "privileged": str(work.privileged), "median_seconds": seconds, "under_3_seconds": hasty,
            "bulk": shares(work.in_bulk, total), "streak": streak, "privileged_opened": row["privileged_opened"],
            "against_advice": shares(work.against, work.advised),
        }  # fmt: skip
        if bool(work.privileged) != bool(row["privileged_opened"]) or not 0 <= Decimal(row["privileged_opened"] or 0) <= 100:
            values["privileged_opened"] = "a share of the privileged"
        beyond = []
        for name, value in list(values.items())[2:] if limits and total >= limits["min_decisions"] else ():
            limit = limits.get(name)
            if value in ("", "a share of the privileged") or limit is None:
                continue
            too_little = name in ("median_seconds", "privileged_opened")
            if Decimal(value) < limit if too_little else Decimal(value) > limit:
                beyond.append(name)
        told = {
            "approved": shares(work.approved, total),
            "with_reason": shares(work.reasons, total),
            "limits": json.dumps(limits),
        }
        return {"reviewer_name": work.name, **values, **told, "beyond": " ".join(beyond)}


class Leavers:
    """Who left: what the readings of this pack prove of each account, and that the numbers add up."""

    def __init__(self, pack, report, tables, entries, period):
        self.pack, self.report, self.tables, self.entries, self.period = pack, report, tables, entries, period
        self.worst = {}

    def check(self):
        """Each row, then what other tables say of the same accounts, then the balance."""
        table, needed = "lifecycle/leavers.csv", {"population/snapshots.csv", "population/files.csv", "lifecycle/leavers.csv"}
        if needed.intersection(self.tables.unreadable):
            return
        for number, row in self.tables.leavers.values():
            with self.report.reading("leavers", f"{table}, row {number}"):
                self._check_row(f"{table}, row {number}", row)
        self._check_items(table)
        if "lifecycle/balance.csv" not in self.tables.unreadable:
            with self.report.reading("leavers", "lifecycle/balance.csv"):
                self._check_balance("lifecycle/balance.csv")

    def _reading(self, source, number, where):
        found = self.tables.snapshots.get((source, number))
        if found is None:
            raise Problem(
                f"{where}: reading {short(number)} of {short(source)} is not in population/snapshots.csv: the row was changed"
            )
        return found

    @staticmethod
    def _day(reading):
        return (reading["extracted_at"] or reading["loaded_at"])[:10]

    def _check_row(self, where, row):
        people = self._reading(row["people_source"], row["people_snapshot"], where)
        files = self.tables.files.get((row["people_source"], row["people_snapshot"]), ())
        if not self.period["from"] <= people["loaded_at"][:10] <= self.period["to"] or "identities" not in {
            one["kind"] for one in files
        }:
            raise Problem(
                f"{where}: reading {row['people_snapshot']} of {row['people_source']} told of no people in the period"
            )
        left_on = min(row["last_day"] or self._day(people), self._day(people))
        due_on = (date.fromisoformat(left_on) + timedelta(self.entries.leaver_days)).isoformat()
        wanted = {"left_on": left_on, "due_on": due_on, **self._judged(row, due_on, where)}
        self.report.compare("leavers", where, row, wanted, "the readings of this pack make it")
        rank = words("in_time cannot_say late still_there").index(wanted["verdict"])
        known = self.worst.setdefault(row["identity_id"], [rank, 0, (left_on, *(row[name] for name in PERSON))])
        known[0], known[1] = max(known[0], rank), known[1] + bool(row["account_id"])
        if known[2] != (left_on, *(row[name] for name in PERSON)):
            self.report.problem("leavers", f"{where}: the rows of {short(row['identity_id'])} do not say the same of them")

    def _judged(self, row, due_on, where):
        """What the readings prove. Between the one that showed the account last and the first that did not, nobody can say."""
        wanted = {"verdict": "cannot_say", "late_at_least": "", "late_at_most": "", "why": ""}
        if not row["account_id"]:
            if row["source"] or row["present_in"] or row["gone_in"]:
                raise Problem(f"{where}: it names a reading and no account: the row was changed")
            return {**wanted, "verdict": "in_time", "why": "no_account"}
        present = self._day(self._reading(row["source"], row["present_in"], where))
        gone = self._reading(row["source"], row["gone_in"], where) if row["gone_in"] else None
        if gone and (gone["completeness"] != "full" or int(row["present_in"]) >= int(row["gone_in"])):
            raise Problem(
                f"{where}: reading {row['gone_in']} is not a full one after reading {row['present_in']}: the row was changed"
            )
        if gone is None and row["why"] == "handed_over":
            return {**wanted, "why": "handed_over"}
        if gone and self._day(gone) <= due_on:
            return {**wanted, "verdict": "in_time"}
        if present <= due_on:
            return {**wanted, "why": "between_readings" if gone else "not_read_since"}
        wanted["late_at_least"] = self._days(due_on, present)
        return (
            {**wanted, "verdict": "late", "late_at_most": self._days(due_on, self._day(gone))}
            if gone
            else {**wanted, "verdict": "still_there"}
        )

    @staticmethod
    def _days(due_on, day):
        return str((date.fromisoformat(day) - date.fromisoformat(due_on)).days)

    def _check_items(self, table):
        """An account that a review showed after its holder had left is among theirs, and was not gone by then."""
        left_on = {row["identity_id"]: row["left_on"] for _, row in self.tables.leavers.values()}
        for identity, source, account, reading, where in self.tables.of_leavers:
            frozen = self.tables.snapshots.get((source, reading))
            if frozen is None or self._day(frozen) <= left_on[identity]:
                continue
            found = self.tables.leavers.get((identity, source, account))
            if found is None or (found[1]["gone_in"] and int(found[1]["gone_in"]) <= int(reading)):
                shown = f"{where}: reading {reading} of {source} shows the account {short(account)} of {short(identity)}"
                self.report.problem(
                    "leavers", f"{table}: {shown}, who had left, and there is no such row: a row was changed or dropped"
                )

    def _check_balance(self, table):
        ranks = [rank for rank, _, _ in self.worst.values()]
        wanted = {
            "leavers": len(ranks), "in_time": ranks.count(0), "cannot_say": ranks.count(1), "late": ranks.count(2),
            "still_there": ranks.count(3), "without_account": sum(not accounts for _, accounts, _ in self.worst.values()),
            "accounts": sum(accounts for _, accounts, _ in self.worst.values()), "days": self.entries.leaver_days,
        }  # fmt: skip
        rows = list(self.pack.rows(table))
        if len(rows) != 1:
            raise Problem(f"{table} has {len(rows)} rows instead of one: a row was dropped or added")
        for name, value in wanted.items():
            if rows[0][1][name] != str(value):
                other = f"{name} is {short(rows[0][1][name])}, but lifecycle/leavers.csv adds up to {short(value)}"
                self.report.problem("leavers", f"{table}, row 2: {other}: a row was changed, dropped or added")
        parts = sum(int(rows[0][1][name]) for name in words("there left_before leavers"))
        if parts != int(rows[0][1]["known"]):
            self.report.problem(
                "leavers", f"{table}, row 2: {rows[0][1]['known']} people are not there, left before or left in the period"
            )
        told = ", ".join(f"{wanted[name]:,} {text}" for name, text in LEFT.items())
        self.report.checks["leavers"].held = (
            f"{len(ranks):,} left in the period with {wanted['accounts']:,} accounts: {told}. As the readings in this pack prove it; "
            "who left, and with which accounts, is as stated"
        )


#: What every row of a leaver says of them.
PERSON = words("identity_name identity_kind people_source people_snapshot last_day due_on")
#: What became of the access of leavers, in words.
LEFT = {"in_time": "all gone in time", "late": "late", "still_there": "with access still there", "cannot_say": "cannot be said"}


class SignIns:
    """By which means the reviewers had signed in who signed statements, found again from their sign-ins before."""

    #: A session lasts so long; what is said when no sign-in, or not each in that time by the same means, came before.
    SESSION, NOT_KNOWN = 12 * 3600 * 1_000_000, "not known"

    def __init__(self, pack, report, tables, entries, period):
        self.pack, self.report, self.tables, self.entries = pack, report, tables, entries

    def check(self):
        """Each statement has its row, and each row is what the sign-ins come to."""
        table = "reviews/signed_in_by.csv"
        if self.tables.unreadable.intersection({"reviews/submissions.csv", "reviews/sign_ins.csv"}):
            return
        known = 0
        with self.report.reading("sign_ins", table):
            wanted = {row["entry"]: row for _, row in self.pack.rows("reviews/submissions.csv")}
            count = len(wanted)
            for number, row in self.pack.rows(table):
                signed = wanted.pop(row["entry"], None)
                if signed is None:
                    wrong = "reviews/submissions.csv has no such statement, or the row stands there twice"
                    self.report.problem("sign_ins", f"{table}, row {number}: {wrong}: it was added or changed")
                    continue
                told = self._told(signed)
                known += told["means"] != self.NOT_KNOWN
                self.report.compare("sign_ins", f"{table}, row {number}", row, told, "the log comes to")
            for row in wanted.values():
                missing = f"the statement of {short(row['reviewer_name'])} in campaign {row['campaign']} has no row"
                self.report.problem("sign_ins", f"{table}: {missing}: a row was dropped or changed")
            self.report.checks["sign_ins"].held = (
                f"of {count:,} signed statements {known:,} were signed after sign-ins by one means only; of {count - known:,} it is not "
                "known. Sign-ins that are not in this pack cannot be missed here"
            )

    def _told(self, signed):
        at = microseconds(signed["submitted_at"])
        made = self.entries.sign_ins.get(signed["reviewer"], ())
        means = [name for when, name in made if at - self.SESSION < when <= at]
        same = {name: signed[name] for name in words("campaign reviewer reviewer_name submitted_at")}
        return {**same, "sign_ins": str(len(means)), "means": means[0] if len(set(means)) == 1 else self.NOT_KNOWN}


class Roles:
    """Who held which role in the period, replayed from the entries about people."""

    def __init__(self, pack, report, tables, entries, period):
        self.pack, self.report, self.tables, self.entries, self.period = pack, report, tables, entries, period

    def check(self):
        """Each row is a role that the entries gave, and each that they gave has its row."""
        table = "administration/roles.csv"
        wanted = {(row["given_entry"], row["role"]): row for row in self._held()}
        count = len(wanted)
        with self.report.reading("roles", table):
            for number, row in self.pack.rows(table):
                known = wanted.pop((row["given_entry"], row["role"]), None)
                if known is None:
                    wrong = "no entry of the log gave this role in or before the period, or the row stands there twice"
                    self.report.problem("roles", f"{table}, row {number}: {wrong}: it was added or changed")
                    continue
                self.report.compare("roles", f"{table}, row {number}", row, known, "the log recorded")
            for row in wanted.values():
                missing = f"{short(row['name'])} held the role {row['role']} from {row['from']} on, and has no row"
                self.report.problem("roles", f"{table}: {missing}: a row was dropped or changed")
        self.report.checks[
            "roles"
        ].held = f"{count:,} times somebody held a role that can change or read more than reviews, as recorded"

    def _held(self):
        for subject, person in self.entries.people.items():
            for one in person["held"]:
                given, taken = one["given"], one["taken"] or ["", "", ""]
                if given[0][:10] <= self.period["to"] and (not taken[0] or taken[0][:10] >= self.period["from"]):
                    yield {
                        "person": subject, "name": one["name"], "role": one["role"], "changes": ROLES[one["role"]], "from": given[0],
                        "until": taken[0], "given_by": given[1], "taken_by": taken[1], "given_entry": given[2], "taken_entry": taken[2],
                    }  # fmt: skip


# --- what others have seen ----------------------------------------------------------------------------------------------------


class Outside:
    """Checkpoints that were left outside and that witnesses signed: each as its entry says, and what can be checked of it here."""

    def __init__(self, pack, report, seal, entries, witnesses, roots):
        self.pack, self.report, self.seal, self.entries = pack, report, seal, entries
        self.witnesses, self.roots, self.tokens = witnesses, roots, []

    def check(self):
        """Anchors, the timestamps among them, witnesses."""
        with self.report.reading("anchors", "ledger/anchors/anchors.json"):
            self._check_anchors()
        with self.report.reading("timestamps", "ledger/anchors/"):
            self._check_timestamps()
        with self.report.reading("cosignatures", "ledger/checkpoints.txt"):
            self._check_witnesses()

    def _check_anchors(self):
        """Each is as its entry recorded it, and none that an entry of the pack speaks of is missing."""
        file, check, receipts, kinds = "ledger/anchors/anchors.json", self.report.checks["anchors"], {}, {}
        left = dict(self.entries.anchored)
        for place, one in enumerate(parse_json(self.pack.text(file), file), 1):
            self._check_anchor(one, left.pop(one["entry"], None), f"{file}, number {place}")
            kinds[one["channel"]] = kinds.get(one["channel"], 0) + 1
            if receipts.setdefault(one["receipt"] or place, place) != place:
                raise Problem(f"{file}, number {place}: it came back for another checkpoint")
        if left:
            raise Problem(f"{file} lacks what the entry {min(left)} recorded: it was dropped or changed")
        for name in sorted(name for name in self.pack.sizes if name.startswith("ledger/anchors/")):
            if name != file and name not in receipts:
                raise Problem(f"{name} came back for no checkpoint of {file}")
        if not kinds:
            check.unable = "the pack carries none; a checkpoint that you keep does their work"
        told = ", ".join(f"{count:,} by {name}" for name, count in sorted(kinds.items()))
        check.held = (
            f"{sum(kinds.values()):,} as recorded ({told}); they are with others, who can show you what they were given"
        )

    def _check_anchor(self, one, data, where):
        if data is None:
            raise Problem(f"{where}: no entry of this pack says that this was left outside, or another one does as well")
        told = {name: one[name] for name in ("size", "channel", "target", "detail", "at")}
        if told != {name: data[name] for name in told} or set(one) != {*told, "entry", "receipt"}:
            raise Problem(f"{where}: not what the entry {one['entry']} recorded: it was changed")
        note = self.seal.notes.get(int(one["size"]))
        if note is None or Checkpoint(note, where).root.hex() != data["root"]:
            raise Problem(f"{where}: the checkpoint of {one['size']} entries is not the one in this pack")
        if bool(one["receipt"]) != bool(data["receipt_sha256"]):
            raise Problem(f"{where}: what came back for it is missing, or added")
        if one["receipt"]:
            self._check_receipt(one, data, note)

    def _check_receipt(self, one, data, note):
        body = self.pack.small(one["receipt"])
        if sha256(body).hexdigest() != data["receipt_sha256"]:
            raise Problem(f"{one['receipt']} is not what came back for the checkpoint of {one['size']} entries: it was changed")
        if one["channel"] == "timestamp":
            self.tokens.append(
                (one["receipt"], body, sha256(self._as_signed(note).encode()).hexdigest(), one["detail"]["time"])
            )

    def _as_signed(self, note):
        """The note as the log signed it, before witnesses did."""
        text, lines = self._lines(note)
        names = {term.key.name for term in self.seal.terms}
        return f"{text}\n" + "".join(line + "\n" for line in lines if line[2:].partition(" ")[0] in names)

    @staticmethod
    def _lines(note):
        text, _, tail = note.rpartition("\n\n")
        return text + "\n", tail[:-1].split("\n")

    def _check_timestamps(self):
        """RFC 3161, with OpenSSL where it is: each token is over the signed note, and its chain ends in a certificate you trust."""
        check, openssl = self.report.checks["timestamps"], shutil.which("openssl")
        if not self.tokens:
            check.unable = "the pack carries none"
        elif not self.roots:
            check.unable = f"{len(self.tokens):,} tokens; give the authority's root certificates with --tsa FILE"
        elif not openssl or not os.path.exists("/dev/stdin") or not _run([openssl, "version"])[1].startswith("OpenSSL"):
            check.unable = f"{len(self.tokens):,} tokens; this needs the program openssl (OpenSSL) on this machine"
        else:
            times = [self._check_token(openssl, *token) for token in self.tokens]
            check.held = f"{len(times):,} tokens hold under {self.roots}, from {min(times)} to {max(times)}; revocation was not looked at"

    def _check_token(self, openssl, name, body, digest, stated):
        """The time of a token, when it holds at that time."""
        _, text = _run([openssl, "ts", "-reply", "-in", "/dev/stdin", "-text"], body)
        found = re.search(r"^Time stamp: (\w{3}) +(\d+) (\d\d:\d\d:\d\d)(?:\.\d+)? (\d{4}) GMT$", text, re.MULTILINE)
        if not found:
            raise Problem(f"{name} is no timestamp that openssl can read: it was changed or damaged")
        at = calendar.timegm(time.strptime(" ".join(found.groups()), "%b %d %H:%M:%S %Y"))
        if _utc(at).replace(" ", "T") != stated[:19]:
            raise Problem(f"{name} is of {_utc(at)} UTC, but the log recorded {stated}")
        proof = [openssl, "ts", "-verify", "-digest", digest, "-in", "/dev/stdin", "-CAfile", self.roots]
        code, said = _run([*proof, "-attime", str(at)], body)
        if code or "Verification: OK" not in said:
            raise Problem(f"{name} does not hold under {self.roots}: openssl says {short(' '.join(said.split()))}")
        return f"{_utc(at)} UTC"

    def _check_witnesses(self):
        """Each cosignature is the one that was recorded; those of witnesses whose keys you have fit the checkpoint."""
        own, found, file = {(term.key.name, term.key.hash) for term in self.seal.terms}, [], "ledger/checkpoints.txt"
        for size, note in sorted(self.seal.notes.items()):
            text, lines = self._lines(note)
            for line in lines:
                signer, _, encoded = line[2:].partition(" ")
                raw = _base64(encoded, file)
                if (signer, raw[:4]) in own:
                    continue
                data = self.entries.cosigned.pop(sha256((line + "\n").encode()).hexdigest(), None)
                if data is None or (data["size"], data["witness"]) != (str(size), signer):
                    raise Problem(
                        f"{file}: no entry recorded what {short(signer)} signed under the checkpoint of {size:,} entries"
                    )
                found.append((size, signer, raw, text))
        if self.entries.cosigned:
            raise Problem(
                f"{file} lacks the cosignature {min(self.entries.cosigned)}, which the log recorded: it was dropped or changed"
            )
        self._verify_witnesses(found)

    def _verify_witnesses(self, found):
        check, names = self.report.checks["cosignatures"], sorted({signer for _, signer, _, _ in found})
        if not self.witnesses:
            told = (
                f"{len(found):,} by {', '.join(names)}; give their public keys with --witness"
                if found
                else "the pack carries none"
            )
            check.unable = told
            return
        held = []
        for key in self.witnesses:
            mine = [(size, raw, text) for size, signer, raw, text in found if (signer, raw[:4]) == (key.name, key.hash)]
            if not mine or key.kind != WITNESS_KEY:
                check.unable = f"{key.name} cosigned nothing in this pack" if not mine else f"{key.name} signs with ML-DSA-44"
                return
            held.append(f"{len(mine):,} by {key.name}, the last of {self._verify_cosignatures(key, mine)}")
        rest = [name for name in names if name not in {key.name for key in self.witnesses}]
        check.held = "; ".join(held) + (f". Not checked: {', '.join(rest)}" if rest else "")

    @staticmethod
    def _verify_cosignatures(key, mine):
        for size, raw, text in mine:
            stated = int.from_bytes(raw[4:12], "big")
            if not ed25519_verify(key.public, f"cosignature/v1\ntime {stated}\n{text}".encode(), raw[12:]):
                raise Problem(
                    f"ledger/checkpoints.txt: the cosignature of {key.name} does not fit the checkpoint of {size:,} entries"
                )
        return f"{mine[-1][0]:,} entries at {_utc(int.from_bytes(mine[-1][1][4:12], 'big'))} UTC by its own clock"


def _utc(seconds):
    """A time as people read it."""
    return time.strftime("%Y-%m-%d %H:%M:%S", time.gmtime(seconds))


def _run(command, given=b""):
    """(exit status, what it printed) of another program."""
    try:
        done = subprocess.run(  # noqa: S603 - openssl, with arguments of our own
            command, input=given, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=60, check=False
        )
    except (OSError, subprocess.SubprocessError) as error:
        raise Problem(f"{command[0]} could not be run ({error})") from None
    return done.returncode, done.stdout.decode(errors="replace")


# --- the auditor's samples ----------------------------------------------------------------------------------------------------


def drawn_again(seed, wanted, rows):
    """The ids of a sample from (id, stratum) of its population, a stream; `wanted` is stratum → how many are drawn of it.

    In each stratum the rows with the smallest SHA-256 over the seed and the id, both as text.
    """
    kept = {}
    for key, stratum in rows:
        found = kept.setdefault(stratum, [])
        found.append((sha256(f"{seed}{key}".encode()).digest(), key))
        if len(found) > 2 * wanted.get(stratum, 0) + 1000:
            kept[stratum] = sorted(found)[: wanted.get(stratum, 0)]
    return {key for stratum, found in kept.items() for _, key in sorted(found)[: wanted.get(stratum, 0)]}


#: Column by which a population of items is divided → the column of reviews/items.csv.
DIVIDED_BY = {"": None, "system": "source", "campaign": "campaign", "outcome": "outcome", "kind": "identity_kind"}
#: What of the items belongs to a population.
BELONGS = {
    "items": lambda cells: True,
    "privileged": lambda cells: cells[ITEM["privileged"]] == "yes",
    "revocations": lambda cells: cells[ITEM["outcome"]] in ("revoked", "reduced"),
}


class Samples:
    """Each sample has the population that was recorded, is drawn again, and is concluded and signed as the log says."""

    def __init__(self, pack, report, unreadable):
        self.pack, self.report, self.unreadable = pack, report, unreadable
        self.samples, self.rows, self.found, self.signed, self.concluded, self.apart = {}, {}, {}, 0, 0, 0

    def wrong(self, text):
        """Note what does not hold."""
        self.report.problem("samples", text)

    def held(self):
        """What is said when everything held."""
        rows = sum(map(len, self.rows.values()))
        apart = (
            f"; the populations of {self.apart:,} could not be held against items, which are not in this pack"
            if self.apart
            else ""
        )
        return (
            f"{len(self.samples):,} with {rows:,} rows: each drawn again from its population by its seed; {self.concluded:,} rows "
            f"concluded, {self.signed:,} samples signed off, over exactly these conclusions" + apart
        )

    def check(self, campaigns=frozenset()):
        """All of it; populations of items are held against reviews/items.csv where it has all of their campaigns."""
        tables = [f"audit/{name}.csv" for name in words("samples populations sample_rows conclusions sign_offs")]
        if self.unreadable.intersection(tables):
            return
        for _number, row in self.pack.rows("audit/samples.csv"):
            self.samples[row["sample"]] = row
        for number, row in self.pack.rows("audit/sample_rows.csv"):
            if row["sample"] not in self.samples:
                self.wrong(f"audit/sample_rows.csv, row {number}: sample {short(row['sample'])} is not in audit/samples.csv")
            self.rows.setdefault(row["sample"], []).append(row)
        self._count()
        self._draw(campaigns)
        for key, row in self.samples.items():
            self._check_rows(key, row)
        self._check_conclusions()

    def _count(self):
        """Root, size and strata of each population."""
        for number, cells in self.pack.table("audit/populations.csv"):
            if cells[0] not in self.samples:
                self.wrong(f"audit/populations.csv, row {number}: sample {short(cells[0])} is not in audit/samples.csv")
                continue
            tree, strata = self.found.setdefault(cells[0], (Tree(), {}))
            tree.append(row_hash(cells[1:]))
            strata[cells[3]] = strata.get(cells[3], 0) + 1
        for key, row in self.samples.items():
            tree, strata = self.found.get(key, (Tree(), {}))
            if (str(tree.size), tree.root().hex()) != (row["population_count"], row["population_root"]):
                self.wrong(
                    f"audit/populations.csv: the {tree.size:,} rows that sample {key} was drawn from are not the recorded ones: a row was "
                    "changed, dropped, added or moved"
                )
            said = parse_json(row["completeness"], "audit/samples.csv")
            if said[-1]["parts"][0]["count"] != tree.size or any(
                line["count"] != sum(part["count"] for part in line["parts"]) for line in said
            ):
                self.wrong(
                    f"audit/samples.csv: what is said of the completeness of the population of sample {key} does not balance"
                )
            wanted = allocation(strata, int(row["size"])) if strata else {}
            parts = [{"stratum": name, "population": strata[name], "drawn": wanted[name]} for name in sorted(strata)]
            if parse_json(row["strata"], "audit/samples.csv") != parts:
                self.wrong(f"audit/samples.csv: the strata of sample {key} are not those of its population: a row was changed")

    def _draw(self, campaigns):
        """Draw each sample again; hold populations of items against the items."""
        groups = groupby(self.pack.table("audit/populations.csv"), key=lambda found: found[1][0])
        for key, group in groups:
            row = self.samples.get(key)
            if row is None:
                continue
            wanted = {one["stratum"]: one["drawn"] for one in parse_json(row["strata"], "audit/samples.csv")}
            stream = ((cells[2], cells[3]) for _, cells in group)
            if row["population"] in BELONGS and campaigns.issuperset(row["campaigns"].split()):
                stream = self._against_items(row, stream)
            elif row["population"] in BELONGS:
                self.apart += 1
            drawn = drawn_again(row["seed"], wanted, stream)
            if drawn != {one["id"] for one in self.rows.get(key, ())}:
                self.wrong(
                    f"audit/sample_rows.csv: drawn again by its seed, sample {key} has other rows: a row was changed, dropped or added"
                )

    def _against_items(self, row, stream):
        """The same stream; what the population should be is computed from the items of the reviews it was drawn from."""
        expected, differing = self._expected(row), 0
        for key, stratum in stream:
            differing += next(expected, None) != (key, stratum)
            yield key, stratum
        if differing or next(expected, None) is not None:
            self.wrong(
                f"audit/populations.csv: sample {row['sample']} was not drawn from all {row['population']} of its reviews in "
                "reviews/items.csv: rows were left out, added or divided otherwise"
            )

    def _expected(self, row):
        campaigns, column = set(row["campaigns"].split()), DIVIDED_BY[row["strata_by"]]
        for _number, cells in self.pack.table("reviews/items.csv"):
            if cells[0] in campaigns and BELONGS[row["population"]](cells):
                yield f"item/{cells[0]}/{cells[1]}", cells[ITEM[column]] if column else ""

    def _check_rows(self, key, row):
        """The drawn rows are those that were recorded when they were drawn."""
        tree = Tree()
        for one in self.rows.get(key, ()):
            tree.append(row_hash([one["number"], one["id"], one["stratum"], one["label"]]))
        if (str(tree.size), tree.root().hex()) != (row["size"], row["rows_root"]):
            self.wrong(
                f"audit/sample_rows.csv: the rows of sample {key} are not the recorded ones: a row was changed, dropped, added or moved"
            )

    def _check_conclusions(self):
        """The last conclusion of each row counts; a signature covers exactly these, one for every row, and nothing comes after it."""
        last, latest = {}, {}
        for number, row in self.pack.rows("audit/conclusions.csv"):
            ids = {one["number"]: one["id"] for one in self.rows.get(row["sample"], ())}
            if ids.get(row["row"]) != row["id"]:
                self.wrong(
                    f"audit/conclusions.csv, row {number}: row {row['row']} of sample {row['sample']} is not {row['id']}"
                )
            place = (row["sample"], row["row"])
            if place not in last or last[place]["at"] <= row["at"]:
                last[place] = row
            latest[row["sample"]] = max(latest.get(row["sample"], ""), row["at"])
        self.concluded = len(last)
        seen = set()
        for number, row in self.pack.rows("audit/sign_offs.csv"):
            where, key = f"audit/sign_offs.csv, row {number}", row["sample"]
            counted = sorted((one for place, one in last.items() if place[0] == key), key=lambda one: int(one["row"]))
            tree, totals = Tree(), {"no_exception": 0, "exception": 0}
            for one in counted:
                tree.append(row_hash([one[name] for name in words("row id conclusion note entry")]))
                totals[one["conclusion"]] = totals.get(one["conclusion"], 0) + 1
            if tree.root().hex() != row["conclusions_root"] or parse_json(row["totals"], where) != totals:
                self.wrong(
                    f"{where}: it was signed over other conclusions than those of audit/conclusions.csv: a row was changed or dropped"
                )
            if len(counted) != len(self.rows.get(key, ())) or latest.get(key, "") > row["at"] or key in seen:
                self.wrong(
                    f"{where}: sample {key} has rows without a conclusion, or was concluded or signed again after its signature"
                )
            seen.add(key)
        self.signed = len(seen)


# --- a pack of one sample alone -----------------------------------------------------------------------------------------------

SAMPLE_FORMAT = "certify-sample-pack/3"
PROOF_HEADER = "c2sp.org/tlog-proof@v1"
SAMPLE_TABLES = (
    "audit/conclusions.csv", "audit/populations.csv", "audit/sample_rows.csv", "audit/samples.csv", "audit/sign_offs.csv",
    "ledger/people.csv", "reviews/items.csv", "trail.csv",
)  # fmt: skip
SAMPLE_FILES = {
    *SAMPLE_TABLES, "README.md", "verify.py", "ledger/checkpoint.txt", "ledger/entries.jsonl", "ledger/keys.json", "ledger/trees.json",
}  # fmt: skip
SAMPLE_TITLES = {
    "files": "Files", "keys": "Keys of the log", "signature": "Manifest", "checkpoints": "Checkpoint", "kept": "Your own checkpoint",
    "entries": "Log entries", "people": "Names of people", "samples": "The sample", "items": "The drawn items", "trail": "Trails",
}  # fmt: skip


def read_proof(text, where):
    """(index, path, checkpoint) of a tlog-proof file."""
    head, _, note = text.partition("\n\n")
    lines = head.split("\n")
    if lines[0] != PROOF_HEADER:
        raise Problem(f"{where} is not a {PROOF_HEADER}")
    lines = lines[2:] if lines[1].startswith("extra ") else lines[1:]
    if not re.fullmatch(r"index (0|[1-9][0-9]{0,17})", lines[0]):
        raise Problem(f"{where}: it does not say which entry it is of")
    return int(lines[0][6:]), [_base64(line, where) for line in lines[1:]], note


def about_item(entry, cells):
    """Whether an entry belongs to the trail of an item: its reading, its review's launch, close and seal, its decisions and its removal."""
    kind, data = entry["kind"], entry["data"]
    if kind == "snapshot:loaded":
        return (data["source"], data["snapshot"]) == (cells[2], cells[3])
    if entry["subject"] == f"campaigns.campaign:{cells[0]}":
        decided = kind == MANY and any(row["item"] == cells[1] for row in data["rows"])
        return decided or kind in (LAUNCHED, CLOSED, "campaign:sealed")
    if entry["uid"] == cells[ITEM["sign_off_entry"]] or entry["subject"] == f"campaigns.reviewitem:{cells[0]}/{cells[1]}":
        return True
    return kind.startswith(("removal:", "exception:")) and (data.get("campaign"), data.get("item")) == (cells[0], cells[1])


class SampleSeal(Seal):
    """Files, manifest and checkpoint of a pack of one sample."""

    always = SAMPLE_FILES

    def check(self):
        """In the order of the report."""
        with self.report.reading("files", "manifest.json"):
            self.manifest = parse_json(self.pack.text("manifest.json"), "manifest.json")
            self._check_sizes()
        with self.report.reading("signature", "manifest.sig"):
            self.key = Key(self.manifest["log"]["key"], "manifest.json: the key of the log")
            with self.report.reading("keys", "ledger/keys.json"):
                self._read_keys()
            self._check_signature(SAMPLE_FORMAT)
        with self.report.reading("checkpoints", "ledger/checkpoint.txt"):
            self._check_checkpoint()
        with self.report.reading("kept", "your checkpoint"):
            self._compare_kept()

    def _check_checkpoint(self):
        if self.key is None:
            raise Problem("no key is known, so no signature can be checked")
        self.sealing = self._open(self.pack.text("ledger/checkpoint.txt"), "ledger/checkpoint.txt")
        stated = self.manifest["checkpoint"]
        if (self.sealing.size, self.sealing.root.hex()) != (stated["size"], stated["root"]):
            raise Problem("ledger/checkpoint.txt is not the checkpoint that manifest.json names")
        self.report.checks["checkpoints"].held = f"signed by {self.sealing.origin}, of {self.sealing.size:,} entries"

    def _compare_kept(self):
        check = self.report.checks["kept"]
        check.held = "the same as that of this pack"
        if not self.kept_note:
            check.unable = "give that of the period's whole pack with --checkpoint: it shows that both are of one log"
            return
        kept = self._open(self.kept_note, "your checkpoint")
        if self.sealing and kept.size != self.sealing.size:
            check.unable = (
                f"it is of {kept.size:,} entries, this pack of {self.sealing.size:,}: only equal sizes can be compared here"
            )
        elif self.sealing and kept.root != self.sealing.root:
            raise Problem("your checkpoint has another root at the same size: you were shown another log than others")


class SampleVerifier:
    """All checks over a pack of one sample."""

    def __init__(self, pack, kept="", key=""):
        self.pack, self.report, self.entries, self.items = pack, Report(SAMPLE_TITLES), {}, {}
        self.seal = SampleSeal(pack, self.report, kept, key)
        self.samples = Samples(pack, self.report, self.seal.unreadable)

    def run(self):
        """Returns the checks in the order of the report."""
        self.seal.check()
        with self.report.reading("people", "ledger/people.csv"):
            PEOPLE.read(self.pack, self.report)
        with self.report.reading("entries", "ledger/entries.jsonl"):
            self._check_entries()
        PEOPLE.check(self.report)
        with self.report.reading("samples", "audit/"):
            self._check_tables()
            self.samples.check()
        self.report.checks["samples"].held = self.samples.held()
        with self.report.reading("items", "reviews/items.csv or ledger/trees.json"):
            self._check_items()
        with self.report.reading("trail", "trail.csv"):
            self._check_trail()
        with self.report.reading("files", "manifest.json"):
            self.seal.check_hashes()
        return list(self.report.checks.values())

    def _check_entries(self):
        """Each entry has a proof that leads to the signed root; each proof is of an entry."""
        note, proofs = self.pack.text("ledger/checkpoint.txt"), {name for name in self.pack.sizes if name.startswith("proofs/")}
        for number, line in enumerate(self.pack.lines("ledger/entries.jsonl"), 1):
            where, text = f"ledger/entries.jsonl, line {number}", line.decode()
            entry = parse_json(text, where)
            PEOPLE.take(entry, text)
            name = f"proofs/{entry['uid']}.tlog-proof"
            proofs.discard(name)
            with self.report.reading("entries", name):
                index, path, shown = read_proof(self.pack.text(name), name)
                if shown != note:
                    raise Problem(f"{name}: it is against another checkpoint than ledger/checkpoint.txt")
                hashed = leaf_hash(line.rstrip(b"\n"))
                if not self.seal.sealing or not verify_inclusion(
                    index, self.seal.sealing.size, hashed, path, self.seal.sealing.root
                ):
                    raise Problem(
                        f"{name}: it does not lead from {where} to the signed root: the entry or the proof was changed"
                    )
                if entry["uid"] in self.entries:
                    raise Problem(f"{where}: the entry stands there twice")
                self.entries[entry["uid"]] = entry
        for name in sorted(proofs):
            self.report.problem(
                "entries", f"{name}: there is no such entry in ledger/entries.jsonl: it was dropped, or the proof added"
            )
        self.report.checks["entries"].held = f"{len(self.entries):,} are in the log word for word, each by a proof of its own"

    def _check_tables(self):
        """Rows about the sample equal their entries, and each such entry has its row."""
        left = {
            uid: entry for uid, entry in self.entries.items() if entry["kind"] in SHOWN and entry["kind"].startswith("sample:")
        }
        for table in ("audit/samples.csv", "audit/conclusions.csv", "audit/sign_offs.csv"):
            for number, row in self.pack.rows(table):
                entry, where = left.pop(row["entry"], None), f"{table}, row {number}"
                if entry is None or SHOWN[entry["kind"]][0] != table:
                    self.samples.wrong(f"{where}: its entry is not in the log of this pack: the row was added or changed")
                    continue
                for name, path in SHOWN[entry["kind"]][1].items():
                    if plain(name, row[name]) != value_at(entry, path):
                        other = f"{name} is {short(row[name])}, but the log recorded {short(value_at(entry, path))}"
                        self.samples.wrong(f"{where}: {other}: the row was changed")
        for uid in left:
            self.samples.wrong(f"ledger/entries.jsonl: the entry {uid} has no row in audit/: a row was dropped or changed")

    def _check_items(self):
        """Each drawn item is in the population, and its outcome among the outcomes, that its review recorded."""
        trees = parse_json(self.pack.text("ledger/trees.json"), "ledger/trees.json")
        wanted = {one["id"] for rows in self.samples.rows.values() for one in rows if one["id"].startswith("item/")}
        found = set()
        for number, cells in self.pack.table("reviews/items.csv"):
            where, key = f"reviews/items.csv, row {number}", f"item/{cells[0]}/{cells[1]}"
            if key not in wanted or key in found:
                self.report.problem("items", f"{where}: {key} was not drawn, or stands there twice: a row was added")
            found.add(key)
            self.items[key] = cells
            with self.report.reading("items", where):
                self._check_item(where, cells, trees[cells[0]])
        for key in sorted(wanted - found):
            self.report.problem("items", f"reviews/items.csv: {key} was drawn and has no row: a row was dropped or changed")
        paths = {f"item/{campaign}/{number}" for campaign, tree in trees.items() for number in tree["population"]}
        if paths != wanted:
            self.report.problem("items", "ledger/trees.json has paths of other items than were drawn: it was changed")
        self.report.checks[
            "items"
        ].held = f"{len(found):,} as they were frozen at launch, with the outcomes recorded at the close"

    def _check_item(self, where, cells, tree):
        launch = self._entry_of(LAUNCHED, cells[0])
        covered = cells[:FROZEN]
        seal_names(covered, cells, launch["data"]["terms"].get(HOLDERS) == COMMITTED, where)
        leaf = row_hash(covered)
        self._check_path(
            where,
            cells[1],
            leaf,
            tree["population"],
            launch["data"]["items"],
            launch["data"]["population_root"],
            "frozen at launch",
        )
        close = self._entry_of(CLOSED, cells[0])
        leaf = row_hash([*cells[:2], *cells[FROZEN:RESULT]])
        self._check_path(
            where,
            cells[1],
            leaf,
            tree["outcomes"],
            launch["data"]["items"],
            close["data"]["outcome_root"],
            "recorded at the close",
        )
        made = self.entries.get(cells[ITEM["decision_entry"]])
        shown = [cells[ITEM[name]] for name in words("decision decided_by decided_at decided_by_name rationale")]
        data = (
            next((one["data"] for one in each_decision(made) if one["data"]["item"] == cells[1]), made["data"]) if made else {}
        )
        told = (
            [
                data["decision"],
                data["reviewer"]["id"],
                data["decided_at"],
                PEOPLE.part(data["reviewer"], "name"),
                data["rationale"],
            ]
            if made
            else [""] * 5
        )
        if shown != told:
            raise Problem(f"{where}: the decision, its person, time or reason are not those of its entry: the row was changed")

    def _entry_of(self, kind, campaign):
        for entry in self.entries.values():
            if entry["kind"] == kind and entry["data"]["campaign"] == campaign:
                return entry
        raise Problem(f"campaign {campaign}: its {kind} is not among the entries of this pack")

    @staticmethod
    def _check_path(where, item, leaf, paths, size, root, what):
        path = [bytes.fromhex(node) for node in paths[item]]
        if not verify_inclusion(int(item) - 1, size, leaf, path, bytes.fromhex(root)):
            raise Problem(
                f"{where}: this is not what was {what}, or its path in ledger/trees.json is another: the row was changed"
            )

    def _check_trail(self):
        """Each line of a trail is an entry of this pack, as it was recorded."""
        ids, seen = {(one["number"], one["id"]) for rows in self.samples.rows.values() for one in rows}, set()
        for number, row in self.pack.rows("trail.csv"):
            entry, where = self.entries.get(row["entry"]), f"trail.csv, row {number}"
            if entry is None or (row["row"], row["id"]) not in ids or (row["row"], row["entry"]) in seen:
                self.report.problem(
                    "trail", f"{where}: its entry or its row is not in this pack, or it stands there twice: the row was added"
                )
                continue
            seen.add((row["row"], row["entry"]))
            told = {
                "kind": entry["kind"],
                "subject": entry["subject"],
                "by": PEOPLE.part(entry["actor"], "name"),
                "at": entry["at"],
            }
            for name, value in told.items():
                if row[name] != value:
                    self.report.problem(
                        "trail",
                        f"{where}: {name} is {short(row[name])}, but the log recorded {short(value)}: the row was changed",
                    )
        for number, key in sorted(ids):
            for uid, entry in self.entries.items():
                if key in self.items and about_item(entry, self.items[key]) and (number, uid) not in seen:
                    self.report.problem("trail", f"trail.csv: row {number} ({key}) lacks its entry {uid}: a row was dropped")
        shown = {uid for _, uid in seen}
        shown |= {uid for uid, entry in self.entries.items() if entry["kind"].startswith("sample:") or entry["kind"] == ERASED}
        for uid in sorted(set(self.entries) - shown):
            self.report.problem("trail", f"trail.csv: the entry {uid} belongs to no row: a row was dropped or changed")
        self.report.checks["trail"].held = f"{len(seen):,} steps, each as the log recorded it"


def is_sample_pack(pack):
    """Whether it says of itself that it is a pack of one sample."""
    try:
        return parse_json(pack.text("manifest.json"), "manifest.json")["format"] == SAMPLE_FORMAT
    except (Problem, LookupError, TypeError, OSError, EOFError, NotImplementedError, zipfile.BadZipFile, zlib.error):
        return False


def run_sample(pack, kept, key):
    """Check a pack of one sample, print, and return the exit status."""
    verifier = SampleVerifier(pack, kept, key)
    checks, seal = verifier.run(), verifier.seal
    if seal.sealing:
        say(f"Pack of one sample. Log {seal.sealing.origin}, {seal.sealing.size:,} entries, root {seal.sealing.root.hex()}")
    print()
    for check in checks:
        for line in check.lines():
            say(line)
    failed = [check.title for check in checks if check.problems]
    if failed:
        print()
        say(f"Verdict: this pack does NOT hold ({', '.join(failed)}). Do not rely on it; ask how each line above came about.")
        return 1
    text = (
        "everything that could be checked holds: the sample is the one that was drawn, and each row is as the log recorded it."
    )
    if losses := [term for term in seal.terms if term.is_lost]:
        text += f" But {seal.loss(losses[-1])}."
    if not seal.trusted:
        text += f" It is signed with the key {seal.key.text}: compare this with the key that reached you on another way."
    print()
    say(f"Verdict: {text}")
    asked = {"kept": kept, "keys": key}
    return 2 if any(given and verifier.report.checks[name].unable for name, given in asked.items()) else 0


# --- the report ---------------------------------------------------------------------------------------------------------------

STATES = {
    "verified_gone": "proved gone by a later full reading", "reported_not_proved": "reported done but not proved",
    "still_there": "still there", "excepted": "excepted", "returned": "came back", "sent": "handed on",
    "closed_on_proof": "closed on proof, never verified", "kept_after_objection": "kept after an objection",
    "announced": "announced to the person", "withdrawn": "withdrawn",
    "open": "open", "not_opened": "without a task yet",
}  # fmt: skip


class Verifier:
    """All checks over one pack. `kept` is the text of the checker's own checkpoint, `key` the key they trust."""

    def __init__(self, pack, kept="", key="", witnesses=(), roots=""):
        self.report = Report()
        self.seal = Seal(pack, self.report, kept, key)
        self.tables = Tables(pack, self.report, self.seal.unreadable)
        self.entries = Entries(pack, self.report, self.seal, self.tables)
        self.sums = Sums(pack, self.report, self.seal, self.tables, self.entries)
        self.outside = Outside(pack, self.report, self.seal, self.entries, witnesses, roots)

    def run(self):
        """Returns the checks in the order of the report."""
        self.seal.check()
        with self.report.reading("people", "ledger/people.csv"):
            PEOPLE.read(self.tables.pack, self.report)
        self.tables.read()
        self.entries.check()
        PEOPLE.check(self.report)
        self.sums.period = self.seal.manifest.get("period", self.sums.period)
        self.sums.check()
        self.outside.check()
        self.seal.check_hashes()
        self._describe()
        return list(self.report.checks.values())

    def _describe(self):
        """The words of the checks that held."""
        tables, campaigns = self.tables, list(self.tables.campaigns.values())
        closed = sum(one.is_closed for one in campaigns)
        removals = ", ".join(f"{tables.states.get(state, 0):,} {text}" for state, text in STATES.items())
        held = {
            "campaigns": f"{len(campaigns):,} open in the period, {closed:,} of them closed: each as its launch and its end recorded it",
            "items": f"{sum(one.items.size for one in campaigns):,} items are exactly those that were frozen at launch",
            "exclusions": f"{sum(one.exclusions.size for one in campaigns):,} grants left out, each by the rule recorded at launch",
            "advice": f"{sum(one.advice.size for one in campaigns):,} items with what was recommended and why, each as it was frozen at "
            "launch; every decision otherwise has a reason",
            "conflicts": f"{sum(one.conflicts.size for one in campaigns):,} of items with other access of the same person, each as "
            "it was frozen at launch",
            "contexts": f"{sum(one.contexts.size for one in campaigns):,} items with who described the right and how old the credential "
            "was, each as it was frozen at launch",
            "outcomes": f"each item of {closed:,} closed campaigns has the outcome that the submitted answers of all who were "
            "asked come to by the campaign's rule; silence approves nothing",
            "decisions": f"{sum(one.decisions for one in campaigns):,}, withdrawn and superseded ones too, are in the log word for word: "
            "on what was shown, by the person it was assigned to, none after the end",
            "submissions": f"{sum(len(one.sign_offs) for one in campaigns):,} signed statements cover exactly the decisions that counted",
            "bulk": f"{len(tables.acts):,}, each with exactly the items that were recorded",
            "reviewers": f"{len(tables.reviewers):,}, each with the items and decisions that the rows add up to",
            "snapshots": f"{len(tables.snapshots):,} as recorded when they were loaded; rows read = loaded + rejected in every file",
            "removals": f"each item to be removed or reduced has one: {removals}",
            "exceptions": f"{len(self.entries.exceptions):,}, each decided by somebody who did not ask for it, before its last day",
            "second_looks": f"in {sum(bool(one.looks) for one in campaigns):,} campaigns a second person was asked, about exactly the "
            "sample that was drawn",
            "seals": f"{self.sums.sealed:,} campaigns are sealed: closed, every finding about their reviewers judged, no removal past its "
            "deadline",
            "administration": "as recorded",
        }
        for name, text in held.items():
            self.report.checks[name].held = text


def verdict(verifier, status):
    """The last sentences: what can be relied on, and what cannot."""
    checks = verifier.report.checks.values()
    if status == 1:
        names = ", ".join(check.title for check in checks if check.problems)
        return f"this pack does NOT hold ({names}). Do not rely on it; ask how each line above came about."
    text = "everything that could be checked holds. What the tables of this pack show is what the log recorded, complete and unchanged."
    if status == 2:
        what = "your checkpoint could not be compared with this pack"
        if verifier.outside.roots and verifier.report.checks["timestamps"].unable:
            what = "the timestamps could not be checked"
        if verifier.outside.witnesses and verifier.report.checks["cosignatures"].unable:
            what = "the witnesses you named could not be checked"
        if verifier.seal.trusted and verifier.report.checks["keys"].unable:
            what = "the key you gave does not lead to the one that signed this pack"
        text = f"{what}, so what you asked for is open. Besides, {text}"
    if losses := [term for term in verifier.seal.terms if term.is_lost]:
        text += f" But {verifier.seal.loss(losses[-1])}."
    if not verifier.seal.trusted:
        text += (
            f" It is signed with the key {verifier.seal.key.text}: compare this with the key that reached you on another way."
        )
    return f"{text} Not checked: {', '.join(check.title.lower() for check in checks if check.unable)}."


def run(path, kept, key, witnesses=(), roots=""):
    """Check, print, and return the exit status."""
    pack = Pack(path)
    if is_sample_pack(pack):
        return run_sample(pack, kept, key)
    verifier = Verifier(pack, kept, key, witnesses, roots)
    checks = verifier.run()
    period, log = verifier.seal.manifest.get("period"), verifier.seal.sealing
    if period:
        say(f"Evidence pack {short(period['name'])}, {period['framework_name']}, {period['from']} to {period['to']}")
    if log:
        say(f"Log {log.origin}, sealed at {log.size:,} entries, root {log.root.hex()}")
    print()
    for check in checks:
        for line in check.lines():
            say(line)
    failed = any(check.problems for check in checks)
    asked = {"kept": kept, "keys": key, "timestamps": roots, "cosignatures": witnesses}
    status = 1 if failed else 2 if any(verifier.report.checks[name].unable for name, given in asked.items() if given) else 0
    print()
    say(f"Verdict: {verdict(verifier, status)}")
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
        help="a verifier key of the log (name+hash+key), or a file with it, that reached you on another way; an older one will do",
    )
    parser.add_argument(
        "--witness",
        action="append",
        default=[],
        metavar="KEY",
        help="the verifier key of a witness, or a file with it; may be repeated",
    )
    parser.add_argument(
        "--tsa", metavar="FILE", default="", help="root certificates (PEM) of the timestamping authority you trust"
    )
    options = parser.parse_args(arguments)
    csv.field_size_limit(FIELD_LIMIT)
    if hasattr(sys.stdout, "reconfigure"):
        sys.stdout.reconfigure(encoding="utf-8", errors="backslashreplace")
    try:
        kept = text_of(options.checkpoint) if options.checkpoint else ""
        key, *witnesses = (
            text_of(given) if given and os.path.isfile(given) else given or "" for given in (options.key, *options.witness)
        )
        if options.tsa:
            text_of(options.tsa)
        named = [Key(text, "the witness's key you gave", (WITNESS_KEY, OTHER_WITNESS_KEY)) for text in witnesses]
        return run(options.pack, kept, Key(key, "the key you gave").text if key else "", named, options.tsa)
    except (Problem, CannotRun, OSError, UnicodeDecodeError) as error:
        say(f"The pack could not be checked: {error}")
        return 2


if __name__ == "__main__":
    # Nothing here refers to itself; to look for what does takes longer the more rows there are.
    gc.disable()
    sys.exit(main())
