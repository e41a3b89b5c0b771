"""The name of whoever stated something may become the mark of somebody who was erased."""

from django.db import migrations

DROP = (
    "DROP TRIGGER evidence_statement_kept ON evidence_statement;"
    " CREATE TRIGGER evidence_statement_kept BEFORE UPDATE OR DELETE ON evidence_statement FOR EACH ROW"
)


class Migration(migrations.Migration):
    dependencies = [("evidence", "0080_leaver_days"), ("ledger", "0031_persons_kept")]

    operations = [
        migrations.RunSQL(
            f"{DROP} EXECUTE FUNCTION certify_refuse_change('by_name=by_id')",
            f"{DROP} EXECUTE FUNCTION certify_refuse_change()",
        ),
    ]
