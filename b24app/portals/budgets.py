"""Which budget a portal's requests are counted in: the settings, joined with Redis."""

from collections.abc import Mapping
from functools import cache

from django.conf import settings

from b24app import redis
from b24app.bitrix24.budget import Budgets, Level, SharedBudget
from b24app.bitrix24.portal_limits import Limits, Priority
from b24app.portals.models import Portal


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
def _budgets(_url: str) -> Budgets:
    """The budgets in the Redis at this address; redis-py gives a forked child its own connections."""
    return Budgets(redis.client(decode=False))
