"""A review in a spreadsheet and back: what is decided, what is refused and why, and files that are not what they seem."""

import hashlib
import io
import zipfile
from datetime import date, timedelta

import pytest
from django.urls import reverse
from openpyxl import Workbook, load_workbook

from campaigns import quality, worklist
from campaigns import spreadsheet_format as form
from campaigns.actions import assignments, items, spreadsheets
from campaigns.models import Assignment, BulkAct, Decision, SheetUpload
from certify.lib import clock
from certify.lib.errors import Conflict, InvalidInput, NotAllowed
from certify.lib.files import located
from ledger.models import Entry
from tests.campaigns import sheets
from tests.campaigns.sheets import COLUMN

pytestmark = pytest.mark.django_db
REASON = "Runs the month-end close alone"
KEEPS = {"decision": "Keep"}


def read(body: bytes):
    return load_workbook(io.BytesIO(body))[form.SHEET]


def reasons(checked) -> dict[tuple[str, str], str]:
    """(whom it is about, column) → why it is refused."""
    return {(one.about, one.column): one.message for one in checked.refused}


def test_the_sheet_shows_the_items_with_lists_to_choose_from_and_nothing_else_can_be_changed(story, campaign, ana):
    sheet = read(sheets.download(campaign, ana))
    assert sheet.max_row == 6
    assert sheet.freeze_panes == "D2"
    assert (sheet.protection.sheet, sheet.column_dimensions["A"].hidden, sheet.column_dimensions["R"].hidden) == (
        True,
        True,
        True,
    )
    lists = {str(one.sqref): one.formula1 for one in sheet.data_validations.dataValidation}
    assert lists == {"N2:N6": '"Keep,Remove,Reduce,I don\'t know"', "Q2:Q6": "TODAY()"}
    row = sheets.row_of(sheet, "bruno", "admin")
    shown = {name: sheet.cell(row, place).value for name, place in COLUMN.items()}
    assert (shown["person"], shown["what"], shown["system"]) == ("Bruno Costa", "Everything", "Customer records")
    assert shown["care"] == "Privileged"
    assert "needs a reason" in shown["asks"]
    assert shown["last_used"].date() == date(2026, 11, 1)
    assert shown["decision"] is None


def test_what_is_filled_in_is_decided_as_on_the_page(story, campaign, ana):
    until = (clock.now() + timedelta(days=40)).date()
    body = sheets.fill(
        sheets.download(campaign, ana),
        {"account": "bruno", **KEEPS, "until": until},
        {"account": "bruno", "right": "admin", **KEEPS, "reason": REASON},
        {"account": "chloe", "decision": "remove"},
        {"account": "david", "decision": "I don’t know", "reason": "His project may have ended"},
    )
    upload = sheets.keep(campaign, ana, body)
    checked = sheets.check(upload, ana)
    assert (len(checked.accepted), checked.refused, checked.left_open, checked.unchanged) == (4, [], 1, 0)
    assert not Decision.objects.exists(), "a look decides nothing"
    act = sheets.apply(upload, ana)
    rows = {
        (row.item.account_key, row.item.entitlement_key): row
        for row in worklist.my_drafts(ana, campaign.pk).select_related("item")
    }
    assert {key: row.decision for key, row in rows.items()} == {
        ("bruno", "read"): "approve",
        ("bruno", "admin"): "approve",
        ("chloe", "read"): "revoke",
        ("david", "read"): "dont_know",
    }
    assert (rows["bruno", "read"].until, rows["bruno", "admin"].rationale) == (until, REASON)
    assert not any(row.is_bulk for row in rows.values()), "each is a decision of its own"
    data = Entry.objects.get(kind="decision:bulk").payload_json["data"]
    assert (data["decision"], data["count"], data["filter"]["sha256"]) == ("sheet", 4, hashlib.sha256(body).hexdigest())
    assert data["filter"]["file"] == "mine.xlsx"
    made = Entry.objects.get(kind="decisions:made").payload_json
    assert made["data"]["bulk"] == str(act.entry_uid)
    told = {row["item"]: row["decision"] for row in made["data"]["rows"]}
    assert told == {str(row.item.number): row.decision for row in rows.values()}
    assert {made["uid"]} == {str(uid) for uid in Decision.objects.values_list("entry_uid", flat=True)}
    assert Decision.objects.get(item__account_key="bruno", item__entitlement_key="read").until == until
    assert quality.measured(campaign)[ana.pk].bulk == 0, "each row has an answer of its own"
    with pytest.raises(InvalidInput, match="applied already"):
        sheets.apply(upload, ana)
    assert sheets.check(sheets.keep(campaign, ana, body), ana).unchanged == 4
    assert story.submit(campaign, ana).approved == 2


