"""A definition says who is reminded when, and who hears of silence."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("campaigns", "0041_findings_kept")]

    operations = [
        migrations.AddField(
            model_name="campaigndefinition",
            name="ladder",
            field=models.JSONField(default=dict, help_text="Who is reminded when: see campaigns.ladder."),
        ),
    ]
