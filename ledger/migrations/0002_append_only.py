"""The database refuses to change the log: trigger functions for every floor, and the ledger's own triggers."""

from django.db import migrations

FUNCTIONS = """
CREATE FUNCTION certify_refuse_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION '% is append-only: % refused', TG_TABLE_NAME, TG_OP USING ERRCODE = 'insufficient_privilege';
END $$;

CREATE FUNCTION certify_refuse_delete() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION '% keeps its rows for ever: DELETE refused', TG_TABLE_NAME USING ERRCODE = 'insufficient_privilege';
END $$;

CREATE FUNCTION ledger_queue_entries() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO ledger_pending (entry_id) SELECT id FROM added;
    RETURN NULL;
END $$;
"""

DROP_FUNCTIONS = """
DROP FUNCTION ledger_queue_entries();
DROP FUNCTION certify_refuse_delete();
DROP FUNCTION certify_refuse_change();
"""

APPEND_ONLY = ("ledger_entry", "ledger_leaf", "ledger_node", "ledger_checkpoint", "ledger_absorbedchange")

CHECKS = """
ALTER TABLE ledger_entry
    ADD CONSTRAINT entry_leaf_hash_fits CHECK (leaf_hash = sha256('\\x00'::bytea || convert_to(payload, 'UTF8'))),
    ADD CONSTRAINT entry_payload_size CHECK (octet_length(payload) <= 65535);
CREATE TRIGGER ledger_entry_queue AFTER INSERT ON ledger_entry
    REFERENCING NEW TABLE AS added FOR EACH STATEMENT EXECUTE FUNCTION ledger_queue_entries();
"""

DROP_CHECKS = """
DROP TRIGGER ledger_entry_queue ON ledger_entry;
ALTER TABLE ledger_entry DROP CONSTRAINT entry_leaf_hash_fits, DROP CONSTRAINT entry_payload_size;
"""


def append_only(table):
    return migrations.RunSQL(
        f"CREATE TRIGGER {table}_append_only BEFORE UPDATE OR DELETE ON {table}"
        " FOR EACH ROW EXECUTE FUNCTION certify_refuse_change()",
        f"DROP TRIGGER {table}_append_only ON {table}",
    )


class Migration(migrations.Migration):
    dependencies = [("ledger", "0001_initial")]

    operations = [
        migrations.RunSQL(FUNCTIONS, DROP_FUNCTIONS),
        migrations.RunSQL(CHECKS, DROP_CHECKS),
        *[append_only(table) for table in APPEND_ONLY],
    ]
