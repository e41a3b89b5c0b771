"""Items whose removal nothing can avert any more, while their campaign is open: `stages.settled` as SQL.

`tests/campaigns/test_settling.py` holds both against each other.
"""

from django.db import connection
from django.db.models import QuerySet

from campaigns import results, stages
from campaigns.models import Campaign, ReviewItem
from campaigns.states import LAST_STAGE, TO_REMOVE, CampaignState, RemovalsBegin, Result
from certify.lib.planning import without_loops

TAKEN = (Result.REVOKE.value, Result.REDUCE.value)

#: `present`: what each item's answers in the present stage make certain. `known`: that, and the results of the stages before. `last`: the
#: latest of these. An item may still come to something else when its present stage is not certain, or when it goes on.
SETTLED = """
    CREATE TEMP TABLE final_result ON COMMIT DROP AS
    WITH voted AS (
        SELECT row.item_id, min({rank}) FILTER (WHERE {said}) AS place, NOT bool_and({said}) AS is_open
        FROM campaigns_assignment AS row WHERE {votes} GROUP BY row.item_id
    ), present AS (
        SELECT item_id, CASE WHEN {at_place} = ANY(%(taken)s) AND (place = 1 OR NOT is_open) THEN {at_place} END AS result FROM voted
    ), known AS (
        SELECT item_id, stage, result FROM campaigns_stageresult WHERE campaign_id = %(campaign)s
        UNION ALL SELECT item_id, %(stage)s, result FROM present WHERE result IS NOT NULL
    ), last AS (
        SELECT DISTINCT ON (item_id) item_id, stage, result FROM known ORDER BY item_id, stage DESC
    ), final AS (
        SELECT DISTINCT ON (item_id) item_id, stage, {chosen} AS final, result, {first} AS is_first
        FROM known ORDER BY item_id, {order}
    )
    SELECT final.item_id, final.stage, final.final, final.result
    FROM final JOIN last USING (item_id) JOIN campaigns_reviewitem AS item ON item.id = final.item_id AND item.outcome = ''
    LEFT JOIN present ON present.item_id = final.item_id
    WHERE final.final = ANY(%(taken)s) AND (final.is_first OR NOT (
        present.item_id IS NOT NULL AND present.result IS NULL OR last.stage < %(stages)s AND NOT {stops}))
"""
SAID = "(row.sign_off_id IS NOT NULL AND row.decision IN ('approve', 'revoke', 'reduce'))"
#: An item is settled by the last of the sign-offs under its answers.
STAMP = """
    UPDATE campaigns_reviewitem AS item SET settled_at = signed.at FROM (
        SELECT found.item_id, max(sign_off.submitted_at) AS at FROM final_result AS found
        JOIN campaigns_assignment AS row ON row.item_id = found.item_id AND row.campaign_id = %s AND row.is_active AND row.is_vote
        JOIN campaigns_signoff AS sign_off ON sign_off.id = row.sign_off_id GROUP BY found.item_id) AS signed
    WHERE item.id = signed.item_id RETURNING item.number
"""


def find(campaign: Campaign) -> int:
    """Put the items that are newly settled into `final_result`, as `results.set_outcomes` reads it; returns how many there are."""
    every, overall = stages.of(campaign.terms), campaign.terms.get("overall", LAST_STAGE)
    strategy = every[campaign.stage - 1]["strategy"]
    chosen, order = results.choosing(overall)
    stops = " OR ".join(
        f"last.stage = {number} AND last.result = '{Result(result)}'"
        for number, stage in enumerate(every, 1)
        for result in stage["stop_on"]
    )
    statement = SETTLED.format(
        rank=results.rank(strategy, results.COUNTS_AS),
        said=SAID,
        votes=results.VOTES,
        at_place=results.result_at(strategy, "place"),
        chosen=chosen,
        order=order,
        first="FALSE" if overall == LAST_STAGE else f"{results.rank(overall, 'result')} = 1",
        stops=f"({stops})" if stops else "FALSE",
    )
    values = {"campaign": campaign.pk, "stage": campaign.stage, "stages": len(every), "taken": list(TAKEN)}
    with without_loops(), connection.cursor() as cursor:
        cursor.execute("DROP TABLE IF EXISTS final_result")
        cursor.execute(statement, values)
        cursor.execute("ANALYZE final_result")
        cursor.execute("SELECT count(*) FROM final_result")
        return cursor.fetchone()[0]


def stamp(campaign: Campaign) -> list[int]:
    """Set when the items of `final_result` were settled; returns their numbers, in order."""
    with connection.cursor() as cursor:
        cursor.execute(STAMP, [campaign.pk])
        return sorted(number for (number,) in cursor.fetchall())


def campaigns_to_look_at() -> QuerySet:
    """Open campaigns whose removals begin at sign-off."""
    return Campaign.objects.filter(state=CampaignState.OPEN, terms__removals_begin=RemovalsBegin.SIGN_OFF).order_by("id")


def mark(campaign: Campaign) -> str:
    """Where a campaign stands as far as settling is concerned: nothing is newly settled while it stays the same."""
    return f"{campaign.stage}:{campaign.sign_offs.count()}"


def settled_items(campaign: Campaign) -> QuerySet:
    """Items of an open campaign that will be removed or reduced whatever else happens in it."""
    return ReviewItem.objects.filter(campaign=campaign, outcome__in=TO_REMOVE, settled_at__isnull=False)


def begins_early(campaign: Campaign) -> bool:
    """Whether removals of an open campaign begin at sign-off."""
    is_open = campaign.state in (CampaignState.OPEN, CampaignState.PAUSED)
    return is_open and campaign.terms.get("removals_begin") == RemovalsBegin.SIGN_OFF


def summary(campaign: Campaign) -> dict | None:
    """{"settled": items settled before the end} of an open campaign whose removals begin at sign-off; None for others."""
    return {"settled": settled_items(campaign).count()} if begins_early(campaign) else None
