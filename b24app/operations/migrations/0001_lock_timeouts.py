"""A process that stands still in the middle of a transaction holds nobody up for long.

The limits belong to the database's role, in this database: PgBouncer refuses them as options of a
connection, and each new connection of the role has them, whoever opens it. PostgreSQL only; SQLite has
one writer and a time limit of its own.
"""

from django.apps.registry import Apps
from django.db import migrations
from django.db.backends.base.schema import BaseDatabaseSchemaEditor

LIMITS = {
    # Transactions of the app last milliseconds, and no request to another server is made inside one.
    "lock_timeout": "10s",
    "idle_in_transaction_session_timeout": "20s",
}


def limit(_apps: Apps, editor: BaseDatabaseSchemaEditor) -> None:
    _alter(editor, "SET {name} = '{value}'")


def unlimit(_apps: Apps, editor: BaseDatabaseSchemaEditor) -> None:
    _alter(editor, "RESET {name}")


def _alter(editor: BaseDatabaseSchemaEditor, clause: str) -> None:
    if editor.connection.vendor != "postgresql":
        return
    database = editor.quote_name(str(editor.connection.settings_dict["NAME"]))
    for name, value in LIMITS.items():
        change = clause.format(name=name, value=value)
        editor.execute(f"ALTER ROLE CURRENT_USER IN DATABASE {database} {change}")


class Migration(migrations.Migration):
    initial = False

    dependencies: list[tuple[str, str]] = []

    operations = [migrations.RunPython(limit, unlimit)]
