"""The names of those who sealed, answered, drew and concluded may become the mark of somebody who was erased."""

from django.db import migrations

PERSONAL = {
    "evidence_seal": ("by_name=by_id",),
    "evidence_controlduty": ("holder_name=holder_id", "by_name=by_id"),
    "evidence_sample": ("drawn_by_name=drawn_by_id",),
    "evidence_rowconclusion": ("by_name=by_id",),
    "evidence_samplesignoff": ("by_name=by_id",),
    "evidence_requestpost": ("by_name=by_id",),
}


def kept(table, personal):
    """The trigger that refuses changes, anew, with the columns that erasing may change."""
    drop = f"DROP TRIGGER {table}_kept ON {table}; CREATE TRIGGER {table}_kept BEFORE UPDATE OR DELETE ON {table} FOR EACH ROW"
    named = ", ".join(f"'{one}'" for one in personal)
    return migrations.RunSQL(
        f"{drop} EXECUTE FUNCTION certify_refuse_change({named})", f"{drop} EXECUTE FUNCTION certify_refuse_change()"
    )


class Migration(migrations.Migration):
    dependencies = [("evidence", "0031_audit_desk_kept"), ("ledger", "0031_persons_kept")]

    operations = [kept(table, personal) for table, personal in PERSONAL.items()]
