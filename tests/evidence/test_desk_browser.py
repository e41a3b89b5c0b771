"""The auditor's whole way in a browser: from the period to a proof that is checked offline, and a tampered one that is found."""

import subprocess
import sys
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from campaigns import worklist
from campaigns.actions import closing
from certify.lib import clock
from evidence.actions import packs
from evidence.pack import builder
from evidence.verifier import webpage
from ledger import keys
from ledger.actions import sequencing
from ledger.actors import SYSTEM
from tests.e2e.test_silence_pages import look_everywhere
from tests.e2e.test_whole_path import sign_in
from tests.evidence import spoil
from tests.evidence.test_audit_pages import load_kept
from tests.evidence.test_periods import open_period
from tests.story import GRANTS, Story

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]
MORE = "".join(f"crm,user{n},User {n},p2,read,2026-01-05,2026-11-01,\n" for n in range(40))


def reviewed(story: Story):
    """A period with a closed review of 47 items and a pack."""
    story.texts["grants"] = GRANTS + MORE
    load_kept(story)
    campaign, ana = story.launch("Q1"), story.user("ana@x.example")
    for row in worklist.my_rows(ana, campaign.pk)[:10]:
        story.decide(campaign, row.item.account_key, "approve", ana, entitlement=row.item.entitlement_key)
    story.submit(campaign, ana)
    closing.close(campaign_id=campaign.pk, by=story.owner)
    period = open_period(story)
    sequencing.sequence(by=SYSTEM)
    packs.build(pack_id=packs.request(period_id=period.pk, by=story.owner).pk, by=story.owner)
    return period


def offline(verifier: Path, pack: Path) -> subprocess.CompletedProcess:
    """What the auditor runs on their own machine."""
    command = [sys.executable, "-I", "-S", str(verifier), str(pack), "--key", keys.load().verifier]
    return subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)


def downloaded(page: Page, name: str, folder: Path) -> Path:
    with page.expect_download() as found:
        page.get_by_role("button", name=name).click()
    target = folder / found.value.suggested_filename
    found.value.save_as(target)
    return target


def draw(page: Page, address: str, period) -> None:
    """Readiness, then a sample of twenty-five."""
    page.goto(f"{address}/audit/")
    page.get_by_role("link", name=period.name).click()
    page.get_by_role("link", name="Readiness").click()
    expect(page.get_by_role("heading", name="CC6.3: Access follows")).to_be_visible()
    page.goto(f"{address}/audit/{period.pk}/samples/")
    page.get_by_label("Rows to draw").fill("25")
    page.get_by_label("Divide it by").select_option("outcome")
    page.get_by_role("button", name="Draw", exact=True).press("Enter")
    expect(page.get_by_text("25 of 47 rows")).to_be_visible()
    look_everywhere(page)


def follow(page: Page, folder: Path) -> None:
    """One row to its line in the file, to its proof, and a conclusion."""
    page.get_by_role("row", name="Bruno Costa").filter(has_text="approved").first.get_by_role("link").press("Enter")
    expect(page.get_by_text("Read again just now from the file as it was kept")).to_be_visible()
    look_everywhere(page)
    page.get_by_role("link", name="see the proof").last.press("Enter")
    expect(page.get_by_text("Proved", exact=True)).to_be_visible()
    with page.expect_download() as found:
        page.get_by_role("link", name="Download the proof").click()
    found.value.save_as(folder / "entry.tlog-proof")
    assert (folder / "entry.tlog-proof").read_text().startswith("c2sp.org/tlog-proof@v1\nindex ")
    page.go_back()
    page.get_by_label("Exception", exact=True).check()
    page.get_by_label("Why").fill("The reason does not say which work needs it")
    page.get_by_role("button", name="Conclude").press("Enter")
    expect(page.get_by_text("Recorded.")).to_be_visible()


def test_an_auditor_draws_follows_downloads_and_checks(
    live_server, page: Page, transactional_db, story: Story, key_file, tmp_path
):
    period = reviewed(story)
    sign_in(page, live_server.url, story.auditor)
    draw(page, live_server.url, period)
    follow(page, tmp_path)
    page.get_by_role("link", name="Ask about this row").press("Enter")
    page.get_by_label("Title").fill("Which work?")
    page.get_by_label("Text").fill("Please say")
    page.get_by_role("button", name="Send").press("Enter")
    expect(page.get_by_role("heading", name="Which work?")).to_be_visible()
    look_everywhere(page)
    page.goto(f"{live_server.url}/audit/{period.pk}/samples/{period.samples.get().pk}/")
    sample = downloaded(page, "Download only these rows", tmp_path)
    page.goto(f"{live_server.url}/audit/{period.pk}/")
    whole = downloaded(page, "Download", tmp_path)
    for pack, table in ((sample, "reviews/items.csv"), (whole, "reviews/items.csv")):
        held = offline(builder.VERIFIER, pack)
        assert held.returncode == 0, held.stdout + held.stderr
        assert spoil.read(pack)["verify.html"] == webpage.page()
        spoil.change(pack, table, spoil.cell(2, "privileged", lambda old: "no" if old == "yes" else "yes"))
        assert offline(builder.VERIFIER, pack).returncode == 1
    assert clock.now().date() <= period.open_until
