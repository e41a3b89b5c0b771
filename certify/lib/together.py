"""The one thing of ours that migrations use: it knows of no table, and stays as it is."""

from django.db.migrations.operations.base import Operation, OperationCategory


class Together(Operation):
    """Changes of tables that are one to Django: it makes its models anew after the last of them, and not after each.

    With a hundred models that hang together, doing it after each is nearly all that a new database takes. Whatever one of the
    changes does finds the models as they are before the first or after the last; so a table that is created here is created whole.
    """

    serialization_expand_args = ["operations"]
    category = OperationCategory.MIXED

    def __init__(self, operations: list[Operation]):
        self.operations = operations

    def state_forwards(self, app_label, state):
        # Without `apps` a state is a description only, which costs nothing to change.
        apps = state.__dict__.pop("apps", None)
        for operation in self.operations:
            operation.state_forwards(app_label, state)
        if apps is not None:
            state.apps = apps
            state.reload_models([key for key in state.models if key[0] == app_label], delay=False)

    def database_forwards(self, app_label, schema_editor, from_state, to_state):
        for operation in self.operations:
            operation.database_forwards(app_label, schema_editor, from_state, to_state)
        # Foreign keys and indexes, which Django puts off to the end of a migration. One that leaves nothing for then is recorded in
        # its own transaction: whoever is killed on the way never finds tables in the database of which it does not know.
        while schema_editor.deferred_sql:
            schema_editor.execute(schema_editor.deferred_sql.pop(0), None)

    def database_backwards(self, app_label, schema_editor, from_state, to_state):
        for operation in reversed(self.operations):
            operation.database_backwards(app_label, schema_editor, from_state, to_state)

    def describe(self):
        return "; ".join(operation.describe() for operation in self.operations)
