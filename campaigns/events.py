"""What happened to people's access since a definition last looked, found set-based in what loads left behind.

Each query yields rows (subject, its key, occasion, words, ids of open grants) of one kind of event, over the sources of one
definition. Entries of the ledger repeat them, so they name nobody: people and accounts are told by their keys. `since` and `until` are
ids of snapshots, `from` and `today` days; the first snapshot of a system is no event.
"""

from dataclasses import dataclass
from datetime import date

from django.db import connection

from campaigns.states import EventKind

#: At most so many grants are asked about in one small review; more say that a proper review is due.
MAX_GRANTS = 2_000

#: The open grants of identities, as an array.
HELD = """
    CROSS JOIN LATERAL (
        SELECT array_agg(granted.id ORDER BY granted.id) AS grants FROM inventory_account AS account
        JOIN inventory_grant AS granted ON granted.account_id = account.id AND granted.closed_in_id IS NULL
        WHERE account.identity_id = identity.id AND account.source_id = ANY(%(sources)s)
    ) AS held
"""

CHANGED = """
    SELECT DISTINCT ON (identity.id) 'person:' || identity.key, identity.key,
           'snapshot ' || former.until_id, {words}, held.grants
    FROM inventory_formeridentity AS former JOIN inventory_identity AS identity ON identity.id = former.identity_id
    """ + HELD + """
    WHERE former.until_id > %(since)s AND former.until_id <= %(until)s AND held.grants IS NOT NULL AND ({condition})
    ORDER BY identity.id, former.until_id
"""  # fmt: skip

#: Open grants that snapshots after the first of their system were the first to show, with whose they are.
OPENED = """
    FROM inventory_grant AS granted
    JOIN inventory_snapshot AS snapshot ON snapshot.id = granted.first_seen_id AND snapshot.number > 1
    JOIN inventory_account AS account ON account.id = granted.account_id
    JOIN inventory_source AS source ON source.id = granted.source_id
    JOIN inventory_entitlement AS entitlement ON entitlement.id = granted.entitlement_id
    LEFT JOIN inventory_identity AS identity ON identity.id = account.identity_id
    WHERE granted.source_id = ANY(%(sources)s) AND granted.closed_in_id IS NULL
      AND granted.opened_in_id > %(since)s AND granted.first_seen_id > %(since)s AND granted.first_seen_id <= %(until)s
"""
WHOSE = """
    CASE WHEN identity.id IS NULL THEN 'account:' || source.key || '/' || account.key ELSE 'person:' || identity.key END AS subject,
    COALESCE(identity.key, account.key) AS subject_name
"""
GROUPED = """
    SELECT subject, subject_name, 'snapshot ' || max(first_seen_id), {prefix} || left(string_agg(DISTINCT right_name, ', '), 300),
           array_agg(grant_id ORDER BY grant_id)
    FROM (SELECT {whose}, granted.first_seen_id, granted.id AS grant_id,
                 COALESCE(NULLIF(entitlement.name, ''), entitlement.key) || ' in ' || source.name AS right_name
          {opened} AND {condition}) AS found
    GROUP BY subject, subject_name
"""

#: A removal that somebody decided, of a grant that is open again.
RETURNED = """
    EXISTS (
        SELECT 1 FROM inventory_grant AS earlier JOIN campaigns_reviewitem AS item ON item.grant_id = earlier.id
        WHERE earlier.account_id = granted.account_id AND earlier.entitlement_id = granted.entitlement_id AND earlier.path = granted.path
          AND earlier.closed_in_id <= granted.first_seen_id AND item.outcome = 'revoked')
"""
NEW_ACCOUNT = """
    account.identity_id IS NULL AND NOT EXISTS (
        SELECT 1 FROM inventory_grant AS earlier WHERE earlier.account_id = granted.account_id
          AND earlier.first_seen_id < granted.first_seen_id)
"""

ENDED = """
    SELECT 'person:' || identity.key, identity.key, 'end ' || identity.end_on,
           'The end date of ' || identity.key || ' was ' || identity.end_on || '.', held.grants
    FROM inventory_identity AS identity """ + HELD + """
    WHERE identity.end_on >= %(from)s AND identity.end_on < %(today)s AND held.grants IS NOT NULL
"""  # fmt: skip

