"""A removal in Chromium from the word to the proof: reported, unmasked by the next reading, done, verified gone, and counted."""

import pytest
from playwright.sync_api import Page, expect

from campaigns.actions import closing
from remediation import tasks
from remediation.models import RemediationTask
from tests.e2e.test_whole_path import check_accessible, sign_in
from tests.story import Story, tell

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]


@pytest.fixture
def story(transactional_db, tmp_path) -> Story:
    """The small company with a closed review that took David's right to read away."""
    told = tell(tmp_path)
    campaign, ana = told.launch(), told.user("ana@x.example")
    told.decide(campaign, "david", "revoke", ana)
    told.submit(campaign, ana)
    closing.close(campaign_id=campaign.pk, by=told.owner)
    tasks.sweep_signed_off()
    return told


def report(page: Page, words: str) -> None:
    """Report the removal done, with a proof."""
    page.get_by_label("What was done").fill(words)
    page.get_by_label("Proof (optional)").set_input_files(
        {"name": "console.txt", "mimeType": "text/plain", "buffer": b"role removed"}
    )
    page.get_by_role("button", name="Report it done").click()
    expect(page.get_by_text("It counts as removed once a later full reading no longer shows it")).to_be_visible()


def test_a_word_is_no_proof_and_the_next_reading_tells(page, live_server, story):
    removal = RemediationTask.objects.get()
    sign_in(page, live_server.url, story.system_owner)
    page.goto(f"{live_server.url}/removals/")
    check_accessible(page)
    page.get_by_role("link", name="David Ekman · Read customers").click()
    report(page, "Taken out of the group, ticket OPS-1")
    expect(page.get_by_text("Cannot be verified yet.")).to_be_visible()
    check_accessible(page)
    story.load()
    tasks.verify_new_snapshots()
    page.reload()
    expect(page.locator("h1")).to_contain_text("Still there")
    check_accessible(page)
    report(page, "Really taken out of the group this time")
    story.load_without(("david", "read"))
    tasks.verify_new_snapshots()
    page.reload()
    expect(page.locator("h1")).to_contain_text("Verified gone")
    expect(page.get_by_role("heading", name="When it went away")).to_be_visible()
    expect(page.get_by_text("Present on").first).to_contain_text("reading 2")
    check_accessible(page)
    page.goto(f"{live_server.url}/removals/figures/?campaign={removal.campaign_id}")
    row = page.get_by_role("table").get_by_role("row").nth(1)
    expect(row.get_by_role("cell")).to_contain_text(["1", "1", "1"])
    check_accessible(page)
    row.get_by_role("link", name="1").nth(2).click()
    expect(page.get_by_role("link", name="David Ekman · Read customers")).to_be_visible()
