"""Deals as items, their funnels, stages and history, and clients found by telephone or e-mail."""

import re
from collections.abc import Mapping

from demo.filters import given, near, split
from demo.methods.registry import Caller, Failure, Found, Params, listing, method
from demo.php import intval, values
from demo.rows import DEAL
from demo.state import State
from demo.tables import Row

# id: name, sort
FUNNELS = {0: ("Sales", 100), 7: ("Projects", 200)}

# Status: name, semantics; those of another funnel than the first have its number before them.
STAGES = {
    "NEW": ("New", "P"),
    "PREPARATION": ("Quote sent", "P"),
    "EXECUTING": ("In progress", "P"),
    "FINAL_INVOICE": ("Final invoice", "P"),
    "WON": ("Deal won", "S"),
    "LOSE": ("Deal lost", "F"),
}
EXTRA = {"P": "process", "S": "success", "F": "failure"}
MAX_FOUND = 20
MAX_VALUES = 20


def stage_id(funnel: int, stage: str) -> str:
    """A stage as deals have it: ``NEW``, or ``C7:NEW`` in funnel 7."""
    return f"C{funnel}:{stage}" if funnel else stage


def contacts_of(state: State, deal: Row) -> list[int]:
    """All contacts of a deal, the main one first."""
    more = state.deal_contacts.get(int(deal["ID"]), [])
    return [pk for pk in dict.fromkeys([int(deal["CONTACT_ID"] or 0), *more]) if pk]


def item_of(state: State, deal: Row) -> Row:
    """A deal as crm.item.* shows it (crm/universal/object-fields.md)."""
    return {
        "id": int(deal["ID"]), "title": deal["TITLE"], "categoryId": int(deal["CATEGORY_ID"]),
        "stageId": deal["STAGE_ID"], "stageSemanticId": deal["STAGE_SEMANTIC_ID"],
        "createdTime": deal["DATE_CREATE"], "updatedTime": deal["DATE_MODIFY"],
        "movedTime": deal["MOVED_TIME"], "createdBy": int(deal["CREATED_BY_ID"]),
        "updatedBy": int(deal["MODIFY_BY_ID"]), "movedBy": int(deal["MOVED_BY_ID"]),
        "contactId": int(deal["CONTACT_ID"] or 0), "contactIds": contacts_of(state, deal),
        "companyId": int(deal["COMPANY_ID"] or 0), "assignedById": int(deal["ASSIGNED_BY_ID"]),
        "isRecurring": deal["IS_RECURRING"], "opportunity": float(deal["OPPORTUNITY"]),
        "currencyId": deal["CURRENCY_ID"], "isManualOpportunity": deal["IS_MANUAL_OPPORTUNITY"],
        "begindate": deal["BEGINDATE"], "closedate": deal["CLOSEDATE"], "closed": deal["CLOSED"],
        "opened": deal["OPENED"], "sourceId": deal["SOURCE_ID"], "entityTypeId": DEAL,
    }  # fmt: skip


def deal_items(caller: Caller, params: Params) -> Found:
    """crm.item.list for deals; an unknown field is an error here, a deal has each of its contacts."""
    state = caller.state
    known = set(item_of(state, next(iter(state.deals.values()))))
    for place, name in [
        *(("filter", split(key)[1]) for key in given(params)),
        *(("order", str(key)) for key in _mapping(params.get("order"))),
    ]:
        if name not in known:
            text = f"Invalid {place}: field '{name}' is not allowed in {place}"
            raise Failure(400, "INVALID_ARG_VALUE", text)
    found = near(state.deals.values(), _ids(params), {"id": state.deals.found})
    items = [item_of(state, deal) for deal in found if state.sees(caller.user, deal)]
    wanted = dict(given(params))
    for key in [key for key in wanted if split(key)[1] == "contactIds"]:
        ids = {intval(value) for value in values(wanted.pop(key))}
        items = [item for item in items if ids & set(item["contactIds"])]
    return listing(items, {**params, "filter": wanted}, "items", known)


