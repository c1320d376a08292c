"""The catch-up scan: what events have not reported is found all the same.

New orders are those above the newest ID seen, changed ones those whose ``dateUpdate`` is not older
than ten minutes before the newest change seen (sale/order/sale-order-list.md). Links have neither
event nor date, so watched deals are read anew in a round. All of it is one request where nothing is
new, at bulk priority. What is found is stored together with the cursor: nothing is lost between
them, and finding it twice does no harm.
"""

import logging
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Final

from django.db import transaction
from django.utils import timezone

from b24app.automation import arrivals, installer, leases, reading, watches
from b24app.automation.models import NO_ACCESS, NO_WRITE, Cursor
from b24app.bitrix24 import ask, batch, errors
from b24app.bitrix24.ask import Ask
from b24app.bitrix24.client import Answer, Client, Command
from b24app.connect import answer_in_background
from b24app.orders import parsing
from b24app.portals.models import Portal

logger = logging.getLogger(__name__)

EVERY: Final = timedelta(minutes=10)
OVERLAP: Final = timedelta(minutes=10)
MAX_PAGES: Final = 10
"""Pages of new and of changed orders in one slice; the rest follows at once in the next one."""

MAX_RETRY: Final = timedelta(hours=2)


@dataclass(frozen=True, slots=True)
class Seen:
    """An order as the scan sees it."""

    id: int
    updated: datetime | None


@dataclass(frozen=True, slots=True)
class Findings:
    """What one slice of the scan has found.

    ``new`` and ``changed`` are orders by ID, upwards; ``links`` the orders of the deals that were
    read anew.
    """

    new: Sequence[int] = ()
    changed: Sequence[int] = ()
    links: Mapping[int, frozenset[int]] = field(default_factory=dict)


Consumer = Callable[[Portal, Cursor, Findings], None]

CONSUMERS: Final[Sequence[Consumer]] = (arrivals.take_in, watches.take_in)
"""Who is given the findings, in the transaction that stores the cursor. They must not ask the portal."""


@dataclass(frozen=True, slots=True)
class _Listed:
    """Orders of a list, upwards, and whether the list ended with them."""

    orders: tuple[Seen, ...]
    ended: bool


def begin(portal: Portal, client: Client) -> Cursor:
    """Start to scan a portal from its present state on; the cursor it has already is kept.

    Raises the portal's refusals.
    """
    found = Cursor.objects.of(portal).first()
    if found is not None:
        return found
    newest, latest = client.answer(ask.together(_newest("id"), _newest("dateUpdate")))
    last = newest.id if newest else 0
    now = timezone.now()
    changed = min((latest.updated if latest else None) or now, now)
    cursor, _ = Cursor.objects.get_or_create(
        portal=portal,
        defaults={
            "floor_id": last,
            "last_order_id": last,
            "changed_since": changed,
            "scanned_at": timezone.now(),
            "due_at": timezone.now() + EVERY,
        },
    )
    return cursor


def newest_order(client: Client) -> int:
    """The ID of the newest order, 0 for none. Raises the portal's refusals."""
    found = client.answer(_newest("id"))
    return found.id if found else 0


def due() -> list[int]:
    """Portals whose scan is due."""
    now = timezone.now()
    rows = Cursor.objects.filter(due_at__lte=now, scan_until__lte=now, portal__uninstalled_at=None)
    return list(rows.order_by("due_at").values_list("portal", flat=True)[:500])


def nudge(portal: Portal, order_ids: Iterable[int]) -> bool:
    """Make the scan due if events report an order that is newer than all seen; one statement."""
    highest = max(order_ids, default=0)
    now = timezone.now()
    late = Cursor.objects.of(portal).filter(last_order_id__lt=highest, due_at__gt=now)
    return bool(highest and late.update(due_at=now))


def scan(portal: Portal) -> bool:
    """One slice of the scan; False if another worker is at it. What cannot be read is tried later."""
    if leases.take(portal.pk, leases.SCAN) is None:
        return False
    try:
        cursor = Cursor.objects.of(portal).get()
        _slice(portal, cursor)
    except errors.Wait as wait:
        _again(portal, timedelta(seconds=wait.seconds))
    except errors.BitrixError as error:
        _failed(portal, error)
    finally:
        leases.release(portal.pk, leases.SCAN)
    return True


