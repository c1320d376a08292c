"""Paying a payment of an order (crm/universal/payment/*)."""

from demo import changes
from demo.methods.registry import Caller, Failure, Params, method
from demo.php import intval


@method("crm.item.payment.pay", "crm")
def pay(caller: Caller, params: Params) -> object:
    """True. One text stands for a payment that is not there and for one that the caller may not change."""
    if "id" not in params:
        raise Failure(400, 100, "Could not find value for parameter {id}")
    payment = caller.state.payments.get(intval(params["id"]))
    if payment is None or caller.user.sale != "write":
        raise Failure(400, 0, "Insufficient permissions")
    changes.pay_one(caller.state, caller.send_event, payment["id"])
    return True
