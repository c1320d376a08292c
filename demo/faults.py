"""Misbehaviour on command: what a portal, or the road to it, does on a bad day."""

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
}

# What happens to the connection.
WIRE = ("html", "too_many", "unauthorized", "cut", "hang", "reset", "redirect", "no_references")


@dataclass
class Fault:
    """``times`` answers go wrong, after ``skip`` good ones; ``after`` carries the request out first,
    ``seconds`` is for a hang."""

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

    def add(self, fault: Fault) -> None:
        if fault.kind not in (*REFUSALS, *WHOLE, *WIRE):
            raise ValueError(f"unknown misbehaviour {fault.kind!r}")
        with self._lock:
            self._waiting.append(fault)

    def calm(self) -> None:
        with self._lock:
            self._waiting.clear()

    def names(self) -> list[str]:
        with self._lock:
            return [f"{fault.kind} {fault.method} ×{fault.times}" for fault in self._waiting]

    def of_request(self, methods: list[str]) -> Fault | None:
        """The fault that hits a request which holds these methods, if one waits for it."""
        return self._take([*WHOLE, *WIRE], methods)

    def refusal(self, method: str) -> Failure | None:
        fault = self._take([*REFUSALS], [method])
        return Failure(*REFUSALS[fault.kind]) if fault else None

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
