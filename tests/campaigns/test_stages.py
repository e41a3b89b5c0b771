"""Several reviewers and stages: what answers come to, who is asked next, and that nothing is approved by silence."""

from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from campaigns import plans, stages
from campaigns.actions import advancing, closing, items, launching
from campaigns.actions import plans as plan_actions
from campaigns.models import Assignment, Campaign, ReviewItem, StageResult
from campaigns.states import LAST_STAGE, Outcome, Result, Strategy
from certify.lib import clock
from certify.lib.errors import InvalidInput, NotAllowed
from ledger.actors import SYSTEM
from ledger.models import Entry

A, R, M, N, S = "accept", "revoke", "reduce", "not_decided", "no_response"

#: The table of the issue, written out: strategy → precedence, the first present wins.
TABLE = {
    "one_accept_accepts": [A, R, M, N, S],
    "all_must_accept": [R, M, N, S, A],
    "one_deny_denies": [R, M, A, N, S],
}
answers = st.lists(st.sampled_from(Result.values), max_size=6)


@pytest.mark.parametrize("strategy", TABLE)
@given(given_answers=answers)
def test_the_first_present_of_the_precedence_wins(strategy, given_answers):
    wanted = next((result for result in TABLE[strategy] if result in given_answers), S)
    assert stages.combine(strategy, given_answers) == wanted


@given(given_answers=answers)
def test_accepted_if_not_denied_takes_everything_but_a_denial_and_total_silence(given_answers):
    wanted = R if R in given_answers else M if M in given_answers else A if set(given_answers) - {S} else S
    assert stages.combine("accepted_if_not_denied", given_answers) == wanted


@given(strategy=st.sampled_from(Strategy.values), count=st.integers(0, 6))
def test_silence_never_approves(strategy, count):
    assert stages.OUTCOMES[stages.combine(strategy, [S] * count)] == Outcome.NOT_REVIEWED


@given(strategy=st.sampled_from(Strategy.values), given_answers=answers, data=st.data())
def test_the_order_of_answers_and_their_repetition_do_not_matter(strategy, given_answers, data):
    shuffled = data.draw(st.permutations(given_answers)) + given_answers[:1]
    assert stages.combine(strategy, shuffled) == stages.combine(strategy, given_answers)


@given(quorum=st.integers(1, 4), given_answers=answers)
def test_a_quorum_silences_only_silence(quorum, given_answers):
    counted = stages.counted([(quorum, given_answers)])
    spoken = [answer for answer in given_answers if answer != S]
    assert counted == (spoken if len(spoken) >= quorum else given_answers)


def two_stages(**first) -> dict:
    """Managers, then the owner of the control confirms what was kept."""
    return {
        "stages": [
            {
                "name": "Managers",
                "panels": [[{"rule": "manager"}]],
                "strategy": "one_deny_denies",
                "days": 7,
                "stop_on": [R],
                **first,
            },
            {"name": "Confirm", "panels": [[{"rule": "control_owner"}]], "strategy": "one_deny_denies", "days": 3},
        ]
    }


@pytest.fixture
def launch(story):
    """Launch with a plan."""

    def launched(plan: dict, name: str = "Staged") -> Campaign:
        definition = story.define(f"Definition of {name}")
        plan_actions.set_plan(definition_id=definition.pk, plan=plan, by=story.owner)
        campaign = launching.request(definition_id=definition.pk, name=name, by=story.owner)
        return launching.launch(campaign_id=campaign.pk, by=story.owner)

    return launched


pytestmark = pytest.mark.django_db


def results(campaign: Campaign, stage: int) -> dict[str, str]:
    rows = StageResult.objects.filter(campaign=campaign, stage=stage)
    return {f"{a} {e}": r for a, e, r in rows.values_list("item__account_key", "item__entitlement_key", "result")}


