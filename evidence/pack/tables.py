"""The CSV files of a pack: path, columns, and the query whose rows they hold, in an order that never varies.

What a table shows comes from the tables of the product; the entries it must equal come from the ledger. Every query is limited to
what is recorded under the checkpoint: `size` entries.
"""

from dataclasses import dataclass

from campaigns.population import moment_sql
from campaigns.results import ANSWER_CELLS
from campaigns.rules import ADVICE_COLUMNS, ANSWER_COLUMNS, CONFLICT_COLUMNS, CONTEXT_COLUMNS, EXCLUSION_COLUMNS, ITEM_COLUMNS
from evidence.pack import audit, leavers, removals, reviewing, sign_ins
from evidence.pack.recorded import ACTOR, DUTIES, EXCEPTIONS, OBJECTIONS, RECORDED, RETURNS, STATEMENTS, UNDER, called, said
from evidence.pack.scope import IN_RANGE
from ledger.persons import particular_sql

RESULT_COLUMNS = (
    "outcome", "decision", "decided_by", "decided_at", "decision_entry", "sign_off_entry", "decided_by_name", "rationale",
    "name_salt", "name_commitment",
)  # fmt: skip
#: Spreadsheets show no more of a cell.
RAW_LIMIT = 30_000

#: Tables that live as long as the build: (name, query, indexed column). Everything else joins them by an index, so that the build
#: takes no wrong turn when the database has no statistics yet of what was written a moment ago.
PREPARED = (
    ("pack_entry", f"""
        SELECT leaf.index, entry.id, entry.uid, entry.kind FROM ledger_entry AS entry
        JOIN ledger_leaf AS leaf ON leaf.entry_id = entry.id WHERE entry.id = ANY(%(outside)s)
        UNION ALL
        SELECT leaf.index, entry.id, entry.uid, entry.kind FROM ledger_leaf AS leaf
        JOIN ledger_entry AS entry ON entry.id = leaf.entry_id WHERE {IN_RANGE}
    """, "uid"),
    ("pack_assigned", f"""
        SELECT entry.payload_json -> 'data' ->> 'campaign' || ' ' || (entry.payload_json -> 'data' -> 'reviewer' ->> 'id') AS key,
               entry.payload_json -> 'data' ->> 'campaign' AS campaign, entry.payload_json -> 'data' -> 'reviewer' ->> 'id' AS reviewer,
               COALESCE(entry.payload_json -> 'data' -> 'reviewer' ->> 'name', {called("reviewer")}) AS name,
               entry.payload_json -> 'data' ->> 'items' AS items,
               entry.payload_json -> 'data' ->> 'rules' AS rules,
               COALESCE(entry.payload_json -> 'data' ->> 'stage', '1') AS stage, entry.uid
        FROM pack_entry AS found JOIN ledger_entry AS entry ON entry.id = found.id WHERE found.kind = 'assignment:made'
    """, "key"),
    ("pack_signed", f"""
        SELECT signed.assignment_id, signed.entry_uid, sign_off.id AS sign_off_id, sign_off.entry_uid AS sign_off_uid, entry.index,
               signed.campaign_id, signed.item_number, signed.code, signed.decided_at, signed.id
        FROM campaigns_signeddecision AS signed JOIN campaigns_signoff AS sign_off ON sign_off.id = signed.sign_off_id
        {UNDER.format(uid="sign_off.entry_uid")} WHERE signed.campaign_id = ANY(%(campaigns)s)
    """, "entry_uid, item_number, index"),
    ("pack_stage", """
        SELECT campaign_id, 1 + (SELECT count(*) FROM pack_entry AS found JOIN ledger_entry AS entry ON entry.id = found.id
                                 WHERE found.kind = 'stage:opened' AND entry.subject = 'campaigns.campaign:' || campaign_id) AS stage,
               EXISTS (SELECT FROM pack_entry AS found JOIN ledger_entry AS entry ON entry.id = found.id
                       WHERE found.kind = 'second-look:asked' AND entry.subject = 'campaigns.campaign:' || campaign_id) AS is_looked_at
        FROM unnest(%(campaigns)s::bigint[]) AS campaign_id
    """, "campaign_id"),
    ("pack_standing", """
        SELECT DISTINCT ON (entry.subject) split_part(entry.subject, ':', 2)::bigint AS task_id, found.kind,
               entry.payload_json -> 'data' ->> 'verdict' AS verdict
        FROM pack_entry AS found JOIN ledger_entry AS entry ON entry.id = found.id
        WHERE found.kind IN ('removal:sent', 'removal:claimed-done', 'removal:verified', 'removal:returned', 'removal:closed',
                             'removal:delivered', 'removal:handed-back', 'exception:approved', 'removal:kept', 'removal:released')
           OR found.kind = 'removal:resumed'
           OR (found.kind = 'removal:withdrawn' AND entry.payload_json -> 'data' ->> 'gone' = 'no')
           OR (found.kind = 'removal:announced' AND entry.payload_json -> 'data' ->> 'waits' = 'yes')
           OR (found.kind IN ('removal:confirmed', 'removal:unanswered') AND entry.payload_json -> 'data' ->> 'due_at' <> '')
           OR (found.kind = 'exception:ended' AND entry.payload_json -> 'data' ->> 'due_at' <> '')
        ORDER BY entry.subject, found.index DESC
    """, "task_id"),
    ("pack_shown", """
        SELECT DISTINCT ON (entry.subject) split_part(entry.subject, ':', 2)::bigint AS task_id,
               found.kind = 'removal:verified' AND entry.payload_json -> 'data' ->> 'verdict' = 'gone' AS is_gone,
               entry.payload_json -> 'data' AS data
        FROM pack_entry AS found JOIN ledger_entry AS entry ON entry.id = found.id
        WHERE found.kind IN ('removal:verified', 'removal:returned') ORDER BY entry.subject, found.index DESC
    """, "task_id"),
    ("pack_opened", """
        SELECT split_part(entry.subject, ':', 2)::bigint AS task_id, entry.payload_json -> 'data' ->> 'due_at' AS due_at
        FROM pack_entry AS found JOIN ledger_entry AS entry ON entry.id = found.id WHERE found.kind = 'removal:opened'
    """, "task_id"),
    ("pack_due", """
        SELECT DISTINCT ON (entry.subject) split_part(entry.subject, ':', 2) AS task, entry.payload_json -> 'data' ->> 'due_at' AS due_at
        FROM pack_entry AS found JOIN ledger_entry AS entry ON entry.id = found.id
        WHERE found.kind IN ('removal:opened', 'removal:returned', 'exception:ended', 'removal:confirmed', 'removal:unanswered',
                             'removal:resumed')
          AND entry.payload_json -> 'data' ->> 'due_at' <> '' ORDER BY entry.subject, found.index DESC
    """, "task"),
    ("pack_back", """
        SELECT DISTINCT split_part(entry.subject, ':', 2) AS task
        FROM pack_entry AS found JOIN ledger_entry AS entry ON entry.id = found.id WHERE found.kind = 'removal:returned'
    """, "task"),
    ("pack_claimed", f"""
        SELECT attempt.task_id, count(*) AS attempts FROM remediation_attempt AS attempt
        {UNDER.format(uid="attempt.entry_uid")} WHERE attempt.kind = 'claim' GROUP BY attempt.task_id
    """, "task_id"),
    ("pack_leaver", leavers.JUDGED, "leaver_id"),
)  # fmt: skip

