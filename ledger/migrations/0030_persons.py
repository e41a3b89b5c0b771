"""Where the names of people are kept since entries hold only commitments to them."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("ledger", "0022_publications")]

    operations = [
        migrations.AlterField(model_name="entry", name="actor_name", field=models.CharField(blank=True, max_length=200)),
        migrations.CreateModel(
            name="Erasure",
            fields=[
                ("person", models.CharField(max_length=80, primary_key=True, serialize=False)),
                ("at", models.DateTimeField()),
                ("entry_uid", models.UUIDField(unique=True)),
            ],
        ),
        migrations.CreateModel(
            name="PersonRecord",
            fields=[
                ("commitment", models.CharField(max_length=64, primary_key=True, serialize=False)),
                ("person", models.CharField(db_index=True, max_length=80)),
                ("particulars", models.TextField(blank=True, help_text="Canonical JSON: email, id, name, username.")),
                ("salt", models.BinaryField(max_length=32, null=True)),
            ],
            options={
                "constraints": [
                    models.CheckConstraint(
                        condition=models.Q(
                            models.Q(("particulars", ""), ("salt__isnull", True)),
                            models.Q(("salt__isnull", False), models.Q(("particulars", ""), _negated=True)),
                            _connector="OR",
                        ),
                        name="person_record_whole_or_erased",
                    )
                ],
            },
        ),
    ]
