"""The review from the keyboard, fast and slowly: no press is lost, none counts twice, and the cursor is never nowhere."""

import pytest
from playwright.sync_api import Page, expect

from campaigns.models import Assignment, Campaign, Decision
from people.models import User
from tests.e2e.test_whole_path import sign_in
from tests.story import GRANTS, Story, tell

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]
ROWS = 20


@pytest.fixture
def campaign(transactional_db, tmp_path) -> Campaign:
    """A review in which Ana has twenty calm rows and one that asks for a reason."""
    story: Story = tell(tmp_path)
    header = GRANTS.splitlines()[0]
    calm = [f"crm,login{number:02},Login {number},p2,read,2026-01-05,2026-11-01," for number in range(ROWS)]
    story.load(grants="\n".join([header, *calm, "crm,bruno,Bruno Costa,p2,admin,2026-01-05,2026-11-01,"]) + "\n")
    return story.launch()


@pytest.fixture
def ana(campaign) -> User:
    """Who reviews them."""
    return User.objects.get(email="ana@x.example")


def open_review(page: Page, address: str, campaign: Campaign, person: User, query: str = "?view=risk&state=all") -> None:
    """The page of the review, with the cursor on the first calm row."""
    sign_in(page, address, person)
    page.goto(f"{address}/reviews/{campaign.pk}/{query}")
    expect(page.locator("tr[data-state=open]")).to_have_count(ROWS + 1)
    expect(page.locator("tr[data-row]").first).to_be_focused()
    page.keyboard.press("j")  # the first row asks for a reason


def answers(campaign: Campaign) -> list[str]:
    rows = Assignment.objects.filter(campaign=campaign, item__entitlement_key="read").order_by("risk_rank", "item_number")
    return list(rows.values_list("decision", flat=True))


def settle(page: Page, drafts: int) -> None:
    """Wait until so many rows are decided and nothing is on its way."""
    expect(page.locator("tr[data-state=draft]")).to_have_count(drafts)
    page.wait_for_load_state("networkidle")


@pytest.mark.parametrize("pace", ["fast", "slow"])
def test_every_press_decides_exactly_one_row(page, live_server, campaign, ana, pace):
    open_review(page, live_server.url, campaign, ana)
    keys = ["a", "r"] * (ROWS // 2)
    for count, key in enumerate(keys, 1):
        page.keyboard.press(key)
        if pace == "slow":
            settle(page, count)
    settle(page, ROWS)
    assert answers(campaign) == ["approve", "revoke"] * (ROWS // 2)
    assert Decision.objects.count() == ROWS


def test_a_press_past_the_last_row_waits_for_the_next_rows(page, live_server, campaign, ana, settings):
    settings.CERTIFY_PAGE_ROWS = 5
    held = []
    page.route("**/*after=*", lambda route: route.continue_() if held else held.append(route))
    sign_in(page, live_server.url, ana)
    page.goto(f"{live_server.url}/reviews/{campaign.pk}/?view=risk")
    expect(page.locator("tr[data-row]").first).to_be_focused()
    page.keyboard.press("j")  # the first row asks for a reason
    for _ in range(4):
        page.keyboard.press("a")
    expect(page.locator("tr[data-row]").last).to_have_attribute("data-state", "draft")  # answered, and no next row is here yet
    for key in "rraaaaar":  # more than the next page has
        page.keyboard.press(key)
    held[0].continue_()
    expect(page.locator("#counts")).to_contain_text("9 kept, 3 to remove")
    page.wait_for_load_state("networkidle")
    assert answers(campaign)[:13] == ["approve"] * 4 + ["revoke"] * 2 + ["approve"] * 5 + ["revoke", ""]


@pytest.mark.parametrize("pace", ["fast", "slow"])
def test_after_an_undo_the_next_presses_decide_again(page, live_server, campaign, ana, pace):
    open_review(page, live_server.url, campaign, ana)
    for count in range(1, 4):
        page.keyboard.press("a")
        settle(page, count)
    page.keyboard.press("k")  # back to the third row
    page.keyboard.press("z")
    settle(page, 2)
    for count, key in enumerate(["r", "a", "a"], 3):
        page.keyboard.press(key)
        if pace == "slow":
            settle(page, count)
    settle(page, 5)
    assert answers(campaign)[:6] == ["approve", "approve", "revoke", "approve", "approve", ""]


@pytest.mark.parametrize("pace", ["fast", "slow"])
def test_an_undo_with_the_mouse_leaves_the_cursor_where_it_was_pressed(page, live_server, campaign, ana, pace):
    open_review(page, live_server.url, campaign, ana)
    for count in range(1, 4):
        page.keyboard.press("a")
        settle(page, count)
    page.locator("tr[data-state=draft]").nth(1).get_by_role("button", name="Undo").click()
    settle(page, 2)
    for count, key in enumerate(["r", "a"], 3):
        page.keyboard.press(key)
        if pace == "slow":
            settle(page, count)
    settle(page, 4)
    assert answers(campaign)[:5] == ["approve", "revoke", "approve", "approve", ""]


def test_an_asked_reason_takes_the_focus_and_gives_it_on(page, live_server, campaign, ana):
    open_review(page, live_server.url, campaign, ana)
    page.keyboard.press("k")
    page.keyboard.press("a")
    expect(page.get_by_label("Reason", exact=True)).to_be_focused()
    page.keyboard.type("The administrator of this system")
    page.keyboard.press("Control+Enter")
    settle(page, 1)
    page.keyboard.press("a")
    settle(page, 2)
    assert answers(campaign)[:2] == ["approve", ""]


def test_escape_leaves_the_reason_and_the_row_undecided(page, live_server, campaign, ana):
    open_review(page, live_server.url, campaign, ana)
    page.keyboard.press("k")
    page.keyboard.press("a")
    expect(page.get_by_label("Reason", exact=True)).to_be_focused()
    page.keyboard.press("Escape")
    page.keyboard.press("j")
    page.keyboard.press("a")
    settle(page, 1)
    assert answers(campaign)[:2] == ["approve", ""]
