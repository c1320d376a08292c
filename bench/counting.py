"""Imported by a worker that is measured (``celery worker -I bench.counting``): counts its SQL statements.

Each pool process keeps its sum in a file of the directory that ``BENCH_COUNTS`` names.
"""

import os
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

from celery.signals import task_postrun
from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.backends.signals import connection_created

_counted: Counter[str] = Counter()


def _count(execute: Callable[..., Any], *statement: Any) -> Any:
    _counted["statements"] += 1
    return execute(*statement)


def _connected(connection: BaseDatabaseWrapper, **_: Any) -> None:
    # The same object reconnects for each task.
    if _count not in connection.execute_wrappers:
        connection.execute_wrappers.append(_count)


def _write(**_: Any) -> None:
    (Path(os.environ["BENCH_COUNTS"]) / str(os.getpid())).write_text(str(_counted.total()))


def total(directory: Path) -> int:
    """What all processes have counted so far."""
    return sum(int(path.read_text() or 0) for path in directory.iterdir())


connection_created.connect(_connected, dispatch_uid="bench.counting")
task_postrun.connect(_write, dispatch_uid="bench.counting")
