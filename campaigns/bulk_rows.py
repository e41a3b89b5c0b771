"""The rows that an act on many has decided, each with the entry that is to hold its decision."""

from typing import NamedTuple
from uuid import UUID, uuid4

from django.db import connection


class BulkRow(NamedTuple):
    """What the ledger needs of a row that an act on many has decided."""

    pk: int
    campaign_id: int
    item_number: int
    rule: str
    stage: int
    reviewer_id: int
    leaf: memoryview
    uid: UUID


def decided(statement: str, values: dict) -> list[BulkRow]:
    """The rows that an UPDATE has decided and returns, in the order of their ids."""
    with connection.cursor() as cursor:
        cursor.execute(statement, values)
        return sorted(BulkRow(*row) for row in cursor.fetchall())


#: Gives rows another entry than the one they were decided with.
MOVE_ROWS = """
    UPDATE campaigns_assignment AS row SET decision_entry_uid = chosen.uid
    FROM unnest(%(rows)s::bigint[], %(uids)s::uuid[]) AS chosen (id, uid) WHERE row.id = chosen.id
"""


def each_item_once(rows: list[BulkRow]) -> list[BulkRow]:
    """The rows in the order of their entries, of which none holds two decisions on one item: entry and item say which is meant.

    A deputy may answer for two people at once; the second answer gets an entry of its own, after the others.
    """
    seen: set[tuple[UUID, int]] = set()
    first, again = [], []
    for row in rows:
        (again if (row.uid, row.item_number) in seen else first).append(row)
        seen.add((row.uid, row.item_number))
    if again:
        again = [row._replace(uid=uuid4()) for row in again]
        with connection.cursor() as cursor:
            cursor.execute(MOVE_ROWS, {"rows": [row.pk for row in again], "uids": [row.uid for row in again]})
    return first + again
