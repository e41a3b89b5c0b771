"""Tries are append-only; sendings and messages are never deleted, and what a message says does not change."""

from django.db import migrations

SAME = """
    CREATE FUNCTION remediation_message_kept() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
        IF (OLD.sending_id, OLD.task_id, OLD.key, OLD.body) IS DISTINCT FROM (NEW.sending_id, NEW.task_id, NEW.key, NEW.body) THEN
            RAISE EXCEPTION 'refused: what a message says does not change';
        END IF;
        RETURN NEW;
    END $$;
    CREATE TRIGGER remediation_delivery_same BEFORE UPDATE ON remediation_delivery FOR EACH ROW
        EXECUTE FUNCTION remediation_message_kept();
"""
UNDO = "DROP TRIGGER remediation_delivery_same ON remediation_delivery; DROP FUNCTION remediation_message_kept();"


def trigger(table, events, function):
    return migrations.RunSQL(
        f"CREATE TRIGGER {table}_kept BEFORE {events} ON {table} FOR EACH ROW EXECUTE FUNCTION {function}()",
        f"DROP TRIGGER {table}_kept ON {table}",
    )


class Migration(migrations.Migration):
    dependencies = [("remediation", "0014_channels"), ("ledger", "0002_append_only")]

    operations = [
        trigger("remediation_deliverytry", "UPDATE OR DELETE", "certify_refuse_change"),
        trigger("remediation_delivery", "DELETE", "certify_refuse_delete"),
        trigger("remediation_sending", "DELETE", "certify_refuse_delete"),
        migrations.RunSQL(SAME, UNDO),
    ]
