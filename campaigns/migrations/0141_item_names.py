"""What opens, and what is left of, the commitment to the names of an item's account and holder; events are called by keys."""

from django.db import migrations, models
from django.db.models import Q


class Migration(migrations.Migration):
    dependencies = [("campaigns", "0140_removals_begin")]

    operations = [
        migrations.AlterField(
            model_name="accessevent",
            name="subject_name",
            field=models.CharField(
                help_text="The key of the person or account; of events found long ago, their name.", max_length=300
            ),
        ),
        migrations.AddField(
            model_name="reviewitem",
            name="name_ref",
            field=models.CharField(
                blank=True, db_default="", help_text="Whose names these are: inventory.identity:12, or inventory.account:5.", max_length=40
            ),
        ),
        migrations.AddField(
            model_name="reviewitem",
            name="name_salt",
            field=models.BinaryField(help_text="Opens what the leaf commits to.", max_length=16, null=True),
        ),
        migrations.AddField(
            model_name="reviewitem",
            name="name_commitment",
            field=models.BinaryField(help_text="What is left of names and salt after erasing.", max_length=32, null=True),
        ),
        migrations.AddConstraint(
            model_name="reviewitem",
            constraint=models.CheckConstraint(
                condition=Q(name_ref="", name_salt__isnull=True, name_commitment__isnull=True)
                | (~Q(name_ref="") & (Q(name_salt__isnull=True) ^ Q(name_commitment__isnull=True))),
                name="item_names_open_or_erased",
            ),
        ),
    ]
