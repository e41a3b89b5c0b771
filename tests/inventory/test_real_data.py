"""The real sets load whole: what counts.json says is what is in the database."""

import json
from pathlib import Path

import pytest

from inventory.actions import snapshots, sources
from inventory.models import Entitlement, Grant, Identity
from inventory.readers.rows import FileToRead
from ledger.actors import SYSTEM

DATA = Path(__file__).parents[3] / "shared/data/three_files"
COUNTS = json.loads((DATA / "counts.json").read_text())
KEYS = {"domino": "hp-domino", "emea": "hp-emea", "customer": "hp-customer", "amazon": "amazon"}


def files_of(name: str) -> list[FileToRead]:
    return [FileToRead(kind, DATA / name / f"{kind}.csv", f"{kind}.csv") for kind in ("identities", "entitlements", "grants")]


@pytest.mark.django_db
@pytest.mark.parametrize("name", ["domino", "emea", "customer", "amazon"])
def test_every_row_of_the_set_is_loaded(name):
    source = sources.create(key=KEYS[name], name=name, by=SYSTEM)
    origin = snapshots.Origin("Taken from the shared data folder", "full")
    snapshot = snapshots.load(source_id=source.pk, files=files_of(name), origin=origin, by=SYSTEM)
    wanted = COUNTS[name]
    assert snapshot.rows_rejected == 0
    assert snapshot.rows_read == wanted["identities"] + wanted["entitlements"] + wanted["grants"]
    assert Identity.objects.count() == wanted["identities"]
    assert Entitlement.objects.count() == wanted["entitlements"]
    assert Grant.objects.as_of(snapshot).count() == snapshot.grants_open == wanted["grants"]
