"""A reviewer gives items to somebody else: whom, what stays and why, the way back, and what the ledger and the mail say."""

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest
from django.db import connection
from django.urls import reverse

from campaigns import hand_over as giving
from campaigns import worklist
from campaigns.actions import assignments, delegations, handing_over, launching, plans
from campaigns.actions.delegations import Absence
from campaigns.actions.items import Selection
from campaigns.models import Assignment, Campaign
from certify.lib import clock
from certify.lib.errors import InvalidInput, NotAllowed
from ledger.models import Entry
from people.actions import users
from people.models import Mail, User
from tests.story import IDENTITIES, Story, tell

pytestmark = pytest.mark.django_db
REASON = "They know the people better"
#: The company with Greta above Ana, and Hugo above Greta; Bruno can sign in.
LINE = IDENTITIES.replace("p1,Ana Berg,ana@x.example,employee,active,Finance,Head of Finance,,", (
    "p0,Greta Holm,greta@x.example,employee,active,Board,Chief,p9,\n"
    "p9,Hugo Lind,hugo@x.example,employee,active,Board,Chair,,\n"
    "p1,Ana Berg,ana@x.example,employee,active,Finance,Head of Finance,p0,"
))  # fmt: skip


def person(story: Story, name: str, *roles: str) -> User:
    return users.create(
        username=name, name=name.title(), email=f"{name}@x.example", roles=roles or ["reviewer"], by=story.admin
    )


@pytest.fixture
def line(story) -> Story:
    for name in ("greta", "hugo", "bruno"):
        person(story, name)
    story.load(identities=LINE)
    return story


def launch(story: Story, hand_over: str = "deputies_and_managers", **plan) -> Campaign:
    stage = {"name": "Managers", "panels": [[{"rule": "manager"}]], "strategy": "one_deny_denies", "days": 7}
    definition = story.define("Handed over")
    plans.set_plan(definition_id=definition.pk, plan={"stages": [stage], "hand_over": hand_over, **plan}, by=story.owner)
    asked = launching.request(definition_id=definition.pk, name="Handed over", by=story.owner)
    return launching.launch(campaign_id=asked.pk, by=story.owner)


def rows_of(campaign: Campaign, user: User) -> list[int]:
    found = Assignment.objects.filter(campaign=campaign, reviewer=user, is_active=True, decision="")
    return list(found.order_by("item_number").values_list("pk", flat=True))


def give(campaign: Campaign, ids: list[int], to: User, by: User, reason: str = REASON) -> handing_over.HandedOver:
    return handing_over.hand_over(campaign_id=campaign.pk, selection=Selection(ids), to=to, reason=reason, by=by)


def test_a_manager_gets_items_with_a_mail_and_the_way_stays(line):
    campaign, ana, greta = launch(line), line.user("ana@x.example"), line.user("greta@x.example")
    ids = rows_of(campaign, ana)
    done = give(campaign, ids, greta, ana)
    assert (done.given, done.back, done.stayed) == (len(ids), 0, {})
    old = Assignment.objects.filter(pk__in=ids)
    assert set(old.values_list("is_active", "decision")) == {(False, "")}
    new = Assignment.objects.filter(previous_id__in=ids)
    assert set(new.values_list("reviewer_id", "rule", "reason", "is_active", "is_vote")) == {
        (greta.pk, "reassigned", REASON, True, True)
    }
    entry = Entry.objects.get(kind="assignment:reassigned")
    data = entry.payload_json["data"]
    assert (entry.actor_id, data["from"], data["to"]) == (
        f"people.user:{ana.pk}",
        f"people.user:{ana.pk}",
        f"people.user:{greta.pk}",
    )
    assert data["items"] == sorted(new.values_list("item_number", flat=True))
    mail = Mail.objects.get(template="items_given")
    assert (mail.recipient, mail.context["items"], mail.context["giver"]) == (greta, len(ids), "Ana Berg")


def test_only_deputies_and_two_managers_unless_the_plan_says_anyone(line):
    campaign, ana = launch(line), line.user("ana@x.example")
    ids = rows_of(campaign, ana)
    offered = giving.receivers(campaign, [(row, ana.pk) for row in ids], ana)
    assert {heading: [one.name for one in people] for heading, people in offered.items()} == {"Managers": ["Greta", "Hugo"]}
    refused = give(campaign, ids, line.fallback, ana)
    assert (refused.given, refused.stayed) == (0, {"not_allowed": len(ids)})
    today = clock.now().date()
    delegations.delegate(principal=ana, to=[line.fallback], absence=Absence(today, today, "Away for today"), by=ana)
    assert give(campaign, ids, line.fallback, ana).given == len(ids)


