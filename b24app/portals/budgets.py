"""Which budget a portal's requests are counted in: the settings, joined with Redis."""

from collections.abc import Mapping
from functools import cache

from django.conf import settings
from redis import Redis
from redis.backoff import NoBackoff
from redis.exceptions import ConnectionError as RedisConnectionError
from redis.retry import Retry

from b24app.bitrix24.budget import Budgets, Level, SharedBudget
from b24app.bitrix24.portal_limits import Limits, Priority
from b24app.portals.models import Portal

# Seconds. Where Redis does not answer at once, a person goes on without it.
REDIS_TIMEOUT = 1


def budget_of(portal: Portal, priority: Priority) -> SharedBudget:
    """The portal's budget for requests of this priority; the portal need not be stored yet."""
    limits = Limits(
        settings.B24_RATE_CAPACITY, settings.B24_RATE_LEAK, settings.B24_OPERATING_LIMIT
    )
    return _budgets(settings.REDIS_URL).of(portal.member_id, limits, priority)


def budget_levels() -> Mapping[str, Level]:
    """How full the bucket of each portal asked within the hour is, by member_id. Raises ``RedisError``."""
    return _budgets(settings.REDIS_URL).levels(settings.B24_RATE_LEAK)


@cache
def _budgets(url: str) -> Budgets:
    """One pool of connections in this process; redis-py gives a forked child connections of its own."""
    redis = Redis.from_url(
        url,
        socket_timeout=REDIS_TIMEOUT,
        socket_connect_timeout=REDIS_TIMEOUT,
        # Once, for a connection that Redis closed meanwhile. What hangs is not asked again.
        retry=Retry(NoBackoff(), 1, supported_errors=(RedisConnectionError,)),
    )
    return Budgets(redis)
