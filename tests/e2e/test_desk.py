"""The reviewer's desk in a browser: by keys alone, without a connection, in two windows, in every state and size."""

import gzip
import re
from itertools import pairwise
from pathlib import Path

import pytest
from playwright.sync_api import Page, Route, expect

from campaigns.actions import closing, items
from campaigns.actions.items import Answer
from campaigns.models import Assignment, Campaign, Decision
from people.models import User
from tests.e2e.test_whole_path import PASSWORD, check_accessible, sign_in
from tests.story import GRANTS, IDENTITIES, Story, tell

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]
ROWS, MANY, BY_KEYS = 12, 10_000, 200
REASON = "Checked with the team lead today"
STATIC = Path(__file__).resolve().parents[2] / "static"


def company(folder: Path, rows: int) -> Story:
    """The small company, in which forty of Ana's team of a hundred have so many calm rights: too few to recommend keeping them."""
    story = tell(folder)
    people = [f"t{n},Team {n:02},,employee,active,Finance,Accountant,p1," for n in range(100)]
    calm = [f"crm,login{n:05},Login {n},t{n % 40},read,2026-01-05,2026-11-01," for n in range(rows)]
    grants = "\n".join([GRANTS.splitlines()[0], *calm, "crm,bruno,Bruno Costa,p2,admin,2026-01-05,2026-11-01,"])
    story.load(identities=IDENTITIES + "\n".join(people) + "\n", grants=grants + "\n")
    return story


@pytest.fixture
def story(transactional_db, tmp_path) -> Story:
    """Twelve calm rows and one that asks for a reason."""
    return company(tmp_path, ROWS)


@pytest.fixture
def campaign(story) -> Campaign:
    return story.launch()


@pytest.fixture
def ana(campaign) -> User:
    return User.objects.get(email="ana@x.example")


def open_desk(page: Page, address: str, campaign: Campaign, person: User, query: str = "?view=risk") -> None:
    sign_in(page, address, person)
    page.goto(f"{address}/reviews/{campaign.pk}/{query}")
    expect(page.locator("tr[data-row]").first).to_be_focused()


def settle(page: Page) -> None:
    """Wait until nothing is on its way."""
    page.wait_for_timeout(50)
    expect(page.locator("tr[data-busy]")).to_have_count(0, timeout=20_000)
    expect(page.locator("#desk:not([data-sending]), #desk[data-sending='0']")).to_have_count(1, timeout=20_000)


def calm(campaign: Campaign) -> list[Assignment]:
    """Ana's calm rows, as they stand in the flat list."""
    rows = Assignment.objects.filter(campaign=campaign, item__entitlement_key="read", reviewer__email="ana@x.example")
    return list(rows.select_related("item").order_by("risk_rank", "item_number"))


def accounts(campaign: Campaign) -> list[str]:
    return [row.item.account_key for row in calm(campaign)]


def decided() -> dict[str, str]:
    found = Assignment.objects.exclude(decision="").values_list("item__account_key", "decision")
    return dict(found)


# ---- keys ----


def test_two_hundred_of_ten_thousand_are_decided_by_keys_alone(page, live_server, transactional_db, tmp_path):
    campaign = company(tmp_path, MANY).launch()
    ana = User.objects.get(email="ana@x.example")
    open_desk(page, live_server.url, campaign, ana)
    expect(page.locator("#counts")).to_contain_text(f"{MANY + 1} of {MANY + 1} to decide")
    check_accessible(page)
    page.keyboard.press("j")  # the first one asks for a reason
    for count in range(BY_KEYS):
        page.keyboard.press("r" if count % 10 == 9 else "a")
        if count % 40 == 39:
            expect(page.locator("tr[data-row]:focus")).to_have_count(1)
    expect(page.locator("#counts")).to_contain_text(
        f"{BY_KEYS - BY_KEYS // 10} kept, {BY_KEYS // 10} to remove", timeout=60_000
    )
    settle(page)
    rows = Assignment.objects.filter(campaign=campaign, reviewer=ana).order_by("risk_rank", "item_number")[1 : BY_KEYS + 2]
    codes = ["revoke" if count % 10 == 9 else "approve" for count in range(BY_KEYS)]
    assert [row.decision for row in rows] == [*codes, ""], "one press decides one row, in the order of the list"
    assert Decision.objects.count() == BY_KEYS
    page.keyboard.press("Control+Enter")
    expect(page.get_by_role("button", name=f"Submit {BY_KEYS} decisions")).to_be_visible()


