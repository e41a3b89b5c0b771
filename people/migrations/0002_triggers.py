"""People and their mail are kept: the database itself refuses to delete them."""

from django.db import migrations

TABLES = ("people_user", "people_mail")


def trigger(table: str) -> migrations.RunSQL:
    """Refuse DELETE on the table, for every role."""
    return migrations.RunSQL(
        sql=f"CREATE TRIGGER {table}_no_delete BEFORE DELETE ON {table} FOR EACH ROW EXECUTE FUNCTION certify_refuse_delete()",
        reverse_sql=f"DROP TRIGGER {table}_no_delete ON {table}",
    )


class Migration(migrations.Migration):
    dependencies = [("people", "0001_initial"), ("ledger", "0002_append_only")]

    operations = [trigger(table) for table in TABLES]
