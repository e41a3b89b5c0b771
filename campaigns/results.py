"""Answers to results to outcomes, set by set: `stages.combine` and `stages.overall` as SQL.

`tests/campaigns/test_results.py` holds both against each other.
"""

from django.db import connection

from campaigns import roots, stages
from campaigns.models import Campaign
from campaigns.population import leaf_sql, moment_sql
from campaigns.rules import APART, NAMES
from campaigns.states import LAST_STAGE, Outcome, Result, ReviewerRule, Strategy
from certify.lib.planning import without_loops


def _case(expression: str, values: dict[str, object], otherwise: str) -> str:
    whens = " ".join(f"WHEN '{key}' THEN {value}" for key, value in values.items())
    return f"CASE {expression} {whens} ELSE {otherwise} END"


#: What an assignment counts as.
COUNTS_AS = (
    "CASE WHEN row.sign_off_id IS NULL THEN 'no_response' ELSE "
    + _case("row.decision", {code: f"'{result}'" for code, result in stages.COUNTS_AS.items()}, "'no_response'")
    + " END"
)


def rank(strategy: str, expression: str) -> str:
    """The place of a result in the strategy's precedence, 1 is the strongest."""
    places = {str(result): place for place, result in enumerate(stages.PRECEDENCE[Strategy(strategy)], 1)}
    return _case(expression, places, "NULL")


def result_at(strategy: str, place: str) -> str:
    """The result at a place of the precedence, as `stages.combine` gives it."""
    results = [stages.combine(strategy, [result]) for result in stages.PRECEDENCE[Strategy(strategy)]]
    return f"(ARRAY[{', '.join(f'{chr(39)}{result}{chr(39)}' for result in results)}])[{place}]"


VOTES = "row.campaign_id = %(campaign)s AND row.stage = %(stage)s AND row.is_active AND row.is_vote"


def settle(campaign: Campaign) -> dict[str, int]:
    """Record the result of each item of the campaign's stage; returns how many there are of each."""
    stage = stages.of(campaign.terms)[campaign.stage - 1]
    strategy = stage["strategy"]
    place = rank(strategy, COUNTS_AS)
    if any(link["rule"] == ReviewerRule.GROUP for panel in stage["panels"] for link in panel):
        best = (
            f"SELECT item_id, CASE WHEN count(row.sign_off_id) >= max(row.quorum) THEN min({place}) FILTER (WHERE row.sign_off_id IS"
            f" NOT NULL) ELSE min({place}) END AS place FROM campaigns_assignment AS row WHERE {VOTES} GROUP BY item_id, panel"
        )
    else:
        best = f"SELECT item_id, {place} AS place FROM campaigns_assignment AS row WHERE {VOTES}"
    values = {"campaign": campaign.pk, "stage": campaign.stage}
    with without_loops(), connection.cursor() as cursor:
        cursor.execute(
            "INSERT INTO campaigns_stageresult (campaign_id, item_id, stage, result)"
            f" SELECT %(campaign)s, item_id, %(stage)s, {result_at(strategy, 'min(place)')} FROM ({best}) AS best GROUP BY item_id",
            values,
        )
    leave_unanswered(campaign, campaign.stage - 1)
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE campaigns_stageresult")
        cursor.execute(
            "SELECT result, count(*) FROM campaigns_stageresult WHERE campaign_id = %(campaign)s AND stage = %(stage)s GROUP BY result",
            values,
        )
        return dict.fromkeys(Result.values, 0) | dict(cursor.fetchall())


def leave_unanswered(campaign: Campaign, after: int) -> None:
    """Items that were to go on from stage `after` and have no result in the next: it never began, or nobody could be asked."""
    every = stages.of(campaign.terms)
    if after < 1 or after >= len(every):
        return
    with connection.cursor() as cursor:
        cursor.execute(
            "INSERT INTO campaigns_stageresult (campaign_id, item_id, stage, result) SELECT campaign_id, item_id, stage + 1, 'no_response'"
            " FROM campaigns_stageresult WHERE campaign_id = %s AND stage = %s AND result <> ALL(%s)"
            " ON CONFLICT (campaign_id, stage, item_id) DO NOTHING",
            [campaign.pk, after, every[after - 1]["stop_on"]],
        )


def choosing(overall: str) -> tuple[str, str]:
    """How the result that counts is made of those of the stages, and the order in which the first one makes it."""
    if overall == LAST_STAGE:
        return "result", "stage DESC"
    place = rank(overall, "result")
    return result_at(overall, place), f"{place}, stage"


def _final(campaign: Campaign) -> None:
    """The result that counts for each item, and the stage it comes from, into a table of the transaction."""
    chosen, order = choosing(campaign.terms.get("overall", LAST_STAGE))
    with connection.cursor() as cursor:
        cursor.execute("DROP TABLE IF EXISTS final_result")
        cursor.execute(
            f"CREATE TEMP TABLE final_result ON COMMIT DROP AS SELECT DISTINCT ON (item_id) item_id, stage, {chosen} AS final, result"
            f" FROM campaigns_stageresult WHERE campaign_id = %s ORDER BY item_id, {order}",
            [campaign.pk],
        )
        cursor.execute("ANALYZE final_result")


