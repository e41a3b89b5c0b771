"""The migrations describe the models, go back as well as forward, and leave a database that refuses what it should."""

import io

import pytest
from django.apps import apps
from django.core.management import call_command
from django.db import connection
from django.db.migrations.loader import MigrationLoader

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
    before = schema()
    with connection.cursor() as cursor:
        cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")
    for label in reversed(OURS):
        call_command("migrate", label, "zero", verbosity=0)
    assert not {row for row in schema() if row[1].split("_")[0] in OURS}
    call_command("migrate", verbosity=0)
    assert schema() == before


def schema() -> set[tuple]:
    """Columns, constraints, triggers and indexes, as the database tells them."""
    queries = (
        "SELECT 'column', table_name::text, column_name::text, data_type::text, is_nullable::text, column_default::text "
        "FROM information_schema.columns WHERE table_schema = 'public'",
        "SELECT 'constraint', conrelid::regclass::text, conname::text, pg_get_constraintdef(oid), '', '' FROM pg_constraint "
        "WHERE connamespace = 'public'::regnamespace AND conrelid <> 0",
        "SELECT 'trigger', tgrelid::regclass::text, tgname::text, pg_get_triggerdef(oid), '', '' FROM pg_trigger "
        "WHERE NOT tgisinternal",
        "SELECT 'index', tablename::text, indexname::text, indexdef, '', '' FROM pg_indexes WHERE schemaname = 'public'",
    )
    with connection.cursor() as cursor:
        rows = set()
        for query in queries:
            cursor.execute(query)
            rows.update(cursor.fetchall())
    return rows
