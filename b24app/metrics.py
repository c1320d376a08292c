"""``GET /metrics/`` for Prometheus: off without METRICS_TOKEN, which is shown as a bearer token.

Counters are those of all processes on all machines (:mod:`counters`); everything else is looked up when
it is asked for: queues in Redis, events and tokens in the database, budgets where they are kept. So any
web process answers for the whole installation, and one is to be scraped, not each. A part that is away
is left out and said by ``linked_orders_up``.
"""

import logging
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from hmac import compare_digest

from django.conf import settings
from django.db import DatabaseError
from django.db.models import Count, Min, QuerySet
from django.http import HttpRequest, HttpResponse
from django.utils import timezone
from django.views.decorators.http import require_safe
from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.core import (
    CounterMetricFamily,
    GaugeMetricFamily,
    HistogramMetricFamily,
    Metric,
)
from prometheus_client.exposition import CONTENT_TYPE_LATEST
from redis.exceptions import RedisError

from b24app import counters, heartbeat
from b24app.events.models import InboxEvent
from b24app.jobs.models import Job
from b24app.portals.budgets import budget_levels
from b24app.portals.models import Portal, PortalUser

PREFIX = "linked_orders_"

FULLEST_BUDGETS = 20
"""Portals whose budget is shown by name: those with the fullest buckets. All others are counted."""

NEARLY_FULL = 0.8
"""From this share of its capacity on a bucket counts as nearly full."""

# Metric, help, names of its labels; the last label of a histogram is its bucket.
COUNTERS = {
    "requests": ("Web requests by route and HTTP status", ("route", "status")),
    "refusals": ("Openings refused because they could not be proved", ("reason",)),
    "calls": ("Requests to portals by how they ended: ok or the kind of error", ("outcome",)),
    "token_refreshes": ("Refreshes at the authorization server", ("outcome",)),
    "tasks": ("Tasks by how they ended", ("task", "state")),
}
HISTOGRAMS = {
    "request_seconds": ("Seconds from a web request to its answer", "route"),
    "task_seconds": ("Seconds a task took", "task"),
}

Counts = Mapping[tuple[str, ...], float]

logger = logging.getLogger(__name__)


@require_safe
def metrics(request: HttpRequest) -> HttpResponse:
    """The numbers; 404 without METRICS_TOKEN, 401 for whoever does not know it."""
    if not settings.METRICS_TOKEN:
        return HttpResponse(status=404)
    shown = request.headers.get("Authorization", "").encode()
    if not compare_digest(shown, f"Bearer {settings.METRICS_TOKEN}".encode()):
        return HttpResponse(status=401, headers={"WWW-Authenticate": "Bearer"})
    registry = CollectorRegistry(auto_describe=False)
    registry.register(_Collector())
    return HttpResponse(generate_latest(registry), content_type=CONTENT_TYPE_LATEST)


class _Collector:
    def collect(self) -> Iterator[Metric]:
        parts = {"redis": (_counted, _queues, _budgets), "database": (_events, _jobs, _portals)}
        up = _gauge("up", "Whether this part could be asked", "part")
        for name, sources in parts.items():
            try:
                found = [metric for source in sources for metric in source()]
            except (RedisError, DatabaseError, OSError) as error:
                logger.warning("no metrics of %s: %s", name, error)
                up.add_metric([name], 0)
            else:
                up.add_metric([name], 1)
                yield from found
        yield up


def _counted() -> Iterable[Metric]:
    by_metric: dict[str, dict[tuple[str, ...], float]] = defaultdict(dict)
    for (metric, *labels), value in counters.read().items():
        by_metric[metric][tuple(labels)] = value
    for name, (text, names) in COUNTERS.items():
        family = CounterMetricFamily(PREFIX + name, text, labels=names)
        for values, count in sorted(by_metric[name].items()):
            if len(values) == len(names):
                family.add_metric(values, count)
        yield family
    for name, (text, label) in HISTOGRAMS.items():
        yield _histogram(name, text, label, by_metric[name], by_metric[f"{name}_sum"])


def _histogram(name: str, text: str, label: str, filled: Counts, sums: Counts) -> Metric:
    family = HistogramMetricFamily(PREFIX + name, text, labels=[label])
    limits = [*(f"{limit:g}" for limit in counters.BUCKETS), "+Inf"]
    for values, total in sorted(sums.items()):
        if len(values) != 1:
            continue
        below, buckets, value = 0.0, [], values[0]
        for limit in limits:
            below += filled.get((value, limit), 0)
            buckets.append((limit, below))
        family.add_metric([value], buckets, total)
    return family


