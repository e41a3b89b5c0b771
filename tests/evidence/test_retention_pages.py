"""The pages of retention and holds: who reads, who acts, what is shown before a rule is set; and whether a person is held."""

from datetime import timedelta

import pytest

from campaigns import holds as people_held
from certify.lib import clock
from evidence import tasks
from evidence.actions import holds
from evidence.retention import overview
from evidence.retention.kinds import KINDS
from inventory.models import Identity
from ledger.models import Entry
from people.models import HoldRelease, LegalHold, RetentionRule
from tests.evidence.test_retention import old_mail, place, rule

RULES, HOLDS = "/audit/retention/", "/audit/holds/"
WHY = "The data protection officer asks for it"


def test_a_rule_is_shown_before_it_is_set_and_set_only_then(story, client):
    old_mail(story)
    old_mail(story, "two", days=5)
    client.force_login(story.admin)
    answer = client.post(f"{RULES}mails/", {"days": "30", "reason": WHY})
    assert "The next run would delete 1 of 2." in answer.text
    assert not RetentionRule.objects.exists()
    answer = client.post(f"{RULES}mails/", {"days": "30", "reason": WHY, "confirmed": "yes"}, follow=True)
    assert "The rule is set." in answer.text
    entry = Entry.objects.get(kind="retention:rule-set").payload_json["data"]
    facts = {"kind": "mails", "number": 1, "days": "30", "former": "", "reason": WHY, "would_delete": 1}
    assert entry == facts
    tasks.apply_retention()
    page = client.get(RULES).text
    assert "30 days (rule 1)" in page
    assert "1 deleted" in page
    assert "Deleted by rule 1 on" in client.get("/mails/").text


def test_a_hold_says_what_it_stops(story, client):
    old_mail(story)
    rule(KINDS["mails"], 30, story)
    client.force_login(story.owner)
    answer = client.post(HOLDS, {"name": "Case 8", "reason": WHY, "people": "p2\nreviewer"}, follow=True)
    assert "The hold is in force." in answer.text
    assert [(kind.code, found.held, found.stopped) for kind, found in answer.context["stopped"] if found.held] == [
        ("mails", 1, 1)
    ]
    hold = LegalHold.objects.get()
    bruno = Identity.objects.get(key="p2")
    assert hold.people == sorted([f"inventory.identity:{bruno.pk}", f"people.user:{story.fallback.pk}"])
    assert "1 more is old enough and held." in preview(client, story).text
    client.force_login(story.admin)
    answer = client.post(f"{HOLDS}{hold.pk}/release/", {"reason": WHY}, follow=True)
    assert "Rules apply again" in answer.text
    assert HoldRelease.objects.get().by == story.admin
    assert client.post(f"{HOLDS}{hold.pk}/release/", {"reason": WHY}).status_code == 422


def preview(client, story):
    """What a rule would delete, as the administrator sees it."""
    client.force_login(story.admin)
    return client.post(f"{RULES}mails/", {"days": "20", "reason": WHY})


@pytest.mark.parametrize(
    ("field", "sent"),
    [
        ("everything", {}),
        ("people", {"people": "nobody-at-all"}),
        ("to_on", {"from_on": "2026-01-02"}),
        ("to_on", {"from_on": "2026-01-02", "to_on": "2026-01-01"}),
        ("reason", {"everything": "on", "reason": "short"}),
        ("name", {"everything": "on", "name": "x"}),
        ("systems", {"systems": "no-such"}),
    ],
)
def test_what_a_hold_needs_is_said_beside_its_field(story, client, field, sent):
    client.force_login(story.owner)
    answer = client.post(HOLDS, {"name": "Case 8", "reason": WHY, **sent})
    assert answer.status_code == 422
    assert set(answer.context["form"].errors) == {field}
    assert not LegalHold.objects.exists()


def test_who_is_held_and_by_what(story):
    bruno, david = Identity.objects.get(key="p2"), Identity.objects.get(key="p4")
    campaign = story.launch()
    ana = story.user("ana@x.example")
    assert not people_held.is_held(bruno)
    cases = [
        ({"people": ["p2"]}, {bruno}),
        ({"systems": ["crm"]}, {bruno, david}),
        ({"campaigns": [campaign.pk]}, {bruno, david, ana}),
        ({"everything": True}, {bruno, david, ana, story.auditor}),
    ]
    for covers, held in cases:
        hold = place(story, **covers)
        for person in (bruno, david, ana, story.auditor):
            expected = person in held or (person == ana and covers.get("systems") == ["crm"])
            assert people_held.is_held(person) == expected, (covers, person)
        holds.release(hold_id=hold.pk, reason="It is over, they say", by=story.admin)


def test_leavers_are_due_by_the_rule_unless_held(story):
    with clock.freeze(clock.now() + timedelta(days=100)):
        assert overview.leavers_due(10) == []
        rule(KINDS["leavers"], 30, story)
        assert [one.key for one in overview.leavers_due(10)] == ["p3"]
        assert tasks.apply_retention() == 0
        place(story, people=["p3"])
        assert overview.leavers_due(10) == []


def test_auditors_read_and_change_nothing(story, client):
    with clock.freeze(clock.now() - timedelta(days=1)):
        place(story, everything=True)
    client.force_login(story.auditor)
    for address in (RULES, f"{RULES}packs/", HOLDS, f"{HOLDS}{LegalHold.objects.get().pk}/"):
        answer = client.get(address)
        assert answer.status_code == 200
        assert "<form" not in answer.text.split("<main")[1]
    assert client.get(f"{RULES}nothing/").status_code == 404
