"""The CSV files of a pack: path, columns, and the query whose rows they hold, in an order that never varies."""

from campaigns.population import moment_sql
from campaigns.rules import EXCLUSION_COLUMNS, ITEM_COLUMNS

RESULT_COLUMNS = ("outcome", "decision", "decided_by", "decided_at", "decision_entry", "sign_off_entry", "rationale")

#: Entries under the checkpoint, by uid; every table joins what it shows to it.
UNDER = "JOIN ledger_entry AS entry ON entry.uid = {uid} JOIN ledger_leaf AS leaf ON leaf.entry_id = entry.id AND leaf.index < %(size)s"

#: Campaigns in scope whose close is under the checkpoint.
CLOSED = """
    LEFT JOIN (ledger_entry AS closing JOIN ledger_leaf AS closing_leaf ON closing_leaf.entry_id = closing.id)
        ON closing.uid = campaign.close_entry_uid AND closing_leaf.index < %(size)s
"""


def _when_closed(cell: str) -> str:
    return f"CASE WHEN closing.id IS NULL THEN '' ELSE {cell} END"


def _when_submitted(cell: str) -> str:
    return f"CASE WHEN closing.id IS NULL OR item.sign_off_id IS NULL THEN '' ELSE {cell} END"


CAMPAIGNS = f"""
    SELECT campaign.id::text, campaign.name, campaign.definition_id::text, owner.actor_name, {moment_sql("campaign.opened_at")},
           {moment_sql("campaign.due_at")}, {_when_closed(moment_sql("campaign.closed_at"))},
           {_when_closed("campaign.closed_by_name")}, CASE WHEN closing.id IS NULL THEN 'open' ELSE 'closed' END,
           campaign.item_count::text, campaign.excluded_count::text, campaign.population_root, campaign.exclusion_root,
           {_when_closed("campaign.outcome_root")}, campaign.launch_entry_uid::text, {_when_closed("campaign.close_entry_uid::text")}
    FROM campaigns_campaign AS campaign JOIN ledger_entry AS owner ON owner.uid = campaign.launch_entry_uid {CLOSED}
    WHERE campaign.id = ANY(%(campaigns)s) ORDER BY campaign.id
"""

BALANCE = f"""
    SELECT campaign.id::text, source.key, snapshot.number::text, frozen.grants_open::text, frozen.items::text,
           frozen.excluded::text,
           {_when_closed("(SELECT count(*) FROM campaigns_reviewitem AS item WHERE item.campaign_id = campaign.id"
                         " AND item.source_id = source.id AND item.outcome = 'approved')::text")},
           {_when_closed("(SELECT count(*) FROM campaigns_reviewitem AS item WHERE item.campaign_id = campaign.id"
                         " AND item.source_id = source.id AND item.outcome = 'revoked')::text")},
           {_when_closed("(SELECT count(*) FROM campaigns_reviewitem AS item WHERE item.campaign_id = campaign.id"
                         " AND item.source_id = source.id AND item.outcome = 'not_reviewed')::text")}
    FROM campaigns_campaignsource AS frozen JOIN campaigns_campaign AS campaign ON campaign.id = frozen.campaign_id
    JOIN inventory_source AS source ON source.id = frozen.source_id
    JOIN inventory_snapshot AS snapshot ON snapshot.id = frozen.snapshot_id {CLOSED}
    WHERE campaign.id = ANY(%(campaigns)s) ORDER BY campaign.id, source.key
"""  # noqa: S608 - nothing here comes from outside

SNAPSHOTS = f"""
    SELECT source.key, snapshot.number::text, snapshot.completeness, snapshot.extraction_note, {moment_sql("snapshot.extracted_at")},
           {moment_sql("snapshot.loaded_at")}, snapshot.loaded_by_name, snapshot.rows_read::text, snapshot.rows_loaded::text,
           snapshot.rows_rejected::text, snapshot.grants_open::text, snapshot.grants_started::text, snapshot.grants_changed::text,
           snapshot.grants_ended::text, snapshot.entry_uid::text
    FROM inventory_snapshot AS snapshot JOIN inventory_source AS source ON source.id = snapshot.source_id
    WHERE snapshot.id = ANY(%(snapshots)s) ORDER BY source.key, snapshot.number
"""

FILES = """
    SELECT source.key, snapshot.number::text, file.kind, file.file_name, file.sha256, file.size::text, file.rows_read::text,
           file.rows_loaded::text, file.rows_rejected::text
    FROM inventory_snapshotfile AS file JOIN inventory_snapshot AS snapshot ON snapshot.id = file.snapshot_id
    JOIN inventory_source AS source ON source.id = snapshot.source_id
    WHERE snapshot.id = ANY(%(snapshots)s) ORDER BY source.key, snapshot.number, file.id
"""

