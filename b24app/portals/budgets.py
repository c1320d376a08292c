"""The budget of each portal, made from the settings and the app's Redis client."""

from collections.abc import Mapping
from functools import cache

from django.conf import settings
from redis import Redis

from b24app import redis
from b24app.bitrix24.budget import Budgets, Level, SharedBudget
from b24app.bitrix24.portal_limits import Limits, Priority
from b24app.portals.models import Portal


def budget_of(portal: Portal, priority: Priority) -> SharedBudget:
    """The portal's budget for requests of this priority. The portal need not be stored yet."""
    limits = Limits(
        settings.B24_RATE_CAPACITY, settings.B24_RATE_LEAK, settings.B24_OPERATING_LIMIT
    )
    return _budgets(redis.client(decode=False)).of(portal.member_id, limits, priority)


def budget_levels() -> Mapping[str, Level]:
    """The level of every budget used within the last hour, by ``member_id``. Raises ``RedisError``."""
    return _budgets(redis.client(decode=False)).levels(settings.B24_RATE_LEAK)


@cache
def _budgets(client: Redis) -> Budgets:
    # Their own breaker: a failure of the counters must not make jobs wait.
    return Budgets(client, redis.CircuitBreaker())
