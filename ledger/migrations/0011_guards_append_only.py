"""Cosignatures and anchors are evidence: the database refuses to change them."""

from django.db import migrations


def append_only(table):
    return migrations.RunSQL(
        f"CREATE TRIGGER {table}_append_only BEFORE UPDATE OR DELETE ON {table}"
        " FOR EACH ROW EXECUTE FUNCTION certify_refuse_change()",
        f"DROP TRIGGER {table}_append_only ON {table}",
    )


class Migration(migrations.Migration):
    dependencies = [("ledger", "0010_cosignatures_and_anchors")]

    operations = [append_only("ledger_cosignature"), append_only("ledger_anchor")]
