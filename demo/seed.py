"""Data by rule: the same portal every time. All people and companies are invented.

Telephone numbers come from ranges reserved for fiction, addresses from example domains.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from demo.state import Row, State, User

DEAL, INVOICE = 2, 31
TODAY = datetime(2026, 11, 18, 12, 0, tzinfo=UTC)

USERS = [
    User(1, "Anna", "Schmidt", admin=True, sale="write"),
    User(5, "Maria", "Lopez", admin=False, sale="read"),
    User(7, "Ilya", "Sokolov", admin=False, sale="write"),
    User(9, "Tom", "Becker", admin=False, sale="write", own_deals_only=True),
    User(11, "Petra", "Klein", admin=False, sale="denied"),
    User(13, "Nina", "Arden", admin=True, sale="write"),
]

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

CLIENTS = [
    ("Clara Whitfield", "+1 202 555 0142", ""),
    ("Daniel Okafor", "+1 202 555 0117", "Harbour & Pine Ltd"),
    ("Priya Raman", "+1 202 555 0188", ""),
    ("Анна Ветрова", "+1 202 555 0164", "ООО «Ромашка»"),
    ("Jürgen Groß", "+1 202 555 0133", "Groß & Söhne GmbH"),
    ('Bob "<b>markup</b>" O\'Neil', "+1 202 555 0101", "Quotes “&” Co"),
    ("Mai Ōkubo 🚲", "+1 202 555 0155", ""),
    ("Maximiliane Freifrau von und zu Hohenlangenfeld-Unterwaldhausen", "+1 202 555 0199", ""),
]

PROPERTIES = {
    "FIO": (20, "Full name"),
    "EMAIL": (21, "E-mail"),
    "PHONE": (22, "Phone"),
    "COMPANY": (23, "Company"),
    "ADDRESS": (26, "Delivery address"),
}

GOODS = [
    "Desk “Fjord” 160 × 80, oak",
    "Chair “Lind”, grey",
    "Lamp “Kant”",
    "Полка «Север»",
    "Shelf <em>Alto</em>",
]


@dataclass(frozen=True)
class Paid:
    """A payment of an order: what, and whether it came and stayed."""

    amount: float
    state: str = "paid"  # paid, open, returned


@dataclass(frozen=True)
class Plan:
    number: str
    price: float
    currency: str = "EUR"
    status: str = "N"
    days_ago: int = 0
    client: int = 0
    payments: tuple[Paid, ...] = ()
    shipped: tuple[bool, ...] = (False,)
    tracking: str = ""
    responsible: int = 5
    company: bool = False


# The deal of the mock-ups, "Office refit, second floor".
OFFICE = [
    Plan("1201", 1250, status="N", days_ago=0, payments=(Paid(1250, "open"),)),
    Plan("1196", 5000, status="AW", days_ago=4, payments=(Paid(3000), Paid(2000, "open")),
         shipped=(True, False), tracking="4417 8890 23", responsible=7, company=True),
    Plan("1188", 2480, status="PC", days_ago=9, client=1, payments=(Paid(2480),)),
    Plan("1181", 3960.5, status="SD", days_ago=14, client=1, payments=(Paid(3960.5),),
         shipped=(True,), tracking="1Z 204 555 71", responsible=9, company=True),
    Plan("1174", 1980, "USD", "F", 21, 2, (Paid(1980),), (True,), "1Z 204 551 09"),
    Plan("1166", 1200, "USD", "N", 28, 1, (Paid(1200, "open"),), responsible=7),
    Plan("1159", 640, status="X", days_ago=34, payments=(Paid(640, "open"),)),
    Plan("1152", 320, status="F", days_ago=41, payments=(Paid(320, "returned"),),
         shipped=(True,), tracking="4417 8712 90", responsible=9),
    Plan("1140", 7420, status="F", days_ago=50, client=1, payments=(Paid(7420),),
         shipped=(True,), tracking="4417 8655 04", responsible=7, company=True),
]  # fmt: skip

ELSEWHERE = {
    (DEAL, 6933): [
        Plan("1184", 2150, days_ago=12, payments=(Paid(2150, "open"),), responsible=9),
        Plan(
            "1185",
            99.99,
            status="F",
            days_ago=12,
            client=5,
            payments=(Paid(99.99),),
            shipped=(True,),
        ),
    ],
    (DEAL, 6940): [Plan("1179", 860, days_ago=16, client=1, company=True, payments=(Paid(860),))],
    (INVOICE, 118): [
        Plan("1163", 3300, days_ago=30, client=1, company=True, payments=(Paid(3300, "open"),))
    ],
    None: [
        Plan("1193", 415, days_ago=6, payments=(Paid(415, "open"),)),
        Plan("1170", 1090, days_ago=25, client=1, company=True, payments=(Paid(1090, "open"),)),
    ],
}

# id: title, responsible, amount, currency, number of orders made by rule
DEALS = {
    6933: ("Winter catalogue", 9, 2250, "EUR", 0),
    6940: ("Meeting room chairs", 7, 860, "EUR", 0),
    6951: ("Spring stock", 9, 0, "EUR", 0),
    7000: ("Empty so far", 7, 0, "EUR", 0),
    7001: ("One order", 7, 100, "EUR", 1),
    7003: ('«Три заказа» & <b>bold</b> "quotes" 🚲', 7, 300, "RUB", 3),
    7021: ("Office refit, second floor", 5, 21000, "EUR", 0),
    7050: ("Fifty orders", 7, 50000, "EUR", 50),
    7051: ("Fifty-one orders", 7, 51000, "EUR", 51),
    7400: (
        "Four hundred orders of a long framework agreement that was renewed twice",
        7,
        400000,
        "EUR",
        400,
    ),
}

FREE = 150


def seed() -> State:
    """The whole portal, about 800 orders."""
    state = State(users={user.id: user for user in USERS})
    for number, (code, color, en, ru, de) in enumerate([*STATUSES, *DELIVERY_STATUSES]):
        state.statuses.append(
            {
                "id": code,
                "type": "D" if code in ("DN", "DF") else "O",
                "color": color,
                "sort": number * 10,
                "notify": "Y",
                "xmlId": None,
            }
        )
        for lid, name in (("en", en), ("ru", ru), ("de", de)):
            state.status_names.append(
                {"statusId": code, "lid": lid, "name": name, "description": ""}
            )
    for number, (name, phone, company) in enumerate(CLIENTS, start=1):
        state.contacts[number] = _contact(number, name, phone)
        if company:
            state.companies[number] = {"ID": str(number), "TITLE": company}
    for deal_id, (title, responsible, amount, currency, count) in DEALS.items():
        state.deals[deal_id] = _deal(deal_id, title, responsible, amount, currency)
        _add(state, (_plan(deal_id, n) for n in range(count)), (DEAL, deal_id))
    state.invoices[118] = {
        "id": 118, "entityTypeId": INVOICE, "title": "Invoice 118", "assignedById": 5,
        "opportunity": 3300, "currencyId": "EUR", "contactId": 2, "companyId": 2,
    }  # fmt: skip
    _add(state, reversed(OFFICE), (DEAL, 7021))
    for place, plans in ELSEWHERE.items():
        _add(state, plans, place)
    _add(state, (_plan(9000, n) for n in range(FREE)), None)
    return state


def _plan(group: int, n: int) -> Plan:
    status = STATUSES[n % len(STATUSES)][0]
    price = round(10 + (n * 37 % 991) + n % 7 / 10, 2)
    part = round(price / 2, 2)
    ways = [
        (Paid(price, "open"),),
        (Paid(price),),
        (Paid(part), Paid(round(price - part, 2), "open")),
    ]
    form = ["{0}-{1:04d}", "{1:04d}/{0}", "A{0}{1:03d}"][n % 3]
    return Plan(
        number=form.format(group, n + 1),
        price=price,
        currency=["EUR", "USD", "RUB"][n % 3] if group == 7003 else ["EUR", "EUR", "USD"][n % 3],
        status=status,
        days_ago=n % 90,
        client=n % len(CLIENTS),
        payments=ways[n % 3],
        shipped=[(False,), (True,), (True, False)][n % 3],
        tracking=f"TR {group} {n:04d}" if n % 3 else "",
        responsible=[5, 7, 9][n % 3],
        company=n % 4 == 0,
    )


def _add(state: State, plans: Iterable[Plan], place: tuple[int, int] | None) -> None:
    for plan in plans:
        order_id = 5001 + len(state.orders)
        state.orders[order_id] = _order(order_id, plan)
        if place is not None:
            state.links[order_id] = place
        for n, paid in enumerate(plan.payments, start=1):
            pk = len(state.payments) + 1
            state.payments[pk] = _payment(pk, order_id, n, plan, paid)
        for n, shipped in enumerate((None, *plan.shipped), start=1):
            pk = len(state.shipments) + 1
            state.shipments[pk] = _shipment(pk, order_id, n, plan, shipped)
        pk = len(state.baskets) + 1
        state.baskets[pk] = {
            "id": pk, "orderId": order_id, "name": GOODS[pk % len(GOODS)], "quantity": 1,
            "price": plan.price, "currency": plan.currency, "measureName": "pcs", "productId": pk,
        }  # fmt: skip
        for code, value in _values(plan):
            pk = len(state.properties) + 1
            state.properties[pk] = {
                "id": pk, "orderId": order_id, "code": code,
                "name": PROPERTIES[code][1], "orderPropsId": PROPERTIES[code][0],
                "orderPropsXmlId": None, "value": value,
            }  # fmt: skip


def _values(plan: Plan) -> list[tuple[str, str]]:
    name, phone, company = CLIENTS[plan.client]
    mail = f"client{plan.client + 1}@example.com"
    values = [("FIO", name), ("PHONE", phone), ("EMAIL", mail), ("ADDRESS", "1 Example Street")]
    return [*values, ("COMPANY", company)] if company and plan.company else values


def _moment(days_ago: int) -> str:
    return (TODAY - timedelta(days=days_ago)).isoformat()


def _order(order_id: int, plan: Plan) -> Row:
    paid = sum(one.amount for one in plan.payments if one.state == "paid") >= plan.price
    canceled = plan.status == "X"
    return {
        "accountNumber": plan.number, "additionalInfo": "", "affiliateId": None,
        "canceled": "Y" if canceled else "N", "comments": "", "companyId": None,
        "currency": plan.currency, "dateCanceled": None, "dateInsert": _moment(plan.days_ago),
        "dateLock": None, "dateMarked": None, "dateStatus": _moment(plan.days_ago),
        "dateUpdate": _moment(plan.days_ago), "deducted": "N", "discountValue": 0,
        "empCanceledId": None, "empMarkedId": None, "empStatusId": 1, "externalOrder": "N",
        "id": order_id, "id1c": "", "lid": "s1", "lockedBy": "", "marked": "N", "orderTopic": "",
        "payed": "Y" if paid else "N", "personTypeId": 3, "personTypeXmlId": "", "price": plan.price,
        "reasonCanceled": "The customer changed their mind" if canceled else "", "reasonMarked": "",
        "recountFlag": "Y", "recurringId": "", "responsibleId": plan.responsible,
        "statusId": plan.status, "statusXmlId": "", "taxValue": 0, "updated1c": "N",
        "userDescription": "Please deliver after 14:00" if order_id % 5 == 0 else "",
        "userId": plan.client + 100, "version": 0, "version1c": "", "xmlId": f"bx_{order_id:x}",
    }  # fmt: skip


def _payment(pk: int, order_id: int, n: int, plan: Plan, paid: Paid) -> Row:
    came = paid.state == "paid"
    return {
        "accountNumber": f"{plan.number}/{n}", "comments": "", "companyId": None,
        "currency": plan.currency, "dateBill": _moment(plan.days_ago), "dateMarked": None,
        "datePaid": _moment(plan.days_ago) if came else None, "datePayBefore": None,
        "dateResponsibleId": _moment(plan.days_ago), "empMarkedId": None, "empPaidId": None,
        "empResponsibleId": 1, "empReturnId": None, "externalPayment": "N", "id": pk, "id1c": "",
        "isReturn": "Y" if paid.state == "returned" else "N", "marked": "N", "orderId": order_id,
        "paid": "Y" if came else "N", "payReturnComment": "", "payReturnDate": None, "payReturnNum": "",
        "paySystemId": 6, "paySystemIsCash": "N", "paySystemName": ["Card", "Bank transfer"][n % 2],
        "paySystemXmlId": "bx_demo", "payVoucherDate": None, "payVoucherNum": "", "priceCod": "0.000000",
        "psCurrency": "", "psInvoiceId": None, "psResponseDate": None, "psStatus": "", "psStatusCode": "",
        "psStatusDescription": "", "psStatusMessage": "", "psSum": None, "reasonMarked": "",
        "responsibleId": 1, "sum": paid.amount, "updated1c": "N", "version1c": "", "xmlId": f"bx_p{pk}",
    }  # fmt: skip


def _shipment(pk: int, order_id: int, n: int, plan: Plan, shipped: bool | None) -> Row:
    moment = _moment(plan.days_ago)
    return {
        "accountNumber": f"{plan.number}/{n}", "allowDelivery": "N", "basePriceDelivery": 0,
        "canceled": "N", "comments": "", "companyId": 0, "currency": plan.currency,
        "customPriceDelivery": "N",
        "dateAllowDelivery": None, "dateCanceled": None, "dateDeducted": moment if shipped else None,
        "dateInsert": moment, "dateMarked": None, "dateResponsibleId": moment,
        "deducted": "Y" if shipped else "N", "deliveryDocDate": None, "deliveryDocNum": "", "deliveryId": 1,
        "deliveryName": "Example Freight", "deliveryXmlId": "", "discountPrice": None,
        "empAllowDeliveryId": None, "empCanceledId": None, "empDeductedId": None, "empMarkedId": None,
        "empResponsibleId": None, "externalDelivery": "N", "id": pk, "id1c": "", "marked": "N",
        "orderId": order_id, "priceDelivery": 0, "reasonMarked": "", "reasonUndoDeducted": "",
        "responsibleId": 0, "statusId": "DF" if shipped else "DN", "statusXmlId": "",
        "system": "Y" if shipped is None else "N",
        "trackingDescription": "", "trackingLastCheck": "",
        "trackingNumber": plan.tracking if shipped else "",
        "trackingStatus": "", "updated1c": "N", "version1c": "", "xmlId": f"bx_s{pk}",
    }  # fmt: skip


def _contact(pk: int, name: str, phone: str) -> Row:
    first, _, last = name.partition(" ")
    return {"ID": str(pk), "NAME": first, "LAST_NAME": last, "PHONE": [{"VALUE": phone}],
            "EMAIL": [{"VALUE": f"client{pk}@example.com"}], "ASSIGNED_BY_ID": "5"}  # fmt: skip


def _deal(deal_id: int, title: str, responsible: int, amount: int, currency: str) -> Row:
    moment = _moment(60)
    return {
        "ID": str(deal_id), "TITLE": title, "TYPE_ID": "SALE", "STAGE_ID": "PREPARATION",
        "PROBABILITY": "50", "CURRENCY_ID": currency, "OPPORTUNITY": f"{amount}.00",
        "IS_MANUAL_OPPORTUNITY": "Y", "TAX_VALUE": "0.00", "LEAD_ID": None,
        "COMPANY_ID": "2", "CONTACT_ID": "1", "QUOTE_ID": None, "BEGINDATE": moment, "CLOSEDATE": moment,
        "ASSIGNED_BY_ID": str(responsible), "CREATED_BY_ID": "1", "MODIFY_BY_ID": "1", "DATE_CREATE": moment,
        "DATE_MODIFY": moment, "OPENED": "Y", "CLOSED": "N", "COMMENTS": "", "ADDITIONAL_INFO": "",
        "LOCATION_ID": None, "CATEGORY_ID": "0", "STAGE_SEMANTIC_ID": "P", "IS_NEW": "N", "IS_RECURRING": "N",
        "IS_RETURN_CUSTOMER": "N", "IS_REPEATED_APPROACH": "N", "SOURCE_ID": "WEB", "SOURCE_DESCRIPTION": "",
        "ORIGINATOR_ID": None, "ORIGIN_ID": None, "MOVED_BY_ID": "1", "MOVED_TIME": moment,
        "LAST_ACTIVITY_TIME": moment, "UTM_SOURCE": "", "UTM_MEDIUM": "", "UTM_CAMPAIGN": None,
        "UTM_CONTENT": None, "UTM_TERM": None, "LAST_ACTIVITY_BY": "1",
    }  # fmt: skip
