"""Which key signed what is evidence: the database refuses to change it."""

from django.db import migrations


class Migration(migrations.Migration):
    dependencies = [("ledger", "0020_key_terms")]

    operations = [
        migrations.RunSQL(
            "CREATE TRIGGER ledger_keyterm_append_only BEFORE UPDATE OR DELETE ON ledger_keyterm"
            " FOR EACH ROW EXECUTE FUNCTION certify_refuse_change()",
            "DROP TRIGGER ledger_keyterm_append_only ON ledger_keyterm",
        )
    ]