def test_each_answer_has_its_key_and_undo_finds_what_has_moved_away(page, live_server, campaign, ana):
    open_desk(page, live_server.url, campaign, ana)
    page.keyboard.press("d")
    expect(page.get_by_label("Reason")).to_be_focused()
    page.keyboard.type("Nobody here knows what this is for")
    page.keyboard.press("Control+Enter")
    page.keyboard.press("u")
    expect(page.get_by_label("What is left")).to_be_focused()
    page.keyboard.type("Reading only")
    page.keyboard.press("Tab")
    page.keyboard.type("She only looks at reports")
    page.keyboard.press("Control+Enter")
    settle(page)
    for _ in range(8):
        page.keyboard.press("a")
    settle(page)
    expect(page.locator("tr[data-state=draft]")).to_have_count(5)
    expect(page.locator("#tabs [aria-current]").first).to_have_text("To decide 3")
    assert sorted(decided().values()) == ["approve"] * 8 + ["dont_know", "reduce"]
    for _ in range(7):
        page.keyboard.press("z")
    expect(page.locator("#counts")).to_contain_text("1 kept, 0 to remove")
    settle(page)
    assert sorted(decided().values()) == ["approve", "dont_know", "reduce"]
    expect(page.locator("tr[data-row]:focus")).to_have_count(1)


def test_letters_type_in_text_boxes_and_can_be_switched_off_for_good(page, live_server, campaign, ana):
    open_desk(page, live_server.url, campaign, ana)
    page.keyboard.press("/")
    page.keyboard.type("arjd login")
    expect(page.locator("[data-search]")).to_have_value("arjd login")
    page.keyboard.press("Escape")
    expect(page.locator("tr[data-row]").first).to_be_focused()
    page.keyboard.press("f")
    expect(page.locator("#filters a").first).to_be_focused()
    page.keyboard.press("?")
    expect(page.get_by_role("dialog")).to_be_visible()
    check_accessible(page)
    with page.expect_response("**/my-keys/"):
        page.get_by_label("Use single keys").uncheck()
    page.keyboard.press("Escape")
    page.locator("tr[data-row]").first.focus()
    page.keyboard.press("j")
    page.keyboard.press("a")
    expect(page.locator("tr[data-row]").first).to_be_focused()
    page.reload()
    expect(page.locator("tr[data-row]").first).to_be_focused()
    page.keyboard.press("a")
    page.keyboard.press("ArrowDown")
    expect(page.locator("tr[data-row]").nth(1)).to_be_focused()
    page.wait_for_load_state("networkidle")
    assert decided() == {}


def test_the_drawer_stays_while_moving_and_gives_the_focus_back(page, live_server, campaign, ana):
    open_desk(page, live_server.url, campaign, ana)
    page.keyboard.press("Enter")
    expect(page.locator("#drawer h2")).to_have_text("Bruno Costa")
    check_accessible(page)
    page.keyboard.press("j")
    second = page.locator("tr[data-row] .name").nth(1).text_content()
    expect(page.locator("#drawer h2")).to_have_text(second)
    page.keyboard.press("c")
    expect(page.locator("#drawer-reason")).to_be_focused()
    page.keyboard.type("a letter is a letter here")
    page.keyboard.press("Control+Enter")
    expect(page.locator("tr[data-row]").nth(1)).to_be_focused()
    page.keyboard.press("r")
    settle(page)
    expect(page.locator("tr[data-row]:focus")).to_have_count(1)
    expect(page.locator("#drawer h2")).not_to_have_text(second)
    page.keyboard.press("Escape")
    expect(page.locator("#drawer > *")).to_have_count(0)
    expect(page.locator("tr[data-row]:focus")).to_have_count(1)
    assert (Decision.objects.get().code, Decision.objects.get().rationale) == ("revoke", "a letter is a letter here")


