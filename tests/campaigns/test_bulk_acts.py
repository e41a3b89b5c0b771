"""Bulk acts: the preview says what is touched and what is not, and the act is exactly that."""

import pytest
from django.urls import reverse
from hypothesis import given
from hypothesis import strategies as st

from campaigns import bulk_acts, decision_facts, worklist
from campaigns.actions import delegations, items, launching, plans
from campaigns.actions.items import Selection
from campaigns.models import Assignment, BulkAct, Decision
from certify.lib import canonical, clock
from certify.lib.errors import Conflict
from ledger.models import Entry
from ledger.rules import MAX_PAYLOAD_BYTES

pytestmark = pytest.mark.django_db


def rows_of(user, campaign, *accounts: str) -> list[int]:
    found = worklist.my_rows(user, campaign.pk)
    return list((found.filter(item__account_key__in=accounts) if accounts else found).values_list("pk", flat=True))


def preview(user, campaign, ids) -> dict:
    return bulk_acts.preview(worklist.my_rows(user, campaign.pk), ids, user, campaign.stage)


def test_the_preview_says_what_they_share_how_they_differ_and_what_is_left_out(story, campaign, ana):
    story.decide(campaign, "david", "revoke", ana)
    seen = preview(ana, campaign, rows_of(ana, campaign))
    assert (seen["selected"], seen["eligible"], seen["red"], seen["single"], seen["other"]) == (5, 2, 2, 1, 0)
    assert dict(seen["red_signals"]) == {"Left or inactive": 1, "Privileged": 1}
    assert seen["same"] == [("System", "Customer records"), ("Right", "Read customers")]
    assert [facet["title"] for facet in seen["differs"]] == ["Person", "Department"]
    assert ("Service account or AI agent", 1) in seen["signals"]
    alone = preview(ana, campaign, rows_of(ana, campaign, "job"))
    assert ("Person", "Nightly job") in alone["same"]
    assert ("Look at", "Service account or AI agent") in alone["same"]
    assert not alone["differs"]


def test_somebody_without_a_value_differs_from_those_who_have_one(story, campaign, ana):
    story.load(identities=story.texts["identities"].replace("active,IT", "active,"))
    later = story.launch("Later")
    seen = preview(ana, later, rows_of(ana, later, "bruno", "job"))
    assert [facet["title"] for facet in seen["differs"]] == ["Person", "Department"]


def test_an_act_that_would_not_be_what_was_shown_records_nothing(story, campaign, ana):
    ids = rows_of(ana, campaign)
    seen = preview(ana, campaign, ids)
    story.decide(campaign, "job", "revoke", ana)
    with pytest.raises(Conflict, match="meanwhile"):
        items.decide_bulk(campaign_id=campaign.pk, selection=Selection(ids, {}, seen["seen"]), code="approve", by=ana)
    assert not BulkAct.objects.exists()
    assert list(Decision.objects.values_list("item__account_key", flat=True)) == ["job"]
    again = preview(ana, campaign, ids)["seen"]
    assert items.decide_bulk(campaign_id=campaign.pk, selection=Selection(ids, {}, again), code="approve", by=ana).decided == 2


def test_what_is_not_the_users_to_answer_is_counted_and_left(story, campaign, ana):
    ids = rows_of(ana, campaign)
    own = story.row(campaign, "ana")
    Assignment.objects.filter(pk=own.pk).update(reviewer=ana)  # as if a rule had gone wrong
    seen = preview(ana, campaign, [*ids, own.pk])
    assert (seen["other"], seen["eligible"]) == (1, 3)
    done = items.decide_bulk(
        campaign_id=campaign.pk, selection=Selection([*ids, own.pk], {}, seen["seen"]), code="approve", by=ana
    )
    assert (done.decided, done.left_out) == (3, 3)


def test_everything_the_filter_shows_is_said_in_words_and_recorded(client, story, campaign, ana):
    client.force_login(ana)
    address = reverse("campaigns:bulk", args=[campaign.pk])
    filters = {"code": "approve", "system": "crm", "state": "open", "search": "read"}
    page = client.post(address, {**filters, "everything": "on"}).text
    assert "All 4 items that the filter shows: to decide, system “crm”, search “read”." in page
    assert '<button class="button primary">Keep 3</button>' in page.replace("\n", "")
    ids, seen = (
        rows_of(ana, campaign, "bruno", "david", "job"),
        preview(ana, campaign, rows_of(ana, campaign, "bruno", "david", "job")),
    )
    done = client.post(address, {**filters, "item": ids, "all_shown": "yes", "confirm": "yes", "seen": seen["seen"]})
    assert done.status_code == 302
    assert "system=crm" in done.url
    recorded = Entry.objects.get(kind="decision:bulk").payload_json["data"]
    assert recorded["filter"] == {"everything": True, "search": "read", "state": "open", "system": "crm"}
    assert (recorded["count"], recorded["left_out"]) == (3, 1)