#: Kinds of entries that a table of their own shows; all others are in administration/changes.csv.
SHOWN_ELSEWHERE = (
    "decision:made", "decisions:made", "decision:undone", "decision:bulk", "snapshot:loaded", "assignment:made", "assignment:reassigned",
    "review:submitted", "removal:opened", "removal:claimed-done", "removal:verified", "removal:sent", "removal:proof-added",
    "removal:closed", "removal:returned", "removal:announced", "removal:objected", "removal:confirmed", "removal:kept",
    "removal:unanswered", "removal:released", "removal:objection-ended", "exception:requested",
    "exception:approved", "exception:declined", "exception:ended", "mail:sent", "mail:failed", "campaign:launched", "campaign:closed",
    "campaign:cancelled", "campaign:sealed", "finding:made", "finding:dispositioned", "second-look:asked", *audit.KINDS,
    "duty:given", "statement:made", sign_ins.KIND,
)  # fmt: skip


@dataclass(frozen=True)
class Table:
    """One CSV file. The query yields one text for each column."""

    path: str
    columns: tuple[str, ...]
    query: str


BALANCE = """
    SELECT frozen.campaign_id::text, source.key, snapshot.number::text, frozen.grants_open::text, frozen.items::text,
           frozen.excluded::text, outcomes.approved, outcomes.revoked, outcomes.reduced, outcomes.not_reviewed
    FROM campaigns_campaignsource AS frozen
    JOIN inventory_source AS source ON source.id = frozen.source_id
    JOIN inventory_snapshot AS snapshot ON snapshot.id = frozen.snapshot_id
    LEFT JOIN LATERAL (
        SELECT count(*) FILTER (WHERE outcome = 'approved')::text AS approved,
               count(*) FILTER (WHERE outcome = 'revoked')::text AS revoked,
               count(*) FILTER (WHERE outcome = 'reduced')::text AS reduced,
               count(*) FILTER (WHERE outcome = 'not_reviewed')::text AS not_reviewed
        FROM campaigns_reviewitem WHERE campaign_id = frozen.campaign_id AND source_id = frozen.source_id
    ) AS outcomes ON frozen.campaign_id = ANY(%(closed)s)
    WHERE frozen.campaign_id = ANY(%(campaigns)s) ORDER BY frozen.campaign_id, source.key COLLATE "C"
"""

