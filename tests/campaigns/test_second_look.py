"""The second look: drawn by the seed alone, asked of somebody else who does not see the first answer, and changing nothing by itself."""

import hashlib
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest
from django.db import DatabaseError, connection, transaction
from django.urls import reverse
from hypothesis import given
from hypothesis import strategies as st

from campaigns import second_look, worklist
from campaigns.actions import advancing, closing, delegations, handing_over, items, launching, plans
from campaigns.actions import second_look as actions
from campaigns.actions.delegations import Absence
from campaigns.actions.items import Selection
from campaigns.models import Assignment, Campaign, SecondLook
from certify.lib import clock
from certify.lib.errors import InvalidInput, NotAllowed
from evidence.actions import periods
from ledger.actors import SYSTEM
from ledger.models import Entry
from people.models import Mail, User
from tests.evidence.conftest import build, key_file, seal, verify
from tests.story import Story, tell

REASON = "Checked with the team lead today"
numbers = st.lists(st.integers(1, 10**6), unique=True, max_size=60)
seeds, shares = st.text("0123456789abcdef", min_size=32, max_size=32), st.integers(1, 100)
__all__ = ["key_file"]


@given(seed=seeds, share=shares, kept=numbers, data=st.data())
def test_the_sample_depends_only_on_seed_and_items_is_without_repetition_and_has_its_size(seed, share, kept, data):
    found = second_look.chosen(seed, share, kept)
    assert found == second_look.chosen(seed, share, data.draw(st.permutations(kept)) + kept[:3])
    assert len(found) == len(set(found)) == second_look.size_of(len(kept), share)
    assert set(found) <= set(kept)
    assert (not kept) or 1 <= len(found) <= len(kept)
    assert 100 * len(found) >= share * len(kept) > 100 * (len(found) - 1) or not kept


@given(seed=seeds, share=shares, kept=numbers)
def test_the_sample_grows_with_the_share_and_others_items_do_not_move_it(seed, share, kept):
    assert second_look.chosen(seed, 100, kept)[: second_look.size_of(len(kept), share)] == second_look.chosen(seed, share, kept)
    order = sorted(kept, key=lambda number: (hashlib.sha256((seed + str(number)).encode()).digest(), number))
    assert second_look.chosen(seed, 100, kept) == order


pytestmark = pytest.mark.django_db


def launch(story: Story, share: int = 50, *, stages: int = 1, reviewer="owner", name: str = "Looked at", **stage) -> Campaign:
    first = {
        "name": "Managers",
        "panels": [[{"rule": "manager"}, {"rule": "system_owner"}]],
        "strategy": "one_deny_denies",
        "days": 7,
    } | stage
    definition = story.define(f"Definition of {name}")
    look = {"share": share, "reviewer": reviewer, "days": 4}
    plans.set_plan(
        definition_id=definition.pk, plan={"stages": [dict(first) for _ in range(stages)], "second_look": look}, by=story.owner
    )
    asked = launching.request(definition_id=definition.pk, name=name, by=story.owner)
    return launching.launch(campaign_id=asked.pk, by=story.owner)


@pytest.fixture
def kept(story) -> Campaign:
    """Ana keeps four, the owner of the system keeps one, Chloe's is removed; then the stage is due."""
    return keep(story, launch(story))


def keep(story: Story, campaign: Campaign) -> Campaign:
    ana = story.user("ana@x.example")
    for account, right in (("bruno", "read"), ("bruno", "admin"), ("david", "read"), ("job", "read")):
        story.decide(campaign, account, "approve", ana, entitlement=right)
    story.decide(campaign, "chloe", "revoke", ana)
    story.submit(campaign, ana)
    story.decide(campaign, "shared", "approve", story.system_owner)
    story.submit(campaign, story.system_owner)
    return due(campaign)


def due(campaign: Campaign) -> Campaign:
    campaign.refresh_from_db()
    with clock.freeze(campaign.due_at + timedelta(minutes=1)):
        advancing.finish_stage(campaign_id=campaign.pk, by=SYSTEM)
    campaign.refresh_from_db()
    return campaign


def looks(campaign: Campaign) -> list[Assignment]:
    return list(
        Assignment.objects.filter(campaign=campaign, is_vote=False, is_active=True).select_related("item").order_by("pk")
    )


def answer(story: Story, campaign: Campaign, code: str, by: User, rows: list[Assignment] | None = None) -> None:
    for row in looks(campaign) if rows is None else rows:
        items.decide(assignment_id=row.pk, answer=items.Answer(code, REASON), by=by)
    story.submit(campaign, by)


