"""Spreadsheet cells that cannot run: CWE-1236, formula injection.

A cell that begins with = + - @ (also in their full-width forms, which spreadsheets of some languages take for the narrow ones), tab,
carriage return or line feed gets an apostrophe in front, which spreadsheets show as text. So that nothing is lost, a cell that
already begins with an apostrophe gets one more. `evidence/verifier/convert.py` has the same list.
"""

_DANGEROUS = tuple(
    "=+-@\N{FULLWIDTH EQUALS SIGN}\N{FULLWIDTH PLUS SIGN}\N{FULLWIDTH HYPHEN-MINUS}\N{FULLWIDTH COMMERCIAL AT}\t\r\n'"
)
#: The same for SQL: what `ascii()` says of the first character of a dangerous text.
CODES = ", ".join(str(ord(character)) for character in _DANGEROUS)


def is_dangerous(value: str) -> bool:
    """Whether a spreadsheet could take the text for a formula, or swallow its first character."""
    return value.startswith(_DANGEROUS)


def cell(value: str) -> str:
    """The value as a harmless cell."""
    return f"'{value}" if is_dangerous(value) else value


def original(text: str) -> str:
    """The value that `cell` was given."""
    return text[1:] if text.startswith("'") else text
