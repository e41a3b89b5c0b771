"""Exceptions that were asked for before name what their person held then and still holds; no right of an exception is ever changed."""

from django.db import migrations

TABLE = "campaigns_sodexceptionright"
#: What a conflict is made of now, as far as a snapshot had shown it by the time somebody asked.
NAMED = f"""
    INSERT INTO {TABLE} (exception_id, side, entitlement_id, words)
    SELECT DISTINCT exception.id, held.side, entitlement.id,
        source.name || ': ' || COALESCE(NULLIF(entitlement.name, ''), entitlement.key)
    FROM campaigns_sodexception AS exception
    JOIN campaigns_sodconflict AS conflict ON conflict.rule_id = exception.rule_id AND conflict.identity_id = exception.identity_id
        AND conflict.ended_at IS NULL
    JOIN campaigns_sodconflictgrant AS held ON held.conflict_id = conflict.id
    JOIN inventory_grant AS granted ON granted.id = held.grant_id
    JOIN inventory_snapshot AS seen ON seen.id = granted.first_seen_id AND seen.loaded_at <= exception.asked_at
    JOIN inventory_entitlement AS entitlement ON entitlement.id = granted.entitlement_id
    JOIN inventory_source AS source ON source.id = entitlement.source_id
    ON CONFLICT DO NOTHING
"""


class Migration(migrations.Migration):
    dependencies = [("campaigns", "0112_exception_rights"), ("ledger", "0002_append_only")]

    operations = [
        migrations.RunSQL(NAMED, migrations.RunSQL.noop),
        migrations.RunSQL(
            f"CREATE TRIGGER {TABLE}_kept BEFORE UPDATE OR DELETE ON {TABLE} FOR EACH ROW EXECUTE FUNCTION certify_refuse_change()",
            f"DROP TRIGGER {TABLE}_kept ON {TABLE}",
        ),
    ]
