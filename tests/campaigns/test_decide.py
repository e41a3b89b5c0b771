"""Deciding, undoing, deciding many, submitting: who may, what is written, what is refused."""

from datetime import timedelta

import pytest
from django.db import connection, transaction
from django.db.utils import DatabaseError
from django.urls import reverse

from campaigns import bulk_acts, worklist
from campaigns.actions import assignments, closing, items, reviews
from campaigns.actions.items import Answer, Selection
from campaigns.models import Assignment, BulkAct, Campaign, Decision, ReviewItem
from campaigns.rules import statement
from certify.lib import canonical, clock
from certify.lib.errors import Conflict, InvalidInput, NotAllowed
from certify.lib.times import rfc3339
from ledger import merkle
from ledger.models import Entry
from people.models import User

pytestmark = pytest.mark.django_db
REASON = "Checked with the team lead today"


def test_a_decision_is_a_row_an_entry_and_the_state_of_the_item(story, campaign, ana):
    row = story.decide(campaign, "chloe", "revoke", ana)
    decision = Decision.objects.get()
    entry = Entry.objects.get(uid=decision.entry_uid)
    assert (row.decision, row.decided_by, row.decision_entry_uid) == ("revoke", ana, entry.uid)
    assert entry.kind == "decision:made"
    assert entry.payload_json["data"] == {
        "campaign": str(campaign.pk),
        "item": str(row.item_number),
        "reviewer": {"id": f"people.user:{ana.pk}", "person": ana.commitment},
        "decision": "revoke",
        "rationale": "Seen and checked with the team",
        "decided_at": rfc3339(decision.decided_at),
        "rule": "manager",
        "shown": bytes(row.item.leaf).hex(),
        "bulk": "",
    }


def test_undo_keeps_both_rows_and_opens_the_item(story, campaign, ana):
    row = story.decide(campaign, "bruno", "approve", ana)
    items.undo(assignment_id=row.pk, by=ana)
    row.refresh_from_db()
    assert (row.decision, row.decided_by, row.decision_entry_uid) == ("", None, None)
    assert list(Decision.objects.values_list("code", flat=True)) == ["approve", "undo"]
    assert Entry.objects.filter(kind="decision:undone").count() == 1
    with pytest.raises(InvalidInput, match="no decision to undo"):
        items.undo(assignment_id=row.pk, by=ana)


def test_others_cannot_decide_and_nobody_decides_on_themself(story, campaign, ana):
    row = story.row(campaign, "bruno")
    for stranger in (story.owner, story.admin, story.system_owner):
        with pytest.raises(NotAllowed, match="not assigned to you"):
            items.decide(assignment_id=row.pk, answer=Answer("approve"), by=stranger)
    own = story.row(campaign, "ana")
    Assignment.objects.filter(pk=own.pk).update(reviewer=ana)  # as if a rule had gone wrong
    with pytest.raises(NotAllowed, match="your own access"):
        items.decide(assignment_id=own.pk, answer=Answer("approve"), by=ana)
    assert Decision.objects.count() == 0


@pytest.mark.parametrize(
    ("account", "entitlement", "code"),
    [("bruno", "admin", "approve"), ("chloe", "read", "approve"), ("bruno", "read", "dont_know")],
)
def test_red_keeps_and_dont_knows_need_a_reason(story, campaign, ana, account, entitlement, code):
    row = story.row(campaign, account, entitlement)
    for rationale in ("", "ok", "xxxxxxxxxxxxxxx"):
        with pytest.raises(InvalidInput) as refusal:
            items.decide(assignment_id=row.pk, answer=Answer(code, rationale), by=ana)
        assert refusal.value.field == "rationale"
    items.decide(assignment_id=row.pk, answer=Answer(code, REASON), by=ana)


def test_somebody_elses_decision_is_not_overwritten_unseen(story, campaign, ana):
    row = story.decide(campaign, "bruno", "approve", ana)
    with pytest.raises(Conflict):
        items.decide(assignment_id=row.pk, answer=Answer("revoke"), expected="", by=ana)
    items.decide(assignment_id=row.pk, answer=Answer("revoke"), expected=str(row.decision_entry_uid), by=ana)
    assert Assignment.objects.get(pk=row.pk).decision == "revoke"


