"""Methods about one thing: an order with all of its parts, items of the CRM, what hangs on them."""

from collections.abc import Iterable, Mapping

from demo.methods import (
    DEAL,
    INVOICE,
    Caller,
    Failure,
    Params,
    administrator,
    deal_get,
    listing,
    may_read_store,
    method,
)
from demo.php import intval
from demo.state import Row, State

MOMENT = "2026-11-18T12:00:00+00:00"


def _empty(names: str) -> Row:
    return dict.fromkeys(names.split())


# --- orders -----------------------------------------------------------------------------------

_BASKET = _empty(
    "catalogXmlId dateRefresh detailPageUrl dimensions discountCoupon discountName discountValue notes "
    "priceTypeId productPriceId productProviderClass productXmlId recommendation setParentId type vatRate"
) | {
    "barcodeMulti": "N", "canBuy": "Y", "customPrice": "N", "dateInsert": MOMENT, "dateUpdate": MOMENT,
    "discountPrice": 0, "fuserId": 1, "lid": "s1", "measureCode": "796", "module": "catalog",
    "properties": [], "reservations": [], "sort": 100, "subscribe": "N", "vatIncluded": "Y", "weight": 0,
}  # fmt: skip


@method("sale.order.get", "sale")
def order_get(caller: Caller, params: Params) -> object:
    may_read_store(caller)
    state, order_id = caller.state, intval(params.get("id"))
    if order_id not in state.orders:
        raise Failure(400, 200540400001, "order does not exist")

    def of(rows: Mapping[int, Row], **more: object) -> list[Row]:
        return [{**row, **more} for row in rows.values() if row["orderId"] == order_id]

    order = state.orders[order_id]
    return {
        "order": {
            **order,
            "basketItems": [
                # Ids are text here, and numbers in sale.basketitem.list.
                {**_BASKET, **row, "id": str(row["id"]), "orderId": str(order_id),
                 "basePrice": row["price"], "xmlId": f"bx_b{row['id']}"}
                for row in of(state.baskets)
            ],
            "payments": of(state.payments),
            "shipments": of(state.shipments, shipmentItems=[]),
            "propertyValues": of(state.properties),
            "clients": _clients(state, order),
            "requisiteLink": {
                "bankDetailId": 0, "mcBankDetailId": 0, "mcRequisiteId": 0, "requisiteId": 1,
            },
            "tradeBindings": [],
        }
    }  # fmt: skip


def _clients(state: State, order: Row) -> list[Row]:
    """The contact an order belongs to, and the company where the contact has one."""
    contact = intval(order["userId"]) - 99
    found = [(3, contact)] + ([(4, contact)] if contact in state.companies else [])
    return [
        {"id": n, "orderId": order["id"], "entityTypeId": type_id, "entityId": pk,
         "isPrimary": "Y", "roleId": 0, "sort": 0}
        for n, (type_id, pk) in enumerate(found, start=1)
    ]  # fmt: skip


@method("sale.persontype.list", "sale")
def person_types(caller: Caller, params: Params) -> object:
    may_read_store(caller)
    rows: list[Row] = [
        {"id": 3, "name": "Individual", "sort": "100"},
        {"id": 4, "name": "Legal entity", "sort": "110"},
    ]
    return listing(rows, params, "personTypes", ("id", "name"))


# --- what hangs on a deal ---------------------------------------------------------------------


@method("crm.item.payment.list", "crm")
def item_payments(caller: Caller, params: Params) -> object:
    keys = "id accountNumber paid datePaid empPaidId paySystemId sum currency paySystemName"
    return _hanging(caller, params, caller.state.payments, keys)


@method("crm.item.delivery.list", "crm")
def item_deliveries(caller: Caller, params: Params) -> object:
    keys = "id accountNumber deducted dateDeducted deliveryId priceDelivery currency deliveryName"
    return _hanging(caller, params, caller.state.shipments, keys)


def _hanging(caller: Caller, params: Params, rows: Mapping[int, Row], keys: str) -> list[Row]:
    """Needs the right to read the deal and none for the store."""
    owner = intval(params.get("entityTypeId")), intval(params.get("entityId"))
    _seen(caller, owner, Failure(400, 0, "Insufficient permissions"))
    orders = {order_id for order_id, place in caller.state.links.items() if place == owner}
    return [
        {key: row[key] for key in keys.split()}
        for row in rows.values()
        if row["orderId"] in orders and row.get("system") != "Y"
    ]