def during(campaign: Campaign):
    return clock.freeze(campaign.due_at - timedelta(hours=1))


def test_when_the_last_stage_is_due_a_share_is_asked_again_and_the_campaign_stays_open(story, kept):
    ana, seed = story.user("ana@x.example"), kept.terms["second_look"]["seed"]
    assert kept.state == "open"
    by_ana = [row.item_number for row in Assignment.objects.filter(campaign=kept, decided_by=ana, decision="approve")]
    by_other = story.item(kept, "shared").number
    assert len(by_ana) == 4
    assert [row.item_number for row in looks(kept)] == sorted([*second_look.chosen(seed, 50, by_ana), by_other])
    assert {(row.reviewer, row.rule, row.stage, row.decision) for row in looks(kept)} == {(story.owner, "second_look", 1, "")}
    data = Entry.objects.get(kind="second-look:asked").payload_json["data"]
    assert (data["seed"], data["share"], data["items"], data["without_reviewer"]) == (seed, 50, 3, 0)
    assert [(one["id"], one["kept"], one["asked"]) for one in data["reviewers"]] == [
        (f"people.user:{story.system_owner.pk}", 1, 1),
        (f"people.user:{ana.pk}", 4, 2),
    ]
    assert seed in str(Entry.objects.get(kind="campaign:launched").payload_json["data"]["terms"])
    mail = Mail.objects.get(template="second_look")
    assert (mail.recipient, mail.context["items"]) == (story.owner, 3)
    with pytest.raises(InvalidInput):
        actions.ask(campaign_id=kept.pk, by=story.owner)


def test_it_closes_when_all_agree_and_the_rates_are_told(story, kept):
    with during(kept):
        answer(story, kept, "approve", story.owner)
        advancing.finish_stage(campaign_id=kept.pk, by=SYSTEM)
    kept.refresh_from_db()
    assert kept.state == "closed"
    assert story.item(kept, "bruno").outcome == "approved"
    told = second_look.summary(kept)
    assert (told["asked"], told["answered"], told["agreed"], told["percent"]) == (3, 3, 3, 100)


def test_a_disagreement_changes_nothing_waits_for_the_owner_and_can_be_opened_again(story, kept):
    ana = story.user("ana@x.example")
    own = [row for row in looks(kept) if row.item.account_key != "shared"]
    shared = [row for row in looks(kept) if row.item.account_key == "shared"]
    with during(kept):
        answer(story, kept, "revoke", story.owner, own)
        answer(story, kept, "dont_know", story.owner, shared)
        advancing.finish_stage(campaign_id=kept.pk, by=SYSTEM)
        assert Campaign.objects.get(pk=kept.pk).state == "open", "the owner has time to look at what differs"
        found = second_look.disagreements(kept)
        assert [one.second.pk for one in found] == [row.pk for row in own]
        assert [(one.name, one.asked, one.answered, one.agreed) for one in second_look.agreement(kept)] == [
            ("Ana Berg", 2, 2, 0),
            ("System_Owner", 1, 0, 0),
        ]
        first = found[0].firsts[0]
        advancing.reopen(campaign_id=kept.pk, assignment_ids=[first.pk], reason=REASON, by=story.owner)
        items.undo(assignment_id=first.pk, by=ana)
        items.decide(assignment_id=first.pk, answer=items.Answer("revoke", REASON), by=ana)
        story.submit(kept, ana)
        closing.close(campaign_id=kept.pk, by=story.owner)
    outcomes = [one.second.item for one in found]
    for item in outcomes:
        item.refresh_from_db()
    assert [item.outcome for item in outcomes] == ["revoked", "approved"]


def test_first_answers_have_ended_and_drafts_of_them_are_not_submitted_late(story):
    campaign, ana = launch(story, 100), story.user("ana@x.example")
    story.decide(campaign, "bruno", "approve", ana)
    story.submit(campaign, ana)
    draft = story.decide(campaign, "job", "approve", ana)
    waiting = Assignment.objects.get(campaign=campaign, item__account_key="david")
    with pytest.raises(NotAllowed):
        actions.ask(campaign_id=campaign.pk, by=ana)
    assert actions.ask(campaign_id=campaign.pk, by=story.owner) == 1
    for row in (draft, waiting):
        with pytest.raises(InvalidInput, match="First answers have ended"):
            items.decide(assignment_id=row.pk, answer=items.Answer("approve", REASON), by=ana)
    done = items.decide_bulk(campaign_id=campaign.pk, selection=Selection([draft.pk, waiting.pk]), code="approve", by=ana)
    assert (done.decided, done.left_out) == (0, 2)
    assert worklist.my_drafts(ana, campaign.pk).count() == 0
    given = handing_over.hand_over
    Campaign.objects.filter(pk=campaign.pk).update(terms=campaign.terms | {"hand_over": "anyone"})
    stays = given(campaign_id=campaign.pk, selection=Selection([waiting.pk]), to=story.fallback, reason=REASON, by=ana)
    assert stays.stayed == {"ended": 1}