#: The answer to a decision comes while the details of the next row are still on their way.
SLOW = """const quick = window.fetch;
window.fetch = (url, more) => new Promise((done, failed) =>
  setTimeout(() => quick(url, more).then(done, failed), String(url).includes("decide") ? 300 : 600));"""


def test_details_on_their_way_are_not_overtaken_by_an_answer(page, live_server, campaign, ana):
    page.add_init_script(SLOW)
    open_desk(page, live_server.url, campaign, ana)
    page.keyboard.press("Enter")
    expect(page.locator("#drawer h2")).to_have_text("Bruno Costa")
    page.keyboard.press("j")
    names = page.locator("tr[data-row] .name").all_text_contents()
    expect(page.locator("#drawer h2")).to_have_text(names[1])
    page.keyboard.press("r")
    expect(page.locator("#drawer h2")).to_have_text(names[2])
    settle(page)
    expect(page.locator("#drawer h2")).to_have_text(names[2])


def test_the_menu_is_a_menu(page, live_server, campaign, ana):
    open_desk(page, live_server.url, campaign, ana)
    more = page.get_by_role("button", name="More for Team").first
    more.focus()
    page.keyboard.press("Enter")
    expect(page.get_by_role("menuitem", name="Reduce")).to_be_focused()
    check_accessible(page)
    page.keyboard.press("Escape")
    expect(more).to_be_focused()
    page.keyboard.press("Space")
    page.keyboard.press("ArrowDown")
    page.keyboard.press("Enter")
    until = page.get_by_label("Keep until", exact=False)
    expect(until).to_be_focused()
    until.fill("2027-03-31")
    check_accessible(page)
    page.keyboard.press("Control+Enter")
    settle(page)
    assert str(Decision.objects.get().until) == "2027-03-31"


def test_another_facet_or_view_keeps_the_rest_and_goes_back(page, live_server, campaign, ana):
    open_desk(page, live_server.url, campaign, ana)
    page.keyboard.press("Enter")
    expect(page.locator("#drawer h2")).to_be_visible()
    page.get_by_role("link", name="Needs care").click()
    expect(page.locator("tr[data-row]")).to_have_count(1)
    expect(page.get_by_role("link", name="Needs care")).to_be_focused()
    expect(page.locator("#drawer h2")).to_be_visible()
    page.get_by_role("link", name="By system").click()
    expect(page.locator("tr.group")).to_have_text("Customer records")
    expect(page.locator("tr[data-row]")).to_have_count(1)
    page.go_back()
    expect(page.locator("tr.group")).to_have_count(0)
    page.go_back()
    expect(page.locator("tr[data-row]")).to_have_count(ROWS + 1)


# ---- without a connection, in two windows ----


def refuse(route: Route) -> None:
    route.abort("internetdisconnected")


def test_what_is_decided_without_a_connection_is_sent_later_even_after_a_reload(page, live_server, campaign, ana):
    open_desk(page, live_server.url, campaign, ana)
    page.route("**/decide/", refuse)
    page.keyboard.press("j")
    page.keyboard.press("a")
    page.keyboard.press("r")
    expect(page.get_by_text("Not saved, retrying")).to_have_count(2)
    expect(page.locator("tr[data-row]:focus")).to_have_count(1)
    assert decided() == {}
    check_accessible(page)
    page.reload()
    expect(page.get_by_text("Not saved, retrying")).to_have_count(2)
    page.unroute("**/decide/")
    page.evaluate("dispatchEvent(new Event('online'))")
    expect(page.locator("#counts")).to_contain_text("1 kept, 1 to remove", timeout=20_000)
    assert list(Decision.objects.order_by("id").values_list("code", flat=True)) in (
        ["approve", "revoke"],
        ["revoke", "approve"],
    )
    assert [decided()[account] for account in accounts(campaign)[:2]] == ["approve", "revoke"]
    assert page.evaluate("Object.values(localStorage).join('')") == "[]"


