from django.db import migrations, models
from django.db.models import Q


class Migration(migrations.Migration):
    dependencies = [("inventory", "0012_descriptions_kept")]

    operations = [
        migrations.AddIndex(
            model_name="grant",
            index=models.Index(fields=["account", "entitlement"], condition=Q(closed_in__isnull=False), name="grant_versions"),
        ),
    ]
