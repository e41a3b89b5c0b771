"""The whole path on real access data: load, review, close, prove, verify, twice.

    pytest tests/test_real_path.py

Sets are the folders of `../shared/data/three_files`. For amazon the decisions that were really made are played back by each manager;
for the others a fallback owner keeps all but every fiftieth right. The second load takes away what was revoked, so that every
removal is proved. Prints what it counted and fails when a count is not the one of `counts.json`.
"""

import csv
import json
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path

from django.db import connection

from campaigns import tasks as campaign_tasks
from campaigns.actions import closing, definitions, items, launching, reviews
from campaigns.models import Assignment, Campaign, ReviewItem
from campaigns.rules import statement
from evidence.actions import packs, periods
from inventory.actions import snapshots, sources
from inventory.models import Entitlement, Identity, Source
from inventory.readers.rows import FileToRead
from ledger.actions import sequencing
from ledger.actors import SYSTEM
from people.actions import users
from people.models import User
from remediation import tasks
from remediation.models import RemediationTask

DATA = Path(__file__).parents[2] / "shared/data/three_files"
VERIFIER = Path(__file__).parents[1] / "evidence/verifier/verify.py"
SETS = ("customer", "amazon", "emea", "domino")
KEEP_ALL_BUT = 50


@dataclass
class Played:
    """What was counted on the way."""

    name: str
    counts: dict[str, int] = field(default_factory=dict)
    verifier: str = ""


def source_key(name: str) -> str:
    """What the files of a set call their source."""
    with (DATA / name / "grants.csv").open() as stream:
        return next(csv.DictReader(stream))["source"]


def load(source: Source, name: str, grants: Path, by: User) -> snapshots.Snapshot:
    """A FULL load of a set with these grants."""
    files = [FileToRead(kind, DATA / name / f"{kind}.csv", f"{kind}.csv") for kind in ("identities", "entitlements")]
    files.append(FileToRead("grants", grants, grants.name))
    origin = snapshots.Origin(f"The published set “{name}”, all rows", "full")
    loaded = snapshots.load(source_id=source.pk, files=files, origin=origin, by=by)
    analyze()
    return loaded


def analyze() -> None:
    """As the tasks do after a load, and autovacuum later: it sees nothing of a test that commits nothing.

    Of our tables only: to analyse what all databases share would make the tests beside this one wait until it ends.
    """
    with connection.cursor() as cursor:
        cursor.execute("SELECT string_agg(quote_ident(tablename), ', ') FROM pg_tables WHERE schemaname = current_schema()")
        cursor.execute(f"ANALYZE {cursor.fetchone()[0]}")


def wanted(name: str, campaign: Campaign) -> Iterator[tuple[int, int, str]]:
    """(reviewer id, assignment id, decision) of every item."""
    real = {}
    if (DATA / name / "decisions.csv").exists():
        with (DATA / name / "decisions.csv").open() as stream:
            real = {(row["identity_id"], row["entitlement_id"]): row["decision"] for row in csv.DictReader(stream)}
    rows = Assignment.objects.filter(campaign=campaign).order_by("reviewer_id", "item_number")
    for reviewer, row, number, identity, right in rows.values_list(
        "reviewer_id", "pk", "item_number", "item__identity_key", "item__entitlement_key"
    ):
        invented = "revoke" if number % KEEP_ALL_BUT == 0 else "approve"
        yield reviewer, row, real[identity, right] if real else invented


def play_decisions(name: str, campaign: Campaign) -> None:
    """Every reviewer decides their items in two acts and signs."""
    mine: dict[int, dict[str, list[int]]] = {}
    for reviewer, row, code in wanted(name, campaign):
        mine.setdefault(reviewer, {}).setdefault(code, []).append(row)
    people = User.objects.in_bulk(list(mine))
    for reviewer, by_code in mine.items():
        person = people[reviewer]
        for code, rows in by_code.items():
            for start in range(0, len(rows), items.MAX_BULK):
                selection = items.Selection(rows[start : start + items.MAX_BULK])
                items.decide_bulk(campaign_id=campaign.pk, selection=selection, code=code, by=person)
        total = sum(map(len, by_code.values()))
        reviews.submit(campaign_id=campaign.pk, statement=statement(total, campaign.name), by=person)


