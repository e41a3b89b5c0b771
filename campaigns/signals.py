"""What deserves care in an item, as SQL over the query of the population.

The query has `granted`, `account`, `entitlement`, `identity` (or NULLs), `first_seen` and `reviewed` (the snapshot of the last
closed campaign over the source). `tests/campaigns/test_signals.py` holds it against a plain reading of the same rules.
"""

from datetime import datetime, timedelta

from django.conf import settings

from campaigns.sod_sql import unresolved
from campaigns.states import CALM_SIGNALS, UNUSED_DAYS, Signal
from inventory.states import STATIC_CREDENTIALS

NON_HUMAN = "identity.kind IN ('service', 'workload', 'agent')"
#: A person changes their password at a sign-in; that of a program stays until somebody changes it.
STATIC = (
    f"account.credential_kind IN ({', '.join(repr(kind.value) for kind in STATIC_CREDENTIALS)})"
    f" OR (account.credential_kind = 'password' AND (identity.id IS NULL OR {NON_HUMAN}))"
)
#: Since when the credential has been as it is.
CREDENTIAL_AT = "GREATEST(account.credential_created_at, account.credential_rotated_at)"

#: Since when each identity has had the title, department and manager that it has now; only those whose changed, as far as loads saw
#: it. What was not known before is no change.
JOB = """
    LEFT JOIN (
        SELECT former.identity_id, max(changed.loaded_at) AS since
        FROM inventory_formeridentity AS former JOIN inventory_identity AS present ON present.id = former.identity_id
        JOIN inventory_snapshot AS changed ON changed.id = former.until_id
        WHERE (former.title <> '' AND former.title <> present.title)
           OR (former.department <> '' AND former.department <> present.department)
           OR (former.manager_key <> '' AND former.manager_key <> present.manager_key)
        GROUP BY former.identity_id
    ) AS job ON job.identity_id = identity.id
"""
#: Since which snapshot access that reviewers removed was gone.
REMOVED = """
    LEFT JOIN (
        SELECT earlier.account_id, earlier.entitlement_id, earlier.path, min(earlier.closed_in_id) AS closed_in_id
        FROM campaigns_reviewitem AS item JOIN inventory_grant AS earlier ON earlier.id = item.grant_id
        WHERE item.outcome = 'revoked' AND earlier.closed_in_id IS NOT NULL
        GROUP BY earlier.account_id, earlier.entitlement_id, earlier.path
    ) AS removed ON removed.account_id = granted.account_id AND removed.entitlement_id = granted.entitlement_id
        AND removed.path = granted.path
"""
#: What a review kept until a day that has not passed, unless it ended and began again since.
KEPT = """
    LEFT JOIN (
        SELECT DISTINCT was.account_id, was.entitlement_id, was.path, was.first_seen_id
        FROM campaigns_reviewitem AS item JOIN inventory_grant AS was ON was.id = item.grant_id
        WHERE item.until >= %(today)s AND item.outcome = 'approved'
    ) AS kept ON kept.account_id = granted.account_id AND kept.entitlement_id = granted.entitlement_id
        AND kept.path = granted.path AND kept.first_seen_id = granted.first_seen_id
"""
JOINS = (JOB, REMOVED, KEPT, unresolved("in_conflict", "today"))

CONDITIONS = {
    Signal.LEFT: "identity.status = 'inactive' OR identity.gone_in_id IS NOT NULL OR identity.end_on < %(today)s",
    Signal.CONFLICT: "in_conflict.grant_id IS NOT NULL",
    Signal.EXPIRED: "granted.expires_at < %(now)s",
    Signal.RETURNED: "removed.closed_in_id <= granted.first_seen_id",
    Signal.PRIVILEGED: "entitlement.privileged = 'yes'",
    Signal.EXTERNAL: "identity.kind IN ('contractor', 'supplier')",
    Signal.ORPHAN: f"identity.id IS NULL OR ({NON_HUMAN} AND identity.owner_id IS NULL)",
    Signal.NON_HUMAN: NON_HUMAN,
    Signal.STATIC: f"({STATIC}) AND {CREDENTIAL_AT} < %(rotated_before)s",
    Signal.UNUSED: "granted.last_used_at < %(unused_before)s",
    Signal.NEW: "reviewed.snapshot_id IS NOT NULL AND granted.first_seen_id > reviewed.snapshot_id",
    Signal.MOVED: "LEAST(granted.granted_at, first_seen.loaded_at) < job.since",
    Signal.UNKNOWN_USE: "granted.last_used_at IS NULL",
    Signal.EXCEPTED: "kept.account_id IS NOT NULL",
}
RISKY = [signal for signal in Signal if signal not in CALM_SIGNALS]
#: The rank of an item without a risky signal.
CALM_RANK = len(RISKY)

#: The signals of a row, in their order, and its rank: the place of its first risky signal.
ARRAY = (
    "array_remove(ARRAY["
    + ", ".join(f"CASE WHEN {CONDITIONS[signal]} THEN '{signal.value}' END" for signal in Signal)
    + "]::text[], NULL)"
)
RANK = f"CASE {' '.join(f'WHEN {CONDITIONS[one]} THEN {place}' for place, one in enumerate(RISKY))} ELSE {CALM_RANK} END"


def values(now: datetime) -> dict:
    """What the conditions are filled with."""
    return {
        "now": now,
        "today": now.date(),
        "unused_before": now - timedelta(days=UNUSED_DAYS),
        "rotated_before": now - timedelta(days=settings.CERTIFY_CREDENTIAL_DAYS),
    }
