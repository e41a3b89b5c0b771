"""Names of those whose access is reviewed may become the mark of who was erased, in reviews that have ended too.

Of an item the trigger itself puts the commitment, which the leaf covers, in the place of names and salt.
"""

from django.db import migrations

FROZEN_ITEM = (
    "id, campaign_id, number, grant_id, source_id, source_key, source_name, account_key, account_name, identity_key, identity_name,"
    " identity_kind, identity_status, department, title, manager_key, entitlement_key, entitlement_name, entitlement_kind,"
    " description, privileged, path, granted_at, granted_by, last_used_at, expires_at, first_seen_at, signals, risk_rank, leaf"
)
NAMES = "'account_name=name_ref', 'identity_name=name_ref'"

ITEMS = f"""
CREATE FUNCTION campaigns_keep_item() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF OLD.name_salt IS NOT NULL AND ledger_is_erasure(to_jsonb(OLD), to_jsonb(NEW), TG_ARGV) THEN
        NEW.name_commitment := sha256('certify-item-names/1\\012'::bytea || OLD.name_salt || convert_to(
            array_to_json(ARRAY[OLD.account_name, OLD.identity_name]::text[])::text, 'UTF8'));
        NEW.name_salt := NULL;
        -- Of an account that nobody is known to hold there is no holder to be marked.
        IF OLD.name_ref LIKE 'inventory.account:%' THEN
            NEW.identity_name := OLD.identity_name;
        END IF;
        RETURN NEW;
    END IF;
    RAISE EXCEPTION '% is append-only: % refused', TG_TABLE_NAME, TG_OP USING ERRCODE = 'insufficient_privilege';
END $$;

CREATE FUNCTION campaigns_refuse_items_of_ended() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    ended text;
    sealed text[] := ARRAY['name_salt', 'name_commitment'];
BEGIN
    IF NOT EXISTS (
        SELECT FROM campaigns_campaign AS campaign
        WHERE campaign.id IN (SELECT DISTINCT campaign_id FROM changed) AND campaign.state IN ('closed', 'cancelled')) THEN
        RETURN NULL;
    END IF;
    SELECT campaign.name INTO ended FROM campaigns_campaign AS campaign JOIN changed ON changed.campaign_id = campaign.id
    LEFT JOIN former ON former.id = changed.id
    WHERE campaign.state IN ('closed', 'cancelled')
        AND NOT (former.id IS NOT NULL AND ledger_is_erasure(to_jsonb(former) - sealed, to_jsonb(changed) - sealed, TG_ARGV)) LIMIT 1;
    IF ended IS NOT NULL THEN
        RAISE EXCEPTION 'campaign "%" has ended: % on % refused', ended, TG_OP, TG_TABLE_NAME USING ERRCODE = 'insufficient_privilege';
    END IF;
    RETURN NULL;
END $$;

DROP TRIGGER campaigns_reviewitem_frozen ON campaigns_reviewitem;
CREATE TRIGGER campaigns_reviewitem_frozen BEFORE UPDATE OF {FROZEN_ITEM}, name_ref, name_salt, name_commitment
    ON campaigns_reviewitem FOR EACH ROW EXECUTE FUNCTION campaigns_keep_item({NAMES});
DROP TRIGGER campaigns_reviewitem_update_ends ON campaigns_reviewitem;
CREATE TRIGGER campaigns_reviewitem_update_ends AFTER UPDATE ON campaigns_reviewitem
    REFERENCING OLD TABLE AS former NEW TABLE AS changed FOR EACH STATEMENT EXECUTE FUNCTION campaigns_refuse_items_of_ended({NAMES});
"""
ITEMS_UNDO = f"""
DROP TRIGGER campaigns_reviewitem_update_ends ON campaigns_reviewitem;
CREATE TRIGGER campaigns_reviewitem_update_ends AFTER UPDATE ON campaigns_reviewitem REFERENCING NEW TABLE AS changed
    FOR EACH STATEMENT EXECUTE FUNCTION campaigns_refuse_when_ended();
DROP TRIGGER campaigns_reviewitem_frozen ON campaigns_reviewitem;
CREATE TRIGGER campaigns_reviewitem_frozen BEFORE UPDATE OF {FROZEN_ITEM}
    ON campaigns_reviewitem FOR EACH ROW EXECUTE FUNCTION certify_refuse_change();
DROP FUNCTION campaigns_refuse_items_of_ended();
DROP FUNCTION campaigns_keep_item();
"""

KEPT = """
DROP TRIGGER campaigns_sodexception_kept ON campaigns_sodexception;
CREATE TRIGGER campaigns_sodexception_kept BEFORE UPDATE OR DELETE ON campaigns_sodexception FOR EACH ROW
    EXECUTE FUNCTION certify_refuse_change({names});
"""
EXCEPTIONS = KEPT.format(names="'asked_by_name=asked_by_id', 'identity_name=identity_id@inventory.identity'")
EXCEPTIONS_UNDO = KEPT.format(names="'asked_by_name=asked_by_id'")


class Migration(migrations.Migration):
    dependencies = [("campaigns", "0141_item_names"), ("ledger", "0050_subjects_erased")]

    operations = [migrations.RunSQL(ITEMS, ITEMS_UNDO), migrations.RunSQL(EXCEPTIONS, EXCEPTIONS_UNDO)]
