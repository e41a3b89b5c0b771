"""Cells that cannot run and lose nothing."""

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from certify.lib import csvsafe

DANGEROUS = ("=", "+", "-", "@", "＝", "＋", "－", "＠", "\t", "\r", "\n")


@pytest.mark.parametrize("begin", DANGEROUS)
def test_a_formula_becomes_text(begin):
    for value in (begin, f"{begin}1+1", f"{begin}=SUM(A1)"):
        assert csvsafe.cell(value) == f"'{value}"


@pytest.mark.parametrize("value", ["", "Ana", "a=b", " =1", "1-2", "a\n=1", "名＝前"])
def test_what_is_harmless_stays_as_it_is(value):
    assert csvsafe.cell(value) == value


@given(st.text() | st.builds(str.__add__, st.sampled_from([*DANGEROUS, "'"]), st.text()))
@example("'=1")
@example("''")
def test_no_cell_is_dangerous_and_every_value_comes_back(value):
    cell = csvsafe.cell(value)
    assert not cell.startswith(DANGEROUS)
    assert csvsafe.original(cell) == value
