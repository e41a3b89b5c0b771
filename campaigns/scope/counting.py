"""How much a scope asks for, counted while it is being written: without reviewers, signals and texts, in one pass."""

#: The part of a population's query that a scope needs.
COUNTED_FROM = """
    FROM unnest(%(sources)s::bigint[], %(snapshots)s::bigint[]) AS scope (source_id, snapshot_id)
    JOIN inventory_grant AS granted ON granted.source_id = scope.source_id AND granted.opened_in_id <= scope.snapshot_id
         AND (granted.closed_in_id IS NULL OR granted.closed_in_id > scope.snapshot_id)
    JOIN inventory_snapshot AS first_seen ON first_seen.id = granted.first_seen_id
    JOIN inventory_account AS account ON account.id = granted.account_id
    JOIN inventory_entitlement AS entitlement ON entitlement.id = granted.entitlement_id
    LEFT JOIN inventory_identity AS identity ON identity.id = account.identity_id
"""
