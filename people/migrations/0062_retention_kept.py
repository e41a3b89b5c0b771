"""Holds, rules and runs are append-only; of what was deleted only that it is off the disk is written, once."""

from django.db import migrations

APPEND_ONLY = ("people_legalhold", "people_holdrelease", "people_retentionrule", "people_retentionrun")
SAME = """
    CREATE FUNCTION people_deletion_same() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
        IF (OLD.run_id, OLD.key, OLD.sha256, OLD.moment) IS DISTINCT FROM (NEW.run_id, NEW.key, NEW.sha256, NEW.moment)
           OR OLD.gone_at IS NOT NULL THEN
            RAISE EXCEPTION 'refused: what was deleted stays written down';
        END IF;
        RETURN NEW;
    END $$;
    CREATE TRIGGER people_deletion_same BEFORE UPDATE ON people_deletion FOR EACH ROW EXECUTE FUNCTION people_deletion_same();
    CREATE TRIGGER people_deletion_kept BEFORE DELETE ON people_deletion FOR EACH ROW EXECUTE FUNCTION certify_refuse_delete();
"""
UNDO = """
    DROP TRIGGER people_deletion_kept ON people_deletion;
    DROP TRIGGER people_deletion_same ON people_deletion;
    DROP FUNCTION people_deletion_same();
"""


def kept(table):
    """The trigger that refuses changes, but for the mark of somebody who was erased."""
    personal = "" if table == "people_retentionrun" else "'by_name=by_id'"
    return migrations.RunSQL(
        f"CREATE TRIGGER {table}_kept BEFORE UPDATE OR DELETE ON {table} FOR EACH ROW EXECUTE FUNCTION certify_refuse_change({personal})",
        f"DROP TRIGGER {table}_kept ON {table}",
    )


class Migration(migrations.Migration):
    dependencies = [("people", "0061_retention"), ("ledger", "0031_persons_kept")]

    operations = [*[kept(table) for table in APPEND_ONLY], migrations.RunSQL(SAME, UNDO)]
