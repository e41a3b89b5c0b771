"""`verify.html` in a browser: an honest pack holds, what was changed is named, and what was not checked is called that."""

import zipfile
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from evidence.pack import builder
from tests.e2e.test_whole_path import check_accessible
from tests.evidence import spoil

pytestmark = [pytest.mark.browser, pytest.mark.django_db]
CHECKED = (
    "Files",
    "Keys of the log",
    "Manifest",
    "Checkpoints",
    "Log",
    "Log entries",
    "Names of people",
    "Populations",
    "Exclusions",
    "Outcomes",
    "Decisions",
    "Rows and their entries",
)


@pytest.fixture
def verifier(page: Page, tmp_path) -> Page:
    """The page out of a pack, opened from the disk; whatever it asks a network for fails the test."""
    asked = []
    page.on("request", lambda request: asked.append(request.url))
    (tmp_path / "verify.html").write_bytes(builder.page())
    page.goto((tmp_path / "verify.html").as_uri())
    yield page
    assert not [url for url in asked if not url.startswith("file:")]


def verify(page: Page, pack: Path) -> str:
    """All that the page says of a pack."""
    page.set_input_files("#pack", [])
    page.set_input_files("#pack", pack)
    expect(page.locator("#verdict")).not_to_be_empty(timeout=20_000)
    return page.locator("main").inner_text()


def test_an_honest_pack_holds_and_what_is_not_checked_is_said(verifier, honest):
    said = verify(verifier, honest.path)
    for title in CHECKED:
        expect(verifier.locator("li.held").filter(has_text=f"held{title}:")).to_have_count(1)
    assert "Verdict: what could be checked here holds." in said
    assert f"signed with the key {honest.key}" in said
    assert "Not checked: your own checkpoint; whether balances, independence, attention" in said
    check_accessible(verifier)


def test_ones_own_key_and_checkpoint_are_used(verifier, honest):
    verifier.fill("#key", honest.key)
    verifier.fill("#kept", honest.old_note)
    said = verify(verifier, honest.path)
    assert "this log begins with exactly the 7 entries" in said
    assert "signed with the key you gave" in said
    other = spoil.Forger("certify.example/ledger")
    verifier.fill("#key", other.verifier)
    assert "the key you gave is none of this log’s keys" in verify(verifier, honest.path)


@pytest.mark.parametrize(
    ("name", "edit", "words"),
    [
        ("reviews/items.csv", spoil.cell(2, "identity_name", "Somebody Else"), "Populations"),
        ("reviews/items.csv", spoil.cell(2, "reviewer_name", "Somebody Else"), "Populations"),
        ("ledger/people.csv", spoil.cell(2, "name", "Somebody Else"), "Names of people"),
        ("ledger/people.csv", spoil.rows(lambda rows: rows[1:]), "Names of people"),
        ("reviews/items.csv", spoil.cell(2, "outcome", lambda old: "approved" if old != "approved" else "revoked"), "Outcomes"),
        ("reviews/decisions.csv", spoil.cell(2, "rationale", "Because"), "Decisions"),
        ("reviews/decisions.csv", spoil.rows(lambda rows: rows[1:]), "Decisions"),
        ("population/exclusions.csv", spoil.rows(lambda rows: rows[1:]), "Exclusions"),
        ("remediation/attempts.csv", spoil.cell(2, "note", "Somebody else did it"), "Rows and their entries"),
        ("remediation/removals.csv", spoil.cell(2, "due_at", "2030-01-01T00:00:00.000000Z"), "Rows and their entries"),
        ("campaigns/seals.csv", spoil.cell(2, "by", "Somebody Else"), "Rows and their entries"),
        ("reviews/reassignments.csv", spoil.rows(lambda rows: rows[1:]), "Rows and their entries"),
        ("administration/changes.csv", spoil.cell(2, "data", "{}"), "Rows and their entries"),
        (
            "ledger/entries.jsonl",
            lambda body: body.replace(b'"kind":"decision:made"', b'"kind":"decision:mode"', 1),
            "Log entries",
        ),
        ("ledger/leaves.bin", lambda body: spoil.flip(body, 40), "Log"),
        ("ledger/checkpoints.txt", lambda body: spoil.flip(body, 30), "Checkpoints"),
    ],
)
def test_what_was_changed_is_found_even_when_the_manifest_was_made_to_fit(verifier, copy, name, edit, words):
    spoil.change(copy, name, edit, forge=True)
    said = verify(verifier, copy)
    assert "this pack does NOT hold" in said
    failed = verifier.locator("li.failed").filter(has_text=f"FAILED{words}").first
    expect(failed).to_contain_text(name)


@pytest.mark.parametrize("name", ["older.zip", "rotated.zip"])
@pytest.mark.parametrize("key", [0, 1])
def test_whoever_knows_the_old_key_or_the_new_one_verifies(verifier, packs, name, key):
    verifier.fill("#key", packs.keys[key])
    verifier.fill("#kept", packs.notes[0])
    said = verify(verifier, packs.folder / name)
    assert "Verdict: what could be checked here holds. Not checked: whether balances" in said
    assert "2, each signed by the one before" in said


def test_a_key_from_before_a_loss_leaves_it_open(verifier, packs):
    verifier.fill("#key", packs.keys[0])
    said = verify(verifier, packs.folder / "lost.zip")
    assert "a key was LOST after the one you gave, which cannot tell whether this pack is honest" in said
    assert "compare this with the key that reached you" in said


def test_files_that_were_changed_added_or_dropped_are_named(verifier, copy):
    files = spoil.read(copy)
    files["report.pdf"] = spoil.flip(files["report.pdf"], 100)
    files["extra.txt"] = b"more"
    del files["reviews/submissions.csv"]
    spoil.write(copy, files)
    said = verify(verifier, copy)
    for words in ("report.pdf was changed", "extra.txt is in the pack but not", "reviews/submissions.csv is missing"):
        assert words in said


def test_what_is_no_pack_is_said(verifier, tmp_path):
    (tmp_path / "no.zip").write_bytes(b"no")
    assert "this is not a ZIP file that can be read" in verify(verifier, tmp_path / "no.zip")
    with zipfile.ZipFile(tmp_path / "other.zip", "w") as archive:
        archive.writestr("a.txt", "a")
    assert "manifest.json is missing from the pack" in verify(verifier, tmp_path / "other.zip")
