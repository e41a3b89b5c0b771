"""What the ledger records of a decision, and of many that were made in one act."""

from collections.abc import Iterable
from datetime import datetime
from uuid import UUID, uuid4

from certify.lib import canonical
from certify.lib.times import rfc3339
from ledger.rules import MAX_PAYLOAD_BYTES


def facts_of(row, leaf: bytes, answer, now: datetime, by, bulk: str = "") -> dict:
    """What the ledger records of a decision. Facts that most decisions lack are there only when they say something."""
    rare = {
        "evidence": answer.evidence.stored.sha256 if answer.evidence else "",
        "for": f"people.user:{row.reviewer_id}" if row.reviewer_id != by.pk else "",
        "reduce_to": answer.reduce_to,
        "stage": str(row.stage) if row.stage > 1 else "",
        "until": answer.until.isoformat() if answer.until else "",
    }
    return {
        "campaign": str(row.campaign_id),
        "item": str(row.item_number),
        "reviewer": by.actor_ref(),
        "decision": str(answer.code),
        "rationale": answer.rationale,
        "decided_at": rfc3339(now),
        "rule": row.rule,
        "shown": bytes(leaf).hex(),
        "bulk": bulk,
    } | {name: value for name, value in rare.items() if value}


#: Bytes of an entry that are enough for all but decisions and their texts, and those that are enough for a decision without texts.
REST, ROW = 4_000, 260
#: What each decision of an act says for itself, even where all say the same.
OWN = ("item", "rule", "shown")


def together(facts: list[dict]) -> dict:
    """The facts of decisions as one entry holds them: what all share once, and under `rows` what is left of each."""
    first = facts[0]
    shared = {name: value for name, value in first.items() if name not in OWN and all(one.get(name) == value for one in facts)}
    rows = [{name: value for name, value in one.items() if name not in shared} for one in facts]
    return shared | {"rows": rows}


def size_of(*texts: str) -> int:
    """How many bytes texts take in an entry."""
    return sum(len(canonical.dumps(text)) for text in texts)


def portions(sizes: Iterable[int], shared: int = 0) -> list[UUID]:
    """The entry that each decision of an act is to stand in, so that none gets too long.

    `sizes` are the bytes that the texts of each decision take, `shared` those of the texts that all have.
    """
    found: list[UUID] = []
    room = left = MAX_PAYLOAD_BYTES - REST - shared
    entry = uuid4()
    for size in sizes:
        if found and left < size + ROW:
            entry, left = uuid4(), room
        left -= size + ROW
        found.append(entry)
    return found
