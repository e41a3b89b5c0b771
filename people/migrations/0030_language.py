"""The language of somebody's pages and mails."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("people", "0010_working_hours")]

    operations = [
        migrations.AddField(
            model_name="user",
            name="language",
            field=models.CharField(
                blank=True, db_default="", default="", help_text="Code; empty: the browser's or the usual one.", max_length=10
            ),
        ),
    ]
