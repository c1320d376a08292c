"""The REST methods the app calls, each as its page of the documentation describes it."""

import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass

from demo.filters import listed
from demo.php import intval, values
from demo.state import Row, State, User

DEAL, INVOICE = 2, 31


class Failure(Exception):
    """An error answer: HTTP status, code as the method writes it (text or number), text."""

    def __init__(self, status: int, code: str | int, text: str = "", **more: object) -> None:
        super().__init__(text)
        self.status = status
        self.body: Row = {"error": code, "error_description": text, **more}


@dataclass(frozen=True)
class Caller:
    state: State
    user: User
    client_id: str
    saved: Callable[[int], None] = lambda order_id: None


@dataclass(frozen=True)
class Found:
    """A list method's page."""

    result: object
    total: int | None
    start: int

    @property
    def next(self) -> int | None:
        more = self.total is not None and self.total > self.start + 50
        return self.start + 50 if more else None


Params = Mapping[str, object]
Method = Callable[[Caller, Params], object]
METHODS: dict[str, tuple[str, Method]] = {}


def method(name: str, scope: str = "") -> Callable[[Method], Method]:
    def register(function: Method) -> Method:
        METHODS[name.lower()] = (scope, function)
        return function

    return register


def listing(rows: Iterable[Row], params: Params, key: str | None, known: Iterable[str]) -> Found:
    page, total = listed(rows, params, known)
    return Found({key: page} if key else page, total, max(intval(params.get("start", 0)), 0))


# --- the app and its user ---------------------------------------------------------------------


@method("profile")
def profile(caller: Caller, _: Params) -> object:
    user = caller.user
    return {
        "ID": str(user.id), "ADMIN": user.admin, "NAME": user.name, "LAST_NAME": user.last_name,
        "PERSONAL_GENDER": "", "TIME_ZONE": "",
    }  # fmt: skip


@method("user.admin")
def user_admin(caller: Caller, _: Params) -> object:
    return caller.user.admin


@method("app.info")
def app_info(caller: Caller, _: Params) -> object:
    app = caller.state.app
    return {
        "ID": 5 if caller.client_id.endswith("1") else 6, "CODE": caller.client_id, "VERSION": app.version,
        "STATUS": app.status, "INSTALLED": app.finished, "PAYMENT_EXPIRED": "N", "DAYS": None,
        "LANGUAGE_ID": "en", "LICENSE": "en_pro100", "LICENSE_TYPE": "pro100", "LICENSE_FAMILY": "pro",
    }  # fmt: skip


@method("scope")
def scope(caller: Caller, _: Params) -> object:
    return list(caller.state.app.scope)


@method("server.time")
def server_time(_: Caller, __: Params) -> object:
    return time.strftime("%Y-%m-%dT%H:%M:%S+00:00", time.gmtime())


def _user_row(user: User) -> Row:
    return {
        "ID": str(user.id), "ACTIVE": True, "NAME": user.name, "LAST_NAME": user.last_name, "SECOND_NAME": "",
        "LAST_LOGIN": "2026-11-18T09:00:00+00:00", "DATE_REGISTER": "2026-01-15T00:00:00+00:00",
        "TIME_ZONE": "", "IS_ONLINE": "Y", "TIMESTAMP_X": {}, "LAST_ACTIVITY_DATE": {},
        "PERSONAL_GENDER": "", "PERSONAL_WWW": "", "PERSONAL_BIRTHDAY": "", "PERSONAL_MOBILE": "",
        "PERSONAL_CITY": "", "WORK_PHONE": "", "WORK_POSITION": "", "UF_EMPLOYMENT_DATE": "",
        "UF_DEPARTMENT": [1], "USER_TYPE": "employee", "EMAIL": f"user{user.id}@example.com",
    }  # fmt: skip


@method("user.get", "user_brief")
def user_get(caller: Caller, params: Params) -> object:
    return listing((_user_row(one) for one in caller.state.users.values()), params, None, ("ID",))


