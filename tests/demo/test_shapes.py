"""The documentation's own bodies: every key they show is served, with the same JSON type."""

import json
from collections.abc import Iterator, Mapping
from itertools import chain
from pathlib import Path

import pytest
import requests

from demo.methods import METHODS
from demo.server import DemoPortal
from demo.trade import NewDeal
from testing.waiting import HANG_SECONDS
from tests.demo.calls import ANNA, OFFICE, Caller, asked, caller

EXAMPLES = Path(__file__).parent.parent / "docs_examples"
MORE = Path(__file__).parent / "pages"

COMMENT = {"ENTITY_ID": OFFICE, "ENTITY_TYPE": "deal", "COMMENT": "Linked"}
INVOICES = {"entityTypeId": 31}
NOTE = {"USER_ID": 5, "MESSAGE": "The job is done"}
OPTIONS = {"options": {"data": "value", "data2": "value2"}}
SHIPMENT = {"id": 1, "fields": {"allowDelivery": "N", "deducted": "Y", "deliveryId": 1}}
LINK = {"orderId": "0", "ownerId": 7001, "ownerTypeId": 2}
HANDLER = "https://app.example.com/handler/"
BOUND = {"PLACEMENT": "CRM_DEAL_DETAIL_TAB", "HANDLER": HANDLER}
EVENT = {"EVENT": "ONAPPUPDATE", "HANDLER": HANDLER}

# Method: the documentation's page, and parameters that give an answer as full as the page's.
DOCUMENTED: Mapping[str, tuple[str, Mapping[str, object]]] = {
    "access.name": ("access-name", {"ACCESS": ["G2", "AU"]}),
    "app.info": ("app-info", {}),
    "app.option.get": ("app-option-get", {}),
    "app.option.set": ("app-option-set", OPTIONS),
    "crm.category.list": ("crm-category-list", {"entityTypeId": 2}),
    "crm.company.get": ("crm-company-get", {"id": 2}),
    "crm.company.list": ("crm-company-list", {"select": ["*", "PHONE", "EMAIL"]}),
    "crm.contact.get": ("crm-contact-get", {"id": 1}),
    "crm.contact.list": ("crm-contact-list", {"select": ["*", "PHONE", "EMAIL"]}),
    "crm.deal.contact.items.get": ("crm-deal-contact-items-get", {"id": OFFICE}),
    "crm.deal.get": ("crm-deal-get", {"id": OFFICE}),
    "crm.deal.list": ("crm-deal-list", {}),
    "crm.deal.update": ("crm-deal-update", {"id": OFFICE, "fields": {"OPPORTUNITY": 1}}),
    "crm.duplicate.findbycomm": (
        "crm-duplicate-find-by-comm",
        {"type": "PHONE", "values": ["2025550142"]},
    ),
    "crm.item.get": ("crm-item-get", {**INVOICES, "id": 118}),
    "crm.item.payment.pay": ("crm-item-payment-pay", {"id": 1}),
    "crm.item.list": ("crm-item-list", INVOICES),
    "crm.item.update": ("crm-item-update", {**INVOICES, "id": 118, "fields": {"title": "New"}}),
    "crm.orderentity.add": ("crm-order-entity-add", {"fields": LINK}),
    "crm.orderentity.deletebyfilter": ("crm-order-entity-delete-by-filter", {"fields": LINK}),
    "crm.orderentity.getfields": ("crm-order-entity-get-fields", {}),
    "crm.orderentity.list": ("crm-order-entity-list", {}),
    "crm.stagehistory.list": ("crm-stage-history-list", {"entityTypeId": 2}),
    "crm.status.list": ("crm-status-list", {}),
    "crm.timeline.comment.add": ("crm-timeline-comment-add", {"fields": COMMENT}),
    "department.get": ("department-get", {"PARENT": 1}),
    "event.bind": ("event-bind", EVENT),
    "event.get": ("event-get", {}),
    "event.unbind": ("event-unbind", EVENT),
    "im.notify.personal.add": ("im-notify-personal-add", NOTE),
    "im.notify.system.add": ("im-notify-system-add", NOTE),
    "method.get": ("method-get", {"name": "crm.deal.get"}),
    "methods": ("methods", {}),
    "placement.bind": ("placement-bind", BOUND),
    "placement.get": ("placement-get", {}),
    "placement.unbind": ("placement-unbind", BOUND),
    "profile": ("profile", {}),
    "sale.basketitem.list": ("sale-basket-item-list", {}),
    "sale.order.get": ("sale-order-get", {"id": "0"}),
    "sale.order.list": ("sale-order-list", {}),
    "sale.order.update": ("sale-order-update", {"id": "0", "fields": {"comments": "x"}}),
    "sale.payment.list": ("sale-payment-list", {}),
    "sale.propertyvalue.list": ("sale-property-value-list", {}),
    "sale.shipment.list": ("sale-shipment-list", {}),
    "sale.shipment.update": ("sale-shipment-update", SHIPMENT),
    "sale.status.list": ("sale-status-list", {}),
    "sale.statuslang.list": ("sale-status-lang-list", {}),
    "sale.tradebinding.list": ("sale-trade-binding-list", {}),
    "sale.tradeplatform.list": ("sale-trade-platform-list", {}),
    "scope": ("scope", {}),
    "server.time": ("server-time", {}),
    "user.access": ("user-access", {"ACCESS": ["G2", "AU"]}),
    "user.admin": ("user-admin", {}),
    "user.current": ("user-current", {}),
    "user.get": ("user-get", {}),
    "user.option.get": ("user-option-get", {"option": "data"}),
    "user.option.set": ("user-option-set", OPTIONS),
}

