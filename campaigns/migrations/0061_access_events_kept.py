"""What the database refuses: deleting an event that was found, and changing what was found."""

from django.db import migrations

TABLE = "campaigns_accessevent"
FROZEN = "id, definition_id, kind, subject, subject_name, occasion, words, found_at"


def trigger(name, definition):
    return migrations.RunSQL(f"CREATE TRIGGER {name} {definition}", f"DROP TRIGGER {name} ON {TABLE}")


class Migration(migrations.Migration):
    dependencies = [("campaigns", "0060_access_events"), ("ledger", "0002_append_only")]

    operations = [
        trigger(
            "campaigns_accessevent_kept", f"BEFORE DELETE ON {TABLE} FOR EACH ROW EXECUTE FUNCTION certify_refuse_delete()"
        ),
        trigger(
            "campaigns_accessevent_frozen",
            f"BEFORE UPDATE OF {FROZEN} ON {TABLE} FOR EACH ROW EXECUTE FUNCTION certify_refuse_change()",
        ),
    ]
