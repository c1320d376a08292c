"""A change that came between the look and the write: the trail keeps it, the person hears of it."""

import json

import pytest
from django.test import Client

from b24app.journal.models import AuditEntry
from demo.server import DemoPortal
from testing.markup import html_of, only
from testing.opening import (
    ANNA,
    EMPTY,
    ILYA,
    MOCKUP,
    ONE,
    THREE,
    WINTER,
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


def put_back(client: Client, page: Page, notice: str) -> Page:
    """What the notice's own button does."""
    button = only(notice, "[data-put-back]").attributes
    fields = json.loads(button["hx-vals"] or "{}")
    return submit(client, page, button["hx-post"] or "", {"entry": fields["entry"]})


def test_overridden_person_is_named_if_known(client: Client, portal: DemoPortal, tab: Page) -> None:
    order = portal.order_id("1193")
    colleague = open_tab(client, portal, ANNA, ONE)
    submit(client, colleague, "/tab/link/", {"order": f"{order}|"})
    portal.link(order, None)
    portal.meanwhile(ADD, lambda: portal.link(order, (2, ONE)))
    notice = note(submit(client, tab, "/tab/link/", {"order": f"{order}|"}), "overridden")
    assert "Changed by Anna Schmidt." in notice


@pytest.mark.parametrize(
    ("before", "words"),
    [((2, ONE), f"It had just been linked to deal {ONE}"), (None, "It had just been unlinked.")],
    ids=["linked elsewhere", "unlinked"],
)
def test_audit_records_overridden_link_as_source(
    client: Client, portal: DemoPortal, tab: Page, before: tuple[int, int] | None, words: str
) -> None:
    order = portal.order_id("1184")
    portal.meanwhile(ADD, lambda: portal.link(order, before))
    page = submit(client, tab, "/tab/link/", {"order": f"{order}|2:{WINTER}", "move": "on"})
    assert portal.link_of(order) == (2, EMPTY)
    entry = AuditEntry.objects.get()
    assert (entry.from_type, entry.from_id) == (before or (0, 0))
    notice = note(page, "overridden")
    assert "No. 1184" in notice
    assert words in notice
    put_back(client, tab, notice)
    assert portal.link_of(order) == before
    assert AuditEntry.objects.get(undoes=entry).to_id == (before or (0, 0))[1]


def test_undo_from_toast_restores_overridden_link(
    client: Client, portal: DemoPortal, tab: Page
) -> None:
    order = portal.order_id("1184")
    portal.meanwhile(ADD, lambda: portal.link(order, (2, ONE)))
    page = submit(client, tab, "/tab/link/", {"order": f"{order}|2:{WINTER}", "move": "on"})
    undo = page.toast["undo"]
    assert isinstance(undo, dict)
    submit(client, tab, undo["url"], undo["values"])
    assert portal.link_of(order) == (2, ONE)


def test_person_can_undo_own_move_between_other_cards(
    client: Client, portal: DemoPortal, tab: Page
) -> None:
    page = open_tab(client, portal, ILYA, THREE)
    order = page.order_ids[0]
    portal.meanwhile(ADD, lambda: portal.link(order, (2, ONE)))
    moved = submit(client, page, "/tab/move/", {"order": f"{order}|", "to": str(EMPTY)})
    put_back(client, page, note(moved, "overridden"))
    assert portal.link_of(order) == (2, ONE)


def test_order_card_reports_overridden_change(
    client: Client, portal: DemoPortal, tab: Page
) -> None:
    order = portal.order_id("1184")
    page = open_order(client, portal, order, ILYA)
    portal.meanwhile(ADD, lambda: portal.link(order, (2, ONE)))
    form = {"order": f"{order}|2:{WINTER}", "to": str(EMPTY)}
    put_back(client, page, note(submit(client, page, "/order/link/", form), "overridden"))
    assert portal.link_of(order) == (2, ONE)


def test_link_made_by_another_is_not_claimed(client: Client, portal: DemoPortal, tab: Page) -> None:
    order = portal.order_id("1193")
    for inside in (False, True):
        portal.meanwhile(ADD, lambda: portal.link(order, (2, EMPTY)), inside=inside)
        page = submit(client, tab, "/tab/link/", {"order": f"{order}|"})
        assert page.toast["text"] == "1 order linked to this deal: 1193"
        assert "undo" not in page.toast
        portal.link(order, None)
    assert not AuditEntry.objects.exists()


def test_unlink_by_another_is_not_claimed(client: Client, portal: DemoPortal, tab: Page) -> None:
    page = open_tab(client, portal, ILYA, THREE)
    order = page.order_ids[0]
    portal.meanwhile(DELETE, lambda: portal.link(order, None))
    submit(client, page, "/tab/unlink/", {"order": f"{order}|"})
    assert not AuditEntry.objects.exists()


def test_overridden_status_is_kept_and_restored(
    client: Client, portal: DemoPortal, tab: Page
) -> None:
    order = portal.order_id("1201")
    page = open_tab(client, portal, ILYA, MOCKUP)
    portal.meanwhile(UPDATE, lambda: portal.set_status(order, "PC"))
    answer = submit(client, page, "/tab/status/", {"held": f"{order}|N", "to": "AW"})
    entry = AuditEntry.objects.get()
    assert (entry.before, entry.after) == ("PC", "AW")
    notice = note(answer, "overridden")
    assert "Paid, being prepared" in notice
    put_back(client, page, notice)
    assert portal.state.orders[order]["statusId"] == "PC"


def test_overridden_amount_is_kept_and_restored(
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
