"""Order links: ``crm.orderentity.*`` read, written and proved.

A link is never written blind. The place of every order is read first and compared with the place
the person saw; the write is followed by a reading in the same request; and where the outcome of
the write is unknown, only reading decides. ``crm.orderentity.add`` moves a linked order without a
word (crm/universal/order-entity/crm-order-entity-add.md), so "link" and "move" differ only in
what was there before.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import Enum

from b24app.bitrix24 import ask, batch, errors
from b24app.bitrix24.ask import Ask
from b24app.bitrix24.client import Answer, Client, Command
from b24app.bitrix24.filters import ORDER_ENTITY_FIELDS, Filter, ListQuery, Op, Order
from b24app.orders import parsing
from b24app.orders.types import OrderLink, Owner

# The documentation's own samples take 0.33 s for add and 1.77 s for deleteByFilter, and the cloud
# cuts a request off after 60 s: 48 adds or 12 deletes stay well below. Two more commands of the same
# request read the places, before and after.
ADDS_PER_REQUEST = 48
DELETES_PER_REQUEST = 12

# Keys of the commands that read, at the head of a writing request, what it is about to change.
FIRST = "first:"

LIST = "crm.orderentity.list"

Outcome = Answer | errors.BitrixError


@dataclass(frozen=True, slots=True)
class Change:
    """What a person asks for: the order they saw at ``seen`` shall be at ``wanted`` (None: unlinked)."""

    order_id: int
    seen: Owner | None
    wanted: Owner | None


class Result(Enum):
    DONE = "done"
    ALREADY = "already"  # it stood there before we came
    CONFLICT = "conflict"  # somebody else moved it since the person looked; not touched
    FAILED = "failed"
    UNKNOWN = "unknown"  # written perhaps, and the portal did not let us look


@dataclass(frozen=True, slots=True)
class Changed:
    """What became of one change. ``before`` was read just ahead of the write, ``now`` just after.

    ``before`` comes from the writing request itself, where that could tell.
    """

    change: Change
    result: Result
    before: Owner | None
    now: Owner | None
    error: errors.BitrixError | None = None

    @property
    def overrode(self) -> bool:
        """Whether somebody else's change was replaced that came after the person had looked.

        A link is only ever taken from the very card it was seen at: that overrides nothing.
        """
        return (
            self.result is Result.DONE
            and self.change.wanted is not None
            and self.before not in (self.change.seen, self.change.wanted)
        )


def of_owner(owner: Owner, start: int = 0) -> Command:
    """The links of one deal or invoice, newest orders first, 50 from ``start``."""
    return listing(filters_of(owner), order=[Order("orderId", "desc")], start=start)


def filters_of(owner: Owner) -> list[Filter]:
    """The conditions on the links of one deal or invoice."""
    return [Filter("ownerTypeId", Op.EQUAL, owner.type_id), Filter("ownerId", Op.EQUAL, owner.id)]


def of_orders(order_ids: Sequence[int]) -> Command:
    """The links of at most 50 orders: an order has one link, so one page holds them."""
    if not 0 < len(order_ids) <= batch.SIZE:
        raise ValueError(f"1 to {batch.SIZE} orders at once")
    return listing([Filter("orderId", Op.IN, list(order_ids))], order=[Order("orderId")])


def listing(filters: Sequence[Filter], *, order: Sequence[Order], start: int = 0) -> Command:
    """``crm.orderentity.list`` with any documented condition.

    A field the method does not know raises ``ValueError``: the portal would drop the condition and
    answer every link it has.
    """
    fields = ORDER_ENTITY_FIELDS
    return Command(LIST, ListQuery(fields, filters, order, sorted(fields), start).params())


def links_of_card(owner: Owner) -> Ask[list[OrderLink]]:
    """The links of one deal or invoice, newest orders first, at most 50."""
    return ask.of(of_owner(owner), read_links)


def read_links(answer: Answer) -> list[OrderLink]:
    """The links in the answer of ``crm.orderentity.list``."""
    return list(parsing.links(answer.result))


def owners_of(order_ids: Iterable[int]) -> Ask[dict[int, Owner | None]]:
    """The deal or invoice that each order is linked to, None for none.

    Raises the portal's refusal of any page: a gap is not "linked to nothing".
    """
    ids = sorted(set(order_ids))
    return ask.many(ids, lambda page: ask.of(of_orders(page), read_links)).map(
        lambda pages: read_owners(ids, pages)
    )


def read_owners(
    order_ids: Iterable[int], pages: Iterable[Iterable[OrderLink]]
) -> dict[int, Owner | None]:
    """The deal or invoice of each of the orders among ``pages`` of links."""
    found: dict[int, Owner | None] = dict.fromkeys(order_ids)
    for link in (link for page in pages for link in page):
        if link.order_id in found:
            found[link.order_id] = link.owner
    return found


def place_commands(order_ids: Iterable[int]) -> dict[str, Command]:
    """Commands that read where orders are linked, at most 50 orders each, for :func:`places`."""
    ids = sorted(set(order_ids))
    return {
        f"place{at}": of_orders(ids[at : at + batch.SIZE]) for at in range(0, len(ids), batch.SIZE)
    }


def places(order_ids: Iterable[int], outcomes: Mapping[str, Outcome]) -> dict[int, Owner | None]:
    """Where each order is linked, from the outcomes of :func:`place_commands`.

    Raises the command's error when a page could not be read: a gap is not "linked nowhere".
    """
    found: dict[int, Owner | None] = dict.fromkeys(order_ids)
    for key, outcome in outcomes.items():
        if key.startswith("place"):
            if isinstance(outcome, errors.BitrixError):
                raise outcome
            for link in parsing.links(outcome.result):
                if link.order_id in found:
                    found[link.order_id] = link.owner
    return found


def read_places(client: Client, order_ids: Iterable[int]) -> dict[int, Owner | None]:
    """Where each order is linked now."""
    ids = sorted(set(order_ids))
    return places(ids, client.batch(place_commands(ids))) if ids else {}


def _write(change: Change, before: Owner | None) -> Command:
    owner = change.wanted or before
    if owner is None:
        raise ValueError("an unlinked order cannot be unlinked")
    method = "crm.orderentity.add" if change.wanted else "crm.orderentity.deleteByFilter"
    fields = {"orderId": change.order_id, "ownerId": owner.id, "ownerTypeId": owner.type_id}
    return Command(method, {"fields": fields}, write=True)


def apply(
    client: Client,
    changes: Sequence[Change],
    before: Mapping[int, Owner | None],
    *,
    send_before: float | None = None,
) -> list[Changed]:
    """Write what still holds and report every change, in the order given.

    ``before`` is what :func:`places` read a moment ago. A change whose order no longer stands where
    the person saw it is not written. Nothing is written past ``send_before``, a wall-clock time in
    seconds since 1970. Raises nothing for a failed write: each :class:`Changed` says what is known,
    and a refusal carries its error.
    """
    decided: dict[int, Changed] = {}
    adds: list[Change] = []
    deletes: list[Change] = []
    for change in changes:
        place = before.get(change.order_id)
        if place == change.wanted:
            decided[change.order_id] = Changed(change, Result.ALREADY, place, place)
        elif place != change.seen:
            decided[change.order_id] = Changed(change, Result.CONFLICT, place, place)
        else:
            (adds if change.wanted else deletes).append(change)
    for group, size in ((adds, ADDS_PER_REQUEST), (deletes, DELETES_PER_REQUEST)):
        for at in range(0, len(group), size):
            for done in _write_chunk(client, group[at : at + size], before, send_before):
                decided[done.change.order_id] = done
    return [decided[change.order_id] for change in changes]


def _write_chunk(
    client: Client,
    changes: Sequence[Change],
    before: Mapping[int, Owner | None],
    send_before: float | None,
) -> list[Changed]:
    ids = [change.order_id for change in changes]
    reading = place_commands(ids)
    writes = {
        f"write{change.order_id}": _write(change, before.get(change.order_id)) for change in changes
    }
    commands = {**{f"{FIRST}{key}": one for key, one in reading.items()}, **writes, **reading}
    outcomes: Mapping[str, Outcome]
    try:
        outcomes = client.batch(commands, send_before=send_before)
    except errors.BitrixError as error:
        outcomes = dict.fromkeys(writes, error)
    now = _read_back(client, ids, outcomes)
    first = {**before, **_first(ids, outcomes)}
    return [
        judge(change, first.get(change.order_id), outcomes[f"write{change.order_id}"], now)
        for change in changes
    ]


def _first(ids: Sequence[int], outcomes: Mapping[str, Outcome]) -> dict[int, Owner | None]:
    """Where the writing request found the orders before it wrote; empty if it could not tell."""
    found = {key.removeprefix(FIRST): one for key, one in outcomes.items() if key.startswith(FIRST)}
    try:
        return places(ids, found) if found else {}
    except errors.BitrixError:
        return {}


def _read_back(
    client: Client, ids: Sequence[int], outcomes: Mapping[str, Outcome]
) -> dict[int, Owner | None] | None:
    """Where the orders stand after the write; None when the portal cannot be asked."""
    answered = {key: one for key, one in outcomes.items() if key.startswith("place")}
    try:
        if answered:
            return places(ids, answered)
        if all(
            isinstance(one, errors.BitrixError) and one.not_applied for one in outcomes.values()
        ):
            return None
        return read_places(client, ids)
    except errors.BitrixError:
        return None


def judge(
    change: Change, before: Owner | None, outcome: Outcome, now: Mapping[int, Owner | None] | None
) -> Changed:
    """What became of a change, from its answer and where its order stands ``now`` (None: unknown).

    ``before`` is where the writing request found the order.
    """
    error = outcome if isinstance(outcome, errors.BitrixError) else None
    place = now[change.order_id] if now is not None else before
    if isinstance(error, errors.OrderNotFound):
        return Changed(change, Result.FAILED, before, None, error)
    if now is None:
        if error is None:
            return Changed(change, Result.DONE, before, change.wanted)
        result = Result.FAILED if error.not_applied else Result.UNKNOWN
        return Changed(change, result, before, before, error)
    if place == change.wanted:
        # The portal refuses a link that stands, or one that is not there: somebody else was quicker.
        if error is not None and error.not_applied:
            return Changed(change, Result.ALREADY, place, place)
        return Changed(change, Result.DONE, before, place)
    if error is None or place != before:
        return Changed(change, Result.CONFLICT, before, place)
    return Changed(change, Result.FAILED, before, place, error)


def links_of(outcome: Outcome) -> list[OrderLink]:
    """The links in one page's outcome; raises its error."""
    if isinstance(outcome, errors.BitrixError):
        raise outcome
    return list(parsing.links(outcome.result))
