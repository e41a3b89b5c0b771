"""The kinds of things that have a rule, each as a query over what there is of it.

A query gives `key` (where the file lies, or which row), `sha256`, `began` and `moment` (its age is counted from the latter), and what
the thing belongs to, by which a legal hold may cover it: `campaigns`, `systems` and `people`, NULL where that cannot be told. Ledger
entries, decisions, items and whatever else is evidence by itself have no kind: nothing here can delete them.
"""

from dataclasses import dataclass

from people.states import RetentionKind


@dataclass(frozen=True)
class Kind:
    """`things` is the query; `delete`, for things that are no files, does it to `keys` and returns those it was done to.

    `is_evidence`: kept as long as an auditor may ask for it. `is_automatic`: a run deletes it; else the rule only says when it is due.
    """

    code: RetentionKind
    things: str
    delete: str = ""
    is_evidence: bool = False
    is_automatic: bool = True
    leaves_trace: bool = True

    @property
    def is_file(self) -> bool:
        """Whether its key is the place of a file."""
        return not self.delete and self.is_automatic


#: The row and its subject stay, the text goes. What a mail names besides its reader cannot be told from it.
MAILS = Kind(
    RetentionKind.MAILS,
    """
    SELECT 'people.mail:' || mail.id AS key, encode(sha256(convert_to(mail.context::text, 'UTF8')), 'hex') AS sha256,
           mail.queued_at AS began, COALESCE(mail.sent_at, mail.queued_at) AS moment,
           CASE WHEN mail.subject_ref ~ '^campaigns[.]campaign:[0-9]+$'
                THEN ARRAY[split_part(mail.subject_ref, ':', 2)::bigint] END AS campaigns,
           NULL::text[] AS systems, NULL::text[] AS people
    FROM people_mail AS mail WHERE mail.state <> 'queued' AND mail.context <> '{}'::jsonb""",
    delete="""
    UPDATE people_mail SET context = '{}' WHERE state <> 'queued' AND id IN (
        SELECT split_part(key, ':', 2)::bigint FROM unnest(%(keys)s::text[]) AS wanted (key))
    RETURNING 'people.mail:' || id""",
)

#: One file may prove many removals or decisions: it is as old as the last of them and held when one of them is.
PROOFS = Kind(
    RetentionKind.PROOFS,
    """
    SELECT key, max(sha256) AS sha256, min(at) AS began, max(at) AS moment,
           CASE WHEN bool_and(item IS NOT NULL) THEN array_agg(DISTINCT campaign) END AS campaigns,
           CASE WHEN bool_and(item IS NOT NULL) THEN array_agg(DISTINCT system) END AS systems,
           CASE WHEN bool_and(item IS NOT NULL)
                THEN array_remove(array_agg(DISTINCT 'people.user:' || by) || array_agg(DISTINCT 'inventory.identity:' || identity), NULL)
           END AS people
    FROM (
        SELECT file.*, item.campaign_id AS campaign, item.source_key::text AS system, identity.id AS identity
        FROM (
            SELECT attempt.stored_as AS key, attempt.proof_sha256 AS sha256, attempt.at, attempt.by_id AS by, task.item_id AS item
            FROM remediation_attempt AS attempt JOIN remediation_remediationtask AS task ON task.id = attempt.task_id
            WHERE attempt.stored_as <> ''
            UNION ALL
            SELECT evidence_stored_as, evidence_sha256, decided_at, reviewer_id, item_id
            FROM campaigns_decision WHERE evidence_stored_as <> ''
            UNION ALL
            SELECT post.stored_as, post.file_sha256, post.at, post.by_id, row.item_id
            FROM evidence_requestpost AS post JOIN evidence_auditrequest AS request ON request.id = post.request_id
            LEFT JOIN evidence_samplerow AS row ON row.id = request.row_id
            WHERE post.stored_as <> '') AS file
        LEFT JOIN campaigns_reviewitem AS item ON item.id = file.item
        LEFT JOIN inventory_identity AS identity ON identity.key = item.identity_key) AS told
    GROUP BY key""",
    is_evidence=True,
)

