"""Rows of the portal with every key the documentation shows for them, from the few values that differ."""

from collections.abc import Iterable, Mapping
from datetime import UTC, datetime, timedelta

from demo.tables import Row

DEAL, INVOICE, CONTACT, COMPANY = 2, 31, 3, 4
TODAY = datetime(2026, 11, 18, 12, 0, tzinfo=UTC)


def moment(days_ago: int) -> str:
    """So many days before today; a negative number is after it."""
    return (TODAY - timedelta(days=days_ago)).isoformat()


# --- the store (sale/data-types.md) -----------------------------------------------------------


def order(pk: int, number: str, price: float, currency: str, days_ago: int, **own: object) -> Row:
    """sale/order/sale-order-list.md"""
    return {
        "accountNumber": number, "additionalInfo": "", "affiliateId": None, "canceled": "N",
        "comments": "", "companyId": None, "currency": currency, "dateCanceled": None,
        "dateInsert": moment(days_ago), "dateLock": None, "dateMarked": None,
        "dateStatus": moment(days_ago), "dateUpdate": moment(days_ago), "deducted": "N",
        "discountValue": 0, "empCanceledId": None, "empMarkedId": None, "empStatusId": 1,
        "externalOrder": "N", "id": pk, "id1c": "", "lid": "s1", "lockedBy": "", "marked": "N",
        "orderTopic": "", "payed": "N", "personTypeId": 3, "personTypeXmlId": "", "price": price,
        "reasonCanceled": "", "reasonMarked": "", "recountFlag": "Y", "recurringId": "",
        "responsibleId": 5, "statusId": "N", "statusXmlId": "", "taxValue": 0, "updated1c": "N",
        "userDescription": "", "userId": 100, "version": 0, "version1c": "", "xmlId": f"bx_{pk:x}",
        **own,
    }  # fmt: skip


def payment(pk: int, order: Row, n: int, amount: float, **own: object) -> Row:
    """sale/payment/sale-payment-list.md; ``n`` counts the payments of the order from 1."""
    return {
        "accountNumber": f"{order['accountNumber']}/{n}", "comments": "", "companyId": None,
        "currency": order["currency"], "dateBill": order["dateInsert"], "dateMarked": None,
        "datePaid": None, "datePayBefore": None, "dateResponsibleId": order["dateInsert"],
        "empMarkedId": None, "empPaidId": None, "empResponsibleId": 1, "empReturnId": None,
        "externalPayment": "N", "id": pk, "id1c": "", "isReturn": "N", "marked": "N",
        "orderId": order["id"], "paid": "N", "payReturnComment": "", "payReturnDate": None,
        "payReturnNum": "", "paySystemId": 6, "paySystemIsCash": "N", "paySystemName": "Card",
        "paySystemXmlId": "bx_demo", "payVoucherDate": None, "payVoucherNum": "",
        "priceCod": "0.000000", "psCurrency": "", "psInvoiceId": None, "psResponseDate": None,
        "psStatus": "", "psStatusCode": "", "psStatusDescription": "", "psStatusMessage": "",
        "psSum": None, "reasonMarked": "", "responsibleId": 1, "sum": amount, "updated1c": "N",
        "version1c": "", "xmlId": f"bx_p{pk}", **own,
    }  # fmt: skip


def shipment(pk: int, order: Row, n: int, **own: object) -> Row:
    """sale/shipment/sale-shipment-list.md; ``n`` counts the shipments of the order from 1."""
    return {
        "accountNumber": f"{order['accountNumber']}/{n}", "allowDelivery": "N",
        "basePriceDelivery": 0, "canceled": "N", "comments": "", "companyId": 0,
        "currency": order["currency"], "customPriceDelivery": "N", "dateAllowDelivery": None,
        "dateCanceled": None, "dateDeducted": None, "dateInsert": order["dateInsert"],
        "dateMarked": None, "dateResponsibleId": order["dateInsert"], "deducted": "N",
        "deliveryDocDate": None, "deliveryDocNum": "", "deliveryId": 1,
        "deliveryName": "Example Freight", "deliveryXmlId": "", "discountPrice": None,
        "empAllowDeliveryId": None, "empCanceledId": None, "empDeductedId": None,
        "empMarkedId": None, "empResponsibleId": None, "externalDelivery": "N", "id": pk,
        "id1c": "", "marked": "N", "orderId": order["id"], "priceDelivery": 0, "reasonMarked": "",
        "reasonUndoDeducted": "", "responsibleId": 0, "statusId": "DN", "statusXmlId": "",
        "system": "N", "trackingDescription": "", "trackingLastCheck": "", "trackingNumber": "",
        "trackingStatus": "", "updated1c": "N", "version1c": "", "xmlId": f"bx_s{pk}", **own,
    }  # fmt: skip