SNAPSHOT = f"""
    JOIN inventory_source AS source ON source.id = snapshot.source_id
    {UNDER.format(uid="snapshot.entry_uid")}
"""

SNAPSHOTS = f"""
    SELECT source.key, snapshot.number::text, snapshot.completeness, snapshot.extraction_note, {moment_sql("snapshot.extracted_at")},
           {moment_sql("snapshot.loaded_at")}, snapshot.loaded_by_name, snapshot.rows_read::text, snapshot.rows_loaded::text,
           snapshot.rows_rejected::text, snapshot.grants_open::text, snapshot.grants_started::text, snapshot.grants_changed::text,
           snapshot.grants_ended::text, snapshot.entry_uid::text
    FROM inventory_snapshot AS snapshot {SNAPSHOT} ORDER BY entry.index
"""

FILES = f"""
    SELECT source.key, snapshot.number::text, file.kind, file.file_name, file.sha256, file.size::text, file.rows_read::text,
           file.rows_loaded::text, file.rows_rejected::text
    FROM inventory_snapshotfile AS file JOIN inventory_snapshot AS snapshot ON snapshot.id = file.snapshot_id {SNAPSHOT}
    ORDER BY entry.index, file.id
"""

REJECTED = f"""
    SELECT source.key, snapshot.number::text, file.kind, rejected.line::text, rejected.field, rejected.reason,
           left(rejected.raw, {RAW_LIMIT})
    FROM inventory_rejectedrow AS rejected JOIN inventory_snapshotfile AS file ON file.id = rejected.file_id
    JOIN inventory_snapshot AS snapshot ON snapshot.id = file.snapshot_id {SNAPSHOT}
    ORDER BY entry.index, file.id, rejected.line, rejected.id
"""

