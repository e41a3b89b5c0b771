"""A pack with more than nine conflicts of duties: they stand in the order of their numbers, not of their texts."""

import pytest

from campaigns.actions import sod_conflicts, sod_rules
from campaigns.sod_rules import Terms
from ledger.actors import SYSTEM
from tests.evidence.conftest import build, seal, verify
from tests.evidence.test_pack import table
from tests.evidence.test_periods import open_period
from tests.story import GRANTS, IDENTITIES

pytestmark = pytest.mark.django_db


def test_they_hold(story, key_file, tmp_path):
    people = range(10, 16)
    identities = "".join(f"p{n},Person {n},p{n}@x.example,employee,active,Sales,Seller,p1,\n" for n in people)
    grants = "".join(f"crm,u{n},Person {n},p{n},{right},2026-01-05,,\n" for n in people for right in ("read", "admin"))
    story.load(identities=IDENTITIES + identities, grants=GRANTS + grants)
    sides = ("change customers", ["crm/admin"], "read customers", ["crm/read"])
    sod_rules.create(terms=Terms("change-read", "Change and read", *sides, "high", story.owner), by=story.owner)
    sod_conflicts.refresh(by=SYSTEM)
    story.launch("Q1")
    build(open_period(story), seal(), tmp_path / "pack.zip")
    numbers = [int(row["number"]) for row in table(tmp_path / "pack.zip", "reviews/conflicts.csv")]
    assert numbers == list(range(1, 15))
    done = verify(tmp_path / "pack.zip")
    assert done.status == 0, done.text
