"""Any file at all: it is a sheet, or it is refused in words. Any text comes back as it was written."""

import io
from datetime import date, datetime
from types import SimpleNamespace
from uuid import uuid4

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from campaigns import spreadsheet_format as form
from campaigns.exports import spreadsheet
from campaigns.readers import spreadsheet as reader
from certify.lib.errors import InvalidInput
from tests.campaigns import sheets

pytestmark = pytest.mark.filterwarnings("ignore::UserWarning:openpyxl")
QUICK = settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
TEXT = st.text(max_size=60)


def assignment(pk: int, **item) -> SimpleNamespace:
    """What the workbook needs of an assignment and its item."""
    facts = {
        "number": pk, "identity_name": "", "identity_status": "active", "account_name": "", "account_key": "a", "title": "",
        "department": "", "description": "", "entitlement_name": "", "entitlement_key": "r", "source_name": "s", "last_used_at": None,
        "signals": [], "leaf": b"\x01" * 32,
    }  # fmt: skip
    row = {
        "pk": pk,
        "campaign_id": 1,
        "decision": "",
        "rationale": "",
        "reduce_to": "",
        "until": None,
        "decision_entry_uid": None,
    }
    return SimpleNamespace(**row, item=SimpleNamespace(**facts | item))


def written(*rows) -> bytes:
    campaign = SimpleNamespace(pk=1, stage=1, name="Q4", due_at=datetime(2026, 12, 1), terms={"reason_for_every_keep": False})  # noqa: DTZ001
    return spreadsheet.workbook(campaign, rows, SimpleNamespace(pk=7, name="Ana"))


def read(tmp_path, body: bytes) -> reader.Sheet:
    path = tmp_path / uuid4().hex
    path.write_bytes(body)
    return reader.read(path)


@QUICK
@given(person=TEXT, right=TEXT, reason=TEXT)
def test_what_is_written_comes_back_and_is_the_row_of_its_key(tmp_path, person, right, reason):
    row = assignment(5, identity_name=person, entitlement_key=right)
    row.rationale, row.decision = reason, "approve"
    sheet = read(tmp_path, written(row))
    (line,) = sheet.lines
    assert sheet.made == (1, 7, 1)
    assert (line.key, line.check) == (form.row_key(row, 7),) * 2
    assert form.is_key_of(line.key, row, 7)
    assert not form.is_key_of(line.key, row, 8)
    assert line.decision == "Keep"
    assert line.problem == "", "what somebody typed is never taken for a formula"


@QUICK
@given(changes=st.lists(st.tuples(st.floats(0, 0.999), st.integers(0, 255)), min_size=1, max_size=12), cut=st.integers(0, 200))
def test_a_damaged_file_is_refused_or_read_and_never_a_fault(tmp_path, changes, cut):
    body = bytearray(written(assignment(1), assignment(2)))
    for place, value in changes:
        body[int(place * len(body))] = value
    try:
        sheet = read(tmp_path, bytes(body[: len(body) - cut]))
    except InvalidInput:
        return
    assert sheet.made == (1, 7, 1)


CELLS = st.one_of(st.none(), TEXT, st.integers(), st.floats(), st.booleans(), st.dates(), st.datetimes(), st.times())


@QUICK
@given(st.dictionaries(st.sampled_from(form.NAMES), CELLS))
def test_whatever_stands_in_the_cells_is_a_line(tmp_path, cells):
    def change(sheet) -> None:
        for name, value in cells.items():
            cell = sheet.cell(2, sheets.COLUMN[name])
            cell.value = spreadsheet.clean(value) if isinstance(value, str) else value

    try:
        body = sheets.edit(written(assignment(1)), change)
    except (ValueError, OverflowError):  # what no spreadsheet can hold
        return
    lines = read(tmp_path, body).lines
    for line in lines:
        assert len(line.reason) <= form.MAX_REASON or line.problem
        assert line.until is None or isinstance(line.until, date)
        assert "\x00" not in line.reason + line.decision + line.reduce_to


@given(st.text())
def test_no_text_is_a_key_of_ours(text):
    assert form.read_sheet_key(text) is None
    assert not form.is_key_of(text, assignment(1), 7)
    assert form.assignment_of(text) is None or text.partition(".")[0].isdigit()


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("Keep", "approve"),
        ("KEEP ", "approve"),
        ("i  don’t know", "dont_know"),
        ("approve", None),
        ("", None),
        ("Behalten", None),
    ],
)
def test_the_words_of_an_answer(text, code):
    assert form.code_of(text) == code


def test_the_bytes_are_a_workbook_others_can_open(tmp_path):
    assert io.BytesIO(written(assignment(1))).read(2) == b"PK"
