"""Removals that wait for a second person, in the pack: the verifier finds one that was opened before, and a hold that is missing."""

import pytest

from campaigns.actions import closing, guards
from campaigns.models import RemovalHold
from ledger.actors import SYSTEM
from remediation.actions import removals
from tests.evidence import spoil
from tests.evidence.conftest import build_this_year, verify
from tests.evidence.test_pack import table

pytestmark = pytest.mark.django_db


@pytest.fixture
def pack(story, key_file, tmp_path):
    """Two of seven accesses go, and the last administrator: both wait, both are confirmed, then tasks are opened."""
    campaign, ana = story.launch("Q4", removal_limit=20, last_holder_waits=True), story.user("ana@x.example")
    story.decide(campaign, "bruno", "revoke", ana, entitlement="admin")
    story.decide(campaign, "david", "revoke", ana)
    story.submit(campaign, ana)
    closing.close(campaign_id=campaign.pk, by=story.owner)
    for hold in RemovalHold.objects.all():
        guards.judge(hold_id=hold.pk, code="confirmed", by=story.admin)
    removals.open_for_campaign(campaign_id=campaign.pk, by=SYSTEM)
    return build_this_year(story, tmp_path / "pack.zip")


def without(pack, kind: bytes):
    """As the log of a product would show it that skips this."""

    def change(body: bytes) -> bytes:
        return b"".join(line for line in body.splitlines(keepends=True) if kind not in line)

    return spoil.change(pack, "ledger/entries.jsonl", change, forge=True)


def test_it_holds_and_shows_who_confirmed(pack):
    found = verify(pack)
    assert found.status == 0, found.text
    kinds = [row["kind"] for row in table(pack, "administration/changes.csv")]
    assert [kinds.count(f"removal-hold:{what}") for what in ("made", "listed", "confirmed")] == [2, 2, 2]


def test_a_removal_that_was_opened_unconfirmed_is_found(pack):
    assert "but waits for a second person" in verify(without(pack, b"removal-hold:confirmed")).text


def test_a_hold_that_was_never_made_is_found(pack):
    assert "needed a second person, and the log does not hold them" in verify(without(pack, b"removal-hold:")).text
