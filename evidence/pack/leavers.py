"""The leavers of a period: who left in it, every account they held then, and between which readings each was gone.

Who left is `evidence.people_left`' to say, here as the log tells it under the checkpoint. An account is gone with the first whole
reading of its system that ends its last right; the whole reading before that one still showed it. Days are those of UTC.
"""

from evidence.people_left import KNOWN, PEOPLE, PEOPLE_COUNTED

COLUMNS = (
    "identity_id", "identity_name", "identity_kind", "people_source", "people_snapshot", "last_day", "left_on", "due_on", "source",
    "account_id", "present_in", "gone_in", "verdict", "late_at_least", "late_at_most", "why",
)  # fmt: skip
BALANCE_COLUMNS = (
    "known", "there", "left_before", "leavers", "in_time", "late", "still_there", "cannot_say", "without_account", "accounts",
    "days",
)  # fmt: skip

#: Readings under the checkpoint, whenever they were loaded; `is_whole`: what it does not show is not there.
READING = """
    SELECT snapshot.id, snapshot.source_id, snapshot.number, snapshot.entry_uid, entry.id AS entry_id,
           COALESCE(snapshot.extracted_at, snapshot.loaded_at) AS at,
           (COALESCE(snapshot.extracted_at, snapshot.loaded_at) AT TIME ZONE 'UTC')::date AS day, people.id IS NOT NULL AS has_people,
           snapshot.completeness = 'full' AND COALESCE(grants.rows_unread = 0, FALSE) AS is_whole
    FROM inventory_snapshot AS snapshot JOIN ledger_entry AS entry ON entry.uid = snapshot.entry_uid
    JOIN ledger_leaf AS leaf ON leaf.entry_id = entry.id AND leaf.index < %(size)s
    LEFT JOIN inventory_snapshotfile AS grants ON grants.snapshot_id = snapshot.id AND grants.kind = 'grants'
    LEFT JOIN inventory_snapshotfile AS people ON people.snapshot_id = snapshot.id AND people.kind = 'identities'
"""

#: Leavers with what was last said of them in the period, and the reading that first said that they are gone.
LEAVER = """
    SELECT person.id, identity.key, said.name, said.kind, said.end_on, first.id AS left_in,
           CASE WHEN said.end_on <= first.day THEN said.end_on ELSE first.day END AS left_on, before.at AS there_at
    FROM person JOIN inventory_identity AS identity ON identity.id = person.id
    JOIN (
        SELECT DISTINCT ON (former.identity_id) former.identity_id, former.until_id
        FROM inventory_formeridentity AS former JOIN person ON person.id = former.identity_id
        JOIN period ON period.id = former.until_id AND period.loaded_at >= %(begin)s
        WHERE NOT (former.status = 'inactive' OR former.is_gone) ORDER BY former.identity_id, former.until_id DESC
    ) AS turned ON turned.identity_id = person.id
    JOIN reading AS first ON first.id = turned.until_id
    LEFT JOIN LATERAL (
        SELECT earlier.at FROM reading AS earlier WHERE earlier.source_id = first.source_id AND earlier.number < first.number
          AND earlier.has_people ORDER BY earlier.number DESC LIMIT 1
    ) AS before ON TRUE
    LEFT JOIN (
        SELECT DISTINCT ON (former.identity_id) former.identity_id, former.name, former.kind, former.end_on
        FROM inventory_formeridentity AS former JOIN person ON person.id = former.identity_id
        LEFT JOIN period ON period.id = former.until_id WHERE period.id IS NULL ORDER BY former.identity_id, former.until_id
    ) AS later ON later.identity_id = person.id
    CROSS JOIN LATERAL (SELECT COALESCE(later.name, identity.name) AS name, COALESCE(later.kind, identity.kind) AS kind,
        CASE WHEN later.identity_id IS NULL THEN identity.end_on ELSE later.end_on END AS end_on) AS said
"""

