"""Which order belongs to which deal or invoice (crm/universal/order-entity/*.md)."""

from collections.abc import Iterator, Mapping

from demo import changes
from demo.filters import near, order_of, sorting, walked
from demo.methods.registry import Caller, Failure, Params, listing, method
from demo.php import intval
from demo.tables import Links


def _there_is_a_store(caller: Caller) -> None:
    if not caller.state.store:
        raise Failure(400, "200540400002", "module sale does not exist")


def _may_read_links(caller: Caller) -> None:
    _there_is_a_store(caller)
    if caller.user.sale == "denied":
        raise Failure(400, "200040300010", "Access Denied")


def _may_write_links(caller: Caller) -> None:
    _there_is_a_store(caller)
    if caller.user.sale != "write":
        raise Failure(400, "200040300020", "Access Denied")


@method("crm.orderentity.list", "crm")
def orderentity_list(caller: Caller, params: Params) -> object:
    _may_read_links(caller)
    links = caller.state.links
    found = {"orderId": lambda pk: [pk] if pk in links else [], "ownerId": links.with_owner_id}
    ids, ordered = near(links, params, found), True
    name, down = sorting(params)
    if name == "orderId":
        ids = walked(ids, params, name, down=down)
    elif name == "ownerId" and ids is links and set(order_of(params)) <= {"ownerId", "orderId"}:
        ids = _by_owner(links, params, down=down)
    elif name:
        ordered = False
    else:
        ids = sorted(ids, key=lambda pk: links[pk][1])
    rows = ({"orderId": pk, "ownerId": links[pk][1], "ownerTypeId": links[pk][0]} for pk in ids)
    known = ("orderId", "ownerId", "ownerTypeId")
    return listing(rows, params, "orderEntity", known, ordered=ordered)


def _by_owner(links: Links, params: Params, *, down: bool) -> Iterator[int]:
    """Orders by the id of their owner; those of one owner as the sorting by order behind it says."""
    then = order_of(params).get("orderId")
    for owner_id in walked(links.owner_ids(), params, "ownerId", down=down):
        ids = links.with_owner_id(owner_id)
        yield from sorted(ids, reverse=str(then).lower() == "desc") if then else ids


def _link_fields(params: Params) -> tuple[int, int, int]:
    fields = params.get("fields")
    given = fields if isinstance(fields, Mapping) else {}
    missing = [name for name in ("ownerId", "ownerTypeId", "orderId") if not given.get(name)]
    if missing:
        raise Failure(400, "0", f"Required fields: {', '.join(missing)}")
    return intval(given["orderId"]), intval(given["ownerTypeId"]), intval(given["ownerId"])


@method("crm.orderentity.add", "crm")
def orderentity_add(caller: Caller, params: Params) -> object:
    _may_write_links(caller)
    order_id, type_id, owner_id = _link_fields(params)
    if order_id not in caller.state.orders:
        raise Failure(400, "200540400001", "order does not exist")
    if caller.state.links.get(order_id) == (type_id, owner_id):
        raise Failure(
            400, "201650000001", "Duplicate entry for key [ownerId, ownerTypeId, orderId]"
        )
    changes.link(caller.state, caller.send_event, order_id, (type_id, owner_id))
    return {"dealOrder": {"orderId": order_id, "ownerId": owner_id, "ownerTypeId": type_id}}


@method("crm.orderentity.deleteByFilter", "crm")
def orderentity_delete(caller: Caller, params: Params) -> object:
    _may_write_links(caller)
    order_id, type_id, owner_id = _link_fields(params)
    if order_id not in caller.state.orders:
        raise Failure(400, "200540400001", "order does not exist")
    if caller.state.links.get(order_id) != (type_id, owner_id):
        raise Failure(400, "201640400004", "entity relation is not exists")
    changes.link(caller.state, caller.send_event, order_id, None)
    return True


@method("crm.orderentity.getFields", "crm")
def orderentity_fields(caller: Caller, _: Params) -> object:
    """An old kernel may know fewer fields."""
    _may_read_links(caller)
    field = {"isImmutable": True, "isReadOnly": False, "isRequired": True, "type": "integer"}
    names = caller.state.link_fields
    return {"orderEntity": {name: dict(field) for name in names}}
