"""A pack holds what was recorded, is the same bytes whenever it is built, and verifies offline."""

import csv
import io
import json
import re
import zipfile
from datetime import date

import pytest

from campaigns.actions import closing, items
from campaigns.models import Campaign, Delegation
from certify.lib import clock
from evidence.actions import periods
from evidence.verifier import verify as verifier
from inventory.models import Snapshot
from ledger.actions import entries
from ledger.actors import SYSTEM
from ledger.models import Checkpoint, Entry
from people.actions import users
from remediation.actions import attempts, removals
from remediation.models import RemediationTask
from tests.evidence import spoil
from tests.evidence.conftest import build, seal, verify
from tests.evidence.story import REASON, details, load_without, moment
from tests.evidence.story import verify as verify_removals

pytestmark = pytest.mark.django_db


def table(pack, name: str) -> list[dict[str, str]]:
    """The rows of a table as an auditor's spreadsheet reads them."""
    with zipfile.ZipFile(pack) as archive:
        return list(csv.DictReader(io.StringIO(archive.read(name).decode(), newline="")))


def test_the_same_period_and_checkpoint_give_the_same_bytes_whatever_happens_later(story, period, tmp_path):
    checkpoint = seal()
    first = build(period, checkpoint, tmp_path / "first.zip")
    _go_on(story)
    with clock.freeze(moment(12, 31, 23)):
        later = seal()
    assert later.size > checkpoint.size
    again = build(period, checkpoint, tmp_path / "again.zip")
    assert (tmp_path / "first.zip").read_bytes() == (tmp_path / "again.zip").read_bytes()
    assert first == again
    assert build(period, later, tmp_path / "later.zip").sha256 != first.sha256
    assert verify(tmp_path / "later.zip").status == 0


def _go_on(story) -> None:
    """Everything that may still change: names, decisions, loads, removals, the end of the open review."""
    with clock.freeze(moment(12, 28)):
        ana = story.user("ana@x.example")
        users.change(user_id=ana.pk, name="Ana Married", email="other@x.example", by=story.admin)
        campaign = Campaign.objects.get(name="Review of winter")
        story.decide(campaign, "chloe", "revoke", ana)
        story.submit(campaign, ana)
        closing.close(campaign_id=campaign.pk, by=story.owner)
        removals.open_for_campaign(campaign_id=campaign.pk, by=SYSTEM)
        task = RemediationTask.objects.exclude(state="verified_gone").first()
        attempts.claim_one(task_id=task.pk, act=attempts.Act("Really taken away now, OPS-99"), by=story.system_owner)
        load_without(story, "david,")
        verify_removals(story)
        users.create(username="late", name="Late Comer", roles=["administrator"], by=story.admin)


def test_an_older_checkpoint_shows_the_log_as_it_stood(story, period, tmp_path):
    with clock.freeze(moment(12, 31, 23)):
        seal()
    old = Checkpoint.objects.order_by("size").first()
    build(period, old, tmp_path / "old.zip")
    assert table(tmp_path / "old.zip", "campaigns/campaigns.csv") == []
    (found,) = [one for one in verifier.Verifier(verifier.Pack(str(tmp_path / "old.zip"))).run() if one.problems]
    assert found.problems == ["ledger/entries.jsonl: no entry opens the period of manifest.json: it was left out"], (
        "it came later"
    )


def test_the_pack_of_a_period_without_reviews_holds(story, period, tmp_path):
    empty = periods.create(
        details=details(story, name="Years ago", from_on=date(2020, 1, 1), to_on=date(2020, 12, 31)), by=story.owner
    )
    build(empty, seal(), tmp_path / "empty.zip")
    found = verify(tmp_path / "empty.zip")
    assert found.status == 0, found.text
    assert "0 open in the period" in found.text