CONFLICTS = f"""
    SELECT campaign_id::text, number::text, item_number::text, rule, name, severity, side, duty, other_duty, array_to_string(held, '; '),
           held_count::text, control, {moment_sql("found_at")}, COALESCE(excepted_until::text, ''), exception_control, exception_by
    FROM campaigns_itemconflict AS conflict WHERE campaign_id = ANY(%(campaigns)s) ORDER BY conflict.campaign_id, conflict.number
"""

ADVICE = """
    SELECT item.campaign_id::text, item.number::text, told.recommendation, told.score::text, told.peers_holding::text,
           told.peers_total::text, told.peers_label, array_to_string(told.reasons, ' ')
    FROM campaigns_reviewitem AS item JOIN campaigns_itemadvice AS told ON told.item_id = item.id
    WHERE item.campaign_id = ANY(%(campaigns)s) ORDER BY item.campaign_id, item.number
"""

CONTEXTS = f"""
    SELECT campaign_id::text, number::text, item_number::text, described_by, described_by_name, {moment_sql("described_at")},
           file_description, credential_kind, {moment_sql("credential_at")}, credential_limit::text
    FROM campaigns_itemcontext AS context WHERE campaign_id = ANY(%(campaigns)s) ORDER BY context.campaign_id, context.number
"""

EXCLUSIONS = """
    SELECT exclusion.campaign_id::text, exclusion.number::text, exclusion.source_key, snapshot.number::text, exclusion.account_key,
           exclusion.identity_key, exclusion.entitlement_key, exclusion.path, exclusion.rule
    FROM campaigns_exclusion AS exclusion JOIN inventory_source AS source ON source.key = exclusion.source_key
    JOIN campaigns_campaignsource AS frozen ON frozen.campaign_id = exclusion.campaign_id AND frozen.source_id = source.id
    JOIN inventory_snapshot AS snapshot ON snapshot.id = frozen.snapshot_id
    WHERE exclusion.campaign_id = ANY(%(campaigns)s) ORDER BY exclusion.campaign_id, exclusion.number
"""


def _when_answered(cell: str) -> str:
    return f"CASE WHEN item.campaign_id = ANY(%(closed)s) AND item.sign_off_id IS NOT NULL THEN {cell} ELSE '' END"


#: Nearly everybody has one name throughout a campaign; only of those who were renamed each decision is looked at.
DECIDED_BY_NAME = """CASE WHEN named.name = named.other THEN named.name ELSE (
    SELECT reviewer_name FROM campaigns_decision WHERE item_id = item.id AND entry_uid = item.decision_entry_uid) END"""
#: Rules by which somebody is asked later than a stage began.
LATER = "('reassigned', 'asked_next', 'second_look')"

