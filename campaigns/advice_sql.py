"""The score of `advice` as SQL, for all items of a launch at once.

It reads four tables of the transaction that its caller fills; attributes are bigints that only have to be equal or not, NULL is
not known:

* advice_item: item_id, "right", department, title, manager, location, is_peer (the person counts among peers), signals, is_used,
  was_kept
* advice_decided: "right", department, title, manager, location, removed: one row for each earlier decision
* advice_person: department, title, manager, location: one row for each person who counts as a peer
* advice_held: "right", department, title, manager, location: one row for each such person and right

and makes advice_scored: item_id, odds (log-odds of the score, unlimited), score, recommendation, peers_group, peers_holding,
peers_total, right_decided, right_removed, and alike_group, alike_decided, alike_removed (the same right in the nearest group with a
decision).
`tests/campaigns/test_advice.py` holds it against the plain reading.
"""

from django.db import connection

from campaigns.advice import (
    ATTRIBUTES,
    CERTAIN,
    GROUPS,
    KEEP_TO,
    KEPT_WEIGHT,
    MIN_PEERS,
    PAIR_WEIGHT,
    PAIRS,
    PEERS_SPEAK,
    PEERS_WEIGHT,
    REMOVE_FROM,
    SIGNAL_WEIGHTS,
    SMOOTH_ATTRIBUTE,
    SMOOTH_PAIR,
    SMOOTH_PEERS,
    USED_WEIGHT,
    Tally,
    usual,
)
from campaigns.states import RED_SIGNALS
from certify.lib.planning import without_loops

TABLES = ("advice_everybody", "advice_item", "advice_decided", "advice_person", "advice_held", "advice_scored")
#: The groups in which earlier decisions on the same right are told of: the nearest to the person first.
NEAREST = ("manager", "department", "title", "location")


def _q(names: tuple[str, ...]) -> str:
    return ", ".join(f'"{name}"' for name in names)


def _name(one: str | tuple[str, str]) -> str:
    return one if isinstance(one, str) else "_".join(one)


def _tables(source: str, prefix: str, sets: list, extra: str) -> list[str]:
    """A statement for each set of attributes that counts the rows of the source alike in them."""
    statements = []
    for one in sets:
        columns = (one,) if isinstance(one, str) else one
        known = " AND ".join(f'"{column}" IS NOT NULL' for column in columns)
        statements.append(
            f"CREATE TEMP TABLE {prefix}_{_name(one)} ON COMMIT DROP AS SELECT {_q(columns)}, count(*)::int AS decided{extra}"
            f" FROM {source} WHERE {known} GROUP BY {_q(columns)}"
        )
        statements.append(f"ANALYZE {prefix}_{_name(one)}")
    return statements


def _join(prefix: str, one: str | tuple[str, str]) -> str:
    columns = (one,) if isinstance(one, str) else one
    on = " AND ".join(f'{prefix}_{_name(one)}."{column}" = item."{column}"' for column in columns)
    return f"LEFT JOIN {prefix}_{_name(one)} ON {on}"


def _moved(table: str, expected: str, smoothing: int) -> str:
    """`advice._moved`: zero where nothing alike was decided."""
    found = f"({table}_removed + {smoothing} * {expected}) / ({table}_decided + {smoothing})"
    return (
        f"CASE WHEN {table}_decided IS NULL THEN 0 ELSE ln(({found}) / (1 - ({found}))) - ln({expected} / (1 - {expected})) END"
    )


def _history_sql() -> tuple[str, str, str]:
    """(columns, joins, the two levels of the sum) of the part that rests on earlier decisions."""
    sets = [*ATTRIBUTES, *PAIRS]
    columns = ", ".join(f"past_{_name(one)}.{what} AS {_name(one)}_{what}" for one in sets for what in ("decided", "removed"))
    joins = " ".join(_join("past", one) for one in sets)
    single = ", ".join(f"{_moved(one, '%(usual)s::float8', SMOOTH_ATTRIBUTE)} AS moved_{one}" for one in ATTRIBUTES)
    expected = ", ".join(
        f"1 / (1 + exp(-GREATEST(-{CERTAIN}, LEAST({CERTAIN}, %(base)s::float8 + moved_{first} + moved_{second})))) AS"
        f" expected_{first}_{second}"
        for first, second in PAIRS
    )
    pairs = " + ".join(f"{PAIR_WEIGHT} * {_moved(_name(pair), f'expected_{_name(pair)}', SMOOTH_PAIR)}" for pair in PAIRS)
    total = f"%(base)s::float8 + {' + '.join(f'moved_{one}' for one in ATTRIBUTES)} + {pairs}"
    nested = (
        f"SELECT *, {total} AS history FROM (SELECT *, {expected} FROM (SELECT *, {single} FROM ({{inner}} OFFSET 0) AS counted"
        " OFFSET 0) AS moved OFFSET 0) AS expected"
    )
    return columns, joins, nested


