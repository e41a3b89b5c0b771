"""What was reported and what was announced is append-only; what somebody objected never changes, and an answer is final."""

from django.db import migrations

SAME = """
    CREATE FUNCTION remediation_objection_same() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
        IF OLD.state <> 'open' OR (OLD.task_id, OLD.person_id, OLD.person_name, OLD.reason, OLD.at, OLD.answer_by, OLD.entry_uid)
           IS DISTINCT FROM (NEW.task_id, NEW.person_id, NEW.person_name, NEW.reason, NEW.at, NEW.answer_by, NEW.entry_uid) THEN
            RAISE EXCEPTION 'refused: what somebody objected does not change, and an answer is final';
        END IF;
        RETURN NEW;
    END $$;
    CREATE TRIGGER remediation_objection_same BEFORE UPDATE ON remediation_objection FOR EACH ROW
        EXECUTE FUNCTION remediation_objection_same();
"""
UNDO = "DROP TRIGGER remediation_objection_same ON remediation_objection; DROP FUNCTION remediation_objection_same();"


def trigger(table, events, function):
    return migrations.RunSQL(
        f"CREATE TRIGGER {table}_kept BEFORE {events} ON {table} FOR EACH ROW EXECUTE FUNCTION {function}()",
        f"DROP TRIGGER {table}_kept ON {table}",
    )


class Migration(migrations.Migration):
    dependencies = [("remediation", "0021_results_and_objections"), ("ledger", "0002_append_only")]

    operations = [
        trigger("remediation_applyresult", "UPDATE OR DELETE", "certify_refuse_change"),
        trigger("remediation_announcement", "UPDATE OR DELETE", "certify_refuse_change"),
        trigger("remediation_objection", "DELETE", "certify_refuse_delete"),
        migrations.RunSQL(SAME, UNDO),
    ]
