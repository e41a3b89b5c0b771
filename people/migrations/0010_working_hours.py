"""When people work, so that mail leaves them in peace; mails that turn out not to be needed."""

import datetime

import django.contrib.postgres.fields
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("people", "0002_triggers")]

    operations = [
        migrations.AddField(
            model_name="user",
            name="time_zone",
            field=models.CharField(
                blank=True, db_default="", default="", help_text="IANA name; empty: the usual one.", max_length=64
            ),
        ),
        migrations.AddField(
            model_name="user",
            name="works_from",
            field=models.TimeField(db_default=datetime.time(8, 0), default=datetime.time(8, 0)),
        ),
        migrations.AddField(
            model_name="user",
            name="works_to",
            field=models.TimeField(db_default=datetime.time(18, 0), default=datetime.time(18, 0)),
        ),
        migrations.AddField(
            model_name="user",
            name="working_days",
            field=django.contrib.postgres.fields.ArrayField(
                base_field=models.PositiveSmallIntegerField(), db_default=[1, 2, 3, 4, 5], help_text="1 is Monday.", size=None
            ),
        ),
        migrations.AddConstraint(
            model_name="user",
            constraint=models.CheckConstraint(
                condition=models.Q(("works_to__gt", models.F("works_from"))), name="user_works_some_time"
            ),
        ),
        migrations.AddConstraint(
            model_name="user",
            constraint=models.CheckConstraint(
                condition=models.Q(("working_days__contained_by", [1, 2, 3, 4, 5, 6, 7]), ("working_days__len__gte", 1)),
                name="user_works_some_day",
            ),
        ),
        migrations.AlterField(
            model_name="mail",
            name="state",
            field=models.CharField(
                choices=[("queued", "Queued"), ("sent", "Sent"), ("failed", "Failed"), ("skipped", "Not needed")],
                default="queued",
                max_length=10,
            ),
        ),
    ]
