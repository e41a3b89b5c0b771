"""What rows said before stays as it was written."""

from django.db import migrations

APPEND_ONLY = ("inventory_formeridentity", "inventory_formeraccount", "inventory_formerentitlement")


def kept(table):
    return migrations.RunSQL(
        f"CREATE TRIGGER {table}_kept BEFORE UPDATE OR DELETE ON {table} FOR EACH ROW EXECUTE FUNCTION certify_refuse_change()",
        f"DROP TRIGGER {table}_kept ON {table}",
    )


class Migration(migrations.Migration):
    dependencies = [("inventory", "0003_former_rows"), ("ledger", "0002_append_only")]

    operations = [kept(table) for table in APPEND_ONLY]
