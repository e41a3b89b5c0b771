"""What submitted answers settle before the end: never anything that could still come to something else."""

from datetime import timedelta
from itertools import product
from uuid import uuid4

import pytest
from django.db import connection, transaction
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from campaigns import settling as reads
from campaigns import stages
from campaigns.actions import advancing, closing, launching, lifecycle, settling
from campaigns.actions import plans as plan_actions
from campaigns.models import Assignment, Campaign, HeldRemoval, RemovalHold, ReviewItem, StageResult
from campaigns.states import LAST_STAGE, Result, Strategy
from certify.lib import clock
from certify.lib.errors import InvalidInput
from ledger.actors import SYSTEM
from ledger.models import Entry

TAKEN = ("revoke", "reduce")
strategies = st.sampled_from(Strategy.values)
one_stage = st.fixed_dictionaries(
    {"strategy": strategies, "stop_on": st.lists(st.sampled_from([*TAKEN, "accept"]), unique=True)}
)
terms_of = st.fixed_dictionaries(
    {"stages": st.lists(one_stage, min_size=1, max_size=2), "overall": st.sampled_from([LAST_STAGE, *Strategy.values])}
)
results = st.sampled_from(Result.values)


def worlds(terms: dict, earlier: list[str], answers: list[str] | None):
    """Everything that an item can come to: whatever is not said yet is said in every way, in this stage and in those after it."""
    firsts = [None]
    if answers is not None:
        open_to = [Result.values if answer in ("no_response", "not_decided") else [answer] for answer in answers]
        strategy = terms["stages"][len(earlier)]["strategy"]
        firsts = [stages.combine(strategy, said) for said in product(*open_to)]
    for first in firsts:
        known = [*earlier, *([first] if first else [])]
        goes_on = first and len(known) < len(terms["stages"]) and first not in terms["stages"][len(known) - 1]["stop_on"]
        for later in Result.values if goes_on else [None]:
            yield stages.overall(terms["overall"], [*known, *([later] if later else [])])


@settings(max_examples=300)
@given(terms=terms_of, earlier=results, answers=st.lists(results, min_size=1, max_size=3), in_second=st.booleans())
def test_what_is_settled_comes_to_nothing_else_in_any_world(terms, earlier, answers, in_second):
    before = [earlier] if in_second and len(terms["stages"]) == 2 else []
    found = stages.settled(terms, before, answers)
    assert found in ("", *TAKEN)
    if found:
        assert set(worlds(terms, before, answers)) == {found}


@given(terms=terms_of, answer=st.sampled_from(TAKEN))
def test_one_answer_that_removes_settles_a_single_stage(terms, answer):
    one = {"stages": terms["stages"][:1], "overall": terms["overall"]}
    assert stages.settled(one, [], [answer]) == answer


def test_nothing_else_is_taken_for_settled():
    one = {"stages": [{"strategy": "one_deny_denies", "stop_on": []}], "overall": LAST_STAGE}
    assert stages.settled(one, [], ["reduce", "no_response"]) == "", "the other may still remove it"
    assert stages.settled(one, [], ["reduce", "not_decided"]) == "", "somebody else can be asked"
    assert stages.settled(one, [], ["revoke", "no_response"]) == "revoke"
    lenient = {"stages": [{"strategy": "one_accept_accepts", "stop_on": []}], "overall": LAST_STAGE}
    assert stages.settled(lenient, [], ["revoke", "no_response"]) == "", "the other may still keep it"
    two = {"stages": [{"strategy": "one_deny_denies", "stop_on": []}] * 2, "overall": LAST_STAGE}
    assert stages.settled(two, [], ["revoke"]) == "", "it goes on to the second stage"
    assert stages.settled(two | {"overall": "one_deny_denies"}, [], ["revoke"]) == "revoke"


@pytest.fixture
def run(story):
    """A launched campaign that asks two people; its stages and how they count are set by each example."""
    panels = [[{"rule": "person", "user": story.fallback.pk}], [{"rule": "person", "user": story.admin.pk}]]
    return launch(story, {"stages": [{"name": "Two", "panels": panels, "strategy": "one_deny_denies", "days": 5}]})


def launch(story, plan: dict | None = None, name: str = "Early", **changes) -> Campaign:
    """A campaign whose removals begin at sign-off."""
    definition = story.define(f"Definition of {name}", removals_begin="sign_off", **changes)
    if plan:
        plan_actions.set_plan(definition_id=definition.pk, plan=plan, by=story.owner)
    campaign = launching.request(definition_id=definition.pk, name=name, by=story.owner)
    return launching.launch(campaign_id=campaign.pk, by=story.owner)


