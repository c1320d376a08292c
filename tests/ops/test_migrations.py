"""Migrations run while the old version still works: after the first release they only add.

What the old version does not know must not stop it: a new column may be empty or is filled by the
database, an index is built beside the work, data are moved apart from the schema. Removing is the next
release's matter (see docs/operations.md), and says so here.
"""

from itertools import pairwise

import pytest
from django.contrib.postgres.operations import AddIndexConcurrently
from django.db import connection, migrations, models
from django.db.migrations.loader import MigrationLoader
from django.db.migrations.operations import SeparateDatabaseAndState
from django.db.migrations.operations.base import Operation

# The last migration of each app in the first release, or the first one of a later app: nothing ran before it.
FIRST_RELEASE = {"automation": 1, "events": 2, "jobs": 9, "journal": 3, "portals": 4, "tab": 1}

# Removals whose readers are gone since the release before: "app.name of the migration".
CONTRACTED: set[str] = set()


def unsafe(operation: Operation) -> str:
    """Why an operation would stop the version that runs; empty if it would not."""
    if isinstance(operation, migrations.CreateModel | AddIndexConcurrently | migrations.RunPython):
        return ""
    if isinstance(operation, SeparateDatabaseAndState):
        return next(filter(None, map(unsafe, operation.database_operations)), "")
    if isinstance(operation, migrations.AddField):
        field = operation.field
        filled = field.null or field.db_default is not models.NOT_PROVIDED or field.many_to_many
        return "" if filled else "the old version cannot fill this column: null or db_default"
    if isinstance(operation, migrations.AlterField):
        # A text that gets longer still holds what the old version writes, and no table is rewritten.
        wider = isinstance(operation.field, models.TextField)
        return "" if wider else "AlterField changes what the old version uses"
    return f"{type(operation).__name__} changes what the old version uses"


def later() -> list[tuple[str, migrations.Migration]]:
    """Our migrations after the first release."""
    found = MigrationLoader(connection, ignore_no_migrations=True).disk_migrations
    return [
        (f"{app}.{name}", migration)
        for (app, name), migration in sorted(found.items())
        if type(migration).__module__.startswith("b24app.")
        and int(name[:4]) > FIRST_RELEASE.get(app, 0)
        and (app in FIRST_RELEASE or not migration.initial)
    ]


@pytest.mark.django_db
def test_later_migrations_leave_the_running_version_alone() -> None:
    for name, migration in later():
        troubles = [why for operation in migration.operations if (why := unsafe(operation))]
        assert not troubles or name in CONTRACTED, (name, troubles)
        kinds = {isinstance(operation, migrations.RunPython) for operation in migration.operations}
        assert len(kinds) == 1, f"{name} changes schema and data in one transaction"


@pytest.mark.parametrize(
    ("operation", "safe"),
    [
        (migrations.CreateModel("new", []), True),
        (migrations.AddField("portal", "new", models.IntegerField(null=True)), True),
        (migrations.AddField("portal", "new", models.IntegerField(db_default=0)), True),
        (migrations.AddField("portal", "new", models.IntegerField(default=0)), False),
        (AddIndexConcurrently("portal", models.Index(fields=["host"], name="new")), True),
        (migrations.AddIndex("portal", models.Index(fields=["host"], name="new")), False),
        (migrations.AlterField("portal", "text", models.TextField(blank=True)), True),
        (migrations.AlterField("portal", "text", models.CharField(max_length=8)), False),
        (migrations.RemoveField("portal", "old"), False),
        (migrations.RenameField("portal", "old", "new"), False),
        (migrations.DeleteModel("portal"), False),
        (SeparateDatabaseAndState([], [migrations.DeleteModel("portal")]), True),
        (SeparateDatabaseAndState([migrations.DeleteModel("portal")], []), False),
    ],
)
def test_safe_migration_operations_are_recognized(operation: Operation, safe: bool) -> None:
    assert (unsafe(operation) == "") == safe


def test_numbers_of_migrations_have_no_gaps() -> None:
    found = MigrationLoader(None, ignore_no_migrations=True).disk_migrations
    for app in FIRST_RELEASE:
        numbers = sorted(int(name[:4]) for label, name in found if label == app)
        assert all(after == before + 1 for before, after in pairwise(numbers))
