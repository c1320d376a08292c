"""Rows by id, found by another column without looking through all of them."""

import threading
from collections import defaultdict
from collections.abc import Iterable, Iterator, MutableMapping, ValuesView
from copy import deepcopy
from typing import Any, Self

Row = dict[str, Any]  # whatever JSON the method of that row answers with
Owner = tuple[int, int]


_COPYING = threading.Lock()


def _is_flat(row: Row) -> bool:
    return not any(isinstance(value, (dict, list)) for value in row.values())


class Table(MutableMapping[int, Row]):
    """Rows by id, and by ``orderId`` where they have one. A row's ``orderId`` never changes."""

    def __init__(self, rows: Iterable[tuple[int, Row]] = ()) -> None:
        self._rows: dict[int, Row] = {}
        self._shared: set[int] = set()
        self._flat: frozenset[int] = frozenset()
        self._of_order: defaultdict[int, dict[int, None]] = defaultdict(dict)
        self.update(rows)

    def copy(self) -> Self:
        """The same rows. Each is copied when it is first asked for; this table must not change again."""
        if not self._flat:
            self._flat = frozenset(pk for pk, row in self._rows.items() if _is_flat(row))
        made = type(self)()
        made._rows = self._rows.copy()
        made._shared = set(self._rows)
        made._flat = self._flat
        made._of_order.update((key, rows.copy()) for key, rows in self._of_order.items())
        return made

    def __getitem__(self, pk: int) -> Row:
        if pk in self._shared:
            with _COPYING:
                if pk in self._shared:
                    row = self._rows[pk]
                    self._rows[pk] = row.copy() if pk in self._flat else deepcopy(row)
                    self._shared.remove(pk)
        return self._rows[pk]

    def values(self) -> ValuesView[Row]:
        for pk in tuple(self._shared):
            self[pk]
        return self._rows.values()

    def __setitem__(self, pk: int, row: Row) -> None:
        self._rows[pk] = row
        self._shared.discard(pk)
        if "orderId" in row:
            self._of_order[row["orderId"]][pk] = None

    def __delitem__(self, pk: int) -> None:
        row = self._rows.pop(pk)
        self._shared.discard(pk)
        if "orderId" in row:
            del self._of_order[row["orderId"]][pk]

    def __iter__(self) -> Iterator[int]:
        return iter(self._rows)

    def __len__(self) -> int:
        return len(self._rows)

    def found(self, pk: int) -> list[Row]:
        return [self[pk]] if pk in self._rows else []

    def of_order(self, order_id: int) -> list[Row]:
        return [self[pk] for pk in self._of_order.get(order_id, ())]

    def add(self, row: Row) -> Row:
        """The row under the next free id, which it gets."""
        pk = next(reversed(self._rows), 0) + 1
        self[pk] = row | {"id": pk}
        return self[pk]


class Links(MutableMapping[int, Owner]):
    """Order id -> (owner type, owner id): an order has at most one."""

    def __init__(self, links: Iterable[tuple[int, Owner]] = ()) -> None:
        self._links: dict[int, Owner] = {}
        self._of_owner: defaultdict[int, dict[int, None]] = defaultdict(dict)
        self.update(links)

    def copy(self) -> Self:
        made = type(self)()
        made._links = self._links.copy()
        made._of_owner.update((key, ids.copy()) for key, ids in self._of_owner.items())
        return made

    def __getitem__(self, order_id: int) -> Owner:
        return self._links[order_id]

    def __setitem__(self, order_id: int, owner: Owner) -> None:
        # An order that moves comes last with its new owner, as in a list of additions.
        self.pop(order_id, None)
        self._links[order_id] = owner
        self._of_owner[owner[1]][order_id] = None

    def __delitem__(self, order_id: int) -> None:
        owner = self._links.pop(order_id)
        del self._of_owner[owner[1]][order_id]

    def __iter__(self) -> Iterator[int]:
        return iter(self._links)

    def __len__(self) -> int:
        return len(self._links)

    def with_owner_id(self, owner_id: int) -> list[int]:
        """Orders of every owner with this id, whatever its type."""
        return list(self._of_owner.get(owner_id, ()))

    def owner_ids(self) -> list[int]:
        """Ids of all owners, whatever their types."""
        return [owner_id for owner_id, ids in self._of_owner.items() if ids]

    def of_owner(self, owner: Owner) -> list[int]:
        return [pk for pk in self.with_owner_id(owner[1]) if self._links[pk] == owner]
