"""RFC 6962 roots over the leaves of a campaign, streamed from the database in blocks."""

from collections.abc import Callable

from django.db import connection

from ledger.merkle import MerkleAccumulator

#: Leaves that one row of the answer carries.
BLOCK = 1 << 15


def of(query: str, campaign_id: int, told: Callable[[int], None] = lambda rows: None) -> tuple[str, int]:
    """(root, hex, and number) of the leaves that a query yields as `leaf` with their place from 1 as `place`.

    The query takes the campaign as %s. `told` hears how many there were so far.
    """
    tree = MerkleAccumulator()
    with connection.connection.cursor(name="leaves_of_campaign") as cursor:
        cursor.itersize = 4
        cursor.execute(
            f"SELECT string_agg(leaf, ''::bytea ORDER BY place) FROM ({query}) AS found GROUP BY (place - 1) / {BLOCK}"
            f" ORDER BY (place - 1) / {BLOCK}",
            [campaign_id],
        )
        for (leaves,) in cursor:
            tree.extend(bytes(leaves))
            told(tree.size)
    return tree.root().hex(), tree.size


def over(table: str, campaign_id: int, told: Callable[[int], None] = lambda rows: None) -> tuple[str, int]:
    """The same over the rows of a table that have a `leaf` and a `number`."""
    return of(f"SELECT leaf, number AS place FROM {table} WHERE campaign_id = %s", campaign_id, told)
