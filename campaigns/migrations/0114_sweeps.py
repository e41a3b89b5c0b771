from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("campaigns", "0113_exception_rights_kept")]

    operations = [
        migrations.CreateModel(
            name="Sweep",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("name", models.CharField(max_length=40, unique=True)),
                ("ran_at", models.DateTimeField()),
            ],
        ),
    ]
