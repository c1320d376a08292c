"""The deal's amount set to the sum of its orders: asked first, own right, with a way back."""

import pytest
from django.test import Client

from b24app.journal.models import AuditEntry
from demo.server import DemoPortal
from testing.opening import (
    CHAIRS_INVOICE,
    ERIK,
    ILYA,
    MOCKUP,
    Page,
    ask,
    install,
    open_invoice,
    open_tab,
    submit,
)

pytestmark = pytest.mark.django_db

SUM = {"seen": "21000.00", "to": "20430.50"}


@pytest.fixture
def tab(client: Client, portal: DemoPortal) -> Page:
    install(client, portal)
    return open_tab(client, portal, ILYA, MOCKUP)


def amount(portal: DemoPortal) -> tuple[float, str]:
    deal = portal.state.deals[MOCKUP]
    return float(deal["OPPORTUNITY"]), str(deal["IS_MANUAL_OPPORTUNITY"])


def test_amount_dialog_shows_old_and_new_amount(client: Client, tab: Page) -> None:
    asked = ask(client, tab, "/tab/amount/confirm/")
    assert "€21,000.00" in asked.text
    assert "€20,430.50" in asked.text
    assert 'name="to" value="20430.5' in asked.text


def test_amount_is_set_and_undone(client: Client, portal: DemoPortal, tab: Page) -> None:
    portal.state.deals[MOCKUP]["IS_MANUAL_OPPORTUNITY"] = "N"
    answer = submit(client, tab, "/tab/amount/", SUM)
    assert amount(portal) == (20430.5, "Y")
    assert answer.toast["text"] == "Amount changed to €20,430.50"
    assert "differs by" not in answer.text
    undo = answer.toast["undo"]
    assert isinstance(undo, dict)
    submit(client, tab, undo["url"], undo["values"])
    assert amount(portal) == (21000.0, "N")
    assert AuditEntry.objects.filter(kind="amount").count() == 2


def test_undo_does_not_override_a_later_amount(
    client: Client, portal: DemoPortal, tab: Page
) -> None:
    undo = submit(client, tab, "/tab/amount/", SUM).toast["undo"]
    assert isinstance(undo, dict)
    portal.state.deals[MOCKUP]["OPPORTUNITY"] = "5.00"
    answer = submit(client, tab, undo["url"], undo["values"])
    assert amount(portal)[0] == 5.0
    assert "€5.00" in answer.text
    assert 'data-note="conflict"' in answer.text


@pytest.mark.parametrize("changed", ["deal", "order"])
def test_amount_changed_since_the_dialog_is_not_overwritten(
    client: Client, portal: DemoPortal, tab: Page, changed: str
) -> None:
    if changed == "deal":
        portal.state.deals[MOCKUP]["OPPORTUNITY"] = "1.00"
    else:
        portal.state.orders[portal.order_id("1201")]["price"] = 1
    before = amount(portal)
    answer = submit(client, tab, "/tab/amount/", SUM)
    assert amount(portal) == before
    assert 'data-note="conflict"' in answer.text


def test_without_the_right_to_change_deals_it_is_refused(
    client: Client, portal: DemoPortal, tab: Page
) -> None:
    page = open_tab(client, portal, ERIK, MOCKUP)
    answer = submit(client, page, "/tab/amount/", SUM)
    assert answer.response.status_code == 403
    assert amount(portal)[0] == 21000.0
    assert not AuditEntry.objects.exists()


def test_lost_answer_is_read_back(client: Client, portal: DemoPortal, tab: Page) -> None:
    portal.misbehave("reset", method="crm.deal.update", after=True)
    portal.reset_counts()
    answer = submit(client, tab, "/tab/amount/", SUM)
    assert amount(portal)[0] == 20430.5
    assert [call.method for call in portal.calls].count("crm.deal.update") == 1
    assert answer.toast["text"] == "Amount changed to €20,430.50"


def test_amount_that_cannot_be_read_back_is_recorded_as_uncertain(
    client: Client, portal: DemoPortal, tab: Page
) -> None:
    portal.misbehave("reset", method="crm.deal.get", skip=2, times=9)
    portal.misbehave("reset", method="crm.deal.update", after=True)
    answer = submit(client, tab, "/tab/amount/", SUM)
    assert amount(portal)[0] == 20430.5
    assert 'data-note="unknown"' in answer.text
    assert not AuditEntry.objects.get().certain


def test_invoice_has_an_amount_too(client: Client, portal: DemoPortal, tab: Page) -> None:
    portal.state.invoices[CHAIRS_INVOICE]["opportunity"] = 1
    page = open_invoice(client, portal, ILYA)
    assert "invoice’s amount" in ask(client, page, "/tab/amount/confirm/").text
    submit(client, page, "/tab/amount/", {"seen": "1", "to": "3300"})
    assert float(portal.state.invoices[CHAIRS_INVOICE]["opportunity"]) == 3300


@pytest.mark.parametrize(
    "form", [{}, {"seen": "1"}, {"seen": "-1", "to": "5"}, {"seen": "1", "to": "1e9"}]
)
def test_bad_forms_of_an_amount_make_no_request(
    client: Client, portal: DemoPortal, tab: Page, form: dict[str, str]
) -> None:
    portal.reset_counts()
    assert submit(client, tab, "/tab/amount/", form).response.status_code == 400
    assert portal.http_requests == 0