def _ids(params: Params) -> Params:
    """The conditions on the id alone."""
    return {"filter": {key: value for key, value in given(params).items() if split(key)[1] == "id"}}


def _mapping(value: object) -> Mapping[object, object]:
    return value if isinstance(value, Mapping) else {}


@method("crm.category.list", "crm")
def category_list(caller: Caller, params: Params) -> object:
    if intval(params.get("entityTypeId", 0)) != DEAL:
        raise Failure(400, "NOT_FOUND", "Smart process not found")
    rows = [
        {
            "id": pk, "name": name, "sort": sort, "entityTypeId": DEAL,
            "isDefault": "N" if pk else "Y", "originId": "", "originatorId": "",
        }
        for pk, (name, sort) in FUNNELS.items()
    ]  # fmt: skip
    return Found({"categories": rows}, len(rows), 0)


@method("crm.status.list", "crm")
def status_list(caller: Caller, params: Params) -> object:
    rows = [
        {
            "ID": str(100 + funnel * 10 + number),
            "ENTITY_ID": f"DEAL_STAGE_{funnel}" if funnel else "DEAL_STAGE",
            "STATUS_ID": stage_id(funnel, code), "NAME": name, "NAME_INIT": name,
            "SORT": str(number * 10), "SYSTEM": "N", "CATEGORY_ID": str(funnel) if funnel else None,
            "COLOR": "#39A8EF", "SEMANTICS": None if semantics == "P" else semantics,
            "EXTRA": {"SEMANTICS": EXTRA[semantics], "COLOR": "#39A8EF"},
        }
        for funnel in FUNNELS
        for number, (code, (name, semantics)) in enumerate(STAGES.items(), start=1)
    ]  # fmt: skip
    return listing(rows, params, None, rows[0])


@method("crm.stagehistory.list", "crm")
def stage_history(caller: Caller, params: Params) -> object:
    if intval(params.get("entityTypeId", 0)) != DEAL:
        raise Failure(400, "ENTITY_TYPE_NOT_SUPPORTED", "Entity type is not supported")
    known = (
        "ID", "TYPE_ID", "OWNER_ID", "CREATED_TIME", "CATEGORY_ID", "STAGE_SEMANTIC_ID", "STAGE_ID",
    )  # fmt: skip
    rows = [
        {name: row[name] for name in known}
        for row in caller.state.stage_history.values()
        if row["OWNER_ID"] in caller.state.deals
        and caller.state.sees(caller.user, caller.state.deals[row["OWNER_ID"]])
    ]
    return listing(rows, params, "items", known)


@method("crm.duplicate.findbycomm", "crm")
def find_by_communication(caller: Caller, params: Params) -> object:
    """Telephones match by their digits, e-mails in any case; at most twenty of a kind."""
    kind, asked = str(params.get("type", "")), values(params.get("values") or [])
    if kind not in ("PHONE", "EMAIL"):
        raise Failure(400, "Communication type is not defined", "Parameter 'type' is required.")
    if not asked:
        raise Failure(400, "Communication values is not defined", "Parameter 'values' is required.")
    keys = {_key(kind, value) for value in asked[:MAX_VALUES]} - {""}
    found = {}
    for name, table in (("CONTACT", caller.state.contacts), ("COMPANY", caller.state.companies)):
        if params.get("entity_type") not in (None, "", name):
            continue
        ids = [
            pk
            for pk, row in table.items()
            if keys & {_key(kind, item["VALUE"]) for item in row.get(kind, ())}
        ]
        if ids:
            found[name] = ids[:MAX_FOUND]
    return found or []


def _key(kind: str, value: object) -> str:
    if kind == "EMAIL":
        return str(value).strip().lower()
    return re.sub(r"\D", "", str(value))[-10:]
