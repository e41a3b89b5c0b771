"""By which means reviewers signed in: each sign-in of those who signed statements, and which of them a statement can have been signed in.

The log does not say in which session somebody signed. A session lasts for twelve hours after its sign-in, so it is one of those: when
all of them were by the same means, that was it; else it is not known.
"""

from campaigns.population import moment_sql
from evidence.pack.recorded import ACTOR, RECORDED, UNDER, said

#: The kind of the entries; how long a session lasts.
KIND, HOURS = "session:signed-in", 12
NOT_KNOWN = "not known"
COLUMNS = ("reviewer", "reviewer_name", "means", "at", "entry")
SIGNED_COLUMNS = ("campaign", "reviewer", "reviewer_name", "submitted_at", "sign_ins", "means", "entry")

#: Those who signed statements over reviews of the pack.
SIGNERS = """
    SELECT DISTINCT 'people.user:' || signed.reviewer_id FROM campaigns_signoff AS signed
    JOIN ledger_entry AS entry ON entry.uid = signed.entry_uid
    JOIN ledger_leaf AS leaf ON leaf.entry_id = entry.id AND leaf.index < %(size)s
    WHERE signed.campaign_id = ANY(%(campaigns)s) ORDER BY 1
"""

SIGN_INS = f"""
    SELECT entry.subject, {ACTOR}, {said("means")}, entry.payload_json ->> 'at', entry.uid::text
    {RECORDED} = '{KIND}' ORDER BY found.index
"""

SIGNED = f"""
    WITH made AS MATERIALIZED (
        SELECT entry.subject, {said("means")} AS means, entry.at {RECORDED} = '{KIND}'
    )
    SELECT signed.campaign_id::text, 'people.user:' || signed.reviewer_id, signed.reviewer_name, {moment_sql("signed.submitted_at")},
           found.count::text, CASE found.kinds WHEN 1 THEN found.means ELSE '{NOT_KNOWN}' END, signed.entry_uid::text
    FROM campaigns_signoff AS signed {UNDER.format(uid="signed.entry_uid")}
    CROSS JOIN LATERAL (
        SELECT count(*) AS count, count(DISTINCT made.means) AS kinds, min(made.means) AS means FROM made
        WHERE made.subject = 'people.user:' || signed.reviewer_id AND made.at <= signed.submitted_at
          AND made.at > signed.submitted_at - interval '{HOURS} hours'
    ) AS found
    WHERE signed.campaign_id = ANY(%(campaigns)s) ORDER BY entry.index
"""

TABLES = (("reviews/sign_ins.csv", COLUMNS, SIGN_INS), ("reviews/signed_in_by.csv", SIGNED_COLUMNS, SIGNED))
