"""REST in its three encodings: envelope, ``time``, batch, limits, faults."""

import json
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, tzinfo

from flask import Flask, Response, request

from demo import php
from demo.changes import SendEvent
from demo.faults import WHOLE, Fault, Faults
from demo.limits import Limits
from demo.methods import METHODS, Caller, Failure, Found
from demo.state import Store
from demo.tables import Row

BATCH = 50

# What a server in front of the portal answers for it.
_PAGES = {
    "html": (502, "Bad Gateway"),
    "too_many": (429, "Too Many Requests"),
    "unauthorized": (401, "Unauthorized"),
}

# Permissions that hold another one.
WIDER = {"user_brief": ("user_basic", "user")}


@dataclass
class Meanwhile:
    """What somebody else does just ahead of the next request that holds ``method``, once.

    ``inside``: of that very command instead, when those before it in the batch have run.
    """

    method: str
    act: Callable[[], None]
    inside: bool


class CutOff(Exception):
    """The request took longer than a portal lets it; what it did until then stays done."""


@dataclass
class _Request:
    """One HTTP request: ``seconds`` is what its commands took so far."""

    number: int
    caller: Caller
    in_batch: bool = False
    seconds: float = 0.0


@dataclass(frozen=True)
class Call:
    """One method as it was called, for tests: ``request`` counts HTTP requests from 1."""

    request: int
    method: str
    params: object = field(repr=False)
    user_id: int
    in_batch: bool


