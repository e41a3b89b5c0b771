"""A scope is built in a browser, from the keyboard, with its counts beside it."""

from datetime import timedelta

from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Page, expect

from campaigns.actions import scopes
from campaigns.models import CampaignDefinition
from certify.lib import clock
from tests.e2e.test_whole_path import check_accessible, sign_in


def add(page: Page, about: str, within: str = "#scope") -> None:
    """Add a condition from the keyboard; its field then has the focus."""
    box = page.locator(within).get_by_label("Add a condition").last
    box.select_option(label=about)
    box.press("Tab")
    page.keyboard.press("Enter")


def test_an_owner_builds_a_scope_without_a_mouse(live_server, page, transactional_db, story):
    last = clock.now().date() + timedelta(days=20)
    terms = scopes.Exempt("Break-glass", "Watched by the bank itself", story.owner, last, accounts=["crm/shared"])
    scopes.exempt(terms=terms, by=story.owner)
    page.set_viewport_size({"width": 390, "height": 844})
    sign_in(page, live_server.url, story.owner)
    page.goto(f"{live_server.url}/definitions/new/?kind=external")
    page.get_by_label("Customer records").check()
    answer = page.locator("#scope-live")
    expect(answer).to_contain_text("Access of contractors and suppliers’ workers, in Customer records")
    add(page, "Department")
    department = page.get_by_label("Department: type or choose")
    expect(department).to_be_focused()
    department.fill("Sa")
    expect(page.locator("datalist option")).to_have_count(1)
    department.fill("Sales")
    department.press("Enter")
    expect(page.get_by_role("checkbox", name="Sales")).to_be_checked()
    expect(answer).to_contain_text("in Sales")
    page.get_by_role("button", name="Add an exception").press("Enter")
    expect(page.locator("#x1-add")).to_be_focused()
    page.locator("#x1-add").select_option(label="Privileged")
    page.locator("fieldset.exception").get_by_role("button", name="Add condition").press("Enter")
    page.locator("fieldset.exception").get_by_label("Yes").check()
    page.get_by_label("Why is this left out?").fill("Watched every day by the team")
    expect(answer).to_contain_text("Except privileged access: Watched every day by the team.")
    expect(answer).to_contain_text("1to review")
    check_accessible(page)
    page.get_by_role("button", name="Save and preview").press("Enter")
    expect(page.get_by_role("heading", name="Does it balance?")).to_be_visible()
    expect(page.locator("main")).to_contain_text("The list “Break-glass” (Control_Owner) applies until")
    assert [one["field"] for one in CampaignDefinition.objects.get().scope["include"]] == ["orphan", "kind", "department"]
    page.goto(f"{live_server.url}/definitions/exclusions/")
    assert Axe().run(page).violations_count == 0
