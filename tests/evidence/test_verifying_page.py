"""`verify.html` in a browser says of every pack what `verify.py` prints, line by line, and asks no network."""

import re
import subprocess
import sys
import threading
import zipfile
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from evidence.verifier import webpage
from tests.e2e.test_whole_path import check_accessible
from tests.evidence import spoil
from tests.evidence.conftest import VERIFY

pytestmark = [pytest.mark.browser, pytest.mark.django_db]
#: Milliseconds within which Python has started on a busy machine.
LONG = 120_000


@pytest.fixture(scope="module")
def asked() -> list[str]:
    """The addresses that the page asked for."""
    return []


@pytest.fixture(scope="module")
def opened(browser, asked, tmp_path_factory) -> Page:
    """The page, opened from the disk by somebody who is offline; Python starts once for all tests."""
    file = tmp_path_factory.mktemp("page") / "verify.html"
    file.write_bytes(webpage.page())
    context = browser.new_context(offline=True)
    page = context.new_page()
    page.on("request", lambda request: asked.append(request.url))
    page.goto(file.as_uri())
    yield page
    context.close()
    assert not [url for url in asked if not url.startswith(("file:", "blob:"))]


@pytest.fixture
def page(opened) -> Page:
    """The page as it was opened, with nothing chosen or typed."""
    for name in ("#pack", "#checkpoint"):
        opened.set_input_files(name, [])
    for name in ("#key", "#witnesses"):
        opened.locator(name).evaluate("field => { field.value = ''; }")
    return opened


def said(page: Page, pack: Path) -> list[str]:
    """The lines that the page says verify.py printed, and the exit status last."""
    page.set_input_files("#pack", pack)
    return concluded(page)


def concluded(page: Page) -> list[str]:
    expect(page.locator("#progress")).to_contain_text("Exit status", timeout=LONG)
    status = re.search(r"Exit status (\d)", page.locator("#progress").inner_text())[1]
    return [*page.locator("#printed").text_content().split("\n"), status]


def printed(pack: Path, *arguments: str) -> list[str]:
    """The lines that verify.py prints in a shell, and its exit status last."""
    done = subprocess.run(
        [sys.executable, "-I", "-S", str(VERIFY), *arguments, "--", pack.name],
        cwd=pack.parent, capture_output=True, text=True, timeout=120, check=False,
    )  # fmt: skip
    assert not done.stderr
    return [*done.stdout.removesuffix("\n").split("\n"), str(done.returncode)]


def test_an_honest_pack_holds_in_the_same_words(page, honest):
    lines = said(page, honest.path)
    assert lines == printed(honest.path)
    assert lines[-1] == "0"
    rows = [f"{row.locator('b').inner_text()} {row.locator('span').inner_text()}" for row in page.locator("#checks > li").all()]
    assert rows == [" ".join(re.fullmatch(r"\[(.+)\] +(.+)", line).groups()) for line in lines if line.startswith("[")]
    assert page.locator("#verdict").inner_text() == lines[-2]
    check_accessible(page)


def test_a_pack_of_one_sample_holds_in_the_same_words(page, honest):
    lines = said(page, honest.sample)
    assert lines == printed(honest.sample)
    assert "the sample is the one that was drawn" in lines[-2]


def test_ones_own_key_checkpoint_and_witness_are_used(page, honest, tmp_path):
    kept, other = tmp_path / "kept.txt", spoil.Forger("certify.example/ledger").verifier
    kept.write_text(honest.old_note)
    page.locator("summary", has_text="What else you have").click()
    page.get_by_label("The log’s public key").fill(honest.key)
    page.get_by_label("A checkpoint of the log").set_input_files(kept)
    lines = said(page, honest.path)
    assert lines == printed(honest.path, f"--key={honest.key}", f"--checkpoint={kept}")
    assert any("this log begins with exactly the 7 entries" in line for line in lines)
    page.get_by_label("The log’s public key").fill(other)
    page.get_by_role("button", name="Check again with these").click()
    expect(page.locator("#verdict")).to_contain_text("NOT hold", timeout=LONG)
    assert concluded(page) == printed(honest.path, f"--key={other}", f"--checkpoint={kept}")
    page.get_by_label("The log’s public key").fill("")
    page.get_by_label("Public keys of witnesses").fill("no key")
    page.get_by_role("button", name="Check again with these").click()
    expect(page.locator("#verdict")).to_contain_text("could not be checked", timeout=LONG)
    assert concluded(page) == printed(honest.path, f"--checkpoint={kept}", "--witness=no key")


def changed_byte(files: dict[str, bytes]) -> dict[str, bytes]:
    return files | {"report.pdf": spoil.flip(files["report.pdf"], 100)}


def dropped_row(files: dict[str, bytes]) -> dict[str, bytes]:
    name = "reviews/decisions.csv"
    return spoil.forged(files | {name: spoil.rows(lambda rows: rows[1:])(files[name])})


