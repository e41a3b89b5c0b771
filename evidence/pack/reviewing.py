"""How people reviewed: whether they were independent of what they decided on, and with which attention.

Every decision under the checkpoint counts, those that were changed later as well; what was undone stays counted, the undoing itself is
none. Whose access is a reviewer's own is known since a reading tied an identity to them.
"""

import json
from collections.abc import Iterator

from django.db import connection

from campaigns import measures, quality
from campaigns.population import moment_sql
from campaigns.states import Measure
from evidence.pack.recorded import UNDER
from evidence.pack.scope import Scope

INDEPENDENCE_COLUMNS = (
    "campaign", "reviewer", "reviewer_name", "identity", "known_since", "decisions", "own", "manages", "delegated", "granted",
    "reports_to", "rules",
)  # fmt: skip
QUALITY_COLUMNS = (
    "campaign", "reviewer", "reviewer_name", "decided", "privileged", *Measure.values, "approved", "with_reason", "limits",
    "beyond",
)  # fmt: skip

#: Which identity is whose, as readings under the checkpoint tied them.
LINKED = """
    SELECT identity.user_id, identity.key, reading.loaded_at AS since FROM inventory_identity AS identity
    LEFT JOIN (
        SELECT snapshot.id, snapshot.loaded_at FROM inventory_snapshot AS snapshot
        JOIN ledger_entry AS entry ON entry.uid = snapshot.entry_uid
        JOIN ledger_leaf AS leaf ON leaf.entry_id = entry.id AND leaf.index < %(size)s
    ) AS reading ON reading.id = identity.linked_in_id
    WHERE identity.user_id IS NOT NULL AND (identity.linked_in_id IS NULL OR reading.id IS NOT NULL)
"""

INDEPENDENCE = f"""
    WITH linked AS MATERIALIZED ({LINKED}), made AS (
        SELECT decision.campaign_id, decision.reviewer_id, decision.assigned_by_rule AS rule, min(decision.reviewer_name) AS name,
               min(linked.key) AS identity, count(*) AS decisions, min(linked.since) AS since,
               count(*) FILTER (WHERE item.identity_key = linked.key AND decision.decided_at >= COALESCE(linked.since, '-infinity')) AS own,
               count(*) FILTER (WHERE item.manager_key = linked.key) AS manages, count(decision.acting_for_id) AS delegated
        FROM campaigns_decision AS decision {UNDER.format(uid="decision.entry_uid")}
        JOIN campaigns_reviewitem AS item ON item.id = decision.item_id LEFT JOIN linked ON linked.user_id = decision.reviewer_id
        WHERE decision.campaign_id = ANY(%(campaigns)s) AND decision.code <> 'undo'
        GROUP BY decision.campaign_id, decision.reviewer_id, decision.assigned_by_rule
    ), excused AS (
        SELECT campaign_id, decided_by_id AS reviewer_id, count(*) FILTER (WHERE excused = 'granter') AS granted,
               count(*) FILTER (WHERE excused = 'own_report') AS reports_to
        FROM campaigns_assignment WHERE campaign_id = ANY(%(closed)s) AND excused <> '' AND decided_by_id IS NOT NULL
        GROUP BY campaign_id, decided_by_id
    )
    SELECT campaign_id::text AS campaign, 'people.user:' || reviewer_id, min(name), min(identity), {moment_sql("min(made.since)")},
           sum(decisions)::text, sum(own)::text, sum(manages)::text, sum(delegated)::text,
           CASE WHEN campaign_id = ANY(%(closed)s) THEN COALESCE(min(excused.granted), 0)::text END,
           CASE WHEN campaign_id = ANY(%(closed)s) THEN COALESCE(min(excused.reports_to), 0)::text END,
           jsonb_object_agg(rule, decisions)::text
    FROM made LEFT JOIN excused USING (campaign_id, reviewer_id) GROUP BY campaign_id, reviewer_id ORDER BY campaign_id, reviewer_id
"""
TABLES = (("reviews/independence.csv", INDEPENDENCE_COLUMNS, INDEPENDENCE),)

#: What of the measures is no measure of `campaigns.measures`: names, answers that keep, answers with a reason.
SAID = f"""
    SELECT decision.reviewer_id, min(decision.reviewer_name),
           round(100.0 * count(*) FILTER (WHERE decision.code = 'approve') / count(*), 1),
           round(100.0 * count(*) FILTER (WHERE decision.rationale <> '') / count(*), 1)
    FROM campaigns_decision AS decision {UNDER.format(uid="decision.entry_uid")}
    WHERE decision.campaign_id = %(campaign)s AND decision.code <> 'undo' GROUP BY decision.reviewer_id
"""


def quality_rows(scope: Scope) -> Iterator[list[str]]:
    """Each reviewer of each campaign with the measures over all they decided, the campaign's limits, and which of them they passed."""
    for one in scope.campaigns:
        limits = one.data["terms"].get("quality") or {}
        with connection.cursor() as cursor:
            cursor.execute(SAID, {"campaign": one.pk})
            said = {reviewer: rest for reviewer, *rest in cursor.fetchall()}
        for reviewer, found in quality.measured_under(one.pk, "pack_entry").items():
            name, *shares = said[reviewer]
            values = [found.decided, found.privileged, *(found.value(measure) for measure in Measure), *shares]
            cells = ["" if value is None else str(value) for value in values]
            beyond = " ".join(breach.measure for breach in measures.breaches(found, limits))
            yield [str(one.pk), f"people.user:{reviewer}", name, *cells, json.dumps(limits, sort_keys=True), beyond]
