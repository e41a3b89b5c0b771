"""What the database refuses: deleting rules and conflicts, changing exceptions, what became of them, and what was compared when."""

from django.db import migrations

APPEND_ONLY = ("campaigns_sodexception", "campaigns_sodexceptionstep", "campaigns_sodevaluation")
NEVER_DELETED = ("campaigns_sodrule", "campaigns_sodconflict")


def kept(table, events, function):
    return migrations.RunSQL(
        f"CREATE TRIGGER {table}_kept BEFORE {events} ON {table} FOR EACH ROW EXECUTE FUNCTION {function}()",
        f"DROP TRIGGER {table}_kept ON {table}",
    )


class Migration(migrations.Migration):
    dependencies = [("campaigns", "0070_sod"), ("ledger", "0002_append_only")]

    operations = [
        *[kept(table, "UPDATE OR DELETE", "certify_refuse_change") for table in APPEND_ONLY],
        *[kept(table, "DELETE", "certify_refuse_delete") for table in NEVER_DELETED],
    ]