def wrong_sum(files: dict[str, bytes]) -> dict[str, bytes]:
    name = "population/balance.csv"
    return spoil.forged(files | {name: spoil.cell(2, "excluded", lambda old: str(int(old) + 1))(files[name])})


def wrong_sequence(files: dict[str, bytes]) -> dict[str, bytes]:
    name = "reviews/items.csv"
    return spoil.forged(files | {name: spoil.rows(lambda rows: [rows[1], rows[0], *rows[2:]])(files[name])})


def others_key(files: dict[str, bytes]) -> dict[str, bytes]:
    forger = spoil.Forger("certify.example/ledger")
    return forger.manifest(files)


def escapes(files: dict[str, bytes]) -> dict[str, bytes]:
    return files | {"\x1b[2J<b>held</b>\u202e.txt": b"a name that paints"}


def swapped_proofs(files: dict[str, bytes]) -> dict[str, bytes]:
    first, second = [name for name in files if name.startswith("proofs/")][:2]
    return spoil.forged(files | {first: files[second], second: files[first]})


def other_conclusion(files: dict[str, bytes]) -> dict[str, bytes]:
    name = "audit/conclusions.csv"
    return spoil.forged(files | {name: spoil.cell(2, "note", "Nothing was found")(files[name])})


@pytest.mark.parametrize(
    ("of", "spoiled"),
    [
        *(("path", one) for one in (changed_byte, dropped_row, wrong_sum, wrong_sequence, others_key, escapes)),
        *(("sample", one) for one in (swapped_proofs, other_conclusion)),
    ],
)
def test_what_was_changed_is_told_in_the_same_words(page, honest, tmp_path, of, spoiled):
    pack = tmp_path / "pack.zip"
    spoil.write(pack, spoiled(spoil.read(getattr(honest, of))))
    lines = said(page, pack)
    assert lines == printed(pack)
    assert lines[-1] == "1"
    assert "this pack does NOT hold" in page.locator("#verdict").inner_text()
    told = page.locator("li.failed li").all_inner_texts()
    assert told == [line.strip() for line in lines if line.startswith(" " * 16)]
    assert told


def test_a_log_in_anothers_name_is_found_by_ones_own_key(page, honest, tmp_path):
    forger, pack = spoil.Forger("certify.example/ledger"), tmp_path / "pack.zip"
    spoil.write(pack, forger.manifest(forger.log(spoil.read(honest.path))))
    page.locator("#key").evaluate("(field, key) => { field.value = key; }", honest.key)
    lines = said(page, pack)
    assert lines == printed(pack, f"--key={honest.key}")
    assert lines[-1] == "1"


def test_what_is_no_pack_is_told_in_the_same_words(page, tmp_path):
    (tmp_path / "-no.zip").write_bytes(b"no")
    assert said(page, tmp_path / "-no.zip") == printed(tmp_path / "-no.zip")
    with zipfile.ZipFile(tmp_path / "other.zip", "w") as archive:
        archive.writestr("a.txt", "a")
    page.set_input_files("#pack", [])
    assert said(page, tmp_path / "other.zip") == printed(tmp_path / "other.zip")


def test_a_check_can_be_stopped_and_another_begun(page, honest):
    page.set_input_files("#pack", honest.path)
    page.locator("#stop").evaluate("button => button.click()")
    expect(page.locator("#progress")).to_have_text("Stopped. Nothing is known about this pack.")
    expect(page.locator("#result")).to_be_hidden()
    page.set_input_files("#pack", [])
    assert said(page, honest.path)[-1] == "0"


def test_neither_the_page_nor_its_worker_can_ask_a_network(page, asked):
    arrived = []

    class Listening(BaseHTTPRequestHandler):
        def do_GET(self):
            arrived.append(self.path)
            self.send_response(204)
            self.end_headers()

    ask = """url => new Promise((told) => {
        const request = new XMLHttpRequest();
        request.onloadend = told;
        request.open("GET", url);
        request.send();
    })"""
    with HTTPServer(("127.0.0.1", 0), Listening) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        page.context.set_offline(False)
        address = f"http://127.0.0.1:{server.server_port}/"
        page.evaluate(ask, address)
        page.workers[0].evaluate(ask, address)
        page.context.set_offline(True)
        server.shutdown()
    assert not arrived
    # What was tried here is told as asked, though it never left.
    asked[:] = [url for url in asked if url != address]


def test_a_browser_that_cannot_run_it_is_told_what_to_do(browser, opened):
    for options, script in (({"java_script_enabled": False}, ""), ({}, "delete globalThis.DecompressionStream")):
        context = browser.new_context(**options)
        context.add_init_script(script)
        page = context.new_page()
        page.goto(opened.url)
        expect(page.locator("#progress")).to_contain_text("Run “python3 -I verify.py PACK.zip” instead")
        context.close()
