"""Rows of the portal's answers become values here, and nowhere else.

The portal writes ids as numbers or strings, booleans as ``Y``/``N``, an empty object as ``[]``,
and leaves keys out when a right is missing. A row that cannot be understood is dropped: the
caller compares what came with what was asked for and never takes a gap for "nothing there".
"""

import re
from collections.abc import Iterable, Iterator, Mapping
from datetime import UTC, datetime
from decimal import Decimal, InvalidOperation

from b24app.bitrix24 import answers, errors
from b24app.bitrix24.client import Answer
from b24app.orders.types import (
    COMPANY,
    CONTACT,
    DEAL,
    Card,
    Customer,
    Item,
    Order,
    OrderLink,
    Owner,
    Payment,
    Shipment,
    Status,
)

# Codes of the customer's properties in the vendor's own payer types; a shop may add others.
NAME_CODES = ("FIO", "CONTACT_PERSON", "NAME")
COMPANY_CODES = ("COMPANY", "COMPANY_NAME")
PHONE_CODES = ("PHONE",)
EMAIL_CODES = ("EMAIL",)
CUSTOMER_CODES = NAME_CODES + COMPANY_CODES + PHONE_CODES + EMAIL_CODES

# sale_order.price and sum of payments are decimal(18, 4); what is stored of them has 18 digits
# ahead of its four decimals.
DECIMALS = 4
LARGEST = 17

# Outside of these years a date cannot be shifted by days and time zones, and means nothing.
FIRST_YEAR, LAST_YEAR = 1900, 9000

_COLOR = re.compile(r"#[0-9a-fA-F]{6}")


def rows(result: object, key: str | None = None) -> list[Mapping[str, object]]:
    """The list of rows in a method's result: under ``key`` (sale.*, crm.orderentity.*) or bare (crm.*)."""
    found = result.get(key) if key is not None and isinstance(result, Mapping) else result
    if isinstance(found, Mapping):
        found = list(found.values())
    return [row for row in found if isinstance(row, Mapping)] if isinstance(found, list) else []


def last_id(result: object) -> int:
    """The highest id among the rows of a sale.* list, whatever they are called; 0 for no rows."""
    lists = result.values() if isinstance(result, Mapping) else ()
    return max((integer(row.get("id")) for list_ in lists for row in rows(list_)), default=0)


def integer(value: object) -> int:
    """A whole number of at most 15 digits; 0 for anything else."""
    if isinstance(value, float):
        value = int(value) if value.is_integer() else None
    return answers.whole(value) or 0


def identifier(value: object) -> int:
    """An id: a positive whole number of at most 15 digits; 0 for anything else."""
    return max(0, integer(value))


def text(value: object) -> str:
    """A string without NUL, which PostgreSQL does not store; a number in its own form; else empty."""
    if isinstance(value, str):
        return value.replace("\x00", "")
    return str(value) if isinstance(value, int | float) and not isinstance(value, bool) else ""


def amount(value: object) -> Decimal:
    """Money in major units. JSON floats are read by their shortest form, so 0.1 stays 0.1.

    The portal keeps four decimals; what follows them is the noise of its floats.
    """
    if isinstance(value, bool) or not isinstance(value, int | float | str | Decimal):
        return Decimal(0)
    try:
        number = Decimal(str(value).strip())
    except InvalidOperation:
        return Decimal(0)
    # No sum of money: written out in full it would fill the memory.
    if not number.is_finite() or number.adjusted() > LARGEST:
        return Decimal(0)
    exponent = number.as_tuple().exponent
    noisy = isinstance(exponent, int) and exponent < -DECIMALS
    return Decimal(format(round(number, DECIMALS).normalize(), "f")) if noisy else number


def flag(value: object) -> bool:
    return value is True or value == "Y"


def moment(value: object) -> datetime | None:
    """An ISO time with its offset, as aware UTC; None when there is none, or none in 1900 to 9000."""
    if not isinstance(value, str):
        return None
    try:
        parsed = datetime.fromisoformat(value)
    except ValueError:
        return None
    if not FIRST_YEAR <= parsed.year <= LAST_YEAR:
        return None
    return parsed.astimezone(UTC) if parsed.tzinfo else parsed.replace(tzinfo=UTC)


