from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("evidence", "0071_statements_kept")]

    operations = [
        migrations.AddField(
            model_name="auditperiod",
            name="leaver_days",
            field=models.PositiveSmallIntegerField(
                default=1, help_text="So many days after somebody's last day their access must be gone."
            ),
        ),
    ]