def test_a_lost_answer_does_not_make_a_second_decision(page, live_server, campaign, ana):
    open_desk(page, live_server.url, campaign, ana)
    lost: list[int] = []

    def lose(route: Route) -> None:
        answer = route.fetch()
        if len(lost) < 2:
            lost.append(answer.status)
            route.abort("connectionreset")
        else:
            route.fulfill(response=answer)

    page.route("**/decide/", lose)
    page.keyboard.press("j")
    page.keyboard.press("r")
    expect(page.locator("tr[data-state=draft]")).to_have_count(1, timeout=20_000)
    assert lost == [200, 200]
    assert Decision.objects.get().code == "revoke"


def test_a_decision_outlives_the_session(page, live_server, campaign, ana):
    open_desk(page, live_server.url, campaign, ana)
    page.context.clear_cookies(name="sessionid")
    page.keyboard.press("j")
    page.keyboard.press("a")
    page.get_by_label("Sign-in name").fill(ana.username)
    assert decided() == {}
    page.get_by_label("Password", exact=True).fill(PASSWORD)
    page.get_by_role("button", name="Sign in").click()
    expect(page.locator("#counts")).to_contain_text("1 kept", timeout=20_000)
    assert decided() == {accounts(campaign)[0]: "approve"}


def test_a_server_that_fails_is_asked_again(page, live_server, campaign, ana):
    open_desk(page, live_server.url, campaign, ana)
    failed: list[int] = []

    def fail(route: Route) -> None:
        failed.append(1)
        route.fulfill(status=503, body="busy") if len(failed) == 1 else route.continue_()

    page.route("**/decide/", fail)
    page.keyboard.press("j")
    page.keyboard.press("a")
    expect(page.get_by_text("Not saved, retrying")).to_be_visible()
    expect(page.locator("tr[data-state=draft]")).to_have_count(1, timeout=20_000)
    assert Decision.objects.count() == 1


def test_two_windows_see_each_other_and_neither_overwrites_unseen(page, context, live_server, campaign, ana):
    open_desk(page, live_server.url, campaign, ana)
    other = context.new_page()
    other.goto(page.url)
    expect(other.locator("tr[data-row]").first).to_be_focused()
    page.bring_to_front()
    page.keyboard.press("j")
    page.keyboard.press("a")
    settle(page)
    other.bring_to_front()
    stale = other.locator(f"#item-{calm(campaign)[0].pk}")
    stale.get_by_role("button", name="Remove").click()
    expect(stale).to_contain_text("Somebody else decided this item meanwhile")
    expect(stale).to_contain_text("Kept")
    assert list(decided().values()) == ["approve"]
    page.bring_to_front()
    page.keyboard.press("r")
    settle(page)
    other.bring_to_front()
    other.evaluate("dispatchEvent(new Event('online'))")
    changed = other.locator(f"#item-{calm(campaign)[1].pk}")
    expect(changed).to_contain_text("To be removed")
    expect(changed).to_contain_text("changed elsewhere")
    check_accessible(other)


def test_a_row_that_was_given_away_meanwhile_says_so(page, live_server, campaign, ana):
    open_desk(page, live_server.url, campaign, ana)
    row = calm(campaign)[0]
    Assignment.objects.filter(pk=row.pk).update(is_active=False)
    page.keyboard.press("j")
    page.keyboard.press("a")
    expect(page.locator(f"#item-{row.pk}")).to_contain_text("not yours to decide any more")
    assert decided() == {}


# ---- every state and size ----