def _seen(caller: Caller, owner: tuple[int, int], otherwise: Failure) -> Row:
    """The deal or invoice. Raises ``otherwise`` where there is none, or none for this user."""
    type_id, pk = owner
    row = {DEAL: caller.state.deals, INVOICE: caller.state.invoices}.get(type_id, {}).get(pk)
    if row is None or (type_id == DEAL and not caller.state.sees_deal(caller.user, row)):
        raise otherwise
    return row


# --- items of the CRM -------------------------------------------------------------------------


@method("crm.item.get", "crm")
def item_get(caller: Caller, params: Params) -> object:
    type_id = intval(params.get("entityTypeId"))
    owner = type_id, intval(params.get("id"))
    return {
        "item": _item(type_id, _seen(caller, owner, Failure(400, "NOT_FOUND", "Element not found")))
    }


@method("crm.item.list", "crm")
def item_list(caller: Caller, params: Params) -> object:
    type_id = intval(params.get("entityTypeId"))
    rows = {DEAL: caller.state.deals, INVOICE: caller.state.invoices}.get(type_id, {}).values()
    seen = (row for row in rows if type_id != DEAL or caller.state.sees_deal(caller.user, row))
    known = ("id", "title", "assignedById", "contactId", "companyId", "currencyId")
    return listing((_item(type_id, row) for row in seen), params, "items", known)


def _item(type_id: int, row: Row) -> Row:
    """A deal or an invoice in camelCase, ids and amounts as numbers."""
    if type_id == INVOICE:
        given = row
    else:
        given = {
            "id": intval(row["ID"]), "title": row["TITLE"], "assignedById": intval(row["ASSIGNED_BY_ID"]),
            "opportunity": float(str(row["OPPORTUNITY"])), "currencyId": row["CURRENCY_ID"],
            "contactId": intval(row["CONTACT_ID"]), "companyId": intval(row["COMPANY_ID"]),
            "stageId": row["STAGE_ID"],
        }  # fmt: skip
    return {
        "stageId": "DT31_1:N", "opened": "Y", "createdBy": 1, "updatedBy": 1, "movedBy": 1,
        "createdTime": MOMENT, "updatedTime": MOMENT, "movedTime": MOMENT, "isManualOpportunity": "Y",
        "sourceId": "WEB", "comments": "", "contactIds": [given["contactId"]], "observers": [],
        **given, "entityTypeId": type_id,
    }  # fmt: skip


@method("crm.deal.update", "crm")
def deal_update(caller: Caller, params: Params) -> object:
    fields = params.get("fields")
    if not isinstance(fields, Mapping):
        raise Failure(400, "", "Parameter 'fields' must be array.")
    deal_get(caller, params)
    deal = caller.state.deals[intval(params.get("id") or params.get("ID"))]
    deal.update({str(key): str(value) for key, value in fields.items() if key in deal})
    return True


@method("crm.timeline.comment.add", "crm")
def comment_add(caller: Caller, params: Params) -> object:
    fields = params.get("fields")
    given = fields if isinstance(fields, Mapping) else {}
    types = {"deal": DEAL, "smart_invoice": INVOICE}
    owner = types.get(str(given.get("ENTITY_TYPE")), 0), intval(given.get("ENTITY_ID"))
    _seen(caller, owner, Failure(400, "NOT_FOUND", "Not found."))
    text = str(given.get("COMMENT", ""))
    caller.state.comments.append({"ownerTypeId": owner[0], "ownerId": owner[1], "text": text})
    return len(caller.state.comments)


# --- customers --------------------------------------------------------------------------------