def test_every_refused_row_says_where_and_why_and_the_others_are_decided(story, campaign, ana):
    body = sheets.fill(
        sheets.download(campaign, ana),
        {"account": "bruno", "right": "admin", **KEEPS},
        {"account": "bruno", "decision": "Perhaps"},
        {"account": "chloe", "decision": "Reduce", "reason": "Reading is enough for her"},
        {"account": "david", "reason": "He left the project"},
        {"account": "job", **KEEPS},
    )
    upload = sheets.keep(campaign, ana, body)
    found = reasons(sheets.check(upload, ana))
    assert set(found) == {
        ("Bruno Costa · admin · Customer records", "Reason"),
        ("Bruno Costa · read · Customer records", "Decision"),
        ("Chloe Dahl · read · Customer records", "Reduce to"),
        ("David Ekman · read · Customer records", "Decision"),
    }
    assert "privileged" in found["Bruno Costa · admin · Customer records", "Reason"]
    act = sheets.apply(upload, ana)
    assert (act.count, act.left_out) == (1, 4)
    assert len(SheetUpload.objects.get().refused) == 4
    assert list(worklist.my_drafts(ana, campaign.pk).values_list("item__account_key", flat=True)) == ["job"]


def test_a_row_that_was_decided_given_away_or_submitted_meanwhile_is_refused(story, campaign, ana):
    story.decide(campaign, "bruno", "approve", ana)
    body = sheets.fill(
        sheets.download(campaign, ana),
        {"account": "bruno", "decision": "Remove"},
        {"account": "chloe", "decision": "Remove"},
        {"account": "david", "decision": "Remove"},
        {"account": "job", "decision": "Remove"},
    )
    story.submit(campaign, ana)
    story.decide(campaign, "chloe", "dont_know", ana)
    row = story.row(campaign, "david")
    given = items.Selection([row.pk])
    assignments.reassign(campaign_id=campaign.pk, selection=given, to=story.fallback, reason="Knows him well", by=story.owner)
    found = {
        about.split(" · ")[0]: why for (about, _), why in reasons(sheets.check(sheets.keep(campaign, ana, body), ana)).items()
    }
    assert "was submitted" in found["Bruno Costa"]
    assert "Decided on the page" in found["Chloe Dahl"]
    assert "not yours any more" in found["David Ekman"]
    assert "Nightly job" not in found


def test_what_changes_between_look_and_act_stops_all_of_it(story, campaign, ana):
    body = sheets.fill(sheets.download(campaign, ana), {"account": "bruno", **KEEPS}, {"account": "job", **KEEPS})
    upload = sheets.keep(campaign, ana, body)
    seen = sheets.check(upload, ana).seen
    story.decide(campaign, "bruno", "revoke", ana)
    with pytest.raises(Conflict):
        spreadsheets.apply(upload_id=upload.pk, seen=seen, by=ana)
    assert not BulkAct.objects.exists()
    assert list(worklist.my_drafts(ana, campaign.pk).values_list("item__account_key", flat=True)) == ["bruno"]


def test_rows_cannot_be_swapped_copied_or_made_up(story, campaign, ana):
    def swap(sheet):
        first, second = sheets.row_of(sheet, "bruno"), sheets.row_of(sheet, "chloe")
        for name in ("key", "check"):
            one, other = sheet.cell(first, COLUMN[name]), sheet.cell(second, COLUMN[name])
            one.value, other.value = other.value, one.value
        half = sheets.row_of(sheet, "bruno", "admin")
        sheet.cell(half, COLUMN["key"]).value = sheet.cell(sheets.row_of(sheet, "job"), COLUMN["key"]).value
        copied = sheets.row_of(sheet, "david")
        for place in range(1, len(form.NAMES) + 1):
            sheet.cell(7, place).value = sheet.cell(copied, place).value
        sheet.cell(8, COLUMN["decision"]).value = "Keep"
        sheet.cell(9, COLUMN["key"]).value = f"{story.row(campaign, 'shared').pk}.0.{'0' * 32}"
        for number in range(2, 10):
            sheet.cell(number, COLUMN["decision"]).value = "Remove"

    checked = sheets.check(sheets.keep(campaign, ana, sheets.edit(sheets.download(campaign, ana), swap)), ana)
    assert checked.accepted == []
    why = [one.message for one in checked.refused]
    assert sum("moved to another row" in text for text in why) == 3
    assert sum("more than one row" in text for text in why) == 3  # the job's key stands twice, too
    assert sum("none of those you downloaded" in text for text in why) == 2