@method("user.current", "user_brief")
def user_current(caller: Caller, _: Params) -> object:
    # The page of user.get shows both moments as empty objects, this one as text.
    seen = {"TIMESTAMP_X": "18.11.2026 12:00:00", "LAST_ACTIVITY_DATE": "2026-11-18 12:00:00"}
    return {**_user_row(caller.user), **seen}


# --- placements and events --------------------------------------------------------------------


def administrator(caller: Caller) -> None:
    if not caller.user.admin:
        raise Failure(403, "ACCESS_DENIED", "Access denied!")


def _handler(params: Params) -> str:
    handler = str(params.get("HANDLER", ""))
    if not handler.startswith(("http://", "https://")):
        raise Failure(
            400, "ERROR_ARGUMENT", "Argument 'HANDLER' is null or empty", argument="HANDLER"
        )
    return handler


@method("placement.bind", "placement")
def placement_bind(caller: Caller, params: Params) -> object:
    administrator(caller)
    if not params.get("PLACEMENT"):
        raise Failure(
            400, "ERROR_ARGUMENT", "Argument 'PLACEMENT' is null or empty", argument="PLACEMENT"
        )
    caller.state.placements.append(
        {
            "placement": str(params["PLACEMENT"]),
            "userId": 0,
            "handler": _handler(params),
            "options": [],
            "title": str(params.get("TITLE", "")),
            "description": str(params.get("DESCRIPTION", "")),
            "langAll": params.get("LANG_ALL") or [],
        }
    )
    return True


def _unbound(rows: list[Row], name_key: str, name: str, handler: str) -> int:
    kept = [
        row
        for row in rows
        if str(row[name_key]).upper() != name.upper() or (handler and row["handler"] != handler)
    ]
    count = len(rows) - len(kept)
    rows[:] = kept
    return count


@method("placement.unbind", "placement")
def placement_unbind(caller: Caller, params: Params) -> object:
    administrator(caller)
    name, handler = str(params.get("PLACEMENT", "")), str(params.get("HANDLER", ""))
    return {"count": _unbound(caller.state.placements, "placement", name, handler)}


@method("placement.get", "placement")
def placement_get(caller: Caller, _: Params) -> object:
    return [dict(row) for row in caller.state.placements]


@method("event.bind")
def event_bind(caller: Caller, params: Params) -> object:
    event = str(params.get("EVENT", "")).upper()
    if not event.startswith("ON"):
        raise Failure(400, "ERROR_EVENT_NOT_FOUND", "Event not found")
    caller.state.events.append(
        {
            "event": event,
            "handler": _handler(params),
            "auth_type": str(params.get("AUTH_TYPE", "0")),
            "offline": 0,
        }
    )
    return True


@method("event.unbind")
def event_unbind(caller: Caller, params: Params) -> object:
    name, handler = str(params.get("EVENT", "")), str(params.get("HANDLER", ""))
    return {"count": _unbound(caller.state.events, "event", name, handler)}


@method("event.get")
def event_get(caller: Caller, _: Params) -> object:
    return [dict(row) for row in caller.state.events]


# --- order links ------------------------------------------------------------------------------


def _may_read_links(caller: Caller) -> None:
    if caller.user.sale == "denied":
        raise Failure(403, "200040300010", "Access Denied")


def _may_write_links(caller: Caller) -> None:
    if caller.user.sale != "write":
        raise Failure(403, "200040300020", "Access Denied")


@method("crm.orderentity.list", "crm")
def orderentity_list(caller: Caller, params: Params) -> object:
    _may_read_links(caller)
    rows: list[Row] = [
        {"orderId": order_id, "ownerId": owner[1], "ownerTypeId": owner[0]}
        for order_id, owner in caller.state.links.items()
    ]
    rows.sort(key=lambda row: intval(row["ownerId"]))
    return listing(rows, params, "orderEntity", ("orderId", "ownerId", "ownerTypeId"))


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
    caller.state.links[order_id] = (type_id, owner_id)
    caller.saved(order_id)
    return {"dealOrder": {"orderId": order_id, "ownerId": owner_id, "ownerTypeId": type_id}}


