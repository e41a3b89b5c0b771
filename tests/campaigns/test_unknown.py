"""“I don't know”: who is asked next, who is not, and what becomes of what nobody knows."""

from datetime import timedelta

import pytest

from campaigns import silence, worklist
from campaigns.actions import advancing, assignments, closing, delegations, items, launching, plans
from campaigns.actions import silence as actions
from campaigns.actions.delegations import Absence
from campaigns.actions.items import Selection
from campaigns.models import Assignment, Campaign, Decision
from certify.lib import clock
from certify.lib.errors import InvalidInput, NotAllowed
from ledger.actors import SYSTEM
from ledger.models import Entry
from people.actions import users
from people.models import Mail, User
from tests.campaigns.test_hand_over import LINE
from tests.story import GRANTS, Story

pytestmark = pytest.mark.django_db
EXCUSE = {"independence": {"granter": "excuse"}, "excuse": "Only the granter knows these old accounts"}
REASON = "They know the people better"


def launch(story: Story, name: str = "Quiet", *, rule: str = "manager", panels: list | None = None, **plan) -> Campaign:
    stage = {"name": "Managers", "panels": panels or [[{"rule": rule}]], "strategy": "one_deny_denies", "days": 7}
    stage["advance"] = plan.pop("advance", "when_due")
    definition = story.define(f"Definition of {name}")
    plans.set_plan(definition_id=definition.pk, plan={"stages": [stage], **plan}, by=story.owner)
    asked = launching.request(definition_id=definition.pk, name=name, by=story.owner)
    return launching.launch(campaign_id=asked.pk, by=story.owner)


def granted_by(story: Story, who: str) -> None:
    """Bruno's reading right was granted by them."""
    header, *rows = GRANTS.splitlines()
    lines = [f"{row},{who if row.startswith('crm,bruno,Bruno Costa,p2,read') else ''}" for row in rows]
    story.load(grants="\n".join([f"{header},granted_by", *lines]) + "\n")


def unknown(story: Story, campaign: Campaign, by: User) -> Assignment:
    story.decide(campaign, "bruno", "dont_know", by)
    story.submit(campaign, by)
    return story.row(campaign, "bruno")


@pytest.fixture
def greta(story) -> User:
    made = users.create(username="greta", name="Greta Holm", email="greta@x.example", roles=["reviewer"], by=story.admin)
    story.load(identities=LINE)
    return made


@pytest.mark.parametrize("called", ["greta", "greta@x.example", "p0"])
def test_the_granter_is_asked_next_where_the_terms_excuse_granters_and_it_is_said(story, greta, called):
    granted_by(story, called)
    campaign = launch(story, **EXCUSE)
    row = unknown(story, campaign, story.user("ana@x.example"))
    assert (row.reviewer, row.excused, row.reason) == (greta, "granter", "The reviewer did not know; you granted it")


def test_else_the_granter_is_passed_over_for_the_owner(story, greta):
    granted_by(story, "greta")
    row = unknown(story, launch(story), story.user("ana@x.example"))
    assert (row.reviewer, row.excused) == (story.system_owner, "")
    mail = Mail.objects.get(template="items_given")
    said = [mail.context[name] for name in ("giver", "items", "reason")]
    assert (mail.recipient, said) == (story.system_owner, ["Ana Berg", 1, "The reviewer did not know; you own the system"])


def test_who_kept_it_last_is_asked_though_its_use_was_loaded_anew(story, greta):
    earlier = story.launch("Earlier")
    ana = story.user("ana@x.example")
    advancing_to(story, earlier, greta)
    story.decide(earlier, "bruno", "approve", greta)
    story.submit(earlier, greta)
    closing.close(campaign_id=earlier.pk, by=story.owner)
    story.load(
        grants=GRANTS.replace(
            "crm,bruno,Bruno Costa,p2,read,2026-01-05,2026-11-01", "crm,bruno,Bruno Costa,p2,read,2026-01-05,2026-11-20"
        )
    )
    story.source.owner = None
    story.source.save()
    row = unknown(story, launch(story), ana)
    assert (row.reviewer, row.reason) == (greta, "The reviewer did not know; you kept it before")


def advancing_to(story: Story, campaign: Campaign, to: User) -> None:
    ids = [story.row(campaign, "bruno").pk]
    assignments.reassign(campaign_id=campaign.pk, selection=Selection(ids), to=to, reason=REASON, by=story.owner)


def nobody_knows(story: Story, **plan) -> Campaign:
    """Everything is answered; of Bruno's right nobody knows."""
    campaign = launch(story, **plan)
    ana = story.user("ana@x.example")
    story.source.owner = None
    story.source.save()
    for account, right in (("chloe", "read"), ("david", "read"), ("job", "read"), ("bruno", "admin")):
        story.decide(campaign, account, "approve", ana, entitlement=right)
    story.decide(campaign, "bruno", "dont_know", ana)
    story.submit(campaign, ana)
    for account in ("ana", "shared"):
        reviewer = story.row(campaign, account).reviewer
        story.decide(campaign, account, "approve", reviewer)
        story.submit(campaign, reviewer)
    return campaign