def test_it_does_not_close_before_the_second_look_is_asked_and_answered_or_over(story):
    campaign, ana = launch(story, 100), story.user("ana@x.example")
    story.decide(campaign, "bruno", "approve", ana)
    story.submit(campaign, ana)
    with pytest.raises(InvalidInput, match="second look"):
        closing.close(campaign_id=campaign.pk, by=story.owner)
    actions.ask(campaign_id=campaign.pk, by=story.owner)
    with pytest.raises(InvalidInput, match="are awaited until"):
        closing.close(campaign_id=campaign.pk, by=story.owner)
    assert due(campaign).state == "closed"
    assert second_look.agreement(campaign)[0].answered == 0


def test_nothing_kept_closes_at_once(story):
    campaign, ana = launch(story), story.user("ana@x.example")
    story.decide(campaign, "chloe", "revoke", ana)
    story.submit(campaign, ana)
    assert due(campaign).state == "closed"
    assert not SecondLook.objects.exists()


def test_who_answered_first_never_looks_again_not_even_as_deputy(story):
    """The named second reviewer is the system's owner, who kept the shared login: that one goes to the owner of the campaign."""
    campaign = keep(story, launch(story, 100, reviewer={"user": story.system_owner.pk}))
    found = {f"{row.item.account_key} {row.item.entitlement_key}": row.reviewer for row in looks(campaign)}
    assert found == dict.fromkeys(found, story.system_owner) | {"shared read": story.owner}
    ana, today = story.user("ana@x.example"), clock.now().date()
    absence = Absence(today, today + timedelta(days=30), "Away for a while")
    delegations.delegate(principal=story.system_owner, to=[ana], absence=absence, by=story.system_owner)
    row = next(row for row in looks(campaign) if row.item.account_key == "job")
    with during(campaign):
        with pytest.raises(NotAllowed):
            items.decide(assignment_id=row.pk, answer=items.Answer("approve", REASON), by=ana)
        many = items.decide_bulk(campaign_id=campaign.pk, selection=Selection([row.pk]), code="approve", by=ana)
        assert many.decided == 0
        refused = handing_over.hand_over(
            campaign_id=campaign.pk, selection=Selection([row.pk]), to=ana, reason=REASON, by=story.system_owner
        )
    assert refused.stayed == {"answered": 1} or refused.stayed == {"asked": 1}


def test_a_deputy_who_answered_first_is_not_asked_again(story):
    campaign, ana, today = launch(story, 100), story.user("ana@x.example"), clock.now().date()
    delegations.delegate(principal=ana, to=[story.owner], absence=Absence(today, today, "Away for today"), by=ana)
    story.decide(campaign, "bruno", "approve", story.owner)
    story.submit(campaign, story.owner)
    actions.ask(campaign_id=campaign.pk, by=story.owner)
    assert [row.reviewer for row in looks(campaign)] == [story.fallback], "the owner answered for Ana"


def test_of_a_group_somebody_is_drawn_and_nobody_for_their_own_access(story):
    board = plans.create_group(name="Board", members=[story.user("admin@x.example"), story.fallback], by=story.owner)
    campaign = keep(story, launch(story, 100, reviewer={"group": board.pk}))
    assert {row.reviewer for row in looks(campaign)} <= {story.admin, story.fallback}
    assert len(looks(campaign)) == 5


def test_what_was_kept_in_an_earlier_stage_and_went_no_further_is_looked_at_too(story):
    campaign, ana = launch(story, 100, stages=2, stop_on=["accept"]), story.user("ana@x.example")
    story.decide(campaign, "bruno", "approve", ana)
    story.submit(campaign, ana)
    campaign = due(campaign)
    assert (campaign.stage, looks(campaign)) == (2, [])
    story.decide(campaign, "job", "approve", ana)
    with clock.freeze(campaign.due_at - timedelta(days=1)):
        story.submit(campaign, ana)
    campaign = due(campaign)
    assert sorted((row.item.account_key, row.stage) for row in looks(campaign)) == [("bruno", 2), ("job", 2)]