def test_what_may_not_go_stays_and_is_counted_by_why(line):
    line.load(
        grants=line.texts["grants"].replace("crm,david,David Ekman,p4,read,2026-01-05,,", "crm,david,David Ekman,p4,read,,,")
    )
    rows = [row + (",bruno@x.example" if "david" in row else ",") for row in line.texts["grants"].splitlines()[1:]]
    line.load(grants="\n".join([line.texts["grants"].splitlines()[0] + ",granted_by", *rows]) + "\n")
    campaign, ana, bruno = launch(line, "anyone"), line.user("ana@x.example"), line.user("bruno@x.example")
    line.decide(campaign, "job", "approve", ana)
    line.submit(campaign, ana)
    line.decide(campaign, "chloe", "revoke", ana)
    every = list(Assignment.objects.filter(campaign=campaign, reviewer=ana, is_active=True).values_list("pk", flat=True))
    done = give(campaign, every, bruno, ana)
    assert done.stayed == {"submitted": 1, "decided": 1, "own_access": 2, "granter": 1}
    assert giving.in_words(done.given, done.back, done.stayed, bruno).startswith(
        "0 given to Bruno; 1 stayed because they are submitted"
    )
    assert not Assignment.objects.filter(campaign=campaign, reviewer=bruno).exists()


def test_a_report_never_reviews_their_manager_but_where_the_plan_excuses_it(line):
    campaign, greta, ana = launch(line, "anyone"), line.user("greta@x.example"), line.user("ana@x.example")
    bruno = line.user("bruno@x.example")
    own = rows_of(campaign, greta)
    assert Assignment.objects.get(pk=own[0]).item.identity_key == "p1"
    assert give(campaign, own, bruno, greta).stayed == {"own_report": 1}
    assert give(campaign, own, ana, greta).stayed == {"own_access": 1}
    Campaign.objects.filter(pk=campaign.pk).update(
        terms=campaign.terms | {"independence": {"granter": "route", "report": "excuse"}}
    )
    assert give(campaign, own, bruno, greta).given == 1
    assert Assignment.objects.get(previous=own[0]).excused == "own_report"


def test_giving_back_is_allowed_and_said_and_five_times_is_enough(line):
    campaign, ana, greta = launch(line), line.user("ana@x.example"), line.user("greta@x.example")
    first = rows_of(campaign, ana)[:2]
    give(campaign, first, greta, ana)
    assert give(campaign, [row for row in rows_of(campaign, greta) if row not in first][1:], line.fallback, greta).given == 0
    held = [row for row in rows_of(campaign, greta) if Assignment.objects.get(pk=row).previous_id]
    back = give(campaign, held, ana, greta)
    assert (back.given, back.back) == (2, 2)
    assert "2 of them back to where they came from" in giving.in_words(2, 2, {}, ana)
    assert len(Entry.objects.filter(kind="assignment:reassigned").latest("id").payload_json["data"]["back"]) == 2
    for giver, to in [(ana, greta), (greta, ana), (ana, greta)]:
        held = [row for row in rows_of(campaign, giver) if Assignment.objects.get(pk=row).previous_id]
        assert give(campaign, held, to, giver).given == 2
    held = [row for row in rows_of(campaign, greta) if Assignment.objects.get(pk=row).previous_id]
    assert give(campaign, held, ana, greta).stayed == {"too_often": 2}
    way = giving.trail(Assignment.objects.get(pk=held[0]))
    assert [holder.name for holder in way] == ["Ana Berg", "Greta", "Ana Berg", "Greta", "Ana Berg"]
    assert [holder.is_again for holder in way] == [False, True, False, True, False]


@pytest.mark.parametrize("why", ["nobody", "auditor", "inactive", "no reason", "not theirs", "oneself", "too late"])
def test_refused(line, why):
    campaign = launch(line, "nobody" if why == "nobody" else "anyone")
    ana, greta = line.user("ana@x.example"), line.user("greta@x.example")
    to = {"auditor": line.auditor, "oneself": ana}.get(why, greta)
    ids, by, reason = rows_of(campaign, ana), ana, REASON
    if why == "inactive":
        users.deactivate(user_id=greta.pk, by=line.admin)
        greta.refresh_from_db()
    if why == "no reason":
        reason = "so"
    if why == "not theirs":
        by = line.fallback
    late = timedelta(days=8 if why == "too late" else 0)
    with clock.freeze(clock.now() + late), pytest.raises((InvalidInput, NotAllowed)):
        give(campaign, ids, to, by, reason)
    assert rows_of(campaign, ana) == ids


def test_a_deputy_gives_away_for_the_principal_and_the_ledger_says_who(line):
    campaign, ana, greta, hugo = launch(line), *(line.user(f"{name}@x.example") for name in ("ana", "greta", "hugo"))
    today = clock.now().date()
    delegations.delegate(principal=ana, to=[greta], absence=Absence(today, today, "Away for today"), by=ana)
    ids = rows_of(campaign, ana)
    assert give(campaign, ids, hugo, greta).given == len(ids)
    entry = Entry.objects.get(kind="assignment:reassigned")
    assert (entry.actor_id, entry.payload_json["data"]["from"]) == (f"people.user:{greta.pk}", f"people.user:{ana.pk}")


