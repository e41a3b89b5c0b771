from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("campaigns", "0110_against_advice")]

    operations = [
        migrations.AddField(
            model_name="campaigndefinition",
            name="last_holder_waits",
            field=models.BooleanField(
                default=True, help_text="Removals after which nobody holds a privileged right wait for a second person."
            ),
        ),
        migrations.AlterField(
            model_name="campaigndefinition",
            name="removal_limit",
            field=models.PositiveSmallIntegerField(
                help_text="Percent of a system above which removals wait for a second person; empty: no share waits.", null=True
            ),
        ),
        migrations.AlterField(
            model_name="removalhold",
            name="limit",
            field=models.PositiveSmallIntegerField(
                help_text="Percent of the system; of the campaign's terms, where they say it.", null=True
            ),
        ),
    ]
