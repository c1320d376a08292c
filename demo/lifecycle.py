"""The app's life in the portal: opened, installed, finished, updated, removed; and the events of it."""

import json
import queue
import secrets
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Protocol
from urllib.error import HTTPError, URLError
from urllib.parse import urlencode
from urllib.request import Request, urlopen

from demo.state import ACCESS_SECONDS, CLIENT_ID, Store
from demo.tables import Row

POST_SECONDS = 10
# A portal posts the events of a burst side by side.
SENDERS = 48
PAID_DAYS = 30

# Placement: the page it is on (widgets/crm/*.md). Those above a list are opened for no card.
PLACES = {
    "CRM_DEAL_DETAIL_TAB": "/crm/deal/details/{}/",
    "CRM_SMART_INVOICE_DETAIL_TAB": "/crm/type/31/details/{}/",
    "CRM_ORDER_DETAIL_TAB": "/shop/orders/details/{}/",
    "CRM_DEAL_LIST_MENU": "/crm/deal/list/",
    "CRM_DEAL_LIST_TOOLBAR": "/crm/deal/list/",
}
OF_NO_CARD = ("CRM_DEAL_LIST_TOOLBAR",)


@dataclass(frozen=True)
class Opening:
    """What a browser posts into the app's frame: the address with its query, and the form."""

    url: str
    form: dict[str, str] = field(repr=False)


@dataclass
class SentEvent:
    """An event as posted, and what the handler answered (0: nothing).

    ``seconds`` is how long the answer took; ``ended`` is true once it is there, or given up.
    """

    name: str
    handler: str
    status: int = 0
    seconds: float = 0.0
    ended: bool = False


class Sender(Protocol):
    """Whoever posts events: a bench sends them from another process."""

    def submit(self, event: SentEvent, body: bytes) -> None: ...


