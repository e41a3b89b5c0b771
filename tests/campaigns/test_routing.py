"""Answers that other people give: deputies, the next who knows, and whoever follows a reviewer who has left."""

from datetime import timedelta

import pytest

from campaigns import worklist
from campaigns.actions import advancing, closing, delegations, items, routing
from campaigns.actions.delegations import Absence
from campaigns.actions.items import Answer
from campaigns.models import Assignment, Decision
from certify.lib import clock
from certify.lib.errors import InvalidInput, NotAllowed
from ledger.actors import SYSTEM
from ledger.models import Entry
from people.actions import users

pytestmark = pytest.mark.django_db
REASON = "Checked with the team lead today"


def absence(days: int = 5, **changes) -> Absence:
    today = clock.now().date()
    return Absence(**{"begins_on": today, "ends_on": today + timedelta(days=days), "reason": "On leave until Monday"} | changes)


def test_a_deputy_sees_and_decides_and_the_ledger_says_for_whom(story, campaign, ana):
    deputy = story.system_owner
    with pytest.raises(NotAllowed):
        story.decide(campaign, "bruno", "approve", deputy)
    delegations.delegate(principal=ana, to=[deputy], absence=absence(), by=ana)
    assert worklist.my_rows(deputy, campaign.pk).filter(reviewer=ana).count() == 5
    row = items.decide(assignment_id=story.row(campaign, "bruno").pk, answer=Answer("approve", REASON), by=deputy)
    assert (row.reviewer, row.decided_by) == (ana, deputy)
    data = Entry.objects.get(kind="decision:made").payload_json["data"]
    assert (data["reviewer"]["id"], data["for"]) == (f"people.user:{deputy.pk}", f"people.user:{ana.pk}")
    story.submit(campaign, deputy)
    closing.close(campaign_id=campaign.pk, by=story.owner)
    assert story.item(campaign, "bruno").outcome == "approved"


@pytest.mark.parametrize("when", ["before", "after", "ended", "other campaign"])
def test_nobody_acts_outside_of_their_delegation(story, campaign, ana, when):
    deputy, today = story.system_owner, clock.now().date()
    days = {
        "before": {"begins_on": today + timedelta(days=1)},
        "after": {"begins_on": today, "ends_on": today},
        "other campaign": {"campaigns": (story.launch("Another").pk,)},
    }
    made = delegations.delegate(principal=ana, to=[deputy], absence=absence(**days.get(when, {})), by=ana)[0]
    if when == "ended":
        delegations.end(delegation_id=made.pk, by=ana)
    moment = clock.now() + timedelta(days=1 if when == "after" else 0)
    with clock.freeze(moment), pytest.raises(NotAllowed):
        items.decide(assignment_id=story.row(campaign, "bruno").pk, answer=Answer("approve", REASON), by=deputy)


def test_a_deputy_never_meets_their_own_access(story, campaign, ana):
    bruno = users.create(username="bruno", name="Bruno Costa", email="bruno@x.example", roles=["reviewer"], by=story.admin)
    story.load()  # ties Bruno's identity to his user
    delegations.delegate(principal=ana, to=[bruno], absence=absence(), by=ana)
    seen = worklist.my_rows(bruno, campaign.pk)
    assert seen.exists()
    assert not seen.filter(item__identity_key="p2").exists()
    with pytest.raises(NotAllowed):
        items.decide(assignment_id=story.row(campaign, "bruno").pk, answer=Answer("approve", REASON), by=bruno)
    chosen = list(Assignment.objects.filter(campaign=campaign, reviewer=ana).values_list("pk", flat=True))
    items.decide_bulk(campaign_id=campaign.pk, selection=items.Selection(chosen), code="approve", by=bruno)
    assert not Decision.objects.filter(item__identity_key="p2").exists()


