"""What belongs to one web request or one task: it begins with an id, and what was noted on the way
is written when it has ended: calls to portals into the journal, counts into Redis.

A web request's part is written after the answer has gone out. The id of a web request goes along with
the tasks it starts, so that one id leads from a click to the portal.
"""

import logging
import re
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from celery import Task
from celery.signals import before_task_publish, task_postrun, task_prerun
from django.core.signals import request_finished
from django.http import HttpRequest, HttpResponse
from django.utils.encoding import escape_uri_path

from b24app import counters, tracing
from b24app.journal import calls
from b24app.tracing import Trace

HEADER = "X-Request-Id"
# In the message that carries a task.
TASK_HEADER = "lo_request_id"

_ID = re.compile(r"[0-9a-f]{32}")

logger = logging.getLogger(__name__)


class Collect:
    """Middleware around all but static files. The id is ours: an ID sent by a client is ignored."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self._get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        trace = _begin("web")
        response = self._get_response(request)
        match = request.resolver_match
        trace.origin = (match.view_name if match else "") or "none"
        seconds = time.monotonic() - trace.began
        tracing.count("requests", trace.origin, str(response.status_code))
        counters.timed("request_seconds", trace.origin, seconds)
        response[HEADER] = trace.id
        # Escaped, so that a path cannot write lines of its own.
        path = escape_uri_path(request.path)
        logger.info("%s %s: %s, %.3f s", request.method, path, response.status_code, seconds)
        return response


def _answered(**_: Any) -> None:
    trace = tracing.current()
    if trace is not None and not trace.task_id:
        _finish(trace)


def _publishing(headers: dict[str, Any], **_: Any) -> None:
    if tracing.current() is not None:
        headers[TASK_HEADER] = tracing.trace_id()


def _starting(task_id: str, task: Task[..., Any], **_: Any) -> None:
    if tracing.current() is None:
        known = str((task.request.headers or {}).get(TASK_HEADER, ""))
        _begin(task.name, trace_id=known if _ID.fullmatch(known) else "", task_id=task_id)


def _ended(task_id: str, task: Task[..., Any], state: str | None = None, **_: Any) -> None:
    trace = tracing.current()
    if trace is None:
        return
    tracing.count("tasks", task.name, str(state))
    if trace.task_id == task_id:
        counters.timed("task_seconds", task.name, time.monotonic() - trace.began)
        _finish(trace)


@contextmanager
def command(name: str) -> Iterator[None]:
    """What an operator's command does belongs together too."""
    trace = _begin(name)
    try:
        yield
    finally:
        _finish(trace)


def _begin(origin: str, *, trace_id: str = "", task_id: str = "") -> Trace:
    trace = tracing.begin(origin, trace_id=trace_id, task_id=task_id)
    calls.hold()
    return trace


def _finish(trace: Trace) -> None:
    calls.write(trace)
    counters.add(trace.counts)
    tracing.end()


request_finished.connect(_answered, dispatch_uid="collecting")
before_task_publish.connect(_publishing, dispatch_uid="collecting")
task_prerun.connect(_starting, dispatch_uid="collecting")
task_postrun.connect(_ended, dispatch_uid="collecting")
