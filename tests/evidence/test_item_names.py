"""The names of an item are what its salt opens, and nobody can say that they were erased but an entry of the log."""

import hashlib
import re

import pytest

from certify.lib import canonical
from tests.evidence import spoil
from tests.evidence.conftest import verify

ITEMS = "reviews/items.csv"
#: The item whose row is changed: the first has an account, a person and a salt.
ROW = 2


def shown(copy, column: str) -> str:
    header, row = spoil.rows_of(spoil.read(copy)[ITEMS])[:ROW]
    return row[header.index(column)]


@pytest.mark.parametrize(
    ("column", "cell", "says"),
    [
        ("name_salt", "00" * 16, "NOT hold"),
        ("name_salt", "", "name_salt or name_commitment stands there too much, or is missing"),
        ("name_salt", lambda old: old[:-2] + " " + old[-1], "which is no salt"),
        ("name_salt", lambda old: re.sub("[a-f]", lambda one: one[0].upper(), old, count=1), "which is no salt"),
        ("name_commitment", "ab" * 32, "name_salt or name_commitment stands there too much, or is missing"),
        ("identity_name", "erased identity 1", "NOT hold"),
        ("account_name", "Somebody else", "NOT hold"),
    ],
)
def test_names_and_their_salt_cannot_be_changed(copy, column, cell, says):
    spoil.change(copy, ITEMS, spoil.cell(ROW, column, cell), forge=True)
    found = verify(copy).text
    assert says in found
    assert "NOT hold" in found


def test_names_cannot_be_said_to_be_erased(copy):
    """Even with the commitment that fits, since no entry says so."""
    names = canonical.dumps([shown(copy, "account_name"), shown(copy, "identity_name")])
    salted = b"certify-item-names/1\n" + bytes.fromhex(shown(copy, "name_salt")) + names
    cells = {"name_salt": "", "name_commitment": hashlib.sha256(salted).hexdigest()}
    for column, cell in (cells | dict.fromkeys(("account_name", "identity_name"), "erased identity 7")).items():
        spoil.change(copy, ITEMS, spoil.cell(ROW, column, cell), forge=True)
    found = verify(copy).text
    assert "“erased identity 7” stands for names, and no entry of this pack says that these were erased" in found


def test_what_is_left_of_erased_names_is_the_mark_alone(copy):
    cells = {"name_salt": "", "name_commitment": "ab" * 32, "account_name": "erased identity 7"}
    for column, cell in cells.items():
        spoil.change(copy, ITEMS, spoil.cell(ROW, column, cell), forge=True)
    assert "the names were erased, and something is left" in verify(copy).text
