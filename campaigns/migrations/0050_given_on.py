"""Where an assignment came from: the row that it took the place of. Rows given on before this have none."""

import django.db.models.deletion
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("campaigns", "0044_without_reminder_days")]

    operations = [
        migrations.AddField(
            model_name="assignment",
            name="previous",
            field=models.ForeignKey(
                db_constraint=False,
                db_index=False,
                help_text="The row that this one took the place of.",
                null=True,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="+",
                to="campaigns.assignment",
            ),
        ),
    ]
