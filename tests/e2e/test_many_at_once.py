"""Bulk preview, spreadsheet, submission and held removals in Chromium: nothing that axe finds, in every light and size."""

from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from campaigns.actions import closing
from tests.campaigns import sheets
from tests.e2e.test_silence_pages import look_everywhere
from tests.e2e.test_whole_path import sign_in
from tests.story import Story, tell

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]


@pytest.fixture
def story(transactional_db, tmp_path) -> Story:
    """The small company."""
    return tell(tmp_path)


def test_many_at_once_a_spreadsheet_and_the_submission(page: Page, live_server, story, tmp_path):
    campaign, ana = story.launch(removal_limit=20, last_holder_waits=True), story.user("ana@x.example")
    sign_in(page, live_server.url, ana)
    page.goto(f"{live_server.url}/reviews/{campaign.pk}/")
    page.get_by_label("Select every row on this page").check()
    page.get_by_role("button", name="Keep …").click()
    expect(page.get_by_role("button", name="Keep 3", exact=True)).to_be_visible()
    expect(page.get_by_text("2 need care")).to_be_visible()
    look_everywhere(page)
    page.goto(f"{live_server.url}/reviews/{campaign.pk}/sheet/")
    look_everywhere(page)
    with page.expect_download() as downloaded:
        page.get_by_role("link", name="Download the spreadsheet").click()
    filled = tmp_path / "mine.xlsx"
    body = Path(downloaded.value.path()).read_bytes()
    answers = [{"account": account, "decision": "Remove"} for account in ("chloe", "david")]
    answers += [{"account": "bruno", "right": "admin", "decision": "Remove"}, {"account": "job", "decision": "Perhaps"}]
    filled.write_bytes(sheets.fill(body, *answers))
    page.get_by_label("The file you filled in").set_input_files(filled)
    page.get_by_role("button", name="Upload and look").click()
    expect(page.get_by_role("heading", name="What mine.xlsx would do")).to_be_visible()
    look_everywhere(page)
    page.get_by_role("button", name="Decide 3 items").click()
    expect(page.get_by_role("heading", name="3 items decided from mine.xlsx")).to_be_visible()
    look_everywhere(page)
    page.get_by_role("link", name="Review and submit").click()
    look_everywhere(page)
    page.get_by_role("checkbox").check()
    page.get_by_role("button", name="Submit 3 decisions").click()
    expect(page.get_by_role("heading", name="Submitted. Thank you.")).to_be_visible()
    look_everywhere(page)


def test_what_waits_for_a_second_person(page: Page, live_server, story):
    campaign, ana = story.launch(removal_limit=20, last_holder_waits=True), story.user("ana@x.example")
    story.decide(campaign, "bruno", "revoke", ana, entitlement="admin")
    story.decide(campaign, "david", "revoke", ana)
    story.submit(campaign, ana)
    closing.close(campaign_id=campaign.pk, by=story.owner)
    sign_in(page, live_server.url, story.admin)
    page.goto(f"{live_server.url}/campaigns/{campaign.pk}/held/")
    look_everywhere(page)
    page.get_by_role("button", name="Confirm 1 removal").click()
    expect(page.get_by_text("Confirmed by Ada Admin")).to_be_visible()
