"""The names of reviewers and owners may become the mark of somebody who was erased, in campaigns that have ended too."""

from django.db import migrations

PERSONAL = {
    "campaigns_decision": ("reviewer_name=reviewer_id", "reviewer_email=reviewer_id"),
    "campaigns_signoff": ("reviewer_name=reviewer_id",),
    "campaigns_finding": ("reviewer_name=reviewer_id",),
    "campaigns_findingdisposition": ("by_name=by_id",),
    "campaigns_silenceapproval": ("approved_by_name=approved_by_id",),
    "campaigns_silenceverdict": ("by_name=by_id",),
    "campaigns_holdverdict": ("by_name=by_id",),
    "campaigns_sodexception": ("asked_by_name=asked_by_id",),
    "campaigns_sodexceptionstep": ("by_name=by_id",),
}
#: Which of the changed assignments are of ended campaigns is asked first: that is cheap, and hardly ever so.
ENDED = """
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
DROP TRIGGER campaigns_assignment_update_ends ON campaigns_assignment;
CREATE TRIGGER campaigns_assignment_update_ends AFTER UPDATE ON campaigns_assignment
    REFERENCING OLD TABLE AS former NEW TABLE AS changed FOR EACH STATEMENT
    EXECUTE FUNCTION campaigns_refuse_answers_of_ended('reviewer_name=reviewer_id');

CREATE OR REPLACE FUNCTION campaigns_refuse_change_of_ended() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF OLD.state IN ('closed', 'cancelled') THEN
        IF NOT ledger_is_erasure(to_jsonb(OLD), to_jsonb(NEW), TG_ARGV) THEN
            RAISE EXCEPTION 'campaign "%" has ended: UPDATE refused', OLD.name USING ERRCODE = 'insufficient_privilege';
        END IF;
    END IF;
    RETURN NEW;
END $$;
DROP TRIGGER campaigns_campaign_ended ON campaigns_campaign;
CREATE TRIGGER campaigns_campaign_ended BEFORE UPDATE ON campaigns_campaign FOR EACH ROW
    EXECUTE FUNCTION campaigns_refuse_change_of_ended('closed_by_name=close_entry_uid');
"""
UNDO = """
DROP TRIGGER campaigns_campaign_ended ON campaigns_campaign;
CREATE OR REPLACE FUNCTION campaigns_refuse_change_of_ended() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF OLD.state IN ('closed', 'cancelled') THEN
        RAISE EXCEPTION 'campaign "%" has ended: UPDATE refused', OLD.name USING ERRCODE = 'insufficient_privilege';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER campaigns_campaign_ended BEFORE UPDATE ON campaigns_campaign FOR EACH ROW
    EXECUTE FUNCTION campaigns_refuse_change_of_ended();
DROP TRIGGER campaigns_assignment_update_ends ON campaigns_assignment;
DROP FUNCTION campaigns_refuse_answers_of_ended();
CREATE TRIGGER campaigns_assignment_update_ends AFTER UPDATE ON campaigns_assignment REFERENCING NEW TABLE AS changed
    FOR EACH STATEMENT EXECUTE FUNCTION campaigns_refuse_when_ended();
"""


def kept(table, personal):
    """The trigger that refuses changes, anew, with the columns that erasing may change."""
    drop = f"DROP TRIGGER {table}_kept ON {table}; CREATE TRIGGER {table}_kept BEFORE UPDATE OR DELETE ON {table} FOR EACH ROW"
    named = ", ".join(f"'{one}'" for one in personal)
    return migrations.RunSQL(
        f"{drop} EXECUTE FUNCTION certify_refuse_change({named})", f"{drop} EXECUTE FUNCTION certify_refuse_change()"
    )


class Migration(migrations.Migration):
    dependencies = [("campaigns", "0120_objection_days"), ("ledger", "0031_persons_kept")]

    operations = [*(kept(table, personal) for table, personal in PERSONAL.items()), migrations.RunSQL(ENDED, UNDO)]
