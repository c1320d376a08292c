"""What the app binds in a portal, as data."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from django.conf import settings

from b24app.bitrix24.client import Command
from b24app.portals.codes import DEAL_TAB

# Each method the app calls needs one of these; nothing is asked for that is not used.
SCOPES: Mapping[str, str] = {
    "crm": "crm.deal.get, crm.deal.list, crm.orderentity.*",
    "sale": "sale.order.list, sale.payment.list, sale.shipment.list, sale.propertyvalue.list, "
    "sale.status.list, sale.statusLang.list",
    "placement": "placement.bind, placement.unbind, placement.get",
    "user_brief": "user.get",
}

# A portal grants one of these in place of user_brief: each includes what user_brief gives.
WIDER: Mapping[str, frozenset[str]] = {"user_brief": frozenset({"user", "user_basic"})}

APP_EVENTS = ("ONAPPINSTALL", "ONAPPUNINSTALL", "ONAPPUPDATE", "ONAPPPAYMENT")

# What makes an open tab stale (sale/events/index.md, crm/deals/events/index.md). A changed link is
# told as a saved order; of the two events that tell a saved order one is enough.
ORDER_EVENTS = ("ONSALEORDERSAVED", "ONORDERDELETED")
PAYMENT_EVENTS = ("ONPAYMENTENTITYSAVED", "ONPAYMENTDELETED")
SHIPMENT_EVENTS = ("ONSHIPMENTENTITYSAVED", "ONSHIPMENTDELETED")
DEAL_EVENTS = ("ONCRMDEALUPDATE", "ONCRMDEALDELETE")

EVENTS = (*APP_EVENTS, *ORDER_EVENTS, *PAYMENT_EVENTS, *SHIPMENT_EVENTS, *DEAL_EVENTS)

TITLES: Mapping[str, str] = {"en": "Orders", "ru": "Заказы", "de": "Bestellungen"}
DESCRIPTIONS: Mapping[str, str] = {
    "en": "Online store orders linked to this deal",
    "ru": "Заказы интернет-магазина, связанные со сделкой",
    "de": "Mit diesem Auftrag verknüpfte Shop-Bestellungen",
}


@dataclass(frozen=True, slots=True)
class Bound:
    """One binding of the app in a portal: a placement or an event, and the address it calls."""

    name: str
    handler: str


def missing_scopes(granted: Iterable[str]) -> list[str]:
    """Permissions the app needs and the portal did not grant."""
    have = set(granted)
    return [one for one in SCOPES if one not in have and not (WIDER.get(one, frozenset()) & have)]


def wanted_placements() -> frozenset[Bound]:
    return frozenset({Bound(DEAL_TAB, f"{settings.APP_URL}/placements/deal-tab/")})


def wanted_events() -> frozenset[Bound]:
    return frozenset(Bound(event, f"{settings.APP_URL}/events/") for event in EVENTS)


def changes(
    wanted: Iterable[Bound], bound: Iterable[Bound], kind: str, field: str
) -> dict[str, Command]:
    """Commands that make what is bound what is wanted: leftovers unbound first, gaps bound.

    ``kind`` is ``placement`` or ``event`` and ``field`` the parameter naming it
    (widgets/placement-bind.md, events/event-bind.md). Nothing for what stands right already.
    """
    wanted_set, present = frozenset(wanted), list(bound)
    commands: dict[str, Command] = {}
    spare = [one for one in present if one not in wanted_set]
    # The same binding twice shows the tab twice; unbinding takes both, so it is bound anew.
    doubled = {one for one in present if one in wanted_set and present.count(one) > 1}
    for number, one in enumerate([*dict.fromkeys(spare), *sorted(doubled, key=str)]):
        params = {field: one.name, "HANDLER": one.handler}
        commands[f"{kind}.unbind{number}"] = Command(f"{kind}.unbind", params, write=True)
    for number, one in enumerate(sorted(wanted_set, key=str)):
        if one not in present or one in doubled:
            commands[f"{kind}.bind{number}"] = Command(
                f"{kind}.bind", _binding(one, field), write=True
            )
    return commands


def _binding(one: Bound, field: str) -> dict[str, object]:
    params: dict[str, object] = {field: one.name, "HANDLER": one.handler}
    if field == "PLACEMENT":
        params["TITLE"], params["DESCRIPTION"] = TITLES["en"], DESCRIPTIONS["en"]
        params["LANG_ALL"] = {
            language: {
                "TITLE": TITLES[language],
                "DESCRIPTION": DESCRIPTIONS[language],
                "GROUP_NAME": "",
            }
            for language in TITLES
        }
    return params
