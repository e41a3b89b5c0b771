"""500 rules of duties against 1,000,000 open grants of 100,000 people in ten systems: the first comparison, and one after a reading.

Rights are held unevenly, as they are in companies: the square of an even draw picks them. A side has ten rights, every tenth rule
names tags as well.
"""

import time

from django.db import connection, transaction

from bench.campaigns import seconds
from bench.load import figure
from campaigns import sod_finding
from campaigns.models import SodConflictGrant, SodRule
from certify.lib import clock
from ledger.actors import SYSTEM
from people.actions import users

GRANTS, PEOPLE, ACCOUNTS, SYSTEMS, RIGHTS, RULES, SIDE = 1_000_000, 100_000, 200_000, 10, 5_000, 500, 10
FIRST_ID = 900_000_000
#: What the merge costs besides: the rows are compared with those known, both ways.
RATIO = 12

#: Nothing of it passes through a load, which has a bench of its own. Every figure of chance comes from one seed.
COMPANY = (
    "SELECT setseed(0.5)",
    """INSERT INTO inventory_source (id, key, name, description, created_at)
       SELECT {first} + n, 'sod' || n, 'System ' || n, '', now() FROM generate_series(0, {systems} - 1) AS n""",
    """INSERT INTO inventory_snapshot (id, source_id, number, completeness, extraction_note, loaded_at, loaded_by_name, rows_read,
           rows_loaded, rows_rejected, grants_open, grants_started, grants_changed, grants_ended, entry_uid)
       SELECT {first} + n, {first} + n, 1, 'full', '', now(), '', 0, 0, 0, 0, 0, 0, 0, gen_random_uuid()
       FROM generate_series(0, {systems} - 1) AS n""",
    """INSERT INTO inventory_identity (id, key, name, email, kind, status, department, title, location, manager_key, owner_key,
           supplier, source_id, snapshot_id)
       SELECT {first} + n, 'sod' || n, 'Person ' || n, '', 'employee', 'active', '', '', '', '', '', '', {first}, {first}
       FROM generate_series(0, {people} - 1) AS n""",
    """INSERT INTO inventory_account (id, source_id, key, name, identity_key, credential_kind, identity_id)
       SELECT {first} + n, {first} + n % {systems}, 'a' || n, '', '', '', CASE WHEN n % 100 > 0 THEN {first} + n / 2 END
       FROM generate_series(0, {accounts} - 1) AS n""",
    """INSERT INTO inventory_entitlement (id, source_id, key, name, kind, description, privileged, owner_key, tags, snapshot_id)
       SELECT {first} + n, {first} + n % {systems}, 'r' || n, 'Right ' || n, 'role', '', 'no', '',
              CASE WHEN n % 50 = 0 THEN ARRAY['t' || n / 50] ELSE '{{}}' END, {first} + n % {systems}
       FROM generate_series(0, {rights} - 1) AS n""",
    """INSERT INTO inventory_grant (source_id, account_id, entitlement_id, path, granted_by, first_seen_id, opened_in_id)
       SELECT DISTINCT {first} + account % {systems}, {first} + account,
              {first} + {systems} * floor(power(draw, 2) * {rights} / {systems})::int + account % {systems}, '', '',
              {first} + account % {systems}, {first} + account % {systems}
       FROM (SELECT floor(random() * {accounts})::int AS account, random() AS draw
             FROM generate_series(1, {grants} * 112 / 100)) AS made LIMIT {grants}""",
    "ANALYZE",
)


def build() -> None:
    """The company and the rules."""
    names = {"first": FIRST_ID, "systems": SYSTEMS, "people": PEOPLE, "accounts": ACCOUNTS, "rights": RIGHTS, "grants": GRANTS}
    with transaction.atomic(), connection.cursor() as cursor:
        for statement in COMPANY:
            cursor.execute(statement.format(**names))
        cursor.execute("SELECT count(*) FROM inventory_grant WHERE first_seen_id >= %s", [FIRST_ID])
        if cursor.fetchone()[0] != GRANTS:
            raise RuntimeError("the draw fell short of grants")
    owner = users.create(username="bench-duties", name="Duties", roles=["control_owner"], by=SYSTEM)
    SodRule.objects.bulk_create(_rule(number, owner) for number in range(RULES))


def _rule(number: int, owner) -> SodRule:
    def side(shift: int) -> list[str]:
        rights = [(number * 7 + shift + 97 * place) % RIGHTS for place in range(SIDE)]
        tags = [f"tag:t{(number + shift) % (RIGHTS // 50)}"] if number % 10 == 0 else []
        return [f"sod{right % SYSTEMS}/r{right}" for right in rights] + tags

    sides = {"side_a": side(0), "side_b": side(2_503), "side_a_name": "a", "side_b_name": "b"}
    return SodRule(key=f"sod{number}", name=f"Rule {number}", severity="high", owner=owner, changed_at=clock.now(), **sides)


def evaluate() -> tuple[sod_finding.Found, float]:
    """What a comparison finds, and its seconds to the end of the transaction."""
    begun = time.monotonic()
    with transaction.atomic():
        found = sod_finding.evaluate(clock.now())
    return found, time.monotonic() - begun


#: Every grant that is on a side, counted, with the rights of the sides given: what no comparison can do without.
COUNT = """
    SELECT count(*) FROM bench_right AS wanted JOIN inventory_grant AS granted ON granted.entitlement_id = wanted.entitlement_id
    JOIN inventory_account AS account ON account.id = granted.account_id WHERE granted.closed_in_id IS NULL
"""


def bare() -> tuple[float, int]:
    """Seconds of counting all grants on a side and of a bare INSERT … SELECT of the rows found; and how many are on a side."""
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(sod_finding.RIGHTS.replace("sod_right", "bench_right"), {})
        cursor.execute("ANALYZE bench_right")
        taken = seconds(lambda: cursor.execute(COUNT))
        hits = cursor.fetchone()[0]
        for table in ("campaigns_sodconflict", "campaigns_sodconflictgrant"):
            cursor.execute(f"CREATE TEMP TABLE bench_rows (LIKE {table} INCLUDING INDEXES) ON COMMIT DROP")
            statement = f"INSERT INTO bench_rows SELECT * FROM {table}"
            taken += seconds(lambda statement=statement: cursor.execute(statement))
            cursor.execute("DROP TABLE bench_rows")
    return taken, hits


def run() -> list[dict]:
    """The figures."""
    build()
    found, first = evaluate()
    parts = SodConflictGrant.objects.count()
    taken, hits = bare()
    again, second = evaluate()
    if (again.standing, again.begun, again.ended) != (found.standing, 0, 0) or not found.standing:
        raise RuntimeError(f"the second comparison found something else: {found}, then {again}")
    of = f"{GRANTS:,} grants, {RULES} rules"
    rows = f"{hits:,} times a grant is on a side; {found.standing:,} conflicts of {parts:,} grants"
    return [
        figure("duties: first comparison", first, "s", 60, of, rows),
        figure(
            "duties: first comparison, ratio", first / taken, "times", RATIO, f"bare SQL of the same rows: {taken:.1f} s", rows
        ),
        figure("duties: comparison that finds the same", second, "s", 60, of, rows),
    ]
