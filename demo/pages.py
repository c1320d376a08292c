"""The portal in a browser: cards and lists with the app's places in them, the panel of misbehaviour."""

from collections.abc import Callable, Mapping

from flask import Flask, abort, redirect, render_template, request
from werkzeug.wrappers import Response as Redirect

from demo.faults import CONDITIONS, REFUSALS, WHOLE, WIRE
from demo.frames import Frames, Portal
from demo.methods.pipeline import STAGES
from demo.rows import DEAL, INVOICE
from demo.state import State
from demo.tables import Row

LANGUAGES = ("en", "ru", "de")
DEAL_TAB = "CRM_DEAL_DETAIL_TAB"
INVOICE_TAB = "CRM_SMART_INVOICE_DETAIL_TAB"
ORDER_TAB = "CRM_ORDER_DETAIL_TAB"
LIST_MENU = "CRM_DEAL_LIST_MENU"
LIST_TOOLBAR = "CRM_DEAL_LIST_TOOLBAR"

Shown = Mapping[str, object]


class Pages:
    def __init__(self, portal: Portal) -> None:
        self._portal = portal

    def routes(self, app: Flask) -> None:
        app.context_processor(self._everywhere)
        app.before_request(self._moved)
        for path, view in (
            ("/", self.home),
            ("/crm/deal/", self.deals),
            ("/crm/deal/list/", self.deals),
            ("/crm/deal/details/<int:deal_id>/", self.deal),
            ("/crm/type/31/details/<int:invoice_id>/", self.invoice),
            ("/shop/orders/details/<int:order_id>/", self.order),
            ("/marketplace/app/", self.app_page),
            ("/demo/", self.panel),
        ):
            app.add_url_rule(path, view_func=view, endpoint=view.__name__)
        app.add_url_rule("/demo/view/", view_func=self.look_as, methods=["POST"])
        app.add_url_rule("/demo/do/", view_func=self.do, methods=["POST"])
        Frames(self._portal).routes(app)

    def _moved(self) -> Redirect | None:
        """Send a browser on to the portal's own name: the app's frame opens under that one alone."""
        page = request.method == "GET" and not request.path.startswith("/rest/")
        if page and request.host.partition(":")[0] == self._portal.former_name:
            return redirect(f"{self._portal.current_url}{request.full_path.rstrip('?')}")
        return None

    def _everywhere(self) -> dict[str, object]:
        state = self._portal.state
        return {
            "users": [user for user in state.users.values() if user.active],
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
        """The list, with an item in each row's menu and one above; an opened page covers it."""
        state = self._portal.state
        viewer = state.users[state.viewer]
        seen = [deal for deal in state.deals.values() if state.sees(viewer, deal)]
        counts = {deal["ID"]: len(state.links.of_owner((DEAL, int(deal["ID"])))) for deal in seen}
        menu, toolbar = self._titles(LIST_MENU), self._titles(LIST_TOOLBAR)
        placement = request.args.get("open", "")
        opened: Shown = {}
        if placement in (LIST_MENU, LIST_TOOLBAR):
            opened = self._place(placement, request.args.get("id", 0, type=int))
        return render_template(
            "deals.html", deals=seen, counts=counts, menu=menu, toolbar=toolbar, **opened
        )

    def deal(self, deal_id: int) -> str:
        deal = self._card(self._portal.state.deals.get(deal_id))
        return render_template(
            "deal.html",
            deal=deal,
            linked=self._linked(DEAL, deal_id),
            comments=self._comments("deal", deal_id),
            stages=[*STAGES],
            **self._place(DEAL_TAB, deal_id),
        )

    def invoice(self, invoice_id: int) -> str:
        invoice = self._card(self._portal.state.invoices.get(invoice_id))
        return render_template(
            "invoice.html",
            invoice=invoice,
            linked=self._linked(INVOICE, invoice_id),
            comments=self._comments(f"dynamic_{INVOICE}", invoice_id),
            **self._place(INVOICE_TAB, invoice_id),
        )

    def order(self, order_id: int) -> str:
        state = self._portal.state
        order = state.orders.get(order_id) or abort(404)
        return render_template(
            "order.html",
            order=order,
            goods=state.baskets.of_order(order_id),
            payments=state.payments.of_order(order_id),
            shipments=[row for row in state.shipments.of_order(order_id) if row["system"] == "N"],
            statuses=[row["id"] for row in state.statuses if row["type"] == "O"],
            link=state.links.get(order_id),
            **self._place(ORDER_TAB, order_id),
        )

    def app_page(self) -> str:
        placement = "DEFAULT" if self._portal.state.app.finished else "INSTALL"
        return render_template("app.html", **self._opened(placement, 0, 0))

    def panel(self) -> str:
        kinds = [*WHOLE, *REFUSALS, *WIRE]
        sent_events = self._portal.lifecycle.sent_events[-10:]
        notices = self._portal.state.notices[-10:]
        shown: Shown = {
            "kinds": kinds,
            "conditions": [*CONDITIONS],
            "sent_events": sent_events,
            "notices": notices,
        }
        return render_template(
            "panel.html", **shown, store=self._portal.state.store, trade=self._portal.trade
        )

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
        """One button of the panel or of a card."""
        actions = {**self._of_the_panel(), **self._of_a_card()}
        action = actions.get(request.form.get("action", ""))
        if action is None:
            abort(400)
        action()
        self._portal.store.save()
        return redirect(_back())

    def _of_the_panel(self) -> dict[str, Callable[[], object]]:
        portal, given = self._portal, request.form
        return {
            "calm": portal.calm,
            "expire": portal.expire_tokens,
            "rename": portal.rename,
            "reset": portal.reset,
            "update": portal.lifecycle.update,
            "uninstall": lambda: portal.lifecycle.uninstall(clean=False),
            "uninstall-clean": lambda: portal.lifecycle.uninstall(clean=True),
            "subscription": (
                portal.end_subscription if portal.state.app.paid else portal.renew_subscription
            ),
            "condition": lambda: portal.enter(
                given.get("condition", ""), other_edition="other" in given
            ),
            "order": lambda: portal.order_comes(portal.trade.next()),
            "trade": lambda: portal.trade.go_on(given.get("seconds", 0, type=int)),
            "store": portal.close_store if portal.state.store else portal.reopen_store,
            "fault": lambda: portal.misbehave(
                given.get("kind", ""),
                given.get("method") or None,
                given.get("times", 1, type=int),
                after="after" in given,
            ),
        }

    def _of_a_card(self) -> dict[str, Callable[[], object]]:
        portal, given = self._portal, request.form
        pk, deal_id = given.get("id", 0, type=int), given.get("deal", 0, type=int)
        return {
            "pay": lambda: portal.pay(pk),
            "ship": lambda: portal.ship(pk),
            "status": lambda: portal.set_status(pk, given.get("status", "")),
            "link": lambda: portal.link(pk, (DEAL, deal_id) if deal_id else None),
            "delete-order": lambda: portal.delete_order(pk),
            "delete-deal": lambda: portal.delete_deal(pk),
            "stage": lambda: portal.move_deal(pk, given.get("stage", "")),
        }

    # --- places of the app --------------------------------------------------------------------

    def _titles(self, placement: str) -> list[str]:
        """Titles of what the app has bound there; nothing shows before the installation is finished."""
        state = self._portal.state
        bound = self._portal.lifecycle.bound(placement) if state.app.finished else []
        return [_title(row, state.language) for row in bound]

    def _place(self, placement: str, entity_id: int) -> Shown:
        """Tabs of a card, and the frame of the one that is open (``?tab=0``)."""
        tabs, number = self._titles(placement), request.args.get("tab", type=int)
        shown: Shown = {"tabs": tabs, "opening": None, "placement": placement}
        if number is None or not 0 <= number < len(tabs):
            return shown
        return {**shown, "tab": number, **self._opened(placement, entity_id, number)}

    def _opened(self, placement: str, entity_id: int, number: int) -> Shown:
        state = self._portal.state
        opening = self._portal.lifecycle.opening(
            placement, state.viewer, state.language, entity_id, number
        )
        return {"opening": opening, "placement": placement}

    # --- what the portal holds ----------------------------------------------------------------

    def _card(self, row: Row | None) -> Row:
        """A deal or an invoice that the person who looks may see."""
        state: State = self._portal.state
        if row is None:
            abort(404)
        if not state.sees(state.users[state.viewer], row):
            abort(403)
        return row

    def _comments(self, kind: str, owner_id: int) -> list[Row]:
        wanted = (kind, owner_id)
        return [
            comment
            for comment in self._portal.state.comments
            if (comment["ENTITY_TYPE"], comment["ENTITY_ID"]) == wanted
        ]

    def _linked(self, type_id: int, owner_id: int) -> list[Row]:
        state = self._portal.state
        ids = sorted(state.links.of_owner((type_id, owner_id)), reverse=True)
        return [state.orders[order_id] for order_id in ids if order_id in state.orders]


def _title(placement: Row, language: str) -> str:
    titles = placement["langAll"]
    own = titles.get(language, {}) if isinstance(titles, dict) else {}
    return str(own.get("TITLE") or placement["title"])


def _back() -> str:
    """The page of ours the button was on."""
    came = request.form.get("back", "/")
    return came if came.startswith("/") and not came.startswith("//") else "/"
