"""What rows said before a load changes them: the steps of a load that keep the past, each right before the step that changes it.

A former row held until the load of snapshot `until`; `inventory.models.GrantQuerySet.as_of` reads it. `source` and `snapshot`
are ids.
"""

from django.db import connection

ACCOUNT = ("name", "identity_key", "credential_kind", "credential_created_at", "credential_rotated_at")
ENTITLEMENT = ("name", "kind", "description", "privileged", "owner_key", "tags")
IDENTITY = (
    "name", "email", "kind", "status", "department", "title", "location", "manager_key", "owner_key", "supplier", "start_on", "end_on",
)  # fmt: skip
#: Column of an identity → column of its file, where they are called differently.
IDENTITY_FILE = {"manager_key": "manager_id", "owner_key": "owner_id", "start_on": "start_date", "end_on": "end_date"}


def _run(statement: str, **values: object) -> None:
    with connection.cursor() as cursor:
        cursor.execute(statement, values)


def _columns(alias: str, names: tuple[str, ...], other: dict[str, str] | None = None) -> str:
    return ", ".join(f"{alias}.{(other or {}).get(name, name)}" for name in names)


def accounts(source: int, snapshot: int) -> None:
    """Accounts whose name, holder or credential the staged grants change."""
    _run(
        f"INSERT INTO inventory_formeraccount (account_id, until_id, {', '.join(ACCOUNT)})"
        f" SELECT known.id, %(snapshot)s, {_columns('known', ACCOUNT)} FROM stage_accounts AS staged"
        " JOIN inventory_account AS known ON known.source_id = %(source)s AND known.key = staged.key"
        f" WHERE ({_columns('known', ACCOUNT)}) IS DISTINCT FROM ({_columns('staged', ACCOUNT)})",
        source=source,
        snapshot=snapshot,
    )


def entitlements(source: int, snapshot: int) -> None:
    """Entitlements that the staged file describes differently."""
    _run(
        f"INSERT INTO inventory_formerentitlement (entitlement_id, until_id, {', '.join(ENTITLEMENT)})"
        f" SELECT known.id, %(snapshot)s, {_columns('known', ENTITLEMENT)} FROM stage_entitlements AS staged"
        " JOIN inventory_entitlement AS known ON known.source_id = %(source)s AND known.key = staged.entitlement_id"
        f" WHERE ({_columns('known', ENTITLEMENT)})"
        f" IS DISTINCT FROM ({_columns('staged', ENTITLEMENT, {'owner_key': 'owner_id'})})",
        source=source,
        snapshot=snapshot,
    )


def identities(source: int, snapshot: int, *, is_full: bool) -> None:
    """Identities that the staged file changes or brings back and, in a FULL file, those it no longer has."""
    kept = f"{', '.join(IDENTITY)}, is_gone"
    said = f"{_columns('known', IDENTITY)}, known.gone_in_id IS NOT NULL"
    _run(
        f"INSERT INTO inventory_formeridentity (identity_id, until_id, {kept}) SELECT known.id, %(snapshot)s, {said}"
        " FROM stage_identities AS staged JOIN inventory_identity AS known ON known.key = staged.identity_id"
        f" WHERE ({said}) IS DISTINCT FROM ({_columns('staged', IDENTITY, IDENTITY_FILE)}, FALSE)",
        source=source,
        snapshot=snapshot,
    )
    if is_full:
        _run(
            f"INSERT INTO inventory_formeridentity (identity_id, until_id, {kept}) SELECT known.id, %(snapshot)s, {said}"
            " FROM inventory_identity AS known WHERE known.source_id = %(source)s AND known.gone_in_id IS NULL"
            " AND NOT EXISTS (SELECT FROM stage_identities AS staged WHERE staged.identity_id = known.key)",
            source=source,
            snapshot=snapshot,
        )
