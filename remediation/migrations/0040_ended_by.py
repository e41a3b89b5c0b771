"""Whose name stands with the end of an exception."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("remediation", "0022_results_and_objections_kept")]

    operations = [
        migrations.AddField(
            model_name="riskexception",
            name="ended_by_ref",
            field=models.CharField(blank=True, db_default="", default="", help_text="As in the ledger.", max_length=80),
        )
    ]
