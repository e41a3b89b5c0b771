"""The page on which a person is erased, in a browser: nothing that axe finds at any width, and it works from the keyboard."""

import pytest
from playwright.sync_api import Page, expect

from people.actions import users
from tests.e2e.test_silence_pages import look_everywhere
from tests.e2e.test_whole_path import sign_in
from tests.story import Story

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]


def test_an_administrator_erases_somebody_who_left(live_server, page: Page, transactional_db, story: Story):
    gone = users.create(username="zita", name="Zita Quint", email="zita@x.example", roles=[], by=story.admin)
    sign_in(page, live_server.url, story.admin)
    page.goto(f"{live_server.url}/people/{gone.pk}/erase/")
    expect(page.get_by_text("They can still sign in.")).to_be_visible()
    look_everywhere(page)
    page.goto(f"{live_server.url}/people/{gone.pk}/")
    page.get_by_role("button", name="Deactivate").press("Enter")
    page.get_by_role("link", name="Erase …").press("Enter")
    expect(page.get_by_text("zita@x.example")).to_be_visible()
    look_everywhere(page)
    page.get_by_label("They asked for it").press("Space")
    page.get_by_role("textbox", name="Reason").fill("Asked for it in a letter of 2 March")
    page.get_by_label("I know that nobody can undo this").press("Space")
    page.get_by_role("button", name="Erase for good").press("Enter")
    expect(page.get_by_role("heading", name=f"erased person {gone.pk}")).to_be_visible()
    expect(page.get_by_text("Zita")).to_have_count(0)
    look_everywhere(page)
