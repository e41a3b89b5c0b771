"""What the database refuses once a campaign has ended: everything, but that a name becomes the mark of somebody who was erased."""

from django.db import migrations

#: Tables whose rows belong to a campaign, and to which nothing is added after its end. The close records its findings before it closes;
#: a seal counts on there being no more.
END_WITH_CAMPAIGN = (
    "campaigns_assignment",
    "campaigns_exclusion",
    "campaigns_decision",
    "campaigns_bulkact",
    "campaigns_signoff",
    "campaigns_signeddecision",
    "campaigns_stageresult",
    "campaigns_campaignsource",
    "campaigns_secondlook",
    "campaigns_finding",
    "campaigns_itemconflict",
    "campaigns_itemcontext",
)

MORE_ROWS = """
CREATE FUNCTION campaigns_refuse_when_ended() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    ended text;
BEGIN
    SELECT campaign.name INTO ended FROM campaigns_campaign AS campaign
    WHERE campaign.id IN (SELECT DISTINCT campaign_id FROM changed) AND campaign.state IN ('closed', 'cancelled') LIMIT 1;
    IF ended IS NOT NULL THEN
        RAISE EXCEPTION 'campaign "%" has ended: % on % refused', ended, TG_OP, TG_TABLE_NAME USING ERRCODE = 'insufficient_privilege';
    END IF;
    RETURN NULL;
END $$;
"""
DROP_MORE_ROWS = "DROP FUNCTION campaigns_refuse_when_ended()"

CAMPAIGN = """
CREATE FUNCTION campaigns_refuse_change_of_ended() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF OLD.state IN ('closed', 'cancelled') THEN
        IF NOT ledger_is_erasure(to_jsonb(OLD), to_jsonb(NEW), TG_ARGV) THEN
            RAISE EXCEPTION 'campaign "%" has ended: UPDATE refused', OLD.name USING ERRCODE = 'insufficient_privilege';
        END IF;
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER campaigns_campaign_ended BEFORE UPDATE ON campaigns_campaign FOR EACH ROW
    EXECUTE FUNCTION campaigns_refuse_change_of_ended('closed_by_name=close_entry_uid');
"""
DROP_CAMPAIGN = """
DROP TRIGGER campaigns_campaign_ended ON campaigns_campaign;
DROP FUNCTION campaigns_refuse_change_of_ended();
"""

#: Which of the changed assignments are of ended campaigns is asked first: that is cheap, and hardly ever so.
ANSWERS = """
CREATE FUNCTION campaigns_refuse_answers_of_ended() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    ended text;
BEGIN
    IF NOT EXISTS (
        SELECT FROM campaigns_campaign AS campaign
        WHERE campaign.id IN (SELECT DISTINCT campaign_id FROM changed) AND campaign.state IN ('closed', 'cancelled')) THEN
        RETURN NULL;
    END IF;
    SELECT campaign.name INTO ended FROM campaigns_campaign AS campaign JOIN changed ON changed.campaign_id = campaign.id
    LEFT JOIN former ON former.id = changed.id
    WHERE campaign.state IN ('closed', 'cancelled')
        AND NOT (former.id IS NOT NULL AND ledger_is_erasure(to_jsonb(former), to_jsonb(changed), TG_ARGV)) LIMIT 1;
    IF ended IS NOT NULL THEN
        RAISE EXCEPTION 'campaign "%" has ended: % on % refused', ended, TG_OP, TG_TABLE_NAME USING ERRCODE = 'insufficient_privilege';
    END IF;
    RETURN NULL;
END $$;
CREATE TRIGGER campaigns_assignment_update_ends AFTER UPDATE ON campaigns_assignment
    REFERENCING OLD TABLE AS former NEW TABLE AS changed FOR EACH STATEMENT
    EXECUTE FUNCTION campaigns_refuse_answers_of_ended('reviewer_name=reviewer_id');
"""
DROP_ANSWERS = """
DROP TRIGGER campaigns_assignment_update_ends ON campaigns_assignment;
DROP FUNCTION campaigns_refuse_answers_of_ended();
"""

#: Erasing takes the salt of an item's names away and leaves their commitment; what else changes with a name is asked for as of answers.
ITEMS = """
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
CREATE TRIGGER campaigns_reviewitem_update_ends AFTER UPDATE ON campaigns_reviewitem
    REFERENCING OLD TABLE AS former NEW TABLE AS changed FOR EACH STATEMENT
    EXECUTE FUNCTION campaigns_refuse_items_of_ended('account_name=name_ref', 'identity_name=name_ref');
"""
DROP_ITEMS = """
DROP TRIGGER campaigns_reviewitem_update_ends ON campaigns_reviewitem;
DROP FUNCTION campaigns_refuse_items_of_ended();
"""

#: Items are numbered 1 to item_count without a gap, so a row too many shows in the highest number; a table of the new rows, as the
#: other triggers ask for, would cost a launch of a million items seconds.
MORE_ITEMS = """
CREATE FUNCTION campaigns_refuse_more_items() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    ended text;
BEGIN
    SELECT campaign.name INTO ended FROM campaigns_campaign AS campaign WHERE campaign.state IN ('closed', 'cancelled') AND
        campaign.item_count < (SELECT max(item.number) FROM campaigns_reviewitem AS item WHERE item.campaign_id = campaign.id) LIMIT 1;
    IF ended IS NOT NULL THEN
        RAISE EXCEPTION 'campaign "%" has ended: INSERT on % refused', ended, TG_TABLE_NAME USING ERRCODE = 'insufficient_privilege';
    END IF;
    RETURN NULL;
END $$;
CREATE TRIGGER campaigns_reviewitem_insert_ends AFTER INSERT ON campaigns_reviewitem FOR EACH STATEMENT
    EXECUTE FUNCTION campaigns_refuse_more_items();
"""
DROP_MORE_ITEMS = """
DROP TRIGGER campaigns_reviewitem_insert_ends ON campaigns_reviewitem;
DROP FUNCTION campaigns_refuse_more_items();
"""


def ends(table):
    return migrations.RunSQL(
        f"CREATE TRIGGER {table}_insert_ends AFTER INSERT ON {table} REFERENCING NEW TABLE AS changed"
        " FOR EACH STATEMENT EXECUTE FUNCTION campaigns_refuse_when_ended()",
        f"DROP TRIGGER {table}_insert_ends ON {table}",
    )


OPERATIONS = [
    migrations.RunSQL(CAMPAIGN, DROP_CAMPAIGN),
    migrations.RunSQL(MORE_ROWS, DROP_MORE_ROWS),
    *[ends(table) for table in END_WITH_CAMPAIGN],
    migrations.RunSQL(ANSWERS, DROP_ANSWERS),
    migrations.RunSQL(ITEMS, DROP_ITEMS),
    migrations.RunSQL(MORE_ITEMS, DROP_MORE_ITEMS),
]
