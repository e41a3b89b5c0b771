"""The whole path in Chromium, as the people who walk it: decide, submit, close, prove, download, verify offline."""

import re
import subprocess
import sys
from datetime import date
from pathlib import Path

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Page, expect

from certify.lib import clock
from evidence.actions import periods
from people import factors
from people.actions import users
from people.models import User
from remediation import tasks as remediation_tasks
from tests.story import Story, tell

PASSWORD = "a-long-password-for-tests"
VERIFIER = Path(__file__).parents[2] / "evidence/verifier/verify.py"

pytestmark = [pytest.mark.browser, pytest.mark.worker, pytest.mark.django_db(transaction=True)]


@pytest.fixture
def story(transactional_db, tmp_path) -> Story:
    """The small company, with a period open to its auditor and passwords for everybody."""
    told = tell(tmp_path)
    today = date.today()  # noqa: DTZ011 - the browser's day does not matter here
    period = periods.Details(
        "SOC 2", "soc2", date(today.year, 1, 1), date(today.year, 12, 31), date(today.year + 1, 6, 30), [told.auditor]
    )
    periods.create(details=period, by=told.owner)
    return told


def sign_in(page: Page, address: str, person: User) -> None:
    """Sign in as somebody, whoever was signed in before."""
    give_password(page, address, person)
    expect(page.get_by_text(f"Good to see you, {person.name}")).to_be_visible()


def give_password(page: Page, address: str, person: User) -> None:
    """The first half of a sign-in."""
    users.set_password(user_id=person.pk, password=PASSWORD, by=person)
    page.context.clear_cookies()
    page.goto(f"{address}/sign-in/")
    page.get_by_label("Sign-in name").fill(person.username)
    page.get_by_label("Password", exact=True).fill(PASSWORD)
    page.get_by_role("button", name="Sign in").click()


def sign_in_with_code(page: Page, address: str, person: User) -> None:
    """The first sign-in of somebody who must have a second factor, who sets it up on the way."""
    give_password(page, address, person)
    expect(page.get_by_role("heading", name="Set up a second factor")).to_be_visible()
    check_accessible(page)
    secret = page.locator("code").inner_text().replace(" ", "")
    page.get_by_label("The code that your app shows now").fill(factors.code_at(secret, factors.step_at(clock.now())))
    page.get_by_role("button", name="Set it up").click()
    expect(page.locator("ul.codes li")).to_have_count(10)
    check_accessible(page)
    page.get_by_role("link", name="I have kept them").click()
    expect(page.get_by_text(f"Good to see you, {person.name}")).to_be_visible()


def follow(page: Page, role: str, name: str | re.Pattern) -> None:
    """Click what leads to another page, and wait for that: what reads a page at once must not meet the old one, or half of the new one."""
    with page.expect_navigation():
        page.get_by_role(role, name=name).click()


def check_accessible(page: Page) -> None:
    """No violation that axe can find on the page as it stands."""
    page.wait_for_load_state()
    found = Axe().run(page)
    assert found.violations_count == 0, found.generate_report()


def launch(page: Page, address: str, story: Story) -> None:
    """The control owner defines a review, looks at its preview and launches it."""
    sign_in(page, address, story.owner)
    page.goto(f"{address}/definitions/new/")
    page.get_by_label("Name", exact=True).fill("Quarterly review")
    page.locator("summary", has_text="SOC 2").click()
    page.get_by_label("CC6.3 Access follows roles").check()
    page.get_by_label("Customer records").check()
    page.get_by_label("Else this person").select_option(label="Reviewer")
    check_accessible(page)
    page.get_by_role("button", name="Save and preview").click()
    expect(page.get_by_role("heading", name="Does it balance?")).to_be_visible()
    check_accessible(page)
    for name in ("Reviewers and stages", "Groups of reviewers"):
        follow(page, "link", name)
        check_accessible(page)
    page.goto(f"{address}/delegations/")
    check_accessible(page)
    definition = f"{address}/definitions/{story.owner.owned_definitions.get().pk}/"
    schedule(page, address, definition)
    page.goto(definition)
    page.get_by_label("Name of this run").fill("Q4")
    page.get_by_label("Freeze it first").check()
    page.get_by_role("button", name="Launch").click()
    expect(page.get_by_text("nobody has been asked yet")).to_be_visible(timeout=20_000)
    check_accessible(page)
    page.get_by_role("link", name="Ana Berg").click()
    expect(page.get_by_role("heading", name="What Ana Berg is asked")).to_be_visible()
    check_accessible(page)
    page.go_back()
    page.get_by_role("button", name="Open it").click()
    expect(page.get_by_text("Its reviewers are told by mail")).to_be_visible()
    check_accessible(page)
    follow(page, "link", "Pause …")
    check_accessible(page)


