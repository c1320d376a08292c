"""Our own writes come back as events of the portal; the audit trail knows them.

An event does not say through which app an order was saved. So each entry of the trail answers for
one event of its order, within a few seconds, once, whether the event came after the entry or just
before it. Whatever is told more often or at another time somebody else has done; where that cannot be
decided, it counts as somebody else's, which costs a reading at most. The seconds are few because an
entry whose own event never came would hide somebody else's.
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

# Seconds for which an event waits for the entry of a write that has not been recorded yet.
EARLY_SECONDS = 6

# For each order with how often it was told and its entries. An entry is used up by whoever sets its
# key first, so two gatherings never use the same one. Events that found no entry are remembered: an
# entry that is recorded a moment later is used up by them, and not by an event that comes after it.
# Numbers are passed as text, because Lua's have 14 digits.
_MATCH = """
local foreign = {}
for _, one in ipairs(cjson.decode(ARGV[3])) do
    local early = KEYS[1] .. ':' .. one[1]
    local before = tonumber(redis.call('GET', early) or 0)
    local told = one[2]
    for _, entry in ipairs(one[3]) do
        if before + told > 0 and redis.call('SET', 'echo:' .. entry, 1, 'NX', 'EX', ARGV[1]) then
            if before > 0 then before = before - 1 else told = told - 1 end
        end
    end
    if told > 0 then
        foreign[#foreign + 1] = one[1]
        redis.call('SET', early, before + told, 'EX', ARGV[2])
    end
end
return foreign
"""


def foreign(portal: Portal, told: Mapping[int, int]) -> set[int]:
    """The orders somebody else has changed, of those that were told so many times each."""
    if not told:
        return set()
    since = timezone.now() - WINDOW
    ours = AuditEntry.objects.of(portal).filter(order_id__in=list(told), at__gte=since)
    entries: dict[int, list[str]] = defaultdict(list)
    for pk, order in ours.order_by("pk").values_list("pk", "order_id"):
        entries[order].append(str(pk))
    asked = json.dumps([[str(order), times, entries[order]] for order, times in told.items()])
    seconds = (int(WINDOW.total_seconds()), EARLY_SECONDS)
    try:
        found = redis.client().eval(_MATCH, 1, f"early:{portal.pk}", *seconds, asked)
        return {int(one) for one in found}
    except RedisError:
        return set(told)
