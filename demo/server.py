"""A demo portal that runs in threads of this process: for the tests and for ``python -m demo.portal``."""

import time
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from pathlib import Path
from types import TracebackType
from typing import Self, TypeVar

from cheroot.wsgi import Server
from flask import Flask

from demo import changes, http_server, multitude, trade
from demo.auth import AuthorizationServer
from demo.faults import Fault
from demo.lifecycle import Lifecycle, Opening
from demo.pages import Pages
from demo.rest import Call, Meanwhile, Rest
from demo.seed import seed
from demo.state import CLIENT_ID, CLIENT_SECRET, State, Store
from demo.tables import Owner, Row

THREADS = 20

T = TypeVar("T")

# Methods that came later than others.
OLDER = frozenset(
    {"app.info", "scope", "user.access", "access.name"}
    | {f"{whose}.option.{what}" for whose in ("app", "user") for what in ("get", "set")}
)


class DemoPortal:
    """One portal and the authorization server it belongs to, each on a port of its own.

    ``hosts`` are the addresses it listens at and ``name`` is what browsers and the app call it.
    ``oauth_of`` shares another portal's authorization server, as all portals of the world do.
    ``threads`` is how many requests it answers at once.
    """

    client_id = CLIENT_ID
    client_secret = CLIENT_SECRET

    def __init__(
        self,
        app_url: str = "http://127.0.0.1:1",
        *,
        port: int = 0,
        data: Path | None = None,
        latency: float = 0.0,
        member_id: str = "",
        oauth_of: "DemoPortal | None" = None,
        threads: int = THREADS,
        hosts: Sequence[str] = ("127.0.0.1",),
        name: str = "127.0.0.1",
    ) -> None:
        state = seed()
        state.member_id = member_id or state.member_id
        self.store = Store(state, data / "portal.json" if data else None)
        self._auth: AuthorizationServer = oauth_of._auth if oauth_of else AuthorizationServer()
        self._auth.serve(self.store, lambda: self.current_url)
        self._shared = oauth_of is not None
        self.rest = Rest(self.store, lambda: self.current_url, lambda: self.former_name, latency)
        self.lifecycle = Lifecycle(
            self.store, app_url, lambda: self.current_url, lambda: self.oauth_url
        )
        self.rest.send_event = self.lifecycle.send_event
        self.trade = trade.Trade(self._happens)
        self.url = ""
        self._port, self._threads = port, threads
        self._hosts, self._name = hosts, name
        self._servers: list[Server] = []

    def __enter__(self) -> Self:
        app = Flask("demo.portal", template_folder="templates")
        self.rest.routes(app)
        Pages(self).routes(app)
        self._auth.authorize_at(app, self.store, lambda: self.app_url)
        self.url = f"http://{self._name}:{self._serve(app, self._port)}"
        if not self._shared:
            port = self._port + 1 if self._port else 0
            self._auth.url = f"http://{self._name}:{self._serve(self._auth.app, port)}"
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.trade.pause()
        for server in self._servers:
            server.stop()
        self.store.write()

    def _serve(self, app: Flask, port: int) -> int:
        """Listen at every address, all at the same port; returns it."""
        for host in self._hosts:
            port = self._listen(app, host, port)
        return port

    def _listen(self, app: Flask, host: str, port: int) -> int:
        server = http_server.listen(app, host, port, self._threads)
        self._servers.append(server)
        return int(server.bind_addr[1])

    # --- where it lives -----------------------------------------------------------------------

    @property
    def current_url(self) -> str:
        """The portal's address now: another host name once it has been renamed."""
        names = self._names()
        return self.url.replace(self._name, names[0]) if self.state.renamed else self.url

    @property
    def former_name(self) -> str:
        """The host name the portal has now left, or has not moved to yet: it sends visitors on."""
        return self._names()[1]

    def _names(self) -> tuple[str, str]:
        """The host name of the portal now, and its other one."""
        other = "127.0.0.1" if self._name == "localhost" else "localhost"
        return (other, self._name) if self.state.renamed else (self._name, other)

    @property
    def oauth_url(self) -> str:
        return self._auth.url

    @property
    def domain(self) -> str:
        return self.current_url.partition("//")[2]

    @property
    def state(self) -> State:
        return self.store.state

    @property
    def member_id(self) -> str:
        return self.state.member_id

    @property
    def app_url(self) -> str:
        return self.lifecycle.app_url

    @app_url.setter
    def app_url(self, url: str) -> None:
        self.lifecycle.app_url = url

    # --- what people do -----------------------------------------------------------------------

    def open(
        self, placement: str, *, user_id: int = 1, lang: str = "en", entity_id: int = 7021
    ) -> Opening:
        """What a browser would post to the app; LookupError where the app has bound nothing.

        ``entity_id`` is the deal's, invoice's or order's, as the placement has it.
        """
        return self.lifecycle.opening(placement, user_id, lang, entity_id)

    def event_auth(self) -> dict[str, str]:
        return self.lifecycle.event_auth()

    def rename(self) -> None:
        """The portal moves to its other host name; the old one answers REST with 302."""
        self.state.renamed = not self.state.renamed

    # --- what somebody does in the portal -------------------------------------------------------

    def pay(self, order_id: int) -> None:
        """Every open payment of the order comes in."""
        self._happens(changes.pay, order_id)

    def ship(self, order_id: int) -> None:
        """All of the order leaves the warehouse."""
        self._happens(changes.ship, order_id)

    def set_status(self, order_id: int, status: str) -> None:
        self._happens(changes.change_order, order_id, {"statusId": status})

    def link(self, order_id: int, owner: Owner | None) -> None:
        """Somebody links the order to (owner type, owner id), or unlinks it."""
        self._happens(changes.link, order_id, owner)

    def delete_order(self, order_id: int) -> None:
        self._happens(changes.delete_order, order_id)

    def delete_deal(self, deal_id: int) -> None:
        """The deal goes, and its linked orders with it."""
        self._happens(changes.delete_deal, deal_id)

    def dismiss(self, user_id: int, *, passed_on: bool = False, tokens_stay: bool = False) -> None:
        """The employee leaves; their tokens die, or pass on to a system user that user.get hides.

        ``tokens_stay``: their tokens are known as before, and refused with ``authorization_error``.
        """
        with self.store.lock:
            changes.dismiss(self.state, user_id, passed_on=passed_on, tokens_stay=tokens_stay)

    def end_subscription(self) -> None:
        """The app is not paid for any more: no calls, no refreshes."""
        self.lifecycle.subscribe(paid=False)

    def renew_subscription(self) -> None:
        self.lifecycle.subscribe(paid=True)

    def order_comes(self, purchase: trade.Purchase, *, told: bool = True) -> int:
        """A new order; its id. It is ``told`` to nobody where its event gets lost."""
        return self._happens(trade.order_comes, purchase, told=told)

    def open_deal(self, deal: trade.NewDeal) -> int:
        """Somebody opens a deal; its id."""
        return self._happens(trade.open_deal, deal)

    def move_deal(self, deal_id: int, stage: str, at: datetime | None = None) -> None:
        """The deal goes to a stage of its funnel: ``EXECUTING``, ``WON``, ``LOSE`` …"""
        self._happens(trade.move_deal, deal_id, stage, at)

    def _happens(self, change: Callable[..., T], *what: object, told: bool = True) -> T:
        with self.store.lock:
            done = change(self.state, self.lifecycle.send_event if told else _tell_nobody, *what)
            self.store.save()
            return done

    def link_of(self, order_id: int) -> tuple[int, int] | None:
        return self.state.links.get(order_id)

    def order_id(self, number: str) -> int:
        """The id of the order with this account number."""
        return next(pk for pk, row in self.state.orders.items() if row["accountNumber"] == number)

    def many(
        self, *, orders: int = 0, deals: int = 0, link: bool = False, bill: bool = True
    ) -> tuple[range, range]:
        """Add plain orders and deals, as many as a bench needs: (ids of orders, ids of deals).

        The orders belong to none of the deals, or with ``link`` to each in turn; with ``bill`` each
        has an open payment.
        """
        with self.store.lock:
            return multitude.add(self.state, orders, deals, link=link, bill=bill)

    # --- misbehaviour -------------------------------------------------------------------------

    def misbehave(
        self,
        kind: str,
        method: str | None = None,
        times: int = 1,
        *,
        after: bool = False,
        seconds: float = 90,
        skip: int = 0,
    ) -> None:
        """The next ``times`` requests go wrong (those that hold ``method``, if it is named).

        ``after``: they are carried out first. ``seconds``: how long a hang lasts. ``skip``: so many are
        spared before. Raises ValueError for a ``kind`` that ``demo.faults`` does not know.
        """
        self.rest.faults.add(Fault(kind, method or "", times, after, seconds, skip))

    def bend(self, method: str, change: Callable[[Row], Row]) -> None:
        """Each answer of the method (``result``, ``total``, ``next``), or of all with ``*``, is changed."""
        self.rest.bent[method.lower()] = change

    def calm(self) -> None:
        """All is well again: no faults, no lasting state, and the authorization server answers."""
        self.rest.faults.calm()
        self.rest.bent.clear()
        self.rest.forget_meanwhile()
        self._auth.away = False

    def enter(self, condition: str, *, other_edition: bool = False) -> None:
        """A lasting state of ``demo.faults.CONDITIONS``, until :meth:`calm`: ``closed`` for maintenance,
        ``overloaded``, ``plan_ended``, ``market_ended``. ``other_edition``: with the HTTP status of the
        vendor's other table. Raises KeyError for another one.
        """
        self.rest.faults.enter(condition, other_edition=other_edition)

    def silence_authorization_server(self) -> None:
        """It answers requests for tokens with a page of the server in front of it."""
        self._auth.away = True

    def close_store(self) -> None:
        """The portal has no online store (any more)."""
        self.state.store = False

    def reopen_store(self) -> None:
        self.state.store = True

    def meanwhile(self, method: str, act: Callable[[], None], *, inside: bool = False) -> None:
        """Somebody acts just ahead of the next request that holds ``method``, once.

        ``inside``: ahead of that very command, when those before it in the batch have run.
        """
        self.rest.meanwhile(Meanwhile(method.lower(), act, inside))

    def grow_old(self, *, old: bool = True) -> None:
        """An older kernel: fields of the opening, newer methods and operating time are not there."""
        self.lifecycle.older_kernel = old
        self.rest.missing = OLDER if old else frozenset()
        self.rest.limits.reports_operating = not old

    def expire_tokens(self) -> None:
        """Every access token is over its hour; refresh tokens go on."""
        for token in self.state.access.values():
            token.expires = time.time() - 1

    def kill_tokens(self) -> None:
        """The app is not there any more: no token of it works."""
        self.state.access.clear()
        self.state.refresh.clear()

    def hold_refreshes(self) -> None:
        """The authorization server refreshes, and its answers stay on the way until let go."""
        self._auth.answering.clear()

    def let_refreshes_go(self) -> None:
        self._auth.answering.set()

    def forget_refresh_tokens(self) -> None:
        self.state.refresh.clear()

    def token_of_another_app(self, user_id: int) -> str:
        """A good access token of this portal that was issued to another app."""
        return self.state.tokens_for(user_id, "local.other.0000000000000002")[0]

    def at_refresh(self, act: Callable[[], None]) -> None:
        """``act`` runs once, while the next refresh of a token waits for its answer."""
        self._auth.before_refresh = act

    # --- what was asked -----------------------------------------------------------------------

    @property
    def calls(self) -> list[Call]:
        return self.rest.calls

    @property
    def http_requests(self) -> int:
        return self.rest.requests

    @property
    def request_ids(self) -> list[str]:
        """X-Request-Id of each HTTP request, as it came."""
        return self.rest.request_ids

    @property
    def connections(self) -> int:
        """TCP connections that REST requests came over."""
        return len(self.rest.peers)

    @property
    def refreshes(self) -> int:
        return self._auth.refreshes

    def reset_counts(self) -> None:
        self.rest.calls.clear()
        self.rest.peers.clear()
        self.rest.request_ids.clear()
        self.rest.requests = self.rest.refused = 0
        self.rest.limits.reset()
        self._auth.refreshes = 0

    def reset(self) -> None:
        """Back to the seed, calm, nothing counted."""
        self.store.reset()
        self.calm()
        self.reset_counts()
        self.rest.limits.restore()
        self.lifecycle.sent_events.clear()
        self.grow_old(old=False)
        self.let_refreshes_go()


def _tell_nobody(name: str, data: Mapping[str, object]) -> None:
    """The events of a change get lost."""