def test_a_reviewer_cannot_go_round_the_rules_by_the_owners_act(line):
    campaign, ana = launch(line, "nobody"), line.user("ana@x.example")
    with pytest.raises(NotAllowed):
        assignments.reassign(
            campaign_id=campaign.pk, selection=Selection(rows_of(campaign, ana)), to=line.fallback, reason=REASON, by=ana
        )


def test_the_pages(client, line):
    campaign, ana, greta = launch(line), line.user("ana@x.example"), line.user("greta@x.example")
    address, ids = reverse("campaigns:hand-over", args=[campaign.pk]), rows_of(campaign, ana)
    client.force_login(ana)
    assert "Give to …" in client.get(reverse("campaigns:review", args=[campaign.pk])).text
    assert "Give to …" in client.get(reverse("campaigns:item-detail", args=[campaign.pk, ids[0]])).text
    asked = client.post(address, {"item": ids[:2]})
    assert (asked.status_code, "Give 2 items" in asked.text, "Managers" in asked.text) == (200, True, True)
    assert client.post(address, {"item": ids, "confirm": "yes", "to": greta.pk, "reason": "no"}).status_code == 422
    assert client.post(address, {"item": ids, "confirm": "yes", "to": line.fallback.pk, "reason": REASON}).status_code == 422
    line.decide(campaign, "job", "approve", ana)
    done = client.post(address, {"item": ids, "confirm": "yes", "to": greta.pk, "reason": REASON}, follow=True)
    assert f"{len(ids) - 1} given to Greta; 1 stayed because they are decided; undo that first." in done.text
    client.force_login(greta)
    held = [row for row in rows_of(campaign, greta) if Assignment.objects.get(pk=row).previous_id]
    assert "from Ana Berg" in client.get(reverse("campaigns:item-detail", args=[campaign.pk, held[0]])).text
    assert "Ana Berg had 1 of these before" in client.post(address, {"item": held[:1]}).text
    all_of_them = client.post(address, {"everything": "on", "confirm": "yes", "to": ana.pk, "reason": REASON}, follow=True)
    assert "back to where they came from" in all_of_them.text


def test_a_campaign_without_hand_over_does_not_offer_it(client, line):
    campaign, ana = launch(line, "nobody"), line.user("ana@x.example")
    client.force_login(ana)
    assert "Give to …" not in client.get(reverse("campaigns:review", args=[campaign.pk])).text
    answer = client.post(reverse("campaigns:hand-over", args=[campaign.pk]), {"item": rows_of(campaign, ana)})
    assert answer.status_code == 403


@pytest.mark.django_db(transaction=True)
def test_twenty_who_give_the_same_items_at_once_give_them_once(transactional_db, tmp_path):
    story = tell(tmp_path)
    for name in ("greta", "hugo", "bruno"):
        person(story, name)
    story.load(identities=LINE)
    campaign = launch(story)
    ana = story.user("ana@x.example")
    to = [story.user("greta@x.example"), story.user("hugo@x.example")]
    ids = rows_of(campaign, ana)

    def act(number: int) -> int:
        try:
            return give(campaign, ids if number % 3 else ids[::-1], to[number % 2], ana).given
        except NotAllowed:
            return 0
        finally:
            connection.close()

    with ThreadPoolExecutor(20) as pool:
        assert sum(pool.map(act, range(20))) == len(ids)
    active = Assignment.objects.filter(campaign=campaign, item_id__in=Assignment.objects.filter(pk__in=ids).values("item_id"))
    assert active.filter(is_active=True).count() == len(ids)
    assert worklist.my_rows(ana, campaign.pk).count() == 0


@pytest.mark.django_db(transaction=True)
def test_a_whole_group_that_gives_to_one_person_at_once_asks_that_person_once(transactional_db, tmp_path):
    story = tell(tmp_path)
    board = [person(story, f"board{number}") for number in range(8)]
    group = plans.create_group(name="Board", members=board, by=story.owner)
    stage = {
        "name": "Board",
        "panels": [[{"rule": "group", "group": group.pk, "quorum": 2}]],
        "strategy": "one_deny_denies",
        "days": 7,
    }
    definition = story.define("Board")
    plans.set_plan(definition_id=definition.pk, plan={"stages": [stage], "hand_over": "anyone"}, by=story.owner)
    campaign = launching.launch(
        campaign_id=launching.request(definition_id=definition.pk, name="Board", by=story.owner).pk, by=story.owner
    )

    def act(giver: User) -> handing_over.HandedOver:
        try:
            return give(campaign, rows_of(campaign, giver), story.fallback, giver)
        finally:
            connection.close()

    with ThreadPoolExecutor(8) as pool:
        done = list(pool.map(act, board))
    assert sorted(one.given for one in done) == [0] * 7 + [campaign.item_count]
    assert all(one.given or one.stayed == {"asked": campaign.item_count} for one in done)
