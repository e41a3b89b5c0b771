"""The database refuses: triggers for everyone, rights for the application's role, read from the triggers."""

from contextlib import contextmanager

import pytest
from auditlog.models import LogEntry
from django.core.management import call_command
from django.db import connection, transaction
from django.db.utils import ProgrammingError

from ledger import keys
from ledger.actions import configuration, privileges, sequencing
from ledger.actors import SYSTEM
from ledger.models import AbsorbedChange, Checkpoint, Entry, Leaf, Node
from tests.ledger.conftest import write
from tests.ledger.test_configuration import change
from tests.people.conftest import make

ROLE = "certify_test_app"
TABLES = [Entry, Leaf, Node, Checkpoint, AbsorbedChange, LogEntry]


@pytest.fixture
def rows(log):
    """At least one row in every append-only table."""
    change()
    configuration.absorb(by=SYSTEM)


@contextmanager
def refused(words: str):
    with pytest.raises(ProgrammingError, match=words), transaction.atomic():
        yield


@pytest.mark.parametrize("model", TABLES)
def test_owner_can_neither_update_nor_delete(rows, model):
    table, key = model._meta.db_table, model._meta.pk.column
    assert model.objects.exists()
    with refused(f"{table} is append-only: UPDATE refused"), connection.cursor() as cursor:
        cursor.execute(f"UPDATE {table} SET {key} = {key}")
    with refused(f"{table} is append-only: DELETE refused"), connection.cursor() as cursor:
        cursor.execute(f"DELETE FROM {table}")


def test_saving_a_changed_entry_again_is_refused(rows):
    entry = Entry.objects.first()
    entry.subject = "other"
    with refused("ledger_entry is append-only: UPDATE refused"):
        entry.save()
    with refused("ledger_leaf is append-only: DELETE refused"):
        Leaf.objects.filter(entry=entry).delete()


@pytest.fixture
def app_role(rows):
    """The application's role with its rights; the session acts as it."""
    with connection.cursor() as cursor:
        cursor.execute(f"CREATE ROLE {ROLE}")
        cursor.execute("CREATE TABLE plain_table (id int)")
        cursor.execute("CREATE TABLE kept_table (id int)")
        cursor.execute("INSERT INTO plain_table VALUES (1); INSERT INTO kept_table VALUES (1)")
        cursor.execute("CREATE TRIGGER kept BEFORE DELETE ON kept_table FOR EACH ROW EXECUTE FUNCTION certify_refuse_delete()")
        cursor.execute("CREATE TABLE partly_frozen (id int, fixed int)")
        cursor.execute("INSERT INTO partly_frozen VALUES (1, 1)")
        frozen = "BEFORE UPDATE OF fixed ON partly_frozen FOR EACH ROW EXECUTE FUNCTION certify_refuse_change()"
        cursor.execute(f"CREATE TRIGGER frozen {frozen}")
        with refused("kept_table keeps its rows for ever: DELETE refused"):
            cursor.execute("DELETE FROM kept_table")
        kept = privileges.grant(role=ROLE, by=SYSTEM)
        cursor.execute(f"SET LOCAL ROLE {ROLE}")
    return kept


@pytest.mark.parametrize("model", TABLES)
@pytest.mark.parametrize(
    "verb",
    ["UPDATE {table} SET {key} = {key}", "DELETE FROM {table}", "TRUNCATE {table} CASCADE", "DROP TABLE {table} CASCADE"],
)
def test_application_has_no_right_to_change_what_is_append_only(app_role, model, verb):
    table = model._meta.db_table
    with refused(r"permission denied|must be owner"), connection.cursor() as cursor:
        cursor.execute(verb.format(table=table, key=model._meta.pk.column))
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT count(*) FROM {table}")
        assert cursor.fetchone()[0] > 0


def test_application_can_neither_disarm_triggers_nor_create(app_role):
    for statement in (
        "ALTER TABLE ledger_entry DISABLE TRIGGER ALL",
        "SET session_replication_role = replica",
        "DROP TRIGGER ledger_entry_append_only ON ledger_entry",
        "CREATE TABLE mine (id int)",
        "DROP FUNCTION certify_refuse_change() CASCADE",
        "TRUNCATE plain_table",
        "DELETE FROM kept_table",
        "SELECT setval('ledger_entry_id_seq', 1)",
    ):
        with refused(r"permission denied|must be owner"), connection.cursor() as cursor:
            cursor.execute(statement)


