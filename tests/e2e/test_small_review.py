"""What happened to one person: asked about on one page, and done with three clicks."""

import pytest
from playwright.sync_api import Page, expect

from campaigns import tasks
from campaigns.actions import events
from campaigns.models import Campaign, SignOff
from tests.e2e.test_whole_path import check_accessible, sign_in
from tests.story import IDENTITIES, Story, tell

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]


@pytest.fixture
def story(transactional_db, tmp_path) -> Story:
    return tell(tmp_path)


def moved(story: Story) -> Campaign:
    """David, who has one right, moves to another department."""
    definition = story.define("Movers")
    events.watch(definition_id=definition.pk, kinds=["department"], per_day=5, by=story.owner)
    story.load(identities=IDENTITIES.replace("contractor,active,Sales", "contractor,active,Support"))
    tasks.watch_events()
    tasks.run_requested_launches()
    return Campaign.objects.get()


def test_one_person_one_page_three_clicks(story, page: Page, live_server):
    campaign = moved(story)
    ana = story.user("ana@x.example")
    sign_in(page, live_server.url, ana)
    page.goto(f"{live_server.url}/reviews/{campaign.pk}/")
    expect(page.locator("tr[data-row]")).to_have_count(1)
    expect(page.locator("#sign form")).to_have_count(0)
    page.locator("tr[data-row]").get_by_role("button", name="Remove").click()
    expect(page.locator("#sign form")).to_have_count(1)
    check_accessible(page)
    page.locator("#sign input[name=agree]").check()
    page.get_by_role("button", name="Sign and submit").click()
    page.wait_for_url("**/receipts/**")
    signed = SignOff.objects.get()
    assert (signed.reviewer, signed.revoked, signed.open_left) == (ana, 1, 0)


def test_a_review_of_many_is_signed_on_its_own_page(story, client):
    campaign = story.launch()
    ana = story.user("ana@x.example")
    client.force_login(ana)
    for account, right in (("bruno", "read"), ("bruno", "admin"), ("chloe", "read"), ("david", "read"), ("job", "read")):
        story.decide(campaign, account, "approve", ana, entitlement=right)
    text = client.get(f"/reviews/{campaign.pk}/").text
    assert '<div id="sign"></div>' in text
    assert "Sign and submit" not in text
