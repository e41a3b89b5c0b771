"""The pages of hand-over, silence and second look in Chromium: nothing that axe finds, and they work from the keyboard."""

import pytest
from playwright.sync_api import Page, expect

from campaigns import silence
from campaigns.actions import closing, items, launching, plans
from campaigns.actions import second_look as looking
from campaigns.actions import silence as silence_actions
from campaigns.models import Assignment, Campaign
from people.actions import users
from tests.campaigns.test_hand_over import LINE
from tests.e2e.test_whole_path import check_accessible, sign_in
from tests.story import Story, tell

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]
REASON = "They know the people better"


@pytest.fixture
def story(transactional_db, tmp_path) -> Story:
    """The small company, with a manager above Ana."""
    told = tell(tmp_path)
    users.create(username="greta", name="Greta Holm", email="greta@x.example", roles=["reviewer"], by=told.admin)
    told.load(identities=LINE)
    return told


def launch(story: Story, name: str, **plan) -> Campaign:
    stage = {"name": "Managers", "panels": [[{"rule": "manager"}]], "strategy": "one_deny_denies", "days": 7}
    definition = story.define(f"Definition of {name}")
    plans.set_plan(definition_id=definition.pk, plan={"stages": [stage], **plan}, by=story.owner)
    asked = launching.request(definition_id=definition.pk, name=name, by=story.owner)
    return launching.launch(campaign_id=asked.pk, by=story.owner)


def look_everywhere(page: Page) -> None:
    """The page as a laptop, a dark one and a phone show it."""
    for scheme, width, height in (("dark", 1280, 800), ("light", 390, 844), ("light", 1280, 800)):
        page.emulate_media(color_scheme=scheme)
        page.set_viewport_size({"width": width, "height": height})
        check_accessible(page)


def test_a_reviewer_gives_items_without_a_mouse(page: Page, live_server, story):
    campaign = launch(story, "Handed over")
    ana, greta = story.user("ana@x.example"), story.user("greta@x.example")
    sign_in(page, live_server.url, ana)
    page.goto(f"{live_server.url}/reviews/{campaign.pk}/")
    page.keyboard.press("j")
    page.keyboard.press("x")
    page.keyboard.press("j")
    page.keyboard.press("x")
    look_everywhere(page)
    page.get_by_role("button", name="Give to …").focus()
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", name="Give 2 items to somebody else")).to_be_visible()
    look_everywhere(page)
    page.get_by_label("To whom").select_option(label="Greta Holm")
    page.get_by_label("Reason").fill(REASON)
    page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    expect(page.get_by_text("2 given to Greta Holm.")).to_be_visible()
    look_everywhere(page)
    sign_in(page, live_server.url, greta)
    row = Assignment.objects.filter(reviewer=greta, previous__isnull=False).first()
    page.goto(f"{live_server.url}/reviews/{campaign.pk}/items/{row.pk}/")
    look_everywhere(page)


def test_the_owner_sees_a_second_look(page: Page, live_server, story):
    sign_in(page, live_server.url, story.owner)
    campaign, ana = (
        launch(story, "Looked at", second_look={"share": 100, "reviewer": "owner", "days": 4}),
        story.user("ana@x.example"),
    )
    page.goto(f"{live_server.url}/definitions/{campaign.definition_id}/reviewers/")
    look_everywhere(page)
    story.decide(campaign, "bruno", "approve", ana)
    story.decide(campaign, "job", "approve", ana)
    story.submit(campaign, ana)
    page.goto(f"{live_server.url}/campaigns/{campaign.pk}/")
    look_everywhere(page)
    looking.ask(campaign_id=campaign.pk, by=story.owner)
    rows = list(Assignment.objects.filter(campaign=campaign, is_vote=False).order_by("pk"))
    for row, code in zip(rows, ("revoke", "approve"), strict=True):
        items.decide(assignment_id=row.pk, answer=items.Answer(code, REASON), by=story.owner)
    story.submit(campaign, story.owner)
    page.goto(f"{live_server.url}/campaigns/{campaign.pk}/")
    look_everywhere(page)


def test_the_owner_and_a_second_person_remove_what_nobody_answered(page: Page, live_server, story):
    sign_in(page, live_server.url, story.owner)
    quiet = launch(story, "Quiet", silence="propose_removal", silence_limit=20)
    ana = story.user("ana@x.example")
    story.decide(quiet, "chloe", "revoke", ana)
    story.submit(quiet, ana)
    closing.close(campaign_id=quiet.pk, by=story.owner)
    page.goto(f"{live_server.url}/campaigns/{quiet.pk}/")
    look_everywhere(page)
    page.get_by_role("link", name="Proposed removals").click()
    look_everywhere(page)
    page.get_by_label("all 6").check()
    page.get_by_role("button", name="Look at what this takes away").click()
    look_everywhere(page)
    page.get_by_label("Why it is removed").fill(REASON)
    page.get_by_role("button", name="Approve").click()
    expect(page.get_by_text("They wait for a second person.")).to_be_visible()
    sign_in(page, live_server.url, story.admin)
    page.goto(f"{live_server.url}/campaigns/{quiet.pk}/unanswered/")
    look_everywhere(page)
    page.get_by_role("button", name="Confirm the removals").click()
    expect(page.get_by_text("Confirmed by Ada Admin")).to_be_visible()
    assert silence.waiting_approvals(quiet).count() == 0
    again = launch(story, "Asked again", silence="follow_up")
    closing.close(campaign_id=again.pk, by=story.owner)
    silence_actions.follow_up(campaign_id=again.pk, by=story.owner)
    page.goto(f"{live_server.url}/campaigns/{again.pk}/")
    look_everywhere(page)
