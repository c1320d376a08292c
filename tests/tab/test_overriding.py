"""A change that came between the look and the write: the trail keeps it, the person hears of it."""

import json

import pytest
from django.test import Client

from b24app.journal.models import AuditEntry
from demo.server import DemoPortal
from tests.markup import html_of, only
from tests.opening import (
    ANNA,
    EMPTY,
    ILYA,
    MOCKUP,
    ONE,
    THREE,
    Page,
    install,
    open_order,
    open_tab,
    submit,
)

pytestmark = pytest.mark.django_db

ADD, DELETE, UPDATE = "crm.orderentity.add", "crm.orderentity.deleteByFilter", "sale.order.update"


@pytest.fixture
def tab(client: Client, portal: DemoPortal) -> Page:
    install(client, portal)
    return open_tab(client, portal, ILYA, EMPTY)


def note(page: Page, kind: str) -> str:
    """The markup of the only notice of this kind."""
    return html_of(only(page.text, f'section.note[data-note="{kind}"]'))


def put_back(client: Client, page: Page, told: str) -> Page:
    """What the notice's own button does."""
    button = only(told, "[data-put-back]").attributes
    fields = json.loads(button["hx-vals"] or "{}")
    return submit(client, page, button["hx-post"] or "", {"entry": fields["entry"]})


def test_whose_change_was_overridden_is_said_where_the_app_knows(
    client: Client, portal: DemoPortal, tab: Page
) -> None:
    order = portal.order_id("1193")
    colleague = open_tab(client, portal, ANNA, ONE)
    submit(client, colleague, "/tab/link/", {"order": f"{order}|"})
    portal.link(order, None)
    portal.meanwhile(ADD, lambda: portal.link(order, (2, ONE)))
    told = note(submit(client, tab, "/tab/link/", {"order": f"{order}|"}), "overridden")
    assert "Changed by Anna Schmidt." in told


@pytest.mark.parametrize(
    ("before", "words"),
    [((2, ONE), f"It had just been linked to deal {ONE}"), (None, "It had just been unlinked.")],
    ids=["linked elsewhere", "unlinked"],
)
def test_what_somebody_did_a_moment_before_is_the_source_in_the_trail(
    client: Client, portal: DemoPortal, tab: Page, before: tuple[int, int] | None, words: str
) -> None:
    order = portal.order_id("1184")
    portal.meanwhile(ADD, lambda: portal.link(order, before))
    page = submit(client, tab, "/tab/link/", {"order": f"{order}|2:6933", "move": "on"})
    assert portal.link_of(order) == (2, EMPTY)
    entry = AuditEntry.objects.get()
    assert (entry.from_type, entry.from_id) == (before or (0, 0))
    told = note(page, "overridden")
    assert "No. 1184" in told
    assert words in told
    put_back(client, tab, told)
    assert portal.link_of(order) == before
    assert AuditEntry.objects.get(undoes=entry).to_id == (before or (0, 0))[1]


def test_the_toasts_undo_brings_back_what_was_overridden(
    client: Client, portal: DemoPortal, tab: Page
) -> None:
    order = portal.order_id("1184")
    portal.meanwhile(ADD, lambda: portal.link(order, (2, ONE)))
    page = submit(client, tab, "/tab/link/", {"order": f"{order}|2:6933", "move": "on"})
    undo = page.toast["undo"]
    assert isinstance(undo, dict)
    submit(client, tab, undo["url"], undo["values"])
    assert portal.link_of(order) == (2, ONE)


def test_a_move_between_two_other_cards_can_be_put_back_by_who_made_it(
    client: Client, portal: DemoPortal, tab: Page
) -> None:
    page = open_tab(client, portal, ILYA, THREE)
    order = page.order_ids[0]
    portal.meanwhile(ADD, lambda: portal.link(order, (2, ONE)))
    moved = submit(client, page, "/tab/move/", {"order": f"{order}|", "to": str(EMPTY)})
    put_back(client, page, note(moved, "overridden"))
    assert portal.link_of(order) == (2, ONE)


def test_an_orders_own_card_tells_of_it_as_well(
    client: Client, portal: DemoPortal, tab: Page
) -> None:
    order = portal.order_id("1184")
    page = open_order(client, portal, order, ILYA)
    portal.meanwhile(ADD, lambda: portal.link(order, (2, ONE)))
    form = {"order": f"{order}|2:6933", "to": str(EMPTY)}
    put_back(client, page, note(submit(client, page, "/order/link/", form), "overridden"))
    assert portal.link_of(order) == (2, ONE)


def test_a_link_that_somebody_made_a_moment_before_is_not_ours(
    client: Client, portal: DemoPortal, tab: Page
) -> None:
    order = portal.order_id("1193")
    for inside in (False, True):
        portal.meanwhile(ADD, lambda: portal.link(order, (2, EMPTY)), inside=inside)
        page = submit(client, tab, "/tab/link/", {"order": f"{order}|"})
        assert page.toast["text"] == "1 order linked to this deal: 1193"
        assert "undo" not in page.toast
        portal.link(order, None)
    assert not AuditEntry.objects.exists()


def test_an_order_that_somebody_unlinked_a_moment_before_was_not_unlinked_by_us(
    client: Client, portal: DemoPortal, tab: Page
) -> None:
    page = open_tab(client, portal, ILYA, THREE)
    order = page.order_ids[0]
    portal.meanwhile(DELETE, lambda: portal.link(order, None))
    submit(client, page, "/tab/unlink/", {"order": f"{order}|"})
    assert not AuditEntry.objects.exists()


def test_a_status_that_overrode_another_keeps_it_and_puts_it_back(
    client: Client, portal: DemoPortal, tab: Page
) -> None:
    order = portal.order_id("1201")
    page = open_tab(client, portal, ILYA, MOCKUP)
    portal.meanwhile(UPDATE, lambda: portal.set_status(order, "PC"))
    answer = submit(client, page, "/tab/status/", {"held": f"{order}|N", "to": "AW"})
    entry = AuditEntry.objects.get()
    assert (entry.before, entry.after) == ("PC", "AW")
    told = note(answer, "overridden")
    assert "Paid, being prepared" in told
    put_back(client, page, told)
    assert portal.state.orders[order]["statusId"] == "PC"


def test_an_amount_that_overrode_another_keeps_it_and_puts_it_back(
    client: Client, portal: DemoPortal, tab: Page
) -> None:
    page, deal = open_tab(client, portal, ILYA, MOCKUP), portal.state.deals[MOCKUP]
    portal.meanwhile("crm.deal.update", lambda: deal.update(OPPORTUNITY="19000.00"))
    answer = submit(client, page, "/tab/amount/", {"seen": "21000.00", "to": "20430.50"})
    assert "€19,000.00" in note(answer, "overridden")
    assert AuditEntry.objects.get().before.startswith("19000.00 EUR")
    undo = answer.toast["undo"]
    assert isinstance(undo, dict)
    submit(client, page, undo["url"], undo["values"])
    assert float(deal["OPPORTUNITY"]) == 19000.0
