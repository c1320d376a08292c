"""The journal of requests to portals: collected in memory, written with one statement, kept a while.

A request costs nothing here but memory until the web request or the task it belongs to has ended
(:mod:`b24app.collecting`); a person does not wait for the writing. Outside of both, in a command, a
row is written at once. A journal that cannot be written loses rows and never breaks a call.
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

# Rows held in memory at most; a long task writes in between.
HELD = 500


# Requests held with all they carried; older ones are reduced to what will be kept of them.
HELD_WHOLE = 20


@dataclass(slots=True)
class Heard:
    """One request to ``portal``, which an installation may not have stored yet."""

    portal: Portal
    user_id: int
    record: CallRecord
    masked: Masked | None = None

    def reduce(self) -> None:
        """Let go of parameters and answer, once what may be kept of them has been taken out."""
        self.masked = request_log.masked(self.portal, self.record)
        self.record = replace(self.record, params={}, commands={}, answer=None)


_held: ContextVar[list[Heard] | None] = ContextVar("held", default=None)


def hold() -> None:
    """Collect from now on, until :func:`write`."""
    _held.set([])


def heard(portal: Portal, user_id: int, record: CallRecord) -> None:
    """A request has ended: the observer of :mod:`b24app.portals.call_listener`."""
    trace = tracing.current()
    tracing.count("calls", record.kind)
    one = Heard(portal, user_id, record)
    held = _held.get()
    if trace is None or held is None:
        _store([one], trace)
        return
    held.append(one)
    if len(held) > HELD_WHOLE:
        held[-HELD_WHOLE - 1].reduce()
    if len(held) >= HELD:
        write(trace)
        hold()


def write(trace: Trace) -> None:
    """Write what was collected, with the reference and the user that ``trace`` has come to know."""
    held, _ = _held.get(), _held.set(None)
    if held:
        _store(held, trace)


def forget(portal_pk: int) -> None:
    """Drop what is held about a portal that has just been erased."""
    held = _held.get()
    if held is not None:
        held[:] = [one for one in held if one.portal.pk != portal_pk]


def _store(held: Sequence[Heard], trace: Trace | None) -> None:
    # Of a portal that was never stored (an installation that was refused) nothing is kept.
    rows = [_row(one, trace) for one in held if one.portal.pk is not None]
    try:
        with transaction.atomic():
            RestCall.objects.bulk_create(rows)
    except IntegrityError:
        # Another process has erased the portal meanwhile: nothing is kept about it.
        logger.warning("%d calls of an erased portal are not in the journal", len(rows))
    except Exception:
        # Whatever it is: the answer has gone out and the work is done.
        logger.exception("%d calls are missing in the journal", len(rows))
    else:
        _store_contents(held)


def _store_contents(held: Sequence[Heard]) -> None:
    try:
        for one in held[-HELD_WHOLE:]:
            if one.portal.pk is not None and one.masked is None:
                one.reduce()
        request_log.store([(one.portal, one.masked) for one in held if one.masked is not None])
    except Exception:
        logger.exception("%d requests are missing in the log", len(held))


def _row(one: Heard, trace: Trace | None) -> RestCall:
    record = one.record
    request_id, _, call_id = record.request_id.partition("-")
    return RestCall(
        portal_id=one.portal.pk,
        user_id=one.user_id or (trace.user_id if trace else 0),
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
    """A portal's error code, which may be any text, as the database can hold it."""
    return "".join(one if one.isprintable() else "?" for one in code[:64])


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
    """Calls of ``portal`` that match all that is given, newest first; not fetched yet, so slice it.

    ``request_id`` is our own id as the log shows it, or the X-Request-Id the portal saw; ``method``
    and ``outcome`` are also looked for inside batches.
    """
    narrowed = (
        Q(reference=reference.strip().upper()) if reference else Q(),
        _of_request(request_id) if request_id else Q(),
        Q(method=method) | Q(methods__has_key=method) if method else Q(),
        Q(outcome=outcome) | Q(failures__has_key=outcome) if outcome else Q(),
        Q(user_id=user_id) if user_id is not None else Q(),
        ~Q(outcome="ok", failures={}) if failed else Q(),
        Q(started__gte=since) if since else Q(),
        Q(started__lt=until) if until else Q(),
    )
    return RestCall.objects.of(portal).filter(*narrowed).order_by("-started", "-pk")


def _of_request(request_id: str) -> Q:
    ours, _, one_call = request_id.strip().lower().partition("-")
    return Q(request_id=ours, call_id=one_call) if one_call else Q(request_id=ours)


def purge(portal: Portal, most: int) -> int:
    """Forget calls past the portal's time, at most so many; returns how many there were."""
    since = timezone.now() - timedelta(days=portal.journal_days)
    old = RestCall.objects.of(portal).filter(started__lt=since)
    gone, _ = RestCall.objects.filter(pk__in=old.order_by("started").values("pk")[:most]).delete()
    return gone
