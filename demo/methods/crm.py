"""Deals, invoices, contacts, companies and comments (crm/*).

Whoever may only read their own sees nothing of others' anywhere here.
"""

from collections.abc import Callable, Mapping

from demo import changes
from demo.filters import given, near, split
from demo.methods import pipeline
from demo.methods.registry import Caller, Failure, Found, Params, listing, method, upper
from demo.php import intval, values
from demo.rows import DEAL, INVOICE
from demo.state import State
from demo.tables import Row, Table

OLD_INVOICE = 5
MULTIPLE = ("PHONE", "EMAIL")
# What of a card cannot be written.
FIXED = ("ID", "id", "entityTypeId", "DATE_CREATE", "DATE_MODIFY", "createdTime", "updatedTime")


def _own(caller: Caller, table: Table, params: Params) -> Row:
    """The deal, contact or company of ``id``, if the caller may read it."""
    pk = intval(params.get("id", params.get("ID", 0)))
    if pk <= 0:
        raise Failure(400, "", "ID is not defined or invalid")
    row = table.get(pk)
    if row is None:
        raise Failure(400, "", "Not found")
    if not caller.state.sees(caller.user, row):
        raise Failure(400, "", "Access denied")
    return row


def _listed(caller: Caller, table: Table, params: Params) -> Found:
    if caller.user.crm == "denied":
        raise Failure(400, "", "Access denied.")
    for name in ("filter", "order"):
        if not isinstance(params.get(name) or {}, Mapping):
            raise Failure(400, "", f"Parameter '{name}' must be array.")
    # Multiple fields come only where they are named.
    named = values(params.get("select") or [])
    hidden = {name for name in MULTIPLE if name not in named}
    rows = [
        {key: row[key] for key in row if key not in hidden}
        for row in near(table.values(), params, {"ID": table.found})
        if caller.state.sees(caller.user, row) and _is_reached_at(row, given(params))
    ]
    return listing(rows, params, None, set(next(iter(table.values()), {})) - set(MULTIPLE))


def _is_reached_at(row: Row, wanted: Mapping[str, object]) -> bool:
    """Conditions on telephone and mail, which know only whole values."""
    for key, value in wanted.items():
        name = str(key).removeprefix("=")
        if name in MULTIPLE:
            have = {str(item["VALUE"]) for item in row.get(name, ())}
            if not have & {str(item) for item in values(value)}:
                return False
    return True


@method("crm.deal.get", "crm")
def deal_get(caller: Caller, params: Params) -> object:
    return dict(_own(caller, caller.state.deals, params))


@method("crm.deal.list", "crm")
def deal_list(caller: Caller, params: Params) -> object:
    return _listed(caller, caller.state.deals, params)


@method("crm.deal.contact.items.get", "crm")
def deal_contacts(caller: Caller, params: Params) -> object:
    """crm/deals/contacts/crm-deal-contact-items-get.md"""
    if intval(params.get("id", 0)) <= 0:
        raise Failure(400, "", "The parameter ownerEntityID is invalid or not defined.")
    if caller.user.crm == "denied":
        raise Failure(400, "", "Access denied.")
    deal = caller.state.deals.get(intval(params["id"]))
    if deal is None:
        raise Failure(400, "", "Not found.")
    if not caller.state.sees(caller.user, deal):
        raise Failure(400, "ACCESS_DENIED", "Access denied!")
    main = intval(deal["CONTACT_ID"] or 0)
    others = caller.state.deal_contacts.get(int(deal["ID"]), [])
    return [
        {
            "CONTACT_ID": pk,
            "SORT": 10 * number,
            "ROLE_ID": 0,
            "IS_PRIMARY": "Y" if pk == main else "N",
        }
        for number, pk in enumerate([main, *others] if main else others, start=1)
    ]


