"""Tickets are never deleted, and belong to their message for ever; for which kind a message was made does not change either."""

from django.db import migrations

SAME = """
    CREATE FUNCTION remediation_ticket_same() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
        IF (OLD.delivery_id, OLD.ident) IS DISTINCT FROM (NEW.delivery_id, NEW.ident) THEN
            RAISE EXCEPTION 'refused: a ticket belongs to its message';
        END IF;
        RETURN NEW;
    END $$;
    CREATE TRIGGER remediation_ticket_same BEFORE UPDATE ON remediation_ticket FOR EACH ROW
        EXECUTE FUNCTION remediation_ticket_same();
"""
UNDO = "DROP TRIGGER remediation_ticket_same ON remediation_ticket; DROP FUNCTION remediation_ticket_same();"
KIND = """
    CREATE FUNCTION remediation_kind_same() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
        IF OLD.kind IS DISTINCT FROM NEW.kind THEN
            RAISE EXCEPTION 'refused: for which kind a message was made does not change';
        END IF;
        RETURN NEW;
    END $$;
    CREATE TRIGGER remediation_delivery_kind BEFORE UPDATE ON remediation_delivery FOR EACH ROW
        EXECUTE FUNCTION remediation_kind_same();
"""
UNDO_KIND = "DROP TRIGGER remediation_delivery_kind ON remediation_delivery; DROP FUNCTION remediation_kind_same();"


class Migration(migrations.Migration):
    dependencies = [("remediation", "0016_connectors"), ("ledger", "0002_append_only")]

    operations = [
        migrations.RunSQL(
            "CREATE TRIGGER remediation_ticket_kept BEFORE DELETE ON remediation_ticket FOR EACH ROW"
            " EXECUTE FUNCTION certify_refuse_delete()",
            "DROP TRIGGER remediation_ticket_kept ON remediation_ticket",
        ),
        migrations.RunSQL(SAME, UNDO),
        migrations.RunSQL(KIND, UNDO_KIND),
    ]
