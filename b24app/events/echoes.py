"""Our own writes come back as events of the portal; the audit trail knows them.

An event does not say through which app an order was saved. So each entry of the trail answers for
one event of its order, within a few seconds, once. Whatever is told more often or later somebody
else has done; where that cannot be decided, it counts as somebody else's, which costs a reading at
most. The seconds are few because an entry whose own event never came would hide somebody else's.
"""

from collections import defaultdict
from collections.abc import Mapping
from datetime import timedelta

from django.core.cache import cache
from django.utils import timezone
from redis.exceptions import RedisError

from b24app.journal.models import AuditEntry
from b24app.portals.models import Portal

WINDOW = timedelta(seconds=10)


def foreign(portal: Portal, told: Mapping[int, int]) -> set[int]:
    """The orders somebody else has changed, of those that were told so many times each."""
    since = timezone.now() - WINDOW
    ours = AuditEntry.objects.of(portal).filter(order_id__in=list(told), at__gte=since)
    entries: dict[str, int] = {
        f"echo:{pk}": order for pk, order in ours.values_list("pk", "order_id")
    }
    if not entries:
        return set(told)
    try:
        heard = cache.get_many(entries)
        unheard = defaultdict(list)
        for key, order in entries.items():
            if key not in heard:
                unheard[order].append(key)
        now_heard = [key for order, keys in unheard.items() for key in keys[: told[order]]]
        cache.set_many(dict.fromkeys(now_heard, 1), int(WINDOW.total_seconds()))
    except RedisError:
        return set(told)
    return {order for order, times in told.items() if times > len(unheard[order])}
