"""Lists longer than a page.

Followed pages: settings/how-to-call-rest-api/list-methods-pecularities.md,
settings/performance/huge-data.md. The pages disagree on what ``start=-1`` returns (one page
without the count, or everything). Both work here: reading ends with a short page only.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Protocol, TypeVar

from b24app.bitrix24 import answers, batch, errors
from b24app.bitrix24.answers import Answer
from b24app.bitrix24.encoding import Params

Row = TypeVar("Row")
Rows = Callable[[object], Sequence[Row]]


class Call(Protocol):
    def __call__(self, method: str, params: Params | None = None, /) -> Answer: ...


def by_next(call: Call, method: str, params: Params, rows: Rows[Row]) -> Iterator[Sequence[Row]]:
    """Pages as the portal numbers them. Rows that move meanwhile may come twice or not at all.

    Raises ``errors.IncompleteAnswer`` when ``next`` does not go forward.
    """
    start = answers.whole(params.get("start")) or 0
    while True:
        answer = call(method, {**params, "start": start})
        yield rows(answer.result)
        if answer.next is None:
            return
        if answer.next <= start:
            raise errors.IncompleteAnswer(
                "PAGING", f"next is {answer.next} after {start}", method=method
            )
        start = answer.next


def by_id(
    call: Call, method: str, params: Params, rows: Rows[Row], field: str
) -> Iterator[Sequence[Row]]:
    """Pages by growing id, each row exactly once. The list must know ``field`` in filter and order.

    Raises ``errors.IncompleteAnswer`` when the ids do not grow: the portal has dropped the filter,
    and reading on would never end.
    """
    given = params.get("filter") or {}
    if not isinstance(given, Mapping):
        raise TypeError("filter must be a mapping")
    last = answers.whole(given.get(f">{field}")) or 0
    while True:
        page = rows(
            call(
                method,
                {
                    **params,
                    "filter": {**given, f">{field}": last},
                    "order": {field: "asc"},
                    "start": -1,
                },
            ).result
        )
        ids = [answers.whole(answers.as_mapping(row).get(field)) for row in page]
        grown = [item_id for item_id in ids if item_id is not None and item_id > last]
        if len(grown) != len(ids) or grown != sorted(grown):
            raise errors.IncompleteAnswer("PAGING", f"{field} does not grow", method=method)
        if page:
            yield page
        if len(page) < batch.SIZE:
            return
        last = grown[-1]
