"""What the database refuses: changing or taking away what was drawn, concluded, signed, asked and answered."""

from django.db import migrations

APPEND_ONLY = (
    "evidence_sample",
    "evidence_populationrow",
    "evidence_samplerow",
    "evidence_rowconclusion",
    "evidence_samplesignoff",
    "evidence_auditrequest",
    "evidence_requestpost",
)


def kept(table):
    return migrations.RunSQL(
        f"CREATE TRIGGER {table}_kept BEFORE UPDATE OR DELETE ON {table} FOR EACH ROW EXECUTE FUNCTION certify_refuse_change()",
        f"DROP TRIGGER {table}_kept ON {table}",
    )


class Migration(migrations.Migration):
    dependencies = [("evidence", "0030_audit_desk"), ("ledger", "0002_append_only")]

    operations = [*[kept(table) for table in APPEND_ONLY]]
