"""Misbehaviour on command: faults of a portal and of the network in front of it."""

import threading
from dataclasses import dataclass

from demo.methods.registry import Failure

# Answers of one method, inside a batch as well.
REFUSALS: dict[str, tuple[int, str | int, str]] = {
    "no_read": (400, "200040300010", "Access Denied"),
    "no_write": (400, "200040300020", "Access Denied"),
    "no_store": (400, "200540400002", "module sale does not exist"),
    "no_scope": (403, "insufficient_scope", ""),
    "operating": (429, "OPERATION_TIME_LIMIT", "Method is blocked due to operation time limit."),
    "expired_inside": (401, "expired_token", "The access token provided has expired."),
    "gone": (404, "ERROR_METHOD_NOT_FOUND", "Method not found!"),
    # What a save has to say of what it has saved, which these methods answer as an error.
    "warning": (400, 0, "The cash register did not answer"),
}

# Answers to a whole request.
WHOLE: dict[str, tuple[int, str, str]] = {
    "expired_token": (401, "expired_token", "The access token provided has expired."),
    "rate": (503, "QUERY_LIMIT_EXCEEDED", "Too many requests"),
    "portal_deleted": (500, "PORTAL_DELETED", "Portal was deleted"),
    "https_required": (400, "INVALID_REQUEST", "Https required."),
    "payment_required": (402, "PAYMENT_REQUIRED", "Payment required"),
    "user_access": (403, "user_access_error", "The user does not have access to the application."),
    "overload": (503, "OVERLOAD_LIMIT", "REST API is blocked due to overload."),
    "unclear": (401, "SOMETHING_NEW", "Wrong authorization data"),
    "strange_code": (400, "A\r\n2026-01-01 00:00:00,000 ERROR forged\x1b[31m\u2028", "No\nsuch"),
}


@dataclass(frozen=True)
class Condition:
    """A lasting state of the portal, as REST answers it.

    ``status`` and ``other_status`` are those of the two editions of the vendor's table of system errors,
    which contradict each other. ``knows_token``: tokens are checked first, and an unknown token gets
    so; whether the app is installed and whether a token has expired are looked at afterwards.
    """

    status: int
    other_status: int
    code: str
    text: str
    knows_token: bool = False


CONDITIONS: dict[str, Condition] = {
    "closed": Condition(500, 403, "PORTAL_DELETED", "Portal was deleted"),
    "overloaded": Condition(503, 401, "OVERLOAD_LIMIT", "REST API is blocked due to overload."),
    "plan_ended": Condition(
        403,
        401,
        "ACCESS_DENIED",
        "REST API is available only on commercial plans.",
        knows_token=True,
    ),
    "market_ended": Condition(
        402, 401, "PAYMENT_REQUIRED", "Subscription has been ended", knows_token=True
    ),
}

# What happens to the connection.
WIRE = ("html", "too_many", "unauthorized", "cut", "hang", "reset", "redirect", "no_references")


@dataclass
class Fault:
    """``times`` answers go wrong, after ``skip`` good ones; ``after`` carries the request out first,
    ``seconds`` is for a hang, which ends sooner when the portal calms down."""

    kind: str
    method: str = ""
    times: int = 1
    after: bool = False
    seconds: float = 90
    skip: int = 0


class Faults:
    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._waiting: list[Fault] = []
        self._condition: Condition | None = None
        self._other_edition = False
        self._calmed = threading.Event()

    def enter(self, condition: str, *, other_edition: bool = False) -> None:
        """From now on the portal is in this state of :data:`CONDITIONS`, until :meth:`calm`."""
        self._condition, self._other_edition = CONDITIONS[condition], other_edition

    def condition(self, *, knows_token: bool) -> Failure | None:
        """The answer of the present state at this step of the portal's checks, if it has one."""
        found = self._condition
        if found is None or found.knows_token is not knows_token:
            return None
        status = found.other_status if self._other_edition else found.status
        return Failure(status, found.code, found.text)

    def add(self, fault: Fault) -> None:
        if fault.kind not in (*REFUSALS, *WHOLE, *WIRE):
            raise ValueError(f"unknown misbehaviour {fault.kind!r}")
        with self._lock:
            self._waiting.append(fault)

    def calm(self) -> None:
        with self._lock:
            self._waiting.clear()
            self._calmed.set()
            self._calmed = threading.Event()
        self._condition = None

    def hang(self, seconds: float) -> None:
        """Returns after so many seconds, or once the portal calms down."""
        self._calmed.wait(seconds)

    def names(self) -> list[str]:
        lasting = [name for name, condition in CONDITIONS.items() if condition is self._condition]
        with self._lock:
            return lasting + [
                f"{fault.kind} {fault.method} ×{fault.times}" for fault in self._waiting
            ]

    def of_request(self, methods: list[str]) -> Fault | None:
        """The fault that hits a request which holds these methods, if one waits for it."""
        return self._take([*WHOLE, *WIRE], methods)

    def refusal(self, method: str) -> tuple[Failure, bool] | None:
        """What this command is answered with, and whether it is carried out first."""
        fault = self._take([*REFUSALS], [method])
        return (Failure(*REFUSALS[fault.kind]), fault.after) if fault else None

    def _take(self, kinds: list[str], methods: list[str]) -> Fault | None:
        with self._lock:
            for fault in self._waiting:
                if fault.kind in kinds and (not fault.method or fault.method.lower() in methods):
                    if fault.skip:
                        fault.skip -= 1
                        continue
                    fault.times -= 1
                    if fault.times <= 0:
                        self._waiting.remove(fault)
                    return fault
        return None
