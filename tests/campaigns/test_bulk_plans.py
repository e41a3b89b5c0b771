"""Acts on many find their rows by id, whatever the database knows of the table: statistics come minutes after a launch."""

from collections.abc import Iterator
from uuid import uuid4

import pytest
from django.db import connection

from campaigns.actions import items, spreadsheets
from certify.lib import clock

ROWS = list(range(1, 10_001))
VALUES = {
    "campaign": 1,
    "stage": 1,
    "principals": [1],
    "by": 1,
    "own": [],
    "names": [],
    "bosses": [],
    "red": ["orphan"],
    "code": "approve",
    "reason": "",
    "rows": ROWS,
    "uids": [uuid4() for _ in ROWS],
    "codes": ["approve" for _ in ROWS],
    "reasons": ["" for _ in ROWS],
    "reduce_to": ["" for _ in ROWS],
    "until": [None for _ in ROWS],
    "seen": [None for _ in ROWS],
}


def nodes(plan: dict) -> Iterator[dict]:
    """A plan and everything below it."""
    yield plan
    for child in plan.get("Plans", ()):
        yield from nodes(child)


@pytest.mark.django_db
@pytest.mark.parametrize("statement", [items.UPDATE_ROWS, spreadsheets.UPDATE_ROWS])
def test_the_rows_of_an_act_are_not_taken_for_a_handful_where_the_table_has_no_statistics(story, statement):
    """As between the vacuum and the analysis of a table into which a launch has just put a million rows.

    One row that is guessed is a million rows, each held against every id of the act: minutes.
    """
    story.launch()
    with connection.cursor() as cursor:
        cursor.execute("DELETE FROM pg_statistic WHERE starelid = 'campaigns_assignment'::regclass")
        cursor.execute(
            "UPDATE pg_class SET reltuples = 1000000, relallvisible = 1, relpages = pg_relation_size(oid) / 8192"
            " WHERE oid = 'campaigns_assignment'::regclass"
        )
        cursor.execute(f"EXPLAIN (FORMAT JSON) {statement}", VALUES | {"now": clock.now()})
        ((plan,),) = cursor.fetchone()
    (scan,) = (one for one in nodes(plan["Plan"]) if one.get("Alias") == "row" and one["Node Type"] != "ModifyTable")
    is_looked_up = "chosen.id" in scan.get("Index Cond", "")
    assert is_looked_up or scan["Plan Rows"] > len(ROWS)
