"""Objections in the pack: who was told, what they said, what was decided again; and what a forger changes is found."""

import pytest

from campaigns.actions import closing
from certify.lib import clock
from evidence.actions import periods
from evidence.verifier import verify as verifier
from ledger.actors import SYSTEM
from people.actions import tokens
from remediation.actions import objections, removals, reporting
from remediation.models import RemediationTask
from remediation.permissions import REPORT
from tests.evidence import spoil
from tests.evidence.conftest import build, seal, verify
from tests.evidence.test_pack import table

pytestmark = pytest.mark.django_db


@pytest.fixture
def pack(story, key_file, tmp_path):
    """Three lose access: David keeps it after he objected, Bruno does not, and at Chloe's, who has left, a program failed first."""
    campaign, ana = story.launch(objection_days=5), story.user("ana@x.example")
    for account in ("bruno", "david", "chloe"):
        story.decide(campaign, account, "revoke", ana)
    story.submit(campaign, ana)
    closing.close(campaign_id=campaign.pk, by=story.owner)
    removals.open_for_campaign(campaign_id=campaign.pk, by=SYSTEM)
    tasks = {task.item.account_key: task for task in RemediationTask.objects.select_related("item")}
    for account, do in (("david", objections.keep), ("bruno", objections.confirm)):
        told = tasks[account]
        made = objections.object_to(task_id=told.pk, reason="I need it each day", by=told.announcement.person)
        do(objection_id=made.pk, answer="Seen with the head of sales", by=ana)
    token, _ = tokens.create(name="Job", scopes=[REPORT], things=["crm"], days=9, by=story.admin)
    reporting.report(said=reporting.Report(tasks["chloe"].pk, "failed", "The system answered 503"), by=token)
    reporting.report(said=reporting.Report(tasks["chloe"].pk, "applied", "Removed by the nightly job"), by=token)
    today = clock.now().date()
    details = periods.Details("This year", "soc2", today.replace(day=1), today, today, [story.auditor])
    build(periods.create(details=details, by=story.owner), seal(clock.now()), tmp_path / "pack.zip")
    return tmp_path / "pack.zip"


def test_it_holds_and_shows_both_decisions(pack):
    found = verify(pack)
    assert found.status == 0, found.text
    states = {row["account_id"]: row["state"] for row in table(pack, "remediation/removals.csv")}
    assert states == {"bruno": "open", "david": "kept_after_objection", "chloe": "reported_not_proved"}
    rows = table(pack, "remediation/objections.csv")
    assert [row["kind"].partition(":")[2] for row in rows] == [
        "announced",
        "announced",
        "objected",
        "kept",
        "objected",
        "confirmed",
    ]
    assert {row["reason"] for row in rows if row["kind"] == "removal:objected"} == {"I need it each day"}
    figures = table(pack, "remediation/figures.csv")[0]
    assert (figures["decided"], figures["kept_after_objection"], figures["cannot_verify"], figures["to_do"]) == (
        "3",
        "1",
        "1",
        "1",
    )
    assert "removal:result-reported" in {row["kind"] for row in table(pack, "administration/changes.csv")}


@pytest.mark.parametrize("column", ["reason", "person", "by", "decision", "kind", "due_at"])
def test_a_changed_cell_is_found(pack, column):
    spoil.change(pack, "remediation/objections.csv", spoil.cell(4, column, "1"), forge=True)
    assert verify(pack).status != 0


def test_a_dropped_row_and_a_changed_state_are_found(pack):
    spoil.change(pack, "remediation/objections.csv", spoil.rows(lambda rows: rows[:-1]), forge=True)
    assert verify(pack).status != 0


def test_what_nobody_objected_to_is_not_kept():
    """As the log of a product would show it that keeps access by itself."""
    report = type("Report", (), {"said": [], "problem": lambda self, name, text: self.said.append(text)})()
    follower = type("Follower", (), {"objections": {}, "report": report})()
    now, data = ["open", 0, "", "", ""], {"task": "7", "person": "people.user:1"}
    entry = {"kind": "removal:kept", "uid": "u", "actor": {"id": "people.user:2"}, "data": data}
    verifier.Entries._follow_objection(follower, entry, now)
    assert "decided again without an objection" in report.said[0]
