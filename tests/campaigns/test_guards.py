"""Safety nets: what takes much away waits for somebody else, and great hurry is said calmly and kept."""

from datetime import timedelta

import pytest
from django.db import transaction
from django.db.utils import DatabaseError
from django.urls import reverse

from campaigns import guards as nets
from campaigns.actions import closing, definitions, guards, items
from campaigns.actions.items import Answer
from campaigns.models import Campaign, HeldRemoval, HoldVerdict, PaceNotice, RemovalHold
from certify.lib import clock
from certify.lib.errors import InvalidInput, NotAllowed
from evidence.actions import sealing
from inventory.models import Identity
from ledger.models import Entry
from remediation import tasks as remediation_tasks
from remediation.models import RemediationTask
from tests.story import Story

pytestmark = pytest.mark.django_db


def closed(
    story: Story, *revoked: tuple[str, str], limit: int | None = 20, last_holder_waits: bool = True, name: str = "Q4"
) -> Campaign:
    """A closed review in which Ana removed these (account, right)."""
    campaign = story.launch(name, removal_limit=limit, last_holder_waits=last_holder_waits)
    ana = story.user("ana@x.example")
    for account, right in revoked:
        story.decide(campaign, account, "revoke", ana, entitlement=right)
    story.submit(campaign, ana)
    return closing.close(campaign_id=campaign.pk, by=story.owner)


def opened(campaign) -> set[str]:
    remediation_tasks.sweep_signed_off()
    return set(RemediationTask.objects.filter(campaign=campaign).values_list("item__account_key", flat=True))


def test_the_last_who_holds_a_privileged_right_keeps_it_until_somebody_else_confirms(story):
    campaign = closed(story, ("bruno", "admin"))
    hold = RemovalHold.objects.get()
    assert (hold.kind, hold.label, hold.removals, hold.held) == ("last_holder", "Administrator · Customer records", 1, 1)
    assert story.item(campaign, "bruno", "admin").outcome == "revoked", "the decision stays"
    assert opened(campaign) == set()
    with pytest.raises(InvalidInput, match="1 system or right"):
        sealing.seal(campaign_id=campaign.pk, statement="Everything of it is done with", by=story.owner)
    guards.judge(hold_id=hold.pk, code="confirmed", by=story.admin)
    assert opened(campaign) == {"bruno"}
    with pytest.raises(InvalidInput, match="spoken"):
        guards.judge(hold_id=hold.pk, code="declined", reason="Too late for that now", by=story.owner)
    kinds = list(Entry.objects.filter(kind__startswith="removal-hold:").order_by("id").values_list("kind", flat=True))
    assert kinds == ["removal-hold:made", "removal-hold:listed", "removal-hold:confirmed"]


def test_another_administrator_who_stays_is_enough_but_not_one_whom_another_review_removes(story):
    more = "crm,david,David Ekman,p4,admin,2026-01-05,2026-11-01,\n"
    story.load(grants=story.texts["grants"] + more)
    first = closed(story, ("bruno", "admin"), name="First")
    assert not RemovalHold.objects.exists()
    assert opened(first) == {"bruno"}
    closed(story, ("david", "admin"), name="Second")
    assert RemovalHold.objects.get().label == "Administrator · Customer records"


def test_more_than_the_share_of_a_system_waits_and_exactly_the_share_does_not(story):
    campaign = closed(story, ("bruno", "read"), ("david", "read"), limit=28)
    hold = RemovalHold.objects.get()
    assert (hold.kind, hold.removals, hold.held, hold.percent) == ("share", 2, 7, 29)
    assert set(HeldRemoval.objects.values_list("item__account_key", flat=True)) == {"bruno", "david"}
    assert opened(campaign) == set()
    guards.judge(hold_id=hold.pk, code="declined", reason="They were not asked about it", by=story.owner)
    assert opened(campaign) == set()
    sealing.seal(campaign_id=campaign.pk, statement="Everything of it is done with", by=story.owner)
    other = closed(story, ("bruno", "read"), ("david", "read"), limit=29, name="Other")
    assert opened(other) == {"bruno", "david"}


def test_without_a_limit_only_the_last_who_hold_a_privileged_right_wait(story):
    campaign = closed(story, ("bruno", "admin"), ("david", "read"), limit=None)
    hold = RemovalHold.objects.get()
    assert (hold.kind, hold.limit) == ("last_holder", None)
    assert opened(campaign) == {"david"}


def test_a_definition_that_wants_neither_holds_nothing(story):
    campaign = closed(story, ("bruno", "admin"), ("david", "read"), limit=None, last_holder_waits=False)
    assert opened(campaign) == {"bruno", "david"}


def test_a_definition_has_both_guards_unless_it_says_otherwise(story):
    terms = definitions.Terms(name="New", sources=[story.source.pk], fallback_reviewer=story.fallback, owner=story.owner)
    made = definitions.create(terms=terms, by=story.owner).terms()
    assert (made["removal_limit"], made["last_holder_waits"]) == (20, True)


@pytest.mark.parametrize("earlier", [{}, {"removal_limit": 20}])
def test_campaigns_keep_the_guards_they_were_launched_with(earlier):
    assert nets.keeps_last_holders(earlier) == bool(earlier), "there was one switch for both"


