"""The workbook and the report of a pack: what the tables say, typed, cut where it is said, and openable."""

import csv
import io
import zipfile
from collections import Counter
from datetime import date, datetime

import pytest
from openpyxl import load_workbook
from pypdf import PdfReader

from campaigns.actions import closing
from certify.lib import clock
from evidence.pack import report, typeface, workbook
from people.actions import users
from tests.evidence.conftest import build, seal
from tests.evidence.story import moment

pytestmark = pytest.mark.django_db


@pytest.fixture
def pack(story, period, tmp_path):
    """A built pack, as {name: bytes}."""
    build(period, seal(), tmp_path / "pack.zip")
    with zipfile.ZipFile(tmp_path / "pack.zip") as archive:
        return {name: archive.read(name) for name in archive.namelist()}


def table(pack, name: str) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(pack[name].decode(), newline="")))


def sheets(pack) -> dict[str, list[tuple]]:
    book = load_workbook(io.BytesIO(pack["workbook.xlsx"]))
    return {sheet.title: list(sheet.iter_rows(values_only=True)) for sheet in book}


def pages(pack) -> str:
    reader = PdfReader(io.BytesIO(pack["report.pdf"]))
    return " ".join(" ".join(page.extract_text() for page in reader.pages).split())


def test_the_workbook_has_a_sheet_for_each_question_with_the_rows_of_its_table(pack):
    found = sheets(pack)
    assert list(found) == ["Contents", *(sheet.name for sheet in workbook.SHEETS)]
    for sheet in workbook.SHEETS:
        question, header, *rows = found[sheet.name]
        if sheet.counted:
            continue
        expected = table(pack, sheet.path)
        assert question[0].startswith(sheet.question)
        assert len(rows) == len(expected), sheet.name
        assert [cell for cell in header if cell] == [
            name.replace("_", " ").capitalize() for name in csv.DictReader([pack[sheet.path].decode().split("\r\n")[0]]).fieldnames
            if name not in sheet.without
        ]  # fmt: skip


def test_cells_are_typed_and_text_that_a_spreadsheet_would_run_is_text(pack):
    found = sheets(pack)
    header = found["Reviews"][1]
    spring = dict(zip(header, found["Reviews"][2], strict=True))
    row = table(pack, "campaigns/campaigns.csv")[0]
    assert spring["Name"] == "=Review of spring"
    assert spring["Items"] == int(row["items"])
    assert spring["Opened at"] == datetime.fromisoformat(row["opened_at"]).replace(tzinfo=None)
    header = found["Expected runs"][1]
    assert dict(zip(header, found["Expected runs"][2], strict=True))["Due on"].date() == date(2031, 5, 20)
    quality, performed = found["Quality"], found["Performed"]
    assert dict(zip(quality[1], quality[2], strict=True))["With reason"] == 100
    assert performed[2] == ("Definition of =Monthly", 8, 1, 1, 2, 1, 1, 1, 0, 1)
    book = load_workbook(io.BytesIO(pack["workbook.xlsx"]))
    assert (
        book["Leavers"]["A2"].comment.text
        == "The person, supplier's worker, service account or other identity, as the feed of people names it."
    )
    assert {sheet.title for sheet in book if sheet.freeze_panes and sheet.auto_filter.ref} == {
        sheet.name for sheet in workbook.SHEETS
    }
    assert all(cell.comment for sheet in workbook.SHEETS for cell in book[sheet.name][2] if cell.value)
    assert not [cell for sheet in book for row in sheet.iter_rows() for cell in row if cell.data_type == "f"]
    assert book["Reviews"].freeze_panes == "A3"
    assert book["Reviews"].auto_filter.ref


def test_what_does_not_fit_is_said(story, period, tmp_path, monkeypatch):
    monkeypatch.setattr(workbook, "ROWS", 3)
    monkeypatch.setattr(report, "ROWS", 3)
    build(period, seal(), tmp_path / "pack.zip")
    with zipfile.ZipFile(tmp_path / "pack.zip") as archive:
        pack = {name: archive.read(name) for name in archive.namelist()}
    total = len(table(pack, "reviews/items.csv"))
    (question, *_), _, *rows = sheets(pack)["Outcomes"]
    assert len(rows) == 3
    assert question.endswith(f"The first 3 of {total} rows; all are in reviews/items.csv.")
    reviewers = len(table(pack, "reviews/reviewers.csv"))
    assert f"The first 3 of {reviewers} rows; all are in reviews/reviewers.csv." in pages(pack)


