"""What people read of a change that was not made: a refusal, a busy portal and silence differ."""

import pytest
from django.test import Client

from demo.server import DemoPortal
from testing.markup import select, words
from testing.opening import EMPTY, ILYA, MOCKUP, Page, install, open_tab, submit

pytestmark = pytest.mark.django_db

BUSY, SILENT = "Bitrix24 is busy", "Bitrix24 didn’t respond"


@pytest.fixture
def tab(client: Client, portal: DemoPortal) -> Page:
    install(client, portal)
    return open_tab(client, portal, ILYA, MOCKUP)


def notices(page: Page) -> list[str]:
    return [words(node) for node in select(page.text, "[data-note=failed], [data-note=conflict]")]


@pytest.mark.parametrize(
    ("fault", "reason"), [("rate", BUSY), ("html", SILENT), ("unclear", SILENT)]
)
@pytest.mark.parametrize("path", ["/tab/move/", "/tab/status/"])
def test_busy_or_unresponsive_portal_is_not_a_refusal(
    client: Client, portal: DemoPortal, tab: Page, path: str, fault: str, reason: str
) -> None:
    order = tab.order_ids[0]
    write = {"/tab/move/": "crm.orderentity.add", "/tab/status/": "sale.order.update"}[path]
    portal.misbehave(fault, method=write, times=20)
    form = {"order": f"{order}|", "to": str(EMPTY)}
    if path == "/tab/status/":
        form = {"held": f"{order}|{portal.state.orders[order]['statusId']}", "to": "AW"}
    (told,) = notices(submit(client, tab, path, form))
    assert reason in told
    assert "refused" not in told
    assert portal.link_of(order) == (2, MOCKUP)


def test_unreadable_orders_are_not_reported_as_changed(
    client: Client, portal: DemoPortal, tab: Page
) -> None:
    order = tab.order_ids[0]
    as_shown = f"{order}|{portal.state.orders[order]['statusId']}"
    portal.misbehave("operating", method="sale.order.list", times=1)
    page = submit(client, tab, "/tab/status/", {"held": as_shown, "to": "AW"})
    assert page.state == "busy"
    assert "changed in the meantime" not in page.text
