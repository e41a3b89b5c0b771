"""Judging and sealing in a browser, from the keyboard, without anything axe can find."""

import pytest
from playwright.sync_api import Page, expect

from campaigns.actions import closing
from campaigns.models import Campaign
from evidence.models import Seal
from ledger.actors import SYSTEM
from remediation.actions import attempts, removals
from remediation.models import RemediationTask
from tests.e2e.test_whole_path import check_accessible, sign_in
from tests.evidence.test_sealing import play

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]


def press(page: Page, name: str) -> None:
    page.get_by_role("button", name=name).press("Enter")


@pytest.fixture
def campaign(transactional_db, story) -> Campaign:
    """A review of which Ana has submitted everything, in no time."""
    campaign, ana = play(story), story.user("ana@x.example")
    for account, entitlement in (("bruno", "read"), ("bruno", "admin"), ("job", "read")):
        story.decide(campaign, account, "approve", ana, entitlement=entitlement)
    story.submit(campaign, ana)
    return campaign


def judge(page: Page, finding: str, reason: str, button: str) -> None:
    """From the table of everybody: open the findings of the first reviewer and judge them."""
    page.get_by_role("link", name=finding).press("Enter")
    page.get_by_label("Reason").fill(reason)
    press(page, button)


def test_an_owner_asks_again(live_server, page, campaign, story):
    sign_in(page, live_server.url, story.owner)
    page.goto(f"{live_server.url}/campaigns/{campaign.pk}/")
    page.get_by_role("link", name="to be judged").press("Enter")
    expect(page.get_by_role("cell", name="Ana Berg")).to_be_visible()
    check_accessible(page)
    with page.expect_navigation():
        page.get_by_role("link", name="Judge 3 …").press("Enter")
    check_accessible(page)
    page.get_by_role("checkbox").last.press("Space")
    page.get_by_label("Reason").fill("too short")
    press(page, "Ask again")
    expect(page.get_by_text("at least 10 characters")).to_be_visible()
    check_accessible(page)
    page.get_by_role("checkbox").last.press("Space")
    page.get_by_label("Reason").fill("Decided all of it within a second")
    press(page, "Ask again")
    expect(page.get_by_text("5 answers of Ana Berg are open again")).to_be_visible()
    expect(page.get_by_role("link", name="Judge 1 …")).to_be_visible()


def test_an_owner_seals(live_server, page, campaign, story):
    closing.close(campaign_id=campaign.pk, by=story.owner)
    removals.open_for_campaign(campaign_id=campaign.pk, by=SYSTEM)
    sign_in(page, live_server.url, story.owner)
    page.goto(f"{live_server.url}/campaigns/{campaign.pk}/")
    page.get_by_role("link", name="Seal …").press("Enter")
    expect(page.get_by_text("Not judged yet: 3 findings about how people reviewed.")).to_be_visible()
    check_accessible(page)
    expect(page.get_by_text("Without a result:")).to_be_visible()
    ids = list(RemediationTask.objects.filter(campaign=campaign).values_list("pk", flat=True))
    attempts.claim(task_ids=ids, act=attempts.Act("Taken away by hand"), by=story.system_owner)
    page.reload()
    page.get_by_role("link", name="See them").press("Enter")
    judge(page, "Judge 3 …", "Five rows only, all looked at with her", "Accept with this reason")
    expect(page.get_by_text("Accepted for Ana Berg")).to_be_visible()
    page.goto(f"{live_server.url}/audit/campaigns/{campaign.pk}/seal/")
    check_accessible(page)
    page.get_by_label("Statement").fill("I have looked at every finding; this review is done.")
    press(page, "Sign and seal")
    expect(page.get_by_role("heading", name="“Q4” is sealed")).to_be_visible()
    check_accessible(page)
    assert Seal.objects.get().statement == "I have looked at every finding; this review is done."


def test_limits_are_set_on_a_phone(live_server, page, transactional_db, story):
    page.set_viewport_size({"width": 390, "height": 844})
    sign_in(page, live_server.url, story.owner)
    page.goto(f"{live_server.url}/definitions/{story.define().pk}/edit/")
    page.locator("summary", has_text="How well people must review").press("Enter")
    page.get_by_label("Decided in bulk, at most percent").fill("60")
    check_accessible(page)
    page.get_by_role("button", name="Save and preview").press("Enter")
    expect(page.get_by_text("Saved.")).to_be_visible()
    assert story.owner.owned_definitions.get().quality["bulk"] == 60
