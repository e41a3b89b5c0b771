"""Who had left when a period ended, as the readings of people tell it: for the populations of samples, and for packs."""

#: What people's readings said when the period ended (or say now): whether somebody was known, had left, and was still there when a
#: reading of the period changed them. With a `size` only readings count that the first `size` entries of the log tell of.
KNOWN = """
    SELECT snapshot.id, snapshot.loaded_at FROM inventory_snapshot AS snapshot
    WHERE snapshot.loaded_at < %(end)s AND (%(size)s::bigint IS NULL OR EXISTS (
        SELECT FROM ledger_entry AS entry JOIN ledger_leaf AS leaf ON leaf.entry_id = entry.id
        WHERE entry.uid = snapshot.entry_uid AND leaf.index < %(size)s))
"""
PEOPLE = f"""
    WITH known AS MATERIALIZED ({KNOWN})
    SELECT identity.id, identity.kind, source.key AS system,
           COALESCE(later.is_left, identity.status = 'inactive' OR gone.id IS NOT NULL) AS is_left,
           COALESCE(changed.was_there, FALSE) AS was_there
    FROM inventory_identity AS identity JOIN inventory_source AS source ON source.id = identity.source_id
    LEFT JOIN known AS gone ON gone.id = identity.gone_in_id
    LEFT JOIN known AS first ON first.id = identity.first_in_id
    LEFT JOIN (
        SELECT DISTINCT ON (former.identity_id) former.identity_id, former.status = 'inactive' OR former.is_gone AS is_left
        FROM inventory_formeridentity AS former LEFT JOIN known AS until ON until.id = former.until_id
        WHERE until.id IS NULL ORDER BY former.identity_id, former.until_id
    ) AS later ON later.identity_id = identity.id
    LEFT JOIN (
        SELECT former.identity_id, bool_or(NOT (former.status = 'inactive' OR former.is_gone)) AS was_there
        FROM inventory_formeridentity AS former JOIN known AS until ON until.id = former.until_id
        WHERE until.loaded_at >= %(begin)s GROUP BY former.identity_id
    ) AS changed ON changed.identity_id = identity.id
    WHERE identity.first_in_id IS NULL OR first.id IS NOT NULL
"""
#: Everybody known at the end of a period: how many, there, left before it, left in it.
PEOPLE_COUNTED = f"""
    SELECT count(*), count(*) FILTER (WHERE is_left AND was_there), count(*) FILTER (WHERE NOT is_left),
           count(*) FILTER (WHERE is_left AND NOT was_there) FROM ({PEOPLE}) AS person
"""