def test_what_is_kept_goes_on_what_is_removed_stops_and_silence_ends_unreviewed(story, launch):
    campaign = launch(two_stages())
    ana = story.user("ana@x.example")
    story.decide(campaign, "bruno", "approve", ana)
    story.decide(campaign, "chloe", "revoke", ana)
    story.submit(campaign, ana)
    advancing.finish_stage(campaign_id=campaign.pk, by=story.owner)
    campaign.refresh_from_db()
    assert (campaign.stage, campaign.state) == (2, "open")
    assert results(campaign, 1)["bruno read"] == A
    asked = Assignment.objects.filter(campaign=campaign, stage=2, is_active=True)
    assert asked.count() == 6
    assert not asked.filter(item__account_key="chloe").exists()
    story.decide(campaign, "bruno", "approve", story.owner)
    story.decide(campaign, "job", "revoke", story.owner)
    story.submit(campaign, story.owner)
    closing.close(campaign_id=campaign.pk, by=story.owner)
    outcomes = {f"{i.account_key} {i.entitlement_key}": i.outcome for i in ReviewItem.objects.filter(campaign=campaign)}
    assert outcomes == dict.fromkeys(outcomes, "not_reviewed") | {
        "bruno read": "approved",
        "chloe read": "revoked",
        "job read": "revoked",
    }


def test_closing_before_the_last_stage_leaves_what_had_to_go_on_unreviewed(story, launch):
    campaign = launch(two_stages())
    ana = story.user("ana@x.example")
    story.decide(campaign, "bruno", "approve", ana)
    story.decide(campaign, "chloe", "revoke", ana)
    story.submit(campaign, ana)
    closing.close(campaign_id=campaign.pk, by=story.owner)
    assert story.item(campaign, "bruno").outcome == "not_reviewed"
    assert story.item(campaign, "chloe").outcome == "revoked"


def test_an_answer_of_an_ended_stage_cannot_change(story, launch):
    campaign = launch(two_stages())
    ana = story.user("ana@x.example")
    row = story.decide(campaign, "bruno", "approve", ana)
    advancing.finish_stage(campaign_id=campaign.pk, by=story.owner)
    with pytest.raises(InvalidInput, match="stage of this answer has ended"):
        items.undo(assignment_id=row.pk, by=ana)


def test_the_system_ends_a_stage_only_when_it_is_due_and_a_second_run_changes_nothing(story, launch):
    campaign = launch(two_stages())
    advancing.finish_stage(campaign_id=campaign.pk, by=SYSTEM)
    assert Campaign.objects.get(pk=campaign.pk).stage == 1
    with clock.freeze(campaign.due_at + timedelta(minutes=1)):
        advancing.finish_stage(campaign_id=campaign.pk, by=SYSTEM)
        advancing.finish_stage(campaign_id=campaign.pk, by=SYSTEM)
    assert Campaign.objects.get(pk=campaign.pk).stage == 2
    assert Entry.objects.filter(kind="stage:ended").count() == 1
    with pytest.raises(NotAllowed):
        advancing.finish_stage(campaign_id=campaign.pk, by=story.user("ana@x.example"))


def test_when_everything_is_answered_the_stage_ends_early_where_the_plan_says_so(story, launch):
    campaign = launch(two_stages(panels=[[{"rule": "fallback"}]], advance="when_answered"))
    for account, right in (
        ("ana", "read"),
        ("bruno", "read"),
        ("bruno", "admin"),
        ("chloe", "read"),
        ("david", "read"),
        ("job", "read"),
    ):
        story.decide(campaign, account, "approve", story.fallback, entitlement=right)
    story.submit(campaign, story.fallback)
    advancing.finish_stage(campaign_id=campaign.pk, by=SYSTEM)
    assert Campaign.objects.get(pk=campaign.pk).stage == 1
    story.decide(campaign, "shared", "approve", story.fallback)
    story.submit(campaign, story.fallback)
    advancing.finish_stage(campaign_id=campaign.pk, by=SYSTEM)
    assert Campaign.objects.get(pk=campaign.pk).stage == 2


def test_who_answered_in_two_stages_is_flagged(story, launch):
    plan = two_stages()
    plan["stages"][1]["panels"] = [[{"rule": "manager"}]]
    campaign = launch(plan)
    ana = story.user("ana@x.example")
    story.decide(campaign, "bruno", "approve", ana)
    story.submit(campaign, ana)
    advancing.finish_stage(campaign_id=campaign.pk, by=story.owner)
    assert story.row(campaign, "bruno").excused == "earlier_stage"
    assert story.row(campaign, "job").excused == ""


def group_plan(group, quorum: int, strategy: str) -> dict:
    links = [{"rule": "group", "group": group.pk, "quorum": quorum}]
    return {"stages": [{"name": "Board", "panels": [links], "strategy": strategy, "days": 7}]}


