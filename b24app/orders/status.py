"""Changing an order's status (sale/order/sale-order-update.md), read back like every write of ours."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from b24app.bitrix24 import errors
from b24app.bitrix24.client import Answer, Client, Command
from b24app.orders import parsing
from b24app.orders.links import FIRST, Result
from b24app.orders.types import Order

# Saving an order runs the store's own automation: fewer at once than links.
PER_REQUEST = 20


@dataclass(frozen=True, slots=True)
class StatusChange:
    """The order seen with status ``seen`` shall have ``wanted``."""

    order_id: int
    seen: str
    wanted: str


@dataclass(frozen=True, slots=True)
class StatusChanged:
    """What became of it; ``before`` and ``now`` are status ids, empty where unknown."""

    change: StatusChange
    result: Result
    before: str
    now: str
    error: errors.BitrixError | None = None

    @property
    def overrode(self) -> bool:
        """Whether somebody else's change was replaced that came after the person had looked."""
        return self.result is Result.DONE and self.before not in (
            self.change.seen,
            self.change.wanted,
        )


@dataclass(frozen=True, slots=True)
class StatusOutcome:
    """What became of every chosen order, and their numbers by id."""

    changed: tuple[StatusChanged, ...]
    numbers: Mapping[int, str]

    @property
    def written(self) -> tuple[StatusChanged, ...]:
        """Changes to be written down: made, or made perhaps."""
        return tuple(one for one in self.changed if one.result in (Result.DONE, Result.UNKNOWN))


def reading(order_ids: Sequence[int]) -> dict[str, Command]:
    """Commands that read number and status of orders, 50 each, for :func:`read`."""
    ids = sorted(set(order_ids))
    return {
        f"orders{at}": Command(
            "sale.order.list",
            {"select": ["id", "accountNumber", "statusId"], "filter": {"@id": ids[at : at + 50]}},
        )
        for at in range(0, len(ids), 50)
    }


def read(outcomes: Mapping[str, Answer | errors.BitrixError]) -> dict[int, Order]:
    """The orders from :func:`reading` by id, with number and status only."""
    return {
        order.id: order
        for key, outcome in outcomes.items()
        if key.startswith("orders") and isinstance(outcome, Answer)
        for order in parsing.orders(outcome.result)
    }


def looked(outcomes: Mapping[str, Answer | errors.BitrixError]) -> dict[int, Order]:
    """As :func:`read`, but raises a command's error: an order that was not read has not changed."""
    for key, outcome in outcomes.items():
        if key.startswith("orders") and isinstance(outcome, errors.BitrixError):
            raise outcome
    return read(outcomes)


def apply(
    client: Client,
    changes: Sequence[StatusChange],
    before: Mapping[int, Order],
    *,
    send_before: float | None = None,
) -> list[StatusChanged]:
    """Write what still holds and report every change, in the order given; raises nothing for a refusal.

    Nothing is written past ``send_before``, a wall-clock time in seconds since 1970.
    """
    decided: dict[int, StatusChanged] = {}
    writes: list[StatusChange] = []
    for change in changes:
        now = before[change.order_id].status_id if change.order_id in before else ""
        if now == change.wanted:
            decided[change.order_id] = StatusChanged(change, Result.ALREADY, now, now)
        elif now != change.seen or not now:
            decided[change.order_id] = StatusChanged(change, Result.CONFLICT, now, now)
        else:
            writes.append(change)
    for at in range(0, len(writes), PER_REQUEST):
        for done in _write(client, writes[at : at + PER_REQUEST], send_before):
            decided[done.change.order_id] = done
    return [decided[change.order_id] for change in changes]


def _write(
    client: Client, changes: Sequence[StatusChange], send_before: float | None
) -> list[StatusChanged]:
    ids = [change.order_id for change in changes]
    asked = reading(ids)
    writes = {
        f"write{change.order_id}": Command(
            "sale.order.update",
            {"id": change.order_id, "fields": {"statusId": change.wanted}},
            write=True,
        )
        for change in changes
    }
    commands = {**{f"{FIRST}{key}": one for key, one in asked.items()}, **writes, **asked}
    outcomes: Mapping[str, Answer | errors.BitrixError]
    try:
        outcomes = client.batch(commands, send_before=send_before)
    except errors.BitrixError as error:
        outcomes = dict.fromkeys(writes, error)
    now = read(outcomes)
    if not now:
        try:
            now = read(client.batch(asked))
        except errors.BitrixError:
            now = {}
    first = read(
        {key.removeprefix(FIRST): one for key, one in outcomes.items() if key.startswith(FIRST)}
    )
    return [judge(change, outcomes[f"write{change.order_id}"], first, now) for change in changes]


def judge(
    change: StatusChange,
    outcome: Answer | errors.BitrixError,
    first: Mapping[int, Order],
    now: Mapping[int, Order],
) -> StatusChanged:
    """What became of a change, from its answer and what its order has ``now``, as far as known.

    ``first`` is what the writing request found before it wrote.
    """
    error = outcome if isinstance(outcome, errors.BitrixError) else None
    before = first[change.order_id].status_id if change.order_id in first else change.seen
    order = now.get(change.order_id)
    if isinstance(error, errors.OrderNotFound):
        return StatusChanged(change, Result.FAILED, before, "", error)
    if order is None:
        known = error is not None and error.not_applied
        result = Result.FAILED if known else Result.UNKNOWN
        return StatusChanged(change, result, before, before, error)
    if order.status_id == change.wanted:
        result = Result.ALREADY if before == change.wanted else Result.DONE
        return StatusChanged(change, result, before, order.status_id)
    result = Result.FAILED if error is not None else Result.CONFLICT
    return StatusChanged(change, result, before, order.status_id, error)
