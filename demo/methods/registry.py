"""What the methods of the portal share: who calls, how they answer and refuse, and their register."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass

from demo.changes import SendEvent
from demo.filters import listed
from demo.php import intval
from demo.state import State, User
from demo.tables import Row


class Failure(Exception):
    """An error answer: HTTP status, code as the method writes it (text or number), text."""

    def __init__(self, status: int, code: str | int, text: str = "", **more: object) -> None:
        super().__init__(text)
        self.status = status
        self.body: Row = {"error": code, "error_description": text, **more}


@dataclass(frozen=True)
class Caller:
    """Who calls, on what; ``send_event`` posts an event with its data to whoever bound it.

    ``missing`` are methods this portal does not know yet.
    """

    state: State
    user: User
    client_id: str
    send_event: SendEvent
    missing: frozenset[str] = frozenset()


@dataclass(frozen=True)
class Found:
    """A list method's page."""

    result: object
    total: int | None
    start: int

    @property
    def next(self) -> int | None:
        more = self.total is not None and self.total > self.start + 50
        return self.start + 50 if more else None


Params = Mapping[str, object]
Method = Callable[[Caller, Params], object]
METHODS: dict[str, tuple[str, Method]] = {}


def method(name: str, scope: str = "") -> Callable[[Method], Method]:
    def register(function: Method) -> Method:
        METHODS[name.lower()] = (scope, function)
        return function

    return register


def listing(
    rows: Iterable[Row],
    params: Params,
    key: str | None,
    known: Iterable[str],
    *,
    ordered: bool = False,
) -> Found:
    """A page of the rows that pass the filter, under ``key`` of the result."""
    page, total = listed(rows, params, known, ordered=ordered)
    return Found({key: page} if key else page, total, max(intval(params.get("start", 0)), 0))


def administrator(caller: Caller) -> None:
    if not caller.user.admin:
        raise Failure(403, "ACCESS_DENIED", "Access denied!")


def upper(params: Params) -> Params:
    """Parameters of the methods that do not care how their names are written."""
    return {str(name).upper(): value for name, value in params.items()}