def test_a_delegation_that_makes_no_sense_is_refused(story, campaign, ana):
    past = clock.now().date() - timedelta(days=3)
    for changes, field in (
        ({"begins_on": past, "ends_on": past}, "ends_on"),
        ({"days": 400}, "ends_on"),
        ({"campaigns": (999_999,)}, "campaigns"),
        ({"reason": ""}, "rationale"),
    ):
        with pytest.raises(InvalidInput) as refusal:
            delegations.delegate(principal=ana, to=[story.owner], absence=absence(**changes), by=ana)
        assert refusal.value.field == field
    with pytest.raises(InvalidInput):
        delegations.delegate(principal=ana, to=[ana], absence=absence(), by=ana)
    with pytest.raises(NotAllowed):
        delegations.delegate(principal=ana, to=[story.fallback], absence=absence(), by=story.fallback)


def test_what_somebody_does_not_know_goes_to_the_next_best_person_and_then_stays(story, campaign, ana):
    story.decide(campaign, "bruno", "dont_know", ana)
    story.submit(campaign, ana)
    row = story.row(campaign, "bruno")
    assert (row.reviewer, row.rule, row.reason) == (
        story.system_owner,
        "asked_next",
        "The reviewer did not know; you own the system",
    )
    story.decide(campaign, "bruno", "dont_know", story.system_owner)
    story.submit(campaign, story.system_owner)
    closing.close(campaign_id=campaign.pk, by=story.owner)
    assert story.item(campaign, "bruno").outcome == "not_reviewed"


def test_the_next_persons_answer_counts_alone(story, campaign, ana):
    story.decide(campaign, "bruno", "dont_know", ana)
    story.submit(campaign, ana)
    story.decide(campaign, "bruno", "approve", story.system_owner)
    story.submit(campaign, story.system_owner)
    closing.close(campaign_id=campaign.pk, by=story.owner)
    assert story.item(campaign, "bruno").outcome == "approved"


def test_a_reviewer_who_leaves_is_replaced_and_drafts_do_not_move_as_answers(story, campaign, ana):
    story.decide(campaign, "bruno", "approve", ana)
    story.decide(campaign, "chloe", "revoke", ana)
    story.submit(campaign, ana)
    story.decide(campaign, "job", "approve", ana)
    users.deactivate(user_id=ana.pk, by=story.admin)
    assert routing.replace_leavers(campaign_id=campaign.pk, by=SYSTEM) == 3
    assert routing.replace_leavers(campaign_id=campaign.pk, by=SYSTEM) == 0
    row = story.row(campaign, "job")
    assert (row.reviewer, row.decision, row.rule) == (story.owner, "", "reassigned")
    assert story.row(campaign, "bruno").reviewer == ana, "what was submitted stays hers"


def test_reopened_answers_can_change_and_both_versions_stay(story, campaign, ana):
    row = story.decide(campaign, "bruno", "approve", ana)
    first = story.submit(campaign, ana)
    with pytest.raises(NotAllowed):
        advancing.reopen(campaign_id=campaign.pk, assignment_ids=[row.pk], reason=REASON, by=ana)
    assert advancing.reopen(campaign_id=campaign.pk, assignment_ids=[row.pk], reason=REASON, by=story.owner) == 1
    story.decide(campaign, "bruno", "revoke", ana)
    second = story.submit(campaign, ana)
    assert [s.code for s in first.signed.all()] == ["approve"]
    assert [s.code for s in second.signed.all()] == ["revoke"]
    closing.close(campaign_id=campaign.pk, by=story.owner)
    assert story.item(campaign, "bruno").outcome == "revoked"


def test_more_time_is_given_with_a_reason_and_only_forward(story, campaign, ana):
    later = campaign.due_at + timedelta(days=2)
    advancing.extend(campaign_id=campaign.pk, due_at=later, reason=REASON, by=story.owner)
    with clock.freeze(later - timedelta(hours=1)):
        story.decide(campaign, "bruno", "approve", ana)
    with pytest.raises(InvalidInput):
        advancing.extend(campaign_id=campaign.pk, due_at=campaign.due_at, reason=REASON, by=story.owner)
    with pytest.raises(NotAllowed):
        advancing.extend(campaign_id=campaign.pk, due_at=later + timedelta(days=1), reason=REASON, by=ana)
    assert Entry.objects.get(kind="campaign:extended").payload_json["data"]["reason"] == REASON