def basket_item(pk: int, order: Row, name: str, quantity: int, price: float) -> Row:
    """sale/basket-item/sale-basket-item-list.md"""
    return {
        "barcodeMulti": "N", "basePrice": price, "canBuy": "Y", "catalogXmlId": "bx_catalog",
        "currency": order["currency"], "customPrice": "N", "dateInsert": order["dateInsert"],
        "dateRefresh": None, "dateUpdate": order["dateInsert"], "detailPageUrl": "",
        "dimensions": "", "discountCoupon": "", "discountName": "", "discountPrice": 0,
        "discountValue": "", "fuserId": 4, "id": pk, "lid": "s1", "measureCode": "796",
        "measureName": "pcs", "module": "catalog", "name": name, "notes": "", "orderId": order["id"],
        "price": price, "priceTypeId": 1, "productId": pk, "productPriceId": pk,
        "productProviderClass": "", "productXmlId": f"{pk}", "quantity": quantity,
        "recommendation": "", "setParentId": "", "sort": 100, "subscribe": "N", "type": "",
        "vatIncluded": "Y", "vatRate": 0.2, "weight": 0, "xmlId": f"bx_b{pk}",
    }  # fmt: skip


def client(pk: int, order: Row, type_id: int, entity_id: int, *, primary: bool) -> Row:
    """One of ``clients`` of sale.order.get."""
    return {
        "entityId": entity_id, "entityTypeId": type_id, "id": pk, "isPrimary": "Y" if primary else "N",
        "orderId": order["id"], "roleId": 0, "sort": 0,
    }  # fmt: skip


def source(pk: int, order: Row, platform: Row) -> Row:
    """Where the order came from (sale/trade-binding/sale-trade-binding-list.md)."""
    return {
        "externalOrderId": str(order["id"]), "id": pk, "orderId": order["id"], "params": None,
        "tradingPlatformId": str(platform["id"]), "tradingPlatformXmlId": platform["xmlId"],
        "xmlId": f"bx_t{pk}",
    }  # fmt: skip


def platform(pk: int, code: str, name: str) -> Row:
    """sale/trade-platform/sale-trade-platform-list.md"""
    return {
        "active": "Y", "catalogSectionTabClassName": "", "class": "", "code": code, "description": "",
        "id": pk, "name": name, "settings": "", "xmlId": f"bx_platform{pk}",
    }  # fmt: skip


# --- crm --------------------------------------------------------------------------------------


def deal(pk: int, title: str, responsible: int, amount: int, currency: str, **own: object) -> Row:
    """crm/deals/crm-deal-get.md"""
    then = moment(60)
    return {
        "ID": str(pk), "TITLE": title, "TYPE_ID": "SALE", "STAGE_ID": "PREPARATION",
        "PROBABILITY": "50", "CURRENCY_ID": currency, "OPPORTUNITY": f"{amount}.00",
        "IS_MANUAL_OPPORTUNITY": "Y", "TAX_VALUE": "0.00", "LEAD_ID": None,
        "COMPANY_ID": "0", "CONTACT_ID": "0", "QUOTE_ID": None, "BEGINDATE": then, "CLOSEDATE": then,
        "ASSIGNED_BY_ID": str(responsible), "CREATED_BY_ID": "1", "MODIFY_BY_ID": "1",
        "DATE_CREATE": then, "DATE_MODIFY": then, "OPENED": "Y", "CLOSED": "N", "COMMENTS": "",
        "ADDITIONAL_INFO": "", "LOCATION_ID": None, "CATEGORY_ID": "0", "STAGE_SEMANTIC_ID": "P",
        "IS_NEW": "N", "IS_RECURRING": "N", "IS_RETURN_CUSTOMER": "N", "IS_REPEATED_APPROACH": "N",
        "SOURCE_ID": "WEB", "SOURCE_DESCRIPTION": "", "ORIGINATOR_ID": None, "ORIGIN_ID": None,
        "MOVED_BY_ID": "1", "MOVED_TIME": then, "LAST_ACTIVITY_TIME": then, "UTM_SOURCE": "",
        "UTM_MEDIUM": "", "UTM_CAMPAIGN": None, "UTM_CONTENT": None, "UTM_TERM": None,
        "LAST_ACTIVITY_BY": "1", **own,
    }  # fmt: skip


