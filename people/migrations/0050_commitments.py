"""What the ledger holds in place of a person's name, and when somebody was erased."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("people", "0041_api_tokens_kept")]

    operations = [
        migrations.AddField(
            model_name="user",
            name="commitment",
            field=models.CharField(
                db_default="", editable=False, help_text="What entries hold in place of the name.", max_length=64
            ),
        ),
        migrations.AddField(model_name="user", name="erased_at", field=models.DateTimeField(editable=False, null=True)),
    ]
