"""How well the recommendation finds what people really decided: `python -m bench.recommend FILE…`.

A file is a CSV of access requests with the columns of the Amazon.com Employee Access Challenge (2013): ACTION (1 approved, 0 denied),
RESOURCE, MGR_ID, ROLE_DEPTNAME, ROLE_TITLE, ROLE_ROLLUP_2 and others, and `request`, a number for each row (the place of the row where
there is no such column). For each seed the requests are shuffled and split: seven in ten are earlier decisions, the rest is scored.

The score is the product's own, `campaigns.advice_sql`, on a PostgreSQL of its own. A right is a RESOURCE, a person one combination of the
other columns, with manager, department and title as the columns say and ROLE_ROLLUP_2, a part of the organization, as the location.
Peers hold what was approved before or is asked about now. ACTION of a scored row is read for nothing but the measures.

Beside it: popularity (how often the right was asked for before; rarely means removal), and scikit-learn's gradient boosting
(HistGradientBoostingClassifier, its defaults) once on the five columns that the product's score uses and once on all nine columns.
ROC AUC: the chance that a denied request scores above an approved one. Top 10 %: the share of the denied requests among the tenth of
the rows with the highest scores. Ties are broken by the request's number.
"""

import csv
import os
import random
import sys
import tempfile
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from statistics import mean

import django
from django.db import connection, transaction
from psycopg2.extras import execute_values

from bench.__main__ import environment
from certify.stack.servers import PostgresServer, ValkeyServer

SEEDS = (1, 2, 3, 4, 5)
TRAINED = 0.7
#: Attribute of the product → column.
COLUMNS = {
    "right": "RESOURCE",
    "department": "ROLE_DEPTNAME",
    "title": "ROLE_TITLE",
    "manager": "MGR_ID",
    "location": "ROLE_ROLLUP_2",
}
OTHERS = ("ROLE_ROLLUP_1", "ROLE_FAMILY_DESC", "ROLE_FAMILY", "ROLE_CODE")

Rows = list[dict[str, int]]
Scores = list[float]


def read(path: Path) -> Rows:
    """The requests of a file; cells are the anonymous numbers of the original."""
    with path.open(newline="") as text:
        found = [
            {"request": int(row.get("request") or place), "denied": int(row["ACTION"] == "0")}
            | {column: int(row[column]) for column in (*COLUMNS.values(), *OTHERS)}
            for place, row in enumerate(csv.DictReader(text), start=1)
        ]
    return sorted(found, key=lambda row: row["request"])


def split(rows: Rows, seed: int) -> tuple[Rows, Rows]:
    """(earlier decisions, what is scored), by the seed alone."""
    order = list(rows)
    random.Random(seed).shuffle(order)
    border = int(len(order) * TRAINED)
    return order[:border], order[border:]


def person(row: dict[str, int]) -> tuple[int, ...]:
    """Who asked: the row has no name, only what is said of the person."""
    return tuple(row[column] for column in (*list(COLUMNS.values())[1:], *OTHERS))


def recommended(earlier: Rows, asked: Rows) -> Scores:
    """The product's score of each row."""
    from campaigns import advice_sql  # noqa: PLC0415 - needs Django to be set up

    attributes = ", ".join(f'"{name}" bigint' for name in COLUMNS)
    groups = ", ".join(f'"{name}" bigint' for name in list(COLUMNS)[1:])

    def cells(row: dict[str, int]) -> tuple[int, ...]:
        return tuple(row[column] for column in COLUMNS.values())

    held = {(person(row), cells(row)) for row in earlier if not row["denied"]} | {(person(row), cells(row)) for row in asked}
    people = {who: having[1:] for who, having in held}
    more = "is_peer boolean, signals text[], is_used boolean, was_kept boolean"
    tables = (
        ("advice_item", f"item_id bigint, {attributes}, {more}",
         [(place, *cells(row), True, [], False, False) for place, row in enumerate(asked)]),
        ("advice_decided", f"{attributes}, removed boolean", [(*cells(row), bool(row["denied"])) for row in earlier]),
        ("advice_person", groups, list(people.values())),
        ("advice_held", attributes, [having for _, having in sorted(held)]),
    )  # fmt: skip
    with transaction.atomic(), connection.cursor() as cursor:
        advice_sql.begin()
        for name, columns, rows in tables:
            cursor.execute(f"CREATE TEMP TABLE {name} ({columns})")
            execute_values(cursor.cursor, f"INSERT INTO {name} VALUES %s", rows, page_size=5000)
        advice_sql.score()
        cursor.execute("SELECT odds FROM advice_scored ORDER BY item_id")
        found = [float(row[0]) for row in cursor.fetchall()]
        transaction.set_rollback(True)
    return found


