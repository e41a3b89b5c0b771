"""Answers move from the items to the assignments, so that several people can answer for one item; and what the database refuses of it."""

from django.db import migrations

APPEND_ONLY = ("campaigns_stageresult", "campaigns_signeddecision")
NEVER_DELETED = ("campaigns_reviewergroup", "campaigns_delegation")
END_WITH_CAMPAIGN = ("campaigns_stageresult", "campaigns_signeddecision")

#: Closed campaigns get the copies too: their own columns, which were proved at their end, stay as they are.
MOVE = """
ALTER TABLE campaigns_assignment DISABLE TRIGGER USER;
UPDATE campaigns_assignment AS assignment SET decision = item.decision, rationale = item.rationale,
    decided_by_id = item.decided_by_id, decided_at = item.decided_at, decision_entry_uid = item.decision_entry_uid,
    is_bulk = item.is_bulk, sign_off_id = item.sign_off_id
FROM campaigns_reviewitem AS item
WHERE item.id = assignment.item_id AND assignment.is_active AND item.decision <> '';
ALTER TABLE campaigns_assignment ENABLE TRIGGER USER;

INSERT INTO campaigns_signeddecision (sign_off_id, campaign_id, assignment_id, item_number, code, decided_at, entry_uid)
SELECT sign_off_id, campaign_id, id, item_number, decision, decided_at, decision_entry_uid FROM campaigns_assignment
WHERE sign_off_id IS NOT NULL ORDER BY sign_off_id, item_number;

UPDATE campaigns_reviewitem AS item SET decision = '', rationale = '', decided_by_id = NULL, decided_at = NULL,
    decision_entry_uid = NULL, is_bulk = FALSE, sign_off_id = NULL
FROM campaigns_campaign AS campaign
WHERE campaign.id = item.campaign_id AND campaign.state NOT IN ('closed', 'cancelled') AND item.decision <> '';

ALTER TABLE campaigns_decision DISABLE TRIGGER USER;
UPDATE campaigns_decision AS decision SET assignment_id = assigned.id
FROM (SELECT DISTINCT ON (item_id, reviewer_id) item_id, reviewer_id, id FROM campaigns_assignment
      ORDER BY item_id, reviewer_id, id DESC) AS assigned
WHERE assigned.item_id = decision.item_id AND assigned.reviewer_id = decision.reviewer_id;
ALTER TABLE campaigns_decision ENABLE TRIGGER USER;

UPDATE campaigns_campaign SET stage_opened_at = opened_at WHERE state = 'open';
"""

MOVE_BACK = """
UPDATE campaigns_reviewitem AS item SET decision = answer.decision, rationale = answer.rationale,
    decided_by_id = answer.decided_by_id, decided_at = answer.decided_at, decision_entry_uid = answer.decision_entry_uid,
    is_bulk = answer.is_bulk, sign_off_id = answer.sign_off_id
FROM campaigns_assignment AS answer, campaigns_campaign AS campaign
WHERE answer.item_id = item.id AND answer.is_active AND answer.decision <> '' AND campaign.id = item.campaign_id
    AND campaign.state = 'open';
"""


def trigger(name, table, definition):
    return migrations.RunSQL(f"CREATE TRIGGER {name} {definition}", f"DROP TRIGGER {name} ON {table}")


def kept(table, events, function):
    return trigger(f"{table}_kept", table, f"BEFORE {events} ON {table} FOR EACH ROW EXECUTE FUNCTION {function}()")


def ends(table):
    return trigger(
        f"{table}_insert_ends",
        table,
        f"AFTER INSERT ON {table} REFERENCING NEW TABLE AS changed FOR EACH STATEMENT EXECUTE FUNCTION campaigns_refuse_when_ended()",
    )


#: An answer changes its assignment in place when its page has room left, and then touches no index.
ROOM = "ALTER TABLE campaigns_assignment SET (fillfactor = 88)"


class Migration(migrations.Migration):
    dependencies = [("campaigns", "0003_answers_per_reviewer"), ("ledger", "0002_append_only")]

    operations = [
        migrations.RunSQL(MOVE, MOVE_BACK),
        migrations.RunSQL(ROOM, "ALTER TABLE campaigns_assignment RESET (fillfactor)"),
        *[kept(table, "UPDATE OR DELETE", "certify_refuse_change") for table in APPEND_ONLY],
        *[kept(table, "DELETE", "certify_refuse_delete") for table in NEVER_DELETED],
        *[ends(table) for table in END_WITH_CAMPAIGN],
    ]