# A reviewer's name is the one at the launch, which the assignment entries repeat: people are renamed, packs are not. The answer that
# made the outcome stands with an item once its campaign is closed.
ITEMS_OF = f"""
    SELECT item.campaign_id::text, item.number::text, item.source_key, snapshot.number::text, item.account_key, item.account_name,
           item.identity_key, item.identity_name, item.identity_kind, item.identity_status, item.department, item.title,
           item.manager_key, item.entitlement_key, item.entitlement_name, item.entitlement_kind, item.description, item.privileged,
           item.path, {moment_sql("item.granted_at")}, item.granted_by, {moment_sql("item.last_used_at")},
           {moment_sql("item.expires_at")}, {moment_sql("item.first_seen_at")}, array_to_string(item.signals, ' '),
           COALESCE('campaigns.reviewergroup:' || asked.id, reviewer.reviewer), COALESCE(asked.name, {{called}}), assigned.rule,
           CASE WHEN item.campaign_id = ANY(%(closed)s) THEN item.outcome ELSE '' END, {_when_answered("item.decision")},
           {_when_answered("'people.user:' || item.decided_by_id")}, {_when_answered(moment_sql("item.decided_at"))},
           {_when_answered("item.decision_entry_uid::text")}, {_when_answered("sign_off.entry_uid::text")},
           {_when_answered(DECIDED_BY_NAME)}, {_when_answered("item.rationale")},
           COALESCE(encode(item.name_salt, 'hex'), ''), COALESCE(encode(item.name_commitment, 'hex'), '')
    FROM campaigns_reviewitem AS item
    JOIN campaigns_campaignsource AS frozen ON frozen.campaign_id = item.campaign_id AND frozen.source_id = item.source_id
    JOIN inventory_snapshot AS snapshot ON snapshot.id = frozen.snapshot_id
    JOIN (
        SELECT DISTINCT ON (item_id) item_id, reviewer_id, rule, group_id FROM campaigns_assignment
        WHERE campaign_id = ANY(%(campaigns)s) AND stage = 1 AND panel = 1 AND rule NOT IN {LATER} {{asked}} ORDER BY item_id, id
    ) AS assigned ON assigned.item_id = item.id
    JOIN pack_assigned AS reviewer
        ON reviewer.key = item.campaign_id || ' people.user:' || assigned.reviewer_id AND reviewer.stage = '1'
    LEFT JOIN campaigns_reviewergroup AS asked ON asked.id = assigned.group_id
    LEFT JOIN campaigns_signoff AS sign_off ON sign_off.id = item.sign_off_id
    LEFT JOIN (
        SELECT campaign_id, reviewer_id, min(reviewer_name) AS name, max(reviewer_name) AS other FROM campaigns_decision
        WHERE campaign_id = ANY(%(campaigns)s) {{asked}} GROUP BY campaign_id, reviewer_id
    ) AS named ON named.campaign_id = item.campaign_id AND named.reviewer_id = item.decided_by_id
    WHERE item.campaign_id = ANY(%(campaigns)s) {{only}} ORDER BY item.campaign_id, item.number
"""
ITEMS = ITEMS_OF.format(asked="", only="", called="reviewer.name")

DECISIONS = f"""
    SELECT decision.campaign_id::text, item.number::text, decision.code, 'people.user:' || decision.reviewer_id,
           decision.reviewer_name, decision.reviewer_email, decision.assigned_by_rule, decision.rationale,
           {moment_sql("decision.decided_at")}, decision.shown, COALESCE(act.entry_uid::text, ''), decision.entry_uid::text,
           decision.stage::text, COALESCE('people.user:' || decision.acting_for_id, ''), COALESCE(decision.until::text, ''),
           decision.reduce_to, decision.evidence_sha256,
           COALESCE((SELECT string_agg(signed.sign_off_uid::text, ' ' ORDER BY signed.index) FROM pack_signed AS signed
                     WHERE signed.entry_uid = decision.entry_uid AND signed.item_number = item.number), ''),
           CASE WHEN decision.campaign_id = ANY(%(closed)s) AND counted.sign_off_id IS NOT NULL
                     AND counted.decision_entry_uid = decision.entry_uid THEN 'yes' ELSE '' END
    FROM campaigns_decision AS decision JOIN campaigns_reviewitem AS item ON item.id = decision.item_id
    LEFT JOIN campaigns_assignment AS counted ON counted.id = decision.assignment_id
    LEFT JOIN campaigns_bulkact AS act ON act.id = decision.bulk_act_id {UNDER.format(uid="decision.entry_uid")}
    WHERE decision.campaign_id = ANY(%(campaigns)s) ORDER BY entry.index, decision.id
"""

SUBMISSIONS = f"""
    SELECT signed.campaign_id::text, 'people.user:' || signed.reviewer_id, signed.reviewer_name, signed.statement,
           signed.approved::text, signed.revoked::text, signed.reduced::text, signed.dont_know::text, signed.open_left::text,
           signed.decisions_root, {moment_sql("signed.submitted_at")}, signed.entry_uid::text
    FROM campaigns_signoff AS signed {UNDER.format(uid="signed.entry_uid")}
    WHERE signed.campaign_id = ANY(%(campaigns)s) ORDER BY entry.index
"""

