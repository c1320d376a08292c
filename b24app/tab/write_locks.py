"""One change of an order or a card at a time, whoever asks for it and however often.

A click that is sent twice would otherwise be carried out twice, and written down twice. So whoever
changes something from a card claims it first, by one conditional statement, and everybody else is
answered at once that it is being changed. Nothing is locked while the portal is asked: a claim is a row
with an end, and the end of a process that died with it passes by itself.
"""

import uuid
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from datetime import timedelta

from django.utils import timezone

from b24app.bitrix24 import errors
from b24app.portals.models import Portal
from b24app.tab.models import ChangeClaim

SEND_WITHIN = timedelta(seconds=30)
"""How long after the claim something may still be written."""

CLAIM_TIME = SEND_WITHIN + timedelta(seconds=60)
"""How long a claim lasts at the longest: the portal cuts a request off 60 s after it was sent."""


class BeingChanged(errors.NotRun):
    """Somebody, or the same click sent twice, is changing it at this moment; nothing was done."""


@contextmanager
def claimed(portal: Portal, subjects: Iterable[str]) -> Iterator[float]:
    """Claim all of ``subjects`` or none; gives the wall-clock time before which writes are sent.

    Raises :class:`BeingChanged` where somebody else holds one of them.
    """
    names, token, now = sorted(set(subjects)), uuid.uuid4(), timezone.now()
    until = now + CLAIM_TIME
    own = ChangeClaim.objects.of(portal).filter(token=token)
    ChangeClaim.objects.bulk_create(
        [ChangeClaim(portal=portal, subject=name, token=token, until=until) for name in names],
        ignore_conflicts=True,
    )
    try:
        count = own.count()
        if count < len(names):
            over = ChangeClaim.objects.of(portal).filter(subject__in=names, until__lt=now)
            count += over.update(token=token, until=until)
        if count < len(names):
            raise BeingChanged("BEING_CHANGED", "claimed by another request")
        yield (now + SEND_WITHIN).timestamp()
    finally:
        own.delete()


def of_orders(order_ids: Iterable[int]) -> list[str]:
    """The names of orders for :func:`claimed`."""
    return [f"order:{pk}" for pk in order_ids]