def test_a_later_period_proves_older_entries_one_by_one(story, period, tmp_path):
    late = periods.create(details=details(story, name="Winter", from_on=date(2031, 12, 1)), by=story.owner)
    with clock.freeze(moment(11, 1)):
        seal(moment(11, 1))
    build(late, seal(), tmp_path / "late.zip")
    with zipfile.ZipFile(tmp_path / "late.zip") as archive:
        proofs = json.loads(archive.read("ledger/proofs.json"))
    assert proofs["first_leaf"] > 0
    assert proofs["inclusion"]
    found = verify(tmp_path / "late.zip")
    assert found.status == 0, found.text


def test_campaigns_are_those_of_the_framework_open_in_the_period(honest):
    found = {row["name"]: row["state"] for row in table(honest.path, "campaigns/campaigns.csv")}
    assert found == {
        "'=Review of spring": "closed", "Launched by mistake": "cancelled", "Review of summer": "closed", "Review of autumn": "closed",
        "Hurried review": "closed", "Review of winter": "open",
        "Definition of =Monthly – May 2031": "closed", "Definition of =Monthly – June 2031": "closed",
    }  # fmt: skip
    assert [row["name"] for row in table(honest.path, "campaigns/left_out.csv")] == ["Of another standard"]


def test_the_calendar_sets_what_was_expected_against_what_was_performed(honest):
    found, old = table(honest.path, "controls/calendar.csv"), "Data of Customer records is {} days old; at most 45 are allowed."
    assert [(row["due_on"][5:], row["state"], row["performed"], row["reason"]) for row in found] == [
        ("05-20", "launched", "in_time", ""),
        ("06-20", "launched", "late", ""),
        ("07-20", "missed", "", "Certify did not run when it was to open. Caught up by the run due on 2031-08-20."),
        ("08-20", "missed", "", f"{old.format(62)} Caught up by the run due on 2031-10-20."),
        ("09-20", "skipped", "", "The system stands still in autumn"),
        ("10-20", "held", "", old.format(132)),
        ("11-20", "withdrawn", "", "The schedule was changed."),
        ("12-20", "expected", "", ""),
    ]
    assert {row["name"] for row in found} == {"Definition of =Monthly"}


def test_findings_and_the_seal_stand_with_what_was_said_of_them(honest):
    found = [(row["kind"], row["measure"], row["value"], row["choice"]) for row in table(honest.path, "reviews/findings.csv")]
    assert ("finding:made", "streak", "3", "") in found
    assert ("finding:dispositioned", "streak", "", "accepted") in found
    made, judged = ([row[1] for row in found if row[0] == f"finding:{kind}"] for kind in ("made", "dispositioned"))
    assert sorted(made) == sorted(judged)
    (seal,) = table(honest.path, "campaigns/seals.csv")
    closed = {row["campaign"]: row for row in table(honest.path, "campaigns/campaigns.csv")}[seal["campaign"]]
    assert (seal["outcome_root"], seal["close_entry"]) == (closed["outcome_root"], closed["end_entry"])


def test_a_deputy_slipped_into_the_database_is_found(story, period, tmp_path):
    campaign, ana, day = Campaign.objects.get(name="Review of winter"), story.user("ana@x.example"), moment(12, 21)
    with clock.freeze(day):
        Delegation.objects.create(
            principal=ana,
            delegate=story.system_owner,
            begins_on=day.date(),
            ends_on=day.date(),
            reason=REASON,
            created_at=day,
            created_by=ana,
        )
        row = story.row(campaign, "david")
        items.decide(assignment_id=row.pk, answer=items.Answer("approve", REASON), by=story.system_owner)
    build(period, seal(), tmp_path / "pack.zip")
    found = verify(tmp_path / "pack.zip")
    assert found.status == 1
    assert re.search(
        r"no delegation that ran then lets “.*” act for people\.user:\d+ in campaign \d+ “Review of winter”", found.text
    )


