"""Which tests run on PostgreSQL too, and which statements of the app each of them is there for.

The rule: a test runs on PostgreSQL if its test database has real transactions (``django_db`` with
``transaction=True``), or if it is named here. Named are tests of modules whose statements the two databases
carry out differently (``DIFFERS``), and one walk over every view.

``pytest -p tests.on_postgres -m postgres`` (``make test-postgres``) also fails if the statements of one of
the modules were not run.
"""

import ast
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest
from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.backends.signals import connection_created

ROOT = Path(__file__).resolve().parent.parent
APP = f"{ROOT / 'b24app'}/"

DIFFERS = frozenset(
    {
        "select_for_update", "cursor", "set_rollback", "get_or_create", "update_or_create",
        "ignore_conflicts", "update_conflicts", "RawSQL", "RunSQL", "Func", "Cast", "TruncDate", "Window",
        "Subquery", "OuterRef", "extra",
    }
)  # fmt: skip
"""Functions, and options of functions, that PostgreSQL and SQLite carry out each in its own way."""

TESTS: Mapping[str, Sequence[str]] = {
    "b24app/automation/arrivals.py": [
        "tests/automation/test_catch_up.py",
        "tests/automation/test_hostile.py",
    ],
    "b24app/automation/catch_up.py": ["tests/automation/test_working.py"],
    "b24app/automation/switching.py": ["tests/automation/test_undoing.py"],
    "b24app/automation/watches.py": ["tests/automation/test_catch_up.py"],
    "b24app/console/settings_form.py": ["tests/console/test_settings.py"],
    "b24app/events/notice_queue.py": [
        "tests/events/test_changes.py",
        "tests/events/test_echoes.py",
    ],
    "b24app/events/group_commit.py": ["tests/events/test_group_commit.py"],
    "b24app/events/uninstall.py": ["tests/install/test_removal.py"],
    "b24app/health.py": ["tests/ops/test_processes.py"],
    "b24app/install/lifecycle.py": ["tests/install/test_lifecycle.py"],
    "b24app/jobs/column_choice.py": ["tests/jobs/test_columns.py"],
    "b24app/jobs/control.py": ["tests/jobs/test_pages.py", "tests/jobs/test_kept.py"],
    "b24app/jobs/creation.py": ["tests/jobs/test_access.py"],
    "b24app/jobs/models.py": ["tests/jobs/test_running.py"],
    "b24app/jobs/row_names.py": ["tests/jobs/test_preview.py"],
    "b24app/jobs/row_options.py": ["tests/jobs/test_row_options.py"],
    "b24app/jobs/takeover.py": ["tests/jobs/test_take_over.py"],
    "b24app/jobs/worker_slots.py": ["tests/jobs/test_running.py", "tests/jobs/test_poison.py"],
    "b24app/journal/audit.py": ["tests/console/test_audit.py", "tests/console/test_overview.py"],
    "b24app/journal/bundle.py": ["tests/console/test_support.py"],
    "b24app/journal/request_log.py": ["tests/journal/test_request_log.py"],
    "b24app/portals/launch.py": ["tests/install/test_lifecycle.py"],
    "b24app/portals/management/commands/rotate_token_keys.py": ["tests/portals/test_tokens.py"],
    "b24app/portals/renewal.py": ["tests/portals/test_renewal.py"],
    "b24app/tab/dismissals.py": ["tests/tab/test_suggestions.py"],
    "b24app/tab/write_locks.py": ["tests/tab/test_once.py"],
}
"""Test modules by the module of the app whose statements they run on PostgreSQL."""

EVERY_VIEW = "tests/portals/test_rights.py::test_every_route_answers_permitted_people"

_CHOSEN = {path for paths in TESTS.values() for path in paths}


def runs_on_postgres(item: pytest.Item) -> bool:
    """Whether the rule of this module chooses the test."""
    mark = item.get_closest_marker("django_db")
    if mark is None or item.get_closest_marker("bare"):
        return False
    module = item.nodeid.partition("::")[0]
    return bool(mark.kwargs.get("transaction")) or module in _CHOSEN or item.nodeid == EVERY_VIEW


def differing_modules() -> Iterator[str]:
    """Modules of the app that use what the two databases do differently, by their paths."""
    for path in sorted(ROOT.glob("b24app/**/*.py")):
        names = {
            name for node in ast.walk(ast.parse(path.read_text("utf-8"))) for name in _names(node)
        }
        if names & DIFFERS:
            yield str(path.relative_to(ROOT))


def _names(node: ast.AST) -> Iterator[str]:
    """Functions that a node of the source calls, and the options it switches on."""
    if not isinstance(node, ast.Call):
        return
    function = node.func
    if isinstance(function, ast.Attribute):
        yield function.attr
    elif isinstance(function, ast.Name):
        yield function.id
    for option in node.keywords:
        if option.arg and isinstance(option.value, ast.Constant) and option.value.value is True:
            yield option.arg


# --- the check at the end of ``make test-postgres`` ----------------------------------------------

_ran: set[str] = set()


def _noticed(
    execute: Callable[..., Any], sql: str, params: Any, many: bool, context: Mapping[str, Any]
) -> Any:
    """Run a statement, and note the modules of the app that are on the way to it."""
    frame = sys._getframe(1)
    while frame is not None:
        if frame.f_code.co_filename.startswith(APP):
            _ran.add(frame.f_code.co_filename)
        frame = frame.f_back  # type: ignore[assignment]
    return execute(sql, params, many, context)


def _connected(connection: BaseDatabaseWrapper, **_: object) -> None:
    if _noticed not in connection.execute_wrappers:
        connection.execute_wrappers.append(_noticed)


def pytest_configure() -> None:
    connection_created.connect(_connected)


def pytest_sessionfinish(session: pytest.Session, exitstatus: int) -> None:
    missing = [path for path in TESTS if str(ROOT / path) not in _ran]
    if exitstatus == pytest.ExitCode.OK and missing:
        session.exitstatus = pytest.ExitCode.TESTS_FAILED
        reporter = session.config.pluginmanager.get_plugin("terminalreporter")
        assert reporter is not None
        reporter.write_line(f"No statement ran on PostgreSQL from: {', '.join(missing)}", red=True)
