"""Opening the app as a browser in a portal does: the portal's form, posted to our pages."""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from django.http import HttpResponse
from django.test import Client

from b24app.portals.placements import DEAL_TAB, INVOICE_TAB, ORDER_TAB
from demo.server import DemoPortal
from testing.markup import attributes, html_of, select, templates_of, without_templates

ANNA, MARIA, ILYA, TOM, PETRA, NINA, ERIK = 1, 5, 7, 9, 11, 13, 15
"""People of the demo portal (``demo/people.py``): the administrator, the manager, others."""

MOCKUP, EMPTY, ONE, THREE, FIFTY, FIFTY_ONE, MANY = 7021, 7000, 7001, 7003, 7050, 7051, 7400
WINTER, CHAIRS, SPRING_STOCK = 6933, 6940, 6951
CHAIRS_INVOICE = 118
"""Deals and an invoice of the demo portal (``demo/plans.py``), by their orders or their titles."""

Form = Mapping[str, Any]


def _on_one_line(tag: re.Match[str]) -> str:
    return re.sub(r" >$", ">", re.sub(r"\s*\n\s*", " ", tag[0]))


@dataclass(frozen=True)
class Page:
    """An answer of ours, with what a page's script would take out of it."""

    response: HttpResponse

    @property
    def text(self) -> str:
        """The body. White space between attributes means nothing: a line break there is read as a space."""
        return re.sub(r"<[^<>]+>", _on_one_line, self.response.content.decode())

    @property
    def session(self) -> str:
        return self.attribute("data-session")

    @property
    def state(self) -> str:
        """The name of the designed state shown instead of orders; empty when there is none."""
        found = attributes(self.text, ".state[data-state]", "data-state")
        return found[0] if found else ""

    @property
    def order_ids(self) -> list[int]:
        parts = [self.text, *templates_of(self.text)]
        ids = [pk for part in parts for pk in attributes(part, "[data-order-id]", "data-order-id")]
        return [int(order_id) for order_id in ids if order_id]

    @property
    def totals(self) -> dict[str, str]:
        nodes = select(self.text, "[data-total][data-amount]")
        return {
            str(node.attributes["data-total"]): str(node.attributes["data-amount"])
            for node in nodes
        }

    @property
    def without_templates(self) -> str:
        return without_templates(self.text)

    @property
    def toast(self) -> Mapping[str, object]:
        toast = json.loads(self.response.get("HX-Trigger", "{}")).get("lo:toast", {})
        assert isinstance(toast, dict)
        return toast

    def attribute(self, name: str, css: str = "") -> str:
        """An attribute of the first element that has it and matches the selector."""
        found = attributes(self.text, f"{css}[{name}]", name)
        assert found, f"{name} is not in the page"
        return found[0]

    def row(self, order_id: int) -> str:
        """The markup of one order's row."""
        found = select(self.text, f'tr[data-order-id="{order_id}"]')
        assert found, f"order {order_id} is not in the page"
        return html_of(found[0])


def seen(response: object) -> Page:
    """An answer of the test client as a page."""
    assert isinstance(response, HttpResponse)
    return Page(response)


def post(client: Client, url: str, form: Mapping[str, str]) -> Page:
    """A form the portal posts, to the path and query of ``url``."""
    parts = urlsplit(url)
    return seen(client.post(f"{parts.path}?{parts.query}", dict(form)))


def launch(
    client: Client,
    portal: DemoPortal,
    placement: str,
    user_id: int,
    deal_id: int,
    lang: str,
    form: Form,
) -> Page:
    opening = portal.open(placement, user_id=user_id, lang=lang, entity_id=deal_id)
    return post(client, opening.url, {**opening.form, **form})


def install(
    client: Client,
    portal: DemoPortal,
    user_id: int = ANNA,
    lang: str = "en",
    form: Form | None = None,
) -> Page:
    """The installer's page, opened by ``user_id``; ``form`` replaces fields the portal would send."""
    return launch(client, portal, "INSTALL", user_id, 0, lang, form or {})


def open_tab(
    client: Client,
    portal: DemoPortal,
    user_id: int = ANNA,
    deal_id: int = MOCKUP,
    lang: str = "en",
    form: Form | None = None,
) -> Page:
    """The Orders tab of a deal, opened by ``user_id``."""
    return launch(client, portal, DEAL_TAB, user_id, deal_id, lang, form or {})


def open_invoice(
    client: Client, portal: DemoPortal, user_id: int = ANNA, invoice_id: int = 118, lang: str = "en"
) -> Page:
    """The Orders tab of an invoice, opened by ``user_id``."""
    return launch(client, portal, INVOICE_TAB, user_id, invoice_id, lang, {})


def open_order(
    client: Client, portal: DemoPortal, order_id: int, user_id: int = ANNA, lang: str = "en"
) -> Page:
    """The tab in an order's own card, opened by ``user_id``."""
    return launch(client, portal, ORDER_TAB, user_id, order_id, lang, {})


def ask(
    client: Client, page: Page, path: str, data: Form | None = None, *, method: str = "get"
) -> Page:
    """A request of the page's own script, with the session of ``page``."""
    send = client.get if method == "get" else client.post
    return seen(send(path, data, headers={"Authorization": f"Bearer {page.session}"}))


def submit(client: Client, page: Page, path: str, data: Form) -> Page:
    return ask(client, page, path, data, method="post")