def test_one_reason_for_many_kept_rows_that_need_care_is_a_bulk_act_in_disguise(story, ana_with_admins):
    campaign, ana = ana_with_admins
    accounts = [f"admin{number}" for number in range(form.MAX_SAME_REASON + 1)]
    answers = [{"account": account, "right": "admin", **KEEPS, "reason": REASON} for account in accounts]
    checked = sheets.check(sheets.keep(campaign, ana, sheets.fill(sheets.download(campaign, ana), *answers)), ana)
    assert (len(checked.accepted), len(checked.refused)) == (0, 6)
    assert "The same reason stands at 6 kept rows" in checked.refused[0].message
    answers[0]["reason"] = "On call for the whole of December"
    again = sheets.check(sheets.keep(campaign, ana, sheets.fill(sheets.download(campaign, ana), *answers)), ana)
    assert (len(again.accepted), again.refused) == (6, [])


@pytest.fixture
def ana_with_admins(story):
    """A review in which Ana is asked about seven administrators."""
    more = "".join(f"crm,admin{number},Admin {number},p2,admin,2026-01-05,2026-11-01,\n" for number in range(7))
    story.load(grants=story.texts["grants"] + more)
    return story.launch(), story.user("ana@x.example")


def test_a_file_is_its_owners_and_of_one_review_alone(story, campaign, ana):
    body = sheets.download(campaign, ana)
    with pytest.raises(InvalidInput, match="made for somebody else"):
        sheets.keep(campaign, story.system_owner, body)
    with pytest.raises(NotAllowed):
        sheets.keep(campaign, story.auditor, body)
    other = story.launch("Another")
    with pytest.raises(InvalidInput, match="of another review"):
        sheets.keep(other, ana, body)
    upload = sheets.keep(campaign, ana, body)
    with pytest.raises(NotAllowed):
        spreadsheets.apply(upload_id=upload.pk, seen="", by=story.system_owner)


def test_ones_own_access_is_refused_in_a_file_too(story, campaign, ana):
    own = story.row(campaign, "ana")
    Assignment.objects.filter(pk=own.pk).update(reviewer=ana)  # as if a rule had gone wrong
    body = sheets.fill(sheets.download(campaign, ana), {"account": "ana", **KEEPS})
    assert "your own access" in sheets.check(sheets.keep(campaign, ana, body), ana).refused[0].message


def test_after_the_due_date_no_file_decides(story, campaign, ana):
    upload = sheets.keep(campaign, ana, sheets.fill(sheets.download(campaign, ana), {"account": "job", **KEEPS}))
    seen = sheets.check(upload, ana).seen
    with clock.freeze(campaign.due_at + timedelta(seconds=1)), pytest.raises(InvalidInput, match="due date"):
        spreadsheets.apply(upload_id=upload.pk, seen=seen, by=ana)


def test_text_that_looks_like_a_formula_is_written_as_text_and_a_formula_is_not_read(story, ana, campaign):
    named = story.texts["identities"].replace("Nightly job", "=HYPERLINK('http://x.example')")
    story.load(identities=named)
    later = story.launch("Later")
    sheet = read(sheets.download(later, ana))
    cell = sheet.cell(sheets.row_of(sheet, "job"), COLUMN["person"])
    assert cell.value.startswith("=HYPERLINK")
    assert (cell.data_type, cell.quotePrefix) == ("s", True)
    body = sheets.fill(
        sheets.download(later, ana),
        {"account": "bruno", **KEEPS, "reason": "=1+1"},
        {"account": "david", "decision": '="Keep"'},
    )
    found = sheets.check(sheets.keep(later, ana, body), ana).refused
    assert [(one.column, "formula" in one.message) for one in found] == [("Decision", True), ("Reason", True)]


def zipped(**parts: bytes) -> bytes:
    target = io.BytesIO()
    with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, body in parts.items():
            archive.writestr(name.replace("__", "/"), body)
    return target.getvalue()


def other_book() -> bytes:
    book, target = Workbook(), io.BytesIO()
    book.save(target)
    return target.getvalue()