def test_after_the_due_date_nothing_is_decided_even_before_the_closing_task_ran(story, campaign, ana):
    row = story.row(campaign, "bruno")
    with clock.freeze(campaign.due_at + timedelta(seconds=1)), pytest.raises(InvalidInput, match="due date"):
        items.decide(assignment_id=row.pk, answer=Answer("approve"), by=ana)
    with clock.freeze(campaign.due_at):
        items.decide(assignment_id=row.pk, answer=Answer("approve"), by=ana)


def chosen(campaign, *keys: tuple[str, str]) -> Selection:
    rows = Assignment.objects.filter(campaign=campaign, is_active=True)
    found = [rows.get(item__account_key=account, item__entitlement_key=right).pk for account, right in keys]
    return Selection(found, {"system": "crm"})


ANAS = (("bruno", "read"), ("bruno", "admin"), ("chloe", "read"), ("david", "read"), ("job", "read"))


def test_bulk_leaves_red_and_single_decisions_alone_and_is_one_record(story, campaign, ana):
    story.decide(campaign, "david", "revoke", ana)
    done = items.decide_bulk(campaign_id=campaign.pk, selection=chosen(campaign, *ANAS), code="approve", by=ana)
    assert (done.decided, done.left_out) == (2, 3)
    rows = Assignment.objects.exclude(decision="").values_list("item__account_key", "item__entitlement_key", "decision")
    decided = {(account, right): decision for account, right, decision in rows}
    assert decided == {("david", "read"): "revoke", ("bruno", "read"): "approve", ("job", "read"): "approve"}
    act = BulkAct.objects.get()
    bulk = Entry.objects.get(kind="decision:bulk").payload_json["data"]
    assert bulk["filter"] == {"system": "crm"}
    assert (bulk["count"], bulk["left_out"], act.count) == (2, 3, 2)
    assert set(act.item_numbers) == {story.item(campaign, account).number for account in ("bruno", "job")}
    made = Entry.objects.get(kind="decisions:made").payload_json
    assert (made["data"]["bulk"], made["data"]["decision"]) == (str(act.entry_uid), "approve")
    told = Decision.objects.filter(bulk_act=act, entry_uid=made["uid"]).order_by("pk")
    rows = [{"item": str(one.item.number), "rule": one.assigned_by_rule, "shown": one.shown} for one in told]
    assert len(rows) == 2
    assert made["data"]["rows"] == rows


def test_bulk_of_somebody_elses_items_does_nothing(story, campaign, ana):
    done = items.decide_bulk(campaign_id=campaign.pk, selection=chosen(campaign, *ANAS), code="approve", by=story.system_owner)
    assert (done.act, done.decided) == (None, 0)
    assert not Decision.objects.exists()


def test_bulk_preview_says_what_the_act_then_does(story, campaign, ana):
    selection = chosen(campaign, *ANAS)
    seen = bulk_acts.preview(worklist.my_rows(ana, campaign.pk), selection.ids, ana, campaign.stage)
    done = items.decide_bulk(campaign_id=campaign.pk, selection=selection, code="approve", by=ana)
    assert (seen["selected"], seen["red"], seen["eligible"]) == (5, 2, done.decided) == (5, 2, 3)


def test_submit_signs_exactly_the_drafts(story, campaign, ana):
    story.decide(campaign, "bruno", "approve", ana)
    story.decide(campaign, "chloe", "revoke", ana)
    sign_off = story.submit(campaign, ana)
    assert (sign_off.approved, sign_off.revoked, sign_off.dont_know, sign_off.open_left) == (1, 1, 0, 3)
    rows = Assignment.objects.filter(sign_off=sign_off).order_by("item_number")
    leaves = [
        merkle.leaf_hash(
            canonical.dumps(
                [str(campaign.pk), str(i.item_number), i.decision, rfc3339(i.decided_at), str(i.decision_entry_uid)]
            )
        )
        for i in rows
    ]
    assert sign_off.decisions_root == merkle.root(leaves).hex()
    assert Entry.objects.get(kind="review:submitted").payload_json["data"]["statement"] == sign_off.statement
    with pytest.raises(InvalidInput, match="submitted"):
        items.decide(assignment_id=rows[0].pk, answer=Answer("revoke"), by=ana)
    with pytest.raises(InvalidInput, match="nothing to submit"):
        story.submit(campaign, ana)


