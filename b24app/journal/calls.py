"""The journal of requests to portals: collected in memory, written in one statement, deleted after some days.

Requests are kept in memory until the web request or task they belong to has ended
(:mod:`b24app.collecting`), so nobody waits for the journal. In a command a row is written at once. If the
journal cannot be written, rows are lost and no call fails.
"""

import logging
import math
from collections.abc import Sequence
from contextvars import ContextVar
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from django.db import IntegrityError, transaction
from django.db.models import Q
from django.utils import timezone

from b24app import tracing
from b24app.bitrix24.client import CallRecord
from b24app.journal import request_log
from b24app.journal.models import RestCall, RestCallQuerySet
from b24app.journal.request_log import Masked
from b24app.portals.models import Portal
from b24app.tracing import Trace

logger = logging.getLogger(__name__)

MAX_COLLECTED = 500
"""Requests in memory. A long task writes them in between."""
MAX_COMPLETE = 20
"""Requests in memory with their parameters and answers. Older ones keep only what is stored of them."""


@dataclass(slots=True)
class Collected:
    """One request to ``portal``. During an installation the portal may not be stored yet."""

    portal: Portal
    user_id: int
    record: CallRecord
    masked: Masked | None = None

    def reduce(self) -> None:
        """Replace parameters and answer by what may be stored of them."""
        self.masked = request_log.masked(self.portal, self.record)
        self.record = replace(self.record, params={}, commands={}, answer=None)


_collected: ContextVar[list[Collected] | None] = ContextVar("collected", default=None)


def hold() -> None:
    """Collect requests in memory until :func:`write`."""
    _collected.set([])


def collect(portal: Portal, user_id: int, record: CallRecord) -> None:
    """Collect a request that has ended. This is the observer of :mod:`b24app.portals.call_listener`."""
    trace = tracing.current()
    tracing.count("calls", record.kind)
    request = Collected(portal, user_id, record)
    collected = _collected.get()
    if trace is None or collected is None:
        _store([request], trace)
        return
    collected.append(request)
    if len(collected) > MAX_COMPLETE:
        collected[-MAX_COMPLETE - 1].reduce()
    if len(collected) >= MAX_COLLECTED:
        write(trace)
        hold()


def write(trace: Trace) -> None:
    """Write the collected requests, with the reference and the user of ``trace``. Raises nothing."""
    collected, _ = _collected.get(), _collected.set(None)
    if collected:
        _store(collected, trace)


def forget(portal_pk: int) -> None:
    """Drop the collected requests of a portal that was erased."""
    collected = _collected.get()
    if collected is not None:
        collected[:] = [request for request in collected if request.portal.pk != portal_pk]


def _store(collected: Sequence[Collected], trace: Trace | None) -> None:
    # Nothing is stored of a portal that was never stored itself, because its installation was refused.
    rows = [_row(request, trace) for request in collected if request.portal.pk is not None]
    try:
        with transaction.atomic():
            RestCall.objects.bulk_create(rows)
    except IntegrityError:
        # Another process has erased the portal: nothing is stored about it.
        logger.warning("%d calls of an erased portal are not in the journal", len(rows))
    except Exception:
        # Any error: the response has been sent, and the work is done.
        logger.exception("%d calls are missing in the journal", len(rows))
    else:
        _store_contents(collected)


def _store_contents(collected: Sequence[Collected]) -> None:
    try:
        for request in collected[-MAX_COMPLETE:]:
            if request.portal.pk is not None and request.masked is None:
                request.reduce()
        request_log.store(
            [
                (request.portal, request.masked)
                for request in collected
                if request.masked is not None
            ]
        )
    except Exception:
        logger.exception("%d requests are missing in the log", len(collected))


def _row(request: Collected, trace: Trace | None) -> RestCall:
    record = request.record
    request_id, _, call_id = record.request_id.partition("-")
    return RestCall(
        portal_id=request.portal.pk,
        user_id=request.user_id or (trace.user_id if trace else 0),
        method=record.method[:128],
        methods=dict(record.methods),
        started=record.started,
        duration=record.duration,
        outcome=_plain(record.outcome),
        failures={_plain(code): count for code, count in record.failures.items()},
        http_status=record.http_status,
        operating=record.operating if math.isfinite(record.operating or 0) else None,
        retries=record.retries,
        request_id=request_id,
        call_id=call_id,
        origin=trace.origin[:64] if trace else "",
        reference=trace.reference if trace else "",
    )


def _plain(code: str) -> str:
    """A portal's error code, which may be any text, in a form that the database can store."""
    return "".join(char if char.isprintable() else "?" for char in code[:64])


def search(
    portal: Portal,
    *,
    reference: str = "",
    request_id: str = "",
    method: str = "",
    outcome: str = "",
    user_id: int | None = None,
    failed: bool = False,
    since: datetime | None = None,
    until: datetime | None = None,
) -> RestCallQuerySet:
    """Calls of ``portal`` that match all given filters, newest first. A query set: slice it.

    ``request_id`` is the ID in the app's log, or the X-Request-Id that the portal got. ``method`` and
    ``outcome`` are searched inside batches too. ``failed`` finds calls with an error.
    """
    filters = (
        Q(reference=reference.strip().upper()) if reference else Q(),
        _of_request(request_id) if request_id else Q(),
        Q(method=method) | Q(methods__has_key=method) if method else Q(),
        Q(outcome=outcome) | Q(failures__has_key=outcome) if outcome else Q(),
        Q(user_id=user_id) if user_id is not None else Q(),
        ~Q(outcome="ok", failures={}) if failed else Q(),
        Q(started__gte=since) if since else Q(),
        Q(started__lt=until) if until else Q(),
    )
    return RestCall.objects.of(portal).filter(*filters).order_by("-started", "-pk")


def _of_request(request_id: str) -> Q:
    own_id, _, call_id = request_id.strip().lower().partition("-")
    return Q(request_id=own_id, call_id=call_id) if call_id else Q(request_id=own_id)


def purge(portal: Portal, most: int) -> int:
    """Delete at most ``most`` calls older than ``portal.journal_days``. Returns how many."""
    since = timezone.now() - timedelta(days=portal.journal_days)
    old = RestCall.objects.of(portal).filter(started__lt=since)
    gone, _ = RestCall.objects.filter(pk__in=old.order_by("started").values("pk")[:most]).delete()
    return gone
