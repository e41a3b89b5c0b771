"""A reviewer's items as XLSX (ECMA-376), with lists to choose from; `readers.spreadsheet` reads it back."""

import io
from collections.abc import Iterable

from openpyxl import Workbook
from openpyxl.cell import WriteOnlyCell
from openpyxl.cell.cell import ILLEGAL_CHARACTERS_RE
from openpyxl.styles import Alignment, Font, PatternFill, Protection
from openpyxl.utils import get_column_letter
from openpyxl.worksheet.datavalidation import DataValidation

from campaigns import rules
from campaigns import spreadsheet_format as form
from campaigns.models import Assignment, Campaign
from campaigns.states import DecisionCode, Signal
from certify.lib import csvsafe
from certify.lib.language import english, recorded

HEAD = PatternFill("solid", fgColor="1F5FBF")
TO_FILL_IN = PatternFill("solid", fgColor="7A4D00")
DATE = "yyyy-mm-dd"


def workbook(campaign: Campaign, rows: Iterable[Assignment], user, *, left_out: int = 0) -> bytes:
    """The workbook of these of a user's assignments, with their items. `left_out` says how many did not fit."""
    book = Workbook(write_only=True)
    sheet = book.create_sheet(form.SHEET)
    _lay_out(sheet)
    sheet.append(_header(sheet, campaign, user))
    count = 0
    for row in rows:
        values = _values(row, campaign.terms, user.pk)
        sheet.append([_cell(sheet, name, values[name]) for name in form.NAMES])
        count += 1
    _validate(sheet, count)
    _explain(book, campaign, user, count, left_out)
    target = io.BytesIO()
    book.save(target)
    return target.getvalue()


def _letter(name: str) -> str:
    return get_column_letter(form.NAMES.index(name) + 1)


def _lay_out(sheet) -> None:
    """Widths, hidden keys, the frozen header; only what is to be filled in can be changed, so nothing is sorted apart by accident."""
    sheet.freeze_panes = f"{_letter('title')}2"
    sheet.protection.sheet = True
    sheet.protection.formatColumns = sheet.protection.formatRows = sheet.protection.autoFilter = False
    for name, column in form.COLUMNS.items():
        dimension = sheet.column_dimensions[_letter(name)]
        dimension.width, dimension.hidden = column.width or 8, not column.width
        if column.is_answer:
            dimension.protection, dimension.alignment = Protection(locked=False), Alignment(wrap_text=True, vertical="top")
        if name == "until":
            dimension.number_format = DATE


def _header(sheet, campaign: Campaign, user) -> list[WriteOnlyCell]:
    cells = []
    for name, column in form.COLUMNS.items():
        text = form.sheet_key(campaign.pk, user.pk, campaign.stage) if name == "key" else column.header
        cell = WriteOnlyCell(sheet, text)
        cell.font, cell.fill = Font(bold=True, color="FFFFFF"), TO_FILL_IN if column.is_answer else HEAD
        cells.append(cell)
    return cells


@recorded()
def _values(row: Assignment, terms: dict, user: int) -> dict[str, object]:
    item, key = row.item, form.row_key(row, user)
    return {
        "key": key,
        **form.shown(item),
        "number": item.number,
        "title": item.title,
        "department": item.department,
        "status": item.identity_status or "no known person",
        "what": item.description or item.entitlement_name or item.entitlement_key,
        "last_used": item.last_used_at.date() if item.last_used_at else "not known",
        "care": ", ".join(english(Signal(signal).label) for signal in item.signals),
        "asks": rules.needs_reason(DecisionCode.APPROVE, item.signals, terms),
        "decision": form.WORD_OF.get(row.decision),
        "reason": row.rationale or None,
        "reduce_to": row.reduce_to or None,
        "until": row.until,
        "check": key,
    }


def _cell(sheet, name: str, value: object) -> object:
    """A typed cell. Text is never a formula, whatever it begins with; an editor that opens it again keeps it as text."""
    if value is None or isinstance(value, int):
        return value
    if isinstance(value, str) and not form.COLUMNS[name].is_answer and not csvsafe.is_dangerous(value):
        return clean(value)
    cell = WriteOnlyCell(sheet, clean(value) if isinstance(value, str) else value)
    if isinstance(value, str):
        cell.data_type, cell.quotePrefix = "s", csvsafe.is_dangerous(value)
    else:
        cell.number_format = DATE
    if form.COLUMNS[name].is_answer:
        cell.protection, cell.alignment = Protection(locked=False), Alignment(wrap_text=True, vertical="top")
    return cell


def clean(text: str) -> str:
    """A text without what XML cannot hold, as long as a cell may be."""
    return ILLEGAL_CHARACTERS_RE.sub("�", text)[: form.MAX_CELL]


def _validate(sheet, count: int) -> None:
    """The list of answers, and a day after today."""
    answers = DataValidation(type="list", formula1=f'"{",".join(form.ANSWER_WORDS)}"', allow_blank=True, showErrorMessage=True)
    answers.errorTitle, answers.error = "Not an answer", f"Choose {', '.join(form.ANSWER_WORDS)}, or leave it empty."
    days = DataValidation(type="date", operator="greaterThan", formula1="TODAY()", allow_blank=True, showErrorMessage=True)
    days.errorTitle, days.error = "Not a day after today", "Write a day after today, or leave it empty."
    for name, validation in (("decision", answers), ("until", days)):
        validation.add(f"{_letter(name)}2:{_letter(name)}{count + 1 if count else 2}")
        sheet.data_validations.append(validation)
    sheet.auto_filter.ref = f"{_letter('number')}1:{_letter('until')}{count + 1}"


def _explain(book: Workbook, campaign: Campaign, user, count: int, left_out: int) -> None:
    """The second sheet says what to do."""
    sheet = book.create_sheet(form.HELP_SHEET)
    sheet.column_dimensions["A"].width = 110
    lines = [
        f"{campaign.name}: {count:,} items of {user.name}",
        f"Due {campaign.due_at:%d %B %Y, %H:%M} UTC. What is not submitted by then is recorded as not reviewed.",
        *([f"{left_out:,} more did not fit: upload these, then download again."] if left_out else []),
        "",
        f"Choose in “Decision”: {', '.join(form.ANSWER_WORDS)}. Leave it empty to decide later.",
        "Write a reason where “Keeping it” asks for one and for “I don't know”; “Reduce” needs a reason and what is left.",
        f"The same reason may stand at {form.MAX_SAME_REASON} kept rows that need care, not at more.",
        "“Keep until” is the last day, for “Keep” only.",
        "Rows can be filtered and deleted; other cells cannot be changed. Formulas are not taken.",
        "Upload the file on the page of the review. You see what it would do before anything is decided, and you submit there.",
        "The file is yours alone: nobody else can upload it.",
    ]
    for line in lines:
        cell = WriteOnlyCell(sheet, clean(line))
        cell.data_type, cell.alignment = "s", Alignment(wrap_text=True, vertical="top")
        sheet.append([cell])
