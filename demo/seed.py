"""The portal as it starts, the same every time: about 800 orders in ten deals, two invoices, or nowhere."""

from collections.abc import Iterable, Iterator

from demo import people, rows
from demo.people import CLIENTS, COMPANY_IDS
from demo.plans import DEALS, ELSEWHERE, FREE, OFFICE, PLATFORMS, UNLINKED, Deal, Paid, Plan, ruled
from demo.rows import COMPANY, CONTACT, DEAL, moment
from demo.state import State
from demo.tables import Owner, Row

FIRST_ORDER = 5001

STATUSES = [
    ("N", "#f7a700", "Waiting for payment", "Ожидает оплаты", "Wartet auf Zahlung"),
    ("AW", "#2f8fef", "In assembly", "Собирается", "In Bearbeitung"),
    ("PC", "#1bb36a", "Paid, being prepared", "Оплачен, готовится", "Bezahlt, wird vorbereitet"),
    ("SD", "#8b5cf6", "Handed to delivery", "Передан в доставку", "An den Versand übergeben"),
    ("F", "#7aa91a", "Completed", "Выполнен", "Abgeschlossen"),
    ("X", "#9aa2ab", "Cancelled", "Отменён", "Storniert"),
]

DELIVERY_STATUSES = [
    ("DN", "#cccccc", "Awaiting handling", "Ожидает обработки", "Wartet auf Bearbeitung"),
    ("DF", "#7aa91a", "Shipped", "Отгружен", "Versandt"),
]

# Code: id of the property for a person, name; those of a company have ids of their own.
PROPERTIES = {
    "FIO": (20, "Full name"),
    "EMAIL": (21, "E-mail"),
    "PHONE": (22, "Phone"),
    "COMPANY": (23, "Company"),
    "ADDRESS": (26, "Delivery address"),
}

OF_A_COMPANY = 20

GOODS = [
    "Desk “Fjord” 160 × 80, oak",
    "Chair “Lind”, grey",
    "Lamp “Kant”",
    "Полка «Север»",
    "Shelf <em>Alto</em>",
]


def seed() -> State:
    """The whole portal."""
    state = State()
    people.settle(state)
    _statuses(state)
    for pk, (code, name) in PLATFORMS.items():
        state.platforms[pk] = rows.platform(pk, code, name)
    for deal_id, deal in DEALS.items():
        state.deals[deal_id] = _deal(deal_id, deal)
        _add(state, (ruled(deal_id, n) for n in range(deal.orders)), (DEAL, deal_id))
    client = {"contactId": 2, "companyId": 2, "contactIds": [2], "parentId2": 6940}
    state.invoices[118] = rows.invoice(118, "Invoice 118", 5, 3300, **client)
    state.invoices[119] = rows.invoice(119, "Invoice 119", 9, 480, contactId=3, contactIds=[3])
    _add(state, reversed(OFFICE), (DEAL, 7021))
    for place, plans in ELSEWHERE.items():
        _add(state, plans, place)
    _add(state, (ruled(UNLINKED, n) for n in range(FREE)), None)
    return state


def _statuses(state: State) -> None:
    for number, (code, color, en, ru, de) in enumerate([*STATUSES, *DELIVERY_STATUSES]):
        kind = "D" if code in ("DN", "DF") else "O"
        state.statuses.append(
            {
                "id": code,
                "type": kind,
                "color": color,
                "sort": number * 10,
                "notify": "Y",
                "xmlId": None,
            }
        )
        for lid, name in (("en", en), ("ru", ru), ("de", de)):
            row = {"statusId": code, "lid": lid, "name": name, "description": ""}
            state.status_names.append(row)


def _deal(pk: int, deal: Deal) -> Row:
    client = {"CONTACT_ID": str(deal.contact), "COMPANY_ID": str(deal.company)}
    then = {"DATE_CREATE": moment(deal.days_ago), "BEGINDATE": moment(deal.days_ago)}
    return rows.deal(pk, deal.title, deal.responsible, deal.amount, deal.currency, **client, **then)