@method("crm.orderentity.deleteByFilter", "crm")
def orderentity_delete(caller: Caller, params: Params) -> object:
    _may_write_links(caller)
    order_id, type_id, owner_id = _link_fields(params)
    if order_id not in caller.state.orders:
        raise Failure(400, "200540400001", "order does not exist")
    if caller.state.links.get(order_id) != (type_id, owner_id):
        raise Failure(400, "201640400004", "entity relation is not exists")
    del caller.state.links[order_id]
    caller.saved(order_id)
    return True


@method("crm.orderentity.getFields", "crm")
def orderentity_fields(caller: Caller, _: Params) -> object:
    _may_read_links(caller)
    one = {"isImmutable": True, "isReadOnly": False, "isRequired": True, "type": "integer"}
    return {"orderEntity": {name: dict(one) for name in ("orderId", "ownerId", "ownerTypeId")}}


# --- the store --------------------------------------------------------------------------------


def may_read_store(caller: Caller) -> None:
    if caller.user.sale == "denied":
        raise Failure(403, 200040300010, "Access Denied")


def _store_list(
    name: str, key: str, rows: Callable[[State], Iterable[Row]], known: Iterable[str]
) -> None:
    fields = tuple(known)

    @method(name, "sale")
    def answer(caller: Caller, params: Params) -> object:
        may_read_store(caller)
        return listing(rows(caller.state), params, key, fields)


_store_list(
    "sale.order.list",
    "orders",
    lambda state: state.orders.values(),
    (
        "id",
        "accountNumber",
        "statusId",
        "price",
        "currency",
        "payed",
        "canceled",
        "dateInsert",
        "responsibleId",
    ),
)
_store_list(
    "sale.payment.list",
    "payments",
    lambda s: s.payments.values(),
    ("id", "orderId", "paid", "isReturn"),
)
_store_list(
    "sale.shipment.list",
    "shipments",
    lambda s: s.shipments.values(),
    ("id", "orderId", "system", "deducted"),
)
_store_list("sale.basketitem.list", "basketItems", lambda s: s.baskets.values(), ("id", "orderId"))
_store_list(
    "sale.propertyvalue.list",
    "propertyValues",
    lambda state: state.properties.values(),
    ("id", "orderId", "code", "value", "name", "orderPropsId"),
)
_store_list("sale.status.list", "statuses", lambda state: state.statuses, ("id", "type"))
_store_list(
    "sale.statusLang.list", "statusLangs", lambda state: state.status_names, ("statusId", "lid")
)


# --- deals ------------------------------------------------------------------------------------


@method("crm.deal.get", "crm")
def deal_get(caller: Caller, params: Params) -> object:
    deal = caller.state.deals.get(intval(params.get("id") or params.get("ID")))
    if deal is None:
        raise Failure(400, "", "Not found")
    if not caller.state.sees_deal(caller.user, deal):
        raise Failure(400, "", "Access denied.")
    return dict(deal)


@method("crm.deal.list", "crm")
def deal_list(caller: Caller, params: Params) -> object:
    state = caller.state
    rows = (row for row in state.deals.values() if state.sees_deal(caller.user, row))
    return listing(
        rows, params, None, ("ID", "TITLE", "ASSIGNED_BY_ID", "CONTACT_ID", "COMPANY_ID")
    )


@method("methods")
def methods(_: Caller, __: Params) -> object:
    return sorted(METHODS)


@method("method.get")
def method_get(_: Caller, params: Params) -> object:
    exists = str(values(params.get("name", ""))[0]).lower() in METHODS
    return {"isExisting": exists, "isAvailable": exists}