class Lifecycle:
    def __init__(
        self, store: Store, app_url: str, url: Callable[[], str], server: Callable[[], str]
    ) -> None:
        self.store = store
        self.app_url = app_url
        self.older_kernel = False
        self.sent_events: list[SentEvent] = []
        self._url, self._server = url, server
        self.senders: Sender = _Senders()

    def opening(
        self, placement: str, user_id: int, lang: str, entity_id: int, number: int = 0
    ) -> Opening:
        """The opening of the app by a user (settings/oauth/simple-way.md, widgets/index.md).

        ``INSTALL`` opens the installer, ``DEFAULT`` the main page, a placement its handler with this
        number, from 0. Raises LookupError where none is bound.
        """
        handler = self._handler(placement, number)
        with self.store.lock:
            state = self.store.state
            state.app.installed = True
            access, refresh = state.tokens_for(user_id)
            self.store.save()
        host = self._url().partition("//")[2]
        form = {
            "AUTH_ID": access, "AUTH_EXPIRES": str(ACCESS_SECONDS), "REFRESH_ID": refresh,
            "SERVER_ENDPOINT": f"{self._server()}/rest/", "APPLICATION_TOKEN": state.app.application_token,
            "APPLICATION_SCOPE": ",".join(state.app.scope), "member_id": state.member_id,
            "status": state.app.status, "PLACEMENT": "DEFAULT" if placement == "INSTALL" else placement,
        }  # fmt: skip
        if placement not in ("INSTALL", "DEFAULT"):
            own = {} if placement in OF_NO_CARD else {"ID": str(entity_id)}
            uri = PLACES.get(placement, "/").format(entity_id)
            form["PLACEMENT_OPTIONS"] = json.dumps({**own, "URI": uri})
        if self.older_kernel:
            for name in ("SERVER_ENDPOINT", "APPLICATION_TOKEN", "APPLICATION_SCOPE"):
                del form[name]
        query = {"DOMAIN": host, "PROTOCOL": "0", "LANG": lang, "APP_SID": secrets.token_hex(16)}
        return Opening(f"{handler}?{urlencode(query)}", form)

    def _handler(self, placement: str, number: int) -> str:
        own = {"INSTALL": f"{self.app_url}/install/", "DEFAULT": f"{self.app_url}/"}
        if placement in own:
            return own[placement]
        bound = self.bound(placement)
        if number >= len(bound):
            raise LookupError(f"the app has bound no handler {number} to {placement}")
        return str(bound[number]["handler"])

    def bound(self, placement: str) -> list[Row]:
        return [row for row in self.store.state.placements if row["placement"] == placement]

    def finish(self, user_id: int) -> None:
        """installFinish: the app counts as installed, its placements show, ONAPPINSTALL is posted."""
        with self.store.lock:
            state = self.store.state
            state.app.finished = True
            access, refresh = state.tokens_for(user_id)
            self.store.save()
        data = {
            "VERSION": str(state.app.version),
            "ACTIVE": "Y",
            "INSTALLED": "Y",
            "LANGUAGE_ID": "en",
        }
        tokens = {
            "access_token": access,
            "refresh_token": refresh,
            "expires_in": str(ACCESS_SECONDS),
        }
        self._send("ONAPPINSTALL", data, tokens)

    def update(self) -> None:
        """A new version: bindings are gone, the application token is another one, the installer opens."""
        with self.store.lock:
            state = self.store.state
            handlers = self._handlers("ONAPPUPDATE")
            state.app.version += 1
            state.app.application_token = secrets.token_hex(16)
            state.app.finished = False
            state.placements.clear()
            state.events.clear()
            access, refresh = state.tokens_for(1)
            self.store.save()
        tokens = {
            "access_token": access,
            "refresh_token": refresh,
            "expires_in": str(ACCESS_SECONDS),
        }
        self._send(
            "ONAPPUPDATE",
            {"VERSION": str(state.app.version), "PREVIOUS_VERSION": "1"},
            tokens,
            handlers,
        )

    def subscribe(self, *, paid: bool) -> None:
        """The subscription ends or goes on, and ONAPPPAYMENT is posted (common/events/on-app-payment.md)."""
        with self.store.lock:
            app = self.store.state.app
            app.paid, app.expired = paid, not paid
            self.store.save()
        data = {
            "CODE": CLIENT_ID,
            "VERSION": app.version,
            "STATUS": app.status,
            "PAYMENT_EXPIRED": "N" if paid else "Y",
            "DAYS": PAID_DAYS if paid else 0,
            "LANGUAGE_ID": "en",
        }
        self.send_event("ONAPPPAYMENT", data)

    def uninstall(self, *, clean: bool) -> None:
        """The app is removed: its tokens die, its bindings go, ONAPPUNINSTALL is posted without tokens."""
        with self.store.lock:
            state = self.store.state
            handlers, auth = self._handlers("ONAPPUNINSTALL"), self.event_auth()
            state.app.installed = state.app.finished = False
            state.removed |= state.access
            state.access.clear()
            state.refresh.clear()
            state.placements.clear()
            state.events.clear()
            state.app.application_token = secrets.token_hex(16)
            self.store.save()
        data = {"LANGUAGE_ID": "en", "CLEAN": str(int(clean))}
        self._send("ONAPPUNINSTALL", data, {}, handlers, auth)

    def send_event(self, name: str, data: Mapping[str, object]) -> None:
        """An event, without tokens, to whoever bound it; none flows before installFinish."""
        if self.store.state.app.finished:
            self._send(name, data, {})

    def event_auth(self) -> dict[str, str]:
        """The auth block of an event, without tokens."""
        state = self.store.state
        return {
            "domain": self._url().partition("//")[2], "scope": ",".join(state.app.scope),
            "server_endpoint": f"{self._server()}/rest/", "status": state.app.status,
            "client_endpoint": f"{self._url()}/rest/", "member_id": state.member_id,
            "application_token": state.app.application_token,
        }  # fmt: skip

    def _handlers(self, name: str) -> list[str]:
        return [str(row["handler"]) for row in self.store.state.events if row["event"] == name]

    def _send(
        self,
        name: str,
        data: Mapping[str, object],
        tokens: Mapping[str, str],
        handlers: Iterable[str] | None = None,
        auth: Mapping[str, str] | None = None,
    ) -> None:
        block = {**(auth or self.event_auth()), **tokens}
        form = {"event": name, "ts": str(int(time.time()))}
        form |= dict([*_brackets("data", data), *_brackets("auth", block)])
        for number, handler in enumerate(self._handlers(name) if handlers is None else handlers, 1):
            event = SentEvent(name, handler)
            self.sent_events.append(event)
            body = urlencode({**form, "event_handler_id": number}).encode()
            self.senders.submit(event, body)


class _Senders:
    """Threads that post events in any order, up to ``SENDERS`` at once; made when they are needed."""

    def __init__(self) -> None:
        self._waiting: queue.SimpleQueue[tuple[SentEvent, bytes]] = queue.SimpleQueue()
        self._lock = threading.Lock()
        self._threads = self._posting = 0
        self.most_at_once = 0

    def submit(self, event: SentEvent, body: bytes) -> None:
        self._waiting.put((event, body))
        with self._lock:
            if self._threads < min(SENDERS, self._waiting.qsize() + 1):
                self._threads += 1
                threading.Thread(target=self._work, daemon=True).start()

    def _work(self) -> None:
        while True:
            event, body = self._waiting.get()
            with self._lock:
                self._posting += 1
                self.most_at_once = max(self.most_at_once, self._posting)
            _post(event, body)
            with self._lock:
                self._posting -= 1


def _brackets(name: str, value: object) -> Iterator[tuple[str, str]]:
    """A tree as PHP writes it into a form."""
    if isinstance(value, Mapping):
        for key, below in value.items():
            yield from _brackets(f"{name}[{key}]", below)
    else:
        yield name, str(value)


def _post(event: SentEvent, body: bytes) -> None:
    began = time.monotonic()
    try:
        with urlopen(Request(event.handler, body), timeout=POST_SECONDS) as answer:
            event.status = answer.status
    except HTTPError as refused:
        event.status = refused.code
    except (URLError, OSError):
        event.status = 0
    event.seconds = time.monotonic() - began
    event.ended = True
