"""Re-performance: what was frozen comes out again whatever happened since, and what was tampered with shows."""

from io import StringIO

import pytest
from django.core.management import CommandError, call_command
from django.db import connection
from django.urls import reverse

from campaigns.models import Campaign, ReviewItem
from evidence import reperformance
from inventory.models import Identity
from tests.evidence.story import play
from tests.evidence.test_pages import client_of
from tests.evidence.test_periods import open_period
from tests.evidence.test_samples import closed_review
from tests.story import ENTITLEMENTS, GRANTS, IDENTITIES

pytestmark = pytest.mark.django_db


def test_every_population_of_a_played_year_comes_out_again(story, key_file):
    play(story)
    launched = Campaign.objects.filter(launch_entry_uid__isnull=False)
    assert launched.count() > 8
    people = Identity.objects.count()
    for campaign in launched:
        found = reperformance.of(campaign)
        assert found.is_empty, (campaign.name, found.rows)
    assert Identity.objects.count() == people, "nothing of it is left"


def test_later_loads_change_nothing(story):
    campaign = closed_review(story)
    story.load(
        identities=IDENTITIES.replace("Bruno Costa", "Bruno Senior").replace(
            "p4,David Ekman,david@x.example,contractor", "p4,D,d@x.example,agent"
        ),
        entitlements=ENTITLEMENTS.replace("Administrator", "Root").replace("Everything,yes", "Everything,no"),
        grants=GRANTS.replace("crm,job,Nightly job,svc", "crm,job,Nightly job,p1").replace(
            "crm,shared,Shared login,,read,2026-01-05,,\n", ""
        ),
    )
    found = reperformance.of(campaign)
    assert found.is_empty, found.rows
    assert found.found == found.frozen == (7, 0)


def test_a_rule_that_excludes_is_computed_again(story):
    campaign = story.launch("Sales alone", departments=["Sales"], orphans=False)
    story.load(identities=IDENTITIES.replace(",Sales,", ",Finance,"))
    found = reperformance.of(campaign)
    assert found.is_empty, found.rows
    assert found.found == (1, 6)


def test_what_was_tampered_with_shows_as_added_missing_or_otherwise(story):
    campaign = closed_review(story)
    items = {account: story.item(campaign, account).grant_id for account in ("ana", "david", "job", "chloe")}
    with connection.cursor() as cursor:
        cursor.execute("SET session_replication_role = replica")
        cursor.execute("DELETE FROM campaigns_reviewitem WHERE grant_id = %s", [items["ana"]])
        cursor.execute("UPDATE campaigns_reviewitem SET identity_name = 'Somebody' WHERE grant_id = %s", [items["david"]])
        cursor.execute(
            "INSERT INTO campaigns_exclusion (campaign_id, number, grant_id, source_key, account_key, identity_key, entitlement_key, path,"
            " rule, leaf) VALUES (%s, 1, %s, 'crm', 'job', 'svc', 'read', '', 'department', '')",
            [campaign.pk, items["job"]],
        )
        cursor.execute("DELETE FROM campaigns_reviewitem WHERE grant_id = %s", [items["job"]])
        cursor.execute("DELETE FROM inventory_grant WHERE id = %s", [items["chloe"]])
        cursor.execute("SET session_replication_role = DEFAULT")
    found = reperformance.of(campaign)
    assert {row.account: row.how for row in found.rows} == {
        "ana": "added", "david": "described", "job": "rule", "chloe": "missing",
    }  # fmt: skip
    assert (found.is_empty, found.total) == (False, 4)
    out = StringIO()
    with pytest.raises(CommandError, match="1 of 1 populations"):
        call_command("reperform", stdout=out)
    assert "added: crm ana read" in out.getvalue()
    page = reverse("evidence:campaign-reperform", args=[open_period(story).pk, campaign.pk])
    text = client_of(story.auditor).post(page).text
    assert "4 rows differ" in text
    assert "missing: it does not come out again" in text


def test_the_command_and_the_page_say_that_nothing_differs(story):
    campaign = closed_review(story)
    out = StringIO()
    call_command("reperform", campaign.pk, stdout=out)
    assert "7 items, 0 excluded: the same again" in out.getvalue()
    with pytest.raises(CommandError, match="No launched campaign has the id 9999"):
        call_command("reperform", 9999, stdout=out)
    page = reverse("evidence:campaign-reperform", args=[open_period(story).pk, campaign.pk])
    assert "came out again" not in client_of(story.auditor).get(page).text
    assert "came out again" in client_of(story.auditor).post(page).text
    assert ReviewItem.objects.filter(campaign=campaign).count() == 7
