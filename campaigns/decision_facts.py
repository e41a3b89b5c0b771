"""What the ledger records of a decision."""

from datetime import datetime

from certify.lib.times import rfc3339


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