#: Reviews look into older readings as well, and a feed of people is of every system: neither can be told from one file.
LOADS = Kind(
    RetentionKind.LOADS,
    """
    SELECT file.stored_as AS key, max(file.sha256) AS sha256, min(job.created_at) AS began, max(job.changed_at) AS moment,
           CASE WHEN NOT bool_or(job.state = 'loaded') THEN '{}'::bigint[] END AS campaigns,
           CASE WHEN NOT bool_or(file.kind = 'identities') THEN array_agg(DISTINCT source.key::text) END AS systems,
           NULL::text[] AS people
    FROM inventory_loadfile AS file JOIN inventory_loadjob AS job ON job.id = file.job_id
    JOIN inventory_source AS source ON source.id = job.source_id
    GROUP BY file.stored_as HAVING bool_and(job.state IN ('loaded', 'failed', 'cancelled'))""",
    is_evidence=True,
)

SHEETS = Kind(
    RetentionKind.SHEETS,
    """
    SELECT upload.stored_as AS key, upload.sha256, upload.at AS began, upload.at AS moment, ARRAY[upload.campaign_id] AS campaigns,
           ARRAY(SELECT source.key::text FROM campaigns_campaignsource AS frozen
                 JOIN inventory_source AS source ON source.id = frozen.source_id
                 WHERE frozen.campaign_id = upload.campaign_id) AS systems,
           NULL::text[] AS people
    FROM campaigns_sheetupload AS upload JOIN campaigns_campaign AS campaign ON campaign.id = upload.campaign_id
    WHERE campaign.state IN ('closed', 'cancelled')""",
)

PACKS = Kind(
    RetentionKind.PACKS,
    """
    SELECT pack.stored_as AS key, pack.sha256, period.from_on::timestamp AT TIME ZONE 'UTC' AS began, pack.built_at AS moment,
           NULL::bigint[] AS campaigns, NULL::text[] AS systems, NULL::text[] AS people
    FROM evidence_evidencepack AS pack JOIN evidence_auditperiod AS period ON period.id = pack.period_id
    WHERE pack.state = 'ready'""",
    is_evidence=True,
)

#: What django-axes counts. Sign-ins and failures themselves are ledger entries and stay.
SIGN_INS = Kind(
    RetentionKind.SIGN_INS,
    """
    SELECT 'axes:' || attempt.id AS key, encode(sha256(convert_to(attempt::text, 'UTF8')), 'hex') AS sha256,
           attempt.attempt_time AS began, attempt.attempt_time AS moment, '{}'::bigint[] AS campaigns, '{}'::text[] AS systems,
           ARRAY(SELECT 'people.user:' || person.id FROM people_user AS person
                 WHERE lower(person.username) = lower(attempt.username)) AS people
    FROM axes_accessattempt AS attempt""",
    delete="""
    WITH wanted AS (SELECT split_part(key, ':', 2)::int AS id FROM unnest(%(keys)s::text[]) AS wanted (key)),
         expiry AS (DELETE FROM axes_accessattemptexpiration WHERE access_attempt_id IN (SELECT id FROM wanted))
    DELETE FROM axes_accessattempt WHERE id IN (SELECT id FROM wanted) RETURNING 'axes:' || id""",
    leaves_trace=False,
)

#: Due for erasure; the erasing itself is an act of somebody, person by person.
LEAVERS = Kind(
    RetentionKind.LEAVERS,
    """
    SELECT 'inventory.identity:' || identity.id AS key, '' AS sha256, seen.loaded_at AS began, seen.loaded_at AS moment,
           ARRAY(SELECT campaign.id FROM campaigns_campaign AS campaign
                 WHERE EXISTS (SELECT 1 FROM campaigns_reviewitem AS item
                               WHERE item.campaign_id = campaign.id AND item.identity_key = identity.key)) AS campaigns,
           ARRAY(SELECT source.key::text FROM inventory_account AS account JOIN inventory_source AS source ON source.id = account.source_id
                 WHERE account.identity_id = identity.id) AS systems,
           array_remove(ARRAY['inventory.identity:' || identity.id, 'people.user:' || identity.user_id], NULL) AS people
    FROM inventory_identity AS identity
    JOIN inventory_snapshot AS seen ON seen.id = COALESCE(identity.gone_in_id, identity.snapshot_id)
    WHERE (identity.gone_in_id IS NOT NULL OR identity.status = 'inactive')
      AND identity.name <> ledger_mark('inventory.identity:' || identity.id)""",
    is_automatic=False,
)

KINDS = {kind.code: kind for kind in (MAILS, PROOFS, LOADS, SHEETS, PACKS, SIGN_INS, LEAVERS)}
