"""Changing a shipment of an order (sale/shipment/sale-shipment-update.md)."""

from collections.abc import Mapping

from demo import changes
from demo.methods.registry import Caller, Failure, Params, method
from demo.php import intval

REQUIRED = ("allowDelivery", "deducted", "deliveryId")
TEXTS = ("deliveryDocNum", "deliveryDocDate", "trackingNumber", "comments", "xmlId")


@method("sale.shipment.update", "sale")
def shipment_update(caller: Caller, params: Params) -> object:
    """The shipment as saved. A status that is left out becomes DN, and prices that are left out 0."""
    if caller.user.sale != "write":
        raise Failure(400, 200040300020, "Access Denied")
    for name in ("id", "fields"):
        if not params.get(name):
            raise Failure(400, 100, f"Could not find value for parameter {{{name}}}")
    shipment = caller.state.shipments.get(intval(params["id"]))
    if shipment is None:
        raise Failure(400, 201140400001, "shipment does not exist")
    given = params["fields"]
    fields: Mapping[str, object] = given if isinstance(given, Mapping) else {}
    missing = [name for name in REQUIRED if name not in fields]
    if missing:
        raise Failure(400, 0, f"Required fields: {', '.join(missing)}")
    changes.change_shipment(caller.state, caller.send_event, shipment["id"], _saved(fields))
    return {"shipment": {**shipment, "shipmentItems": []}}


def _saved(fields: Mapping[str, object]) -> dict[str, object]:
    price = float(str(fields.get("basePriceDelivery", fields.get("priceDelivery", 0)) or 0))
    people = {
        name: intval(fields[name]) for name in ("deliveryId", "responsibleId") if name in fields
    }
    return {
        "allowDelivery": str(fields["allowDelivery"]),
        "deducted": str(fields["deducted"]),
        "statusId": str(fields.get("statusId", "DN")),
        "basePriceDelivery": price,
        "priceDelivery": price,
        **people,
        **{name: str(fields[name]) for name in TEXTS if name in fields},
    }
