from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("campaigns", "0114_sweeps")]

    operations = [
        migrations.AddField(
            model_name="finding",
            name="round",
            field=models.PositiveSmallIntegerField(
                default=1, help_text="1, and one more each time the reviewer was asked again before it was found."
            ),
        ),
        migrations.RemoveConstraint(model_name="finding", name="finding_once"),
        migrations.AddConstraint(
            model_name="finding",
            constraint=models.UniqueConstraint(fields=("campaign", "reviewer", "measure", "round"), name="finding_once"),
        ),
    ]
