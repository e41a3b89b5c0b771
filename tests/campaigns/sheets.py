"""Spreadsheets as a person would fill them in, for tests."""

import io

from openpyxl import load_workbook

from campaigns import spreadsheet_checks, worklist
from campaigns import spreadsheet_format as form
from campaigns.actions import spreadsheets
from campaigns.exports import spreadsheet
from campaigns.models import Campaign, SheetUpload
from certify.lib.files import store

COLUMN = {name: place for place, name in enumerate(form.NAMES, 1)}


def download(campaign: Campaign, user) -> bytes:
    """The sheet of all a user's rows, riskiest first."""
    rows = worklist.my_rows(user, campaign.pk).filter(worklist.OPEN | worklist.DRAFT).select_related("item")
    return spreadsheet.workbook(campaign, rows.order_by(*form.ORDER), user)


def edit(body: bytes, change) -> bytes:
    """The file after somebody changed its sheet of items: `change(sheet)`."""
    book = load_workbook(io.BytesIO(body))
    change(book[form.SHEET])
    target = io.BytesIO()
    book.save(target)
    return target.getvalue()


def row_of(sheet, account: str, right: str = "read") -> int:
    """The number of the row of an account's right."""
    for number in range(2, sheet.max_row + 1):
        found = (sheet.cell(number, COLUMN["account"]).value, sheet.cell(number, COLUMN["right"]).value)
        if found == (account, right):
            return number
    raise LookupError(account)


def fill(body: bytes, *answers: dict) -> bytes:
    """The file with answers: {"account", "right", and the columns to fill in}."""

    def change(sheet) -> None:
        for answer in answers:
            number = row_of(sheet, answer["account"], answer.get("right", "read"))
            for name, value in answer.items():
                if name not in ("account", "right"):
                    sheet.cell(number, COLUMN[name]).value = value

    return edit(body, change)


def keep(campaign: Campaign, user, body: bytes, name: str = "mine.xlsx") -> SheetUpload:
    """Upload it."""
    stored = store([body], directory="evidence", limit=20 * 2**20)
    return spreadsheets.keep(campaign_id=campaign.pk, name=name, stored=stored, by=user)


def check(upload: SheetUpload, user):
    """What it would do."""
    return spreadsheet_checks.checked(upload, user)[1]


def apply(upload: SheetUpload, user):
    """Apply it as it was shown."""
    return spreadsheets.apply(upload_id=upload.pk, seen=check(upload, user).seen, by=user)
