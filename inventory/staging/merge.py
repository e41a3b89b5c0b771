"""From the temporary tables into the inventory, set by set.

Each function is one step of a load and runs in its transaction, in the order of this file. `source` and `snapshot` are ids.
"""

from collections.abc import Iterator

from django.db import connection

from inventory.staging import former
from inventory.states import STATIC_CREDENTIALS, FileKind

KEYS = {
    FileKind.IDENTITIES: ("identity_id",),
    FileKind.ENTITLEMENTS: ("entitlement_id",),
    FileKind.GRANTS: ("account_id", "entitlement_id", "path"),
}


def _run(statement: str, **values) -> int:
    with connection.cursor() as cursor:
        cursor.execute(statement, values)
        return cursor.rowcount


def _one(statement: str, **values):
    with connection.cursor() as cursor:
        cursor.execute(statement, values)
        return cursor.fetchone()


def remove_duplicates(kind: str) -> Iterator[tuple[int, str]]:
    """Take rows out whose key stands on an earlier line; yields (line, reason)."""
    keys = KEYS[FileKind(kind)]
    same = " AND ".join(f"staged.{key} = first.{key}" for key in keys)
    names = ", ".join(keys)
    with connection.cursor() as cursor:
        cursor.execute(
            f"WITH first AS (SELECT {names}, min(line) AS line FROM stage_{kind} GROUP BY {names} HAVING count(*) > 1)"
            f" DELETE FROM stage_{kind} AS staged USING first WHERE {same} AND staged.line <> first.line"
            " RETURNING staged.line, first.line"
        )
        for line, first in cursor.fetchall():
            yield line, f"has the same {' and '.join(keys)} as line {first}"


def remove_contradictions() -> Iterator[tuple[int, str]]:
    """Take grants out that give an account another identity than its first row does; yields (line, reason)."""
    with connection.cursor() as cursor:
        cursor.execute(
            "WITH torn AS ("
            "  SELECT account_id FROM stage_grants GROUP BY account_id HAVING min(identity_id) <> max(identity_id)"
            "), first AS ("
            "  SELECT DISTINCT ON (account_id) account_id, identity_id, line FROM stage_grants JOIN torn USING (account_id)"
            "  ORDER BY account_id, line"
            ") DELETE FROM stage_grants AS staged USING first"
            " WHERE staged.account_id = first.account_id AND staged.identity_id <> first.identity_id"
            " RETURNING staged.line, first.line, first.identity_id"
        )
        for line, first, identity in cursor.fetchall():
            yield line, f"gives the account another identity than line {first}, which says “{identity}”"


def identities(source: int, snapshot: int, *, is_full: bool) -> None:
    """Insert and change identities; in a FULL snapshot mark those of this source that are missing as gone."""
    former.identities(source, snapshot, is_full=is_full)
    _run(
        "INSERT INTO inventory_identity AS known (key, name, email, kind, status, department, title, location, manager_key, owner_key,"
        " supplier, start_on, end_on, source_id, snapshot_id, first_in_id)"
        " SELECT identity_id, name, email, kind, status, department, title, location, manager_id, owner_id, supplier, start_date,"
        " end_date, %(source)s, %(snapshot)s, %(snapshot)s FROM stage_identities"
        " ON CONFLICT (key) DO UPDATE SET name = excluded.name, email = excluded.email, kind = excluded.kind,"
        " status = excluded.status, department = excluded.department, title = excluded.title, location = excluded.location,"
        " manager_key = excluded.manager_key, owner_key = excluded.owner_key, supplier = excluded.supplier,"
        " start_on = excluded.start_on, end_on = excluded.end_on, source_id = excluded.source_id,"
        " snapshot_id = excluded.snapshot_id, gone_in_id = NULL",
        source=source,
        snapshot=snapshot,
    )
    if is_full:
        _run(
            "UPDATE inventory_identity SET gone_in_id = %(snapshot)s"
            " WHERE source_id = %(source)s AND snapshot_id <> %(snapshot)s AND gone_in_id IS NULL",
            source=source,
            snapshot=snapshot,
        )
    # Joins of the next steps would otherwise walk the new rows in loops.
    _run("ANALYZE inventory_identity")
    for column in ("manager", "owner"):
        _run(
            f"UPDATE inventory_identity AS identity SET {column}_id = parent.id"
            f" FROM inventory_identity AS child LEFT JOIN inventory_identity AS parent ON parent.key = child.{column}_key"
            f" WHERE child.id = identity.id AND identity.{column}_id IS DISTINCT FROM parent.id"
        )
    _run(
        "UPDATE inventory_account AS account SET identity_id = identity.id FROM inventory_identity AS identity"
        " WHERE identity.key = account.identity_key AND account.identity_key <> '' AND account.identity_id IS NULL"
    )


