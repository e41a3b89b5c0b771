"""What the database refuses: changing what was stated about controls, or taking it away."""

from django.db import migrations

APPEND_ONLY = ("evidence_statement",)


def kept(table):
    return migrations.RunSQL(
        f"CREATE TRIGGER {table}_kept BEFORE UPDATE OR DELETE ON {table} FOR EACH ROW EXECUTE FUNCTION certify_refuse_change()",
        f"DROP TRIGGER {table}_kept ON {table}",
    )


class Migration(migrations.Migration):
    dependencies = [("evidence", "0070_statements"), ("ledger", "0002_append_only")]

    operations = [*[kept(table) for table in APPEND_ONLY]]
