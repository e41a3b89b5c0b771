"""What the database refuses: changing or deleting who approved removals for silence, what they were about, and who confirmed them."""

from django.db import migrations

APPEND_ONLY = ("campaigns_silenceapproval", "campaigns_silenceremoval", "campaigns_silenceverdict")


def kept(table):
    return migrations.RunSQL(
        f"CREATE TRIGGER {table}_kept BEFORE UPDATE OR DELETE ON {table} FOR EACH ROW EXECUTE FUNCTION certify_refuse_change()",
        f"DROP TRIGGER {table}_kept ON {table}",
    )


class Migration(migrations.Migration):
    dependencies = [("campaigns", "0051_silence"), ("ledger", "0002_append_only")]

    operations = [kept(table) for table in APPEND_ONLY]
