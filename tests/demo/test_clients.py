"""Deals, invoices and clients: who sees them, who changes them, how they are found."""

from typing import cast

import pytest

from demo.server import DemoPortal
from tests.demo.calls import ANNA, ERIK, ILYA, MARIA, OFFICE, TOM, Json, caller

WINTER = 6933  # Tom's


def test_person_with_own_records_sees_no_others(portal: DemoPortal) -> None:
    ask = caller(portal, TOM)
    assert [row["ID"] for row in ask("crm.deal.list").rows()] == ["6933", "6951"]
    assert [row["id"] for row in ask("crm.item.list", {"entityTypeId": 31}).rows("items")] == [119]
    assert ask("crm.contact.list").rows() == []
    refused = ask("crm.item.get", {"entityTypeId": 31, "id": 118})
    assert (refused.status, refused.error) == (400, "ACCESS_DENIED")
    for method in ("crm.contact.get", "crm.company.get", "crm.deal.get"):
        answer = ask(method, {"id": OFFICE if "deal" in method else 2})
        assert (answer.status, answer.error) == (400, "")
        assert str(answer.body["error_description"]).startswith("Access denied")


def test_missing_records_are_not_found(portal: DemoPortal) -> None:
    ask = caller(portal)
    assert ask("crm.item.get", {"entityTypeId": 31, "id": 999}).error == "NOT_FOUND"
    assert ask("crm.item.get", {"entityTypeId": 5, "id": 118}).error == "ENTITY_TYPE_NOT_SUPPORTED"
    for method in ("crm.contact.get", "crm.company.get", "crm.deal.get"):
        assert ask(method, {"id": 99999}).body["error_description"] == "Not found"
        assert ask(method).body["error_description"] == "ID is not defined or invalid"


def amount(portal: DemoPortal) -> object:
    row = cast(Json, caller(portal)("crm.deal.get", {"id": OFFICE}).result)
    return (row["OPPORTUNITY"], row["IS_MANUAL_OPPORTUNITY"])


def test_deal_amount_requires_update_right(portal: DemoPortal) -> None:
    change = {
        "id": OFFICE,
        "fields": {"OPPORTUNITY": 20430.5, "IS_MANUAL_OPPORTUNITY": "Y", "ID": 1},
    }
    for user_id, refusal in ((ERIK, "Access denied"), (TOM, "Access denied")):
        refused = caller(portal, user_id)("crm.deal.update", change)
        assert (refused.status, refused.body["error_description"]) == (400, refusal)
        assert amount(portal) == ("21000.00", "Y")
    assert caller(portal, ERIK)("crm.deal.get", {"id": OFFICE}).status == 200
    assert caller(portal, MARIA)("crm.deal.update", change).result is True
    assert amount(portal) == ("20430.50", "Y")
    wrong = caller(portal)("crm.deal.update", {"id": OFFICE, "fields": "x"})
    assert wrong.body["error_description"] == "Parameter 'fields' must be array."


def test_invoice_change_requires_update_right(portal: DemoPortal) -> None:
    change = {"entityTypeId": 31, "id": 118, "fields": {"opportunity": "12.5", "nonsense": 1}}
    for user_id in (ERIK, TOM):
        assert caller(portal, user_id)("crm.item.update", change).error == "ACCESS_DENIED"
    item = cast(Json, cast(Json, caller(portal, MARIA)("crm.item.update", change).result)["item"])
    assert (item["opportunity"], "nonsense" in item) == (12.5, False)
    assert portal.state.invoices[118]["opportunity"] == 12.5


@pytest.mark.parametrize(
    ("condition", "found"),
    [
        ({"@ID": ["7021", "7000", "1"]}, ["7000", "7021"]),
        ({"%TITLE": "refit"}, ["7021"]),
        ({"=CONTACT_ID": 1}, ["7000", "7021"]),
        ({"COMPANY_ID": "2"}, ["6940", "7021"]),
        ({"@ID": [7021], "ASSIGNED_BY_ID": 7}, []),
        ({">=DATE_CREATE": "2026-10-20T00:00:00+03:00"}, ["7021"]),
    ],
)
def test_deals_are_filtered(portal: DemoPortal, condition: Json, found: list[str]) -> None:
    rows = caller(portal)("crm.deal.list", {"filter": condition}).rows()
    assert [row["ID"] for row in rows] == found


