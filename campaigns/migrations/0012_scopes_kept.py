"""What the database refuses: deleting saved scopes and standing exclusions, and changing what a standing exclusion covers."""

from django.db import migrations

NEVER_DELETED = ("campaigns_savedscope", "campaigns_standingexclusion")
FROZEN = "id, name, reason, owner_id, ends_on, identities, accounts, entitlements, created_at, created_by_id"


def trigger(name, table, definition):
    return migrations.RunSQL(f"CREATE TRIGGER {name} {definition}", f"DROP TRIGGER {name} ON {table}")


def kept(table):
    return trigger(
        f"{table}_kept", table, f"BEFORE DELETE ON {table} FOR EACH ROW EXECUTE FUNCTION certify_refuse_delete()"
    )


class Migration(migrations.Migration):
    dependencies = [("campaigns", "0011_scope_documents"), ("ledger", "0002_append_only")]

    operations = [
        *[kept(table) for table in NEVER_DELETED],
        trigger(
            "campaigns_standingexclusion_frozen",
            "campaigns_standingexclusion",
            f"BEFORE UPDATE OF {FROZEN} ON campaigns_standingexclusion FOR EACH ROW EXECUTE FUNCTION certify_refuse_change()",
        ),
    ]