@pytest.mark.parametrize(("advance", "later"), [("when_due", 7.001), ("when_answered", 0.001)])
def test_escalation_asks_the_manager_about_what_nobody_knew(story, greta, advance, later):
    campaign = nobody_knows(story, silence="escalate", silence_days=3, advance=advance)
    with clock.freeze(clock.now() + timedelta(days=later)):
        advancing.finish_stage(campaign_id=campaign.pk, by=SYSTEM)
        row = story.row(campaign, "bruno")
        assert row.reviewer == greta
        assert row.reason.startswith("The reviewer does not know by ")
        assert Entry.objects.get(kind="silence:escalated").payload_json["data"]["to_managers"] == 1
        story.decide(campaign, "bruno", "revoke", greta)
        story.submit(campaign, greta)
        closing.close(campaign_id=campaign.pk, by=story.owner)
    assert story.item(campaign, "bruno").outcome == "revoked"


def test_what_nobody_knows_at_the_end_is_not_reviewed_and_followed_like_silence(story):
    campaign = nobody_knows(story, silence="propose_removal", silence_limit=60)
    closing.close(campaign_id=campaign.pk, by=story.owner)
    item = story.item(campaign, "bruno")
    assert (item.outcome, item.decision) == ("not_reviewed", "dont_know")
    assert [one.pk for one in silence.proposed(campaign)] == [item.pk]
    assert actions.approve(campaign_id=campaign.pk, item_ids=[item.pk], reason=REASON, by=story.owner).approval.count == 1


def test_the_owner_gives_nothing_to_its_granter_unless_that_is_excused(story, greta):
    granted_by(story, "greta")
    campaign = launch(story)
    with pytest.raises(InvalidInput, match="Greta Holm is not independent of 1 of these items"):
        advancing_to(story, campaign, greta)
    excused = launch(story, "Excused", **EXCUSE)
    advancing_to(story, excused, greta)
    assert story.row(excused, "bruno").excused == "granter"


def test_of_a_group_nobody_is_asked_who_granted_it_or_reports_to_the_person(story, greta):
    granted_by(story, "greta")
    report = users.create(username="ana", name="Ana Berg", email="ana@x.example", roles=["reviewer"], by=story.admin)
    members = [greta, report, story.fallback, story.system_owner]
    board = plans.create_group(name="Board", members=members, by=story.owner)
    story.load(identities=LINE.replace("Accountant,p1,", "Accountant,,").replace("Head of Finance,p0,", "Head of Finance,p2,"))
    panels = [[{"rule": "group", "group": board.pk, "quorum": 4}]]

    def asked(name: str, **plan) -> dict[str, str]:
        rows = Assignment.objects.filter(item=story.item(launch(story, name, panels=panels, **plan), "bruno"))
        return {row.reviewer.username: row.excused for row in rows}

    assert asked("Strict") == {"reviewer": "", "system_owner": ""}
    assert asked("Excused", **EXCUSE) == {"reviewer": "", "system_owner": "", "greta": "granter"}


@pytest.mark.parametrize("why", ["granted it", "reports to the holder"])
def test_a_deputy_decides_on_nothing_they_granted_nor_on_that_of_their_manager(story, greta, why):
    if why == "granted it":
        granted_by(story, "greta")
    else:
        story.load(
            identities=LINE.replace(
                "Greta Holm,greta@x.example,employee,active,Board,Chief,p9,",
                "Greta Holm,greta@x.example,employee,active,Board,Chief,p2,",
            )
        )
    campaign = launch(story)
    ana, row = story.user("ana@x.example"), story.row(campaign, "bruno")
    today = clock.now().date()
    away = Absence(today, today + timedelta(days=5), "On leave until Monday")
    delegations.delegate(principal=ana, to=[greta], absence=away, by=ana)
    seen = worklist.my_rows(greta, campaign.pk).filter(reviewer=ana)
    assert seen.exists()
    assert row.pk not in set(seen.values_list("pk", flat=True))
    with pytest.raises(NotAllowed, match="a deputy does not decide on it"):
        items.decide(assignment_id=row.pk, answer=items.Answer("approve", REASON), by=greta)
    ids = list(Assignment.objects.filter(campaign=campaign, reviewer=ana).values_list("pk", flat=True))
    items.decide_bulk(campaign_id=campaign.pk, selection=Selection(ids), code="approve", by=greta)
    decided = set(Decision.objects.values_list("assignment", flat=True))
    assert decided
    assert row.pk not in decided
    assert items.decide(assignment_id=row.pk, answer=items.Answer("approve", REASON), by=ana).decision == "approve"
