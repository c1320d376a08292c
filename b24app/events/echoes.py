"""Tells echoes (events of the app's own writes) from changes by others.

An event does not say which app saved the order. Each audit entry of a write accounts for one event of
its order, which may arrive up to ten seconds after the entry or a few seconds before it. Any other event
of that order was caused by somebody else. When in doubt the event counts as somebody else's, which costs
one reading. The window is short, because an entry whose own event never arrives would hide somebody
else's change.
"""

import json
from collections import defaultdict
from collections.abc import Mapping
from datetime import timedelta

from django.utils import timezone
from redis.exceptions import RedisError

from b24app import redis
from b24app.journal.models import AuditEntry
from b24app.portals.models import Portal

WINDOW = timedelta(seconds=10)
EARLY_SECONDS = 6
"""How long an event waits for the audit entry of a write that is recorded after it."""

# For each order: its ID, the number of its events, and its audit entries. Whoever sets the key of an entry
# first uses the entry, so two tasks never use the same one. Events without an entry are remembered: an
# entry recorded a moment later belongs to them, and not to an event that arrives after it. Numbers are
# passed as text, because numbers in Lua have 14 digits.
_MATCH = """
local foreign = {}
for _, order in ipairs(cjson.decode(ARGV[3])) do
    local key = KEYS[1] .. ':' .. order[1]
    local early = tonumber(redis.call('GET', key) or 0)
    local events = order[2]
    for _, entry in ipairs(order[3]) do
        if early + events > 0 and redis.call('SET', 'echo:' .. entry, 1, 'NX', 'EX', ARGV[1]) then
            if early > 0 then early = early - 1 else events = events - 1 end
        end
    end
    if events > 0 then
        foreign[#foreign + 1] = order[1]
        redis.call('SET', key, early + events, 'EX', ARGV[2])
    end
end
return foreign
"""


def changed_by_others(portal: Portal, events: Mapping[int, int]) -> set[int]:
    """The orders that somebody else has changed; ``events`` counts the events of each order.

    All of them while Redis is away.
    """
    if not events:
        return set()
    since = timezone.now() - WINDOW
    own = AuditEntry.objects.of(portal).filter(order_id__in=list(events), at__gte=since)
    entries: dict[int, list[str]] = defaultdict(list)
    for pk, order in own.order_by("pk").values_list("pk", "order_id"):
        entries[order].append(str(pk))
    orders = json.dumps([[str(order), times, entries[order]] for order, times in events.items()])
    seconds = (int(WINDOW.total_seconds()), EARLY_SECONDS)
    try:
        foreign = redis.client().eval(_MATCH, 1, f"early:{portal.pk}", *seconds, orders)
        return {int(order) for order in foreign}
    except RedisError:
        return set(events)
