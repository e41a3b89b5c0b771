"""Standing exclusions, deltas and old terms: what a launch makes of them."""

from datetime import timedelta

import pytest
from django.db import InternalError, ProgrammingError, transaction

from campaigns import population
from campaigns.actions import closing, launching, scopes
from campaigns.models import Campaign, Exclusion, StandingExclusion
from campaigns.scope import reading, sentences
from certify.lib import clock
from certify.lib.errors import InvalidInput, NotAllowed

pytestmark = pytest.mark.django_db


def exempt(story, name: str = "Break-glass", days: int = 0, **covers) -> StandingExclusion:
    """A list that applies until so many days from now."""
    words = (name, "Watched by the bank itself", story.owner, clock.now().date() + timedelta(days=days))
    return scopes.exempt(terms=scopes.Exempt(*words, **covers), by=story.owner)


def left_out(campaign: Campaign) -> dict[tuple[str, str], str]:
    """(account, entitlement) → the rule that left it out."""
    rows = Exclusion.objects.filter(campaign=campaign).values_list("account_key", "entitlement_key", "rule")
    return {(account, right): rule for account, right, rule in rows}


def asked(campaign: Campaign) -> set[tuple[str, str]]:
    """(account, entitlement) of its items."""
    return set(campaign.items.values_list("account_key", "entitlement_key"))


def scope(story, *include: dict, exclude: tuple = (), standing: bool = True) -> dict:
    """A document over the story's system."""
    return {
        "version": 1,
        "sources": [story.source.pk],
        "include": list(include),
        "exclude": list(exclude),
        "standing": standing,
    }


def test_lists_are_exclusions_with_their_words_in_the_terms(story):
    by_account = exempt(story, accounts=["crm/shared"])
    by_right = exempt(story, "Powerful", entitlements=["crm/admin"])
    by_person = exempt(story, "Board", identities=["p1"])
    campaign = story.launch()
    assert left_out(campaign) == {
        ("shared", "read"): by_account.code,
        ("bruno", "admin"): by_right.code,
        ("ana", "read"): by_person.code,
    }
    assert sentences.left_out(campaign.terms, by_account.code) == "Break-glass: Watched by the bank itself"
    assert [one["name"] for one in campaign.terms["standing"]] == ["Break-glass", "Powerful", "Board"]
    assert campaign.terms["scope_words"].endswith("Except what stands on the lists Break-glass, Powerful and Board.")


def test_a_list_ends_with_its_last_day(story):
    found = exempt(story, days=1, accounts=["crm/shared"])
    with clock.freeze(clock.now() + timedelta(days=1)):
        assert left_out(story.launch("Q1")) == {("shared", "read"): found.code}
    with clock.freeze(clock.now() + timedelta(days=2)):
        assert left_out(story.launch("Q2")) == {}


def test_a_list_that_was_ended_applies_no_more_even_to_a_launch_already_asked_for(story):
    found = exempt(story, accounts=["crm/shared"])
    campaign = launching.request(definition_id=story.define().pk, name="Q4", by=story.owner)
    scopes.end_exemption(exclusion_id=found.pk, by=story.owner)
    assert left_out(launching.launch(campaign_id=campaign.pk, by=story.owner)) == {}


def test_a_review_may_ask_about_what_stands_on_lists(story):
    exempt(story, accounts=["crm/shared"])
    assert left_out(story.launch(scope=scope(story, standing=False))) == {}


@pytest.mark.parametrize(
    ("wrong", "field"),
    [
        ({}, "identities"),
        ({"identities": ["nobody"]}, "identities"),
        ({"accounts": ["shared"]}, "accounts"),
        ({"accounts": ["erp/shared"]}, "accounts"),
        ({"entitlements": ["crm/none"]}, "entitlements"),
        ({"identities": ["p1"], "days": -1}, "ends_on"),
        ({"identities": ["p1"], "days": 400}, "ends_on"),
    ],
)
def test_a_list_that_makes_no_sense_is_refused_at_its_field(story, wrong, field):
    with pytest.raises(InvalidInput) as refusal:
        exempt(story, **wrong)
    assert refusal.value.field == field