#: What is certain of an assignment before its campaign is closed: that somebody was asked when the stage began.
CERTAIN = {"campaign", "item", "stage", "reviewer", "rule"}


def _asked(name: str, cell: str) -> str:
    return cell if name in CERTAIN else f"CASE WHEN row.campaign_id = ANY(%(closed)s) THEN {cell} ELSE '' END"


ASSIGNMENTS = f"""
    SELECT {", ".join(_asked(name, cell) for name, cell in zip(ANSWER_COLUMNS, ANSWER_CELLS, strict=True))}
    FROM campaigns_assignment AS row JOIN pack_stage AS reached ON reached.campaign_id = row.campaign_id
    LEFT JOIN campaigns_signoff AS sign_off ON sign_off.id = row.sign_off_id
    WHERE row.campaign_id = ANY(%(closed)s) OR (row.stage <= reached.stage AND row.rule NOT IN {LATER})
       OR (reached.is_looked_at AND row.rule = 'second_look')
    ORDER BY row.campaign_id, row.item_number, row.stage, row.id
"""

SIGNED = f"""
    SELECT signed.campaign_id::text, signed.item_number::text, signed.code, {moment_sql("signed.decided_at")}, signed.entry_uid::text,
           signed.sign_off_uid::text
    FROM pack_signed AS signed ORDER BY signed.index, signed.item_number, signed.assignment_id
"""

BULK_ACTS = f"""
    SELECT act.campaign_id::text, 'people.user:' || act.reviewer_id, {particular_sql("recorded.payload_json -> 'actor'")},
           act.decision, act.rationale, act.filter::text,
           act.count::text, act.left_out::text, {moment_sql("act.at")},
           encode(sha256(convert_to('[' || array_to_string(act.item_numbers, ',') || ']', 'UTF8')), 'hex'), act.entry_uid::text
    FROM campaigns_bulkact AS act {UNDER.format(uid="act.entry_uid")}
    JOIN ledger_entry AS recorded ON recorded.id = entry.id
    WHERE act.campaign_id = ANY(%(campaigns)s) ORDER BY entry.index
"""

REVIEWERS = f"""
    WITH decided AS (
        SELECT decision.campaign_id::text AS campaign, 'people.user:' || decision.reviewer_id AS reviewer, decision.stage::text AS stage,
               min(decision.reviewer_name) AS name, count(*) AS decisions, count(decision.bulk_act_id) AS by_bulk,
               min(decision.decided_at) AS first, max(decision.decided_at) AS last
        FROM campaigns_decision AS decision {UNDER.format(uid="decision.entry_uid")}
        WHERE decision.campaign_id = ANY(%(campaigns)s) GROUP BY decision.campaign_id, decision.reviewer_id, decision.stage
    )
    SELECT campaign, reviewer, stage, COALESCE(assigned.name, decided.name), COALESCE(assigned.items, '0'), assigned.rules,
           COALESCE(decided.decisions, 0)::text, COALESCE(decided.by_bulk, 0)::text, {moment_sql("decided.first")},
           {moment_sql("decided.last")}, assigned.uid::text
    FROM pack_assigned AS assigned FULL JOIN decided USING (campaign, reviewer, stage)
    ORDER BY campaign::bigint, stage::int, substring(reviewer FROM '[0-9]+$')::bigint
"""

REASSIGNMENTS = f"""
    SELECT {said("campaign")}, item.number, {said("from")}, {said("to")}, {said("reason")}, entry.payload_json ->> 'at',
           {ACTOR}, entry.uid::text
    FROM pack_entry AS found JOIN ledger_entry AS entry ON entry.id = found.id
    CROSS JOIN LATERAL jsonb_array_elements_text(entry.payload_json -> 'data' -> 'items') WITH ORDINALITY AS item (number, place)
    WHERE found.kind = 'assignment:reassigned' ORDER BY found.index, item.place
"""

