"""The name of whoever loaded a reading or described a right may become the mark of somebody who was erased."""

from django.db import migrations

PERSONAL = {
    "inventory_snapshot": ("loaded_by_name=loaded_by_id",),
    "inventory_entitlementdescription": ("by_name=by_id",),
}


def kept(table, personal):
    """The trigger that refuses changes, anew, with the columns that erasing may change."""
    drop = f"DROP TRIGGER {table}_kept ON {table}; CREATE TRIGGER {table}_kept BEFORE UPDATE OR DELETE ON {table} FOR EACH ROW"
    named = ", ".join(f"'{one}'" for one in personal)
    return migrations.RunSQL(
        f"{drop} EXECUTE FUNCTION certify_refuse_change({named})", f"{drop} EXECUTE FUNCTION certify_refuse_change()"
    )


class Migration(migrations.Migration):
    dependencies = [("inventory", "0013_grant_versions"), ("ledger", "0031_persons_kept")]

    operations = [kept(table, personal) for table, personal in PERSONAL.items()]
