"""An order that somebody or something else links, moves or unlinks is noticed in the open cards."""

import json

import pytest
from django.test import Client

from b24app.events import tasks
from b24app.live import watching
from b24app.orders.types import DEAL, INVOICE, ORDER, Owner
from b24app.portals.models import Portal
from demo.server import DemoPortal
from tests.events.posting import tell
from tests.events.tabs import CARD, OTHER, Tab
from tests.opening import EMPTY, MOCKUP, Page, ask, open_tab

pytestmark = pytest.mark.django_db

LIST = "crm.orderentity.list"


def happens(
    client: Client, known: DemoPortal, stored: Portal, order: int, owner: tuple[int, int] | None
) -> None:
    """Somebody links the order, the portal tells, we work what was told."""
    known.link(order, owner)
    tell(client, known, "ONSALEORDERSAVED", order)
    tasks.process_changes(stored.pk)


def changed(client: Client, page: Page) -> bool:
    """What an open page is told when it asks for news."""
    since = page.attribute("data-moment")
    return bool(json.loads(ask(client, page, "/tab/news/", {"since": since}).text)["changed"])


def test_an_order_linked_by_somebody_else_is_news_to_the_open_card(
    client: Client, known: DemoPortal, stored: Portal, order: int
) -> None:
    page, other = open_tab(client, known, deal_id=EMPTY), open_tab(client, known, deal_id=MOCKUP)
    assert (changed(client, page), changed(client, other)) == (False, False)
    known.reset_counts()
    happens(client, known, stored, order, (DEAL, EMPTY))
    assert (changed(client, page), changed(client, other)) == (True, False)
    assert [call.method for call in known.calls] == [LIST]
    assert known.http_requests == 1


def test_an_order_linked_to_an_invoice_is_news_to_its_card(
    client: Client, known: DemoPortal, stored: Portal, order: int
) -> None:
    invoice = Owner(INVOICE, next(iter(known.state.invoices)))
    tab = Tab(stored, invoice, [])
    happens(client, known, stored, order, (invoice.type_id, invoice.id))
    assert tab.stale()


def test_a_moved_order_is_news_to_both_cards_and_an_unlinked_one_to_its_own(
    client: Client, known: DemoPortal, stored: Portal
) -> None:
    order = next(pk for pk, owner in known.state.links.items() if owner == (DEAL, MOCKUP))
    before, after = Tab(stored, CARD, [order]), Tab(stored, OTHER, [])
    happens(client, known, stored, order, (OTHER.type_id, OTHER.id))
    assert (before.stale(), after.stale()) == (True, True)
    watching.show(stored.pk, OTHER, [order])
    happens(client, known, stored, order, None)
    assert after.stale()


def test_the_portal_is_not_asked_for_links_while_nobody_looks_at_a_card(
    client: Client, known: DemoPortal, stored: Portal, order: int
) -> None:
    happens(client, known, stored, order, (DEAL, MOCKUP))
    Tab(stored, Owner(ORDER, order), [order])
    happens(client, known, stored, order, (DEAL, EMPTY))
    assert known.http_requests == 0


def test_a_tab_that_was_not_looked_at_reads_anew_when_it_is(
    client: Client, known: DemoPortal, stored: Portal, order: int
) -> None:
    page = open_tab(client, known, deal_id=EMPTY)
    known.reset_counts()
    happens(client, known, stored, order, (DEAL, EMPTY))
    assert known.http_requests == 0
    assert changed(client, page)


@pytest.mark.parametrize(("orders", "commands"), [(1, 1), (50, 1), (51, 2), (120, 3)])
def test_fifty_orders_are_asked_for_in_one_command_and_all_in_one_request(
    client: Client, known: DemoPortal, stored: Portal, orders: int, commands: int
) -> None:
    Tab(stored, CARD, [])
    payment = next(iter(known.state.payments))
    tell(client, known, "ONPAYMENTENTITYSAVED", payment)
    for order in [*known.state.orders][:orders]:
        tell(client, known, "ONSALEORDERSAVED", order)
    tasks.process_changes(stored.pk)
    methods = [call.method for call in known.calls]
    assert (methods.count(LIST), methods.count("sale.payment.list")) == (commands, 1)
    assert known.http_requests == 1


def test_an_installer_without_the_right_to_orders_stops_nothing(
    client: Client, known: DemoPortal, stored: Portal, order: int
) -> None:
    tab = Tab(stored, CARD, [order])
    known.state.users[1].sale = "denied"
    happens(client, known, stored, order, (DEAL, EMPTY))
    assert tab.stale()
