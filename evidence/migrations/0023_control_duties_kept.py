"""What the database refuses: changing who answered for a control, or taking it away."""

from django.db import migrations

APPEND_ONLY = ("evidence_controlduty",)


def kept(table):
    return migrations.RunSQL(
        f"CREATE TRIGGER {table}_kept BEFORE UPDATE OR DELETE ON {table} FOR EACH ROW EXECUTE FUNCTION certify_refuse_change()",
        f"DROP TRIGGER {table}_kept ON {table}",
    )


class Migration(migrations.Migration):
    dependencies = [("evidence", "0022_control_duties"), ("ledger", "0002_append_only")]

    operations = [*[kept(table) for table in APPEND_ONLY]]
