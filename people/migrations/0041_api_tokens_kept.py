"""Tokens are kept for ever, and what one may do never changes: what was done with it keeps its meaning."""

from django.db import migrations

SAME = """
    CREATE FUNCTION people_token_same() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
        IF (OLD.name, OLD.sha256, OLD.scopes, OLD.things, OLD.created_at, OLD.created_by_id, OLD.expires_at)
           IS DISTINCT FROM (NEW.name, NEW.sha256, NEW.scopes, NEW.things, NEW.created_at, NEW.created_by_id, NEW.expires_at)
           OR (OLD.revoked_at IS NOT NULL AND OLD.revoked_at IS DISTINCT FROM NEW.revoked_at) THEN
            RAISE EXCEPTION 'refused: a token does not change, and stays revoked';
        END IF;
        RETURN NEW;
    END $$;
    CREATE TRIGGER people_apitoken_same BEFORE UPDATE ON people_apitoken FOR EACH ROW EXECUTE FUNCTION people_token_same();
    CREATE TRIGGER people_apitoken_kept BEFORE DELETE ON people_apitoken FOR EACH ROW EXECUTE FUNCTION certify_refuse_delete();
"""
UNDO = """
    DROP TRIGGER people_apitoken_kept ON people_apitoken;
    DROP TRIGGER people_apitoken_same ON people_apitoken;
    DROP FUNCTION people_token_same();
"""


class Migration(migrations.Migration):
    dependencies = [("people", "0040_api_tokens"), ("ledger", "0002_append_only")]

    operations = [migrations.RunSQL(SAME, UNDO)]