CODES = {"accept": "approve", "revoke": "revoke", "reduce": "reduce", "not_decided": "dont_know"}
ONE = st.tuples(results, results, st.one_of(st.none(), results))


def say(row: Assignment, answer: str) -> None:
    """Put a submitted answer onto an assignment, without all that leads to one."""
    code = CODES.get(answer, "")
    if code:
        facts = {"decided_by": row.reviewer, "decided_at": clock.now(), "decision_entry_uid": uuid4(), "sign_off_id": 1}
        words = {"reduce_to": "less"} if code == "reduce" else {}
        Assignment.objects.filter(pk=row.pk).update(decision=code, **facts, **words)


@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(terms=terms_of, said=st.lists(ONE, min_size=7, max_size=7), in_first=st.booleans())
def test_the_database_settles_as_the_rule_says(run, terms, said, in_first):
    with transaction.atomic():
        number = 1 if in_first else len(terms["stages"])
        whole = run.terms | {
            "overall": terms["overall"],
            "stages": [run.terms["stages"][0] | one for one in terms["stages"]],
        }
        Campaign.objects.filter(pk=run.pk).update(terms=whole, stage=number)
        campaign, wanted = Campaign.objects.get(pk=run.pk), {}
        for item, (first, second, before) in zip(ReviewItem.objects.filter(campaign=run), said, strict=True):
            rows = list(Assignment.objects.filter(item=item).select_related("reviewer").order_by("panel"))
            given_answers = [first, second][: len(rows)]
            earlier = [before or "accept"] if number == 2 else []
            stopped = bool(earlier) and earlier[0] in whole["stages"][0]["stop_on"]
            if earlier:
                StageResult.objects.create(campaign=run, item=item, stage=1, result=earlier[0])
            Assignment.objects.filter(item=item).update(stage=1 if stopped else number)
            for row, answer in zip(rows, given_answers, strict=True):
                say(row, answer)
            wanted[item.pk] = stages.settled(whole, earlier, None if stopped else given_answers)
        reads.find(campaign)
        with connection.cursor() as cursor:
            cursor.execute("SELECT item_id, final FROM final_result")
            found = dict(cursor.fetchall())
        transaction.set_rollback(True)
    assert found == {item: result for item, result in wanted.items() if result}


def settle(campaign: Campaign) -> int:
    """One run of the sweep for one campaign."""
    return settling.settle(campaign_id=campaign.pk, by=SYSTEM)


def outcomes(campaign: Campaign) -> dict[str, str]:
    """Account and right → outcome, of the items that have one."""
    found = ReviewItem.objects.filter(campaign=campaign).exclude(outcome="")
    return {f"{one.account_key} {one.entitlement_key}": one.outcome for one in found}


@pytest.fixture
def begun(story):
    """Ana has submitted one removal, one reduction and one keep, and left one removal a draft."""
    campaign, ana = launch(story), story.user("ana@x.example")
    story.decide(campaign, "david", "revoke", ana)
    story.decide(campaign, "bruno", "reduce", ana, reduce_to="read only")
    story.decide(campaign, "chloe", "approve", ana)
    story.submit(campaign, ana)
    story.decide(campaign, "bruno", "revoke", ana, entitlement="admin")
    return campaign


def test_only_submitted_removals_get_their_outcome_and_only_once(story, begun):
    assert settle(begun) == 2
    assert outcomes(begun) == {"david read": "revoked", "bruno read": "reduced"}
    item, row = story.item(begun, "david"), story.row(begun, "david")
    assert (item.decision_entry_uid, item.sign_off_id) == (row.decision_entry_uid, row.sign_off_id)
    assert item.settled_at == row.sign_off.submitted_at
    assert story.item(begun, "bruno").reduce_to == "read only"
    entry = Entry.objects.get(kind="items:settled").payload_json["data"]
    assert entry["items"] == sorted([item.number, story.item(begun, "bruno").number])
    assert settle(begun) == 0
    assert Entry.objects.filter(kind="items:settled").count() == 1


def test_a_campaign_whose_removals_begin_at_the_close_settles_nothing(story):
    campaign, ana = story.launch(), story.user("ana@x.example")
    assert "removals_begin" not in campaign.terms
    story.decide(campaign, "david", "revoke", ana)
    story.submit(campaign, ana)
    assert settle(campaign) == 0
    assert outcomes(campaign) == {}


