"""Small reviews of what happened to access between the big ones: found once, asked once, about exactly what happened."""

from datetime import UTC, datetime, timedelta

import pytest
from django.db import DatabaseError, connection, transaction
from django.urls import reverse

from campaigns import tasks
from campaigns.actions import closing, events, launching
from campaigns.events import WATCHED
from campaigns.models import AccessEvent, Campaign, CampaignDefinition, ReviewItem
from certify.lib import clock
from certify.lib.errors import InvalidInput, NotAllowed
from ledger.models import Entry
from tests.story import GRANTS, IDENTITIES

pytestmark = pytest.mark.django_db
ALL = list(WATCHED)


@pytest.fixture
def watching(story) -> CampaignDefinition:
    """A definition over the system that watches for everything; the story's first load is no event."""
    definition = story.define("Movers and leavers", duration_days=5)
    return events.watch(definition_id=definition.pk, kinds=ALL, per_day=20, by=story.owner)


def look() -> list[tuple[str, str]]:
    """Sweep twice, the second time changes nothing; (kind, subject) of all that was found."""
    tasks.watch_events()
    tasks.run_requested_launches()
    before = Entry.objects.count()
    tasks.watch_events()
    tasks.run_requested_launches()
    assert Entry.objects.count() == before
    return sorted(AccessEvent.objects.values_list("kind", "subject"))


def asked(campaign: Campaign) -> list[tuple[str, str]]:
    return sorted(ReviewItem.objects.filter(campaign=campaign).values_list("account_key", "entitlement_key"))


def people(*changes: tuple[str, str]) -> str:
    text = IDENTITIES
    for old, new in changes:
        assert old in text
        text = text.replace(old, new)
    return text


def test_what_was_there_before_is_no_event(story, watching):
    assert look() == []
    assert not Campaign.objects.exists()


@pytest.mark.parametrize(
    ("change", "kind", "words"),
    [
        (("Bruno Costa,bruno@x.example,employee,active,Finance", "Bruno Costa,bruno@x.example,employee,active,Sales"), "department",
         "Department changed from Finance to Sales."),
        (("Accountant,p1,\np3", "Accountant,p4,\np3"), "manager", "Manager changed from p1 to p4."),
        (("bruno@x.example,employee,active", "bruno@x.example,employee,inactive"), "leaver",
         "p2 has left and still has access."),
    ],
)  # fmt: skip
def test_a_mover_or_leaver_is_asked_about_with_all_they_have(story, watching, change, kind, words):
    story.load(identities=people(change))
    assert look() == [(kind, "person:p2")]
    campaign = Campaign.objects.get()
    assert (campaign.state, asked(campaign)) == ("open", [("bruno", "admin"), ("bruno", "read")])
    assert campaign.name.startswith("Movers and leavers: p2, ")
    assert campaign.terms["events"][0]["words"] == words
    assert campaign.terms["purpose"].startswith(words)
    source = campaign.sources.get()
    assert (source.grants_open, source.items, source.excluded) == (2, 2, 0)


def test_a_leaver_is_told_by_a_full_feed_that_no_longer_has_them(story, watching):
    story.load(identities=people(("p4,David Ekman,david@x.example,contractor,active,Sales,Seller,p1,\n", "")))
    assert look() == [("leaver", "person:p4")]


def test_new_privileged_access_is_asked_about_alone(story, watching):
    story.load(grants=GRANTS + "crm,david,David Ekman,p4,admin,2026-11-20,,\ncrm,ana,Ana Berg,p1,read,2026-11-20,,/team\n")
    assert look() == [("privileged", "person:p4")]
    assert asked(Campaign.objects.get()) == [("david", "admin")]
    assert AccessEvent.objects.get().words == "New privileged access: Administrator in Customer records"


def test_a_new_account_without_a_person_is_found(story, watching):
    story.load(grants=GRANTS + "crm,backdoor,,,read,2026-11-20,,\ncrm,shared,Shared login,,admin,2026-11-20,,\n")
    assert look() == [("orphan", "account:crm/backdoor"), ("privileged", "account:crm/shared")]
    assert {campaign.name.partition(": ")[2][:8]: asked(campaign) for campaign in Campaign.objects.all()} == {
        "backdoor": [("backdoor", "read")],
        "shared, ": [("shared", "admin")],
    }