REJECTED = """
    SELECT source.key, snapshot.number::text, file.kind, rejected.line::text, rejected.field, rejected.reason, rejected.raw
    FROM inventory_rejectedrow AS rejected JOIN inventory_snapshotfile AS file ON file.id = rejected.file_id
    JOIN inventory_snapshot AS snapshot ON snapshot.id = file.snapshot_id
    JOIN inventory_source AS source ON source.id = snapshot.source_id
    WHERE snapshot.id = ANY(%(snapshots)s) ORDER BY source.key, snapshot.number, file.id, rejected.line, rejected.id
"""

EXCLUSIONS = """
    SELECT exclusion.campaign_id::text, exclusion.number::text, exclusion.source_key, snapshot.number::text, exclusion.account_key,
           exclusion.identity_key, exclusion.entitlement_key, exclusion.path, exclusion.rule
    FROM campaigns_exclusion AS exclusion JOIN inventory_source AS source ON source.key = exclusion.source_key
    JOIN campaigns_campaignsource AS frozen ON frozen.campaign_id = exclusion.campaign_id AND frozen.source_id = source.id
    JOIN inventory_snapshot AS snapshot ON snapshot.id = frozen.snapshot_id
    WHERE exclusion.campaign_id = ANY(%(campaigns)s) ORDER BY exclusion.campaign_id, exclusion.number
"""

ITEMS = f"""
    SELECT item.campaign_id::text, item.number::text, item.source_key, snapshot.number::text, item.account_key, item.account_name,
           item.identity_key, item.identity_name, item.identity_kind, item.identity_status, item.department, item.title,
           item.manager_key, item.entitlement_key, item.entitlement_name, item.entitlement_kind, item.description, item.privileged,
           item.path, {moment_sql("item.granted_at")}, item.granted_by, {moment_sql("item.last_used_at")},
           {moment_sql("item.expires_at")}, {moment_sql("item.first_seen_at")}, array_to_string(item.signals, ' '),
           'people.user:' || assigned.reviewer_id, assigned.reviewer_name, assigned.rule,
           {_when_closed("item.outcome")}, {_when_submitted("item.decision")}, {_when_submitted("'people.user:' || item.decided_by_id")},
           {_when_submitted(moment_sql("item.decided_at"))}, {_when_submitted("item.decision_entry_uid::text")},
           {_when_submitted("sign_off.entry_uid::text")}, {_when_submitted("item.rationale")}
    FROM campaigns_reviewitem AS item JOIN campaigns_campaign AS campaign ON campaign.id = item.campaign_id
    JOIN campaigns_campaignsource AS frozen ON frozen.campaign_id = item.campaign_id AND frozen.source_id = item.source_id
    JOIN inventory_snapshot AS snapshot ON snapshot.id = frozen.snapshot_id
    JOIN campaigns_assignment AS assigned ON assigned.item_id = item.id AND assigned.stage = 1 AND assigned.rule <> 'reassigned'
    LEFT JOIN campaigns_signoff AS sign_off ON sign_off.id = item.sign_off_id {CLOSED}
    WHERE item.campaign_id = ANY(%(campaigns)s) ORDER BY item.campaign_id, item.number
"""

DECISIONS = f"""
    SELECT decision.campaign_id::text, item.number::text, 'people.user:' || decision.reviewer_id, decision.reviewer_name,
           decision.reviewer_email, decision.assigned_by_rule, decision.code, decision.rationale, {moment_sql("decision.decided_at")},
           decision.shown, COALESCE(act.entry_uid::text, ''), decision.entry_uid::text
    FROM campaigns_decision AS decision JOIN campaigns_reviewitem AS item ON item.id = decision.item_id
    LEFT JOIN campaigns_bulkact AS act ON act.id = decision.bulk_act_id {UNDER.format(uid="decision.entry_uid")}
    WHERE decision.campaign_id = ANY(%(campaigns)s) ORDER BY leaf.index
"""

SUBMISSIONS = f"""
    SELECT sign_off.campaign_id::text, 'people.user:' || sign_off.reviewer_id, sign_off.reviewer_name, sign_off.statement,
           sign_off.approved::text, sign_off.revoked::text, sign_off.dont_know::text, sign_off.open_left::text,
           sign_off.decisions_root, {moment_sql("sign_off.submitted_at")}, sign_off.entry_uid::text
    FROM campaigns_signoff AS sign_off {UNDER.format(uid="sign_off.entry_uid")}
    WHERE sign_off.campaign_id = ANY(%(campaigns)s) ORDER BY leaf.index
"""

