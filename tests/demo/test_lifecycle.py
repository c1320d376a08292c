"""Opening, installing, updating and removing the app; events are really posted."""

import json
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import pytest

from demo.server import DemoPortal
from testing.waiting import until
from tests.demo.calls import ANNA, MARIA, OFFICE, caller
from tests.demo.handler import Handler, bound

TAB = "CRM_DEAL_DETAIL_TAB"


def only(portal: DemoPortal, handler: Handler) -> dict[str, str]:
    """The one event that came, once the portal knows its answer."""
    until(
        lambda: (
            bool(handler.forms)
            and [message.status for message in portal.lifecycle.sent_events] == [204]
        ),
        "the event is answered",
    )
    (form,) = handler.forms
    return form


def bind(portal: DemoPortal, placement: str, address: str = "https://app.example.com/x/") -> None:
    asked = caller(portal)("placement.bind", {"PLACEMENT": placement, "HANDLER": address})
    assert asked.result is True


@pytest.mark.parametrize(
    ("placement", "options"),
    [
        (TAB, {"ID": "7021", "URI": "/crm/deal/details/7021/"}),
        ("CRM_SMART_INVOICE_DETAIL_TAB", {"ID": "7021", "URI": "/crm/type/31/details/7021/"}),
        ("CRM_ORDER_DETAIL_TAB", {"ID": "7021", "URI": "/shop/orders/details/7021/"}),
        ("CRM_DEAL_LIST_MENU", {"ID": "7021", "URI": "/crm/deal/list/"}),
        ("CRM_DEAL_LIST_TOOLBAR", {"URI": "/crm/deal/list/"}),
    ],
)
def test_placement_info_names_placement(
    portal: DemoPortal, placement: str, options: dict[str, str]
) -> None:
    with pytest.raises(LookupError, match=placement):
        portal.open(placement, entity_id=OFFICE)
    bind(portal, placement)
    form = portal.open(placement, entity_id=OFFICE).form
    assert (form["PLACEMENT"], json.loads(form["PLACEMENT_OPTIONS"])) == (placement, options)


def test_card_is_opened_with_a_form_of_text(portal: DemoPortal) -> None:
    bind(portal, TAB)
    opening = portal.open(TAB, user_id=MARIA, lang="ru", entity_id=OFFICE)
    query = parse_qs(urlsplit(opening.url).query)
    assert (query["LANG"], query["PROTOCOL"], query["DOMAIN"]) == (["ru"], ["0"], [portal.domain])
    assert json.loads(opening.form["PLACEMENT_OPTIONS"])["ID"] == str(OFFICE)
    assert opening.form["PLACEMENT"] == TAB
    assert opening.form["member_id"] == portal.member_id
    assert {"AUTH_ID", "REFRESH_ID", "AUTH_EXPIRES", "SERVER_ENDPOINT"} <= set(opening.form)


def test_older_kernel_omits_some_fields(portal: DemoPortal) -> None:
    bind(portal, TAB)
    portal.grow_old()
    form = portal.open(TAB).form
    assert not {"SERVER_ENDPOINT", "APPLICATION_TOKEN", "APPLICATION_SCOPE"} & set(form)


def test_placement_opens_its_bound_handler(portal: DemoPortal) -> None:
    bind(portal, TAB, "https://app.example.com/elsewhere/")
    assert portal.open(TAB).url.startswith("https://app.example.com/elsewhere/?")
    assert urlsplit(portal.open("INSTALL").url).path == "/install/"
    assert urlsplit(portal.open("DEFAULT").url).path == "/"


def test_only_administrators_bind_placements(portal: DemoPortal) -> None:
    given = {"PLACEMENT": TAB, "HANDLER": "https://app.example.com/x/"}
    refused = caller(portal, MARIA)("placement.bind", given)
    assert (refused.status, refused.error) == (403, "ACCESS_DENIED")
    ask = caller(portal)
    assert ask("placement.bind", {**given, "HANDLER": "/x/"}).error == "ERROR_ARGUMENT"
    ask("placement.bind", given)
    ask("placement.bind", given)
    assert len(ask("placement.get").rows()) == 2
    assert ask("placement.unbind", given).result == {"count": 2}


def test_install_event_has_tokens(portal: DemoPortal, handler: Handler) -> None:
    bound(portal, handler, "ONAPPINSTALL")
    portal.lifecycle.finish(ANNA)
    form = only(portal, handler)
    assert (form["event"], form["data[INSTALLED]"]) == ("ONAPPINSTALL", "Y")
    assert form["auth[application_token]"] == portal.state.app.application_token
    assert form["auth[access_token]"] in portal.state.access


@pytest.mark.parametrize(("clean", "said"), [(True, "1"), (False, "0")])
def test_uninstall_event_has_no_tokens(
    portal: DemoPortal, handler: Handler, clean: bool, said: str
) -> None:
    bound(portal, handler, "ONAPPUNINSTALL")
    ask, application = caller(portal), portal.state.app.application_token
    portal.lifecycle.uninstall(clean=clean)
    form = only(portal, handler)
    assert (form["event"], form["data[CLEAN]"]) == ("ONAPPUNINSTALL", said)
    assert form["auth[application_token]"] == application
    assert "auth[access_token]" not in form
    assert ask("profile").status == 401
    assert portal.state.events == []


def test_update_clears_bindings(portal: DemoPortal, handler: Handler) -> None:
    bound(portal, handler, "ONAPPUPDATE")
    portal.lifecycle.update()
    assert only(portal, handler)["data[VERSION]"] == "2"
    assert (portal.state.events, portal.state.placements) == ([], [])


def test_link_change_sends_order_saved_event(portal: DemoPortal, handler: Handler) -> None:
    bound(portal, handler, "OnSaleOrderSaved")
    portal.state.app.finished = True
    order = portal.order_id("1193")
    fields = {"orderId": order, "ownerId": OFFICE, "ownerTypeId": 2}
    caller(portal)("crm.orderentity.add", {"fields": fields})
    form = only(portal, handler)
    assert (form["event"], form["data[FIELDS][ID]"]) == ("ONSALEORDERSAVED", str(order))
    assert form["event_handler_id"] == "1"


def test_unanswered_event_is_recorded(portal: DemoPortal) -> None:
    nobody = {"EVENT": "ONAPPINSTALL", "HANDLER": "http://127.0.0.1:1/"}
    caller(portal)("event.bind", nobody)
    portal.lifecycle.finish(ANNA)
    assert [(message.name, message.status) for message in portal.lifecycle.sent_events] == [
        ("ONAPPINSTALL", 0)
    ]


def test_data_persists_and_can_be_reset(tmp_path: Path) -> None:
    with DemoPortal(data=tmp_path) as first:
        order = first.order_id("1193")
        fields = {"orderId": order, "ownerId": OFFICE, "ownerTypeId": 2}
        caller(first)("crm.orderentity.add", {"fields": fields})
        application = first.state.app.application_token
    with DemoPortal(data=tmp_path) as second:
        assert second.link_of(order) == (2, OFFICE)
        assert second.state.app.application_token == application
        second.reset()
        assert second.link_of(order) is None