def links(result: object) -> Iterator[OrderLink]:
    """``crm.orderentity.list`` (crm/universal/order-entity/crm-order-entity-list.md)."""
    for row in rows(result, "orderEntity"):
        order_id = identifier(row.get("orderId"))
        owner = Owner(identifier(row.get("ownerTypeId")), identifier(row.get("ownerId")))
        if order_id > 0 and owner.id > 0 and owner.type_id > 0:
            yield OrderLink(order_id, owner)


ORDER_FIELDS = (
    "id",
    "accountNumber",
    "statusId",
    "price",
    "currency",
    "payed",
    "canceled",
    "dateInsert",
    "responsibleId",
)
"""What is selected for :func:`orders`."""


def orders(result: object) -> Iterator[Order]:
    """``sale.order.list`` (sale/order/sale-order-list.md), without payments, shipments and customer."""
    return (order for row in rows(result, "orders") if (order := _order(row)).id > 0)


def order_row(answer: Answer, order_id: int) -> tuple[Order, Mapping[str, object]]:
    """The one order that ``sale.order.list`` was asked for, and its row.

    Raises ``errors.OrderNotFound`` where it is not there.
    """
    for row in rows(answer.result, "orders"):
        if (order := _order(row)).id == order_id:
            return order, row
    raise errors.OrderNotFound("", "no such order", method="sale.order.list")


def _order(row: Mapping[str, object]) -> Order:
    order_id = identifier(row.get("id"))
    return Order(
        id=order_id,
        number=text(row.get("accountNumber")) or str(order_id),
        status_id=text(row.get("statusId")),
        price=amount(row.get("price")),
        currency=text(row.get("currency")),
        payed=flag(row.get("payed")),
        canceled=flag(row.get("canceled")),
        created=moment(row.get("dateInsert")),
        responsible_id=identifier(row.get("responsibleId")),
    )


def payments(result: object) -> Iterator[tuple[int, Payment]]:
    """``sale.payment.list`` (sale/payment/sale-payment-list.md), each with its own id."""
    for row in rows(result, "payments"):
        order_id = identifier(row.get("orderId"))
        if order_id > 0:
            # isReturn is N, Y (to the inner account) or P (back through the payment system).
            returned = text(row.get("isReturn")) in ("Y", "P")
            yield (
                identifier(row.get("id")),
                Payment(
                    order_id,
                    amount(row.get("sum")),
                    flag(row.get("paid")),
                    returned,
                    system=text(row.get("paySystemName")),
                    paid_at=moment(row.get("datePaid")),
                    due=moment(row.get("datePayBefore")),
                ),
            )


def shipments(result: object) -> Iterator[tuple[int, Shipment]]:
    """``sale.shipment.list`` without the store's own (system) and cancelled rows."""
    for row in rows(result, "shipments"):
        order_id = identifier(row.get("orderId"))
        if order_id > 0 and not flag(row.get("system")) and not flag(row.get("canceled")):
            yield (
                identifier(row.get("id")),
                Shipment(
                    order_id,
                    flag(row.get("deducted")),
                    text(row.get("trackingNumber")).strip(),
                    service=text(row.get("deliveryName")),
                    shipped_at=moment(row.get("dateDeducted")),
                    price=amount(row.get("priceDelivery")),
                ),
            )


def customers(property_rows: Iterable[Mapping[str, object]]) -> dict[int, Customer]:
    """Who ordered, by order id, from rows of ``sale.propertyvalue.list``."""
    values: dict[int, dict[str, str]] = {}
    for row in property_rows:
        order_id, value = identifier(row.get("orderId")), text(row.get("value")).strip()
        if order_id > 0 and value:
            values.setdefault(order_id, {}).setdefault(text(row.get("code")).upper(), value)

    def first(known: Mapping[str, str], codes: tuple[str, ...]) -> str:
        return next((known[code] for code in codes if code in known), "")

    return {
        order_id: Customer(
            name=first(known, NAME_CODES),
            company=first(known, COMPANY_CODES),
            phone=first(known, PHONE_CODES),
            email=first(known, EMAIL_CODES),
        )
        for order_id, known in values.items()
    }


def sources(result: object) -> Iterator[tuple[int, int]]:
    """Orders and the platforms they came from: ``sale.tradeBinding.list`` (sale/trade-binding)."""
    for row in rows(result, "tradeBindings"):
        order_id, platform_id = (
            identifier(row.get("orderId")),
            identifier(row.get("tradingPlatformId")),
        )
        if order_id > 0 and platform_id > 0:
            yield order_id, platform_id