def test_clients_are_read_in_lists(portal: DemoPortal) -> None:
    ask = caller(portal, ILYA)
    plain = ask("crm.contact.list", {"filter": {"@ID": [1, 2]}}).rows()
    assert [(row["ID"], "PHONE" in row) for row in plain] == [("1", False), ("2", False)]
    named = {"filter": {"@ID": [2]}, "select": ["ID", "TITLE", "PHONE", "EMAIL"]}
    (company,) = ask("crm.company.list", named).rows()
    assert (company["TITLE"], set(company)) == ("Harbour & Pine Ltd", set(named["select"]))
    phones = [record["VALUE"] for record in cast(list[Json], company["PHONE"])]
    assert len(phones) == 2
    by_phone = {"filter": {"PHONE": phones[1]}}
    assert [row["ID"] for row in ask("crm.company.list", by_phone).rows()] == ["2"]
    assert ask("crm.company.list", {"filter": {"PHONE": "0160"}}).rows() == []


def test_a_deal_names_its_contacts_the_main_one_first(portal: DemoPortal) -> None:
    portal.state.deal_contacts[OFFICE] = [3]
    rows = caller(portal, ILYA)("crm.deal.contact.items.get", {"id": OFFICE}).rows()
    assert [(row["CONTACT_ID"], row["IS_PRIMARY"]) for row in rows] == [(1, "Y"), (3, "N")]
    refused = caller(portal, TOM)("crm.deal.contact.items.get", {"id": OFFICE})
    assert (refused.status, refused.error) == (400, "ACCESS_DENIED")
    for wrong, text in ((0, "The parameter ownerEntityID is invalid"), (99999, "Not found.")):
        answer = caller(portal)("crm.deal.contact.items.get", {"id": wrong})
        assert str(answer.body["error_description"]).startswith(text)


def test_a_field_an_invoice_has_not_is_refused(portal: DemoPortal) -> None:
    ask = caller(portal)
    for place in ("filter", "order"):
        answer = ask("crm.item.list", {"entityTypeId": 31, place: {"OWNER_ID": "asc"}})
        assert (answer.status, answer.error) == (400, "INVALID_ARG_VALUE")
    both = ask("crm.item.list", {"entityTypeId": 31, "filter": {"@id": [119, 118]}}).rows("items")
    assert [row["id"] for row in both] == [118, 119]


def test_comment_appears_in_timeline(portal: DemoPortal) -> None:
    ask = caller(portal, MARIA)
    fields = {"ENTITY_ID": OFFICE, "ENTITY_TYPE": "deal", "COMMENT": "Order 1193 linked"}
    assert ask("crm.timeline.comment.add", {"fields": fields}).result == 1
    invoice = {**fields, "ENTITY_ID": 118, "ENTITY_TYPE": "dynamic_31"}
    assert ask("crm.timeline.comment.add", {"fields": invoice}).result == 2
    said = [
        (comment["ENTITY_TYPE"], comment["ENTITY_ID"], comment["AUTHOR_ID"])
        for comment in portal.state.comments
    ]
    assert said == [("deal", OFFICE, MARIA), ("dynamic_31", 118, MARIA)]
    for user_id in (TOM, ERIK):
        refused = caller(portal, user_id)("crm.timeline.comment.add", {"fields": fields})
        assert refused.error == "ACCESS_DENIED"
    store = {**fields, "ENTITY_ID": 5001, "ENTITY_TYPE": "order"}
    assert ask("crm.timeline.comment.add", {"fields": store}).error == "ACCESS_DENIED"
    assert caller(portal, ERIK)("crm.timeline.comment.add", {"fields": store}).result == 3
    wrong = [{**fields, "ENTITY_ID": 9}, {**fields, "COMMENT": " "}, {"COMMENT": "x"}]
    errors = [ask("crm.timeline.comment.add", {"fields": value}).error for value in wrong]
    assert errors == ["OWNER_NOT_FOUND", "INVALID_ARG_VALUE", "100"]
    assert len(portal.state.comments) == 3


def test_seed_has_the_suggestions_of_the_mock_up(portal: DemoPortal) -> None:
    """Unlinked orders of the office deal's contact or company are 1193 and 1170, and no others."""
    portal.rest.limits.enforced = False
    ask, state = caller(portal, ANNA), portal.state
    deal = cast(Json, ask("crm.deal.get", {"id": OFFICE}).result)
    assert (deal["CONTACT_ID"], deal["COMPANY_ID"]) == ("1", "2")
    found = {}
    for pk in set(state.orders) - set(state.links):
        order = cast(Json, cast(Json, ask("sale.order.get", {"id": pk}).result)["order"])
        for record in cast(list[Json], order["clients"]):
            if (record["entityTypeId"], record["entityId"]) in ((3, 1), (4, 2)):
                found[order["accountNumber"]] = record["entityTypeId"]
    assert found == {"1193": 3, "1170": 4}