def test_a_seal_over_what_was_not_judged_or_not_drawn_is_found(period, tmp_path):
    campaign = Campaign.objects.get(name="Hurried review")
    subject, told = f"campaigns.campaign:{campaign.pk}", Entry.objects.filter(subject=f"campaigns.campaign:{campaign.pk}")
    kinds = ("finding:made", "second-look:asked", "campaign:sealed")
    finding, look, sealed = (told.filter(kind=kind).first().payload_json["data"] for kind in kinds)
    look["reviewers"][0]["drawn"] += 1
    for kind, data in zip(kinds, (finding, look, sealed), strict=True):
        entries.record(kind=kind, subject=subject, by=SYSTEM, data=data)
    build(period, seal(), tmp_path / "pack.zip")
    found = verify(tmp_path / "pack.zip")
    assert "was sealed with 1 findings nobody had judged" in found.text
    assert "is sealed twice" in found.text
    assert re.search(r"drawn again, the sample of people\.user:\d+ in .* is not the one that was asked about", found.text)


def test_cells_that_a_spreadsheet_would_run_are_harmless_and_come_back_whole(honest):
    cells = [cell for row in table(honest.path, "reviews/items.csv") for cell in row.values()]
    assert not [cell for cell in cells if cell.startswith(("=", "+", "-", "@", "\t", "\r"))]
    assert {"'=1+1", "'@team", "'-Chloe", "'+49", "''=1+1", "''quoted'"} <= set(cells)
    rows = [dict(zip(verifier.TABLES["reviews/items.csv"], row, strict=True)) for _, row in
            verifier.Pack(str(honest.path)).table("reviews/items.csv")]  # fmt: skip
    assert {"=1+1", "'=1+1", "+49", "-Chloe"} <= {row["account_name"] for row in rows}
    assert REASON in {row["rationale"] for row in rows}
    assert "Line\nbreak" in {row["title"] for row in rows}


def test_tables_are_rfc_4180(honest):
    for name in verifier.TABLES:
        body = spoil.read(honest.path)[name]
        rows = spoil.rows_of(body)
        assert body.endswith(b"\r\n")
        assert {len(row) for row in rows} == {len(verifier.TABLES[name])}
        assert rows[0] == verifier.TABLES[name]
        unquoted = b"".join(body.split(b'"')[::2])
        assert unquoted.count(b"\n") == unquoted.count(b"\r\n") == len(rows)


def test_removals_say_what_is_proved_and_between_which_readings(honest):
    found = {(row["account_id"], row["entitlement_id"]): row for row in table(honest.path, "remediation/removals.csv")}
    facts = {key: (row["state"], row["present_in"], row["gone_in"], row["attempts"]) for key, row in found.items()}
    assert facts == {
        ("bruno", "admin"): ("verified_gone", "2", "3", "1"),
        ("david", "read"): (
            "closed_on_proof",
            "7",
            "",
            "1",
        ),  # removed in spring, still there in summer, removed again in autumn
        ("job", "read"): ("open", "7", "", "0"),  # excepted until a day that has passed
        ("elif", "read"): ("excepted", "7", "", "0"),
    }


def test_balances_add_up(honest):
    for row in table(honest.path, "population/balance.csv"):
        assert int(row["grants_open"]) == int(row["items"]) + int(row["excluded"])
        if row["approved"]:
            assert int(row["items"]) == sum(int(row[name]) for name in ("approved", "revoked", "reduced", "not_reviewed"))


def test_rejected_rows_are_shown_whole(story, period, tmp_path):
    build(period, seal(), tmp_path / "pack.zip")
    shown = table(tmp_path / "pack.zip", "population/rejected_rows.csv")
    wanted = Snapshot.objects.filter(entry_uid__in=Entry.objects.filter(kind="snapshot:loaded").values("uid"))
    assert {row["snapshot"] for row in shown} <= {str(number) for number in wanted.values_list("number", flat=True)}
    assert any("nobody" in row["raw"] for row in shown)


def test_members_are_listed_by_name_with_fixed_times(honest):
    with zipfile.ZipFile(honest.path) as archive:
        members = archive.infolist()
    assert [member.filename for member in members] == sorted(member.filename for member in members)
    assert {member.date_time for member in members} == {(1980, 1, 1, 0, 0, 0)}
    assert {member.external_attr >> 16 for member in members} == {0o100644}