def platforms(result: object) -> dict[int, str]:
    """Names of platforms by id: ``sale.tradePlatform.list`` (sale/trade-platform).

    One that is called by its own code is the system's and says nothing to people.
    """
    return {
        identifier(row.get("id")): name
        for row in rows(result, "tradePlatforms")
        if (name := text(row.get("name")).strip()) and name != text(row.get("code"))
    }


# The same facts under the names of crm.deal.* and of crm.item.* (invoices).
_DEAL_KEYS = {
    "id": "ID",
    "title": "TITLE",
    "amount": "OPPORTUNITY",
    "currency": "CURRENCY_ID",
    "manual": "IS_MANUAL_OPPORTUNITY",
    "contact": "CONTACT_ID",
    "company": "COMPANY_ID",
    "responsible": "ASSIGNED_BY_ID",
    "created": "DATE_CREATE",
}
_ITEM_KEYS = {
    "id": "id",
    "title": "title",
    "amount": "opportunity",
    "currency": "currencyId",
    "manual": "isManualOpportunity",
    "contact": "contactId",
    "company": "companyId",
    "responsible": "assignedById",
    "created": "createdTime",
}


def card(type_id: int, row: object) -> Card | None:
    """One row of crm.deal.get, crm.deal.list, or of crm.item.* for other types; None when it is none."""
    keys = _DEAL_KEYS if type_id == DEAL else _ITEM_KEYS
    if not isinstance(row, Mapping) or identifier(row.get(keys["id"])) <= 0:
        return None
    return Card(
        owner=Owner(type_id, identifier(row.get(keys["id"]))),
        title=text(row.get(keys["title"])),
        amount=amount(row.get(keys["amount"])),
        currency=text(row.get(keys["currency"])),
        manual=flag(row.get(keys["manual"])),
        contact_id=identifier(row.get(keys["contact"])),
        company_id=identifier(row.get(keys["company"])),
        responsible_id=identifier(row.get(keys["responsible"])),
        created=moment(row.get(keys["created"])),
    )


def items(result: object) -> Iterator[tuple[int, Item]]:
    """``sale.basketitem.list`` (sale/basket-item/sale-basket-item-list.md), each with its order's id."""
    for row in rows(result, "basketItems"):
        order_id = identifier(row.get("orderId"))
        if order_id > 0:
            quantity = amount(row.get("quantity")) if "quantity" in row else Decimal(1)
            yield order_id, Item(text(row.get("name")), quantity, amount(row.get("price")))


def crm_clients(result: object) -> tuple[frozenset[int], frozenset[int]]:
    """CRM contacts and companies of an order, from ``clients`` of sale.order.get."""
    order = result.get("order") if isinstance(result, Mapping) else None
    found = rows(order, "clients")
    ids: dict[int, set[int]] = {CONTACT: set(), COMPANY: set()}
    for record in found:
        ids.get(identifier(record.get("entityTypeId")), set()).add(
            identifier(record.get("entityId"))
        )
    return frozenset(ids[CONTACT] - {0}), frozenset(ids[COMPANY] - {0})


def contacts_of(row: object) -> tuple[str, tuple[str, ...], tuple[str, ...]]:
    """Name, phones and e-mails of crm.contact.get or crm.company.get."""
    if not isinstance(row, Mapping):
        return "", (), ()
    name = text(row.get("TITLE")) or " ".join(
        filter(None, (text(row.get(key)).strip() for key in ("NAME", "LAST_NAME")))
    )
    phones, emails = (
        tuple(filter(None, (text(record.get("VALUE")).strip() for record in rows(row, key))))
        for key in ("PHONE", "EMAIL")
    )
    return name, phones, emails


def statuses(status_result: object, name_result: object) -> dict[str, Status]:
    """Order statuses by id, with their names by language (sale/status, sale/status-lang)."""
    names: dict[str, dict[str, str]] = {}
    for row in rows(name_result, "statusLangs"):
        names.setdefault(text(row.get("statusId")), {})[text(row.get("lid")).lower()] = text(
            row.get("name")
        )
    found = {}
    for row in rows(status_result, "statuses"):
        if text(row.get("type")) == "O":
            status_id, color = text(row.get("id")), text(row.get("color"))
            found[status_id] = Status(
                status_id,
                names.get(status_id, {}),
                color.lower() if _COLOR.fullmatch(color) else "",
                integer(row.get("sort")),
            )
    return found
