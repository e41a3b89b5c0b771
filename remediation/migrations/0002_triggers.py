"""What the database refuses, whoever asks: changing append-only rows, deleting rows that others refer to."""

from django.db import migrations

APPEND_ONLY = ("remediation_attempt", "remediation_verification",)
NEVER_DELETED = ("remediation_remediationtask",)


def trigger(table, events, function):
    return migrations.RunSQL(
        f"CREATE TRIGGER {table}_kept BEFORE {events} ON {table} FOR EACH ROW EXECUTE FUNCTION {function}()",
        f"DROP TRIGGER {table}_kept ON {table}",
    )


class Migration(migrations.Migration):
    dependencies = [("remediation", "0001_initial"), ("ledger", "0002_append_only")]

    operations = [
        *[trigger(table, "UPDATE OR DELETE", "certify_refuse_change") for table in APPEND_ONLY],
        *[trigger(table, "DELETE", "certify_refuse_delete") for table in NEVER_DELETED],
    ]