def _slice(portal: Portal, cursor: Cursor) -> None:
    began = timezone.now()
    client = installer.client_of_rules(portal)
    deals = watches.next_of_round(portal, began)
    since = cursor.changed_since - OVERLAP
    new, changed, links = answer_in_background(
        client,
        ask.together(
            _orders({}, cursor.last_order_id),
            _orders({">=dateUpdate": since.isoformat()}, cursor.pass_after_id),
            reading.links_of_deals(deals),
        ),
    )
    findings = Findings(
        [order.id for order in new.orders], [order.id for order in changed.orders], links
    )
    with transaction.atomic():
        _move_on(cursor, new, changed, began)
        for consumer in CONSUMERS:
            consumer(portal, cursor, findings)


def _move_on(cursor: Cursor, new: _Listed, changed: _Listed, began: datetime) -> None:
    """Store how far the scan has come. A pass over changed orders may take several slices."""
    cursor.last_order_id = max([cursor.last_order_id, *(order.id for order in new.orders)])
    times = [order.updated for order in changed.orders if order.updated is not None]
    newest = max([*times, *filter(None, [cursor.pass_newest])], default=None)
    pass_began = cursor.pass_began_at or began
    if changed.ended:
        # What changed while a long pass was under way may stand below the rows read last, and an
        # order may carry a date that is yet to come.
        bound = newest and min(newest, pass_began)
        cursor.changed_since = max(filter(None, [cursor.changed_since, bound]))
        cursor.pass_after_id, cursor.pass_newest, cursor.pass_began_at = 0, None, None
    else:
        cursor.pass_after_id = changed.orders[-1].id
        cursor.pass_newest, cursor.pass_began_at = newest, pass_began
    cursor.scanned_at = began
    cursor.due_at = began + EVERY if new.ended and changed.ended else began
    cursor.failures = 0
    cursor.save(
        update_fields=[
            "last_order_id",
            "changed_since",
            "pass_after_id",
            "pass_newest",
            "pass_began_at",
            "scanned_at",
            "due_at",
            "failures",
        ]
    )
    # That links may not be written is known from writing alone.
    Cursor.objects.filter(pk=cursor.pk).exclude(trouble=NO_WRITE).update(trouble="")


def _again(portal: Portal, delay: timedelta) -> None:
    Cursor.objects.of(portal).update(due_at=timezone.now() + delay)


def _failed(portal: Portal, error: errors.BitrixError) -> None:
    """Try again after 1, 2, 4 … minutes; nothing is taken for "no new orders"."""
    cursor = Cursor.objects.of(portal).get()
    failures = min(cursor.failures + 1, 12)
    delay = min(timedelta(minutes=2 ** (failures - 1)), MAX_RETRY)
    trouble = NO_ACCESS if isinstance(error, installer.NO_ACCESS) else "silent"
    logger.warning("scan of %s failed: %s", portal.host, error.code)
    Cursor.objects.of(portal).update(
        failures=failures, trouble=trouble, due_at=timezone.now() + delay
    )


def _newest(name: str) -> Ask[Seen | None]:
    """The order with the highest ``name``; None in an empty store."""
    params = {"select": ["id", "dateUpdate"], "order": {name: "desc"}, "start": -1}
    return ask.of(
        Command("sale.order.list", params), lambda answer: next(iter(_read(answer)), None)
    )


def _orders(narrowed: Mapping[str, object], above: int, page: int = 1) -> Ask[_Listed]:
    """Orders that pass ``narrowed`` with an ID above ``above``, upwards, at most ``MAX_PAGES`` pages."""
    params = {
        "select": ["id", "dateUpdate"],
        "filter": {**narrowed, ">id": above},
        "order": {"id": "asc"},
        "start": -1,
    }

    def follow(found: tuple[Seen, ...]) -> Ask[_Listed]:
        ids = [order.id for order in found]
        if ids != sorted(set(ids)) or (ids and ids[0] <= above):
            raise errors.IncompleteAnswer("PAGING", "id does not grow", method="sale.order.list")
        if len(found) < batch.SIZE or page == MAX_PAGES:
            return ask.known(_Listed(found, len(found) < batch.SIZE))
        return _orders(narrowed, ids[-1], page + 1).map(
            lambda more: _Listed(found + more.orders, more.ended)
        )

    return ask.of(Command("sale.order.list", params), _read).then(follow)


def _read(answer: Answer) -> tuple[Seen, ...]:
    return tuple(
        Seen(pk, parsing.moment(row.get("dateUpdate")))
        for row in parsing.rows(answer.result, "orders")
        if (pk := parsing.identifier(row.get("id")))
    )
