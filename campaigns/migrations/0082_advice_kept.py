"""What the database refuses: changing what was recommended."""

from django.db import migrations

TABLE = "campaigns_itemadvice"


class Migration(migrations.Migration):
    dependencies = [("campaigns", "0081_advice"), ("ledger", "0002_append_only")]

    operations = [
        migrations.RunSQL(
            f"CREATE TRIGGER {TABLE}_kept BEFORE UPDATE OR DELETE ON {TABLE} FOR EACH ROW EXECUTE FUNCTION certify_refuse_change()",
            f"DROP TRIGGER {TABLE}_kept ON {TABLE}",
        ),
    ]
