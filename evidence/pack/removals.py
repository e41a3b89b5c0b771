"""Tables of the pack about removals: where each stands under the checkpoint, what was reported and what later readings showed."""

from campaigns.population import moment_sql
from evidence.pack.recorded import UNDER

#: Where the last entry about a removal leaves it.
REMOVAL_STATE = """
    CASE WHEN task.id IS NULL THEN 'not_opened' ELSE CASE standing.kind
        WHEN 'removal:sent' THEN 'sent' WHEN 'removal:delivered' THEN 'sent'
        WHEN 'removal:claimed-done' THEN 'reported_not_proved'
        WHEN 'removal:returned' THEN 'returned' WHEN 'removal:closed' THEN 'closed_on_proof'
        WHEN 'exception:approved' THEN 'excepted'
        WHEN 'removal:announced' THEN 'announced' WHEN 'removal:kept' THEN 'kept_after_objection' WHEN 'removal:withdrawn' THEN 'withdrawn'
        WHEN 'removal:verified' THEN CASE standing.verdict WHEN 'gone' THEN 'verified_gone' ELSE 'still_there' END
        ELSE 'open' END END
"""

# What nobody answered is there too once its removal is opened, which people must have approved, and what began at sign-off.
# Where a removal stands under the checkpoint follows from its entries alone; the task's own state is of today.
# That an item has an outcome of these or a task only says early what the last condition says.
REMOVALS = f"""
    SELECT item.campaign_id::text, item.number::text, item.source_key, item.account_key, item.entitlement_key, item.path,
           task.id::text, 'people.user:' || task.owner_id, {moment_sql("task.created_at")}, begun.due_at, {REMOVAL_STATE},
           COALESCE(claimed.attempts, 0)::text,
           COALESCE(CASE WHEN shown.is_gone THEN shown.data ->> 'present_in'
                         ELSE COALESCE(shown.data ->> 'seen_in', shown.data ->> 'snapshot') END, snapshot.number::text),
           CASE WHEN shown.is_gone THEN shown.data ->> 'snapshot' END, CASE WHEN shown.is_gone THEN shown.data ->> 'at' END,
           opened.uid::text
    FROM campaigns_reviewitem AS item
    JOIN campaigns_campaignsource AS frozen ON frozen.campaign_id = item.campaign_id AND frozen.source_id = item.source_id
    JOIN inventory_snapshot AS snapshot ON snapshot.id = frozen.snapshot_id
    LEFT JOIN (remediation_remediationtask AS task JOIN pack_entry AS opened ON opened.uid = task.entry_uid)
        ON task.item_id = item.id
    LEFT JOIN pack_opened AS begun ON begun.task_id = task.id
    LEFT JOIN pack_standing AS standing ON standing.task_id = task.id
    LEFT JOIN pack_shown AS shown ON shown.task_id = task.id
    LEFT JOIN pack_claimed AS claimed ON claimed.task_id = task.id
    WHERE item.campaign_id = ANY(%(campaigns)s)
      AND (item.outcome IN ('revoked', 'reduced') OR item.id IN (SELECT item_id FROM remediation_remediationtask))
      AND (opened.uid IS NOT NULL OR item.campaign_id = ANY(%(closed)s) AND item.outcome IN ('revoked', 'reduced'))
    ORDER BY item.campaign_id, item.number
"""

#: What the rows of remediation/removals.csv come to. Times are whole minutes by nearest rank, from the decision (without one: from the
#: opening) to the moment that the proving reading speaks of.
FIGURES = f"""
    SELECT removal.campaign, count(*)::text, count(*) FILTER (WHERE removal.attempts <> '0')::text,
           count(*) FILTER (WHERE removal.state = 'verified_gone')::text,
           count(*) FILTER (WHERE removal.state = 'verified_gone' AND proof.at > due.due_at::timestamptz)::text,
           count(*) FILTER (WHERE removal.state = 'still_there')::text, count(*) FILTER (WHERE back.task IS NOT NULL)::text,
           count(*) FILTER (WHERE removal.state = 'excepted')::text,
           count(*) FILTER (WHERE removal.state = 'reported_not_proved')::text,
           count(*) FILTER (WHERE removal.state = 'closed_on_proof')::text,
           count(*) FILTER (WHERE removal.state = 'kept_after_objection')::text,
           count(*) FILTER (WHERE removal.state = 'withdrawn')::text,
           count(*) FILTER (WHERE removal.state IN ('announced', 'open', 'sent', 'returned', 'not_opened'))::text,
           (percentile_disc(0.5) WITHIN GROUP (ORDER BY spent.minutes))::text,
           (percentile_disc(0.95) WITHIN GROUP (ORDER BY spent.minutes))::text
    FROM ({REMOVALS}) AS removal (campaign, item, source, account, entitlement, path, task, owner, opened_at, due_at, state, attempts,
                                  present_in, gone_in, verified_at, entry)
    JOIN campaigns_reviewitem AS asked ON asked.campaign_id = removal.campaign::bigint AND asked.number = removal.item::int
    LEFT JOIN (SELECT source.key, snapshot.number::text AS number, COALESCE(snapshot.extracted_at, snapshot.loaded_at) AS at
               FROM inventory_snapshot AS snapshot JOIN inventory_source AS source ON source.id = snapshot.source_id) AS proof
        ON removal.state = 'verified_gone' AND proof.key = removal.source AND proof.number = removal.gone_in
    LEFT JOIN pack_due AS due ON due.task = removal.task
    LEFT JOIN pack_back AS back ON back.task = removal.task
    CROSS JOIN LATERAL (SELECT CASE WHEN proof.at IS NOT NULL THEN floor(GREATEST(0, extract(
        epoch FROM proof.at - COALESCE(CASE WHEN asked.campaign_id = ANY(%(closed)s)
            THEN asked.decided_at END, NULLIF(removal.opened_at, '')::timestamptz))) / 60)::bigint
        END) AS spent (minutes)
    GROUP BY removal.campaign ORDER BY removal.campaign::bigint
"""

ATTEMPTS = f"""
    SELECT task.id::text, entry.kind, task.campaign_id::text, item.number::text, attempt.note, attempt.proof_name,
           attempt.proof_sha256, attempt.proof_link, attempt.by_name, {moment_sql("attempt.at")}, attempt.entry_uid::text
    FROM remediation_attempt AS attempt JOIN remediation_remediationtask AS task ON task.id = attempt.task_id
    JOIN campaigns_reviewitem AS item ON item.id = task.item_id {UNDER.format(uid="attempt.entry_uid")}
    WHERE task.campaign_id = ANY(%(campaigns)s) ORDER BY entry.index
"""

VERIFICATIONS = f"""
    SELECT task.id::text, task.campaign_id::text, item.number::text, verification.verdict, source.key, present.number::text,
           later.number::text, {moment_sql("verification.at")}, verification.entry_uid::text
    FROM remediation_verification AS verification JOIN remediation_remediationtask AS task ON task.id = verification.task_id
    JOIN campaigns_reviewitem AS item ON item.id = task.item_id
    JOIN inventory_source AS source ON source.id = task.source_id
    JOIN inventory_snapshot AS present ON present.id = verification.present_in_id
    JOIN inventory_snapshot AS later ON later.id = verification.snapshot_id {UNDER.format(uid="verification.entry_uid")}
    WHERE task.campaign_id = ANY(%(campaigns)s) ORDER BY entry.index
"""