def popularity(earlier: Rows, asked: Rows) -> Scores:
    """The more often a right was asked for, the less speaks against it."""
    known = Counter(row["RESOURCE"] for row in earlier)
    return [-float(known[row["RESOURCE"]]) for row in asked]


def boosted(columns: tuple[str, ...]) -> Callable[[Rows, Rows], Scores]:
    """Gradient boosting on these columns, taken as numbers as they are."""

    def scores(earlier: Rows, asked: Rows) -> Scores:
        from sklearn.ensemble import HistGradientBoostingClassifier  # noqa: PLC0415 - not in the product's requirements

        model = HistGradientBoostingClassifier(random_state=0)
        model.fit([[row[column] for column in columns] for row in earlier], [row["denied"] for row in earlier])
        return [float(share) for share in model.predict_proba([[row[column] for column in columns] for row in asked])[:, 1]]

    return scores


METHODS = {
    "recommendation": recommended,
    "popularity of the right": popularity,
    "gradient boosting, the same five columns": boosted(tuple(COLUMNS.values())),
    "gradient boosting, all nine columns": boosted((*COLUMNS.values(), *OTHERS)),
}


def roc_auc(scores: Scores, denied: list[int]) -> float:
    """Area under the ROC curve by ranks (Mann-Whitney); equal scores share their rank."""
    order = sorted(range(len(scores)), key=scores.__getitem__)
    ranks, start = [0.0] * len(scores), 0
    while start < len(order):
        end = start
        while end < len(order) and scores[order[end]] == scores[order[start]]:
            end += 1
        for place in order[start:end]:
            ranks[place] = (start + end + 1) / 2
        start = end
    bad = sum(denied)
    total = sum(rank for rank, one in zip(ranks, denied, strict=True) if one)
    return (total - bad * (bad + 1) / 2) / (bad * (len(denied) - bad))


def found_in_top(scores: Scores, asked: Rows) -> float:
    """The share of the denied requests among the tenth with the highest scores."""
    order = sorted(range(len(scores)), key=lambda place: (-scores[place], asked[place]["request"]))
    return sum(asked[place]["denied"] for place in order[: len(order) // 10]) / sum(row["denied"] for row in asked)


def measure(path: Path) -> None:
    """Print what each method reaches on a file, per seed and on average."""
    rows = read(path)
    print(f"{path.name}: {len(rows):,} requests, {sum(row['denied'] for row in rows):,} denied", flush=True)
    reached: dict[str, list[tuple[float, float]]] = {name: [] for name in METHODS}
    for seed in SEEDS:
        earlier, asked = split(rows, seed)
        denied = [row["denied"] for row in asked]
        for name, method in METHODS.items():
            scores = method(earlier, [row | {"denied": 0} for row in asked])
            reached[name].append((roc_auc(scores, denied), found_in_top(scores, asked)))
            print(
                f"  seed {seed}  {name:42} ROC AUC {reached[name][-1][0]:.4f}  top 10 % {reached[name][-1][1]:.1%}", flush=True
            )
    for name, found in reached.items():
        print(f"  mean    {name:42} ROC AUC {mean(auc for auc, _ in found):.4f}  top 10 % {mean(top for _, top in found):.1%}")


def main() -> int:
    """Exit status 2 without a file."""
    if not sys.argv[1:]:
        print("usage: python -m bench.recommend FILE…", file=sys.stderr)
        return 2
    with tempfile.TemporaryDirectory(prefix="certify-bench-", ignore_cleanup_errors=True) as name:
        folder = Path(name)
        folder.chmod(0o711)
        postgres, valkey = PostgresServer(folder / "postgres"), ValkeyServer(folder / "valkey")
        postgres.start()
        try:
            os.environ.update(
                environment(folder, postgres, valkey) | {"DATABASE_URL": postgres.url("postgres", database="postgres")}
            )
            django.setup()
            for path in sys.argv[1:]:
                measure(Path(path))
        finally:
            postgres.stop()
    return 0


if __name__ == "__main__":
    sys.exit(main())
