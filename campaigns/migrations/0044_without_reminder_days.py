"""The days of reminders stand in the ladder now."""

from django.db import migrations


class Migration(migrations.Migration):
    dependencies = [("campaigns", "0043_ladder_of_reminders")]

    operations = [migrations.RemoveField(model_name="campaigndefinition", name="reminder_days")]
