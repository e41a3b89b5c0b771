"""What rows of identities and accounts said before may become the mark of who was erased.

Whose a former account's name is, is known by the key of its holder: an app that erases finds such rows itself, which is what the kind
`inventory.holder` stands for, that nobody has.
"""

from django.db import migrations

ACCOUNTS = """
CREATE FUNCTION inventory_keep_former_account() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP = 'UPDATE' THEN
        IF to_jsonb(NEW) - 'name' = to_jsonb(OLD) - 'name' AND EXISTS (
            SELECT FROM ledger_erasure AS erasure WHERE NEW.name = ledger_mark(erasure.person) AND erasure.person = COALESCE(
                (SELECT 'inventory.identity:' || holder.id FROM inventory_identity AS holder WHERE holder.key = OLD.identity_key),
                'inventory.account:' || OLD.account_id)) THEN
            RETURN NEW;
        END IF;
    END IF;
    RAISE EXCEPTION '% is append-only: % refused', TG_TABLE_NAME, TG_OP USING ERRCODE = 'insufficient_privilege';
END $$;
DROP TRIGGER inventory_formeraccount_kept ON inventory_formeraccount;
CREATE TRIGGER inventory_formeraccount_kept BEFORE UPDATE OR DELETE ON inventory_formeraccount FOR EACH ROW
    EXECUTE FUNCTION inventory_keep_former_account('name=identity_key@inventory.holder');
"""
ACCOUNTS_UNDO = """
DROP TRIGGER inventory_formeraccount_kept ON inventory_formeraccount;
CREATE TRIGGER inventory_formeraccount_kept BEFORE UPDATE OR DELETE ON inventory_formeraccount FOR EACH ROW
    EXECUTE FUNCTION certify_refuse_change();
DROP FUNCTION inventory_keep_former_account();
"""

KEPT = """
DROP TRIGGER inventory_formeridentity_kept ON inventory_formeridentity;
CREATE TRIGGER inventory_formeridentity_kept BEFORE UPDATE OR DELETE ON inventory_formeridentity FOR EACH ROW
    EXECUTE FUNCTION certify_refuse_change({names});
"""
IDENTITIES = KEPT.format(names="'name=identity_id@inventory.identity', 'email=identity_id@inventory.identity'")


class Migration(migrations.Migration):
    dependencies = [("inventory", "0080_identity_linked_in"), ("ledger", "0050_subjects_erased")]

    operations = [migrations.RunSQL(ACCOUNTS, ACCOUNTS_UNDO), migrations.RunSQL(IDENTITIES, KEPT.format(names=""))]