def link_users(snapshot: int) -> None:
    """Tie a person to the Certify user with the same mail address, where exactly one of each has it."""
    _run(
        "UPDATE inventory_identity AS identity SET user_id = people_user.id, linked_in_id = %(snapshot)s FROM people_user"
        " WHERE identity.user_id IS NULL AND identity.email <> '' AND lower(people_user.email) = lower(identity.email)"
        " AND NOT EXISTS (SELECT 1 FROM inventory_identity AS taken WHERE taken.user_id = people_user.id)"
        " AND (SELECT count(*) FROM people_user AS u WHERE lower(u.email) = lower(identity.email)) = 1"
        " AND (SELECT count(*) FROM inventory_identity AS i WHERE lower(i.email) = lower(identity.email)) = 1",
        snapshot=snapshot,
    )


def entitlements(source: int, snapshot: int, *, is_full: bool) -> None:
    """Insert and change entitlements; in a FULL snapshot mark missing ones as gone."""
    former.entitlements(source, snapshot)
    _run(
        "INSERT INTO inventory_entitlement AS known (source_id, key, name, kind, description, privileged, owner_key, owner_id, tags,"
        " snapshot_id)"
        " SELECT %(source)s, staged.entitlement_id, staged.name, staged.kind, staged.description, staged.privileged,"
        " staged.owner_id, owner.id, staged.tags, %(snapshot)s"
        " FROM stage_entitlements AS staged LEFT JOIN inventory_identity AS owner ON owner.key = staged.owner_id"
        " ON CONFLICT (source_id, key) DO UPDATE SET name = excluded.name, kind = excluded.kind, description = excluded.description,"
        " privileged = excluded.privileged, owner_key = excluded.owner_key, owner_id = excluded.owner_id, tags = excluded.tags,"
        " snapshot_id = excluded.snapshot_id, gone_in_id = NULL",
        source=source,
        snapshot=snapshot,
    )
    if is_full:
        _run(
            "UPDATE inventory_entitlement SET gone_in_id = %(snapshot)s"
            " WHERE source_id = %(source)s AND snapshot_id <> %(snapshot)s AND gone_in_id IS NULL",
            source=source,
            snapshot=snapshot,
        )


def resolve_entitlement_owners() -> None:
    """Owners that a feed of people has brought since."""
    _run(
        "UPDATE inventory_entitlement AS entitlement SET owner_id = owner.id FROM inventory_identity AS owner"
        " WHERE owner.key = entitlement.owner_key AND entitlement.owner_key <> '' AND entitlement.owner_id IS NULL"
    )


def unknown_entitlements(source: int, snapshot: int) -> int:
    """Insert entitlements that grants name and no file describes: everything about them is unknown. Returns how many."""
    return _run(
        "INSERT INTO inventory_entitlement (source_id, key, name, kind, description, privileged, owner_key, tags, snapshot_id)"
        " SELECT %(source)s, wanted.key, '', 'unknown', '', 'unknown', '', '{}', %(snapshot)s"
        " FROM (SELECT DISTINCT entitlement_id AS key FROM stage_grants) AS wanted"
        " WHERE NOT EXISTS (SELECT 1 FROM inventory_entitlement AS known WHERE known.source_id = %(source)s AND known.key = wanted.key)",
        source=source,
        snapshot=snapshot,
    )


#: The accounts that the grants name. Where rows of one account tell of several credentials, the static one that is oldest counts.
STAGE_ACCOUNTS = f"""
    CREATE TEMP TABLE stage_accounts ON COMMIT DROP AS
    SELECT named.*, COALESCE(told.credential_kind, 'unknown') AS credential_kind, told.credential_created_at, told.credential_rotated_at
    FROM (
        SELECT account_id AS key, max(account_name) AS name, min(identity_id) AS identity_key FROM stage_grants GROUP BY account_id
    ) AS named
    LEFT JOIN (
        SELECT DISTINCT ON (account_id) account_id, credential_kind, credential_created_at, credential_rotated_at FROM stage_grants
        WHERE credential_kind <> 'unknown' OR credential_created_at IS NOT NULL OR credential_rotated_at IS NOT NULL
        ORDER BY account_id, credential_kind IN ({", ".join(f"'{kind}'" for kind in STATIC_CREDENTIALS)}) DESC,
                 GREATEST(credential_created_at, credential_rotated_at), line
    ) AS told ON told.account_id = named.key
"""
ACCOUNT_FACTS = (*former.ACCOUNT, "identity_id")