def invoice(pk: int, title: str, responsible: int, amount: float, **own: object) -> Row:
    """crm/universal/crm-item-get.md, with the fields of an invoice (crm/universal/object-fields.md)."""
    then = moment(30)
    return {
        "id": pk, "xmlId": "", "title": title, "createdBy": 1, "updatedBy": 1, "movedBy": 1,
        "createdTime": then, "updatedTime": then, "movedTime": then, "categoryId": 2, "opened": "Y",
        "stageId": "DT31_2:N", "previousStageId": "", "begindate": then, "closedate": then,
        "companyId": 0, "contactId": 0, "opportunity": amount, "isManualOpportunity": "Y",
        "taxValue": 0, "currencyId": "EUR", "mycompanyId": 0, "sourceId": "WEB",
        "sourceDescription": "", "webformId": 0, "accountNumber": str(pk), "locationId": None,
        "comments": "", "assignedById": responsible, "lastActivityBy": 1, "lastActivityTime": then,
        "parentId2": None, "utmSource": None, "utmMedium": None, "utmCampaign": None,
        "utmContent": None, "utmTerm": None, "observers": [1], "contactIds": [],
        "entityTypeId": INVOICE, **own,
    }  # fmt: skip


def contact(
    pk: int,
    name: str,
    company_id: int,
    responsible: int,
    phones: Iterable[str],
    mails: Iterable[str],
) -> Row:
    """crm/contacts/crm-contact-get.md"""
    first, _, last = name.partition(" ")
    return {
        "ID": str(pk), "POST": "", "COMMENTS": "", "HONORIFIC": None, "NAME": first,
        "SECOND_NAME": "", "LAST_NAME": last, "PHOTO": None, "LEAD_ID": None, "TYPE_ID": "CLIENT",
        "SOURCE_ID": "WEB", "SOURCE_DESCRIPTION": "", "COMPANY_ID": str(company_id) if company_id else None,
        "BIRTHDATE": "", "EXPORT": "N",
        **_common(responsible), "FACE_ID": None, **_reached("C", pk, phones, mails),
    }  # fmt: skip


def company(
    pk: int, title: str, responsible: int, phones: Iterable[str], mails: Iterable[str]
) -> Row:
    """crm/companies/crm-company-get.md"""
    legal = ("", "_2", "_CITY", "_POSTAL_CODE", "_REGION", "_PROVINCE", "_COUNTRY", "_COUNTRY_CODE")
    return {
        "ID": str(pk), "COMPANY_TYPE": "CUSTOMER", "TITLE": title, "LOGO": None, "LEAD_ID": None,
        "BANKING_DETAILS": "", "INDUSTRY": "OTHER", "REVENUE": "0", "CURRENCY_ID": "EUR",
        "EMPLOYEES": "EMPLOYEES_1", "COMMENTS": "", "IS_MY_COMPANY": "N", "ADDRESS_COUNTRY_CODE": None,
        "ADDRESS_LEGAL": None, **{f"REG_ADDRESS{text}": None for text in (*legal, "_LOC_ADDR_ID")},
        **_common(responsible), "LAST_COMMUNICATION_TIME": None, **_reached("CO", pk, phones, mails),
    }  # fmt: skip


def _common(responsible: int) -> Row:
    """What contacts and companies have alike."""
    then = moment(90)
    address = (
        "",
        "_2",
        "_CITY",
        "_POSTAL_CODE",
        "_REGION",
        "_PROVINCE",
        "_COUNTRY",
        "_LOC_ADDR_ID",
    )
    return {
        "ASSIGNED_BY_ID": str(responsible), "CREATED_BY_ID": "1", "MODIFY_BY_ID": "1",
        "DATE_CREATE": then, "DATE_MODIFY": then, "OPENED": "Y", "ORIGINATOR_ID": None,
        "ORIGIN_ID": None, "ORIGIN_VERSION": None, "LAST_ACTIVITY_TIME": then,
        "LAST_ACTIVITY_BY": "1", **{f"ADDRESS{text}": None for text in address},
        "UTM_SOURCE": None, "UTM_MEDIUM": None, "UTM_CAMPAIGN": None, "UTM_CONTENT": None,
        "UTM_TERM": None,
    }  # fmt: skip


def _reached(prefix: str, pk: int, phones: Iterable[str], mails: Iterable[str]) -> Row:
    """Multiple fields (crm/data-types.md#crm_multifield); a kind without values is left out."""
    found: dict[str, list[Mapping[str, str]]] = {}
    base = pk * 100 + (5000 if prefix == "CO" else 0)
    for kind, values in (("PHONE", phones), ("EMAIL", mails)):
        for value in values:
            rows = found.setdefault(kind, [])
            base += 1
            work = "HOME" if rows else "WORK"
            rows.append({"ID": str(base), "VALUE_TYPE": work, "VALUE": value, "TYPE_ID": kind})
    flags = {f"HAS_{kind}": "Y" if kind in found else "N" for kind in ("PHONE", "EMAIL", "IMOL")}
    return {**flags, **found}