def test_access_that_comes_back_after_its_removal_is_found(story, watching):
    campaign = story.launch()
    ana = story.user("ana@x.example")
    story.decide(campaign, "bruno", "revoke", ana)
    story.submit(campaign, ana)
    closing.close(campaign_id=campaign.pk, by=story.owner)
    story.load_without(("bruno", "read"))
    assert look() == []
    story.load(grants=GRANTS)
    assert look() == [("returned", "person:p2")]
    assert asked(Campaign.objects.latest("pk")) == [("bruno", "read")]


def test_days_that_pass_are_found_on_the_day_after_and_never_twice(story, watching):
    campaign = launch(story, watching)
    ana = story.user("ana@x.example")
    today = clock.now()
    until = today.date() + timedelta(days=30)
    story.decide(campaign, "bruno", "approve", ana, until=until)
    story.submit(campaign, ana)
    closing.close(campaign_id=campaign.pk, by=story.owner)
    leaves = today.date() + timedelta(days=40)
    story.load(identities=people(("owner_id\n", "owner_id,end_date\n"), ("Seller,p1,\n", f"Seller,p1,,{leaves}\n")))
    assert look() == []
    with clock.freeze(datetime.combine(until, datetime.min.time(), UTC) + timedelta(hours=23)):
        assert look() == []
    with clock.freeze(datetime.combine(until, datetime.min.time(), UTC) + timedelta(hours=25)):
        assert look() == [("kept_until", "person:p2")]
    with clock.freeze(datetime.combine(leaves, datetime.min.time(), UTC) + timedelta(days=3)):
        assert look() == [("ended", "person:p4"), ("kept_until", "person:p2")]


def launch(story, definition: CampaignDefinition) -> Campaign:
    """A run of the definition by hand."""
    name = f"Run {Campaign.objects.count()}"
    campaign = launching.request(definition_id=definition.pk, name=name, by=story.owner)
    return launching.launch(campaign_id=campaign.pk, by=story.owner)


def kept(story, definition: CampaignDefinition, until) -> None:
    """A closed run in which Bruno's right was kept, until a day or for good."""
    campaign = launch(story, definition)
    ana = story.user("ana@x.example")
    story.decide(campaign, "bruno", "approve", ana, until=until)
    story.submit(campaign, ana)
    closing.close(campaign_id=campaign.pk, by=story.owner)


def test_what_was_kept_until_a_day_is_asked_again_without_watching_and_by_its_own_definition_alone(story):
    definition, other = story.define("One"), story.define("Other")
    kept(story, definition, clock.now().date() + timedelta(days=10))
    with clock.freeze(clock.now() + timedelta(days=12)):
        assert look() == [("kept_until", "person:p2")]
        assert asked(Campaign.objects.latest("pk")) == [("bruno", "read")]
    assert not other.access_events.exists()


@pytest.mark.parametrize(("later", "expected"), [(None, []), (30, []), (5, ["kept_until"])])
def test_what_was_kept_for_longer_since_is_not_asked_again(story, later, expected):
    definition = story.define()
    today = clock.now().date()
    kept(story, definition, today + timedelta(days=10))
    with clock.freeze(clock.now() + timedelta(days=2)):
        kept(story, story.define("Another"), later and today + timedelta(days=later))
    with clock.freeze(clock.now() + timedelta(days=12)):
        look()
        assert list(definition.access_events.values_list("kind", flat=True)) == expected


def test_several_events_of_one_person_become_one_review_and_the_next_waits_for_its_end(story, watching):
    story.load(
        identities=people(("Bruno Costa,bruno@x.example,employee,active,Finance,Accountant,p1",
                           "Bruno Costa,bruno@x.example,employee,active,Sales,Accountant,p4")),
    )  # fmt: skip
    assert look() == [("department", "person:p2"), ("manager", "person:p2")]
    campaign = Campaign.objects.get()
    assert len(campaign.terms["events"]) == 2
    story.load(grants=GRANTS + "crm,bruno2,Bruno Costa,p2,admin,2026-11-20,,\n")
    assert ("privileged", "person:p2") in look()
    assert Campaign.objects.count() == 1
    closing.close(campaign_id=campaign.pk, by=story.owner)
    look()
    assert asked(Campaign.objects.latest("pk")) == [("bruno2", "admin")]


