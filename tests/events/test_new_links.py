"""Open cards notice orders that others have linked, moved or unlinked."""

import json

import pytest
from django.test import Client

from b24app.events import tasks
from b24app.live import watching
from b24app.orders.types import DEAL, INVOICE, ORDER, Owner
from b24app.portals.models import Portal
from demo.server import DemoPortal
from testing.opening import EMPTY, MOCKUP, Page, ask, open_tab
from tests.events.posting import report
from tests.events.tabs import CARD, OTHER, Tab

pytestmark = pytest.mark.django_db

LIST = "crm.orderentity.list"


def link_and_report(
    client: Client, known: DemoPortal, stored: Portal, order: int, owner: tuple[int, int] | None
) -> None:
    """Link the order in the portal, post its event and process it."""
    known.link(order, owner)
    report(client, known, "ONSALEORDERSAVED", order)
    tasks.process_changes(stored.pk)


def changed(client: Client, page: Page) -> bool:
    """Whether an open page gets "changed" when it asks."""
    since = page.attribute("data-moment")
    return bool(json.loads(ask(client, page, "/tab/news/", {"since": since}).text)["changed"])


def test_order_linked_by_somebody_else_is_noticed_in_the_open_card(
    client: Client, known: DemoPortal, stored: Portal, order: int
) -> None:
    page, other = open_tab(client, known, deal_id=EMPTY), open_tab(client, known, deal_id=MOCKUP)
    assert (changed(client, page), changed(client, other)) == (False, False)
    known.reset_counts()
    link_and_report(client, known, stored, order, (DEAL, EMPTY))
    assert (changed(client, page), changed(client, other)) == (True, False)
    assert [call.method for call in known.calls] == [LIST]
    assert known.http_requests == 1


def test_order_linked_to_an_invoice_is_noticed_in_its_card(
    client: Client, known: DemoPortal, stored: Portal, order: int
) -> None:
    invoice = Owner(INVOICE, next(iter(known.state.invoices)))
    tab = Tab(stored, invoice, [])
    link_and_report(client, known, stored, order, (invoice.type_id, invoice.id))
    assert tab.stale()


def test_moved_order_is_noticed_in_both_cards_and_an_unlinked_one_in_its_own(
    client: Client, known: DemoPortal, stored: Portal
) -> None:
    order = next(pk for pk, owner in known.state.links.items() if owner == (DEAL, MOCKUP))
    before, after = Tab(stored, CARD, [order]), Tab(stored, OTHER, [])
    link_and_report(client, known, stored, order, (OTHER.type_id, OTHER.id))
    assert (before.stale(), after.stale()) == (True, True)
    watching.show(stored.pk, OTHER, [order])
    link_and_report(client, known, stored, order, None)
    assert after.stale()


def test_portal_is_not_asked_for_links_while_no_card_is_open(
    client: Client, known: DemoPortal, stored: Portal, order: int
) -> None:
    link_and_report(client, known, stored, order, (DEAL, MOCKUP))
    Tab(stored, Owner(ORDER, order), [order])
    link_and_report(client, known, stored, order, (DEAL, EMPTY))
    assert known.http_requests == 0


def test_tab_in_the_background_reloads_when_it_becomes_visible(
    client: Client, known: DemoPortal, stored: Portal, order: int
) -> None:
    page = open_tab(client, known, deal_id=EMPTY)
    known.reset_counts()
    link_and_report(client, known, stored, order, (DEAL, EMPTY))
    assert known.http_requests == 0
    assert changed(client, page)


@pytest.mark.parametrize(("orders", "commands"), [(1, 1), (50, 1), (51, 2), (120, 3)])
def test_fifty_orders_are_read_by_one_command_and_all_in_one_request(
    client: Client, known: DemoPortal, stored: Portal, orders: int, commands: int
) -> None:
    Tab(stored, CARD, [])
    payment = next(iter(known.state.payments))
    report(client, known, "ONPAYMENTENTITYSAVED", payment)
    for order in [*known.state.orders][:orders]:
        report(client, known, "ONSALEORDERSAVED", order)
    tasks.process_changes(stored.pk)
    methods = [call.method for call in known.calls]
    assert (methods.count(LIST), methods.count("sale.payment.list")) == (commands, 1)
    assert known.http_requests == 1


def test_changes_are_noticed_if_the_installer_may_not_read_orders(
    client: Client, known: DemoPortal, stored: Portal, order: int
) -> None:
    tab = Tab(stored, CARD, [order])
    known.state.users[1].sale = "denied"
    link_and_report(client, known, stored, order, (DEAL, EMPTY))
    assert tab.stale()