# What the pages show and another portal need not have: custom fields and types.
OWN_TO_A_PORTAL = ("UF_", "PARENT_ID_", "ufCrm", "parentId", "operating")


def differences(shown: object, served: object, where: str = "") -> Iterator[str]:
    """Where ``served`` lacks a key that is ``shown``, or holds another JSON type there."""
    if isinstance(shown, Mapping) and isinstance(served, Mapping):
        for key, value in shown.items():
            if key.startswith(OWN_TO_A_PORTAL):
                continue
            if key not in served:
                yield f"{where}.{key} is missing"
            else:
                yield from differences(value, served[key], f"{where}.{key}")
    elif isinstance(shown, list) and isinstance(served, list):
        if shown and served:
            for item in shown:
                yield from differences(item, served[0], f"{where}[]")
        elif shown:
            yield f"{where} is empty"
    elif shown is not None and served not in (None, []) and _type(shown) != _type(served):
        yield f"{where} is {_type(served)}, not {_type(shown)}"


def _type(value: object) -> str:
    if isinstance(value, bool):
        return "boolean"
    if isinstance(value, int | float):
        return "number"
    return {"str": "string", "list": "array", "dict": "object"}[type(value).__name__]


def bodies(page: str) -> list[Mapping[str, object]]:
    """The successful answers of a page."""
    path = next(example for example in (EXAMPLES, MORE) if (example / f"{page}.json").exists())
    examples = json.loads((path / f"{page}.json").read_text("utf-8"))["examples"]
    return [example["body"] for example in examples if "error" not in example["body"]]


def prepared(portal: DemoPortal, method: str, ask: Caller) -> None:
    """What must be there before ``method`` can answer as its page shows."""
    portal.state.app.scope += ["im", "department", "user"]
    if method.endswith("option.get"):
        ask(method.replace("get", "set"), OPTIONS)
    if method == "crm.stagehistory.list":
        portal.open_deal(NewDeal("A deal with a history", contacts=(1,)))
    if method == "crm.orderentity.deletebyfilter":
        ask("crm.orderentity.add", filled(portal, {"fields": LINK}))
    if method.startswith("placement."):
        titles = {"de": {"TITLE": "Tab", "DESCRIPTION": "", "GROUP_NAME": ""}}
        ask("placement.bind", {**BOUND, "TITLE": "Tab", "LANG_ALL": titles})
    if method in ("event.get", "event.unbind"):
        ask("event.bind", EVENT)


def filled(portal: DemoPortal, params: Mapping[str, object]) -> Mapping[str, object]:
    """``params`` with the id of an unlinked order in the place of "0"."""
    free = portal.order_id("1193")
    if params.get("id") == "0":
        return {**params, "id": free}
    fields = params.get("fields")
    if isinstance(fields, Mapping) and "orderId" in fields:
        return {"fields": {**fields, "orderId": free}}
    return params


def test_every_served_method_is_compared_with_its_page() -> None:
    assert set(DOCUMENTED) == set(METHODS)


@pytest.mark.parametrize("method", DOCUMENTED)
def test_answer_has_documented_fields(portal: DemoPortal, method: str) -> None:
    page, params = DOCUMENTED[method]
    ask = caller(portal)
    prepared(portal, method, ask)
    answer = ask(method, filled(portal, params))
    assert answer.status == 200
    shown = bodies(page)
    assert shown, f"{page} shows no answer"
    found = [list(differences(body, answer.body)) for body in shown]
    if method.endswith("option.get"):
        # The page shows an answer for one option and another for all.
        assert [] in found
    elif method.startswith("crm.item."):
        # The pages show leads and deals; an invoice has fields of its own.
        assert [text for text in chain(*found) if not text.endswith("is missing")] == []
    else:
        assert list(chain(*found)) == []


def test_batch_has_documented_fields(portal: DemoPortal) -> None:
    portal.state.app.scope.append("user")
    answer = caller(portal).batch({"get_user": "user.current", "get_department": "user.get"})
    shown = bodies("batch")[0]
    assert [
        difference
        for difference in differences(shown, answer.body)
        if not difference.startswith(".result.result.get_department")
    ] == []


@pytest.mark.parametrize("page", ["index", "auto-renewal"])
def test_tokens_have_documented_fields(portal: DemoPortal, page: str) -> None:
    refresh = portal.open("DEFAULT", user_id=ANNA).form["REFRESH_ID"]
    params = {
        "grant_type": "refresh_token",
        "client_id": portal.client_id,
        "client_secret": portal.client_secret,
        "refresh_token": refresh,
    }
    answer = asked(requests.get(f"{portal.oauth_url}/oauth/token/", params, timeout=HANG_SECONDS))
    assert [
        difference for body in bodies(page) for difference in differences(body, answer.body)
    ] == []
