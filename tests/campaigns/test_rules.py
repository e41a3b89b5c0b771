"""The facts of reviews, without a database."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from campaigns import rules
from campaigns.states import CAMPAIGN_TRANSITIONS, CampaignState, Signal
from certify.lib.errors import InvalidInput

CALM = {"reason_for_every_keep": False, "reason_for_every_removal": False}
signals = st.lists(st.sampled_from(Signal.values), unique=True)


@given(signals)
def test_keeping_needs_a_reason_exactly_when_something_is_red(found):
    red = bool({"left", "privileged", "orphan", "expired", "returned", "conflict"} & set(found))
    assert bool(rules.needs_reason("approve", found, CALM)) == red
    assert rules.is_red(found) == red


@given(signals)
def test_dont_know_always_needs_a_reason_and_a_removal_only_when_asked_for(found):
    assert rules.needs_reason("dont_know", found, CALM)
    assert not rules.needs_reason("revoke", found, CALM)
    assert rules.needs_reason("revoke", found, CALM | {"reason_for_every_removal": True})


@given(signals, st.sampled_from(["", "approve", "revoke"]), st.booleans(), st.booleans())
def test_bulk_never_touches_red_submitted_or_single_decisions(found, decision, is_bulk, is_submitted):
    if rules.is_bulk_eligible(signals=found, decision=decision, is_bulk=is_bulk, is_submitted=is_submitted):
        assert not rules.is_red(found)
        assert not is_submitted
        assert not decision or is_bulk


@pytest.mark.parametrize("reason", ["", "   ", "ok", "aaaaaaaaaaaaaaa", "..........", "yes yes y", "ababababababab"])
def test_a_needed_reason_must_say_something(reason):
    with pytest.raises(InvalidInput, match="at least 10 characters"):
        rules.check_reason(reason, "Say why.")


def test_a_reason_that_is_not_needed_may_be_left_out_but_not_be_nonsense():
    assert rules.check_reason("  ", "") == ""
    assert rules.check_reason(" needed for audits ", "") == "needed for audits"
    with pytest.raises(InvalidInput):
        rules.check_reason("x", "")


@pytest.mark.parametrize("reason", rules.REMOVAL_REASONS)
def test_every_offered_reason_is_good_enough(reason):
    assert rules.check_reason(reason, "needed") == reason


@pytest.mark.parametrize("old", CampaignState.values)
@pytest.mark.parametrize("new", CampaignState.values)
def test_transitions(old, new):
    if new in CAMPAIGN_TRANSITIONS[old]:
        rules.check_transition(old, new)
    else:
        with pytest.raises(InvalidInput, match="cannot become"):
            rules.check_transition(old, new)


def test_nothing_follows_the_end():
    assert CAMPAIGN_TRANSITIONS[CampaignState.CLOSED] == CAMPAIGN_TRANSITIONS[CampaignState.CANCELLED] == set()


def test_minutes_left_at_the_reviewers_own_pace():
    assert rules.minutes_left(0, 30) == 0
    assert rules.minutes_left(60, 30) == 30
    assert rules.minutes_left(1, None) == 1