class Rest:
    def __init__(
        self,
        store: Store,
        current_url: Callable[[], str],
        former_name: Callable[[], str],
        latency: float = 0.0,
    ) -> None:
        self.store, self.faults, self.limits = store, Faults(), Limits()
        self.calls: list[Call] = []
        self.requests = 0
        self.refused = 0
        self.request_ids: list[str] = []
        self.peers: set[object] = set()
        self.latency = latency
        self.zone: tzinfo = UTC
        self.missing: frozenset[str] = frozenset()
        self.bent: dict[str, Callable[[Row], Row]] = {}
        self.send_event: SendEvent = lambda name, data: None
        self._current_url, self._former_name = current_url, former_name
        self._lock = threading.Lock()
        self._meanwhile: list[Meanwhile] = []

    def meanwhile(self, change: Meanwhile) -> None:
        with self._lock:
            self._meanwhile.append(change)

    def forget_meanwhile(self) -> None:
        with self._lock:
            self._meanwhile.clear()

    def _happens(self, methods: list[str], *, inside: bool) -> None:
        with self._lock:
            due = [
                change
                for change in self._meanwhile
                if change.method in methods and change.inside is inside
            ]
            self._meanwhile = [change for change in self._meanwhile if change not in due]
        for change in due:
            change.act()

    def routes(self, app: Flask) -> None:
        app.add_url_rule(
            "/rest/<name>", view_func=self.answer, methods=["GET", "POST"], endpoint="rest"
        )
        app.add_url_rule(
            "/rest/<name>/", view_func=self.answer, methods=["GET", "POST"], endpoint="rest_slash"
        )

    def answer(self, name: str) -> Response:
        with self._lock:
            self.requests += 1
            number = self.requests
            self.request_ids.append(request.headers.get("X-Request-Id", ""))
            self.peers.add((request.remote_addr, request.environ["REMOTE_PORT"]))
        time.sleep(self.latency)
        params = _params()
        method = name.lower().removesuffix(".json")
        methods = [method, *_inner(method, params)]
        self._happens(methods, inside=False)
        fault = self.faults.of_request(methods)
        if fault is not None and not fault.after:
            broken = self._broken(fault)
            if broken is not None:
                return broken
        if request.host.partition(":")[0] == self._former_name():
            return Response(status=302, headers={"Location": f"{self._current_url()}/rest/{name}"})
        try:
            resolve = fault is None or fault.kind != "no_references"
            body, status = self._carry_out(number, method, params, resolve=resolve)
        except CutOff:
            return _page(504, "Gateway Time-out")
        if fault is not None and fault.after:
            return self._broken(fault) or _json(body, status)
        return _json(body, status)

    def _broken(self, fault: Fault) -> Response | None:
        """The spoilt answer of a fault; None where the fault shows elsewhere."""
        if fault.kind in WHOLE:
            status, code, text = WHOLE[fault.kind]
            return _json({"error": code, "error_description": text}, status)
        if fault.kind in _PAGES:
            return _page(*_PAGES[fault.kind])
        if fault.kind == "redirect":
            return Response(
                status=302, headers={"Location": "http://portal.example.invalid/rest/batch"}
            )
        if fault.kind == "hang":
            self.faults.hang(fault.seconds)
        if fault.kind == "cut":
            return Response('{"result":{"result":{"li', content_type="application/json")
        if fault.kind == "reset":
            request.environ["demo.reset"]()
        return None

    def _carry_out(
        self, number: int, method: str, params: Row, *, resolve: bool
    ) -> tuple[Row, int]:
        started = self.limits.clock()
        try:
            if not self.limits.admits():
                self.refused += 1
                raise Failure(503, "QUERY_LIMIT_EXCEEDED", "Too many requests")
            self._in_condition(knows_token=False)
            asked = _Request(number, self._caller(str(params.pop("auth", ""))))
            if method == "batch":
                body: Row = {"result": self._batch(asked, params, resolve=resolve)}
            else:
                body = self._call(asked, method, params)
        except Failure as failure:
            return failure.body, failure.status
        operating = body.pop("operating", None)
        body["time"] = _timed(started, self.limits.clock(), operating, self.zone)
        return body, 200

    def _caller(self, secret: str) -> Caller:
        state = self.store.state
        token = state.access.get(secret) or state.removed.get(secret)
        if token is None:
            raise Failure(
                401, "NO_AUTH_FOUND" if not secret else "invalid_token", "Wrong authorization data"
            )
        self._in_condition(knows_token=True)
        if secret in state.removed or not state.app.installed:
            raise Failure(401, "APPLICATION_NOT_FOUND", "Application not found")
        if not state.app.paid:
            raise Failure(402, "PAYMENT_REQUIRED", "Payment required")
        if token.expires < time.time():
            raise Failure(401, "expired_token", "The access token provided has expired.")
        user = state.users[token.user_id]
        if not (user.active or user.hidden):
            raise Failure(401, "authorization_error", "Unable to authorize user")
        return Caller(state, user, token.client_id, self.send_event, self.missing)

    def _in_condition(self, *, knows_token: bool) -> None:
        refusal = self.faults.condition(knows_token=knows_token)
        if refusal is not None:
            raise refusal

    def _call(self, asked: "_Request", method: str, params: Row) -> Row:
        caller = asked.caller
        with self._lock:
            self.calls.append(Call(asked.number, method, params, caller.user.id, asked.in_batch))
        without_store = not caller.state.store and method.startswith("sale.")
        if method not in METHODS or method in self.missing or without_store:
            # The module that brings the methods of the store is not there.
            raise Failure(404, "ERROR_METHOD_NOT_FOUND", "Method not found!")
        scope, function = METHODS[method]
        if scope and not {scope, *WIDER.get(scope, ())} & set(caller.state.app.scope):
            raise Failure(403, "insufficient_scope", "The request requires higher privileges")
        refusal = self.faults.refusal(method)
        if refusal is not None and not refusal[1]:
            raise refusal[0]
        self._happens([method], inside=True)
        operating = self._work(asked, method)
        # Only what changes or reads the rows is done one at a time; nobody waits for another's work.
        with self.store.lock:
            result = function(caller, params)
            self.store.save()
        if refusal is not None:
            raise refusal[0]
        if not isinstance(result, Found):
            body: Row = {"result": result}
        else:
            counted = {"total": result.total, "next": result.next}
            more = {name: value for name, value in counted.items() if value is not None}
            body = {"result": result.result, **more}
        change = self.bent.get(method) or self.bent.get("*")
        return {**(change(body) if change else body), "operating": operating}

    def _work(self, asked: "_Request", method: str) -> Row:
        """The time a call takes; raises where its method may not run, or the request takes too long."""
        limits = self.limits
        if limits.enforced and asked.seconds + limits.cost(method) > limits.request_seconds:
            limits.work(limits.request_seconds - asked.seconds)
            raise CutOff
        spent = limits.spend(method)
        if not spent.allowed:
            text = "Method is blocked due to operation time limit."
            raise Failure(429, "OPERATION_TIME_LIMIT", text)
        asked.seconds += spent.cost
        limits.work(spent.cost)
        took = {"processing": spent.cost}
        if not limits.reports_operating:
            return took
        return {**took, "operating": spent.seconds, "operating_reset_at": spent.resets_at}

    def _batch(self, asked: "_Request", params: Row, *, resolve: bool) -> Row:
        asked.in_batch = True
        given = params.get("cmd")
        commands = (
            given
            if isinstance(given, Mapping)
            else dict(enumerate(given if isinstance(given, list) else []))
        )
        halt = php.intval(params.get("halt", 0)) == 1 or params.get("halt") is True
        parts: dict[str, dict[str, object]] = {
            part: {}
            for part in ("result", "result_error", "result_total", "result_next", "result_time")
        }
        for count, (key, command) in enumerate(commands.items()):
            started = self.limits.clock()
            try:
                known = parts["result"] if resolve else {}
                body = self._command(asked, str(command), count, known)
            except Failure as failure:
                parts["result_error"][str(key)] = failure.body
                if halt:
                    break
                continue
            parts["result"][str(key)] = body["result"]
            for name in ("total", "next"):
                if name in body:
                    parts[f"result_{name}"][str(key)] = body[name]
            finished = self.limits.clock()
            parts["result_time"][str(key)] = _timed(started, finished, body["operating"], self.zone)
        return {name: php.array(part) for name, part in parts.items()}

    def _command(
        self, asked: "_Request", command: str, count: int, results: Mapping[str, object]
    ) -> Row:
        if count >= BATCH:
            raise Failure(400, "ERROR_BATCH_LENGTH_EXCEEDED", "Max batch length exceeded")
        name, _, query = command.partition("?")
        method = name.lower()
        if method == "batch":
            raise Failure(
                405, "ERROR_BATCH_METHOD_NOT_ALLOWED", "Method is not allowed for batch usage"
            )
        params = php.referred(php.parse_str(query), results)
        return self._call(asked, method, params if isinstance(params, dict) else {})