def _queues() -> Iterable[Metric]:
    lengths = _gauge("queue_length", "Tasks that wait for a worker", "queue")
    for name in counters.QUEUES:
        lengths.add_metric([name], counters.waiting(name))
    yield lengths
    up = _gauge("worker_up", "Whether a worker of this queue has given a sign of life", "queue")
    count = _gauge("workers", "Workers of this queue that have given a sign of life", "queue")
    for part, signs in heartbeat.signs().items():
        here = sum(sign.alive for sign in signs)
        if part == heartbeat.BEAT:
            yield GaugeMetricFamily(
                f"{PREFIX}beat_up", "Whether beat has sent a task of its schedule", here > 0
            )
        else:
            up.add_metric([part], here > 0)
            count.add_metric([part], here)
    yield up
    yield count


def _budgets() -> Iterable[Metric]:
    """Of the portals asked within the hour: how many there are, and the fullest buckets by name.

    A series for each portal would grow with the number of customers; what is worth an alarm is how many
    are near their limit, and which ones are nearest.
    """
    levels = budget_levels()
    full = NEARLY_FULL * settings.B24_RATE_CAPACITY
    counts = _gauge(
        "budgets", "Portals asked within the hour by the state of their budget", "state"
    )
    counts.add_metric(["active"], len(levels))
    counts.add_metric(["nearly_full"], sum(item.level >= full for item in levels.values()))
    counts.add_metric(["blocked"], sum(item.blocked > 0 for item in levels.values()))
    level = _gauge("budget_level", "Requests in the portal's bucket, the fullest ones", "portal")
    blocked = _gauge("budget_blocked_seconds", "Seconds this portal is left alone", "portal")
    fullest = sorted(levels, key=lambda text: (-levels[text].blocked, -levels[text].level, text))
    for portal in Portal.objects.filter(member_id__in=fullest[:FULLEST_BUDGETS]).order_by("pk"):
        level.add_metric([portal.host], levels[portal.member_id].level)
        blocked.add_metric([portal.host], levels[portal.member_id].blocked)
    return counts, level, blocked


def _events() -> Iterable[Metric]:
    backlog = _gauge("events", "Events in the inbox", "state")
    unfinished = InboxEvent.objects.exclude(state=InboxEvent.State.DONE)
    for state, count in _counts(unfinished, "state").items():
        backlog.add_metric([state], count)
    yield backlog
    waiting = InboxEvent.objects.filter(state=InboxEvent.State.WAITING)
    oldest = waiting.aggregate(oldest=Min("received_at"))["oldest"]
    age = (timezone.now() - oldest).total_seconds() if oldest else 0
    yield GaugeMetricFamily(
        f"{PREFIX}events_oldest_seconds", "Age of the oldest event not worked yet", age
    )


def _jobs() -> Iterable[Metric]:
    ended = (Job.State.DONE, Job.State.STOPPED, Job.State.FAILED)
    jobs = _gauge("jobs", "Bulk jobs that have not ended", "state")
    for state, count in _counts(Job.objects.exclude(state__in=ended), "state").items():
        jobs.add_metric([state], count)
    yield jobs


def _portals() -> Iterable[Metric]:
    portals = _gauge("portals", "Portals by whether the app is installed there", "installed")
    installed = Portal.objects.installed().count()
    portals.add_metric(["yes"], installed)
    portals.add_metric(["no"], Portal.objects.count() - installed)
    yield portals
    tokens = _gauge("users", "People of installed portals by the state of their tokens", "tokens")
    people = PortalUser.objects.filter(portal__uninstalled_at=None)
    for state, count in _counts(people, "tokens").items():
        tokens.add_metric([state], count)
    yield tokens


def _counts(
    rows: "QuerySet[InboxEvent] | QuerySet[Job] | QuerySet[PortalUser]", field: str
) -> dict[str, int]:
    found = rows.order_by().values_list(field).annotate(Count("pk"))
    return {str(value): int(count) for value, count in found}


def _gauge(name: str, text: str, label: str) -> GaugeMetricFamily:
    return GaugeMetricFamily(PREFIX + name, text, labels=[label])
