"""Commitments for the people there are: what they do from now on is entered without their name."""

from django.db import migrations


class Migration(migrations.Migration):
    dependencies = [("people", "0051_commitments_made")]

    operations = [migrations.RunSQL("UPDATE people_user SET name = name WHERE commitment = ''", migrations.RunSQL.noop)]