def test_only_control_owners_leave_things_out(story):
    made = exempt(story, accounts=["crm/shared"])
    terms = scopes.Exempt("Mine", "Because I want it", story.admin, clock.now().date(), identities=["p1"])
    for act in (
        lambda: scopes.exempt(terms=terms, by=story.admin),
        lambda: scopes.end_exemption(exclusion_id=made.pk, by=story.admin),
        lambda: scopes.keep(name="S", scope=scope(story), by=story.admin),
        lambda: scopes.archive(scope_id=1, by=story.admin),
    ):
        with pytest.raises(NotAllowed):
            act()


@pytest.mark.parametrize("change", [{"accounts": ["crm/ana"]}, {"reason": "Another one, later"}, {"ends_on": "2030-01-01"}])
def test_what_a_list_covers_never_changes(story, change):
    exempt(story, accounts=["crm/shared"])
    with pytest.raises((InternalError, ProgrammingError), match="append-only"), transaction.atomic():
        StandingExclusion.objects.update(**change)
    with pytest.raises((InternalError, ProgrammingError), match="for ever"), transaction.atomic():
        StandingExclusion.objects.all().delete()


CHANGED = {"field": "changed"}


def close(story, campaign: Campaign) -> None:
    """Everybody answers for what Ana was asked about, and the campaign is closed."""
    ana = story.user("ana@x.example")
    for account in ("bruno", "david"):
        if (account, "read") in asked(campaign):
            story.decide(campaign, account, "approve", ana)
    story.submit(campaign, ana)
    closing.close(campaign_id=campaign.pk, by=story.owner)


def test_a_delta_asks_for_what_came_changed_or_was_never_answered(story):
    first = story.launch("Q1", scope=scope(story, CHANGED))
    assert len(asked(first)) == 7, "nothing was reviewed yet, so everything is new"
    close(story, first)
    later = story.texts["grants"].replace("2026-11-01", "2026-11-20") + "crm,ana,Ana Berg,p1,admin,2026-11-20,,\n"
    story.load(grants=later)
    second = story.launch("Q2", scope=scope(story, CHANGED))
    assert left_out(second) == {("bruno", "read"): "unchanged", ("david", "read"): "unchanged"}
    assert ("ana", "admin") in asked(second)
    assert ("chloe", "read") in asked(second), "silence is no answer"


def test_a_narrow_review_is_no_baseline_for_a_wide_one(story):
    finance = {"field": "department", "any": ["Finance"]}
    orphans = {"field": "orphan", "any": ["no"]}
    close(story, story.launch("Finance", scope=scope(story, orphans, finance)))
    assert left_out(story.launch("All", scope=scope(story, CHANGED))) == {}
    again = left_out(story.launch("Finance again", scope=scope(story, orphans, finance, CHANGED)))
    assert {key for key, rule in again.items() if rule == "unchanged"} == {("bruno", "read")}


def test_what_a_list_left_out_is_not_taken_for_reviewed(story):
    exempt(story, days=1, identities=["p2"])
    close(story, story.launch("Q1"))
    with clock.freeze(clock.now() + timedelta(days=2)):
        second = story.launch("Q2", scope=scope(story, CHANGED))
    assert {("bruno", "read"), ("bruno", "admin")} <= asked(second)


def test_terms_frozen_in_the_first_form_mean_what_they_meant(story):
    campaign = launching.request(definition_id=story.define().pk, name="Old", by=story.owner)
    exempt(story, accounts=["crm/shared"])
    old = {"sources": [story.source.pk], "privileged": "any", "departments": ["Finance"], "kinds": [], "orphans": True}
    terms = {name: value for name, value in campaign.terms.items() if name not in ("standing", "scope_words", "left_out_words")}
    Campaign.objects.filter(pk=campaign.pk).update(terms=terms | {"scope": old})
    launched = launching.launch(campaign_id=campaign.pk, by=story.owner)
    assert left_out(launched) == {("david", "read"): "department", ("job", "read"): "department"}
    assert launched.terms["scope"] == old
    assert sentences.left_out(launched.terms, "department") == "Department not in scope"


def test_a_simple_scope_adds_nothing_to_the_plan(story):
    found = reading.compiled_for(
        story.define(departments=["Finance"], kinds=["employee"]).scope, [story.source.pk], clock.now()
    )
    assert found.joins == []
    assert "SELECT" not in found.case
    assert population.at(story.define("D2").terms(), clock.now()).sql.count("scope_") == 0