@pytest.mark.parametrize(
    ("scheme", "width", "height"), [("light", 1280, 800), ("dark", 1280, 800), ("light", 390, 844), ("dark", 390, 844)]
)
def test_every_state_is_accessible(page, live_server, story, campaign, ana, scheme, width, height):
    page.emulate_media(color_scheme=scheme)
    page.set_viewport_size({"width": width, "height": height})
    open_desk(page, live_server.url, campaign, ana)
    check_accessible(page)
    page.locator("[data-details]").first.click()
    expect(page.locator("#drawer h2")).to_be_visible()
    check_accessible(page)
    page.get_by_role("link", name="Close").click()
    page.keyboard.press("a")  # asks for a reason
    expect(page.get_by_label("Reason")).to_be_focused()
    page.keyboard.type("no")
    page.keyboard.press("Control+Enter")
    expect(page.get_by_text("Write at least 10 characters")).to_be_visible()
    check_accessible(page)
    page.goto(f"{live_server.url}/reviews/{campaign.pk}/?search=nobody+is+called+so")
    expect(page.get_by_text("No item fits this filter")).to_be_visible()
    check_accessible(page)
    page.goto(f"{live_server.url}/reviews/{campaign.pk}/?person=p2&state=open")
    expect(page.locator("tr[data-row]")).to_have_count(1)
    check_accessible(page)
    page.goto(f"{live_server.url}/reviews/")
    check_accessible(page)
    for row in Assignment.objects.filter(campaign=campaign, reviewer=ana):
        items.decide(assignment_id=row.pk, answer=Answer("revoke"), by=ana)
    page.goto(f"{live_server.url}/reviews/{campaign.pk}/?state=open")
    expect(page.get_by_text("Everything is decided")).to_be_visible()
    check_accessible(page)
    closing.close(campaign_id=campaign.pk, by=story.owner)
    page.goto(f"{live_server.url}/reviews/{campaign.pk}/")
    expect(page.get_by_text("This review has ended")).to_be_visible()
    check_accessible(page)


def test_three_zones_fit_and_rows_are_low(page, live_server, campaign, ana):
    page.set_viewport_size({"width": 1280, "height": 800})
    open_desk(page, live_server.url, campaign, ana)
    page.keyboard.press("Enter")
    expect(page.locator("#drawer h2")).to_be_visible()
    boxes = [page.locator(zone).bounding_box() for zone in ("#filters", "#items", "#drawer")]
    assert all(left["x"] + left["width"] <= right["x"] for left, right in pairwise(boxes))
    assert all(box["y"] + box["height"] <= 800 and box["x"] + box["width"] <= 1280 for box in boxes)
    heights = page.evaluate("[...document.querySelectorAll('tr[data-row]')].map((row) => row.getBoundingClientRect().height)")
    assert sorted(heights)[len(heights) // 2] <= 44
    page.locator("tr[data-row]").last.scroll_into_view_if_needed()
    assert page.locator(".rows thead th").first.bounding_box()["y"] == pytest.approx(
        page.locator("#rows").bounding_box()["y"], abs=2
    )
    assert page.evaluate("document.documentElement.scrollWidth") <= 1280


def test_buttons_of_rows_have_names_of_their_own(page, live_server, campaign, ana):
    open_desk(page, live_server.url, campaign, ana)
    expect(page.get_by_role("button", name=re.compile("^Keep: "))).to_have_count(ROWS + 1)
    names = [button.get_attribute("aria-label") for button in page.locator("tr[data-row] button").all()]
    assert len({name + str(at // 2) for at, name in enumerate(names)}) == 2 * (ROWS + 1)


def test_the_page_is_light_and_asks_nobody_else(page, live_server, campaign, ana):
    asked: list[str] = []
    complaints: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    page.on("console", lambda message: complaints.append(message.text) if message.type == "error" else None)
    page.on("pageerror", lambda error: complaints.append(str(error)))
    open_desk(page, live_server.url, campaign, ana)
    page.keyboard.press("Enter")
    page.wait_for_load_state("networkidle")
    assert {url.split("/")[2] for url in asked} == {live_server.url.split("/")[2]}
    html = page.content()
    assert not re.findall(r"<script(?![^>]*src=)[^>]*>|<style|\sstyle=|\son\w+=", html)
    code = {url for url in asked if url.endswith((".js", ".css"))}
    weight = sum(len(gzip.compress(page.request.get(url).body())) for url in code)
    assert len(code) >= 10
    assert weight < 150_000, weight
    assert complaints == []


def test_all_of_our_styles_and_scripts_together_are_light():
    files = [path for path in STATIC.rglob("*") if path.suffix in {".css", ".js"}]
    assert sum(len(gzip.compress(path.read_bytes())) for path in files) < 60_000
