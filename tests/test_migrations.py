"""The migrations describe the models, go back as well as forward, and leave a database that refuses what it should.

New databases are made by one squashed migration of each app, those that exist go on through the ones that it replaces: both come to
the same, to the last column.
"""

import io
import itertools
import random

import pytest
from django.apps import apps
from django.core.management import call_command
from django.db import connection
from django.db.migrations import Migration
from django.db.migrations.executor import MigrationExecutor
from django.db.migrations.loader import MigrationLoader
from django.db.migrations.recorder import MigrationRecorder

from tests.catalogue import catalogue, rows
from tests.databases import another_database, by_the_old_ones
from tests.pgplugin import TEMPLATE

OURS = ("ledger", "people", "inventory", "campaigns", "remediation", "evidence")


@pytest.mark.django_db
def test_the_models_have_no_change_without_a_migration():
    out = io.StringIO()
    try:
        call_command("makemigrations", "--check", "--dry-run", stdout=out)
    except SystemExit:
        pytest.fail(f"run makemigrations -n NAME:\n{out.getvalue()}")


def test_every_migration_can_be_undone():
    loader = MigrationLoader(None)
    stuck = [
        f"{label}.{name}: {operation}"
        for (label, name), migration in loader.disk_migrations.items()
        if label in OURS
        for operation in migration.operations
        if not operation.reversible
    ]
    assert not stuck


@pytest.mark.django_db
def test_every_table_of_ours_has_a_big_key():
    """A log outgrows 2³¹ rows."""
    tables = [model._meta.db_table for label in OURS for model in apps.get_app_config(label).get_models()]
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT table_name FROM information_schema.columns "
            "WHERE column_name = 'id' AND data_type = 'integer' AND table_name = ANY(%s)",
            [tables],
        )
        assert cursor.fetchall() == []


@pytest.mark.django_db
@pytest.mark.slow
def test_undone_and_done_again_the_schema_is_the_same():
    before = catalogue()
    with connection.cursor() as cursor:
        cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")
    for label in reversed(OURS):
        call_command("migrate", label, "zero", verbosity=0)
    assert not {line for line in catalogue() if line[1].split("_")[0] in (*OURS, "certify")}
    call_command("migrate", verbosity=0)
    assert catalogue() == before


#: Every app has begun and none is done, so that no squashed migration is used: as a database of the first month.
HALF_WAY = [
    ("ledger", "0012_verification"),
    ("people", "0010_working_hours"),
    ("inventory", "0004_former_rows_kept"),
    ("campaigns", "0012_scopes_kept"),
    ("remediation", "0002_triggers"),
    ("evidence", "0002_triggers"),
]


@pytest.fixture
def new(db) -> set[tuple]:
    """What is in a database that the squashed migrations made."""
    with another_database(TEMPLATE):
        return catalogue() | rows()


def missing_and_too_much(found: set[tuple], new: set[tuple]) -> tuple[list, list]:
    """Both short enough to be read where a test fails."""
    return sorted(new - found), sorted(found - new)


def what_is_left() -> list[Migration]:
    """What `migrate` would do now."""
    executor = MigrationExecutor(connection)
    executor.loader.check_consistent_history(connection)
    return [migration for migration, _ in executor.migration_plan(executor.loader.graph.leaf_nodes())]


@pytest.mark.slow
def test_a_database_half_way_goes_on_through_the_old_ones_and_comes_to_the_same(new):
    """One trip for three questions, since it takes as long as a new database did before there were squashed migrations."""
    with another_database():
        by_the_old_ones().migrate(HALF_WAY)
        assert not any(migration.replaces for migration in what_is_left())
        call_command("migrate", verbosity=0)
        assert missing_and_too_much(catalogue() | rows(), new) == ([], [])
        call_command("migrate", check_unapplied=True, verbosity=0)
        assert {app for app, name in MigrationRecorder(connection).applied_migrations() if "_squashed_" in name} == set(OURS)


@pytest.mark.slow
def test_a_new_database_goes_on_where_it_was_interrupted(new, monkeypatch):
    """Between two apps, and while the many migrations are recorded that a squashed one replaces."""
    record = MigrationRecorder.record_applied

    def interrupted(self, app, name):
        if (app, name) == ("campaigns", "0102_guards_kept"):
            raise InterruptedError
        record(self, app, name)

    with another_database():
        with monkeypatch.context() as patched:
            patched.setattr(MigrationRecorder, "record_applied", interrupted)
            with pytest.raises(InterruptedError):
                call_command("migrate", verbosity=0)
        applied = MigrationRecorder(connection).applied_migrations()
        assert ("inventory", "0001_initial") in applied
        assert ("campaigns", "0001_initial") not in applied
        call_command("migrate", verbosity=0)
        assert missing_and_too_much(catalogue() | rows(), new) == ([], [])


@pytest.mark.parametrize("first", OURS)
def test_wherever_a_database_stands_each_migration_finds_what_it_needs(db, monkeypatch, first):
    """Apps that are done beside others that have just begun, and databases that stopped at any place."""
    loader = by_the_old_ones().loader
    needs = {key: {one.key for one in node.parents} for key, node in loader.graph.node_map.items()}
    ends = {key[0]: key for key in loader.graph.leaf_nodes() if key[0] in OURS}
    squashed = loader.replacements
    chance = random.Random(first)
    others = [key for app, key in ends.items() if app != first]
    places = [{ends[first], *some} for count in range(len(others)) for some in itertools.combinations(others, count)]
    places += [set(chance.sample(sorted(needs), chance.randint(1, 4))) for _ in range(30)]
    for place in places:
        done = with_what_they_need(place, needs)
        # An earlier `migrate` has recorded which of the squashed ones count as done.
        known = {*done, *(key for key, one in squashed.items() if done.issuperset(one.replaces))}
        monkeypatch.setattr(MigrationRecorder, "applied_migrations", lambda self, known=known: dict.fromkeys(known))
        for migration in what_is_left():
            these = set(migration.replaces or [(migration.app_label, migration.name)])
            assert not these & done
            assert set().union(*(needs[key] for key in these)) - these <= done
            done |= these
        assert done == set(needs)


def with_what_they_need(these: set[tuple], needs: dict[tuple, set[tuple]]) -> set[tuple]:
    """These migrations with all that must have been applied before them."""
    return these.union(*(with_what_they_need(needs[key], needs) for key in these))
