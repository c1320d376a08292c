"""The portal in a browser: deals, cards with the app's tab in a frame, the panel of misbehaviour."""

from collections.abc import Callable
from typing import Protocol

from flask import Flask, Response, abort, jsonify, redirect, render_template, request
from werkzeug.wrappers import Response as Redirect

from demo.faults import REFUSALS, WHOLE, WIRE
from demo.lifecycle import Lifecycle, Opening
from demo.rest import Rest
from demo.rows import DEAL, INVOICE
from demo.state import State, Store
from demo.tables import Row

LANGUAGES = ("en", "ru", "de")
DEAL_TAB = "CRM_DEAL_DETAIL_TAB"


class Portal(Protocol):
    """What the pages need of the portal they belong to."""

    store: Store
    rest: Rest
    lifecycle: Lifecycle

    @property
    def state(self) -> State: ...
    def misbehave(
        self, kind: str, method: str | None = None, times: int = 1, *, after: bool = False
    ) -> None: ...
    def calm(self) -> None: ...
    def rename(self) -> None: ...
    def expire_tokens(self) -> None: ...
    def reset(self) -> None: ...


class Pages:
    def __init__(self, portal: Portal) -> None:
        self._portal = portal

    def routes(self, app: Flask) -> None:
        app.context_processor(self._everywhere)
        for path, view in (
            ("/", self.home),
            ("/crm/deal/", self.deals),
            ("/crm/deal/details/<int:deal_id>/", self.deal),
            ("/crm/type/31/details/<int:invoice_id>/", self.invoice),
            ("/shop/orders/details/<int:order_id>/", self.order),
            ("/marketplace/app/", self.app_page),
            ("/demo/", self.panel),
        ):
            app.add_url_rule(path, view_func=view, endpoint=view.__name__)
        app.add_url_rule("/demo/view/", view_func=self.look_as, methods=["POST"])
        app.add_url_rule("/demo/do/", view_func=self.do, methods=["POST"])
        app.add_url_rule("/demo/frame/auth/", view_func=self.fresh_auth, methods=["POST"])
        app.add_url_rule("/demo/frame/finish/", view_func=self.finish, methods=["POST"])

    def _everywhere(self) -> dict[str, object]:
        state = self._portal.state
        return {
            "users": state.users.values(),
            "viewer": state.users[state.viewer],
            "language": state.language,
            "languages": LANGUAGES,
            "app": state.app,
            "troubles": self._portal.rest.faults.names(),
            "slider": request.args.get("IFRAME") == "Y",
        }

    def home(self) -> str:
        return render_template("home.html")

    def deals(self) -> str:
        state = self._portal.state
        viewer = state.users[state.viewer]
        seen = [deal for deal in state.deals.values() if state.sees(viewer, deal)]
        counts = {int(str(deal["ID"])): 0 for deal in seen}
        for type_id, owner_id in state.links.values():
            if type_id == DEAL and owner_id in counts:
                counts[owner_id] += 1
        return render_template("deals.html", deals=seen, counts=counts)

    def deal(self, deal_id: int) -> str:
        state = self._portal.state
        deal = state.deals.get(deal_id) or abort(404)
        if not state.sees(state.users[state.viewer], deal):
            abort(403)
        placements = (
            [row for row in state.placements if row["placement"] == DEAL_TAB]
            if state.app.finished
            else []
        )
        tabs = [
            {"index": n, "title": _title(row, state.language)} for n, row in enumerate(placements)
        ]
        active = "tab" in request.args and bool(tabs)
        opening = self._opening(DEAL_TAB, deal_id) if active else None
        linked = self._linked(DEAL, deal_id)
        return render_template(
            "deal.html", deal=deal, tabs=tabs, opening=opening, linked=linked, placement=DEAL_TAB
        )

    def invoice(self, invoice_id: int) -> str:
        invoice = self._portal.state.invoices.get(invoice_id) or abort(404)
        return render_template(
            "invoice.html", invoice=invoice, linked=self._linked(INVOICE, invoice_id)
        )

    def order(self, order_id: int) -> str:
        state = self._portal.state
        order = state.orders.get(order_id) or abort(404)
        goods = [row for row in state.baskets.values() if row["orderId"] == order_id]
        return render_template(
            "order.html", order=order, goods=goods, link=state.links.get(order_id)
        )

    def app_page(self) -> str:
        placement = "DEFAULT" if self._portal.state.app.finished else "INSTALL"
        return render_template("app.html", opening=self._opening(placement, 0), placement=placement)

    def panel(self) -> str:
        kinds = [*WHOLE, *REFUSALS, *WIRE]
        return render_template("panel.html", kinds=kinds, told=self._portal.lifecycle.told[-10:])

    def look_as(self) -> Redirect:
        """Switch the person and the language everybody in this browser looks with."""
        state = self._portal.state
        user_id = request.form.get("user", type=int)
        language = request.form.get("language", "")
        if user_id in state.users:
            state.viewer = int(user_id or 1)
        if language in LANGUAGES:
            state.language = language
        self._portal.store.save()
        return redirect(_back())

    def do(self) -> Redirect:
        """One button of the panel."""
        portal, given = self._portal, request.form
        actions: dict[str, Callable[[], None]] = {
            "calm": portal.calm,
            "expire": portal.expire_tokens,
            "rename": portal.rename,
            "reset": portal.reset,
            "update": portal.lifecycle.update,
            "uninstall": lambda: portal.lifecycle.uninstall(clean=False),
            "uninstall-clean": lambda: portal.lifecycle.uninstall(clean=True),
            "fault": lambda: portal.misbehave(
                given.get("kind", ""),
                given.get("method") or None,
                given.get("times", 1, type=int),
                after="after" in given,
            ),
        }
        action = actions.get(given.get("action", ""))
        if action is None:
            abort(400)
        action()
        portal.store.save()
        return redirect(_back())

    def fresh_auth(self) -> Response:
        """refreshAuth of the frame protocol: a new pair for the person who looks."""
        state = self._portal.state
        form = self._portal.lifecycle.opening("DEFAULT", state.viewer, state.language, 0).form
        return jsonify({key: form[key] for key in ("AUTH_ID", "REFRESH_ID", "AUTH_EXPIRES")})

    def finish(self) -> Response:
        self._portal.lifecycle.finish(self._portal.state.viewer)
        return jsonify({"result": True})

    def _opening(self, placement: str, entity_id: int) -> Opening:
        state = self._portal.state
        return self._portal.lifecycle.opening(placement, state.viewer, state.language, entity_id)

    def _linked(self, type_id: int, owner_id: int) -> list[Row]:
        state = self._portal.state
        ids = [order_id for order_id, owner in state.links.items() if owner == (type_id, owner_id)]
        return [
            state.orders[order_id]
            for order_id in sorted(ids, reverse=True)
            if order_id in state.orders
        ]


def _title(placement: Row, language: str) -> str:
    titles = placement["langAll"]
    own = titles.get(language, {}) if isinstance(titles, dict) else {}
    return str(own.get("TITLE") or placement["title"])


def _back() -> str:
    """The page of ours the button was on."""
    came = request.form.get("back", "/")
    return came if came.startswith("/") and not came.startswith("//") else "/"
