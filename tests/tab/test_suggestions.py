"""Suggestions through the edge: whose they are, who sees them, their cost, saying no and taking it back."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import time_machine
from django.test import Client

from b24app.orders.types import Owner
from b24app.portals.models import Portal, PortalUser
from b24app.tab import dismissals, suggestions
from b24app.tab.models import Dismissal, PersonalDismissal
from demo.server import DemoPortal
from testing.markup import attributes, only, select, words
from testing.opening import (
    ANNA,
    CHAIRS,
    CHAIRS_INVOICE,
    EMPTY,
    ILYA,
    MARIA,
    MOCKUP,
    PETRA,
    SPRING_STOCK,
    TOM,
    Page,
    ask,
    install,
    launch,
    open_tab,
    submit,
)

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("today")]


@pytest.fixture
def tab(client: Client, portal: DemoPortal) -> Page:
    install(client, portal)
    page = open_tab(client, portal, user_id=ILYA)
    portal.reset_counts()
    return page


def suggested(client: Client, page: Page) -> Page:
    return ask(client, page, "/tab/suggestions/")


def ids(page: Page) -> list[int]:
    return [int(pk) for pk in attributes(page.text, "[data-suggested]", "data-suggested")]


def tags(page: Page, order_id: int) -> list[str]:
    only(page.text, f'li[data-suggested="{order_id}"]')
    return [words(node) for node in select(page.text, f'[data-suggested="{order_id}"] span.tag')]


def says_none(page: Page) -> bool:
    """Whether the bar says that there is nothing to suggest."""
    return not ids(page) and "No unlinked orders of this client" in page.text


def orders(portal: DemoPortal, *numbers: str) -> list[int]:
    return [portal.order_id(number) for number in numbers]


def test_orders_of_the_deal_s_client_are_suggested_with_their_reasons(
    client: Client, portal: DemoPortal, tab: Page
) -> None:
    page = suggested(client, tab)
    own, firm = orders(portal, "1193", "1170")
    assert ids(page) == [own, firm]
    assert tags(page, own) == ["same contact", "same phone", "same e-mail"]
    assert tags(page, firm) == ["same company", "3 days from the deal’s date"]
    assert "2 more orders of this client are not linked" in page.text
    assert "Link both" in page.text
    assert portal.http_requests == 4  # Clara has more than 50 orders


def test_page_loads_suggestions_after_its_first_paint(
    client: Client, portal: DemoPortal, tab: Page
) -> None:
    assert 'hx-get="/tab/suggestions/" hx-trigger="load"' in tab.text
    assert not ids(tab)


def test_suggestion_is_linked_like_a_found_order(
    client: Client, portal: DemoPortal, tab: Page
) -> None:
    page, both = suggested(client, tab), orders(portal, "1193", "1170")
    sent = attributes(page.text, "[name=order]", "value")
    assert sent == [f"{pk}|" for pk in both]
    after = submit(client, tab, "/tab/link/", {"order": sent})
    assert all(portal.link_of(pk) == (2, MOCKUP) for pk in both)
    assert set(both) <= set(after.order_ids)
    suggestions.forget(Portal.objects.get(), Owner(2, MOCKUP))
    assert not ids(suggested(client, tab))


def test_an_empty_card_shows_them_inside_its_empty_state(
    client: Client, portal: DemoPortal, tab: Page
) -> None:
    empty = open_tab(client, portal, user_id=ILYA, deal_id=EMPTY)
    assert select(empty.text, "[data-state=empty] #suggestions")
    page = suggested(client, empty)
    assert ids(page) == orders(portal, "1193")
    assert tags(page, ids(page)[0]) == ["same contact", "same phone", "same e-mail"]
    assert "1 order of this client is not linked" in page.text


def test_a_client_of_few_orders_costs_three_requests(
    client: Client, portal: DemoPortal, tab: Page
) -> None:
    oldest = sorted(portal.state.orders)[:500]
    for row in portal.state.properties.values():
        if row["orderId"] in oldest:
            row["value"] = "-"
    assert ids(suggested(client, tab)) == orders(portal, "1193", "1170")
    assert portal.http_requests == 3


def unlinked_ones(portal: DemoPortal, count: int, client_number: int) -> list[int]:
    """So many of the unlinked orders become those of a client, by telephone and contact; newest first."""
    free = sorted((pk for pk in portal.state.orders if portal.link_of(pk) is None), reverse=True)
    known = {portal.order_id("1193"), portal.order_id("1170")}
    made = [pk for pk in free if pk not in known][:count]
    (phone,) = (item["VALUE"] for item in portal.state.contacts[client_number]["PHONE"][:1])
    for number, pk in enumerate(made):
        portal.state.orders[pk] |= {
            "canceled": "N", "dateInsert": f"2026-11-{19 - number // 24:02}T{number % 24:02}:00:00Z",
        }  # fmt: skip
        for row in portal.state.properties.of_order(pk):
            row["value"] = phone if row["code"] == "PHONE" else ""
        for row in portal.state.clients.of_order(pk):
            row |= {"entityTypeId": 3, "entityId": client_number}
    return made


@pytest.mark.parametrize(("count", "requests"), [(20, 4), (45, 5)])
def test_the_number_is_the_true_one_and_the_newest_five_are_shown(
    client: Client, portal: DemoPortal, tab: Page, count: int, requests: int
) -> None:
    unlinked_ones(portal, count, 1)
    page = suggested(client, tab)
    assert f"{count + 2} more orders of this client are not linked" in page.text
    assert f"{count + 2} more orders of this client, the newest 5:" in page.text
    assert len(ids(page)) == 5
    made = [portal.state.orders[pk]["dateInsert"] for pk in ids(page)]
    assert made == sorted(made, reverse=True)
    everything = attributes(page.text, "#suggestions-all", "hx-get")
    assert everything == ["/tab/picker/?client=on&since=2026-08-22"]
    assert portal.http_requests == requests


def test_a_number_that_is_not_known_to_its_end_says_so(
    client: Client, portal: DemoPortal, tab: Page
) -> None:
    unlinked_ones(portal, 100, 1)
    page = suggested(client, tab)
    known = int(attributes(page.text, "#suggestions", "data-count")[0])
    assert f"{known}+ more orders of this client" in page.text
    assert 80 <= known < 102


def test_orders_of_every_contact_of_the_deal_are_suggested(
    client: Client, portal: DemoPortal, tab: Page
) -> None:
    portal.state.deal_contacts[MOCKUP] = [3, 7]
    of_priya = unlinked_ones(portal, 1, 3)
    page = suggested(client, tab)
    assert set(ids(page)) > set(of_priya)
    assert tags(page, of_priya[0])[:2] == ["same contact", "same phone"]
    assert portal.http_requests <= 6


def test_contacts_that_cannot_be_listed_leave_the_main_one(
    client: Client, portal: DemoPortal, tab: Page
) -> None:
    portal.state.deal_contacts[MOCKUP] = [3]
    portal.misbehave("gone", method="crm.deal.contact.items.get", times=50)
    assert ids(suggested(client, tab)) == orders(portal, "1193", "1170")
    portal.calm()
    portal.misbehave("no_read", method="crm.contact.list", times=50)
    assert ids(suggested(client, tab)) == orders(portal, "1193", "1170")


def test_orders_of_the_invoice_client_are_suggested(
    client: Client, portal: DemoPortal, tab: Page
) -> None:
    tab = launch(client, portal, "CRM_SMART_INVOICE_DETAIL_TAB", ILYA, CHAIRS_INVOICE, "en", {})
    page = suggested(client, tab)
    assert orders(portal, "1170")[0] in ids(page)
    assert "deal" not in " ".join(words(node) for node in select(page.text, "body"))


def test_other_spellings_of_phone_and_mail_are_found(
    client: Client, portal: DemoPortal, tab: Page
) -> None:
    own = orders(portal, "1193")[0]
    portal.state.clients.clear()
    spelt = {"PHONE": "1(202)555.01.42", "EMAIL": "Client1+shop@example.com"}
    for code, value in spelt.items():
        for row in portal.state.properties.of_order(own):
            if row["code"] in spelt:
                row["value"] = value if row["code"] == code else ""
        assert own in ids(suggested(client, tab))


def test_client_of_placeholders_only_costs_one_request(
    client: Client, portal: DemoPortal, tab: Page
) -> None:
    nothing = {"PHONE": [{"VALUE": "000-00-00"}], "EMAIL": [{"VALUE": "info@example.com"}]}
    portal.state.contacts[1] |= nothing
    portal.state.deals[MOCKUP]["COMPANY_ID"] = None
    assert says_none(suggested(client, tab))
    assert portal.http_requests == 1


def test_no_suggestions_after_subscription_ended(
    client: Client, portal: DemoPortal, tab: Page
) -> None:
    Portal.objects.update(payment_expired=True)
    assert suggested(client, tab).text == ""
    assert portal.http_requests == 0


def test_linked_cancelled_and_old_orders_are_never_suggested(
    client: Client, portal: DemoPortal, tab: Page
) -> None:
    own, firm = orders(portal, "1193", "1170")
    portal.state.links[own] = (2, CHAIRS)
    assert ids(suggested(client, tab)) == [firm]
    portal.state.orders[firm]["canceled"] = "Y"
    assert says_none(suggested(client, tab))
    del portal.state.links[own]
    Portal.objects.update(suggestion_days=7)
    suggestions.forget(Portal.objects.get(), Owner(2, MOCKUP))
    assert says_none(suggested(client, tab))
    Portal.objects.update(suggestion_days=9)
    suggestions.forget(Portal.objects.get(), Owner(2, MOCKUP))
    assert ids(suggested(client, tab)) == [own]


def test_disabled_suggestions_send_no_request(
    client: Client, portal: DemoPortal, tab: Page
) -> None:
    Portal.objects.update(suggestion_days=0)
    assert suggested(client, tab).text == ""
    assert portal.http_requests == 0


def test_empty_suggestions_are_cached_five_minutes_or_until_a_link(
    client: Client, portal: DemoPortal, tab: Page
) -> None:
    for order_id in orders(portal, "1193", "1170"):
        portal.state.links[order_id] = (2, CHAIRS)
    assert says_none(suggested(client, tab))
    portal.reset_counts()
    assert says_none(suggested(client, tab))
    assert portal.http_requests == 0
    other = open_tab(client, portal, user_id=ANNA)
    portal.reset_counts()
    suggested(client, other)
    assert portal.http_requests > 0  # another person may have other rights
    portal.state.links.clear()
    suggestions.forget(Portal.objects.get(), Owner(2, MOCKUP))
    assert ids(suggested(client, tab))
    with time_machine.travel(datetime(2026, 11, 20, 12, 6, tzinfo=UTC), tick=True):
        assert ids(suggested(client, tab))


def say_no(client: Client, page: Page, order_id: int) -> Page:
    return submit(client, page, "/tab/suggestions/dismiss/", {"order": str(order_id)})


def test_dismissal_by_linker_applies_to_everybody_until_undone(
    client: Client, portal: DemoPortal, tab: Page
) -> None:
    own, firm = orders(portal, "1193", "1170")
    PortalUser.objects.filter(user_id=ILYA).update(may_link=True)
    portal.reset_counts()
    no = say_no(client, tab, own)
    assert (no.response.status_code, no.text) == (200, "")
    assert say_no(client, tab, own).toast
    assert Dismissal.objects.count() == 1
    assert portal.http_requests == 0
    anna = open_tab(client, portal, user_id=ANNA)
    assert ids(suggested(client, anna)) == [firm]
    assert ids(suggested(client, open_tab(client, portal, user_id=ILYA, deal_id=EMPTY))) == [own]
    undo = no.toast["undo"]
    assert isinstance(undo, dict)
    back = submit(client, tab, undo["url"], undo["values"])
    assert ids(back) == [own, firm]
    assert back.response["HX-Retarget"] == "#suggestions"
    assert not Dismissal.objects.exists()


def test_dismissal_by_reader_applies_to_reader_only(
    client: Client, portal: DemoPortal, tab: Page
) -> None:
    own, firm = orders(portal, "1193", "1170")
    maria = open_tab(client, portal, user_id=MARIA)
    no = say_no(client, maria, own)
    assert no.toast["text"] == "This order is no longer suggested to you here"
    assert say_no(client, maria, own).toast
    assert ids(suggested(client, maria)) == [firm]
    assert ids(suggested(client, tab)) == [own, firm]
    undo = no.toast["undo"]
    assert isinstance(undo, dict)
    assert ids(submit(client, maria, undo["url"], undo["values"])) == [own, firm]


def test_reader_cannot_undo_a_colleagues_dismissal(
    client: Client, portal: DemoPortal, tab: Page
) -> None:
    own, firm = orders(portal, "1193", "1170")
    PortalUser.objects.filter(user_id=ILYA).update(may_link=True)
    say_no(client, tab, own)
    maria = open_tab(client, portal, user_id=MARIA)
    submit(client, maria, "/tab/suggestions/restore/", {"order": str(own)})
    assert ids(suggested(client, tab)) == ids(suggested(client, maria)) == [firm]


def test_listed_people_dismiss_for_everybody(client: Client, portal: DemoPortal, tab: Page) -> None:
    own, firm = orders(portal, "1193", "1170")
    Portal.objects.update(named=[{"id": f"U{MARIA}", "name": "Maria Lopez"}])
    say_no(client, open_tab(client, portal, user_id=MARIA), own)
    assert ids(suggested(client, tab)) == [firm]


@pytest.mark.parametrize("may_link", [True, None])
def test_dismissals_are_limited_and_oldest_are_deleted(
    client: Client, portal: DemoPortal, tab: Page, may_link: bool | None
) -> None:
    PortalUser.objects.filter(user_id=ILYA).update(may_link=may_link)
    known = Portal.objects.get()
    model: Any = Dismissal if may_link else PersonalDismissal
    start = datetime(2026, 11, 1, tzinfo=UTC)

    def fill(count: int, user_id: int, owner_id: int) -> None:
        """Dismissals of other orders: all at one card, or one at each card from 10,000 on."""
        model.objects.bulk_create(
            model(
                portal=known, user_id=user_id, owner_type=2, order_id=100_000 + n,
                owner_id=owner_id or 10_000 + n, at=start + timedelta(seconds=n),
            )
            for n in range(count)
        )  # fmt: skip

    fill(dismissals.MAX_PER_CARD, ILYA, MOCKUP)
    say_no(client, tab, 900_001)
    here = model.objects.filter(owner_id=MOCKUP)
    assert here.count() == dismissals.MAX_PER_CARD
    assert not here.filter(order_id=100_000).exists()
    assert here.filter(order_id=900_001).exists()
    fill(dismissals.MAX_PER_PERSON, ILYA, 0)
    say_no(client, tab, 900_002)
    assert model.objects.filter(user_id=ILYA).count() == dismissals.MAX_PER_PERSON
    # Other orders at other cards, by a colleague.
    model.objects.bulk_create(
        model(
            portal=known, user_id=PETRA, owner_type=2, order_id=n, owner_id=50_000 + n, at=start
        )
        for n in range(dismissals.MAX_PER_PORTAL)
    )  # fmt: skip
    say_no(client, tab, 900_003)
    assert model.objects.count() == dismissals.MAX_PER_PORTAL
    assert model.objects.filter(order_id=900_003).exists()


def test_dismissals_of_another_portal_are_ignored_and_kept(
    client: Client, portal: DemoPortal, tab: Page
) -> None:
    own, firm = orders(portal, "1193", "1170")
    other = Portal.objects.create(member_id="b" * 32, endpoint="https://other.example/rest/")
    theirs = {"owner_type": 2, "owner_id": MOCKUP, "order_id": own, "user_id": ILYA}
    Dismissal.objects.create(portal=other, **theirs)
    assert ids(suggested(client, tab)) == [own, firm]
    submit(client, tab, "/tab/suggestions/restore/", {"order": str(own)})
    assert Dismissal.objects.of(other).count() == 1


def test_dismissing_unknown_order_changes_nothing(
    client: Client, portal: DemoPortal, tab: Page
) -> None:
    submit(client, tab, "/tab/suggestions/dismiss/", {"order": "999999999"})
    assert ids(suggested(client, tab)) == orders(portal, "1193", "1170")


def test_reader_sees_suggestions_only_if_listed(
    client: Client, portal: DemoPortal, tab: Page
) -> None:
    maria = open_tab(client, portal, user_id=MARIA)
    assert ids(suggested(client, maria))
    PortalUser.objects.filter(user_id=MARIA).update(may_link=False)
    portal.reset_counts()
    assert suggested(client, maria).text == ""
    assert portal.http_requests == 0
    Portal.objects.update(named=[{"id": "U7", "name": "Ilya Sokolov"}])
    assert suggested(client, maria).text == ""
    Portal.objects.update(named=[{"id": f"U{MARIA}", "name": "Maria Lopez"}])
    assert ids(suggested(client, maria))


def test_outsider_sees_no_suggestions_and_caches_none(
    client: Client, portal: DemoPortal, tab: Page
) -> None:
    petra = open_tab(client, portal, user_id=PETRA)
    assert not ids(suggested(client, petra))
    assert ids(suggested(client, tab))
    tom = open_tab(client, portal, user_id=TOM, deal_id=SPRING_STOCK)
    portal.state.deals[SPRING_STOCK]["ASSIGNED_BY_ID"] = "5"
    assert not ids(suggested(client, tom))


@pytest.mark.parametrize("fault", ["html", "cut", "reset", "operating", "no_read", "no_store"])
def test_a_failure_is_told_in_the_bar_and_logged(
    client: Client,
    portal: DemoPortal,
    tab: Page,
    fault: str,
    caplog: pytest.LogCaptureFixture,
) -> None:
    method = None if fault in ("html", "cut", "reset") else "sale.order.list"
    portal.misbehave(fault, method=method, times=50)
    page = suggested(client, tab)
    assert page.response.status_code == 200
    assert "couldn’t be checked" in page.text
    assert not ids(page)
    assert "no suggestions after" in caplog.text
    portal.calm()
    assert ids(suggested(client, tab))


def test_unreadable_clients_leave_matching_by_order_fields(
    client: Client, portal: DemoPortal, tab: Page
) -> None:
    portal.misbehave("no_read", method="sale.order.get", times=50)
    page = suggested(client, tab)
    assert tags(page, orders(portal, "1193")[0]) == ["same phone", "same e-mail"]


def test_suggestions_without_references_cost_one_more_request(
    client: Client, portal: DemoPortal, tab: Page
) -> None:
    portal.misbehave("no_references", times=50)
    assert ids(suggested(client, tab)) == orders(portal, "1193", "1170")
    assert portal.http_requests == 5


@pytest.mark.parametrize("order", ["", "0", "x", "-1", "٣", "9" * 16, f"5|2:{MOCKUP}"])
def test_forged_ids_are_refused(client: Client, portal: DemoPortal, tab: Page, order: str) -> None:
    for path in ("/tab/suggestions/dismiss/", "/tab/suggestions/restore/"):
        assert submit(client, tab, path, {"order": order}).response.status_code == 400
    assert portal.http_requests == 0
    assert not Dismissal.objects.exists()
    assert not PersonalDismissal.objects.exists()


@pytest.mark.parametrize(
    ("path", "method"),
    [
        ("/tab/suggestions/", "get"),
        ("/tab/suggestions/dismiss/", "post"),
        ("/tab/suggestions/restore/", "post"),
    ],
)
def test_suggestions_need_a_session_that_has_not_ended(
    client: Client, portal: DemoPortal, tab: Page, path: str, method: str
) -> None:
    order = str(orders(portal, "1193")[0])
    send = client.get if method == "get" else client.post
    assert send(path, {"order": order}).status_code == 401
    wrong = client.post if method == "get" else client.get
    assert wrong(path).status_code == 405
    with time_machine.travel(datetime(2026, 11, 20, 13, tzinfo=UTC), tick=True):
        ended = ask(client, tab, path, {"order": order}, method=method)
    assert ended.response.status_code == 401
    assert ended.response["X-Session-Expired"] == "1"
    assert not Dismissal.objects.exists()
    assert not PersonalDismissal.objects.exists()
    assert portal.http_requests == 0


def test_markup_in_portal_data_is_text(client: Client, portal: DemoPortal, tab: Page) -> None:
    own = orders(portal, "1193")[0]
    portal.state.orders[own]["accountNumber"] = "<b>1193</b>"
    assert "<b>1193" not in suggested(client, tab).text
