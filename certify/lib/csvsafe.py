"""Spreadsheet cells that cannot run: CWE-1236, formula injection.

A cell that begins with = + - @ tab or carriage return gets an apostrophe in front, which spreadsheets show as text. So that
nothing is lost, a cell that already begins with an apostrophe gets one more.
"""

_DANGEROUS = ("=", "+", "-", "@", "\t", "\r", "'")


def is_dangerous(value: str) -> bool:
    """Whether a spreadsheet could take the text for a formula, or swallow its first character."""
    return value.startswith(_DANGEROUS)


def cell(value: str) -> str:
    """The value as a harmless cell."""
    return f"'{value}" if is_dangerous(value) else value


def original(text: str) -> str:
    """The value that `cell` was given."""
    return text[1:] if text.startswith("'") else text