def test_a_day_has_room_for_so_many_and_the_others_wait(story, watching):
    events.watch(definition_id=watching.pk, kinds=["privileged"], per_day=2, by=story.owner)
    new = "".join(f"crm,new{n},,,admin,2026-11-20,,\n" for n in range(5))
    story.load(grants=GRANTS + new)
    look()
    assert (Campaign.objects.count(), AccessEvent.objects.filter(state="waiting").count()) == (2, 3)
    with clock.freeze(clock.now() + timedelta(hours=25)):
        look()
        assert Campaign.objects.count() == 4
    with clock.freeze(clock.now() + timedelta(hours=51)):
        look()
    assert (Campaign.objects.count(), AccessEvent.objects.filter(state="waiting").count()) == (5, 0)


def test_what_is_gone_before_it_is_asked_about_is_over(story, watching):
    story.load(grants=GRANTS + "crm,david,David Ekman,p4,admin,2026-11-20,,\n")
    story.load(grants=GRANTS)
    assert look() == []
    events.watch(definition_id=watching.pk, kinds=["privileged"], per_day=1, by=story.owner)
    story.load(grants=GRANTS + "crm,david,David Ekman,p4,admin,2026-11-20,,\ncrm,chloe,Chloe Dahl,p3,admin,2026-11-20,,\n")
    look()
    story.load(grants=GRANTS)
    with clock.freeze(clock.now() + timedelta(hours=25)):
        look()
    assert sorted(AccessEvent.objects.values_list("state", flat=True)) == ["asked", "over"]


def test_what_the_scope_leaves_out_is_not_asked_about(story):
    definition = story.define(departments=["Sales"], orphans=False)
    events.watch(definition_id=definition.pk, kinds=["leaver"], per_day=5, by=story.owner)
    story.load(identities=people(("bruno@x.example,employee,active", "bruno@x.example,employee,inactive")))
    look()
    assert (AccessEvent.objects.get().state, Campaign.objects.count()) == ("over", 0)


def test_a_later_version_of_the_grant_is_asked_about(story, watching):
    story.load(grants=GRANTS + "crm,david,David Ekman,p4,admin,2026-11-20,,\n")
    story.load(grants=GRANTS + "crm,david,David Ekman,p4,admin,2026-11-20,2026-11-22,\n")
    assert ("privileged", "person:p4") in look()
    assert asked(Campaign.objects.get()) == [("david", "admin")]


def test_a_launch_that_failed_is_tried_again_with_the_same_question(story, watching):
    story.load(identities=people(("bruno@x.example,employee,active", "bruno@x.example,employee,inactive")))
    tasks.watch_events()
    campaign = Campaign.objects.get()
    Campaign.objects.update(state="failed", error="x")
    launching.retry(campaign_id=campaign.pk, by=story.owner)
    tasks.run_requested_launches()
    assert asked(Campaign.objects.get()) == [("bruno", "admin"), ("bruno", "read")]


def test_the_page_switches_watching_on_and_off(client, story):
    definition = story.define()
    client.force_login(story.owner)
    address = reverse("campaigns:definition-watch", args=[definition.pk])
    assert client.post(address, {"kinds": ["leaver", "manager"], "per_day": "3"}).status_code == 302
    definition.refresh_from_db()
    assert definition.watched == {"kinds": ["manager", "leaver"], "per_day": 3}
    assert client.post(address, {"kinds": ["leaver"], "per_day": "0"}).status_code == 422
    assert client.post(address, {"kinds": ["flood"], "per_day": "3"}).status_code == 422
    page = client.get(reverse("campaigns:definition-schedule", args=[definition.pk])).content.decode()
    assert 'value="leaver" id="id_kinds_2" checked' in page
    assert client.post(address, {"per_day": "3"}).status_code == 302
    definition.refresh_from_db()
    assert definition.watched == {}
    assert Entry.objects.filter(kind="definition:watched").count() == 2


def test_only_a_control_owner_switches_it_on_and_only_known_events(story):
    definition = story.define()
    with pytest.raises(NotAllowed):
        events.watch(definition_id=definition.pk, kinds=["leaver"], per_day=1, by=story.admin)
    with pytest.raises(InvalidInput):
        events.watch(definition_id=definition.pk, kinds=["comet"], per_day=1, by=story.owner)


def test_what_was_found_cannot_be_deleted_or_changed(story, watching):
    story.load(identities=people(("bruno@x.example,employee,active", "bruno@x.example,employee,inactive")))
    look()
    for change in ("DELETE FROM campaigns_accessevent", "UPDATE campaigns_accessevent SET words = 'Nothing'"):
        with pytest.raises(DatabaseError), transaction.atomic(), connection.cursor() as cursor:
            cursor.execute(change)
