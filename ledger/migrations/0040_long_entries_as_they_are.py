"""Long entries are stored as they are: to compress one costs an act on many rows more than all else that its entries cost."""

from django.db import migrations

STORE = "ALTER TABLE ledger_entry ALTER COLUMN payload SET STORAGE {storage}, ALTER COLUMN payload_json SET STORAGE {storage}"


class Migration(migrations.Migration):
    dependencies = [("ledger", "0031_persons_kept")]

    operations = [migrations.RunSQL(STORE.format(storage="EXTERNAL"), STORE.format(storage="EXTENDED"))]