def without_revoked(name: str, campaign: Campaign, folder: Path) -> Path:
    """The set's grants less what the campaign revoked."""
    revoked = set(
        ReviewItem.objects.filter(campaign=campaign, outcome="revoked").values_list("account_key", "entitlement_key", "path")
    )
    target = folder / "grants.csv"
    with (DATA / name / "grants.csv").open() as stream, target.open("w", newline="") as out:
        reader = csv.DictReader(stream)
        writer = csv.DictWriter(out, reader.fieldnames)
        writer.writeheader()
        writer.writerows(row for row in reader if (row["account_id"], row["entitlement_id"], row["path"]) not in revoked)
    return target


def prove(owner: User, folder: Path) -> str:
    """Build the pack of this year and verify it as an auditor does; returns what the verifier printed."""
    today = date.today()  # noqa: DTZ011 - any day of the campaign's year
    details = periods.Details(
        "Real data", "soc2", date(today.year, 1, 1), date(today.year, 12, 31), date(today.year + 1, 1, 31)
    )
    period = periods.create(details=details, by=owner)
    pack = packs.request(period_id=period.pk, by=owner)
    sequencing.sequence(by=SYSTEM)
    pack = packs.build(pack_id=pack.pk, by=owner)
    path = next(path for path in folder.parent.rglob("*.zip") if path.stat().st_size == pack.size)
    done = subprocess.run([sys.executable, "-I", str(VERIFIER), str(path)], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def play(name: str, folder: Path) -> Played:
    """The whole path of one set in an empty database; files go to `folder`."""
    admin = users.create(username="admin", name="Admin", roles=["administrator"], by=SYSTEM)
    owner = users.create(username="owner", name="Owner", roles=["control_owner"], by=admin)
    fallback = users.create(username="fallback", name="Fallback owner", roles=["reviewer"], by=admin)
    source = sources.create(key=source_key(name), name=name, by=admin)
    first = load(source, name, DATA / name / "grants.csv", admin)
    terms = definitions.Terms(name=name, sources=[source.pk], fallback_reviewer=fallback, owner=owner, controls=["soc2:CC6.3"])
    definition = definitions.create(terms=terms, by=owner)
    campaign = launching.request(definition_id=definition.pk, name=name, by=owner)
    campaign = launching.launch(campaign_id=campaign.pk, by=owner)
    campaign_tasks.analyze()
    play_decisions(name, campaign)
    closing.close(campaign_id=campaign.pk, by=owner)
    tasks.sweep_signed_off()
    second = load(source, name, without_revoked(name, campaign, folder), admin)
    tasks.verify_new_snapshots()
    played = Played(name, counted(campaign, first, second))
    analyze()
    played.verifier = prove(owner, folder)
    return played


def counted(campaign: Campaign, first: snapshots.Snapshot, second: snapshots.Snapshot) -> dict[str, int]:
    """The figures that `counts.json` knows, and those that must follow from them."""
    outcomes = ReviewItem.objects.filter(campaign=campaign)
    removals = RemediationTask.objects.filter(campaign=campaign)
    return {
        "identities": Identity.objects.count(),
        "entitlements": Entitlement.objects.count(),
        "grants": first.grants_open,
        "items": campaign.item_count,
        "reviewers": Assignment.objects.filter(campaign=campaign).values("reviewer").distinct().count(),
        "approve": outcomes.filter(outcome="approved").count(),
        "revoke": outcomes.filter(outcome="revoked").count(),
        "verified gone": removals.filter(state="verified_gone").count(),
        "grants after": second.grants_open,
    }


def check(played: Played) -> None:
    """The counts are those of `counts.json`, and what follows from them."""
    known, found = json.loads((DATA / "counts.json").read_text())[played.name], played.counts
    for name in ("identities", "entitlements", "grants", "approve", "revoke"):
        if name in known:
            assert found[name] == known[name], f"{played.name}: {found[name]:,} {name}, counts.json says {known[name]:,}"
    assert found["items"] == found["grants"] == found["approve"] + found["revoke"]
    assert found["verified gone"] == found["revoke"] > 0
    assert found["grants after"] == found["grants"] - found["revoke"]