def schedule(page: Page, address: str, definition: str) -> None:
    """It is due every quarter from now on, and asks at once about leavers; the calendar says so."""
    page.goto(definition)
    page.get_by_role("link", name="Schedule").click()
    expect(page.get_by_label("Time zone")).to_be_hidden()
    page.get_by_label("It repeats").select_option(label="Every so many months")
    page.get_by_label("Time zone").select_option("Europe/Berlin")
    expect(page.get_by_label("Working day of the period")).to_be_hidden()
    page.locator("form.schedule").get_by_role("button", name="Save").click()
    expect(page.get_by_text("Due every quarter, on the last day of its 3rd month (Europe/Berlin)")).to_be_visible()
    page.get_by_label("Somebody left and still has access").check()
    page.locator("form:not(.schedule)").get_by_role("button", name="Save").click()
    expect(page.get_by_label("Somebody left and still has access")).to_be_checked()
    check_accessible(page)
    page.get_by_role("link", name="calendar", exact=True).or_(
        page.get_by_role("link", name="Calendar", exact=True)
    ).first.click()
    page.get_by_label("Year").select_option(index=page.get_by_label("Year").locator("option").count() - 1)
    follow(page, "button", "Show")
    check_accessible(page)
    page.locator("a.run").first.click()
    expect(page.get_by_role("heading", name="Decide yourself")).to_be_visible()
    check_accessible(page)


def review(page: Page, address: str, ana: User) -> None:
    """The reviewer decides from the keyboard, gives the reasons that are asked for, and submits."""
    sign_in(page, address, ana)
    page.get_by_role("link", name="Continue where you stopped").click()
    page.get_by_role("link", name="Start").click()
    expect(page.locator("tr[data-state=open]")).to_have_count(5)
    check_accessible(page)
    expect(page.locator("tr[data-row]").first).to_be_focused()  # Chloe, who left
    page.keyboard.press("r")
    expect(page.locator("tr[data-state=draft]")).to_have_count(1)
    page.keyboard.press("a")  # Bruno's administrator right: red, so a reason is asked for
    page.get_by_label("Reason").fill("He is the administrator of this system")
    check_accessible(page)
    page.keyboard.press("Control+Enter")
    expect(page.locator("tr[data-state=draft]")).to_have_count(2)
    page.keyboard.press("a")  # David
    expect(page.locator("tr[data-state=draft]")).to_have_count(3)
    page.keyboard.press("k")
    page.locator("tr[data-state=draft]").last.get_by_role("button", name="Undo").click()
    expect(page.locator("tr[data-state=draft]")).to_have_count(2)
    page.keyboard.press("a")
    expect(page.locator("tr[data-state=draft]")).to_have_count(3)
    page.keyboard.press("a")  # the last one
    expect(page.locator("tr[data-state=draft]")).to_have_count(4)
    expect(page.locator("#counts")).to_contain_text("3 kept, 1 to remove, 0 don’t know")
    follow(page, "link", "Review and submit")
    check_accessible(page)
    page.get_by_role("checkbox").check()
    page.get_by_role("button", name="Submit 4 decisions").click()
    expect(page.get_by_role("heading", name="Submitted. Thank you.")).to_be_visible()
    check_accessible(page)


def close(page: Page, address: str, story: Story) -> None:
    """The control owner closes; the removal is opened, and the next full load proves it."""
    sign_in(page, address, story.owner)
    page.goto(f"{address}/campaigns/")
    page.get_by_role("link", name="Q4").click()
    page.get_by_role("link", name="Close now").click()
    expect(page.get_by_text("records the other 3 as not reviewed")).to_be_visible()
    check_accessible(page)
    page.get_by_role("button", name="Close now").click()
    expect(page.get_by_text("Nothing in this campaign can change any more")).to_be_visible()
    remediation_tasks.sweep_signed_off()
    story.load_without(("chloe", "read"))
    remediation_tasks.verify_new_snapshots()
    page.goto(f"{address}/removals/")
    expect(page.get_by_role("cell", name="Verified gone")).to_be_visible()
    check_accessible(page)


def download(page: Page, address: str, story: Story, folder: Path) -> Path:
    """A pack is built by the worker; the auditor downloads it."""
    sign_in(page, address, story.owner)
    page.goto(f"{address}/audit/")
    page.get_by_role("link", name="SOC 2").click()
    page.get_by_role("button", name="Build a pack").click()
    expect(page.get_by_role("button", name="Download")).to_be_visible(timeout=30_000)
    sign_in_with_code(page, address, story.auditor)
    page.get_by_role("link", name="Open them").click()
    follow(page, "link", "SOC 2")
    check_accessible(page)
    with page.expect_download() as waiting:
        page.get_by_role("button", name="Download").click()
    path = folder / "pack.zip"
    waiting.value.save_as(path)
    return path


def verify(path: Path) -> subprocess.CompletedProcess:
    """The verifier as an auditor runs it: isolated, with the standard library alone."""
    return subprocess.run([sys.executable, "-I", str(VERIFIER), str(path)], capture_output=True, text=True, check=False)


def test_from_a_launch_to_a_verified_pack(page, live_server, worker, story, tmp_path, settings):
    settings.CERTIFY_TWO_FACTOR_ROLES = ["auditor"]
    failures: list[str] = []
    page.on("console", lambda message: failures.append(message.text) if "Content Security Policy" in message.text else None)
    page.on("pageerror", lambda error: failures.append(str(error)))
    launch(page, live_server.url, story)
    review(page, live_server.url, story.user("ana@x.example"))
    close(page, live_server.url, story)
    path = download(page, live_server.url, story, tmp_path)
    done = verify(path)
    assert done.returncode == 0, done.stdout
    assert "removal" in done.stdout.lower(), done.stdout
    print(done.stdout)
    damaged = tmp_path / "damaged.zip"
    damaged.write_bytes(path.read_bytes().replace(b"reviews/items.csv", b"reviews/itemz.csv"))
    assert verify(damaged).returncode != 0
    assert failures == []
