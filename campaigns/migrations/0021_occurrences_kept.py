"""What the database refuses: deleting a run that was expected, and moving it to another day."""

from django.db import migrations

TABLE = "campaigns_occurrence"


def trigger(name, definition):
    return migrations.RunSQL(f"CREATE TRIGGER {name} {definition}", f"DROP TRIGGER {name} ON {TABLE}")


class Migration(migrations.Migration):
    dependencies = [("campaigns", "0020_schedules"), ("ledger", "0002_append_only")]

    operations = [
        trigger(
            "campaigns_occurrence_kept", f"BEFORE DELETE ON {TABLE} FOR EACH ROW EXECUTE FUNCTION certify_refuse_delete()"
        ),
        trigger(
            "campaigns_occurrence_frozen",
            f"BEFORE UPDATE OF id, definition_id, due_on ON {TABLE} FOR EACH ROW EXECUTE FUNCTION certify_refuse_change()",
        ),
    ]
