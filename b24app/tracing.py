"""Which request or task the present code works for: its id, and what is noted about it on the way.

The id goes from the web request through Celery's message headers into ``X-Request-Id`` of every
request to a portal, and into every line of the log. What is counted or noted here is written out by
:mod:`collecting` when the request or the task has ended. No Django, no Celery.
"""

import time
import uuid
from collections import defaultdict
from contextvars import ContextVar
from dataclasses import dataclass, field


@dataclass(slots=True, eq=False)
class Trace:
    """One web request, task or command under way.

    ``origin`` is the route's or the task's name, ``task_id`` Celery's id of a task, ``reference`` what
    a person was shown to quote to support ("" for nothing), ``user_id`` the person in their portal (0
    while unknown).
    """

    id: str
    origin: str
    task_id: str = ""
    reference: str = ""
    user_id: int = 0
    began: float = field(default_factory=time.monotonic)
    counts: defaultdict[tuple[str, ...], float] = field(default_factory=lambda: defaultdict(float))


_current: ContextVar[Trace | None] = ContextVar("trace", default=None)


def current() -> Trace | None:
    """What is under way, None outside of everything."""
    return _current.get()


def begin(origin: str, *, trace_id: str = "", task_id: str = "") -> Trace:
    """A new trace in force; ``trace_id`` is the ID of what started this."""
    trace = Trace(trace_id or uuid.uuid4().hex, origin, task_id)
    _current.set(trace)
    return trace


def end() -> None:
    """Nothing is under way any more."""
    _current.set(None)


def trace_id() -> str:
    """The id of what is under way, "" outside of everything."""
    trace = _current.get()
    return trace.id if trace is not None else ""


def call_id() -> str:
    """A fresh id for one request to a portal; it begins with the id of what is under way."""
    return f"{trace_id() or uuid.uuid4().hex}-{uuid.uuid4().hex[:8]}"


def note_reference(reference: str) -> None:
    """A person is shown this reference; the latest one stays."""
    if (trace := _current.get()) is not None:
        trace.reference = reference


def note_user(user_id: int) -> None:
    """It has become known whose request this is."""
    if (trace := _current.get()) is not None:
        trace.user_id = user_id


def count(*name: str, by: float = 1) -> None:
    """So much more of ``name``, a metric and its labels' values; nothing outside of everything."""
    if (trace := _current.get()) is not None:
        trace.counts[name] += by