BULK_ACTS = f"""
    SELECT act.campaign_id::text, 'people.user:' || act.reviewer_id, act.decision, act.rationale, act.filter::text, act.count::text,
           act.left_out::text, {moment_sql("act.at")}, array_to_string(act.item_numbers, ' '), act.entry_uid::text
    FROM campaigns_bulkact AS act {UNDER.format(uid="act.entry_uid")}
    WHERE act.campaign_id = ANY(%(campaigns)s) ORDER BY leaf.index
"""

REVIEWERS = f"""
    SELECT decision.campaign_id::text, 'people.user:' || decision.reviewer_id, min(decision.reviewer_name), count(*)::text,
           count(*) FILTER (WHERE decision.bulk_act_id IS NOT NULL)::text, {moment_sql("min(decision.decided_at)")},
           {moment_sql("max(decision.decided_at)")}
    FROM campaigns_decision AS decision {UNDER.format(uid="decision.entry_uid")}
    WHERE decision.campaign_id = ANY(%(campaigns)s) GROUP BY decision.campaign_id, decision.reviewer_id
    ORDER BY decision.campaign_id, decision.reviewer_id
"""

REASSIGNMENTS = """
    SELECT entry.payload_json -> 'data' ->> 'campaign', entry.payload_json -> 'data' ->> 'from', entry.payload_json -> 'data' ->> 'to',
           entry.payload_json -> 'data' ->> 'reason', entry.payload_json -> 'data' ->> 'items', entry.payload_json ->> 'at',
           entry.payload_json -> 'actor' ->> 'name', entry.uid::text
    FROM ledger_entry AS entry JOIN ledger_leaf AS leaf ON leaf.entry_id = entry.id AND leaf.index < %(size)s
    WHERE entry.kind = 'assignment:reassigned' AND entry.subject = ANY(%(campaign_subjects)s) ORDER BY leaf.index
"""

#: The last word under the checkpoint about a removal.
VERDICT = """
    LEFT JOIN LATERAL (
        SELECT verification.verdict, verification.at, gone.number AS snapshot, present.number AS present_in
        FROM remediation_verification AS verification
        JOIN ledger_entry AS said ON said.uid = verification.entry_uid
        JOIN ledger_leaf AS said_leaf ON said_leaf.entry_id = said.id AND said_leaf.index < %(size)s
        JOIN inventory_snapshot AS gone ON gone.id = verification.snapshot_id
        JOIN inventory_snapshot AS present ON present.id = verification.present_in_id
        WHERE verification.task_id = task.id ORDER BY said_leaf.index DESC LIMIT 1
    ) AS verdict ON TRUE
    LEFT JOIN LATERAL (
        SELECT count(*) AS attempts, max(attempt.at) AS at FROM remediation_attempt AS attempt
        JOIN ledger_entry AS said ON said.uid = attempt.entry_uid
        JOIN ledger_leaf AS said_leaf ON said_leaf.entry_id = said.id AND said_leaf.index < %(size)s
        WHERE attempt.task_id = task.id
    ) AS claim ON TRUE
"""

REMOVALS = f"""
    SELECT task.campaign_id::text, item.number::text, task.id::text, source.key, 'people.user:' || task.owner_id,
           {moment_sql("task.created_at")}, {moment_sql("task.due_at")},
           CASE WHEN verdict.verdict = 'gone' THEN 'verified_gone'
                WHEN claim.attempts > 0 AND (verdict.at IS NULL OR claim.at > verdict.at) THEN 'reported_not_proved'
                WHEN verdict.verdict = 'still_there' THEN 'still_there' ELSE 'open' END,
           COALESCE(verdict.present_in::text, ''),
           CASE WHEN verdict.verdict = 'gone' THEN verdict.snapshot::text ELSE '' END,
           CASE WHEN verdict.verdict = 'gone' THEN {moment_sql("verdict.at")} ELSE '' END, claim.attempts::text, task.entry_uid::text
    FROM remediation_remediationtask AS task JOIN campaigns_reviewitem AS item ON item.id = task.item_id
    JOIN inventory_source AS source ON source.id = task.source_id {UNDER.format(uid="task.entry_uid")} {VERDICT}
    WHERE task.campaign_id = ANY(%(campaigns)s) ORDER BY task.campaign_id, item.number
"""