#: The first of the submitted answers that made the result is shown with the item.
SET_OUTCOMES = """
    UPDATE campaigns_reviewitem AS item SET outcome = {outcome},
        decision = COALESCE(answer.decision, ''), rationale = COALESCE(answer.rationale, ''),
        reduce_to = COALESCE(answer.reduce_to, ''), until = answer.until, decided_by_id = answer.decided_by_id,
        decided_at = answer.decided_at, decision_entry_uid = answer.decision_entry_uid,
        is_bulk = COALESCE(answer.is_bulk, FALSE), sign_off_id = answer.sign_off_id
    FROM final_result AS found LEFT JOIN (
        SELECT {once} row.* FROM final_result AS made JOIN campaigns_assignment AS row
            ON row.item_id = made.item_id AND row.stage = made.stage AND row.campaign_id = %(campaign)s
            AND row.is_active AND row.is_vote AND row.sign_off_id IS NOT NULL
            AND ({counts_as} = made.result OR (made.result = 'accept' AND row.decision = 'dont_know'))
        {order}
    ) AS answer ON answer.item_id = found.item_id
    WHERE item.id = found.item_id
"""


def decide_outcomes(campaign: Campaign) -> None:
    """Give every item the outcome of its results, and the answer that made it."""
    _final(campaign)
    set_outcomes(campaign)


def set_outcomes(campaign: Campaign) -> None:
    """Give the items of `final_result` their outcome, and the answer that made it."""
    every = stages.of(campaign.terms)
    is_single = all(len(stage["panels"]) == 1 and stage["panels"][0][0]["rule"] != ReviewerRule.GROUP for stage in every)
    statement = SET_OUTCOMES.format(
        outcome=_case("found.final", {result: f"'{outcome}'" for result, outcome in stages.OUTCOMES.items()}, "NULL"),
        counts_as=COUNTS_AS,
        once="" if is_single else "DISTINCT ON (row.item_id)",
        order="" if is_single else "ORDER BY row.item_id, row.decision = 'dont_know', row.decided_at, row.id",
    )
    with without_loops(), connection.cursor() as cursor:
        cursor.execute(statement, {"campaign": campaign.pk})


OUTCOME_LEAF = leaf_sql(
    [
        "item.campaign_id::text",
        "item.number::text",
        "item.outcome",
        *(
            f"CASE WHEN item.sign_off_id IS NULL THEN '' ELSE {cell} END"
            for cell in (
                "item.decision",
                "'people.user:' || item.decided_by_id",
                moment_sql("item.decided_at"),
                "item.decision_entry_uid::text",
                "sign_off.entry_uid::text",
            )
        ),
    ]
)
OUTCOMES = f"""
    SELECT item.number AS place, {OUTCOME_LEAF} AS leaf FROM campaigns_reviewitem AS item
    LEFT JOIN campaigns_signoff AS sign_off ON sign_off.id = item.sign_off_id WHERE item.campaign_id = %s
"""


def _signed(cell: str) -> str:
    return f"CASE WHEN row.sign_off_id IS NULL THEN '' ELSE {cell} END"


#: Cells of `rules.ANSWER_COLUMNS` over `row` and `sign_off`. A draft that was never submitted is silence.
ANSWER_CELLS = (
    "row.campaign_id::text",
    "row.item_number::text",
    "row.stage::text",
    "row.panel::text",
    "'people.user:' || row.reviewer_id",
    "row.reviewer_name",
    "row.rule",
    "row.reason",
    "row.excused",
    "COALESCE(row.quorum::text, '')",
    "CASE WHEN row.is_active THEN 'yes' ELSE 'no' END",
    "CASE WHEN row.is_vote THEN 'yes' ELSE 'no' END",
    _signed("row.decision"),
    _signed("COALESCE(row.until::text, '')"),
    _signed("row.reduce_to"),
    _signed("'people.user:' || row.decided_by_id"),
    _signed(moment_sql("row.decided_at")),
    _signed("row.decision_entry_uid::text"),
    _signed("sign_off.entry_uid::text"),
)
#: The same as leaves cover them in a campaign whose names stand apart.
CELLS_APART = ["''" if cell == "row.reviewer_name" else cell for cell in ANSWER_CELLS]
ANSWERS = """
    SELECT row_number() OVER (ORDER BY row.item_number, row.stage, row.id) AS place, {leaf} AS leaf
    FROM campaigns_assignment AS row LEFT JOIN campaigns_signoff AS sign_off ON sign_off.id = row.sign_off_id
    WHERE row.campaign_id = %s
"""


def outcome_root(campaign: Campaign) -> tuple[str, dict[str, int]]:
    """The root over the outcomes in the order of the items, and how many there are of each."""
    root, _ = roots.of(OUTCOMES, campaign.pk)
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT outcome, count(*) FROM campaigns_reviewitem WHERE campaign_id = %s GROUP BY outcome", [campaign.pk]
        )
        return root, dict.fromkeys(Outcome.values, 0) | dict(cursor.fetchall())


def answers_root(campaign: Campaign) -> str:
    """The root over everybody who was asked, and what they answered."""
    cells = CELLS_APART if campaign.terms.get(NAMES) == APART else list(ANSWER_CELLS)
    return roots.of(ANSWERS.format(leaf=leaf_sql(cells)), campaign.pk)[0]