@pytest.mark.parametrize(
    ("body", "said"),
    [
        (b"Person;Decision\nBruno;Keep\n", "not an XLSX file"),
        (b"", "not an XLSX file"),
        (zipped(a=b"0" * (65 * 2**20)), "larger than 64 MiB"),
        (zipped(**{f"part{number}": b"" for number in range(501)}), "larger than 64 MiB"),
        (zipped(xl__vbaProject_bin=b"", **{"xl__vbaProject.bin": b"x"}), "macros"),
        (zipped(a=b"x"), "damaged"),
        (other_book(), "no sheet called"),
    ],
    ids=["csv", "empty", "bomb", "parts", "macros", "zip", "other"],
)
def test_what_is_no_sheet_of_ours_is_refused_in_words_and_not_kept(story, campaign, ana, body, said, settings):
    with pytest.raises(InvalidInput, match=said):
        sheets.keep(campaign, ana, body)
    assert not SheetUpload.objects.exists()


def test_an_entity_bomb_a_changed_header_and_too_many_rows_are_refused(story, campaign, ana):
    body = sheets.download(campaign, ana)
    source, target = zipfile.ZipFile(io.BytesIO(body)), io.BytesIO()
    with zipfile.ZipFile(target, "w") as archive:
        for part in source.infolist():
            text = source.read(part)
            if part.filename == "xl/workbook.xml":
                text = text.replace(b"<workbook", b'<!DOCTYPE x [<!ENTITY a "aaaa"><!ENTITY b "&a;&a;">]><workbook', 1)
            archive.writestr(part, text)
    with pytest.raises(InvalidInput, match="damaged"):
        sheets.keep(campaign, ana, target.getvalue())

    def without_person(sheet):
        sheet.delete_cols(COLUMN["person"])

    with pytest.raises(InvalidInput, match="should be “Person”"):
        sheets.keep(campaign, ana, sheets.edit(body, without_person))
    with pytest.raises(InvalidInput, match="not made on this page"):
        sheets.keep(campaign, ana, sheets.edit(body, lambda sheet: sheet.cell(1, 1, "certify-review/1 1.2.1.0")))

    def endless(sheet):
        for number in range(form.MAX_ROWS + 1):
            sheet.cell(number + 2, COLUMN["decision"]).value = "Keep"

    with pytest.raises(InvalidInput, match="10,000 rows"):
        sheets.keep(campaign, ana, sheets.edit(body, endless))


def test_an_upload_that_was_not_applied_is_forgotten_with_its_file(story, campaign, ana, django_capture_on_commit_callbacks):
    body = sheets.download(campaign, ana)
    first = sheets.keep(campaign, ana, body)
    with django_capture_on_commit_callbacks(execute=True):
        second = sheets.keep(campaign, ana, body)
    assert list(SheetUpload.objects.all()) == [second]
    assert not located(first.stored_as).exists()
    assert located(second.stored_as).exists()


def test_the_pages(client, story, campaign, ana):
    client.force_login(ana)
    page = reverse("campaigns:sheet", args=[campaign.pk])
    assert "<b>5</b> items that can be decided" in client.get(page).text
    got = client.get(reverse("campaigns:sheet-download", args=[campaign.pk]), {"search": "bruno"})
    assert got.headers["Content-Disposition"] == f'attachment; filename="certify-review-{campaign.pk}.xlsx"'
    assert read(got.content).max_row == 3
    assert "Choose the file first." in client.post(page, {}).text
    wrong = client.post(page, {"file": io.BytesIO(b"no sheet at all")})
    assert (wrong.status_code, "Nothing was decided." in wrong.text) == (422, True)
    body = io.BytesIO(sheets.fill(got.content, {"account": "bruno", **KEEPS}, {"account": "bruno", "right": "admin", **KEEPS}))
    body.name = "mine.xlsx"
    looked = client.post(page, {"file": body}, follow=True)
    assert "Decide 1 item<" in looked.text
    assert "Refused: 1 row<" in looked.text
    upload = SheetUpload.objects.get()
    apply = reverse("campaigns:sheet-apply", args=[campaign.pk, upload.pk])
    assert client.post(apply, {"seen": "other"}).status_code == 409
    done = client.post(apply, {"seen": sheets.check(upload, ana).seen}, follow=True)
    assert "1 item decided from mine.xlsx" in done.text
    assert upload.sha256 in done.text
    assert "1 decided, 1 refused" in client.get(page).text
    client.force_login(story.system_owner)
    assert client.get(reverse("campaigns:sheet-upload", args=[campaign.pk, upload.pk])).status_code == 404