def test_the_report_says_what_deviated_and_what_the_tables_say(pack):
    text = pages(pack)
    campaigns = table(pack, "campaigns/campaigns.csv")
    assert f"{sum(one['state'] == 'closed' for one in campaigns)} of {len(campaigns)} reviews in scope are closed" in text
    for said in (
        "due 2031-06-20: performed late.",
        "missed. Certify did not run when it was to open.",
        "skipped. The system stands still in autumn",
        "“=Review of spring”: 3 of 9 items were not reviewed.",
        "was cancelled: Wrong department was chosen",
        "6 times a reviewer worked beyond the limits",
        "3 people left, and readings cannot say whether their access was gone in time",
        "Of 13 people known when the period ended, 5 were there, 1 had left before and 7 left in it: of 2 all access was gone within a day",
        "Definition of =Monthly 8 1 1 2 1 1 1 0 1",
        "administrator people, systems, rules",
    ):
        assert said in text, said
    kept = sum(int(one["approved"] or 0) for one in campaigns)
    assert f"{kept} kept" in text
    states = Counter(one["state"] for one in table(pack, "remediation/removals.csv"))
    assert states["verified_gone"]
    assert f"{states['verified_gone']} verified gone" in text
    for state, count in states.items() - {("verified_gone", states["verified_gone"])}:
        assert f"{count} removal{'s are' if count > 1 else ' is'} not proved: {report.REMOVAL_STATES[state]}" in text


def test_the_report_is_a_tagged_document_with_pages_and_an_alternative_for_each_chart(pack):
    reader = PdfReader(io.BytesIO(pack["report.pdf"]))
    catalog = reader.trailer["/Root"]
    assert catalog["/MarkInfo"]["/Marked"]
    assert "/StructTreeRoot" in catalog
    assert catalog["/Lang"] == "en"
    metadata = catalog["/Metadata"].get_data().decode()
    assert "<pdfaid:part>3" in metadata
    assert "<pdfuaid:part>1" in metadata
    assert f"Page {len(reader.pages)} of {len(reader.pages)}" in pages(pack)
    assert b"Outcomes of all items: " in _alternatives(catalog["/StructTreeRoot"])


def _alternatives(element) -> bytes:
    """Every alternative text of the structure tree."""
    element = element.get_object() if hasattr(element, "get_object") else element
    if not isinstance(element, dict):
        return b"".join(_alternatives(one) for one in element) if isinstance(element, list) else b""
    return str(element.get("/Alt", "")).encode() + (_alternatives(element["/K"]) if "/K" in element else b"")


@pytest.mark.parametrize(("name", "is_shown"), [
    ("Ana \x1b[31m", False), ("A\x01na", False), ("Ana\x85", False),
    ("李明", False), ("さくら", False), ("สมชาย", False), ("Ana 🙂", False),
    ("محمد", True), ("דנה", True), ("Şəbnəm Ệ", True), ("Жанна", True),
])  # fmt: skip
def test_a_letter_that_no_typeface_has_is_never_a_box_and_breaks_no_report(name, is_shown):
    facts = {"rows": [[typeface.Named(name, "people.user:7"), f"Why {name}?"]]}
    missing = typeface.lacking(typeface.letters_of(facts), report.STANDARDS)
    shown = typeface.shown(facts, missing)["rows"][0]
    assert (shown == [name, f"Why {name}?"]) is is_shown
    if not is_shown:
        assert shown[0] == "people.user:7"
        assert typeface.INSTEAD in shown[1]
        assert not missing & set("".join(shown))
    source = (typeface.PROBE + " ".join(f'#"{text}"' for text in shown)).encode()
    assert typeface.compiled(source, {}, 0, report.STANDARDS).startswith(b"%PDF")


def test_a_pack_with_a_name_that_the_report_cannot_write_is_built_and_says_so(story, period, tmp_path):
    users.change(user_id=story.owner.pk, name="李明", email="", by=story.admin)
    with clock.freeze(moment(12, 29)):
        campaign = story.launch("審査 of 🙂", departments=["Sales"])
        story.decide(campaign, "david", "approve", story.user("ana@x.example"))
        closing.cancel(campaign_id=campaign.pk, reason="間違えて始めた審査でした", by=story.owner)
    build(period, seal(), tmp_path / "pack.zip")
    with zipfile.ZipFile(tmp_path / "pack.zip") as archive:
        pack = {name: archive.read(name) for name in archive.namelist()}
    text = pages(pack)
    assert "“[…] of […]” was cancelled: […]" in text
    assert "Letters that the typefaces of this document lack are shown as […]" in text
    assert "審査 of 🙂" in str(sheets(pack)["Reviews"])