def accounts(source: int, snapshot: int) -> None:
    """Insert and change the accounts that the grants name."""
    _run("DROP TABLE IF EXISTS stage_accounts")
    _run(STAGE_ACCOUNTS)
    _run("ANALYZE stage_accounts")
    former.accounts(source, snapshot)
    _run(
        f"INSERT INTO inventory_account AS known (source_id, key, {', '.join(ACCOUNT_FACTS)})"
        f" SELECT %(source)s, staged.key, {', '.join(f'staged.{name}' for name in former.ACCOUNT)}, identity.id"
        " FROM stage_accounts AS staged"
        " LEFT JOIN inventory_identity AS identity ON identity.key = staged.identity_key AND staged.identity_key <> ''"
        f" ON CONFLICT (source_id, key) DO UPDATE SET {', '.join(f'{name} = excluded.{name}' for name in ACCOUNT_FACTS)}"
        f" WHERE ({', '.join(f'known.{name}' for name in ACCOUNT_FACTS)})"
        f" IS DISTINCT FROM ({', '.join(f'excluded.{name}' for name in ACCOUNT_FACTS)})",
        source=source,
    )


DIFFERENCE = """
    CREATE TEMP TABLE stage_difference ON COMMIT DROP AS
    SELECT open.id AS old_id, open.first_seen_id, staged.line, staged.account_id, staged.entitlement_id, staged.path,
           staged.granted_at, staged.granted_by, staged.last_used_at, staged.expires_at
    FROM (SELECT * FROM inventory_grant WHERE source_id = %(source)s AND closed_in_id IS NULL) AS open
    FULL JOIN (
        SELECT grants.line, account.id AS account_id, entitlement.id AS entitlement_id, grants.path, grants.granted_at,
               grants.granted_by, grants.last_used_at, grants.expires_at
        FROM stage_grants AS grants
        JOIN inventory_account AS account ON account.source_id = %(source)s AND account.key = grants.account_id
        JOIN inventory_entitlement AS entitlement
            ON entitlement.source_id = %(source)s AND entitlement.key = grants.entitlement_id
    ) AS staged
        ON staged.account_id = open.account_id AND staged.entitlement_id = open.entitlement_id AND staged.path = open.path
    WHERE open.id IS NULL OR staged.line IS NULL
       OR (open.granted_at, open.granted_by, open.last_used_at, open.expires_at)
          IS DISTINCT FROM (staged.granted_at, staged.granted_by, staged.last_used_at, staged.expires_at)
"""


def difference(source: int) -> dict[str, int]:
    """Compare the staged grants with the open ones; returns how many started, changed and are missing."""
    _run("DROP TABLE IF EXISTS stage_difference")
    # Accounts inserted a moment ago have no statistics yet, and the planner would walk them in loops: a first load of a
    # million grants took six minutes instead of half of one.
    _run("SET LOCAL enable_nestloop = off")
    _run(DIFFERENCE, source=source)
    _run("SET LOCAL enable_nestloop = on")
    started, changed, missing = _one(
        "SELECT count(*) FILTER (WHERE old_id IS NULL), count(*) FILTER (WHERE old_id IS NOT NULL AND line IS NOT NULL),"
        " count(*) FILTER (WHERE line IS NULL) FROM stage_difference"
    )
    return {"started": started, "changed": changed, "missing": missing}


def grants(source: int, snapshot: int, *, is_full: bool) -> None:
    """Close what changed and, in a FULL snapshot, what is missing; open what is new and the next version of what changed."""
    _run(
        "UPDATE inventory_grant AS old SET closed_in_id = %(snapshot)s FROM stage_difference AS found"
        " WHERE old.id = found.old_id AND (found.line IS NOT NULL OR %(is_full)s)",
        snapshot=snapshot,
        is_full=is_full,
    )
    _run(
        "INSERT INTO inventory_grant (source_id, account_id, entitlement_id, path, granted_at, granted_by, last_used_at, expires_at,"
        " first_seen_id, opened_in_id)"
        " SELECT %(source)s, account_id, entitlement_id, path, granted_at, granted_by, last_used_at, expires_at,"
        " COALESCE(first_seen_id, %(snapshot)s), %(snapshot)s FROM stage_difference WHERE line IS NOT NULL",
        source=source,
        snapshot=snapshot,
    )


def open_count(source: int) -> int:
    """Open grants of the source now."""
    return _one("SELECT count(*) FROM inventory_grant WHERE source_id = %(source)s AND closed_in_id IS NULL", source=source)[0]


def reserve_snapshot_id() -> int:
    """The id the snapshot will have: rows that refer to it are written before the row itself, which needs its final counts."""
    return _one("SELECT nextval(pg_get_serial_sequence('inventory_snapshot', 'id'))")[0]
