"""Removals of what nobody answered, in the pack: shown with who approved them, and refused when nobody did."""

import pytest

from campaigns import silence
from campaigns.actions import closing, launching, plans
from campaigns.actions import silence as actions
from ledger.actors import SYSTEM
from remediation.actions import removals
from tests.evidence import spoil
from tests.evidence.conftest import build_this_year, verify
from tests.evidence.test_pack import table

pytestmark = pytest.mark.django_db
REASON = "Nobody could say who needs it"


@pytest.fixture
def pack(story, key_file, tmp_path):
    """One item kept, one removed, one removed for silence after a second person confirmed it; the others stay."""
    stage = {"name": "Managers", "panels": [[{"rule": "manager"}]], "strategy": "one_deny_denies", "days": 7}
    definition = story.define()
    plan = {"stages": [stage], "silence": "propose_removal", "silence_limit": 0}
    plans.set_plan(definition_id=definition.pk, plan=plan, by=story.owner)
    asked = launching.request(definition_id=definition.pk, name="Quiet", by=story.owner)
    campaign = launching.launch(campaign_id=asked.pk, by=story.owner)
    ana = story.user("ana@x.example")
    story.decide(campaign, "bruno", "approve", ana)
    story.decide(campaign, "chloe", "revoke", ana)
    story.submit(campaign, ana)
    campaign = closing.close(campaign_id=campaign.pk, by=story.owner)
    found = {item.account_key: item.pk for item in silence.proposed(campaign)}
    approval = actions.approve(campaign_id=campaign.pk, item_ids=[found["job"]], reason=REASON, by=story.owner).approval
    actions.confirm(approval_id=approval.pk, by=story.admin)
    actions.approve(campaign_id=campaign.pk, item_ids=[found["ana"]], reason=REASON, by=story.owner)
    removals.open_for_campaign(campaign_id=campaign.pk, by=SYSTEM)
    return build_this_year(story, tmp_path / "pack.zip")


def test_it_holds_and_shows_exactly_what_was_approved_and_confirmed(pack):
    found = verify(pack)
    assert found.status == 0, found.text
    assert {row["account_id"] for row in table(pack, "remediation/removals.csv")} == {"chloe", "job"}
    kinds = {row["kind"] for row in table(pack, "administration/changes.csv")}
    assert {"silence:removals-approved", "silence:removals-listed", "silence:removals-confirmed"} <= kinds


@pytest.mark.parametrize("column", ["item", "removal", "entry", "owner"])
def test_a_changed_cell_is_found(pack, column):
    spoil.change(pack, "remediation/removals.csv", spoil.cell(3, column, "1"), forge=True)
    assert verify(pack).status != 0


def test_a_dropped_row_is_found(pack):
    spoil.change(pack, "remediation/removals.csv", spoil.rows(lambda rows: rows[:1]), forge=True)
    assert "has no row in remediation/removals.csv" in verify(pack).text


def test_a_removal_that_nobody_approved_is_found(story, pack):
    """As the log of a product would show it that removes for silence by itself."""
    without = spoil.change(
        pack,
        "ledger/entries.jsonl",
        lambda body: b"".join(line for line in body.splitlines(keepends=True) if b"silence:removals-confirmed" not in line),
        forge=True,
    )
    assert "the log has nobody who approved its removal" in verify(without).text
