"""Fifty reviewers at once, on the same items, in bulk, undoing and submitting: nothing is lost, doubled or stuck."""

import random
from collections import Counter
from concurrent.futures import ThreadPoolExecutor

import pytest
from django.db import connection

from campaigns import rules, worklist
from campaigns.actions import advancing, closing, items, launching, plans, reviews
from campaigns.actions.items import Answer, Selection
from campaigns.models import Assignment, Campaign, Decision, ReviewItem, SignedDecision
from certify.lib.errors import Conflict, InvalidInput
from ledger.actors import SYSTEM
from ledger.models import Entry
from people.actions import users
from tests.story import GRANTS, Story, tell

pytestmark = pytest.mark.django_db(transaction=True)
PEOPLE, ITEMS, ACTS, AT_ONCE = 10, 30, 12, 50
REASON = "Checked with the team lead today"


@pytest.fixture
def campaign(transactional_db, tmp_path) -> Campaign:
    """Thirty items, about each of which a board of ten is asked."""
    story: Story = tell(tmp_path)
    rows = [f"crm,login{number},Login {number},p2,read,2026-01-05,2026-11-01," for number in range(ITEMS)]
    story.load(grants="\n".join([GRANTS.splitlines()[0], *rows]) + "\n")
    board = [users.create(username=f"board{n}", name=f"Board {n}", roles=["reviewer"], by=story.admin) for n in range(PEOPLE)]
    group = plans.create_group(name="Board", members=board, by=story.owner)
    links = [{"rule": "group", "group": group.pk, "quorum": 3}]
    definition = story.define()
    stage = {"name": "Board", "panels": [links], "strategy": "one_deny_denies", "days": 7}
    plans.set_plan(definition_id=definition.pk, plan={"stages": [stage]}, by=story.owner)
    asked = launching.request(definition_id=definition.pk, name="Board", by=story.owner)
    return launching.launch(campaign_id=asked.pk, by=story.owner)


def act(campaign: Campaign, person, dice: random.Random) -> str:
    """One act of one person; what was refused because somebody was quicker is no failure."""
    rows = list(Assignment.objects.filter(campaign=campaign, reviewer=person).values_list("pk", flat=True))
    what = dice.choice(["decide", "decide", "decide", "undo", "bulk", "submit"])
    try:
        if what == "decide":
            code = dice.choice(["approve", "revoke"])
            items.decide(assignment_id=dice.choice(rows), answer=Answer(code, REASON), by=person)
        elif what == "undo":
            items.undo(assignment_id=dice.choice(rows), by=person)
        elif what == "bulk":
            chosen = Selection(dice.sample(rows, 12))
            items.decide_bulk(campaign_id=campaign.pk, selection=chosen, code="approve", rationale=REASON, by=person)
        else:
            count = worklist.my_drafts(person, campaign.pk).count()
            words = rules.statement(count, campaign.name)
            reviews.submit(campaign_id=campaign.pk, statement=words, by=person)
    except (InvalidInput, Conflict):
        return "refused"
    return what


def play(campaign: Campaign, people: list, seed: int) -> Counter:
    """Some acts of one of fifty browsers, on a connection of its own."""
    dice = random.Random(seed)
    try:
        return Counter(act(campaign, dice.choice(people), dice) for _ in range(ACTS))
    finally:
        connection.close()


def test_fifty_at_once_lose_nothing_and_stop_nobody(campaign):
    people = [row.reviewer for row in Assignment.objects.filter(item_number=1).select_related("reviewer")]
    with ThreadPoolExecutor(AT_ONCE) as pool:
        done = sum(pool.map(lambda seed: play(campaign, people, seed), range(AT_ONCE)), Counter())
    assert min(done["decide"], done["bulk"], done["submit"]) > 0, done
    entries = Entry.objects.filter(kind__in=("decision:made", "decisions:made", "decision:undone"))
    data = entries.values_list("uid", "payload_json__data")
    told = [(uid, row["item"]) for uid, said in data for row in said.get("rows", [said])]
    made = [(uid, str(number)) for uid, number in Decision.objects.values_list("entry_uid", "item__number")]
    assert Counter(made) == Counter(told)
    assert max(Counter(told).values()) == 1
    for row in Assignment.objects.filter(campaign=campaign):
        last = Decision.objects.filter(assignment=row).order_by("-id").first()
        stands = last.entry_uid if last and last.code != "undo" else None
        assert row.decision_entry_uid == stands
        assert row.sign_off_id is None or SignedDecision.objects.filter(assignment=row, entry_uid=stands).count() == 1
    assert SignedDecision.objects.count() == Assignment.objects.filter(sign_off__isnull=False).count()


def test_two_who_end_a_stage_at_once_end_it_once(campaign):
    def end(_) -> None:
        try:
            advancing.finish_stage(campaign_id=campaign.pk, by=campaign.owner)
        finally:
            connection.close()

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(end, range(8)))
    assert Entry.objects.filter(kind="campaign:closed").count() == 1
    assert set(ReviewItem.objects.values_list("outcome", flat=True)) == {"not_reviewed"}


def test_deciding_while_the_campaign_closes_is_in_the_outcome_or_refused(campaign):
    people = [row.reviewer for row in Assignment.objects.filter(item_number=1).select_related("reviewer")]

    def close(_) -> Counter:
        try:
            closing.close(campaign_id=campaign.pk, by=campaign.owner)
        finally:
            connection.close()
        return Counter()

    with ThreadPoolExecutor(AT_ONCE) as pool:
        jobs = [pool.submit(play, campaign, people, seed) for seed in range(20)] + [pool.submit(close, 0)]
        jobs += [pool.submit(play, campaign, people, seed) for seed in range(20, 40)]
        for job in jobs:
            job.result()
    end = Entry.objects.get(kind="campaign:closed")
    assert end.payload_json["data"]["decisions"] == Decision.objects.count()
    assert not Decision.objects.filter(decided_at__gt=end.at).exists()
    assert closing.close(campaign_id=campaign.pk, by=SYSTEM).close_entry_uid == end.uid
