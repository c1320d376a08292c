"""A page after a write reports it, also if the list cannot be reloaded."""

import pytest
from django.test import Client

from demo.server import DemoPortal
from testing.markup import select, words
from testing.opening import EMPTY, ILYA, MOCKUP, WINTER, Page, install, open_order, open_tab, submit

pytestmark = pytest.mark.django_db


@pytest.fixture
def tab(client: Client, portal: DemoPortal) -> Page:
    install(client, portal)
    return open_tab(client, portal, ILYA, MOCKUP)


def text(page: Page) -> str:
    return " ".join(words(node) for node in select(page.text, "body > *"))


@pytest.mark.parametrize(
    "fault", ["rate", "html", "overload", "portal_deleted", "payment_required"]
)
@pytest.mark.parametrize(
    ("path", "form", "done"),
    [
        ("/tab/link/", {"order": "{free}|"}, "1 order linked to this deal: 1193"),
        ("/tab/unlink/", {"order": "{here}|"}, "1 order unlinked"),
        ("/tab/status/", {"held": "{here}|N", "to": "AW"}, "Status of 1 order changed"),
    ],
    ids=["link", "unlink", "status"],
)
def test_success_is_reported_if_list_cannot_be_reloaded(
    client: Client, portal: DemoPortal, tab: Page, fault: str, path: str,
    form: dict[str, str], done: str,
) -> None:  # fmt: skip
    ids = {"free": portal.order_id("1193"), "here": portal.order_id("1201")}
    method = {"/tab/link/": "crm.orderentity.add", "/tab/unlink/": "crm.orderentity.deletebyfilter"}
    write = method.get(path, "sale.order.update")
    # As soon as the write has been carried out nothing is answered any more.
    portal.meanwhile(write, lambda: portal.misbehave(fault, "crm.deal.get", times=20), inside=True)
    page = submit(client, tab, path, {name: item.format(**ids) for name, item in form.items()})
    assert page.toast["text"] == done
    assert page.state == "unread"
    assert f"{done}. This is saved in Bitrix24; only the list couldn’t be refreshed." in text(page)
    assert "Nothing was changed" not in page.text
    assert "data-again" in page.text


def test_partial_success_reports_both_parts(client: Client, portal: DemoPortal, tab: Page) -> None:
    free, moved = portal.order_id("1193"), portal.order_id("1184")
    portal.link(moved, (2, EMPTY))
    portal.meanwhile(
        "crm.orderentity.add",
        lambda: portal.misbehave("rate", "crm.deal.get", times=20),
        inside=True,
    )
    form = {"order": [f"{free}|", f"{moved}|2:{WINTER}"], "move": "on"}
    page = submit(client, tab, "/tab/link/", form)
    assert 'data-note="conflict"' in page.text
    assert page.state == "unread"


def test_order_card_reports_success_if_reload_fails(
    client: Client, portal: DemoPortal, tab: Page
) -> None:
    order = portal.order_id("1184")
    page = open_order(client, portal, order, ILYA)
    portal.meanwhile(
        "crm.orderentity.add",
        lambda: portal.misbehave("rate", "sale.order.list", times=20),
        inside=True,
    )
    answer = submit(
        client, page, "/order/link/", {"order": f"{order}|2:{WINTER}", "to": str(EMPTY)}
    )
    assert answer.state == "unread"
    assert f"Order linked to deal {EMPTY}. This is saved in Bitrix24" in text(answer)


@pytest.mark.parametrize("path", ["/tab/unlink/", "/tab/status/", "/order/unlink/"])
def test_order_deleted_meanwhile_is_reported_as_deleted(
    client: Client, portal: DemoPortal, tab: Page, path: str
) -> None:
    order = portal.order_id("1201")
    page = open_order(client, portal, order, ILYA) if path.startswith("/order/") else tab
    portal.delete_order(order)
    form = {"order": f"{order}|2:{MOCKUP}", "held": f"{order}|N", "to": "AW"}
    answer = submit(client, page, path, form)
    assert "The order was deleted." in answer.text
    assert 'data-note="conflict"' not in answer.text
    assert not answer.toast


def test_undo_and_history_report_deleted_order(
    client: Client, portal: DemoPortal, tab: Page
) -> None:
    order = portal.order_id("1193")
    undo = submit(client, tab, "/tab/link/", {"order": f"{order}|"}).toast["undo"]
    assert isinstance(undo, dict)
    portal.delete_order(order)
    answer = submit(client, tab, undo["url"], undo["values"])
    assert "The order was deleted." in answer.text
    assert not answer.toast


def test_order_deleted_during_request_is_reported_as_deleted(
    client: Client, portal: DemoPortal, tab: Page
) -> None:
    order = portal.order_id("1193")
    portal.meanwhile("crm.orderentity.add", lambda: portal.delete_order(order))
    answer = submit(client, tab, "/tab/link/", {"order": f"{order}|"})
    assert "The order was deleted." in answer.text
