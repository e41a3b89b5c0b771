"""Conflicts in campaigns: the signal, the scope that asks for nothing else, what is frozen at launch, and the drawer."""

from datetime import timedelta

import pytest
from django.db import InternalError, ProgrammingError, transaction

from campaigns import sod_reading
from campaigns.actions import launching, sod_exceptions, sod_rules
from campaigns.actions.sod_exceptions import Ask
from campaigns.models import Campaign, Exclusion, ItemConflict, SodConflict
from campaigns.rules import is_red
from campaigns.scope.presets import PRESETS
from certify.lib import clock
from ledger.models import Entry
from tests.campaigns.sod.conftest import load_erp, terms

pytestmark = pytest.mark.django_db


def only_conflicts(story) -> dict:
    """The scope of the kind of review, over the story's system."""
    include = list(PRESETS["conflicts"].include)
    return {"version": 1, "sources": [story.source.pk], "include": include, "exclude": [], "standing": True}


def except_it(story, conflict: SodConflict) -> None:
    """An approved exception of ten days."""
    wanted = Ask("Two people release payments", "The team is too small", clock.now().date() + timedelta(days=10))
    asked = sod_exceptions.ask(conflict_id=conflict.pk, wanted=wanted, by=story.owner)
    sod_exceptions.judge(exception_id=asked.pk, code="approved", by=story.admin)


def with_signal(campaign: Campaign) -> set[tuple[str, str]]:
    """(account, right) of the items that have the signal."""
    return set(campaign.items.filter(signals__contains=["conflict"]).values_list("account_key", "entitlement_key"))


def test_items_of_a_conflict_have_the_signal_stand_high_and_say_the_other_side(story, conflict):
    campaign = story.launch()
    assert with_signal(campaign) == {("bruno", "read"), ("bruno", "admin")}
    item = story.item(campaign, "bruno")
    assert (item.risk_rank, is_red(item.signals)) == (1, True)
    found = sod_reading.conflicts_of(item)[0]
    facts = (found.rule, found.side, found.duty, found.other_duty, found.held, found.more, found.control, found.excepted_until)
    held = ["Payments: Pay invoices (bcosta)"]
    control = "Two people release every payment"
    assert facts == ("customers-pay", "a", "change customers", "pay invoices", held, 0, control, None)
    assert list(campaign.item_conflicts.values_list("number", flat=True)) == [1, 2]
    assert sod_reading.conflicts_of(story.item(campaign, "ana")) == []


def test_a_launch_finds_what_nobody_has_compared_yet(story):
    load_erp(story)
    sod_rules.create(terms=terms(story), by=story.owner)
    assert with_signal(story.launch()) == {("bruno", "read"), ("bruno", "admin")}


def test_a_review_of_conflicts_only_asks_for_nothing_else_and_balances(story, conflict):
    definition = story.define("Conflicts", scope=only_conflicts(story), kind="conflicts")
    shown = launching.preview(definition_id=definition.pk, by=story.owner)
    campaign = story.launch(scope=only_conflicts(story), kind="conflicts")
    assert set(campaign.items.values_list("account_key", "entitlement_key")) == {("bruno", "read"), ("bruno", "admin")}
    assert set(Exclusion.objects.values_list("rule", flat=True)) == {"no_conflict"}
    one = campaign.sources.get()
    assert (one.grants_open, one.items, one.excluded) == (7, 2, 5)
    assert (shown["items"], shown["excluded"]) == (2, [("Customer records", "no_conflict", 5)])
    assert "in conflict with other duties" in campaign.terms["scope_words"]


def test_an_exception_takes_the_signal_away_and_is_frozen_beside_the_conflict(story, conflict):
    except_it(story, conflict)
    campaign = story.launch()
    assert with_signal(campaign) == set()
    found = sod_reading.conflicts_of(story.item(campaign, "bruno", "admin"))[0]
    last = clock.now().date() + timedelta(days=10)
    assert (found.excepted_until, found.exception_control) == (last, "Two people release payments")
    assert (found.exception_by, found.approver) == (f"people.user:{story.admin.pk}", story.admin.name)
    with clock.freeze(clock.now() + timedelta(days=12)):
        assert with_signal(story.launch("Later")) == {("bruno", "read"), ("bruno", "admin")}


def test_the_launch_commits_to_its_conflicts_and_the_database_keeps_them(story, conflict):
    campaign = story.launch()
    data = Entry.objects.get(kind="campaign:launched").payload_json["data"]
    assert (data["conflicts"], data["conflict_root"]) == (2, campaign.conflict_root)
    row = ItemConflict.objects.first()
    for act in (row.delete, lambda: ItemConflict.objects.update(severity="low")):
        with pytest.raises((InternalError, ProgrammingError)), transaction.atomic():
            act()


def test_a_right_of_two_conflicts_is_told_of_both_the_worst_first(story, conflict):
    worse = terms(story, key="worse", name="Worse", side_a=["crm/admin"], side_b=["crm/read"], severity="critical")
    sod_rules.create(terms=worse, by=story.owner)
    campaign = story.launch()
    found = sod_reading.conflicts_of(story.item(campaign, "bruno", "admin"))
    assert [(one.rule, one.held) for one in found] == [
        ("worse", ["Customer records: Read customers (bruno)"]),
        ("customers-pay", ["Payments: Pay invoices (bcosta)"]),
    ]


def test_the_drawer_tells_of_the_conflict(client, story, conflict):
    campaign = story.launch()
    ana = story.user("ana@x.example")
    client.force_login(ana)
    row = story.row(campaign, "bruno", "admin")
    page = client.get(f"/reviews/{campaign.pk}/items/{row.pk}/").content.decode()
    assert "lets Bruno Costa change customers. For “pay invoices” there is also: Payments: Pay invoices (bcosta)." in page
    other = client.get(f"/reviews/{campaign.pk}/items/{story.row(campaign, 'david').pk}/").content.decode()
    assert "Conflicts of duties" not in other