def test_a_statement_over_another_number_of_decisions_is_refused(story, campaign, ana):
    story.decide(campaign, "bruno", "approve", ana)
    with pytest.raises(InvalidInput, match="have changed"):
        reviews.submit(campaign_id=campaign.pk, statement=statement(2, campaign.name), by=ana)


def test_reassign_keeps_the_trail_and_never_gives_people_their_own_access(story, campaign, ana):
    selection = chosen(campaign, ("bruno", "read"), ("david", "read"))
    moved = assignments.reassign(campaign_id=campaign.pk, selection=selection, to=story.fallback, reason=REASON, by=story.owner)
    assert moved == 2
    item = story.item(campaign, "bruno")
    trail = list(item.assignments.order_by("id").values_list("reviewer__name", "is_active", "rule"))
    assert trail == [("Ana Berg", False, "manager"), ("Reviewer", True, "reassigned")]
    items.decide(assignment_id=story.row(campaign, "bruno").pk, answer=Answer("approve"), by=story.fallback)
    with pytest.raises(NotAllowed):
        items.decide(assignment_id=story.row(campaign, "david").pk, answer=Answer("approve"), by=ana)
    own = chosen(campaign, ("ana", "read"))
    with pytest.raises(InvalidInput, match="own access"):
        assignments.reassign(campaign_id=campaign.pk, selection=own, to=ana, reason=REASON, by=story.owner)
    with pytest.raises(NotAllowed):
        assignments.reassign(campaign_id=campaign.pk, selection=own, to=story.fallback, reason=REASON, by=ana)


def test_close_gives_every_item_its_outcome_and_silence_approves_nothing(story, campaign, ana):
    story.decide(campaign, "bruno", "approve", ana)
    story.decide(campaign, "chloe", "revoke", ana)
    story.submit(campaign, ana)
    story.decide(campaign, "job", "approve", ana)  # a draft that is never submitted
    story.decide(campaign, "david", "dont_know", ana)
    closed = closing.close(campaign_id=campaign.pk, by=story.owner)
    outcomes = {(i.account_key, i.entitlement_key): i.outcome for i in ReviewItem.objects.all()}
    assert outcomes == dict.fromkeys(outcomes, "not_reviewed") | {("bruno", "read"): "approved", ("chloe", "read"): "revoked"}
    data = Entry.objects.get(uid=closed.close_entry_uid).payload_json["data"]
    assert data["counts"] == {"approved": 1, "revoked": 1, "reduced": 0, "not_reviewed": 5}
    assert data["outcome_root"] == closed.outcome_root


FORBIDDEN = [
    "UPDATE campaigns_reviewitem SET outcome = 'not_reviewed'",
    "UPDATE campaigns_reviewitem SET rationale = 'x'",
    "UPDATE campaigns_assignment SET is_active = FALSE",
    "UPDATE campaigns_stageresult SET result = 'accept'",
    "UPDATE campaigns_signeddecision SET code = 'revoke'",
    "DELETE FROM campaigns_reviewitem",
    "DELETE FROM campaigns_assignment",
    "UPDATE campaigns_decision SET rationale = 'x'",
    "DELETE FROM campaigns_decision",
    "UPDATE campaigns_signoff SET statement = 'x'",
    "UPDATE campaigns_campaign SET state = 'open'",
    "UPDATE campaigns_campaign SET due_at = due_at + interval '1 day'",
    "DELETE FROM campaigns_campaign",
    (
        "INSERT INTO campaigns_decision (campaign_id, item_id, reviewer_id, reviewer_name, reviewer_email, assigned_by_rule, code,"
        " rationale, decided_at, shown, entry_uid, stage, reduce_to, evidence_name, evidence_sha256, evidence_stored_as)"
        " SELECT campaign_id, item_id, reviewer_id, reviewer_name, reviewer_email, assigned_by_rule, code, rationale, decided_at,"
        " shown, entry_uid, 1, '', '', '', '' FROM campaigns_decision"
    ),
    (
        "INSERT INTO campaigns_assignment (campaign_id, item_id, stage, reviewer_id, reviewer_name, rule, reason, is_active, risk_rank,"
        " item_number, assigned_at, panel, excused, is_vote, decision, rationale, reduce_to, is_bulk)"
        " SELECT campaign_id, item_id, 2, reviewer_id, reviewer_name, rule, reason, is_active, risk_rank,"
        " item_number, assigned_at, 1, '', TRUE, '', '', '', FALSE FROM campaigns_assignment"
    ),
]


