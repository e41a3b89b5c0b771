"""Frameworks in a browser: nothing that axe finds at any width, and everything works from the keyboard."""

from datetime import date

import pytest
from playwright.sync_api import Page, expect

from campaigns.actions import schedules
from campaigns.models import CampaignDefinition
from evidence.actions import periods
from evidence.models import ControlDuty
from tests.e2e.test_silence_pages import look_everywhere
from tests.e2e.test_whole_path import sign_in
from tests.evidence.story import YEAR, details
from tests.story import QUARTERLY, Story

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]


def test_an_owner_loads_a_framework_ticks_controls_and_says_who_answers(
    live_server, page: Page, transactional_db, story: Story
):
    definition = story.define()
    schedules.set_schedule(definition_id=definition.pk, schedule=QUARTERLY, by=story.owner)
    sign_in(page, live_server.url, story.owner)
    page.goto(f"{live_server.url}/audit/")
    page.get_by_role("link", name="Frameworks").press("Enter")
    expect(page.get_by_role("link", name="SOC 2")).to_be_visible()
    look_everywhere(page)
    page.get_by_role("link", name="Load a framework").press("Enter")
    page.get_by_label("File").set_input_files({"name": "f.json", "mimeType": "application/json", "buffer": b'{"code":\n oops}'})
    page.get_by_role("button", name="Load").press("Enter")
    expect(page.get_by_text("Line 2: this is not JSON")).to_be_visible()
    look_everywhere(page)
    page.goto(f"{live_server.url}/audit/frameworks/soc2/")
    look_everywhere(page)
    page.get_by_role("link", name="CC6.3", exact=True).press("Enter")
    page.get_by_label("Held by").select_option(label=story.system_owner.name)
    page.get_by_role("button", name="Record from now on").press("Enter")
    expect(page.get_by_text("Recorded.")).to_be_visible()
    look_everywhere(page)
    page.goto(f"{live_server.url}/definitions/{definition.pk}/edit/")
    page.get_by_role("checkbox", name="CC6.3 Access follows").press("Space")
    page.get_by_role("checkbox", name="CC6.2 Access is registered").press("Space")
    page.get_by_label("Others", exact=True).fill("house:H-1")
    look_everywhere(page)
    page.get_by_role("button", name="Save and preview").press("Enter")
    expect(page.get_by_text("Saved.")).to_be_visible()
    assert CampaignDefinition.objects.get().controls == ["soc2:CC6.2", "house:H-1"]
    assert ControlDuty.objects.get().holder == story.system_owner


def test_an_owner_reads_how_ready_a_period_is(live_server, page: Page, transactional_db, story: Story):
    definition = story.define()
    schedules.set_schedule(definition_id=definition.pk, schedule=QUARTERLY, by=story.owner)
    sign_in(page, live_server.url, story.owner)
    period = periods.create(details=details(story, from_on=date(YEAR - 5, 1, 1)), by=story.owner)
    page.goto(f"{live_server.url}/audit/{period.pk}/")
    look_everywhere(page)
    page.get_by_role("link", name="Readiness").press("Enter")
    expect(page.get_by_role("heading", name="CC6.3: Access follows")).to_be_visible()
    look_everywhere(page)