ATTEMPTS = f"""
    SELECT task.campaign_id::text, item.number::text, task.id::text, attempt.note, attempt.proof_name, attempt.proof_sha256,
           attempt.by_name, {moment_sql("attempt.at")}, attempt.entry_uid::text
    FROM remediation_attempt AS attempt JOIN remediation_remediationtask AS task ON task.id = attempt.task_id
    JOIN campaigns_reviewitem AS item ON item.id = task.item_id {UNDER.format(uid="attempt.entry_uid")}
    WHERE task.campaign_id = ANY(%(campaigns)s) ORDER BY leaf.index
"""

VERIFICATIONS = f"""
    SELECT task.campaign_id::text, item.number::text, task.id::text, verification.verdict, source.key, present.number::text,
           snapshot.number::text, {moment_sql("verification.at")}, verification.entry_uid::text
    FROM remediation_verification AS verification JOIN remediation_remediationtask AS task ON task.id = verification.task_id
    JOIN campaigns_reviewitem AS item ON item.id = task.item_id
    JOIN inventory_source AS source ON source.id = task.source_id
    JOIN inventory_snapshot AS present ON present.id = verification.present_in_id
    JOIN inventory_snapshot AS snapshot ON snapshot.id = verification.snapshot_id {UNDER.format(uid="verification.entry_uid")}
    WHERE task.campaign_id = ANY(%(campaigns)s) ORDER BY leaf.index
"""

CHANGES = """
    SELECT entry.payload_json ->> 'at', entry.kind, entry.subject, entry.payload_json -> 'actor' ->> 'name',
           (entry.payload_json -> 'data')::text, entry.uid::text
    FROM ledger_entry AS entry JOIN ledger_leaf AS leaf ON leaf.entry_id = entry.id AND leaf.index < %(size)s
    WHERE entry.kind = ANY(%(administration)s) AND leaf.index >= %(administration_from)s ORDER BY leaf.index
"""

#: Path in the pack → (columns, query).
TABLES = {
    "campaigns/campaigns.csv": (
        ("campaign", "name", "definition", "launched_by", "opened_at", "due_at", "closed_at", "closed_by", "state", "items",
         "excluded", "population_root", "exclusion_root", "outcome_root", "launch_entry", "close_entry"), CAMPAIGNS),
    "population/balance.csv": (
        ("campaign", "source", "snapshot", "grants_open", "items", "excluded", "approved", "revoked", "not_reviewed"), BALANCE),
    "population/snapshots.csv": (
        ("source", "snapshot", "completeness", "extraction_note", "extracted_at", "loaded_at", "loaded_by", "rows_read", "rows_loaded",
         "rows_rejected", "grants_open", "started", "changed", "ended", "entry"), SNAPSHOTS),
    "population/files.csv": (
        ("source", "snapshot", "kind", "name", "sha256", "size", "rows_read", "rows_loaded", "rows_rejected"), FILES),
    "population/rejected_rows.csv": (("source", "snapshot", "kind", "line", "field", "reason", "raw"), REJECTED),
    "population/exclusions.csv": (EXCLUSION_COLUMNS, EXCLUSIONS),
    "reviews/items.csv": ((*ITEM_COLUMNS, *RESULT_COLUMNS), ITEMS),
    "reviews/decisions.csv": (
        ("campaign", "item", "reviewer", "reviewer_name", "reviewer_email", "rule", "decision", "rationale", "decided_at", "shown",
         "bulk", "entry"), DECISIONS),
    "reviews/submissions.csv": (
        ("campaign", "reviewer", "reviewer_name", "statement", "approved", "revoked", "dont_know", "open_left", "decisions_root",
         "submitted_at", "entry"), SUBMISSIONS),
    "reviews/bulk_acts.csv": (
        ("campaign", "reviewer", "decision", "rationale", "filter", "count", "left_out", "at", "items", "entry"), BULK_ACTS),
    "reviews/reviewers.csv": (
        ("campaign", "reviewer", "reviewer_name", "decisions", "by_bulk", "first_decision_at", "last_decision_at"), REVIEWERS),
    "reviews/reassignments.csv": (("campaign", "from", "to", "reason", "items", "at", "by", "entry"), REASSIGNMENTS),
    "remediation/removals.csv": (
        ("campaign", "item", "removal", "source", "owner", "opened_at", "due_at", "verdict", "present_in", "gone_in", "verified_at",
         "attempts", "entry"), REMOVALS),
    "remediation/attempts.csv": (
        ("campaign", "item", "removal", "note", "proof_name", "proof_sha256", "by", "at", "entry"), ATTEMPTS),
    "remediation/verifications.csv": (
        ("campaign", "item", "removal", "verdict", "source", "present_in", "snapshot", "at", "entry"), VERIFICATIONS),
    "administration/changes.csv": (("at", "kind", "subject", "by", "data", "entry"), CHANGES),
}  # fmt: skip
