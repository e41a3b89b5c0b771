"""A pack of 200,000 decisions (or `BENCH_PACK_ITEMS`): how long it takes to build and to verify, and in how much memory.

Every decision has an entry of its own, as those that are made one by one: that is the larger pack. `BENCH_PACK_ACTS=1` decides in acts.
"""

import os
import tempfile
import time
import zlib
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from datetime import timedelta
from pathlib import Path
from uuid import uuid4

from django.db import connection

from bench.load import ROOT, figure, watched
from campaigns.actions import closing, definitions, items, launching, reviews
from campaigns.models import Assignment, Campaign
from campaigns.rules import statement
from certify.lib import clock
from evidence.actions import periods
from evidence.models import AuditPeriod
from inventory.actions import snapshots, sources
from inventory.models import Source
from inventory.readers.rows import FileToRead
from ledger.actions import entries, sequencing
from ledger.actors import SYSTEM
from people.actions import users

ITEMS, PEOPLE, AT_ONCE = int(os.environ.get("BENCH_PACK_ITEMS", "200000")), 50_000, 10_000
IN_ACTS = os.environ.get("BENCH_PACK_ACTS") == "1"
VERIFIER = ROOT / "evidence/verifier/verify.py"
BUILD = """
import django; django.setup()
from pathlib import Path
from django.db import transaction
from evidence.models import AuditPeriod
from evidence.pack import builder, scope
from ledger.queries import latest_checkpoint
with transaction.atomic():
    builder.build(scope.of(AuditPeriod.objects.get(pk={period}), latest_checkpoint()), Path({pack!r}))
"""
VERIFY = """
import runpy, sys
sys.argv = ["verify.py", {pack!r}]
try:
    runpy.run_path({verifier!r}, run_name="__main__")
except SystemExit as ended:
    assert not ended.code, ended.code
"""
#: What any verifier must do: hash every byte, and grow one Merkle tree over every row, every entry and every leaf of the log.
HASH = """
import hashlib, runpy, zipfile
verify = runpy.run_path({verifier!r})
tree, leaf_hash = verify["Tree"](), verify["leaf_hash"]
with zipfile.ZipFile({pack!r}) as archive:
    for name in archive.namelist():
        with archive.open(name) as stream:
            hashlib.file_digest(stream, "sha256")
        if name.endswith((".csv", ".jsonl")):
            with archive.open(name) as stream:
                for line in stream:
                    tree.append(leaf_hash(line))
    with archive.open("ledger/leaves.bin") as stream:
        for leaf in iter(lambda: stream.read(32), b""):
            tree.append(leaf)
tree.root()
"""


class Deflate:
    """Takes what COPY yields and deflates it, as the pack's ZIP does."""

    def __init__(self):
        self.packer = zlib.compressobj(6)

    def write(self, data: bytes) -> None:
        """One piece."""
        self.packer.compress(data)


def load(folder: Path) -> Source:
    """A source with a grant for each item to come."""
    people, grants = folder / "identities.csv", folder / "grants.csv"
    people.write_text("identity_id,name,kind,status\n" + "".join(f"q{n},Person {n},employee,active\n" for n in range(PEOPLE)))
    with grants.open("w") as target:
        target.write("source,account_id,account_name,identity_id,entitlement_id,last_used_at\n")
        for n in range(ITEMS):
            person = n % PEOPLE
            target.write(f"packs,user{person},User {person},q{person},right{n // PEOPLE},2026-01-02\n")
    files = [FileToRead(path.stem, path, path.name) for path in (people, grants)]
    source = sources.create(key="packs", name="Packs", by=SYSTEM)
    snapshots.load(source_id=source.pk, files=files, origin=snapshots.Origin("Made for the bench", "full"), by=SYSTEM)
    return source


@contextmanager
def one_by_one() -> Iterator[None]:
    """Inside, each decision of an act gets the entry that it has when it is made by itself: a million requests would take a day."""
    portions, record_many = items.portions, entries.record_many

    def record_each(*, kind: str, rows: list[tuple[str, dict]], **others) -> list:
        if kind == "decisions:made":
            kind, told = "decision:made", [data | data["rows"][0] for _, data in rows]
            rows = [(f"campaigns.reviewitem:{one['campaign']}/{one['item']}", one) for one in told]
            for one in told:
                del one["rows"]
        return record_many(kind=kind, rows=rows, **others)

    items.portions, entries.record_many = lambda sizes, shared=0: [uuid4() for _ in sizes], record_each
    try:
        yield
    finally:
        items.portions, entries.record_many = portions, record_many