MAILS = f"""
    SELECT entry.subject, entry.kind, {said("recipient")}, COALESCE({said("recipient_name")}, {called("to")}),
           COALESCE({said("address")}, {called("to", "email")}), {said("template")},
           {said("subject")}, {said("message_id")}, {said("sha256")}, entry.payload_json ->> 'at', entry.uid::text
    {RECORDED} IN ('mail:sent', 'mail:failed') ORDER BY found.index
"""

SEALS = f"""
    SELECT {said("campaign")}, {said("statement")}, {said("close_entry")}, {said("outcome_root")}, {said("counts")},
           {ACTOR}, entry.payload_json ->> 'at', entry.uid::text
    {RECORDED} = 'campaign:sealed' ORDER BY found.index
"""

FINDINGS = f"""
    SELECT {said("campaign")}, entry.kind, entry.payload_json -> 'data' -> 'reviewer' ->> 'id',
           {called("reviewer")}, {said("measure")}, {said("value")}, {said("threshold")},
           {said("decided")}, {said("finding")}, {said("choice")}, {said("reason")}, {said("asked")}, {said("reopened")},
           {ACTOR}, entry.payload_json ->> 'at', entry.uid::text
    {RECORDED} IN ('finding:made', 'finding:dispositioned') ORDER BY found.index
"""

SECOND_LOOKS = f"""
    SELECT {said("campaign")}, {said("stage")}, {said("seed")}, {said("share")}, {said("items")}, {said("without_reviewer")},
           {said("items_root")}, {said("reviewers")}, {said("due_at")}, entry.payload_json ->> 'at', entry.uid::text
    {RECORDED} = 'second-look:asked' ORDER BY found.index
"""

CHANGES = f"""
    SELECT entry.payload_json ->> 'at', entry.kind, entry.subject, {ACTOR},
           (entry.payload_json -> 'data')::text, entry.uid::text
    FROM pack_entry AS found JOIN ledger_entry AS entry ON entry.id = found.id
    WHERE found.kind <> ALL(ARRAY[{", ".join(f"'{kind}'" for kind in SHOWN_ELSEWHERE)}]) ORDER BY found.index
"""

