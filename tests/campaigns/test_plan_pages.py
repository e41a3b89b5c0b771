"""The pages on which stages, groups and delegations are set, as a control owner and a reviewer use them."""

from datetime import timedelta

import pytest
from django.urls import reverse

from campaigns.models import CampaignDefinition, Delegation, ReviewerGroup
from certify.lib import clock

pytestmark = pytest.mark.django_db


@pytest.fixture
def definition(story) -> CampaignDefinition:
    return story.define()


def stage(number: int, **changes) -> dict:
    """A stage as the browser posts it."""
    values = {
        "name": f"Stage {number}",
        "days": "7",
        "strategy": "one_deny_denies",
        "advance": "when_due",
        "p1-l1-rule": "manager",
        "p1-l1-who": "",
        "p1-l1-quorum": "",
        "p1-cases": "",
    } | changes
    return {f"s{number}-{name}": value for name, value in values.items()}


def test_two_stages_are_set_and_said_in_words(client, story, definition):
    client.force_login(story.owner)
    board = ReviewerGroup.objects.create(name="Access board")
    board.members.add(story.fallback)
    address = reverse("campaigns:definition-plan", args=[definition.pk])
    assert client.get(address).status_code == 200
    second = {"p1-l1-rule": "group", "p1-l1-who": f"group:{board.pk}", "p1-l1-quorum": "1", "p2-l1-rule": "attribute"}
    cases = {"p2-cases": "department = Finance: reviewer\nTitle = Seller: admin"}
    posted = stage(1, stop_on=["revoke"]) | stage(2, **second, **cases) | {"overall": "last_stage"}
    answer = client.post(address, posted)
    assert answer.status_code == 302, answer.content.decode()
    definition.refresh_from_db()
    first, last = definition.plan["stages"]
    assert (first["panels"], first["stop_on"]) == ([[{"rule": "manager"}]], ["revoke"])
    assert last["panels"][0] == [{"rule": "group", "group": board.pk, "quorum": 1}]
    assert [(case["field"], case["value"]) for case in last["panels"][1][0]["cases"]] == [
        ("department", "Finance"),
        ("title", "Seller"),
    ]
    said = client.get(reverse("campaigns:definition-preview", args=[definition.pk])).content.decode()
    assert "1 of Access board" in said
    assert "department = Finance: reviewer" in client.get(address).content.decode()


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"days": "soon"}, "lasts a number of days"),
        ({"p1-l1-rule": "person"}, "not complete"),
        ({"p1-l1-rule": "attribute", "p1-cases": "shoe = 44: reviewer"}, "case 1"),
        ({"p1-l1-rule": "attribute", "p1-cases": "department = Finance: nobody at all"}, "case 1"),
        ({"p1-l1-rule": ""}, "choose at least one reviewer"),
    ],
)
def test_what_cannot_be_run_is_refused_on_the_page_and_nothing_is_saved(client, story, definition, changes, words):
    client.force_login(story.owner)
    answer = client.post(reverse("campaigns:definition-plan", args=[definition.pk]), stage(1, **changes))
    assert answer.status_code == 422
    assert words in answer.content.decode()
    definition.refresh_from_db()
    assert definition.plan == {}


def test_what_follows_silence_the_second_look_and_hand_over_are_set(client, story, definition):
    client.force_login(story.owner)
    address = reverse("campaigns:definition-plan", args=[definition.pk])
    said = {"silence": "propose_removal", "silence_limit": "5", "silence_days": "3", "hand_over": "nobody"}
    look = {"second_look-share": "10", "second_look-who": f"user:{story.fallback.pk}", "second_look-days": "2"}
    assert client.post(address, stage(1) | said | look).status_code == 302
    definition.refresh_from_db()
    plan = definition.plan
    assert (plan["silence"], plan["silence_limit"], plan["silence_days"], plan["hand_over"]) == (
        "propose_removal",
        5,
        3,
        "nobody",
    )
    assert plan["second_look"] == {"share": 10, "reviewer": {"user": story.fallback.pk}, "days": 2}
    text = client.get(address).text
    assert f'<option value="user:{story.fallback.pk}" selected>' in text
    assert '<option value="propose_removal" selected>' in text
    for wrong in (
        {"second_look-share": "101"},
        {"silence": "keep"},
        {"silence_limit": "101"},
        {"silence_days": "0"},
        {"hand_over": "x"},
    ):
        assert client.post(address, stage(1) | said | look | wrong).status_code == 422, wrong


def test_adding_a_stage_saves_nothing(client, story, definition):
    client.force_login(story.owner)
    answer = client.post(reverse("campaigns:definition-plan", args=[definition.pk]), stage(1) | {"add": "yes"})
    assert answer.status_code == 200
    assert "s2-name" in answer.content.decode()
    definition.refresh_from_db()
    assert definition.plan == {}


def test_a_group_is_made_changed_and_taken_out_of_use(client, story):
    client.force_login(story.owner)
    client.post(reverse("campaigns:group-create"), {"name": "Access board", "members": [story.fallback.pk]})
    group = ReviewerGroup.objects.get()
    members = [story.fallback.pk, story.admin.pk]
    client.post(reverse("campaigns:group-edit", args=[group.pk]), {"members": members, "is_archived": "on"})
    group.refresh_from_db()
    assert (group.name, group.members.count(), group.is_archived) == ("Access board", 2, True)


def test_somebody_lets_another_act_and_ends_it(client, story, campaign, ana):
    client.force_login(ana)
    today = clock.now().date()
    days = {"begins_on": today.isoformat(), "ends_on": (today + timedelta(days=3)).isoformat()}
    answer = client.post(reverse("campaigns:delegation-list"), {"to": [story.owner.pk], "reason": "On leave this week"} | days)
    assert answer.status_code == 302, answer.content.decode()
    made = Delegation.objects.get()
    assert (made.principal, made.delegate) == (ana, story.owner)
    client.force_login(story.owner)
    page = client.get(reverse("campaigns:review", args=[campaign.pk]))
    assert page.status_code == 200
    assert "bruno" in page.content.decode().lower()
    client.force_login(ana)
    client.post(reverse("campaigns:delegation-end", args=[made.pk]))
    client.force_login(story.owner)
    assert client.get(reverse("campaigns:review", args=[campaign.pk])).status_code == 404


def test_the_owner_gives_more_time_opens_answers_and_ends_the_campaign(client, story, campaign, ana):
    row = story.decide(campaign, "bruno", "approve", ana)
    story.submit(campaign, ana)
    client.force_login(story.owner)
    later = (campaign.due_at + timedelta(days=5)).date().isoformat()
    reason = {"reason": "Two people were ill"}
    assert client.post(reverse("campaigns:campaign-extend", args=[campaign.pk]), reason | {"due_on": later}).status_code == 302
    past = client.post(reverse("campaigns:campaign-extend", args=[campaign.pk]), reason | {"due_on": "2020-01-01"})
    assert past.status_code == 422
    reopen = reverse("campaigns:reviewer-reopen", args=[campaign.pk, ana.pk])
    assert "Bruno Costa" in client.get(reopen).content.decode()
    assert client.post(reopen, reason | {"rows": [row.pk]}).status_code == 302
    row.refresh_from_db()
    assert row.sign_off is None
    client.post(reverse("campaigns:stage-end", args=[campaign.pk]))
    campaign.refresh_from_db()
    assert campaign.state == "closed"
