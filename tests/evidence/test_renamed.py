"""Somebody who was renamed in the middle of a review, in the pack: each decision has the name of its day."""

from datetime import timedelta

import pytest

from campaigns.actions import closing
from people.actions import users
from tests.evidence import spoil
from tests.evidence.conftest import build_this_year, verify
from tests.evidence.test_pack import table

pytestmark = pytest.mark.django_db


@pytest.fixture
def pack(story, key_file, tmp_path):
    """Ana decides on David's access, is renamed, and decides on Bruno's."""
    campaign, ana = story.launch("Renamed"), story.user("ana@x.example")
    story.decide(campaign, "david", "approve", ana)
    ana = users.change(user_id=ana.pk, name="Ana Berg-Lind", email=ana.email, by=story.admin)
    story.decide(campaign, "bruno", "approve", ana)
    story.submit(campaign, ana)
    closing.close(campaign_id=campaign.pk, by=story.owner)
    return build_this_year(story, tmp_path / "pack.zip", later=timedelta(hours=2))


def test_each_item_shows_the_name_under_which_it_was_decided(pack):
    assert verify(pack).status == 0, verify(pack).text
    reads = [row for row in table(pack, "reviews/items.csv") if row["entitlement_id"] == "read"]
    names = {row["account_id"]: row["decided_by_name"] for row in reads}
    assert (names["david"], names["bruno"], names["chloe"]) == ("Ana Berg", "Ana Berg-Lind", "")


def test_the_other_of_their_names_is_found(pack):
    rows = table(pack, "reviews/items.csv")
    place = next(number for number, row in enumerate(rows, 2) if row["account_id"] == "david")
    forged = spoil.change(pack, "reviews/items.csv", spoil.cell(place, "decided_by_name", "Ana Berg-Lind"), forge=True)
    found = verify(forged)
    assert "decision, person, time, reason or submission are not those of reviews/decisions.csv" in found.text