TABLES = (
    *(Table(*one) for one in (*audit.TABLES, *leavers.TABLES, *reviewing.TABLES, *sign_ins.TABLES)),
    Table("administration/changes.csv", ("at", "kind", "subject", "by", "data", "entry"), CHANGES),
    Table("campaigns/mails.csv", (
        "about", "kind", "recipient", "recipient_name", "address", "template", "subject", "message_id", "sha256", "at", "entry"), MAILS),
    Table("campaigns/seals.csv", ("campaign", "statement", "close_entry", "outcome_root", "totals", "by", "at", "entry"), SEALS),
    Table("controls/duties.csv", ("control", "duty", "holder", "holder_name", "before", "by", "at", "entry"), DUTIES),
    Table("controls/statements.csv", (
        "framework", "kind", "number", "version", "control", "withdrawn", "facts", "by", "at", "entry"), STATEMENTS),
    Table("population/balance.csv", (
        "campaign", "source", "snapshot", "grants_open", "items", "excluded", "approved", "revoked", "reduced", "not_reviewed"), BALANCE),
    Table("population/exclusions.csv", EXCLUSION_COLUMNS, EXCLUSIONS),
    Table("population/files.csv", (
        "source", "snapshot", "kind", "name", "sha256", "size", "rows_read", "rows_loaded", "rows_rejected"), FILES),
    Table("population/rejected_rows.csv", ("source", "snapshot", "kind", "line", "field", "reason", "raw"), REJECTED),
    Table("population/snapshots.csv", (
        "source", "snapshot", "completeness", "extraction_note", "extracted_at", "loaded_at", "loaded_by", "rows_read",
        "rows_loaded", "rows_rejected", "grants_open", "started", "changed", "ended", "entry"), SNAPSHOTS),
    Table("remediation/attempts.csv", (
        "removal", "kind", "campaign", "item", "note", "proof_name", "proof_sha256", "proof_link", "by", "at", "entry"), removals.ATTEMPTS),
    Table("remediation/exceptions.csv", (
        "exception", "kind", "removal", "campaign", "item", "requested_by", "reason", "control", "expires_on", "note", "was", "why",
        "due_at", "by", "at", "entry"), EXCEPTIONS),
    Table("remediation/figures.csv", (
        "campaign", "decided", "reported", "verified", "verified_late", "still_there", "came_back", "excepted", "cannot_verify",
        "closed_on_proof", "kept_after_objection", "withdrawn", "to_do", "median_minutes", "p95_minutes"), removals.FIGURES),
    Table("remediation/objections.csv", (
        "removal", "kind", "campaign", "item", "person", "until", "waits", "decision", "reviewer", "reason", "answer_by", "due_at", "by",
        "at", "entry"), OBJECTIONS),
    Table("remediation/removals.csv", (
        "campaign", "item", "source", "account_id", "entitlement_id", "path", "removal", "owner", "opened_at", "due_at", "state",
        "attempts", "present_in", "gone_in", "verified_at", "entry"), removals.REMOVALS),
    Table("remediation/returns.csv", (
        "removal", "campaign", "item", "source", "gone_in", "seen_in", "decision", "later_decision", "later_outcome", "granted_by",
        "due_at", "at", "entry"), RETURNS),
    Table("remediation/verifications.csv", (
        "removal", "campaign", "item", "verdict", "source", "present_in", "snapshot", "at", "entry"), removals.VERIFICATIONS),
    Table("reviews/advice.csv", ADVICE_COLUMNS, ADVICE),
    Table("reviews/assignments.csv", ANSWER_COLUMNS, ASSIGNMENTS),
    Table("reviews/bulk_acts.csv", (
        "campaign", "reviewer", "reviewer_name", "decision", "rationale", "filter", "count", "left_out", "at", "items_sha256",
        "entry"), BULK_ACTS),
    Table("reviews/conflicts.csv", CONFLICT_COLUMNS, CONFLICTS),
    Table("reviews/contexts.csv", CONTEXT_COLUMNS, CONTEXTS),
    Table("reviews/decisions.csv", (
        "campaign", "item", "decision", "reviewer", "reviewer_name", "reviewer_email", "rule", "rationale", "decided_at", "shown",
        "bulk", "entry", "stage", "for", "until", "reduce_to", "evidence", "signed_in", "counts"), DECISIONS),
    Table("reviews/findings.csv", (
        "campaign", "kind", "reviewer", "reviewer_name", "measure", "value", "threshold", "decided", "finding", "choice", "reason",
        "asked", "reopened", "by", "at", "entry"), FINDINGS),
    Table("reviews/items.csv", (*ITEM_COLUMNS, *RESULT_COLUMNS), ITEMS),
    Table("reviews/reassignments.csv", ("campaign", "item", "from", "to", "reason", "at", "by", "entry"), REASSIGNMENTS),
    Table("reviews/reviewers.csv", (
        "campaign", "reviewer", "stage", "reviewer_name", "items_assigned", "by_rule", "decisions", "by_bulk", "first_decision_at",
        "last_decision_at", "entry"), REVIEWERS),
    Table("reviews/second_looks.csv", (
        "campaign", "stage", "seed", "share", "items", "without_reviewer", "items_root", "reviewers", "due_at", "at",
        "entry"), SECOND_LOOKS),
    Table("reviews/signed.csv", (
        "campaign", "item", "decision", "decided_at", "decision_entry", "sign_off_entry"), SIGNED),
    Table("reviews/submissions.csv", (
        "campaign", "reviewer", "reviewer_name", "statement", "approved", "revoked", "reduced", "dont_know", "open_left", "decisions_root",
        "submitted_at", "entry"), SUBMISSIONS),
)  # fmt: skip
BY_PATH = {table.path: table for table in TABLES}
