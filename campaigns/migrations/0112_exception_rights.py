import django.db.models.deletion
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("campaigns", "0111_last_holder_waits"), ("inventory", "0010_tags")]

    operations = [
        migrations.CreateModel(
            name="SodExceptionRight",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("side", models.CharField(choices=[("a", "First side"), ("b", "Second side")], max_length=1)),
                ("words", models.TextField(help_text="System and right, as they were called then.")),
                (
                    "entitlement",
                    models.ForeignKey(
                        db_constraint=False,
                        db_index=False,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to="inventory.entitlement",
                    ),
                ),
                (
                    "exception",
                    models.ForeignKey(
                        db_index=False,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="rights",
                        to="campaigns.sodexception",
                    ),
                ),
            ],
            options={"ordering": ("exception_id", "side", "id")},
        ),
        migrations.AddConstraint(
            model_name="sodexceptionright",
            constraint=models.UniqueConstraint(
                fields=("exception", "side", "entitlement"), name="sod_exception_right_once"
            ),
        ),
    ]