def review(source: Source) -> tuple[Campaign, AuditPeriod]:
    """A closed campaign whose every item was decided and submitted, and the period it lies in."""
    admin = users.create(username="pack-admin", name="Admin", roles=["administrator"], by=SYSTEM)
    owner = users.create(username="pack-owner", name="Owner", roles=["control_owner"], by=admin)
    person = users.create(username="pack-reviewer", name="Reviewer", roles=["reviewer"], by=admin)
    terms = {"sources": [source.pk], "fallback_reviewer": person, "owner": owner, "controls": ["soc2:CC6.3"]}
    definition = definitions.create(terms=definitions.Terms(name="Packs", **terms), by=owner)
    campaign = launching.request(definition_id=definition.pk, name="Packs", by=owner)
    campaign = launching.launch(campaign_id=campaign.pk, by=owner)
    rows = list(Assignment.objects.filter(campaign=campaign).order_by("item_number").values_list("pk", flat=True))
    for start in range(1, ITEMS + 1, AT_ONCE):
        selection = items.Selection(rows[start - 1 : start - 1 + AT_ONCE])
        reason = f"Needed for the monthly closing, batch {start}"
        with nullcontext() if IN_ACTS else one_by_one():
            items.decide_bulk(campaign_id=campaign.pk, selection=selection, code="approve", rationale=reason, by=person)
    reviews.submit(campaign_id=campaign.pk, statement=statement(ITEMS, campaign.name), by=person)
    closing.close(campaign_id=campaign.pk, by=owner)
    today = clock.now().date()
    details = periods.Details("Packs", "soc2", today, today + timedelta(days=1), today + timedelta(days=2))
    return campaign, periods.create(details=details, by=owner)


def bare(campaign: Campaign) -> float:
    """Seconds of COPY TO of the same rows, entries and leaves, deflated at the same level."""
    queries = (
        f"SELECT * FROM campaigns_reviewitem WHERE campaign_id = {campaign.pk}",
        f"SELECT * FROM campaigns_assignment WHERE campaign_id = {campaign.pk}",
        f"SELECT * FROM campaigns_decision WHERE campaign_id = {campaign.pk}",
        f"SELECT * FROM campaigns_signeddecision WHERE campaign_id = {campaign.pk}",
        "SELECT payload FROM ledger_entry WHERE kind IN ('decision:made', 'decisions:made')",
        "SELECT hash FROM ledger_leaf ORDER BY index",
    )
    begun = time.monotonic()
    with connection.cursor() as cursor:
        for query in queries:
            cursor.copy_expert(f"COPY ({query}) TO STDOUT WITH (FORMAT csv)", Deflate())
    return time.monotonic() - begun


def run() -> list[dict]:
    """The figures of packs."""
    with tempfile.TemporaryDirectory() as name:
        pack = Path(name) / "pack.zip"
        campaign, period = review(load(Path(name)))
        sequencing.sequence(by=SYSTEM)
        with connection.cursor() as cursor:
            cursor.execute("ANALYZE")
        copied = bare(campaign)
        built, build_memory = watched(BUILD.format(period=period.pk, pack=str(pack)))
        hashed, _ = watched(HASH.format(verifier=str(VERIFIER), pack=str(pack)), "-I")
        verified, verify_memory = watched(VERIFY.format(verifier=str(VERIFIER), pack=str(pack)), "-I")
        size = f"{ITEMS:,} decisions{' of acts' if IN_ACTS else ''} in {pack.stat().st_size / 2**20:.0f} MB"
    baseline = f"COPY TO and deflate of the same rows, entries and leaves: {copied:.1f} s"
    return [
        figure("pack: build", built / copied, "times", 3, baseline, f"{size}; the process took {built:.1f} s"),
        figure("pack: memory of the build", build_memory, "MB", 300, size, "peak of the whole process"),
        figure("pack: verify", verified, "s", 60, size, "verify.py over the pack, every check"),
        figure(
            "pack: verify against hashing",
            verified / hashed,
            "times",
            3,
            f"SHA-256 of every byte and one Merkle tree over all rows, entries and leaves: {hashed:.1f} s",
            size,
        ),
        figure("pack: memory of verify.py", verify_memory, "MB", 300, size, "peak of the whole process"),
    ]
