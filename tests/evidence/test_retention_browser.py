"""Retention, holds and the auditors of a period in a browser: all is reached; axe finds nothing, in the dark and on a phone either."""

import pytest
from playwright.sync_api import Page, expect

from evidence.actions import periods
from tests.e2e.test_silence_pages import look_everywhere
from tests.e2e.test_whole_path import sign_in
from tests.evidence.story import details
from tests.evidence.test_retention import old_mail

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]


def hold(page: Page, address: str) -> None:
    """The control owner invites an auditor, and holds a system."""
    page.goto(f"{address}/audit/")
    page.get_by_role("link", name="SOC 2 2031").click()
    page.get_by_role("link", name="Auditors").click()
    page.get_by_label("Name", exact=True).fill("Nia Noor")
    page.get_by_label("Mail address").fill("nia@audit.example")
    page.get_by_role("button", name="Invite", exact=True).click()
    expect(page.get_by_text("The invitation to Nia Noor is on its way.")).to_be_visible()
    look_everywhere(page)
    page.goto(f"{address}/audit/")
    page.get_by_role("link", name="What is kept").click()
    page.get_by_role("link", name="Legal holds").click()
    page.get_by_label("Name", exact=True).fill("Case 7")
    page.get_by_label("Why").fill("The court asks for all of it")
    page.get_by_label("Systems").select_option("crm")
    look_everywhere(page)
    page.get_by_role("button", name="Place it").click()
    expect(page.get_by_role("heading", name="What it stops")).to_be_visible()
    look_everywhere(page)


def test_from_a_hold_to_a_rule(page, live_server, transactional_db, story, settings):
    settings.CACHES = {"default": {"BACKEND": "django.core.cache.backends.locmem.LocMemCache"}}
    failures: list[str] = []
    page.on("console", lambda message: failures.append(message.text) if "Content Security Policy" in message.text else None)
    periods.create(details=details(story), by=story.owner)
    old_mail(story)
    sign_in(page, live_server.url, story.owner)
    hold(page, live_server.url)
    sign_in(page, live_server.url, story.admin)
    page.goto(f"{live_server.url}/audit/retention/")
    look_everywhere(page)
    page.get_by_role("link", name="Texts of mails").click()
    page.get_by_label("Days").fill("30")
    page.get_by_label("Why").fill("Nobody needs them longer")
    page.get_by_role("button", name="Show what it would delete").click()
    expect(page.get_by_text("1 more is old enough and held.")).to_be_visible()
    look_everywhere(page)
    page.get_by_role("button", name="Set this rule").click()
    expect(page.get_by_role("cell", name="30 days (rule 1)")).to_be_visible()
    look_everywhere(page)
    assert failures == []
