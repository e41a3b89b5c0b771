"""The spreadsheet of a reviewer's items: its columns, its words, and the keys that tie each row to an assignment.

A key says which assignment a row is about and which decision it showed, under an HMAC-SHA256 of this installation over campaign,
person, assignment, decision and the frozen item. It stands at both ends of a row, so that cells which were moved against each other
are noticed.
"""

from typing import NamedTuple

from django.utils.crypto import constant_time_compare, salted_hmac

from campaigns.states import DecisionCode
from certify.lib.numbers import whole

SHEET, HELP_SHEET = "Items", "How to"
FORMAT = "certify-review/1"
MAX_ROWS = 10_000
#: Riskiest first.
ORDER = ("risk_rank", "item_number", "id")
#: Excel shows no more of a cell.
MAX_CELL = 32_767
MAX_REASON, MAX_REDUCE_TO = 4_000, 1_000
#: The same reason may stand at so many kept rows that need care; more is a bulk act in disguise.
MAX_SAME_REASON = 5


class Column(NamedTuple):
    """One column: what the header says, how wide it is in characters (0: hidden), and whether the reviewer fills it in."""

    header: str
    width: int
    is_answer: bool = False


COLUMNS = {
    "key": Column("Key", 0),
    "number": Column("No.", 7),
    "person": Column("Person", 24),
    "title": Column("Title", 20),
    "department": Column("Department", 16),
    "status": Column("Status", 10),
    "account": Column("Account", 16),
    "what": Column("What it lets them do", 44),
    "right": Column("Right", 24),
    "system": Column("System", 20),
    "last_used": Column("Last used", 12),
    "care": Column("Look at", 26),
    "asks": Column("Keeping it", 30),
    "decision": Column("Decision", 14, is_answer=True),
    "reason": Column("Reason", 44, is_answer=True),
    "reduce_to": Column("Reduce to", 24, is_answer=True),
    "until": Column("Keep until", 12, is_answer=True),
    "check": Column("Check", 0),
}
NAMES = list(COLUMNS)
#: What the reviewer saw and must not change: a row that says something else is not the row of its key.
SHOWN = ("number", "person", "account", "right", "system")
ANSWER_WORDS = {
    "Keep": DecisionCode.APPROVE,
    "Remove": DecisionCode.REVOKE,
    "Reduce": DecisionCode.REDUCE,
    "I don't know": DecisionCode.DONT_KNOW,
}
WORD_OF = {code: word for word, code in ANSWER_WORDS.items()}
_CODES = {word.lower(): code for word, code in ANSWER_WORDS.items()}


def code_of(text: str) -> DecisionCode | None:
    """The answer that somebody wrote, whatever its case and apostrophe; None for a text that is no answer."""
    return _CODES.get(" ".join(text.replace("’", "'").split()).lower())


def shown(item) -> dict[str, str]:
    """What a row shows of an item, by column."""
    return {
        "number": str(item.number),
        "person": item.identity_name or item.account_name or item.account_key,
        "account": item.account_key,
        "right": item.entitlement_key,
        "system": item.source_name,
    }


def tidy(text: str) -> str:
    """A text as far as two copies of it are compared: programs change line ends and blanks."""
    return " ".join(text.split())


def _sign(*parts: object) -> str:
    return salted_hmac("campaigns.spreadsheet", "/".join(map(str, parts)), algorithm="sha256").hexdigest()[:32]


def sheet_key(campaign: int, user: int, stage: int) -> str:
    """What the header of the key column says: whose sheet it is, of which campaign and stage."""
    return f"{FORMAT} {campaign}.{user}.{stage}.{_sign(FORMAT, campaign, user, stage)}"


class Made(NamedTuple):
    """For which campaign, person and stage a sheet was made."""

    campaign: int
    user: int
    stage: int


def read_sheet_key(text: str) -> Made | None:
    """Whose sheet it is; None when the key was not made here or was changed."""
    name, _, rest = text.partition(" ")
    parts = rest.split(".")
    if name != FORMAT or len(parts) != 4 or not all(part.isascii() and part.isdigit() for part in parts[:3]):
        return None
    numbers = [int(part[:18]) for part in parts[:3]]
    return Made(*numbers) if constant_time_compare(text, sheet_key(*numbers)) else None


def row_key(row, user: int) -> str:
    """The key of an assignment's row in the sheet of a person; it holds for the decision that the row shows."""
    seen = row.decision_entry_uid.hex if row.decision_entry_uid else "0"
    return f"{row.pk}.{seen}.{_sign(row.campaign_id, user, row.pk, seen, bytes(row.item.leaf).hex())}"


def assignment_of(key: str) -> int | None:
    """The assignment a key says it is about; whether it is true only `is_key_of` tells."""
    return whole(key.partition(".")[0])


def is_key_of(key: str, row, user: int) -> bool:
    """Whether the key was made for this assignment and person, with whatever decision it showed then."""
    parts = key.split(".")
    if len(parts) != 3:
        return False
    return constant_time_compare(parts[2], _sign(row.campaign_id, user, row.pk, parts[1], bytes(row.item.leaf).hex()))
