"""Exceptions are never deleted, and what was asked for does not change."""

from django.db import migrations

ASKED = "task_id, reason, control, expires_on, requested_by_id, requested_by_name, requested_at, entry_uid"
REFUSE = f"""
    CREATE FUNCTION remediation_exception_kept() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
        IF ({', '.join('OLD.' + name.strip() for name in ASKED.split(','))})
           IS DISTINCT FROM ({', '.join('NEW.' + name.strip() for name in ASKED.split(','))})
           OR OLD.state IN ('declined', 'ended') THEN
            RAISE EXCEPTION 'refused: what was asked for and what has ended does not change';
        END IF;
        RETURN NEW;
    END $$;
    CREATE TRIGGER remediation_riskexception_asked BEFORE UPDATE ON remediation_riskexception FOR EACH ROW
        EXECUTE FUNCTION remediation_exception_kept();
"""
UNDO = """
    DROP TRIGGER remediation_riskexception_asked ON remediation_riskexception;
    DROP FUNCTION remediation_exception_kept();
"""


class Migration(migrations.Migration):
    dependencies = [("remediation", "0012_exceptions"), ("ledger", "0002_append_only")]

    operations = [
        migrations.RunSQL(
            "CREATE TRIGGER remediation_riskexception_kept BEFORE DELETE ON remediation_riskexception FOR EACH ROW"
            " EXECUTE FUNCTION certify_refuse_delete()",
            "DROP TRIGGER remediation_riskexception_kept ON remediation_riskexception",
        ),
        migrations.RunSQL(REFUSE, UNDO),
    ]
