"""Takes the screenshots of the documentation from a running demo.

    python docs/take_screenshots.py [http://127.0.0.1:8000 [var/demo-sign-ins.json]]

Needs the development requirements and Chromium (`CHROMIUM`, else /usr/bin/chromium).
"""

import json
import os
import sys
from pathlib import Path

import pyotp
from playwright.sync_api import Browser, Page, sync_playwright

FOLDER = Path(__file__).parent / "screenshots"
QUIET = [
    "--no-sandbox",
    "--disable-gpu",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]

#: Role → (name of the picture, path).
PAGES = {
    "Reviewer": (
        ("dashboard-reviewer", "/"),
        ("inbox", "/reviews/"),
        ("review", "/reviews/2/"),
        ("review-by-person", "/reviews/2/?view=person"),
        ("review-item", "/reviews/2/items/{item}/"),
        ("submit", "/reviews/2/submit/"),
        ("delegations", "/delegations/"),
        ("my-hours", "/my-hours/"),
    ),
    "Control owner": (
        ("dashboard-control-owner", "/"),
        ("campaigns", "/campaigns/"),
        ("campaign-open", "/campaigns/2/"),
        ("campaign-closed", "/campaigns/1/"),
        ("campaign-close", "/campaigns/2/close/"),
        ("campaign-quality", "/campaigns/1/quality/"),
        ("campaign-seal", "/audit/campaigns/1/seal/"),
        ("period-auditors", "/audit/1/auditors/"),
        ("legal-hold", "/audit/holds/1/"),
        ("definitions", "/definitions/"),
        ("definition-preview", "/definitions/2/"),
        ("definition-edit", "/definitions/2/edit/"),
        ("definition-reviewers", "/definitions/2/reviewers/"),
        ("standing-exclusions", "/definitions/exclusions/"),
        ("groups", "/groups/"),
        ("campaign-extend", "/campaigns/2/extend/"),
        ("campaign-pause", "/campaigns/2/pause/"),
        ("calendar", "/calendar/"),
        ("definition-schedule", "/definitions/2/schedule/"),
        ("run", "/calendar/runs/1/"),
        ("removals", "/removals/"),
        ("removal", "/removals/3/"),
        ("removals-figures", "/removals/figures/?campaign=1"),
        ("removals-late", "/removals/overdue/"),
        ("objection", "/removals/objections/1/"),
        ("risk-exceptions", "/removals/exceptions/"),
        ("audit-period", "/audit/1/"),
        ("report-soc2", "/audit/1/report/"),
        ("report-iso27001", "/audit/2/report/"),
        ("statements", "/audit/statements/iso27001/"),
        ("statement", "/audit/statements/iso27001/nonconformity/1/"),
        ("ledger", "/ledger/"),
        ("mails", "/mails/"),
    ),
    "Administrator": (
        ("systems", "/inventory/"),
        ("system", "/inventory/2/"),
        ("grants", "/inventory/2/grants/"),
        ("load", "/inventory/2/load/"),
        ("snapshot", "/inventory/snapshots/2/"),
        ("people", "/people/"),
        ("tokens", "/removals/tokens/"),
        ("retention", "/audit/retention/"),
    ),
    "Auditor": (
        ("audit-periods", "/audit/"),
        ("samples", "/audit/1/samples/"),
        ("sample", "/audit/1/samples/1/"),
        ("sample-row", "/audit/1/samples/1/9/"),
        ("audit-requests", "/audit/1/requests/"),
    ),
}
#: Pages that are also taken in the dark and on a phone.
EVERYWHERE = {"review", "inbox", "campaign-open", "calendar", "audit-period", "dashboard-control-owner", "sample-row"}


def sign_in(page: Page, address: str, account: dict[str, str]) -> dict:
    """Sign in as one of the demo's people, once: a code of the second factor works once. Returns what a browser then keeps."""
    page.goto(f"{address}/sign-in/")
    page.fill("input[name=username]", account["username"])
    page.fill("input[name=password]", account["password"])
    page.get_by_role("button", name="Sign in").click()
    if account.get("secret"):
        page.fill("input[name=code]", pyotp.TOTP(account["secret"]).now())
        page.keyboard.press("Enter")
    page.wait_for_url(f"{address}/")
    return page.context.storage_state()


def take(browser: Browser, address: str, state: dict, pages: tuple, suffix: str, **context) -> None:
    """One picture of each page."""
    page = browser.new_context(locale="en-GB", timezone_id="UTC", storage_state=state, **context).new_page()
    for name, path in pages:
        if "{item}" in path:
            page.goto(f"{address}/reviews/2/")
            path = path.format(item=page.locator("tr[data-row]").first.get_attribute("id").removeprefix("item-"))
        answer = page.goto(address + path)
        print(answer.status, path, suffix)
        page.screenshot(path=FOLDER / f"{name}{suffix}.png")
    page.context.close()


def main() -> None:
    """Every page of every role; the important ones in the dark and on a phone as well."""
    address = sys.argv[1] if len(sys.argv) > 1 else "http://127.0.0.1:8000"
    accounts = json.loads(Path(sys.argv[2] if len(sys.argv) > 2 else "var/demo-sign-ins.json").read_text())
    by_role = {account["role"]: account for account in reversed(accounts)}
    FOLDER.mkdir(exist_ok=True)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=os.environ.get("CHROMIUM", "/usr/bin/chromium"), args=QUIET)
        for role, pages in PAGES.items():
            some = tuple(page for page in pages if page[0] in EVERYWHERE)
            wide = {"viewport": {"width": 1280, "height": 800}}
            state = sign_in(browser.new_page(), address, by_role[role])
            take(browser, address, state, pages, "", **wide)
            take(browser, address, state, some, "-dark", color_scheme="dark", **wide)
            take(browser, address, state, some, "-phone", viewport={"width": 390, "height": 844})


if __name__ == "__main__":
    main()
