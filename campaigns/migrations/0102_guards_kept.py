"""What the database refuses: changing who was in a hurry, what was held, and what the second person said."""

from django.db import migrations

APPEND_ONLY = ("campaigns_pacenotice", "campaigns_removalhold", "campaigns_heldremoval", "campaigns_holdverdict")


def kept(table):
    return migrations.RunSQL(
        f"CREATE TRIGGER {table}_kept BEFORE UPDATE OR DELETE ON {table} FOR EACH ROW EXECUTE FUNCTION certify_refuse_change()",
        f"DROP TRIGGER {table}_kept ON {table}",
    )


class Migration(migrations.Migration):
    dependencies = [("campaigns", "0101_guards"), ("ledger", "0002_append_only")]

    operations = [kept(table) for table in APPEND_ONLY]