def _params() -> Row:
    if request.is_json:
        given = request.get_json(silent=True)
        return php.tree(request.args.items(multi=True)) | (given if isinstance(given, dict) else {})
    return php.tree([*request.args.items(multi=True), *request.form.items(multi=True)])


def _inner(method: str, params: Mapping[str, object]) -> list[str]:
    commands = params.get("cmd") if method == "batch" else None
    if isinstance(commands, Mapping):
        commands = list(commands.values())
    return (
        [str(command).partition("?")[0].lower() for command in commands]
        if isinstance(commands, list)
        else []
    )


def _timed(started: float, finished: float, operating: object, zone: tzinfo) -> Row:
    moments = {
        name: datetime.fromtimestamp(at, zone).isoformat(timespec="seconds")
        for name, at in (("date_start", started), ("date_finish", finished))
    }
    # A batch has no account of its own.
    more = operating if isinstance(operating, Mapping) else {"processing": finished - started}
    return {"start": started, "finish": finished, "duration": finished - started, **moments, **more}


def _page(status: int, text: str) -> Response:
    """What a server in front of the portal answers."""
    page = f"<html><h1>{status} {text}</h1></html>"
    return Response(page, status, content_type="text/html")


def _json(body: Mapping[str, object], status: int) -> Response:
    return Response(
        json.dumps(body, ensure_ascii=False), status, content_type="application/json; charset=utf-8"
    )