_BOTH = "ADDRESS ADDRESS_2 ADDRESS_CITY ADDRESS_POSTAL_CODE ADDRESS_REGION ADDRESS_PROVINCE ADDRESS_COUNTRY "
_BOTH += "ADDRESS_LOC_ADDR_ID UTM_SOURCE UTM_MEDIUM UTM_CAMPAIGN UTM_CONTENT UTM_TERM LEAD_ID ORIGINATOR_ID "
_BOTH += "ORIGIN_ID ORIGIN_VERSION"
_USUAL = _empty(_BOTH) | {
    "HAS_PHONE": "Y", "HAS_EMAIL": "Y", "HAS_IMOL": "N", "OPENED": "Y", "COMMENTS": "",
    "CREATED_BY_ID": "1", "MODIFY_BY_ID": "1", "LAST_ACTIVITY_BY": "1", "DATE_CREATE": MOMENT,
    "DATE_MODIFY": MOMENT, "LAST_ACTIVITY_TIME": MOMENT,
}  # fmt: skip
_CONTACT = _empty("PHOTO HONORIFIC SECOND_NAME BIRTHDATE FACE_ID COMPANY_ID") | {
    "POST": "", "TYPE_ID": "CLIENT", "SOURCE_ID": "WEB", "SOURCE_DESCRIPTION": "", "EXPORT": "N",
}  # fmt: skip
_COMPANY = _empty(
    "LOGO LAST_COMMUNICATION_TIME ADDRESS_COUNTRY_CODE ADDRESS_LEGAL REG_ADDRESS REG_ADDRESS_2 "
    "REG_ADDRESS_CITY REG_ADDRESS_POSTAL_CODE REG_ADDRESS_REGION REG_ADDRESS_PROVINCE "
    "REG_ADDRESS_COUNTRY REG_ADDRESS_COUNTRY_CODE REG_ADDRESS_LOC_ADDR_ID"
) | {
    "COMPANY_TYPE": "CUSTOMER", "BANKING_DETAILS": "", "INDUSTRY": "IT", "REVENUE": "0", "CURRENCY_ID": "EUR",
    "EMPLOYEES": "EMPLOYEES_1", "IS_MY_COMPANY": "N", "ASSIGNED_BY_ID": "1", "HAS_PHONE": "N",
    "HAS_EMAIL": "N",
}  # fmt: skip


@method("crm.contact.get", "crm")
def contact_get(caller: Caller, params: Params) -> object:
    row = _stored(caller.state.contacts, params)
    ways = {key: _ways(key, row[key]) for key in ("PHONE", "EMAIL")}
    return {**_USUAL, **_CONTACT, **row, **ways}


@method("crm.company.get", "crm")
def company_get(caller: Caller, params: Params) -> object:
    return {**_USUAL, **_COMPANY, **_stored(caller.state.companies, params)}


def _stored(rows: Mapping[int, Row], params: Params) -> Row:
    row = rows.get(intval(params.get("id") or params.get("ID")))
    if row is None:
        raise Failure(400, "", "Not found")
    return row


def _ways(kind: str, found: object) -> list[Row]:
    rows = found if isinstance(found, list) else []
    return [
        {"ID": str(n), "VALUE_TYPE": "WORK", "TYPE_ID": kind, **row}
        for n, row in enumerate(rows, 1)
    ]


@method("crm.currency.list", "crm")
def currencies(_: Caller, params: Params) -> object:
    usual = {
        "AMOUNT_CNT": "1",
        "LID": "en",
        "DEC_POINT": ".",
        "THOUSANDS_SEP": "&nbsp;",
        "DECIMALS": "2",
    }
    rows: Iterable[tuple[str, str, str, str]] = (
        ("EUR", "1.0000", "Euro", "#\u00a0€"),
        ("USD", "0.9200", "US dollar", "$#"),
        ("RUB", "0.0100", "Russian rouble", "#\u00a0₽"),
    )
    found: list[Row] = [
        {**usual, "CURRENCY": code, "AMOUNT": amount, "SORT": str(n * 100), "BASE": "N" if n > 1 else "Y",
         "FULL_NAME": name, "FORMAT_STRING": form, "DATE_UPDATE": MOMENT}
        for n, (code, amount, name, form) in enumerate(rows, start=1)
    ]  # fmt: skip
    return listing(found, params, None, ())


@method("placement.list", "placement")
def placement_list(caller: Caller, _: Params) -> object:
    administrator(caller)
    cards = ("DEAL", "SMART_INVOICE", "ORDER", "CONTACT", "COMPANY")
    places = ("DETAIL_TAB", "DETAIL_TOOLBAR", "LIST_MENU", "LIST_TOOLBAR")
    return [f"CRM_{card}_{place}" for card in cards for place in places]