def _peers_sql() -> tuple[str, str, str]:
    """(columns, joins, the level that finds the best group)."""
    joins = " ".join([_join("holding", "right"), *(_join("group", one) for one in GROUPS)])
    joins += " " + " ".join(_join("holding", ("right", one)) for one in GROUPS)
    own = "item.is_peer::int"
    columns = ", ".join(
        f"GREATEST(COALESCE(holding_right_{one}.decided, 0) - {own}, 0) AS {one}_holding,"
        f" GREATEST(group_{one}.decided - {own}, 0) AS {one}_total"
        for one in GROUPS
    )
    everybody = (
        f"GREATEST(COALESCE(holding_right.decided, 0) - {own}, 0)::float8 / GREATEST(%(people)s - {own}, 1) AS share_of_all"
    )
    shares = ", ".join(
        f"CASE WHEN {one}_total >= {MIN_PEERS} THEN ({one}_holding + {SMOOTH_PEERS} * share_of_all) / ({one}_total + {SMOOTH_PEERS})"
        f" END AS {one}_share"
        for one in GROUPS
    )
    best = f"GREATEST({', '.join(f'{one}_share' for one in GROUPS)})"
    level = f"SELECT *, {best} AS best FROM (SELECT *, {shares} FROM ({{inner}}) AS history OFFSET 0) AS peers"
    return f"{columns}, {everybody}", joins, level


def _of_best(what: str) -> str:
    whens = " ".join(f"WHEN {one}_share = best THEN {f'{one}_{what}' if what else repr(one)}" for one in GROUPS)
    return f"CASE {whens} END"


def _of_nearest(what: str) -> str:
    whens = " ".join(f"WHEN right_{one}_decided > 0 THEN {f'right_{one}_{what}' if what else repr(one)}" for one in NEAREST)
    return f"CASE {whens} END"


def _signals() -> str:
    return " + ".join(
        f"CASE WHEN '{signal}' = ANY(signals) THEN {weight} ELSE 0 END" for signal, weight in SIGNAL_WEIGHTS.items()
    )


def _scored_sql(has_history: bool) -> str:
    history_columns, history_joins, history_levels = _history_sql()
    peer_columns, peer_joins, peer_level = _peers_sql()
    base = "item.item_id, item.signals, item.is_used, item.was_kept"
    if has_history:
        inner = f"SELECT {base}, {peer_columns}, {history_columns} FROM advice_item AS item {peer_joins} {history_joins}"
        levels = history_levels.format(inner=inner)
        told = f"right_decided, right_removed, {_of_nearest('')} AS alike_group, {_of_nearest('decided')} AS alike_decided,"
        told += f" {_of_nearest('removed')} AS alike_removed"
    else:
        levels = f"SELECT {base}, {peer_columns}, %(base)s::float8 AS history FROM advice_item AS item {peer_joins} OFFSET 0"
        told = "NULL::int AS right_decided, NULL::int AS right_removed, NULL::text AS alike_group, NULL::int AS alike_decided,"
        told += " NULL::int AS alike_removed"
    odds = (
        f"history + COALESCE({PEERS_WEIGHT} * (1 - 2 * best), 0) + {_signals()}"
        f" + CASE WHEN is_used THEN {USED_WEIGHT} ELSE 0 END + CASE WHEN was_kept THEN {KEPT_WEIGHT} ELSE 0 END"
    )
    red = ", ".join(f"'{signal}'" for signal in RED_SIGNALS)
    speaks = f"(was_kept OR COALESCE(best >= {PEERS_SPEAK}, FALSE)) AND NOT signals && ARRAY[{red}]"
    return f"""
        CREATE TEMP TABLE advice_scored ON COMMIT DROP AS
        SELECT *, CASE WHEN score >= {REMOVE_FROM} THEN 'remove' WHEN score <= {KEEP_TO} AND speaks THEN 'keep' ELSE 'look' END
               AS recommendation
        FROM (
            SELECT *, round((1 / (1 + exp(-GREATEST(-{CERTAIN}, LEAST({CERTAIN}, odds)))))::numeric, 4) AS score
            FROM (
                SELECT item_id, {odds} AS odds, {speaks} AS speaks, {_of_best("")} AS peers_group,
                       {_of_best("holding")} AS peers_holding, {_of_best("total")} AS peers_total, {told}
                FROM ({peer_level.format(inner=levels)} OFFSET 0) AS summed
                OFFSET 0
            ) AS weighed
            OFFSET 0
        ) AS scored
    """


def begin() -> None:
    """Forget the tables of an earlier launch in the same session."""
    sets = [*ATTRIBUTES, *PAIRS]
    names = [f"past_{_name(one)}" for one in sets] + [f"group_{one}" for one in GROUPS] + ["holding_right"]
    names += [f"holding_right_{one}" for one in GROUPS]
    with connection.cursor() as cursor:
        cursor.execute("DROP TABLE IF EXISTS " + ", ".join(f"pg_temp.{name}" for name in [*TABLES, *names]))


def score() -> None:
    """Make advice_scored of the four tables. Must run in a transaction."""
    with without_loops(), connection.cursor() as cursor:
        cursor.execute("SELECT count(*), count(*) FILTER (WHERE removed) FROM advice_decided")
        everything = Tally(*cursor.fetchone())
        cursor.execute("SELECT count(*) FROM advice_person")
        people = cursor.fetchone()[0]
        statements = _tables("advice_person", "group", list(GROUPS), "")
        statements += _tables("advice_held", "holding", ["right", *(("right", one) for one in GROUPS)], "")
        if everything.decided:
            removed = ", count(*) FILTER (WHERE removed)::int AS removed"
            statements += _tables("advice_decided", "past", [*ATTRIBUTES, *PAIRS], removed)
        for statement in statements:
            cursor.execute(statement)
        expected = usual(everything)
        cursor.execute("SELECT ln(%(usual)s::float8 / (1 - %(usual)s::float8))", {"usual": expected})
        values = {"usual": expected, "base": cursor.fetchone()[0], "people": people}
        cursor.execute(_scored_sql(bool(everything.decided)), values)
