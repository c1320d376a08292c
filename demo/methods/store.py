"""Orders and what hangs on them (sale/*). Error codes are numbers here, texts in crm.orderentity.*."""

from collections.abc import Callable, Iterable, Mapping

from demo import changes
from demo.filters import near, sorting, walked
from demo.methods.registry import Caller, Failure, Params, listing, method
from demo.php import intval
from demo.state import State
from demo.tables import Row, Table

# What sale.order.update takes (sale/order/sale-order-update.md).
UPDATED = (
    "price", "discountValue", "statusId", "empStatusId", "dateInsert", "marked", "empMarkedId",
    "reasonMarked", "userDescription", "additionalInfo", "comments", "responsibleId", "recurringId",
    "lockedBy", "recountFlag", "affiliateId", "updated1c", "orderTopic", "xmlId", "id1c", "version1c",
    "externalOrder", "canceled", "empCanceledId", "reasonCanceled",
)  # fmt: skip


def _readable(caller: Caller) -> None:
    if caller.user.sale == "denied":
        raise Failure(400, 200040300010, "Access Denied")


def _store_list(name: str, key: str, rows: Callable[[State], Table]) -> None:
    @method(name, "sale")
    def answer(caller: Caller, params: Params) -> object:
        _readable(caller)
        table = rows(caller.state)
        known = next(iter(table.values()), {})
        lookups = {"id": table.found} | ({"orderId": table.of_order} if "orderId" in known else {})
        every = table.values()
        found, (name, down) = near(every, params, lookups), sorting(params)
        if name != "id":
            return listing(found, params, key, known)
        ids = table if found is every else [row["id"] for row in found]
        numbers = walked(ids, params, name, down=down)
        return listing(map(table.__getitem__, numbers), params, key, known, ordered=True)


def _dictionary(name: str, key: str, rows: Callable[[State], Iterable[Row]], *known: str) -> None:
    @method(name, "sale")
    def answer(caller: Caller, params: Params) -> object:
        _readable(caller)
        return listing(rows(caller.state), params, key, known)


_store_list("sale.order.list", "orders", lambda state: state.orders)
_store_list("sale.payment.list", "payments", lambda state: state.payments)
_store_list("sale.shipment.list", "shipments", lambda state: state.shipments)
_store_list("sale.basketitem.list", "basketItems", lambda state: state.baskets)
_store_list("sale.propertyvalue.list", "propertyValues", lambda state: state.properties)
_store_list("sale.tradeBinding.list", "tradeBindings", lambda state: state.sources)
_store_list("sale.tradePlatform.list", "tradePlatforms", lambda state: state.platforms)
_dictionary("sale.status.list", "statuses", lambda state: state.statuses, "id", "type")
_dictionary(
    "sale.statusLang.list", "statusLangs", lambda state: state.status_names, "statusId", "lid"
)


def _order(caller: Caller, params: Params) -> Row:
    if "id" not in params:
        raise Failure(400, 100, "Could not find value for parameter {id}")
    order = caller.state.orders.get(intval(params["id"]))
    if order is None:
        raise Failure(400, 200540400001, "order does not exist")
    return order


def _with_clients(state: State, order: Row) -> Row:
    return {**order, "clients": state.clients.of_order(order["id"]), "requisiteLink": []}


@method("sale.order.get", "sale")
def order_get(caller: Caller, params: Params) -> object:
    """Without the system shipment, which no person sees; ids of goods are texts on this page alone."""
    _readable(caller)
    state, order = caller.state, _order(caller, params)
    items = state.baskets.of_order(order["id"])
    shipments = [row for row in state.shipments.of_order(order["id"]) if row["system"] == "N"]
    parts = {
        "basketItems": [_whole_item(row) for row in items],
        "payments": state.payments.of_order(order["id"]),
        "shipments": [
            {**row, "shipmentItems": [_sent(row, item) for item in items]} for row in shipments
        ],
        "propertyValues": [
            {key: row[key] for key in row if key != "orderId"}
            for row in state.properties.of_order(order["id"])
        ],
        "tradeBindings": state.sources.of_order(order["id"]),
    }
    return {"order": _with_clients(state, order) | parts}


def _whole_item(row: Row) -> Row:
    xml_id = {
        "basketId": row["id"], "code": "PRODUCT.XML_ID", "id": row["id"], "name": "Product XML_ID",
        "sort": 100, "value": row["productXmlId"], "xmlId": f"bx_i{row['id']}",
    }  # fmt: skip
    texts = {"id": str(row["id"]), "orderId": str(row["orderId"])}
    reserved = {
        "basketId": row["id"], "dateReserve": row["dateInsert"], "dateReserveEnd": row["dateInsert"],
        "id": row["id"], "quantity": row["quantity"], "reservedBy": None, "storeId": 1,
    }  # fmt: skip
    return {**row, **texts, "properties": [xml_id], "reservations": [reserved]}


def _sent(shipment: Row, item: Row) -> Row:
    return {
        "basketId": item["id"], "dateInsert": shipment["dateInsert"], "id": item["id"],
        "orderDeliveryId": shipment["id"], "quantity": item["quantity"], "reservedQuantity": 0,
        "xmlId": f"bx_q{item['id']}",
    }  # fmt: skip


@method("sale.order.update", "sale")
def order_update(caller: Caller, params: Params) -> object:
    if caller.user.sale != "write":
        raise Failure(400, 200040300020, "Access Denied")
    given = params.get("fields")
    if not isinstance(given, Mapping) or not given:
        raise Failure(400, 100, "Could not find value for parameter {fields}")
    order = _order(caller, params)
    fields = {name: given[name] for name in UPDATED if name in given}
    statuses = {row["id"] for row in caller.state.statuses if row["type"] == "O"}
    if fields.get("statusId", order["statusId"]) not in statuses:
        raise Failure(400, 0, "Status of the order is not found")
    if "responsibleId" in fields:
        fields["responsibleId"] = intval(fields["responsibleId"])
    _may_be_cancelled(caller.state, order, fields)
    changes.change_order(caller.state, caller.send_event, order["id"], fields)
    return {"order": _with_clients(caller.state, order)}


def _may_be_cancelled(state: State, order: Row, fields: Row) -> None:
    """Refused while something of the order is paid or has left, by a status of failure too."""
    by_status = "statusId" in fields and changes.cancels(state, fields["statusId"])
    if order["canceled"] == "N" and (fields.get("canceled") == "Y" or by_status):
        code = changes.obstacle(state, order["id"])
        if code:
            raise Failure(400, code, "The order cannot be cancelled")
