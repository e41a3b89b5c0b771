"""A connection to a real SCIM server in Chromium: set up, tried without effect, switched on, and the access is gone."""

import pytest
from playwright.sync_api import Page, expect

from campaigns.actions import closing
from remediation import tasks
from tests.e2e.test_whole_path import check_accessible, sign_in
from tests.remediation.scim_server import TOKEN, scim
from tests.story import Story, tell

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]


@pytest.fixture
def story(transactional_db, tmp_path, settings) -> Story:
    """The small company with a closed review that took David's right to read away; loopback is a network of its own."""
    settings.CERTIFY_WEBHOOK_NETWORKS = ["127.0.0.0/8"]
    told = tell(tmp_path)
    campaign, ana = told.launch(), told.user("ana@x.example")
    told.decide(campaign, "david", "revoke", ana)
    told.submit(campaign, ana)
    closing.close(campaign_id=campaign.pk, by=told.owner)
    tasks.sweep_signed_off()
    return told


def set_up(page: Page, address: str) -> None:
    """The administrator enters the connection, which begins off and dry, and switches it on to be tried."""
    page.get_by_role("link", name="SCIM").click()
    page.get_by_label("Address").fill(address)
    page.get_by_label("Token").fill(TOKEN)
    page.get_by_label("More than this at once").fill("5")
    page.get_by_label("So does more than this share").fill("100")
    check_accessible(page)
    page.get_by_role("button", name="Keep").click()
    expect(page.get_by_role("heading", name="Sending is off")).to_be_visible()
    assert TOKEN not in page.content()
    page.get_by_role("button", name="Switch on").click()
    expect(page.get_by_role("heading", name="Sending is a dry run")).to_be_visible()


def send(page: Page, address: str) -> None:
    """The system owner sends what there is."""
    page.goto(f"{address}/removals/")
    page.get_by_label("All that the filter finds").check()
    page.get_by_role("button", name="Send to the system").click()
    expect(page.locator("h1")).to_contain_text("1 removal to Customer records")
    tasks.send_webhooks()
    page.reload()


def test_a_connection_is_tried_before_anything_is_removed(page, live_server, story):
    address, programs = live_server.url, f"{live_server.url}/removals/programs/{story.source.pk}/"
    with scim() as server:
        people = {name: server.user(name) for name in ("chloe", "david")}
        group = server.group("read", *people.values())
        sign_in(page, address, story.admin)
        page.goto(programs)
        set_up(page, server.url)
        sign_in(page, address, story.system_owner)
        send(page, address)
        expect(page.get_by_text("dry run").first).to_be_visible()
        check_accessible(page)
        assert server.members(group) == set(people.values()), "a dry run changes nothing"
        sign_in(page, address, story.admin)
        page.goto(programs)
        page.get_by_role("button", name="Send in earnest").click()
        expect(page.get_by_role("heading", name="Sending is on")).to_be_visible()
        sign_in(page, address, story.system_owner)
        send(page, address)
        assert server.members(group) == {people["chloe"]}
    page.goto(f"{address}/removals/")
    page.get_by_role("link", name="David Ekman · Read customers").click()
    expect(page.get_by_text("Cannot be verified yet.")).to_be_visible()
    check_accessible(page)
