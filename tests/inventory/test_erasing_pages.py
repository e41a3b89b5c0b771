"""The pages on which names of those whose access is reviewed are found and erased, for their user and in a browser."""

from datetime import timedelta

import pytest
from django.urls import reverse
from playwright.sync_api import Page, expect

from certify.lib import clock
from evidence.actions import retention
from evidence.retention.kinds import KINDS
from inventory.models import Account, Identity
from tests.e2e.test_silence_pages import look_everywhere
from tests.e2e.test_whole_path import sign_in
from tests.story import Story

REASON = "Asked for it in a letter of 2 March"


def without_david(story: Story) -> None:
    """David and his account are in no file any more."""
    for kind, text in story.texts.items():
        story.texts[kind] = "".join(
            f"{line}\n" for line in text.splitlines() if not line.startswith(("p4,", "crm,david,", "crm,shared,"))
        )
    story.load()


@pytest.fixture
def david(story) -> Identity:
    without_david(story)
    return Identity.objects.get(key="p4")


@pytest.mark.django_db
def test_the_list_is_searched_and_paged(client, story, settings):
    settings.CERTIFY_PAGE_ROWS = 2
    client.force_login(story.admin)
    first = client.get("/inventory/identities/").content.decode()
    assert "2 of 5 identities on this page" in first
    second = client.get("/inventory/identities/?after=p2").content.decode()
    assert "Chloe Dahl" in second
    assert "Ana Berg" not in second
    found = client.get("/inventory/identities/?search=ekman").content.decode()
    assert ("David Ekman" in found, "Ana Berg" in found) == (True, False)
    assert "Nobody found" in client.get("/inventory/identities/?search=%25").content.decode()
    accounts = client.get("/inventory/identities/?search=shared").content.decode()
    assert f"/inventory/accounts/{Account.objects.get(key='shared').pk}/erase/" in accounts


@pytest.mark.django_db
def test_more_accounts_than_are_shown_are_said(client, story):
    rows = "".join(f"crm,robot{n},Robot {n},,read,2026-01-05,2026-11-01,\n" for n in range(21))
    story.load(grants=story.texts["grants"] + rows)
    client.force_login(story.admin)
    assert "The first 20 are shown" in client.get("/inventory/identities/?search=robot").content.decode()


@pytest.mark.django_db
def test_a_refusal_is_shown_with_the_form(client, story, david):
    client.force_login(story.admin)
    asked = {"basis": "request", "reason": "David Ekman wrote to us", "is_sure": "on"}
    answer = client.post(f"/inventory/identities/{david.pk}/erase/", asked)
    assert answer.status_code == 422
    assert "do not write the person’s name" in answer.content.decode()
    assert Identity.objects.get(pk=david.pk).name == "David Ekman"


@pytest.mark.django_db
def test_an_account_of_somebody_known_has_no_page(client, story):
    client.force_login(story.admin)
    assert client.get(f"/inventory/accounts/{Account.objects.get(key='ana').pk}/erase/").status_code == 404


@pytest.mark.django_db
def test_who_is_due_is_listed_where_the_rule_is(client, story, david):
    retention.set_rule(kind=KINDS["leavers"], days=30, reason="Kept long enough", by=story.admin)
    client.force_login(story.admin)
    with clock.freeze(clock.now() + timedelta(days=31)):
        page = client.get(reverse("evidence:retention-kind", args=["leavers"])).content.decode()
    assert f"/inventory/identities/{david.pk}/erase/" in page


@pytest.mark.browser
@pytest.mark.django_db(transaction=True)
def test_an_administrator_erases_somebody_who_was_reviewed(live_server, page: Page, transactional_db, story: Story):
    sign_in(page, live_server.url, story.admin)
    david = Identity.objects.get(key="p4")
    page.goto(f"{live_server.url}/inventory/identities/{david.pk}/erase/")
    expect(page.get_by_text("still lists them")).to_be_visible()
    look_everywhere(page)
    without_david(story)
    page.goto(f"{live_server.url}/inventory/")
    page.get_by_role("link", name="Identities").press("Enter")
    look_everywhere(page)
    page.get_by_role("searchbox", name="Search").fill("ekman")
    page.get_by_role("button", name="Show").press("Enter")
    page.get_by_role("link", name="Erase the names of p4").press("Enter")
    expect(page.get_by_text("david@x.example")).to_be_visible()
    look_everywhere(page)
    page.get_by_label("They asked for it").press("Space")
    page.get_by_role("textbox", name="Reason").fill(REASON)
    page.get_by_label("I know that nobody can undo this").press("Space")
    page.get_by_role("button", name="Erase for good").press("Enter")
    expect(page.get_by_text(f"as that of “erased identity {david.pk}”")).to_be_visible()
    expect(page.get_by_text("David Ekman")).to_have_count(0)
    look_everywhere(page)
