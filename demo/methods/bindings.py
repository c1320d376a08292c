"""Placements and events (api-reference/widgets, api-reference/events)."""

from demo.methods.registry import Caller, Failure, Params, administrator, method, upper
from demo.tables import Row

# Events an app with our permissions may receive (events/events.md, sale/events, crm/universal/events).
EVENTS = frozenset(
    f"ON{item}"
    for item in (
        *(
            f"APP{what}"
            for what in ("INSTALL", "UNINSTALL", "UPDATE", "PAYMENT", "TEST", "METHODCONFIRM")
        ),
        *(
            f"CRM{kind}{what}"
            for kind in ("DEAL", "CONTACT", "COMPANY", "DYNAMICITEM", "TIMELINECOMMENT")
            for what in ("ADD", "UPDATE", "DELETE")
        ),
        "CRMDEALMOVETOCATEGORY",
        "OFFLINEEVENT",
        "USERADD",
        *("SALEORDERSAVED", "SALEBEFOREORDERDELETE"),
        *(
            f"{kind}{what}"
            for kind in ("ORDER", "PAYMENT", "SHIPMENT", "PROPERTYVALUE")
            for what in ("ENTITYSAVED", "DELETED")
        ),
    )
)


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
    params = upper(params)
    event = str(params.get("EVENT", "")).upper()
    if event not in EVENTS:
        raise Failure(400, "ERROR_EVENT_NOT_FOUND", "Event not found")
    own = str(params.get("AUTH_TYPE") or caller.user.id) == str(caller.user.id)
    if not caller.user.admin and not own:
        text = "Event binding with AUTH_TYPE requires administrator access rights"
        raise Failure(403, "ACCESS_DENIED", f"Access denied! {text}")
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
    params = upper(params)
    name, handler = str(params.get("EVENT", "")), str(params.get("HANDLER", ""))
    return {"count": _unbound(caller.state.events, "event", name, handler)}


@method("event.get")
def event_get(caller: Caller, _: Params) -> object:
    return [dict(row) for row in caller.state.events]