#: What readings said of whose an account is, from one change to the next.
HOLDER = """
    SELECT said.account_id, said.identity_key, until.at AS until_at, until.id IS NULL AS is_last,
           lag(said.until_id) OVER (PARTITION BY said.account_id ORDER BY said.until_id) AS from_id
    FROM (
        SELECT former.account_id, former.identity_key, former.until_id FROM inventory_formeraccount AS former
        WHERE former.account_id IN (SELECT id FROM candidate)
        UNION ALL
        SELECT account.id, account.identity_key, NULL FROM inventory_account AS account
        WHERE account.id IN (SELECT id FROM candidate)
    ) AS said LEFT JOIN reading AS until ON until.id = said.until_id
"""

#: An account, the reading that ended its last right, and the one that last told of a right beginning; those unknown yet are left out.
ACCESS = """
    SELECT version.account_id, bool_or(closed.id IS NULL) AS is_open, max(closed.id) AS closed_in, max(opened.id) AS opened_in
    FROM (
        SELECT account_id, opened_in_id, closed_in_id FROM inventory_grant
        WHERE closed_in_id IS NULL AND account_id IN (SELECT account_id FROM held)
        UNION ALL
        SELECT account_id, opened_in_id, closed_in_id FROM inventory_grant
        WHERE closed_in_id IS NOT NULL AND account_id IN (SELECT account_id FROM held)
    ) AS version JOIN reading AS opened ON opened.id = version.opened_in_id
    LEFT JOIN reading AS closed ON closed.id = version.closed_in_id GROUP BY version.account_id
"""

#: One row for each leaver and account; of a leaver without an account one row that names none.
FOUND = f"""
    WITH period AS MATERIALIZED ({KNOWN}), reading AS MATERIALIZED ({READING}),
    person AS MATERIALIZED (SELECT found.id FROM ({PEOPLE}) AS found WHERE found.is_left AND found.was_there),
    leaver AS MATERIALIZED (SELECT *, LEAST(left_on::timestamp AT TIME ZONE 'UTC', there_at) AS since,
                                   left_on + %(leaver_days)s AS due_on FROM ({LEAVER}) AS found),
    candidate AS MATERIALIZED (
        SELECT account.id FROM inventory_account AS account JOIN leaver ON leaver.id = account.identity_id
        UNION SELECT former.account_id FROM inventory_formeraccount AS former JOIN leaver ON leaver.key = former.identity_key),
    holder AS MATERIALIZED (
        SELECT holder.* FROM ({HOLDER}) AS holder
        WHERE holder.from_id IS NULL OR EXISTS (SELECT FROM reading WHERE reading.id = holder.from_id)),
    held AS MATERIALIZED (
        SELECT DISTINCT leaver.id AS leaver_id, holder.account_id FROM holder JOIN leaver ON leaver.key = holder.identity_key
        WHERE holder.is_last OR holder.until_at >= leaver.since),
    access AS MATERIALIZED ({ACCESS}),
    shown AS (
        SELECT held.leaver_id, account.id AS account_id, account.source_id, account.key AS account_key, present.id AS present_in,
               CASE WHEN NOT access.is_open THEN access.closed_in END AS gone_in,
               (SELECT min(holder.identity_key) FROM holder WHERE holder.account_id = held.account_id AND holder.is_last) AS holder_key
        FROM held JOIN leaver ON leaver.id = held.leaver_id JOIN access ON access.account_id = held.account_id
        JOIN inventory_account AS account ON account.id = held.account_id
        LEFT JOIN reading AS closed ON closed.id = access.closed_in
        LEFT JOIN LATERAL (
            SELECT max(reading.id) AS id FROM reading WHERE reading.source_id = account.source_id
              AND (reading.is_whole OR reading.id = access.opened_in) AND (access.is_open OR reading.id < access.closed_in)
        ) AS present ON TRUE
        WHERE access.is_open OR closed.at >= leaver.since)
    SELECT leaver.id AS leaver_id, leaver.key, leaver.name, leaver.kind, people.key AS people_source, first.number AS people_snapshot,
           leaver.end_on, leaver.left_on, leaver.due_on, source.key AS source_key, shown.account_key, present.number AS present_in,
           gone.number AS gone_in, present.day AS present_on, gone.day AS gone_on, shown.account_id IS NULL AS has_none,
           shown.holder_key <> leaver.key AND shown.holder_key <> '' AS is_handed_over,
           present.entry_id AS present_entry, gone.entry_id AS gone_entry
    FROM leaver JOIN reading AS first ON first.id = leaver.left_in JOIN inventory_source AS people ON people.id = first.source_id
    LEFT JOIN shown ON shown.leaver_id = leaver.id LEFT JOIN inventory_source AS source ON source.id = shown.source_id
    LEFT JOIN reading AS present ON present.id = shown.present_in LEFT JOIN reading AS gone ON gone.id = shown.gone_in
"""

