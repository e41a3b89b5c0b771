"""What the database refuses: changing what somebody opened, findings and what was made of them, and findings after the end."""

from django.db import migrations

APPEND_ONLY = ("campaigns_itemopened", "campaigns_finding", "campaigns_findingdisposition")
#: The close records its findings before it closes; a seal counts on there being no more.
END_WITH_CAMPAIGN = ("campaigns_finding",)


def trigger(name, table, definition):
    return migrations.RunSQL(f"CREATE TRIGGER {name} {definition}", f"DROP TRIGGER {name} ON {table}")


def kept(table):
    return trigger(
        f"{table}_kept", table, f"BEFORE UPDATE OR DELETE ON {table} FOR EACH ROW EXECUTE FUNCTION certify_refuse_change()"
    )


def ends(table):
    return trigger(
        f"{table}_insert_ends",
        table,
        f"AFTER INSERT ON {table} REFERENCING NEW TABLE AS changed FOR EACH STATEMENT EXECUTE FUNCTION campaigns_refuse_when_ended()",
    )


class Migration(migrations.Migration):
    dependencies = [("campaigns", "0040_findings"), ("ledger", "0002_append_only")]

    operations = [
        *[kept(table) for table in APPEND_ONLY],
        *[ends(table) for table in END_WITH_CAMPAIGN],
    ]