def test_when_no_item_goes_on_the_second_look_comes_before_the_close(story):
    every = ["accept", "revoke", "reduce", "not_decided", "no_response"]
    campaign = keep(story, launch(story, 100, stages=2, stop_on=every))
    assert (campaign.stage, campaign.state, len(looks(campaign))) == (1, "open", 5)
    assert due(campaign).state == "closed"


def test_the_database_keeps_what_was_drawn(kept):
    for change in (lambda: SecondLook.objects.update(item_number=1), lambda: SecondLook.objects.all()._raw_delete("default")):
        with pytest.raises(DatabaseError), transaction.atomic():
            change()


def test_sql_draws_what_python_draws(story, kept):
    seed = kept.terms["second_look"]["seed"]
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT number FROM generate_series(1, 500) AS number ORDER BY sha256(convert_to(%s || number, 'UTF8')), number",
            [seed],
        )
        assert [number for (number,) in cursor.fetchall()] == second_look.chosen(seed, 100, range(1, 501))


def test_the_pages(client, story):
    campaign, ana = launch(story, 100), story.user("ana@x.example")
    page, ask = (
        reverse("campaigns:campaign-detail", args=[campaign.pk]),
        reverse("campaigns:campaign-second-look", args=[campaign.pk]),
    )
    story.decide(campaign, "bruno", "approve", ana)
    story.submit(campaign, ana)
    client.force_login(story.owner)
    assert "End the first answers and ask now" in client.get(page).text
    assert client.post(reverse("campaigns:campaign-close", args=[campaign.pk]), follow=True).status_code == 200
    assert "1 items are asked again" in client.post(ask, follow=True).text
    assert "are awaited until" in client.post(reverse("campaigns:stage-end", args=[campaign.pk]), follow=True).text
    row = looks(campaign)[0]
    drawer = client.get(reverse("campaigns:item-detail", args=[campaign.pk, row.pk])).text
    assert "Drawn by lot" in drawer
    assert "Ana Berg" not in drawer, "the second look is blind"
    answer(story, campaign, "revoke", story.owner)
    text = client.get(page).text
    assert "Where the second answer differs" in text
    first = second_look.disagreements(campaign)[0].firsts[0]
    assert f"?row={first.pk}" in text
    assert (
        "Bruno Costa" in client.get(reverse("campaigns:reviewer-reopen", args=[campaign.pk, ana.pk]) + f"?row={first.pk}").text
    )
    client.force_login(ana)
    assert "First answers have ended" in client.get(reverse("campaigns:review", args=[campaign.pk])).text


@pytest.mark.parametrize("state", ["open", "closed"])
def test_the_pack_holds(story, key_file, tmp_path, state):
    campaign = keep(story, launch(story, 100))
    with during(campaign):
        answer(story, campaign, "revoke", story.owner)
    moment = campaign.due_at - timedelta(minutes=30)
    if state == "closed":
        campaign = due(campaign)
        moment = campaign.closed_at
    with clock.freeze(moment):
        day = clock.now().date()
        details = periods.Details("Autumn", "soc2", day - timedelta(days=60), day, day + timedelta(days=9), [story.auditor])
        period = periods.create(details=details, by=story.owner)
    build(period, seal(moment + timedelta(minutes=1)), tmp_path / "pack.zip")
    found = verify(tmp_path / "pack.zip")
    assert found.status == 0, found.text


@pytest.mark.django_db(transaction=True)
def test_eight_beats_at_once_ask_once(transactional_db, tmp_path):
    story = tell(tmp_path)
    campaign, ana = launch(story, 100), story.user("ana@x.example")
    story.decide(campaign, "bruno", "approve", ana)
    story.submit(campaign, ana)
    Campaign.objects.filter(pk=campaign.pk).update(due_at=clock.now() - timedelta(minutes=1))

    def beat(_) -> None:
        try:
            advancing.finish_stage(campaign_id=campaign.pk, by=SYSTEM)
        finally:
            connection.close()

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(beat, range(8)))
    assert (len(looks(campaign)), SecondLook.objects.count()) == (1, 1)
    assert Entry.objects.filter(kind="second-look:asked").count() == 1
    assert Campaign.objects.get(pk=campaign.pk).state == "open"