#: What the readings prove of each account. Between the reading that showed it last and the first that did not, nobody can say.
JUDGED = f"""
    SELECT found.*, judged.verdict, CASE WHEN judged.verdict IN ('late', 'still_there') THEN found.present_on - found.due_on END AS least,
           CASE WHEN judged.verdict = 'late' THEN found.gone_on - found.due_on END AS most,
           CASE WHEN found.has_none THEN 'no_account' WHEN judged.verdict <> 'cannot_say' THEN ''
                WHEN found.gone_on IS NOT NULL THEN 'between_readings' WHEN found.is_handed_over THEN 'handed_over'
                ELSE 'not_read_since' END AS why
    FROM ({FOUND}) AS found CROSS JOIN LATERAL (SELECT CASE
        WHEN found.has_none OR found.gone_on <= found.due_on THEN 'in_time'
        WHEN found.gone_on IS NULL AND found.is_handed_over THEN 'cannot_say'
        WHEN found.present_on <= found.due_on THEN 'cannot_say'
        WHEN found.gone_on IS NULL THEN 'still_there' ELSE 'late' END AS verdict) AS judged
"""
LEAVERS = """
    SELECT key, name, kind, people_source, people_snapshot::text, end_on::text, left_on::text, due_on::text, source_key, account_key,
           present_in::text, gone_in::text, verdict, least::text, most::text, why
    FROM pack_leaver ORDER BY leaver_id, source_key COLLATE "C", account_key COLLATE "C"
"""
#: Of the verdicts on the accounts of a leaver the worst one counts.
BALANCE = f"""
    SELECT people.known::text, people.there::text, people.before::text, people.leavers::text, count(*) FILTER (WHERE worst = 0)::text,
           count(*) FILTER (WHERE worst = 2)::text, count(*) FILTER (WHERE worst = 3)::text, count(*) FILTER (WHERE worst = 1)::text,
           count(*) FILTER (WHERE accounts = 0)::text, COALESCE(sum(accounts), 0)::text, %(leaver_days)s::text
    FROM ({PEOPLE_COUNTED}) AS people (known, leavers, there, before) LEFT JOIN (
        SELECT max(array_position(ARRAY['in_time', 'cannot_say', 'late', 'still_there'], verdict)) - 1 AS worst,
               count(account_key) AS accounts
        FROM pack_leaver GROUP BY leaver_id) AS leaver ON TRUE
    GROUP BY people.known, people.leavers, people.there, people.before
"""

#: The entries of the readings that these rows name.
READINGS = f"""
    SELECT DISTINCT entry FROM ({FOUND}) AS found CROSS JOIN LATERAL (VALUES (present_entry), (gone_entry)) AS named (entry)
    WHERE entry IS NOT NULL ORDER BY entry
"""
TABLES = (("lifecycle/balance.csv", BALANCE_COLUMNS, BALANCE), ("lifecycle/leavers.csv", COLUMNS, LEAVERS))
