"""What somebody wrote about a right stays as it was written."""

from django.db import migrations

TABLE = "inventory_entitlementdescription"


class Migration(migrations.Migration):
    dependencies = [("inventory", "0011_descriptions_and_credentials"), ("ledger", "0002_append_only")]

    operations = [
        migrations.RunSQL(
            f"CREATE TRIGGER {TABLE}_kept BEFORE UPDATE OR DELETE ON {TABLE} FOR EACH ROW EXECUTE FUNCTION certify_refuse_change()",
            f"DROP TRIGGER {TABLE}_kept ON {TABLE}",
        ),
    ]
