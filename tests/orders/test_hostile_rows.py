"""Whatever rows a portal answers become values that can be shown, summed and sorted, or are dropped."""

from collections.abc import Iterator
from decimal import Decimal

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from b24app.orders import parsing
from b24app.orders.types import DEAL, INVOICE
from tests.hostile import JSON, NUMBERS, objects

ROW = objects(
    "id", "ID", "orderId", "ownerId", "ownerTypeId", "price", "sum", "quantity", "name", "value",
    "code", "TITLE", "OPPORTUNITY", "CURRENCY_ID", "title", "opportunity", "PHONE", "EMAIL",
    "entityTypeId", "entityId", "clients", "order", "dateInsert", "type", "color", "statusId", "lid",
)  # fmt: skip
RESULT = JSON | st.dictionaries(
    st.sampled_from(
        ["orderEntity", "orders", "payments", "shipments", "basketItems", "statuses", "statusLangs",
         "order", "tradeBindings", "tradePlatforms", "propertyValues"]
    ),
    st.lists(ROW, max_size=3) | JSON,
    max_size=3,
)  # fmt: skip

LISTS = [
    parsing.links,
    parsing.orders,
    parsing.payments,
    parsing.shipments,
    parsing.sources,
    parsing.items,
]


@pytest.mark.parametrize("parse", LISTS)
@given(result=RESULT)
def test_any_list_is_parsed(parse: "object", result: object) -> None:
    assert callable(parse)
    found = parse(result)
    assert isinstance(found, Iterator)
    for item in found:
        assert item is not None


@given(RESULT, RESULT)
def test_any_names_cards_and_clients_are_parsed(value: object, other: object) -> None:
    assert isinstance(parsing.statuses(value, other), dict)
    assert isinstance(parsing.platforms(value), dict)
    contacts, companies = parsing.crm_clients(value)
    assert 0 not in contacts | companies
    for type_id in (DEAL, INVOICE):
        card = parsing.card(type_id, value)
        assert card is None or card.owner.id > 0


@given(ROW)
def test_any_contact_is_parsed(row: object) -> None:
    name, phones, emails = parsing.contacts_of(row)
    assert isinstance(name, str)
    assert all(phones)
    assert all(emails)


@given(JSON | NUMBERS)
@example("1e999999999")
@example("9" * 40 + ".123456")
@example(1e308)
def test_any_amount_becomes_displayable_money(value: object) -> None:
    found = parsing.amount(value)
    assert found.is_finite()
    assert len(format(found, "f")) < 40
    assert sum([found] * 10_000, Decimal(0)).is_finite()


@given(JSON | NUMBERS)
def test_any_number_time_and_text_is_parsed_or_none(value: object) -> None:
    assert isinstance(parsing.integer(value), int)
    assert isinstance(parsing.text(value), str)
    moment = parsing.moment(value)
    assert moment is None or moment.tzinfo is not None
