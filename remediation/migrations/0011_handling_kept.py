"""Returns are append-only. Removals opened before are held against every reading since the one that last showed them."""

from django.db import migrations

WATCH = """
    INSERT INTO remediation_watched (source_id, up_to)
    SELECT source_id, min(present_in_id) FROM remediation_remediationtask GROUP BY source_id
"""


class Migration(migrations.Migration):
    dependencies = [("remediation", "0010_handling"), ("ledger", "0002_append_only")]

    operations = [
        migrations.RunSQL(
            "CREATE TRIGGER remediation_return_kept BEFORE UPDATE OR DELETE ON remediation_return FOR EACH ROW"
            " EXECUTE FUNCTION certify_refuse_change()",
            "DROP TRIGGER remediation_return_kept ON remediation_return",
        ),
        migrations.RunSQL(WATCH, migrations.RunSQL.noop),
    ]