def test_the_page_asks_for_the_reason_and_says_what_changed(client, story, campaign, ana):
    client.force_login(ana)
    address, ids = reverse("campaigns:bulk", args=[campaign.pk]), rows_of(ana, campaign)
    seen = preview(ana, campaign, ids)["seen"]
    refused = client.post(address, {"code": "dont_know", "item": ids, "confirm": "yes", "seen": seen, "rationale": ""})
    assert (refused.status_code, "Say what is missing" in refused.text) == (422, True)
    story.decide(campaign, "job", "revoke", ana)
    stale = client.post(address, {"code": "approve", "item": ids, "confirm": "yes", "seen": seen})
    assert stale.status_code == 409
    assert "Nothing was recorded" in stale.text
    assert ">Keep 2</button>" in stale.text
    none = client.post(address, {"code": "approve", "item": rows_of(ana, campaign, "chloe")}).text
    assert "None of these can be decided together" in none


def told(data: dict) -> list[dict]:
    """Each decision that the data of an entry of an act hold, whole."""
    shared = {name: value for name, value in data.items() if name != "rows"}
    return [shared | row for row in data["rows"]]


def test_a_deputy_who_answers_for_two_has_each_item_once_in_an_entry(story, ana):
    today = clock.now().date()
    panels = [[{"rule": "manager"}], [{"rule": "person", "user": story.fallback.pk}]]
    stage = {"name": "Two", "panels": panels, "strategy": "one_deny_denies", "days": 7}
    definition = story.define()
    plans.set_plan(definition_id=definition.pk, plan={"stages": [stage]}, by=story.owner)
    campaign = launching.request(definition_id=definition.pk, name="Two", by=story.owner)
    campaign = launching.launch(campaign_id=campaign.pk, by=story.owner)
    absence = delegations.Absence(today, today, "Away for today")
    delegations.delegate(principal=ana, to=[story.fallback], absence=absence, by=ana)
    both = Assignment.objects.filter(campaign=campaign, item__account_key__in=("david", "job")).order_by("pk")
    done = items.decide_bulk(
        campaign_id=campaign.pk, selection=Selection([row.pk for row in both]), code="approve", by=story.fallback
    )
    assert done.decided == both.count() > len({row.item_number for row in both})
    entries = Entry.objects.filter(kind="decisions:made")
    found = [(str(entry.uid), one["item"], one.get("for", "")) for entry in entries for one in told(entry.payload_json["data"])]
    assert len({(uid, item) for uid, item, _ in found}) == done.decided
    made = Decision.objects.select_related("item")
    acting = {
        (str(one.entry_uid), str(one.item.number), f"people.user:{one.acting_for_id}" if one.acting_for_id else "")
        for one in made
    }
    assert acting == set(found)
    assert {row.pk: row.decision_entry_uid for row in both.all()} == {one.assignment_id: one.entry_uid for one in made}


texts = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=300)


@given(st.lists(st.tuples(texts, texts), min_size=1, max_size=60), st.integers(1, 400))
def test_no_entry_of_an_act_is_too_long_and_none_of_it_is_lost(answers, times):
    answers = answers * times
    facts = [
        {
            "item": str(10**7 + place),
            "rule": "x" * 20,
            "shown": "0" * 64,
            "for": "people.user:" + "9" * 12,
            "rationale": why,
            "reduce_to": left,
        }
        for place, (why, left) in enumerate(answers)
    ]
    uids = decision_facts.portions(decision_facts.size_of(*answer) for answer in answers)
    portions = {}
    for uid, fact in zip(uids, facts, strict=True):
        portions.setdefault(uid, []).append(fact)
    entries = [decision_facts.together(portion) for portion in portions.values()]
    assert max(len(canonical.dumps(entry)) for entry in entries) <= MAX_PAYLOAD_BYTES - 1_000
    assert [one for entry in entries for one in told(entry)] == facts
