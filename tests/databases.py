"""Databases beside that of the tests, and the migrations that the squashed ones replace."""

from collections.abc import Iterator
from contextlib import contextmanager

from django.db import connection, connections
from django.db.migrations.executor import MigrationExecutor
from django.db.migrations.loader import MigrationLoader

NAME = "beside_the_tests"


@contextmanager
def another_database(template: str = "template0") -> Iterator[None]:
    """Whatever asks for the database finds a new one meanwhile: an empty one, or a copy."""
    usual = connections["default"]
    other = connections.create_connection("default")
    other.settings_dict = {**usual.settings_dict, "NAME": f"{usual.settings_dict['NAME']}_{NAME}"}
    name = other.settings_dict["NAME"]
    with usual._nodb_cursor() as cursor:
        cursor.execute(f"CREATE DATABASE {name} TEMPLATE {template}")
    connections["default"] = other
    try:
        yield
    finally:
        connections["default"] = usual
        other.close()
        with usual._nodb_cursor() as cursor:
            cursor.execute(f"DROP DATABASE {name}")


def by_the_old_ones() -> MigrationExecutor:
    """What goes through every migration that was ever released, as a database does that stands between them."""
    executor = MigrationExecutor(connection)
    executor.loader = MigrationLoader(connection, replace_migrations=False)
    for key, squashed in executor.loader.replacements.items():
        executor.loader.graph.remove_replacement_node(key, squashed.replaces)
    return executor
