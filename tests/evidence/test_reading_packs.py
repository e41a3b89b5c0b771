"""How the verifier reads the text files of a pack: in blocks, whose borders fall anywhere."""

import csv
import io
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from evidence.verifier import verify as verifier
from tests.evidence import spoil

letters = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0\n"), max_size=12)


def lines(body: bytes, block: int) -> list[bytes]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(verifier, "BLOCK", block)
        return list(spoil.Held({"notes.txt": body}).lines("notes.txt"))


@given(st.lists(letters), st.booleans(), st.integers(1, 40))
def test_lines_are_those_of_the_text(texts, is_ended, block):
    text = "\n".join(texts) + "\n" * (is_ended and bool(texts))
    assert lines(text.encode(), block) == io.BytesIO(text.encode()).readlines()


@given(st.lists(letters, min_size=1, max_size=9), st.data(), st.integers(1, 40))
def test_a_line_that_is_not_text_is_named(texts, data, block):
    place = data.draw(st.integers(0, len(texts) - 1))
    body = [text.encode() for text in texts]
    body[place] += b"\xff"
    with pytest.raises(verifier.Problem, match=rf"^notes\.txt, line {place + 1}: not UTF-8"):
        lines(b"\n".join(body), block)


@pytest.mark.parametrize("block", [1 << 10, 1 << 18])
def test_a_line_longer_than_any_can_be_is_named_and_not_kept(block):
    with pytest.raises(verifier.Problem, match=r"^notes\.txt, line 2: longer than any line"):
        lines(b"one\n" + b"x" * (verifier.LINE_LIMIT + block), block)


@given(
    st.lists(st.tuples(letters, st.sampled_from(["", "'", "''=1", "it's", "'a\n'b", "a\n'b", "a,b"])), max_size=8),
    st.integers(1, 60),
)
def test_only_the_apostrophe_that_made_a_cell_harmless_is_taken_away(rows, block):
    text = io.StringIO(newline="")
    csv.writer(text, lineterminator="\r\n").writerows([verifier.TABLES["audit/populations.csv"]])
    columns = len(verifier.TABLES["audit/populations.csv"])
    told = [[first, second, *[""] * (columns - 2)] for first, second in rows]
    csv.writer(text, lineterminator="\r\n").writerows(told)
    wanted = [[cell.removeprefix("'") for cell in row] for row in told]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(verifier, "BLOCK", block)
        found = spoil.Held({"audit/populations.csv": text.getvalue().encode()}).table("audit/populations.csv")
        assert [cells for _, cells in found] == wanted


def read_at_once(body: str) -> list[list[str]] | None:
    """The rows of a table as Python's reader gives them over the whole of it; None where it refuses it, or a row is too short or long."""
    try:
        _, *rows = csv.reader(io.StringIO(body, newline="\n"), strict=True)
    except csv.Error:
        return None
    return rows if all(len(row) == 4 for row in rows) else None


@given(
    st.text("a,\"'\r\n", max_size=40)
    | st.lists(st.sampled_from([",,,\r\n", "a,b,c,d\r\n", 'a,"b\r\n""",,\r\n', '"', "\r", "a"])),
    st.integers(1, 30),
)
def test_a_table_is_read_as_at_once_or_refused(pieces, block):
    name = "audit/populations.csv"
    body = ",".join(verifier.TABLES[name]) + "\r\n" + "".join(pieces)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(verifier, "BLOCK", block)
        try:
            found = [cells for _, cells in spoil.Held({name: body.encode()}).table(name)]
        except verifier.Problem:
            # Only a quote in the middle of a cell, which no writer of tables makes, may be refused in one way of reading alone.
            assert read_at_once(body) is None or re.search(r'[^,"\r\n]"', body)
        else:
            assert found == [[cell.removeprefix("'") for cell in row] for row in read_at_once(body)]


@pytest.mark.parametrize(("rows", "lines"), [(2_000, 20), (400, 200)])
def test_blocks_may_all_end_inside_of_some_cell(rows, lines):
    name, told = "audit/populations.csv", [["1", "\n".join(["Needed, as before"] * lines), str(row), ""] for row in range(rows)]
    text = io.StringIO(newline="")
    csv.writer(text, lineterminator="\r\n").writerows([verifier.TABLES[name], *told])
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(verifier, "BLOCK", 1 << 12)
        patch.setattr(verifier, "FIELD_LIMIT", 1 << 13)
        assert [cells for _, cells in spoil.Held({name: text.getvalue().encode()}).table(name)] == told


DECIDED = "1,7,approve,people.user:3,Ana,ana@x.example,,,2026-01-02T00:00:00.000000Z,f00d,b,u,1,,,,,s,yes"
SAID = {"item": "7", "rule": "", "rationale": "", "shown": "f00d"}


def take(row: dict[str, str]) -> verifier.Report:
    """What the verifier says of an act on one item, whose decision is the next row of the table."""
    person = {"email": "ana@x.example", "id": "people.user:3", "name": "Ana"}
    shared = {
        "bulk": "b",
        "campaign": "1",
        "decided_at": "2026-01-02T00:00:00.000000Z",
        "decision": "approve",
        "reviewer": person,
    }
    entry = {"actor": person, "data": {**shared, "rows": [row]}, "kind": "decisions:made", "uid": "u"}
    head = ",".join(verifier.TABLES["reviews/decisions.csv"])
    pack, report = spoil.Held({"reviews/decisions.csv": f"{head}\n{DECIDED}\n".encode()}), verifier.Report()
    tables = verifier.Tables(pack, report, {"reviews/items.csv"})
    verifier.Entries(pack, report, None, tables)._take_decisions(entry, "ledger/entries.jsonl, line 1")
    return report


def test_a_decision_of_an_act_is_compared_with_the_next_row():
    assert not take(SAID).failed("decisions")
    assert take({**SAID, "rationale": "Needed"}).failed("decisions")
    assert take({**SAID, "until": "2026-12-31"}).failed("decisions")


@pytest.mark.parametrize("name", SAID)
def test_what_an_act_does_not_say_is_not_taken_for_empty(name):
    with pytest.raises(KeyError, match=name):
        take({other: cell for other, cell in SAID.items() if other != name})
