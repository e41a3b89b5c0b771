"""What exactly is to be removed, what goes with it, and what stays all the same."""

import pytest

from campaigns.actions import closing, items
from remediation import queries, tasks
from remediation.models import RemediationTask

pytestmark = pytest.mark.django_db
WAYS = """\
source,account_id,account_name,identity_id,entitlement_id,granted_at,last_used_at,path
crm,ana,Ana Berg,p1,read,2026-01-05,2026-11-01,
crm,bruno,Bruno Costa,p2,read,2026-01-05,2026-11-01,Finance team
crm,bruno,Bruno Costa,p2,admin,2026-01-05,2026-11-01,Finance team
crm,bruno,Bruno Costa,p2,export,2026-01-05,2026-11-01,Finance team
crm,bruno,Bruno Costa,p2,read,2026-01-05,2026-11-01,
crm,chloe,Chloe Dahl,p3,export,2026-01-05,2026-01-06,Finance team
"""


@pytest.fixture
def task(story, client):
    """Bruno's right to read through his team is to be removed, his administration of it is kept."""
    story.load(grants=WAYS)
    campaign = story.launch()
    ana = story.user("ana@x.example")
    mine = ana.assignments.filter(campaign=campaign).select_related("item")
    rows = {(row.item.entitlement_key, row.item.path): row for row in mine}
    items.decide(assignment_id=rows["read", "Finance team"].pk, answer=items.Answer("revoke", "Not needed any more"), by=ana)
    items.decide(assignment_id=rows["admin", "Finance team"].pk, answer=items.Answer("approve", "Needed for the close"), by=ana)
    story.submit(campaign, ana)
    closing.close(campaign_id=campaign.pk, by=story.owner)
    tasks.sweep_signed_off()
    client.force_login(story.system_owner)
    return RemediationTask.objects.get()


def test_a_membership_takes_more_away_and_that_is_listed(task, client):
    found = queries.reach(task)
    assert found.through == "Finance team"
    assert [(one["name"], one["privileged"], one["outcome"]) for one in found.also] == [
        ("Administrator", True, "Kept"),
        ("export", False, "Not reviewed"),
    ]
    assert (found.also_count, found.kept) == (2, 1)
    text = client.get(f"/removals/{task.pk}/").text
    assert "takes 2 other rights from this account, 1 of which the review kept" in text


def test_another_way_to_the_same_right_is_said(task, client):
    assert queries.reach(task).other_ways == ["given directly"]
    assert "Removing this one alone does not take it away" in client.get(f"/removals/{task.pk}/").text


def test_a_long_list_says_how_long_it_is(task, client, monkeypatch):
    monkeypatch.setattr(queries, "NAMED", 1)
    assert "The first 1 of 2 are listed" in client.get(f"/removals/{task.pk}/").text


def test_a_direct_right_takes_nothing_else(story, opened):
    found = queries.reach(opened["chloe"])
    assert (found.through, found.also_count, found.other_ways) == ("", 0, [])
