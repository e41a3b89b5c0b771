"""django-auditlog's table is append-only as well. A user who appears in it can therefore not be deleted, only deactivated."""

from django.db import migrations


class Migration(migrations.Migration):
    dependencies = [("ledger", "0002_append_only"), ("auditlog", "0017_add_actor_email")]

    operations = [
        migrations.RunSQL(
            "CREATE TRIGGER auditlog_logentry_append_only BEFORE UPDATE OR DELETE ON auditlog_logentry"
            " FOR EACH ROW EXECUTE FUNCTION certify_refuse_change()",
            "DROP TRIGGER auditlog_logentry_append_only ON auditlog_logentry",
        ),
    ]
