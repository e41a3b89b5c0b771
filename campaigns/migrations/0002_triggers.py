"""What the database refuses, whoever asks: changing decisions, changing what an item was at launch, and everything after the end."""

from django.db import migrations

APPEND_ONLY = ("campaigns_decision", "campaigns_bulkact", "campaigns_signoff", "campaigns_exclusion", "campaigns_campaignsource")
NEVER_DELETED = ("campaigns_campaigndefinition", "campaigns_campaign", "campaigns_reviewitem", "campaigns_assignment")

#: Tables whose rows belong to a campaign, and the changes that end with it.
ENDS_WITH_CAMPAIGN = {
    "campaigns_reviewitem": ("UPDATE",),
    "campaigns_assignment": ("INSERT", "UPDATE"),
    "campaigns_exclusion": ("INSERT",),
    "campaigns_decision": ("INSERT",),
    "campaigns_bulkact": ("INSERT",),
    "campaigns_signoff": ("INSERT",),
    "campaigns_campaignsource": ("INSERT",),
}

FROZEN_ITEM = (
    "id, campaign_id, number, grant_id, source_id, source_key, source_name, account_key, account_name, identity_key, identity_name,"
    " identity_kind, identity_status, department, title, manager_key, entitlement_key, entitlement_name, entitlement_kind,"
    " description, privileged, path, granted_at, granted_by, last_used_at, expires_at, first_seen_at, signals, risk_rank, leaf"
)

FUNCTIONS = """
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

CREATE FUNCTION campaigns_refuse_change_of_ended() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF OLD.state IN ('closed', 'cancelled') THEN
        RAISE EXCEPTION 'campaign "%" has ended: UPDATE refused', OLD.name USING ERRCODE = 'insufficient_privilege';
    END IF;
    RETURN NEW;
END $$;
"""

DROP_FUNCTIONS = """
DROP FUNCTION campaigns_refuse_change_of_ended();
DROP FUNCTION campaigns_refuse_more_items();
DROP FUNCTION campaigns_refuse_when_ended();
"""


def trigger(name, table, definition):
    return migrations.RunSQL(f"CREATE TRIGGER {name} {definition}", f"DROP TRIGGER {name} ON {table}")


def kept(table, events, function):
    return trigger(f"{table}_kept", table, f"BEFORE {events} ON {table} FOR EACH ROW EXECUTE FUNCTION {function}()")


def ends(table, event):
    return trigger(
        f"{table}_{event.lower()}_ends",
        table,
        f"AFTER {event} ON {table} REFERENCING NEW TABLE AS changed FOR EACH STATEMENT EXECUTE FUNCTION campaigns_refuse_when_ended()",
    )


class Migration(migrations.Migration):
    dependencies = [("campaigns", "0001_initial"), ("ledger", "0002_append_only")]

    operations = [
        migrations.RunSQL(FUNCTIONS, DROP_FUNCTIONS),
        *[kept(table, "UPDATE OR DELETE", "certify_refuse_change") for table in APPEND_ONLY],
        *[kept(table, "DELETE", "certify_refuse_delete") for table in NEVER_DELETED],
        *[ends(table, event) for table, events in ENDS_WITH_CAMPAIGN.items() for event in events],
        trigger(
            "campaigns_reviewitem_frozen",
            "campaigns_reviewitem",
            f"BEFORE UPDATE OF {FROZEN_ITEM} ON campaigns_reviewitem FOR EACH ROW EXECUTE FUNCTION certify_refuse_change()",
        ),
        # Items are numbered 1 to item_count without a gap, so a row too many shows in the highest number; a table of the new
        # rows, as the other triggers ask for, would cost a launch of a million items seconds.
        trigger(
            "campaigns_reviewitem_insert_ends",
            "campaigns_reviewitem",
            "AFTER INSERT ON campaigns_reviewitem FOR EACH STATEMENT EXECUTE FUNCTION campaigns_refuse_more_items()",
        ),
        trigger(
            "campaigns_campaign_ended",
            "campaigns_campaign",
            "BEFORE UPDATE ON campaigns_campaign FOR EACH ROW EXECUTE FUNCTION campaigns_refuse_change_of_ended()",
        ),
    ]
