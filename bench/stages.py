"""1,000,000 items in two stages with 5,000 reviewers: the step from one stage to the next, and the close, against bare SQL.

Bare SQL writes the same rows into tables with the same columns and indexes: for the step the results of the stage and the
assignments of the next, for the close the results of the last stage and the outcome of every item; it also computes the leaf
hashes that the close commits to, but no tree over them.
"""

from uuid import uuid4

from django.db import connection

from bench.campaigns import population, seconds
from bench.load import figure
from campaigns import results
from campaigns.actions import advancing, definitions, launching, plans
from campaigns.models import Campaign, SignOff
from certify.lib import clock
from ledger.actors import SYSTEM
from people.actions import users
from people.models import User

STAGE = {"panels": [[{"rule": "manager"}]], "strategy": "one_deny_denies", "days": 10}

#: Everybody answers everything of a stage and signs it, as if through the page.
ANSWER = """
    UPDATE campaigns_assignment SET decision = 'approve', decided_by_id = reviewer_id, decided_at = %(now)s,
        decision_entry_uid = gen_random_uuid(), sign_off_id = %(sign_off)s
    WHERE campaign_id = %(campaign)s AND stage = %(stage)s
"""
DECIDE = """
    INSERT INTO campaigns_decision (campaign_id, item_id, assignment_id, stage, reviewer_id, reviewer_name, reviewer_email, code,
        rationale, reduce_to, evidence_name, evidence_sha256, evidence_stored_as, assigned_by_rule, shown, decided_at, entry_uid)
    SELECT campaign_id, item_id, id, stage, reviewer_id, reviewer_name, '', 'approve', '', '', '', '', '', rule, '',
           %(now)s + (item_number %% 3600) * interval '1 second', decision_entry_uid
    FROM campaigns_assignment WHERE campaign_id = %(campaign)s AND stage = %(stage)s
"""


def launched() -> Campaign:
    """The campaign, open in its first stage."""
    admin = users.create(username="bench-admin-2", name="Admin", roles=["administrator"], by=SYSTEM)
    owner = users.create(username="bench-owner-2", name="Owner", roles=["control_owner"], by=admin)
    terms = definitions.Terms(name="Two stages", sources=[population().pk], fallback_reviewer=owner, owner=owner)
    definition = definitions.create(terms=terms, by=owner)
    plans.set_plan(definition_id=definition.pk, plan={"stages": [STAGE, STAGE]}, by=owner)
    campaign = launching.request(definition_id=definition.pk, name="Two stages", by=owner)
    launching.launch(campaign_id=campaign.pk, by=owner)
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE")
    return Campaign.objects.get(pk=campaign.pk)


def answer(campaign: Campaign, stage: int, by: User) -> None:
    """Everything of the stage is kept and signed."""
    now = clock.now()
    counts = {"approved": campaign.item_count, "revoked": 0, "reduced": 0, "dont_know": 0, "open_left": 0}
    signed = SignOff.objects.create(
        campaign=campaign,
        reviewer=by,
        reviewer_name=by.name,
        statement="",
        decisions_root="",
        submitted_at=now,
        entry_uid=uuid4(),
        **counts,
    )
    values = {"campaign": campaign.pk, "stage": stage, "now": now, "sign_off": signed.pk}
    with connection.cursor() as cursor:
        cursor.execute(ANSWER, values)
        cursor.execute(DECIDE, values)


def tidied() -> None:
    """As the database is after a while: no dead rows, and statistics of what is there."""
    with connection.cursor() as cursor:
        cursor.execute("VACUUM ANALYZE campaigns_assignment, campaigns_decision")


def copied(table: str, condition: str) -> float:
    """Seconds of a bare INSERT … SELECT of some rows of a table into one with the same columns and indexes."""
    with connection.cursor() as cursor:
        cursor.execute(f"CREATE TABLE bench_rows (LIKE {table} INCLUDING INDEXES)")
        taken = seconds(lambda: cursor.execute(f"INSERT INTO bench_rows SELECT * FROM {table} WHERE {condition}"))
        cursor.execute("DROP TABLE bench_rows")
    return taken


def bare_step(campaign: Campaign) -> float:
    """Seconds of the bare SQL of a step."""
    made = copied("campaigns_stageresult", f"campaign_id = {campaign.pk} AND stage = 1")
    return made + copied("campaigns_assignment", f"campaign_id = {campaign.pk} AND stage = 2")


def bare_close(campaign: Campaign) -> float:
    """Seconds of the bare SQL of a close."""
    total = copied("campaigns_stageresult", f"campaign_id = {campaign.pk} AND stage = 2")
    with connection.cursor() as cursor:
        cursor.execute("CREATE TABLE bench_rows (LIKE campaigns_reviewitem INCLUDING INDEXES)")
        cursor.execute(f"INSERT INTO bench_rows SELECT * FROM campaigns_reviewitem WHERE campaign_id = {campaign.pk}")
        cursor.execute("VACUUM ANALYZE bench_rows")
        total += seconds(
            lambda: cursor.execute(
                "UPDATE bench_rows AS item SET outcome = 'approved', decision = row.decision, rationale = row.rationale,"
                " decided_by_id = row.decided_by_id, decided_at = row.decided_at, decision_entry_uid = row.decision_entry_uid,"
                f" sign_off_id = row.sign_off_id FROM campaigns_assignment AS row WHERE row.campaign_id = {campaign.pk}"
                " AND row.stage = 2 AND row.item_id = item.id"
            )
        )
        for leaves in (results.OUTCOMES, results.ANSWERS):
            statement = f"SELECT count(leaf) FROM ({leaves}) AS hashed"
            total += seconds(lambda statement=statement: cursor.execute(statement, [campaign.pk]))
        cursor.execute("DROP TABLE bench_rows")
    return total


def run() -> list[dict]:
    """The figures of stages."""
    campaign = launched()
    reviewers = campaign.assignments.values("reviewer").distinct().count()
    owner = campaign.owner
    answer(campaign, 1, owner)
    tidied()
    step = seconds(lambda: advancing.finish_stage(campaign_id=campaign.pk, by=owner))
    bare = bare_step(campaign)
    answer(campaign, 2, owner)
    tidied()
    close = seconds(lambda: advancing.finish_stage(campaign_id=campaign.pk, by=owner))
    bare_end = bare_close(campaign)
    size = f"{campaign.item_count:,} items, {reviewers:,} reviewers"
    return [
        figure(
            "stages: to the next stage",
            step / bare,
            "times",
            3,
            f"bare SQL of the same rows: {bare:.1f} s",
            f"{size}: {step:.1f} s",
        ),
        figure(
            "stages: close",
            close / bare_end,
            "times",
            3,
            f"bare SQL of the same rows: {bare_end:.1f} s",
            f"{size}: {close:.1f} s",
        ),
    ]