@pytest.mark.parametrize("statement_text", FORBIDDEN, ids=lambda text: " ".join(text.split()[:3]))
def test_after_close_the_database_itself_refuses(story, campaign, ana, statement_text):
    story.decide(campaign, "bruno", "approve", ana)
    story.submit(campaign, ana)
    closing.close(campaign_id=campaign.pk, by=story.owner)
    with pytest.raises(DatabaseError, match=r"refused"), transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(statement_text)


@pytest.mark.parametrize(
    "column", ["identity_name = 'x'", "signals = '{}'", "leaf = sha256('x')", "number = number + 100", "privileged = 'no'"]
)
def test_what_an_item_was_at_launch_cannot_be_changed_even_while_open(story, campaign, column):
    with pytest.raises(DatabaseError, match="refused"), transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(f"UPDATE campaigns_reviewitem SET {column}")


@pytest.mark.parametrize("column", ["outcome = 'approved'", "decision = 'approve'", "sign_off_id = 1"])
def test_half_set_facts_are_refused_by_constraints(story, campaign, column):
    with pytest.raises(DatabaseError, match="violates check constraint"), transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(f"UPDATE campaigns_reviewitem SET {column}")


def test_closing_early_is_for_control_owners_and_twice_is_once(story, campaign, ana):
    for person in (ana, story.admin, story.auditor):
        with pytest.raises(NotAllowed):
            closing.close(campaign_id=campaign.pk, by=person)
    first = closing.close(campaign_id=campaign.pk, by=story.owner)
    again = closing.close(campaign_id=campaign.pk, by=story.owner)
    assert again.close_entry_uid == first.close_entry_uid


def test_cancel_keeps_everything_and_needs_a_reason(story, campaign, ana):
    story.decide(campaign, "bruno", "approve", ana)
    with pytest.raises(InvalidInput):
        closing.cancel(campaign_id=campaign.pk, reason="", by=story.owner)
    closing.cancel(campaign_id=campaign.pk, reason="Launched over the wrong data", by=story.owner)
    assert Campaign.objects.get(pk=campaign.pk).state == "cancelled"
    assert Decision.objects.count() == 1
    with pytest.raises(InvalidInput, match="not open"):
        story.decide(campaign, "job", "approve", ana)


def test_a_person_without_a_role_decides_what_is_assigned_to_them(story, campaign, ana):
    User.objects.filter(pk=ana.pk).update(roles=[])
    ana.refresh_from_db()
    story.decide(campaign, "bruno", "approve", ana)


def test_what_may_be_left_is_offered_from_the_rights_of_the_system_but_may_be_said_in_words(story, campaign, ana, client):
    client.force_login(ana)
    row = story.row(campaign, "bruno", "admin")
    address = reverse("campaigns:item-row", args=[campaign.pk, row.pk])
    asked = client.get(address, {"ask": "reduce"}, headers={"HX-Request": "true"}).text
    drawer = client.get(reverse("campaigns:item-detail", args=[campaign.pk, row.pk]), headers={"HX-Request": "true"}).text
    for text in (asked, drawer):
        assert '<option value="Read customers">read</option>' in text
        assert 'value="Administrator"' not in text, "neither the right itself nor another privileged one"
    assert "<option" not in client.get(address, {"ask": "revoke"}, headers={"HX-Request": "true"}).text
    reduced = story.decide(campaign, "bruno", "reduce", ana, entitlement="admin", reduce_to="Read customers, on Mondays")
    assert reduced.reduce_to == "Read customers, on Mondays"