def test_a_quorum_of_a_group_answers(story, launch):
    members = [story.fallback, story.admin, story.system_owner]
    board = plan_actions.create_group(name="Access board", members=members, by=story.owner)
    campaign = launch(group_plan(board, 2, "all_must_accept"))
    for person in members[:2]:
        story.decide(campaign, "bruno", "approve", person)
    story.decide(campaign, "job", "approve", members[0])
    for person in members[:2]:
        story.submit(campaign, person)
    closing.close(campaign_id=campaign.pk, by=story.owner)
    assert story.item(campaign, "bruno").outcome == "approved"
    assert story.item(campaign, "job").outcome == "not_reviewed"


def test_two_panels_ask_two_people_and_one_person_only_once(story, launch):
    plan = two_stages()
    plan["stages"] = [plan["stages"][0] | {"panels": [[{"rule": "manager"}], [{"rule": "person", "user": story.fallback.pk}]]}]
    campaign = launch(plan)
    asked = Assignment.objects.filter(campaign=campaign, item=story.item(campaign, "bruno"))
    assert set(asked.values_list("reviewer__name", flat=True)) == {"Ana Berg", "Reviewer"}
    shared = Assignment.objects.filter(campaign=campaign, item=story.item(campaign, "shared"))
    assert shared.count() == 1, "the fallback is asked once, not as fallback and as named person"


@pytest.mark.parametrize("strategy", Strategy.values)
def test_the_database_settles_as_the_rules_say(story, launch, strategy):
    """Every combination of two answers, settled by SQL, against `stages.combine`."""
    story.source.owner = None  # nobody is there to ask next about what somebody does not know
    story.source.save()
    people = [story.fallback, story.admin]
    panels = [[{"rule": "person", "user": person.pk}] for person in people]
    campaign = launch({"stages": [{"name": "Two", "panels": panels, "strategy": strategy, "days": 5}]})
    codes = {A: "approve", R: "revoke", M: "reduce", N: "dont_know"}
    pairs = [(one, other) for one in Result.values for other in Result.values]
    items = list(ReviewItem.objects.filter(campaign=campaign))
    for start in range(0, len(pairs), len(items)):
        batch = dict(zip(items, pairs[start : start + len(items)], strict=False))
        run = (
            Campaign.objects.get(pk=campaign.pk)
            if start == 0
            else launch({"stages": [{"name": "Two", "panels": panels, "strategy": strategy, "days": 5}]}, name=f"Run {start}")
        )
        for item, pair in batch.items():
            for person, answer in zip(people, pair, strict=True):
                if answer != S:
                    words = {"reduce_to": "read only"} if answer == M else {}
                    story.decide(run, item.account_key, codes[answer], person, entitlement=item.entitlement_key, **words)
        for person in people:
            if Assignment.objects.filter(campaign=run, reviewer=person).exclude(decision="").exists():
                story.submit(run, person)
        closing.close(campaign_id=run.pk, by=story.owner)
        found = results(run, 1)
        wanted = {f"{i.account_key} {i.entitlement_key}": stages.combine(strategy, pair) for i, pair in batch.items()}
        assert {key: found[key] for key in wanted} == wanted
        outcomes = {f"{i.account_key} {i.entitlement_key}": i.outcome for i in ReviewItem.objects.filter(campaign=run)}
        assert {key: outcomes[key] for key in wanted} == {key: stages.OUTCOMES[result] for key, result in wanted.items()}


def test_a_plan_that_cannot_be_run_is_refused_by_name(story):
    good = two_stages()["stages"][0]
    bad = {
        "1 to 5 stages": {"stages": []},
        "Stage 1: choose at least one reviewer": {"stages": [good | {"panels": [[]]}]},
        "Stage 1: it lasts": {"stages": [good | {"days": 0}]},
        "Stage 2: choose what several": {"stages": [good, good | {"strategy": "loudest"}]},
        "Stage 1: of a group": {"stages": [good | {"panels": [[{"rule": "group", "group": 1, "quorum": 0}]]}]},
        "Stage 1: give 1 to": {"stages": [good | {"panels": [[{"rule": "attribute", "cases": [{"field": "shoe"}]}]]}]},
        "Write why": {"stages": [good], "independence": {"granter": "excuse"}},
        "stages together": {"stages": [good], "overall": "coin"},
    }
    for words, plan in bad.items():
        with pytest.raises(InvalidInput, match=words):
            plans.checked(plan)
    assert plans.checked({"stages": [good]})["overall"] == LAST_STAGE
