"""What the application's database role may do: derived from the triggers, so that no list can fall behind them."""

import logging

from django.db import connection, transaction
from psycopg2 import sql

from ledger import personal

#: Triggers on whole rows. One that freezes some columns of a table leaves its rows to be changed otherwise.
REFUSING = """
SELECT c.relname, bool_or(p.proname = 'certify_refuse_change')
FROM pg_trigger t JOIN pg_class c ON c.oid = t.tgrelid JOIN pg_proc p ON p.oid = t.tgfoid
WHERE p.proname IN ('certify_refuse_change', 'certify_refuse_delete') AND c.relnamespace = current_schema()::regnamespace
    AND cardinality(t.tgattr::int2[]) = 0
GROUP BY c.relname ORDER BY c.relname
"""
#: A role may make temporary tables, and names without a schema are looked for among those first: a trigger that asks whether a
#: campaign has ended would ask a table of the role's own. A function that is replaced loses its path, so each upgrade sets it again.
TRIGGERS = """
SELECT p.oid::regprocedure::text FROM pg_proc p
WHERE p.pronamespace = current_schema()::regnamespace AND p.prorettype = 'trigger'::regtype AND pg_has_role(p.proowner, 'MEMBER')
ORDER BY 1
"""
#: From this version on a role may be let ANALYZE a table that it does not own.
MAINTAIN_SINCE = 170000

logger = logging.getLogger(__name__)


BASE = (
    "REVOKE ALL ON ALL TABLES IN SCHEMA {schema} FROM PUBLIC, {role}",
    "REVOKE ALL ON ALL SEQUENCES IN SCHEMA {schema} FROM PUBLIC, {role}",
    "REVOKE CREATE ON SCHEMA {schema} FROM PUBLIC, {role}",
    "GRANT USAGE ON SCHEMA {schema} TO {role}",
    "GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA {schema} TO {role}",
    "GRANT USAGE, SELECT ON ALL SEQUENCES IN SCHEMA {schema} TO {role}",
)
MAINTAIN = "GRANT MAINTAIN ON ALL TABLES IN SCHEMA {schema} TO {role}"


@transaction.atomic
def grant(*, role: str, by) -> dict[str, list[str]]:
    """Give the role what the application needs and nothing else, on every table there is now. Run it as their owner.

    Append-only tables get SELECT and INSERT, and UPDATE of the columns that erasing may put a mark into (the trigger sees to it that
    nothing else gets in); tables that keep their rows lose DELETE; TRUNCATE, TRIGGER and ownership are given nowhere. Returns
    {"append_only": tables, "no_delete": tables}. Who asked (`by`) goes to the program's log.
    """
    names = {"role": sql.Identifier(role)}
    with connection.cursor() as cursor:
        cursor.execute("SELECT current_schema()")
        names["schema"] = sql.Identifier(cursor.fetchone()[0])
        for statement in BASE + (MAINTAIN,) * (connection.pg_version >= MAINTAIN_SINCE):
            cursor.execute(sql.SQL(statement).format(**names))
        cursor.execute(TRIGGERS)
        for (function,) in cursor.fetchall():
            path = sql.SQL("ALTER FUNCTION {function} SET search_path = {schema}, pg_temp")
            cursor.execute(path.format(function=sql.SQL(function), **names))
        personal_columns = _personal()
        cursor.execute(REFUSING)
        kept: dict[str, list[str]] = {"append_only": [], "no_delete": []}
        for table, append_only in cursor.fetchall():
            kept["append_only" if append_only else "no_delete"].append(table)
            lost = "UPDATE, DELETE" if append_only else "DELETE"
            cursor.execute(
                sql.SQL("REVOKE {lost} ON {schema}.{table} FROM {role}").format(
                    lost=sql.SQL(lost), table=sql.Identifier(table), **names
                )
            )
            if append_only and (columns := personal_columns.get(table)):
                cursor.execute(
                    sql.SQL("GRANT UPDATE ({columns}) ON {schema}.{table} TO {role}").format(
                        columns=sql.SQL(", ").join(map(sql.Identifier, columns)), table=sql.Identifier(table), **names
                    )
                )
    logger.info("%s gave the role %s its rights", by.actor_ref()["id"], role)
    return kept


def _personal() -> dict[str, list[str]]:
    """Table → the columns that a trigger lets erasing change."""
    found: dict[str, list[str]] = {}
    for column in personal.columns():
        found.setdefault(column.table, []).append(column.name)
    return found
