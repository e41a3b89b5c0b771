"""What is said of the column that holds who approved an exception."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("campaigns", "0130_names_erased")]

    operations = [
        migrations.AlterField(
            model_name="itemconflict",
            name="exception_by",
            field=models.CharField(blank=True, help_text="Who approved it: people.user:7; before that a name.", max_length=200),
        )
    ]
