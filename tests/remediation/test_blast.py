"""How far removals may reach without a second person, and the last holder of a right, who is never touched."""

import pytest

from campaigns.actions import closing
from certify.lib.errors import InvalidInput
from remediation import tasks
from remediation.actions import attempts, channels, sending
from remediation.models import Channel, Delivery, RemediationTask
from tests.remediation.scim_server import TOKEN, scim
from tests.remediation.ways import configured, earnest, last, send, state, sweep
from tests.story import GRANTS, tell

pytestmark = pytest.mark.django_db
#: Chloe reads, audits and administers through a membership; David reads through it, and administers directly.
THROUGH = GRANTS.replace("crm,chloe,Chloe Dahl,p3,read,2026-01-05,2026-01-06,\n", "").replace(
    "crm,bruno,Bruno Costa,p2,admin,2026-01-05,2026-11-01,\n", ""
) + (
    "crm,chloe,Chloe Dahl,p3,read,2026-01-05,2026-01-06,staff\n"
    "crm,chloe,Chloe Dahl,p3,admin,2026-01-05,2026-01-06,staff\n"
    "crm,chloe,Chloe Dahl,p3,audit,2026-01-05,2026-01-06,staff\n"
)
DAVID_TOO = "crm,david,David Ekman,p4,admin,2026-01-05,,\n"


@pytest.fixture(autouse=True)
def own_network(settings):
    settings.CERTIFY_WEBHOOK_NETWORKS = ["127.0.0.0/8"]


@pytest.fixture
def server():
    with scim() as running:
        yield running


def closed_story(tmp_path, grants: str, *revoked: tuple[str, str]):
    """A closed campaign over these grants that revoked these (account, entitlement) pairs."""
    story = tell(tmp_path)
    story.load(grants=grants)
    campaign, ana = story.launch(), story.user("ana@x.example")
    for account, right in revoked:
        story.decide(campaign, account, "revoke", ana, entitlement=right)
    story.submit(campaign, ana)
    closing.close(campaign_id=campaign.pk, by=story.owner)
    tasks.sweep_signed_off()
    return story


def test_the_end_of_a_membership_counts_with_all_that_comes_along(db, tmp_path, server):
    story = closed_story(tmp_path, THROUGH + DAVID_TOO, ("chloe", "read"))
    configured(story, "scim", server.url, TOKEN, through="end")
    asked = send(story, "chloe")
    assert (asked.count, asked.limits["access"]) == (1, 3)
    channels.configure(source_id=story.source.pk, url=server.url, most=2, percent=100, way=way_of(), by=story.admin)
    send(story, "chloe")
    channels.set_dry(source_id=story.source.pk, is_dry=False, by=story.admin)
    assert send(story, "chloe").needs_second


def way_of() -> channels.Way:
    kept = Channel.objects.get()
    return channels.Way(kept.kind, kept.settings)


@pytest.mark.parametrize("setting", [{"through": "end"}, {"through": "end", "account_rights": "read"}], ids=["path", "account"])
def test_a_last_administrator_who_would_go_along_is_spared(db, tmp_path, server, setting):
    story = closed_story(tmp_path, THROUGH, ("chloe", "read"))
    configured(story, "scim", server.url, TOKEN, **setting)
    with pytest.raises(InvalidInput, match="Nobody would hold Administrator"):
        send(story, "chloe")


def test_the_same_is_no_matter_while_somebody_else_holds_it(db, tmp_path, server):
    story = closed_story(tmp_path, THROUGH + DAVID_TOO, ("chloe", "read"))
    configured(story, "scim", server.url, TOKEN, through="end")
    assert send(story, "chloe").count == 1


def test_two_administrators_in_two_sendings_are_not_both_removed(db, tmp_path, server):
    grants = GRANTS + "crm,david,David Ekman,p4,admin,2026-01-05,,\n"
    story = closed_story(tmp_path, grants, ("bruno", "admin"), ("david", "admin"))
    for name in ("bruno", "david"):
        server.user(name)
    server.group("admin")
    earnest_admins(story, server)
    send(story, "bruno", entitlement="admin")
    for _ in range(2):
        with pytest.raises(InvalidInput, match="Nobody would hold"):
            send(story, "david", entitlement="admin")
        sweep()


def earnest_admins(story, server) -> None:
    configured(story, "scim", server.url, TOKEN)
    send(story, "bruno", entitlement="admin")
    channels.set_dry(source_id=story.source.pk, is_dry=False, by=story.admin)
    channels.switch(source_id=story.source.pk, is_on=True, by=story.owner)


def test_what_became_the_last_one_while_it_waited_is_not_sent(db, tmp_path, server):
    grants = GRANTS + "crm,david,David Ekman,p4,admin,2026-01-05,,\n"
    story = closed_story(tmp_path, grants, ("bruno", "admin"), ("david", "admin"))
    earnest_admins(story, server)
    send(story, "bruno", entitlement="admin")
    other = RemediationTask.objects.get(item__account_key="david")
    attempts.claim_one(task_id=other.pk, act=attempts.Act("Taken out of the group"), by=story.system_owner)
    assert sweep() == 0
    assert (last().state, server.asked) == ("cancelled", [])
    assert "Nobody would hold Administrator" in last().note


def test_many_small_sendings_in_a_day_are_one_large_one(story, opened, server):
    earnest(story, "scim", server.url, TOKEN)
    channels.configure(source_id=story.source.pk, url=server.url, most=1, percent=100, way=way_of(), by=story.admin)
    assert not send(story, "chloe").needs_second
    second = send(story, "david")
    assert (second.needs_second, second.limits["before"]) == (True, 1)


def test_what_does_not_fit_is_left_out_with_the_reason(db, tmp_path, server):
    story = closed_story(tmp_path, THROUGH + DAVID_TOO, ("chloe", "read"), ("david", "read"))
    configured(story, "scim", server.url, TOKEN)
    asked = send(story)
    assert (asked.count, list(asked.limits["left_out"].values())) == (1, [1])
    with pytest.raises(InvalidInput, match="leaves to a person"):
        send(story, "chloe")


def test_another_way_cancels_what_waits_and_keeps_what_was_given_up_from_going_there(story, opened, server):
    earnest(story, "scim", server.url, TOKEN)
    send(story, "chloe")
    channels.configure(source_id=story.source.pk, url=server.url, most=20, percent=100, by=story.admin)
    assert (last().state, Channel.objects.get().is_on) == ("cancelled", False)
    assert sending.send(source_id=story.source.pk, task_ids=[opened["chloe"].pk], by=story.system_owner).is_dry
    assert state(opened["chloe"]) == "open"
    assert Delivery.objects.filter(kind="scim").exists()