def test_a_paused_campaign_settles_when_it_goes_on(story, begun):
    lifecycle.pause(campaign_id=begun.pk, reason="The office moves house", by=story.owner)
    assert settle(begun) == 0
    lifecycle.resume(campaign_id=begun.pk, by=story.owner)
    assert settle(begun) == 2


def test_the_close_leaves_what_was_settled_as_it_was(story, begun):
    settle(begun)
    before = ReviewItem.objects.filter(settled_at__isnull=False).order_by("pk").values()
    before = list(before)
    closing.close(campaign_id=begun.pk, by=story.owner)
    assert list(ReviewItem.objects.filter(settled_at__isnull=False).order_by("pk").values()) == before
    assert outcomes(begun)["bruno admin"] == "not_reviewed"


def test_answers_that_are_opened_again_settle_nothing_until_they_are_submitted_again(story, begun):
    settle(begun)
    ana = story.user("ana@x.example")
    advancing.reopen(
        campaign_id=begun.pk,
        assignment_ids=[story.row(begun, "david").pk],
        reason="Please look at it once more",
        by=story.owner,
    )
    assert outcomes(begun) == {"bruno read": "reduced"}
    assert Entry.objects.get(kind="items:unsettled").payload_json["data"]["items"] == [story.item(begun, "david").number]
    assert settle(begun) == 0
    story.decide(begun, "david", "approve", ana)
    story.submit(begun, ana)
    assert settle(begun) == 1, "the draft of the privileged right was submitted with it"
    assert outcomes(begun) == {"bruno read": "reduced", "bruno admin": "revoked"}


def test_a_cancelled_campaign_has_no_outcomes(story, begun):
    settle(begun)
    closing.cancel(campaign_id=begun.pk, reason="It asked the wrong people", by=story.owner)
    assert outcomes(begun) == {}
    assert not ReviewItem.objects.exclude(settled_at=None).exists()


def test_what_is_beyond_the_share_waits_and_what_began_before_does_not(story):
    campaign, ana = launch(story, removal_limit=20), story.user("ana@x.example")
    for account in ("david", "chloe"):
        story.decide(campaign, account, "revoke", ana)
        story.submit(campaign, ana)
        settle(campaign)
    hold = RemovalHold.objects.get()
    assert list(hold.items.values_list("item_number", flat=True)) == [story.item(campaign, "chloe").number]
    closing.close(campaign_id=campaign.pk, by=story.owner)
    assert HeldRemoval.objects.count() == 1, "the close holds nothing twice, and nothing that has begun"


def test_the_last_who_hold_a_privileged_right_wait(story):
    campaign, ana = launch(story, last_holder_waits=True), story.user("ana@x.example")
    story.decide(campaign, "bruno", "revoke", ana, entitlement="admin")
    story.decide(campaign, "david", "revoke", ana)
    story.submit(campaign, ana)
    settle(campaign)
    assert [held.item_number for held in HeldRemoval.objects.all()] == [story.item(campaign, "bruno", "admin").number]


def test_what_a_stage_that_ended_left_certain_is_settled_in_the_next(story):
    panels = [[{"rule": "person", "user": story.fallback.pk}], [{"rule": "person", "user": story.admin.pk}]]
    first = {"name": "Two", "panels": panels, "strategy": "one_deny_denies", "days": 5, "stop_on": ["reduce"]}
    second = {
        "name": "Then",
        "panels": [[{"rule": "person", "user": story.system_owner.pk}]],
        "strategy": "one_deny_denies",
        "days": 5,
    }
    campaign = launch(story, {"stages": [first, second]})
    story.decide(campaign, "david", "reduce", story.fallback, reduce_to="less")
    story.decide(campaign, "chloe", "revoke", story.fallback)
    story.submit(campaign, story.fallback)
    assert settle(campaign) == 0, "the other may still remove it, and a removal goes on"
    with clock.freeze(campaign.due_at + timedelta(minutes=1)):
        advancing.finish_stage(campaign_id=campaign.pk, by=SYSTEM)
        assert settle(campaign) == 1
    assert outcomes(campaign) == {"david read": "reduced"}


def test_a_definition_says_when_removals_begin(story):
    assert story.define(removals_begin="sign_off").terms()["removals_begin"] == "sign_off"
    with pytest.raises(InvalidInput, match="when removals begin"):
        story.define("Another", removals_begin="at noon")
