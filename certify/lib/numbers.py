"""Numbers in what a browser sends: anybody can write anything there."""

#: The highest number of a row that PostgreSQL can hold.
HIGHEST = 2**63 - 1


def whole(text: str) -> int | None:
    """The number that a text of digits is; None for every other text, and for numbers that no row can have."""
    return int(text) if text.isascii() and text.isdigit() and len(text) < 19 else None