#: What this definition kept until a day, is still open (in the version that is open now), and was not kept for longer since.
KEPT = """
    SELECT subject, subject_name, 'until ' || until, 'Was kept until ' || until || ': ' || left(string_agg(DISTINCT right_name, ', '), 300),
           array_agg(DISTINCT grant_id)
    FROM (
        SELECT {whose}, item.until, granted.id AS grant_id,
               COALESCE(NULLIF(entitlement.name, ''), entitlement.key) || ' in ' || source.name AS right_name
        FROM campaigns_reviewitem AS item
        JOIN campaigns_campaign AS campaign ON campaign.id = item.campaign_id AND campaign.definition_id = %(definition)s
        JOIN inventory_grant AS kept ON kept.id = item.grant_id
        JOIN inventory_grant AS granted ON granted.account_id = kept.account_id AND granted.entitlement_id = kept.entitlement_id
             AND granted.path = kept.path AND granted.closed_in_id IS NULL
        JOIN inventory_account AS account ON account.id = granted.account_id
        JOIN inventory_source AS source ON source.id = granted.source_id
        JOIN inventory_entitlement AS entitlement ON entitlement.id = granted.entitlement_id
        LEFT JOIN inventory_identity AS identity ON identity.id = account.identity_id
        WHERE item.until < %(today)s AND item.outcome = 'approved' AND NOT EXISTS (
            SELECT 1 FROM inventory_grant AS version JOIN campaigns_reviewitem AS later ON later.grant_id = version.id
            WHERE version.account_id = kept.account_id AND version.entitlement_id = kept.entitlement_id AND version.path = kept.path
              AND later.outcome = 'approved' AND later.decided_at > item.decided_at AND (later.until IS NULL OR later.until > item.until))
    ) AS found GROUP BY subject, subject_name, until
"""

QUERIES = {
    EventKind.MANAGER: CHANGED.format(
        condition="former.manager_key <> identity.manager_key AND NOT former.is_gone",
        words="'Manager changed from ' || COALESCE(NULLIF(former.manager_key, ''), 'nobody') || ' to ' ||"
        " COALESCE(NULLIF(identity.manager_key, ''), 'nobody') || '.'",
    ),
    EventKind.DEPARTMENT: CHANGED.format(
        condition="former.department <> identity.department AND NOT former.is_gone",
        words="'Department changed from ' || COALESCE(NULLIF(former.department, ''), 'none') || ' to ' ||"
        " COALESCE(NULLIF(identity.department, ''), 'none') || '.'",
    ),
    EventKind.LEAVER: CHANGED.format(
        condition="NOT former.is_gone AND former.status <> 'inactive'"
        " AND (identity.status = 'inactive' OR identity.gone_in_id IS NOT NULL)",
        words="identity.key || ' has left and still has access.'",
    ),
    EventKind.PRIVILEGED: GROUPED.format(
        prefix="'New privileged access: '",
        whose=WHOSE,
        opened=OPENED,
        condition="entitlement.privileged = 'yes'",
    ),
    EventKind.ORPHAN: GROUPED.format(
        prefix="'Account without a known person: '", whose=WHOSE, opened=OPENED, condition=NEW_ACCOUNT
    ),
    EventKind.RETURNED: GROUPED.format(
        prefix="'Access is back after it was removed: '", whose=WHOSE, opened=OPENED, condition=RETURNED
    ),
    EventKind.ENDED: ENDED,
    EventKind.KEPT_UNTIL: KEPT.format(whose=WHOSE),
}
#: Kinds that come with a load; the others come with a day.
OF_LOADS = (
    EventKind.MANAGER, EventKind.DEPARTMENT, EventKind.LEAVER, EventKind.PRIVILEGED, EventKind.ORPHAN, EventKind.RETURNED,
)  # fmt: skip

#: What a definition may watch for. What it kept until a day is asked about again whether it watches or not.
WATCHED = tuple(kind for kind in EventKind if kind != EventKind.KEPT_UNTIL)

#: The versions that are open now of grants, by id.
OPEN_NOW = """
    SELECT now_open.id FROM inventory_grant AS known JOIN inventory_grant AS now_open
      ON now_open.account_id = known.account_id AND now_open.entitlement_id = known.entitlement_id AND now_open.path = known.path
     AND now_open.closed_in_id IS NULL
    WHERE known.id = ANY(%(grants)s) ORDER BY now_open.id
"""


@dataclass(frozen=True)
class Found:
    """One event that a query found."""

    kind: str
    subject: str
    subject_name: str
    occasion: str
    words: str
    grants: list[int]


@dataclass(frozen=True)
class Window:
    """What of a definition has not been looked at: snapshots after `since` up to `until`, days from `first` to before `today`."""

    definition: int
    since: int
    until: int
    first: date
    today: date


def find(kinds: list[str], sources: list[int], window: Window) -> list[Found]:
    """The events of these kinds in the window."""
    values = {
        "definition": window.definition,
        "sources": sources,
        "since": window.since,
        "until": window.until,
        "from": window.first,
        "today": window.today,
    }
    found = []
    with connection.cursor() as cursor:
        for kind in (kind for kind in EventKind if kind in kinds):
            if kind in OF_LOADS and window.since == window.until:
                continue
            cursor.execute(QUERIES[kind], values)
            found += [Found(kind, *row[:4], list(row[4])) for row in cursor.fetchall()]
    return found


def open_now(grants: list[int]) -> list[int]:
    """Of these grants the versions that are open now."""
    with connection.cursor() as cursor:
        cursor.execute(OPEN_NOW, {"grants": grants})
        return [row[0] for row in cursor.fetchall()]
