"""What the database refuses: changing what was known of an item at its launch, and adding to it once the campaign has ended."""

from django.db import migrations

TABLE = "campaigns_itemcontext"


class Migration(migrations.Migration):
    dependencies = [("campaigns", "0116_item_contexts"), ("ledger", "0002_append_only")]

    operations = [
        migrations.RunSQL(
            f"CREATE TRIGGER {TABLE}_kept BEFORE UPDATE OR DELETE ON {TABLE} FOR EACH ROW EXECUTE FUNCTION certify_refuse_change()",
            f"DROP TRIGGER {TABLE}_kept ON {TABLE}",
        ),
        migrations.RunSQL(
            f"CREATE TRIGGER {TABLE}_insert_ends AFTER INSERT ON {TABLE} REFERENCING NEW TABLE AS changed"
            " FOR EACH STATEMENT EXECUTE FUNCTION campaigns_refuse_when_ended()",
            f"DROP TRIGGER {TABLE}_insert_ends ON {TABLE}",
        ),
    ]