def _add(state: State, plans: Iterable[Plan], place: Owner | None) -> None:
    for plan in plans:
        order = _order(FIRST_ORDER + len(state.orders), plan)
        state.orders[order["id"]] = order
        if place is not None:
            state.links[order["id"]] = place
        for n, paid in enumerate(plan.payments, start=1):
            pk = len(state.payments) + 1
            state.payments[pk] = _payment(pk, order, n, plan, paid)
        for n, shipped in enumerate((None, *plan.shipped), start=1):
            pk = len(state.shipments) + 1
            state.shipments[pk] = _shipment(pk, order, n, plan, shipped)
        for name, quantity, price in plan.goods or _goods(order["id"], plan.price - plan.delivery):
            pk = len(state.baskets) + 1
            state.baskets[pk] = rows.basket_item(pk, order, name, quantity, price)
        for code, value in _values(plan):
            state.properties.add(property_row(order, code, value, of_a_company=plan.company))
        for n, (type_id, entity_id) in enumerate(_clients(plan)):
            pk = len(state.clients) + 1
            state.clients[pk] = rows.client(pk, order, type_id, entity_id, primary=not n)
        pk = len(state.sources) + 1
        state.sources[pk] = rows.source(pk, order, state.platforms[plan.source])


def _order(pk: int, plan: Plan) -> Row:
    paid = sum(payment.amount for payment in plan.payments if payment.state == "paid") >= plan.price
    canceled = plan.status == "X"
    return rows.order(
        pk,
        plan.number,
        plan.price,
        plan.currency,
        plan.days_ago,
        canceled="Y" if canceled else "N",
        dateCanceled=_after(plan, 1) if canceled else None,
        reasonCanceled="The customer changed their mind" if canceled else "",
        payed="Y" if paid else "N",
        personTypeId=4 if plan.company else 3,
        responsibleId=plan.responsible,
        statusId=plan.status,
        userDescription=plan.said or ("Please deliver after 14:00" if pk % 5 == 0 else ""),
        comments=plan.noted,
        userId=plan.client + 100,
    )


def _after(plan: Plan, days: int) -> str:
    """So many days after the order, but today at the latest."""
    return moment(max(0, plan.days_ago - days))


def _payment(pk: int, order: Row, n: int, plan: Plan, paid: Paid) -> Row:
    came, went = paid.state == "paid", paid.state == "returned"
    return rows.payment(
        pk,
        order,
        n,
        paid.amount,
        paid="Y" if came else "N",
        datePaid=_after(plan, 1) if came else None,
        datePayBefore=None if came or went else moment(plan.days_ago - 17),
        isReturn="Y" if went else "N",
        payReturnDate=_after(plan, 32) if went else None,
        payReturnNum=f"R{pk}" if went else "",
        paySystemId=6 + n % 2,
        paySystemName=["Card", "Bank transfer"][n % 2],
    )


def _shipment(pk: int, order: Row, n: int, plan: Plan, shipped: bool | None) -> Row:
    """The system shipment for ``shipped`` None: it holds what is in no other one."""
    costs = plan.delivery if n == 2 else 0
    return rows.shipment(
        pk,
        order,
        n,
        allowDelivery="Y" if shipped else "N",
        basePriceDelivery=costs,
        priceDelivery=costs,
        dateDeducted=_after(plan, 3) if shipped else None,
        deducted="Y" if shipped else "N",
        deliveryName=plan.carrier,
        statusId="DF" if shipped else "DN",
        system="Y" if shipped is None else "N",
        trackingNumber=plan.tracking if shipped else "",
    )


def _goods(seed: int, worth: float) -> Iterator[tuple[str, int, float]]:
    """One to three lines that are worth so much together, in cents."""
    left, lines = round(worth * 100), 1 + seed % 3
    for n in range(lines - 1):
        quantity = 1 + (seed + n) % 3
        price = left // (lines * quantity)
        left -= price * quantity
        yield GOODS[(seed + n) % len(GOODS)], quantity, price / 100
    yield GOODS[(seed + lines - 1) % len(GOODS)], 1, left / 100


def _values(plan: Plan) -> list[tuple[str, str]]:
    client, mail = CLIENTS[plan.client], f"client{plan.client + 1}@example.com"
    values = [("FIO", client.name), ("PHONE", client.phone), ("EMAIL", mail)]
    values.append(("ADDRESS", "1 Example Street"))
    return [*values, ("COMPANY", client.company)] if plan.company and client.company else values


def property_row(order: Row, code: str, value: str, *, of_a_company: bool) -> Row:
    """The value of a property of an order, without the row's own id."""
    pk, name = PROPERTIES[code]
    return {
        "orderId": order["id"], "code": code, "name": name, "orderPropsXmlId": None, "value": value,
        "orderPropsId": pk + (OF_A_COMPANY if of_a_company else 0),
    }  # fmt: skip


def _clients(plan: Plan) -> Iterator[tuple[int, int]]:
    """Type and id of the contact and, for a company's order, of the company."""
    yield CONTACT, plan.client + 1
    company_id = COMPANY_IDS.get(CLIENTS[plan.client].company)
    if plan.company and company_id:
        yield COMPANY, company_id