def test_an_item_in_two_holds_needs_both(story):
    campaign = closed(story, ("bruno", "admin"), ("david", "read"), limit=0)
    share, last = RemovalHold.objects.order_by("-kind")
    guards.judge(hold_id=share.pk, code="confirmed", by=story.admin)
    assert opened(campaign) == {"david"}
    guards.judge(hold_id=last.pk, code="confirmed", by=story.admin)
    assert opened(campaign) == {"bruno", "david"}


def test_who_decided_who_holds_it_and_strangers_cannot_speak(story):
    closed(story, ("bruno", "admin"))
    hold = RemovalHold.objects.get()
    ana, bruno = story.user("ana@x.example"), story.fallback
    for person in (ana, story.fallback, story.auditor):
        with pytest.raises(NotAllowed):
            guards.judge(hold_id=hold.pk, code="confirmed", by=person)
    ana.roles = ["control_owner"]
    ana.save()
    with pytest.raises(NotAllowed, match="You answered"):
        guards.judge(hold_id=hold.pk, code="confirmed", by=ana)
    bruno.roles = ["administrator"]
    bruno.save()
    Identity.objects.filter(key="p2").update(user=bruno)
    with pytest.raises(NotAllowed, match="own access"):
        guards.judge(hold_id=hold.pk, code="declined", reason="I would like to keep it", by=bruno)
    with pytest.raises(InvalidInput, match="Say why not"):
        guards.judge(hold_id=hold.pk, code="declined", by=story.admin)
    with pytest.raises(InvalidInput, match="Confirm"):
        guards.judge(hold_id=hold.pk, code="perhaps", by=story.admin)
    assert not HoldVerdict.objects.exists()
    for rows in (RemovalHold, HeldRemoval):
        with pytest.raises(DatabaseError), transaction.atomic():
            rows.objects.all()._raw_delete("default")


def test_the_pages_of_held_removals(client, story):
    campaign = closed(story, ("bruno", "admin"))
    hold = RemovalHold.objects.get()
    client.force_login(story.admin)
    assert "<b>1</b> removal waits" in client.get(reverse("campaigns:campaign-detail", args=[campaign.pk])).text
    page, judge = (
        reverse("campaigns:campaign-held", args=[campaign.pk]),
        reverse("campaigns:hold-judge", args=[campaign.pk, hold.pk]),
    )
    shown = client.get(page).text
    assert "<b>nobody</b> holds this privileged right any more" in shown
    assert "Confirm 1 removal<" in shown
    assert "Say why not" in client.post(judge, {"code": "declined"}, follow=True).text
    assert "Confirmed by Ada Admin" in client.post(judge, {"code": "confirmed"}, follow=True).text
    client.force_login(story.fallback)
    assert client.post(judge, {"code": "confirmed"}).status_code == 403


@pytest.fixture
def busy(story):
    """A review in which Ana has fifteen calm rows and an administrator to decide on."""
    more = "".join(f"crm,login{number},Login {number},p2,read,2026-01-05,2026-11-01,\n" for number in range(15))
    story.load(grants=story.texts["grants"] + more)
    return story.launch()


def rush(story, campaign, seconds: float, count: int = 12, start=None):
    """Decide so many, evenly spread over so many seconds, the administrator first."""
    begin, ana = start or clock.now(), story.user("ana@x.example")
    keys = [("bruno", "admin"), *((f"login{number}", "read") for number in range(count - 1))]
    for place, (account, right) in enumerate(keys):
        with clock.freeze(begin + timedelta(seconds=seconds * place / (count - 1))):
            story.decide(campaign, account, "approve", ana, entitlement=right)


def test_twelve_decisions_in_nine_seconds_are_kept_and_asked_about_once(client, story, busy):
    rush(story, busy, 9)
    notice = PaceNotice.objects.get()
    assert (notice.decisions, notice.milliseconds, notice.privileged) == (12, 9000, 1)
    data = Entry.objects.get(kind="pace:noticed").payload_json["data"]
    assert (data["decisions"], data["milliseconds"], data["privileged"]) == (12, 9000, 1)
    client.force_login(story.user("ana@x.example"))
    page = client.get(reverse("campaigns:review", args=[busy.pk])).text
    assert "Look again at the 1 privileged one?" in page
    client.force_login(story.owner)
    assert "1 × 12 in 9 seconds" in client.get(reverse("campaigns:campaign-quality", args=[busy.pk])).text


@pytest.mark.parametrize(("seconds", "count"), [(9.1, 12), (8, 11)])
def test_a_little_slower_or_fewer_is_no_hurry(story, busy, seconds, count):
    rush(story, busy, seconds, count)
    assert not PaceNotice.objects.exists()


def test_a_bulk_act_and_undoing_are_no_hurry(story, busy):
    ana = story.user("ana@x.example")
    ids = list(busy.assignments.filter(reviewer=ana).values_list("pk", flat=True))
    items.decide_bulk(campaign_id=busy.pk, selection=items.Selection(ids), code="approve", by=ana)
    row = story.row(busy, "login0")
    for _ in range(5):
        items.undo(assignment_id=row.pk, by=ana)
        items.decide(assignment_id=row.pk, answer=Answer("approve"), by=ana)
    assert not PaceNotice.objects.exists()
