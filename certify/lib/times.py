"""Times as text."""

from datetime import UTC, datetime


def rfc3339(moment: datetime | None) -> str:
    """RFC 3339 in UTC with six decimals, as the ledger and the pack write every time; empty for unknown."""
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ") if moment else ""