@method("crm.deal.update", "crm")
def deal_update(caller: Caller, params: Params) -> object:
    """Names of the parameters in either case, as the page's own examples have them."""
    fields = upper(params).get("FIELDS")
    if not isinstance(fields, Mapping):
        raise Failure(400, "", "Parameter 'fields' must be array.")
    deal = _own(caller, caller.state.deals, params)
    if not caller.state.changes(caller.user, deal):
        raise Failure(400, "", "Access denied")
    written = {name: fields[name] for name in deal if name in fields and name not in FIXED}
    if "OPPORTUNITY" in written:
        written["OPPORTUNITY"] = f"{_amount(written['OPPORTUNITY']):.2f}"
    texts = {name: None if value is None else str(value) for name, value in written.items()}
    changes.change_deal(caller.state, caller.send_event, int(deal["ID"]), texts)
    return True


def _amount(value: object) -> float:
    """A number as PHP's floatval has it: what is none is 0."""
    try:
        return float(str(value))
    except ValueError:
        return 0.0


def _clients(name: str, rows: Callable[[State], Table]) -> None:
    @method(f"crm.{name}.get", "crm")
    def get(caller: Caller, params: Params) -> object:
        return dict(_own(caller, rows(caller.state), params))

    @method(f"crm.{name}.list", "crm")
    def find(caller: Caller, params: Params) -> object:
        return _listed(caller, rows(caller.state), params)


_clients("contact", lambda state: state.contacts)
_clients("company", lambda state: state.companies)


# --- universal methods: of all the types they serve, invoices, and lists of deals ---------------


def _items(caller: Caller, params: Params) -> Table:
    type_id = intval(params.get("entityTypeId", 0))
    if type_id == OLD_INVOICE:
        raise Failure(400, "ENTITY_TYPE_NOT_SUPPORTED", "Entity type is not supported")
    if type_id != INVOICE:
        raise Failure(400, "NOT_FOUND", "SPA not found")
    return caller.state.invoices


def _item(caller: Caller, params: Params) -> Row:
    item = _items(caller, params).get(intval(params.get("id", 0)))
    if item is None:
        raise Failure(400, "NOT_FOUND", "Element not found")
    if not caller.state.sees(caller.user, item):
        raise Failure(400, "ACCESS_DENIED", "Access denied")
    return item


def _mapping(value: object) -> Mapping[object, object]:
    return value if isinstance(value, Mapping) else {}


@method("crm.item.get", "crm")
def item_get(caller: Caller, params: Params) -> object:
    return {"item": dict(_item(caller, params))}


@method("crm.item.list", "crm")
def item_list(caller: Caller, params: Params) -> object:
    if intval(params.get("entityTypeId", 0)) == DEAL:
        return pipeline.deal_items(caller, params)
    table = _items(caller, params)
    known = set(next(iter(table.values()), {}))
    for place, name in [
        *(("filter", split(key)[1]) for key in given(params)),
        *(("order", str(key)) for key in _mapping(params.get("order"))),
    ]:
        if name not in known:
            text = f"Invalid {place}: field '{name}' is not allowed in {place}"
            raise Failure(400, "INVALID_ARG_VALUE", text)
    rows = near(table.values(), params, {"id": table.found})
    seen = [row for row in rows if caller.state.sees(caller.user, row)]
    return listing(seen, params, "items", known)


@method("crm.item.update", "crm")
def item_update(caller: Caller, params: Params) -> object:
    item = _item(caller, params)
    fields = params.get("fields")
    if not caller.state.changes(caller.user, item):
        raise Failure(400, "ACCESS_DENIED", "Access denied")
    if not isinstance(fields, Mapping):
        raise Failure(400, "100", "Could not find value for parameter {fields}")
    written = {name: fields[name] for name in item if name in fields and name not in FIXED}
    for name in ("opportunity", "taxValue"):
        if name in written:
            written[name] = _amount(written[name])
    changes.change_invoice(caller.state, caller.send_event, item["id"], written)
    return {"item": dict(item)}
