"""The reports of a period and what people state, in a browser: nothing that axe finds at any width, all from the keyboard."""

import pytest
from playwright.sync_api import Page, expect

from certify.lib import clock
from evidence.actions import duties, periods
from evidence.models import Statement
from tests.e2e.test_silence_pages import look_everywhere
from tests.e2e.test_whole_path import sign_in
from tests.evidence.stated import state
from tests.evidence.story import details
from tests.story import Story

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]


def test_an_owner_states_what_is_missing_and_reads_it_in_the_report(live_server, page: Page, transactional_db, story: Story):
    today = clock.now().date()
    days = {"from_on": today, "to_on": today, "open_until": today, "framework": "iso27001"}
    period = periods.create(details=details(story, **days), by=story.owner)
    duties.give(control="iso27001:A.5.18", duty="process_owner", holder=story.owner, by=story.owner)
    state(story, "nonconformity", "iso27001", title="Late", found_on=today, done_on=today, controls=["iso27001:A.5.18"])
    sign_in(page, live_server.url, story.owner)
    page.goto(f"{live_server.url}/audit/{period.pk}/report/")
    expect(page.get_by_role("heading", name="Is there a managed system?")).to_be_visible()
    look_everywhere(page)
    page.get_by_role("row", name="A.5.18 Access rights").get_by_role("link", name="not stated").press("Enter")
    expect(page.get_by_role("checkbox", name="A.5.18:")).to_be_checked()
    page.get_by_label("Applies").select_option(label="yes")
    look_everywhere(page)
    page.get_by_label("Justification").fill("Access follows the work")
    page.get_by_role("button", name="Record").press("Enter")
    expect(page.get_by_text("Recorded.")).to_be_visible()
    look_everywhere(page)
    page.get_by_role("link", name="Statements: ISO").press("Enter")
    look_everywhere(page)
    page.get_by_role("row", name="1 Late").get_by_role("link").press("Enter")
    look_everywhere(page)
    page.goto(f"{live_server.url}/audit/{period.pk}/report/")
    expect(page.get_by_role("row", name="A.5.18 Access rights")).to_contain_text("Access follows the work")
    assert Statement.objects.get(kind="applicability").control == "iso27001:A.5.18"
