import django.db.models.deletion
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("inventory", "0050_names_erased")]

    operations = [
        migrations.AddField(
            model_name="identity",
            name="linked_in",
            field=models.ForeignKey(
                db_constraint=False,
                help_text="The snapshot that tied it to its user; empty where that was not recorded yet.",
                null=True,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="+",
                to="inventory.snapshot",
            ),
        ),
    ]
