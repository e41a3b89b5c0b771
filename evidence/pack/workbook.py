"""The pack's workbook: its tables for people, one sheet for each question an auditor asks, in the Office Open XML format.

The same tables are in the pack as CSV, whole and checked against the log; the workbook shows their first rows with typed cells,
filters and a header that stays, whose notes say what each column means.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import date, datetime
from pathlib import Path

import xlsxwriter

from evidence.pack import schemas, summaries
from evidence.pack.excerpts import Excerpt, Reader

#: Rows of one sheet: more than a person reads, few enough to be written in seconds.
ROWS = 10_000
#: Characters of one cell, by the file format.
CELL = 32_767
WIDEST, NARROWEST, NOTE = 48, 9, 260
#: Numbers that tell things apart and are not counted: no thousands in them.
IDS = frozenset(("campaign", "definition", "exception", "item", "occurrence", "removal", "request", "sample", "snapshot"))


@dataclass(frozen=True)
class Sheet:
    """One sheet: its name (31 characters at most), the question it answers, the table, and the columns that are left out of it."""

    name: str
    question: str
    path: str
    without: tuple[str, ...] = ()
    #: What is counted from the table instead of its rows.
    counted: Callable[[Reader], Excerpt] | None = None

    def read(self, reader: Reader) -> Excerpt:
        """The first rows of its table, or what is counted from it."""
        return self.counted(reader) if self.counted else reader.first(self.path, ROWS)


SHEETS = (
    Sheet("Completeness", "Is every access right of the systems accounted for?", "population/balance.csv"),
    Sheet("Readings", "Which readings of the systems does it rest on?", "population/snapshots.csv", ("entry",)),
    Sheet("Left out", "What was not asked about, and by which rule?", "population/exclusions.csv"),
    Sheet("Rejected rows", "Which rows of the files could not be read, and why?", "population/rejected_rows.csv"),
    Sheet("Controls", "Which reviews serve which control?", "controls/mapping.csv"),
    Sheet("Who answers", "Who answered for which control, and since when?", "controls/duties.csv", ("holder", "entry")),
    Sheet("Statements", "What did people state about the controls?", "controls/statements.csv", ("entry",)),
    Sheet("Performed", "How many runs of each review were expected, and performed in time?", "controls/calendar.csv",
          counted=summaries.performance),
    Sheet("Expected runs", "Were the reviews held as often as they were to be?", "controls/calendar.csv", ("entry",)),
    Sheet("Reviews", "Which reviews were there, and what did they come to?", "campaigns/campaigns.csv",
          ("terms", "population_root", "exclusion_root", "outcome_root", "launch_entry", "end_entry")),
    Sheet("Outcomes", "What was decided of each access right, by whom and why?", "reviews/items.csv",
          ("snapshot", "manager_id", "entitlement_kind", "granted_by", "first_seen_at", "reviewer", "decided_by", "decision_entry",
           "sign_off_entry", "name_salt", "name_commitment")),
    Sheet("Decisions", "Which decisions were made, superseded ones included?", "reviews/decisions.csv",
          ("reviewer", "shown", "entry", "signed_in", "evidence")),
    Sheet("Reviewers", "Who had to review how much?", "reviews/reviewers.csv", ("reviewer", "entry")),
    Sheet("Independence", "Did anybody decide on what they are not independent of?", "reviews/independence.csv", ("reviewer",)),
    Sheet("Quality", "With which attention did reviewers work?", "reviews/quality.csv", ("reviewer", "limits")),
    Sheet("Attention", "Where did reviewers work beyond the limits, and what was made of it?", "reviews/findings.csv",
          ("reviewer", "finding", "entry")),
    Sheet("Signed statements", "What did reviewers sign?", "reviews/submissions.csv", ("reviewer", "decisions_root", "entry")),
    Sheet("Signed in by", "How had the reviewers signed in who signed?", "reviews/signed_in_by.csv", ("reviewer", "entry")),
    Sheet("Removal figures", "How many removals are proved, late, still there?", "remediation/figures.csv"),
    Sheet("Removals", "Is what was to be removed really gone?", "remediation/removals.csv", ("entry",)),
    Sheet("Proofs", "What did later readings show?", "remediation/verifications.csv", ("entry",)),
    Sheet("Leavers in numbers", "Was the access of all who left gone in time?", "lifecycle/balance.csv"),
    Sheet("Leavers", "Which account of whom was gone when?", "lifecycle/leavers.csv"),
    Sheet("Seals", "Which reviews did a control owner sign off?", "campaigns/seals.csv", ("close_entry", "outcome_root", "entry")),
    Sheet("Samples", "Which samples did the auditor draw, from what?", "audit/samples.csv",
          ("seed", "population_root", "rows_root", "strata", "completeness", "entry")),
    Sheet("Sampled rows", "Which rows were drawn?", "audit/sample_rows.csv", ("id",)),
    Sheet("Conclusions", "What did the auditor conclude?", "audit/conclusions.csv", ("id", "entry")),
    Sheet("Requests", "What did the auditor ask, and what was answered?", "audit/requests.csv", ("file_sha256", "entry")),
    Sheet("Roles", "Who could change rules, people and data?", "administration/roles.csv", ("given_entry", "taken_entry")),
    Sheet("Changes", "Who changed rules, people and data?", "administration/changes.csv", ("entry",)),
)  # fmt: skip

INTRODUCTION = (
    "A copy for people of the tables of this evidence pack. What counts are the CSV files: verify.py checks them against the log.",
    "Times are UTC. Every sheet has a filter, every heading a note that says what it means; an empty cell means unknown.",
)


def write(reader: Reader, title: str, created: datetime, target: Path) -> None:
    """Write the workbook. The same rows give the same bytes: `created` (UTC) is the only time in it."""
    options = {
        "constant_memory": True,
        "tmpdir": str(target.parent),
        "strings_to_formulas": False,
        "strings_to_urls": False,
        "strings_to_numbers": False,
    }
    with xlsxwriter.Workbook(target, options) as book:
        book.set_properties({"title": title, "created": created.replace(tzinfo=None)})
        looks = _Looks(book)
        _contents(book, looks, title, reader)
        for sheet in SHEETS:
            _fill(book, looks, sheet, sheet.read(reader))


class _Looks:
    """The formats of the book."""

    def __init__(self, book: xlsxwriter.Workbook):
        self.title = book.add_format({"bold": True, "font_size": 14})
        self.quiet = book.add_format({"font_color": "#55606e"})
        self.head = book.add_format({"bold": True, "bg_color": "#e8eef7", "bottom": 1, "text_wrap": True, "valign": "top"})
        self.number = book.add_format({"num_format": "#,##0.##"})
        self.id = book.add_format({"num_format": "0"})
        self.moment = book.add_format({"num_format": "yyyy-mm-dd hh:mm:ss"})
        self.day = book.add_format({"num_format": "yyyy-mm-dd"})
        self.link = book.add_format({"font_color": "#1a56b8", "underline": 1})


def _contents(book: xlsxwriter.Workbook, looks: _Looks, title: str, reader: Reader) -> None:
    page = book.add_worksheet("Contents")
    page.set_column(0, 0, 20)
    page.set_column(1, 1, 70)
    page.set_column(2, 3, 34)
    page.write_string(0, 0, title, looks.title)
    for place, line in enumerate(INTRODUCTION, start=1):
        page.write_string(place, 0, line, looks.quiet)
    row = len(INTRODUCTION) + 2
    for place, name in enumerate(("Sheet", "Question", "Rows", "Table")):
        page.write_string(row, place, name, looks.head)
    for sheet in SHEETS:
        row += 1
        total = sheet.read(reader).total if sheet.counted else reader.total(sheet.path)
        page.write_url(row, 0, f"internal:'{sheet.name}'!A1", looks.link, sheet.name)
        page.write_string(row, 1, sheet.question)
        page.write_string(row, 2, f"{total:,}" if total <= ROWS else f"the first {ROWS:,} of {total:,}")
        page.write_string(row, 3, sheet.path)


def _fill(book: xlsxwriter.Workbook, looks: _Looks, sheet: Sheet, found: Excerpt) -> None:
    places = [place for place, column in enumerate(found.columns) if column not in sheet.without]
    page = book.add_worksheet(sheet.name)
    for place, width in enumerate(_widths(found, places)):
        page.set_column(place, place, width)
    page.freeze_panes(2, 0)
    page.autofilter(1, 0, 1 + max(1, len(found.rows)), len(places) - 1)
    page.write_string(0, 0, _heading(sheet, found), looks.quiet)
    shown = [(place, column, schemas.column(sheet.path, found.columns[column])) for place, column in enumerate(places)]
    for place, _, column in shown:
        page.write_string(1, place, column.name.replace("_", " ").capitalize(), looks.head)
        meaning = column.meaning
        page.write_comment(
            1, place, meaning, {"width": NOTE, "height": 20 + 16 * (1 + len(meaning) // 30), "author": "Certify"}
        )
    for row, cells in enumerate(found.rows, start=2):
        for place, at, column in shown:
            if cells[at]:
                _cell(page, looks, (row, place), column, cells[at])


def _heading(sheet: Sheet, found: Excerpt) -> str:
    cut = (
        f" The first {len(found.rows):,} of {found.total:,} rows; all are in {sheet.path}."
        if found.total > len(found.rows)
        else ""
    )
    return f"{sheet.question}{cut}" if found.total else f"{sheet.question} Nothing is recorded."


def _cell(page, looks: _Looks, place: tuple[int, int], column: schemas.Column, text: str) -> None:
    """One cell, typed as its column is; text that is not of that type stays text."""
    try:
        if column.type in ("number", "decimal"):
            page.write_number(*place, float(text), looks.id if column.name in IDS else looks.number)
        elif column.type == "time":
            page.write_datetime(*place, datetime.fromisoformat(text).replace(tzinfo=None, microsecond=0), looks.moment)
        elif column.type == "day":
            page.write_datetime(*place, date.fromisoformat(text), looks.day)
        else:
            page.write_string(*place, text[:CELL])
    except ValueError:
        page.write_string(*place, text[:CELL])


def _widths(found: Excerpt, places: list[int]) -> Iterator[int]:
    """Widths in characters: of the header and of what the first rows hold."""
    for column in places:
        cells = (len(row[column]) for row in found.rows[:200])
        yield min(WIDEST, max(NARROWEST, len(found.columns[column]) + 2, *cells, 0) + 1)