def test_application_can_do_its_work(app_role):
    write(3)
    assert sequencing.sequence(by=SYSTEM).size == 604
    with connection.cursor() as cursor:
        cursor.execute(
            "UPDATE plain_table SET id = 2; DELETE FROM plain_table; UPDATE kept_table SET id = 2; ANALYZE kept_table"
        )
        cursor.execute("CREATE TEMPORARY TABLE staging (id int)")


def test_rights_follow_the_triggers(app_role):
    assert set(app_role["append_only"]) >= {model._meta.db_table for model in TABLES}
    assert "kept_table" in app_role["no_delete"]
    assert "plain_table" not in app_role["append_only"] + app_role["no_delete"]


def test_application_may_change_what_a_partly_frozen_table_leaves_open(app_role):
    with connection.cursor() as cursor:
        cursor.execute("UPDATE partly_frozen SET id = 2")
    with refused("partly_frozen is append-only: UPDATE refused"), connection.cursor() as cursor:
        cursor.execute("UPDATE partly_frozen SET fixed = 2")


def test_granting_again_takes_back_what_was_given_by_hand(app_role):
    with connection.cursor() as cursor:
        cursor.execute("RESET ROLE")
        cursor.execute(f"GRANT ALL ON ledger_entry TO {ROLE}; GRANT TRUNCATE ON ledger_leaf TO PUBLIC")
        assert privileges.grant(role=ROLE, by=SYSTEM) == app_role
        cursor.execute(
            "SELECT privilege_type FROM information_schema.role_table_grants WHERE grantee IN (%s, 'PUBLIC')"
            " AND table_name IN ('ledger_entry', 'ledger_leaf') AND privilege_type <> 'MAINTAIN' ORDER BY 1",
            [ROLE],
        )
        assert [right for (right,) in cursor.fetchall()] == ["INSERT", "INSERT", "SELECT", "SELECT"]


def test_upgrade_migrates_grants_and_names_the_key(rows, capsys):
    with connection.cursor() as cursor:
        cursor.execute(f"CREATE ROLE {ROLE}")
    call_command("upgrade", app_role=ROLE, verbosity=0)
    out = capsys.readouterr().out
    assert f"{ROLE} may only read and add in " in out
    assert f"The ledger signs as {keys.load().verifier}" in out
    call_command("upgrade", app_role="", verbosity=0)
    assert "no rights were set" in capsys.readouterr().out


def test_upgrade_makes_the_key_of_a_new_log(db, key_file, capsys):
    call_command("upgrade", app_role="", verbosity=0)
    assert key_file.exists()
    assert keys.load().verifier in capsys.readouterr().out


def test_no_trigger_asks_a_temporary_table(app_role):
    """Names without a schema mean temporary tables first, and the application's role may make those."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT proname, proconfig FROM pg_proc WHERE prorettype = 'trigger'::regtype AND "
                       "pronamespace = current_schema()::regnamespace")  # fmt: skip
        paths = dict(cursor.fetchall())
    assert len(paths) > 10
    assert set(map(tuple, paths.values())) == {("search_path=public, pg_temp",)}


def test_a_table_of_the_roles_own_unlocks_nothing(db):
    person = make("zita")
    with connection.cursor() as cursor:
        cursor.execute(f"CREATE ROLE {ROLE}")
        privileges.grant(role=ROLE, by=SYSTEM)
        cursor.execute(f"SET LOCAL ROLE {ROLE}")
        cursor.execute("CREATE TEMP TABLE ledger_erasure AS SELECT person FROM public.ledger_personrecord")
        with refused("only erasing takes particulars away"):
            cursor.execute("UPDATE public.ledger_personrecord SET salt = NULL, particulars = ''")
        cursor.execute(
            "SELECT count(*) FROM public.ledger_personrecord WHERE person = %s AND salt IS NOT NULL",
            [f"people.user:{person.pk}"],
        )
        assert cursor.fetchone() == (1,)
