"""What the database refuses at any time: deleting rows that others refer to, and changing what was decided, found and shown.

Names may become the mark of somebody who was erased. Of an item the trigger itself puts the commitment, which the leaf covers, in the
place of names and salt.
"""

from django.db import migrations

NEVER_DELETED = (
    "campaigns_campaigndefinition",
    "campaigns_campaign",
    "campaigns_reviewitem",
    "campaigns_assignment",
    "campaigns_reviewergroup",
    "campaigns_delegation",
    "campaigns_savedscope",
    "campaigns_standingexclusion",
    "campaigns_occurrence",
    "campaigns_accessevent",
    "campaigns_sodrule",
    "campaigns_sodconflict",
)
#: Tables of which no row changes, each with the columns that erasing may change.
APPEND_ONLY = {
    # What a campaign was launched on, and what was answered.
    "campaigns_campaignsource": (),
    "campaigns_exclusion": (),
    "campaigns_bulkact": (),
    "campaigns_decision": ("reviewer_name=reviewer_id", "reviewer_email=reviewer_id"),
    "campaigns_signoff": ("reviewer_name=reviewer_id",),
    "campaigns_signeddecision": (),
    "campaigns_stageresult": (),
    "campaigns_secondlook": (),
    # What reviewers were told of items, and what they opened.
    "campaigns_itemadvice": (),
    "campaigns_itemconflict": (),
    "campaigns_itemcontext": (),
    "campaigns_itemopened": (),
    # What was found, and what was made of it.
    "campaigns_finding": ("reviewer_name=reviewer_id",),
    "campaigns_findingdisposition": ("by_name=by_id",),
    # Who approved removals for silence, what they were about, and who confirmed them.
    "campaigns_silenceapproval": ("approved_by_name=approved_by_id",),
    "campaigns_silenceremoval": (),
    "campaigns_silenceverdict": ("by_name=by_id",),
    # Who was in a hurry, what was held, and what the second person said.
    "campaigns_pacenotice": (),
    "campaigns_removalhold": (),
    "campaigns_heldremoval": (),
    "campaigns_holdverdict": ("by_name=by_id",),
    # What was compared when; exceptions, what they are about and what became of them.
    "campaigns_sodevaluation": (),
    "campaigns_sodexception": ("asked_by_name=asked_by_id", "identity_name=identity_id@inventory.identity"),
    "campaigns_sodexceptionright": (),
    "campaigns_sodexceptionstep": ("by_name=by_id",),
}
#: Columns that stay as they were while others of their row go on: what a standing exclusion covers, the day of a run that was
#: expected, and what was found of an event.
FROZEN = {
    "campaigns_standingexclusion": "id, name, reason, owner_id, ends_on, identities, accounts, entitlements, created_at, created_by_id",
    "campaigns_occurrence": "id, definition_id, due_on",
    "campaigns_accessevent": "id, definition_id, kind, subject, subject_name, occasion, words, found_at",
}

#: What an item was at launch.
ITEM = """
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
CREATE TRIGGER campaigns_reviewitem_frozen BEFORE UPDATE OF
    id, campaign_id, number, grant_id, source_id, source_key, source_name, account_key, account_name, identity_key, identity_name,
    identity_kind, identity_status, department, title, manager_key, entitlement_key, entitlement_name, entitlement_kind,
    description, privileged, path, granted_at, granted_by, last_used_at, expires_at, first_seen_at, signals, risk_rank, leaf,
    name_ref, name_salt, name_commitment
    ON campaigns_reviewitem FOR EACH ROW EXECUTE FUNCTION campaigns_keep_item('account_name=name_ref', 'identity_name=name_ref');
"""
DROP_ITEM = """
DROP TRIGGER campaigns_reviewitem_frozen ON campaigns_reviewitem;
DROP FUNCTION campaigns_keep_item();
"""

#: An answer changes its assignment in place when its page has room left, and then touches no index.
ROOM = "ALTER TABLE campaigns_assignment SET (fillfactor = 88)"


def trigger(name, table, definition):
    return migrations.RunSQL(f"CREATE TRIGGER {name} {definition}", f"DROP TRIGGER {name} ON {table}")


def never_deleted(table):
    return trigger(f"{table}_kept", table, f"BEFORE DELETE ON {table} FOR EACH ROW EXECUTE FUNCTION certify_refuse_delete()")


def append_only(table, personal):
    """The trigger that refuses changes, with the columns that erasing may change."""
    named = ", ".join(f"'{one}'" for one in personal)
    return trigger(
        f"{table}_kept",
        table,
        f"BEFORE UPDATE OR DELETE ON {table} FOR EACH ROW EXECUTE FUNCTION certify_refuse_change({named})",
    )


def frozen(table, columns):
    return trigger(
        f"{table}_frozen",
        table,
        f"BEFORE UPDATE OF {columns} ON {table} FOR EACH ROW EXECUTE FUNCTION certify_refuse_change()",
    )


OPERATIONS = [
    migrations.RunSQL(ROOM, "ALTER TABLE campaigns_assignment RESET (fillfactor)"),
    *[never_deleted(table) for table in NEVER_DELETED],
    *[append_only(table, personal) for table, personal in APPEND_ONLY.items()],
    *[frozen(table, columns) for table, columns in FROZEN.items()],
    migrations.RunSQL(ITEM, DROP_ITEM),
]
