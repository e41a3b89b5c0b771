"""Definitions go on reminding as they did. Terms that campaigns have frozen stay as they are and are read as the same."""

from django.db import migrations


def forwards(apps, schema_editor):
    for definition in apps.get_model("campaigns", "CampaignDefinition").objects.only("reminder_days").iterator(chunk_size=500):
        definition.ladder = {
            "at_start": True,
            "weekly": False,
            "days_before": sorted({day for day in definition.reminder_days if day}, reverse=True),
            "on_the_day": True,
            "daily_after": False,
        }
        definition.save(update_fields=["ladder"])


def backwards(apps, schema_editor):
    for definition in apps.get_model("campaigns", "CampaignDefinition").objects.only("ladder").iterator(chunk_size=500):
        definition.reminder_days = definition.ladder.get("days_before", [3, 1])
        definition.save(update_fields=["reminder_days"])


class Migration(migrations.Migration):
    dependencies = [("campaigns", "0042_ladder")]

    operations = [migrations.RunPython(forwards, backwards)]
