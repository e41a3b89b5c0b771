"""That a removal was withdrawn is append-only."""

from django.db import migrations


class Migration(migrations.Migration):
    dependencies = [("remediation", "0050_early_removals"), ("ledger", "0002_append_only")]

    operations = [
        migrations.RunSQL(
            "CREATE TRIGGER remediation_withdrawal_kept BEFORE UPDATE OR DELETE ON remediation_withdrawal"
            " FOR EACH ROW EXECUTE FUNCTION certify_refuse_change()",
            "DROP TRIGGER remediation_withdrawal_kept ON remediation_withdrawal",
        ),
    ]
