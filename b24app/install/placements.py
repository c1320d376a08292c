"""What the app binds in a portal, as data."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from django.conf import settings

from b24app.bitrix24.client import Command
from b24app.portals.codes import DEAL_TAB, INVOICE_TAB, ORDER_TAB

# Each method the app calls needs one of these; nothing is asked for that is not used.
SCOPES: Mapping[str, str] = {
    "crm": "crm.deal.*, crm.item.*, crm.contact.get, crm.company.get, crm.orderentity.*, "
    "crm.timeline.comment.add",
    "sale": "sale.order.*, sale.basketitem.list, sale.payment.list, sale.shipment.list, "
    "sale.propertyvalue.list, sale.status.list, sale.statusLang.list",
    "placement": "placement.bind, placement.unbind, placement.get",
    "user_brief": "user.get",
}

# A portal grants one of these in place of user_brief: each includes what user_brief gives.
WIDER: Mapping[str, frozenset[str]] = {"user_brief": frozenset({"user", "user_basic"})}

APP_EVENTS = ("ONAPPINSTALL", "ONAPPUNINSTALL", "ONAPPUPDATE", "ONAPPPAYMENT")

# What makes an open tab stale (sale/events/index.md, crm/deals/events/index.md). A changed link is
# told as a saved order; of the two events that tell a saved order one is enough. The event of a
# changed invoice tells of every item of every smart process, so invoices are not followed.
ORDER_EVENTS = ("ONSALEORDERSAVED", "ONORDERDELETED")
PAYMENT_EVENTS = ("ONPAYMENTENTITYSAVED", "ONPAYMENTDELETED")
SHIPMENT_EVENTS = ("ONSHIPMENTENTITYSAVED", "ONSHIPMENTDELETED")
DEAL_EVENTS = ("ONCRMDEALUPDATE", "ONCRMDEALDELETE")

EVENTS = (*APP_EVENTS, *ORDER_EVENTS, *PAYMENT_EVENTS, *SHIPMENT_EVENTS, *DEAL_EVENTS)

# Older kernels do not know every card and every event; without these the app is not installed.
REQUIRED = frozenset({DEAL_TAB, *APP_EVENTS})


@dataclass(frozen=True, slots=True)
class Tab:
    """A tab of ours in a card: its address below APP_URL, and its title and description by language."""

    path: str
    titles: Mapping[str, str]
    descriptions: Mapping[str, str]


_ORDERS = {"en": "Orders", "ru": "Заказы", "de": "Bestellungen"}

TABS: Mapping[str, Tab] = {
    DEAL_TAB: Tab(
        "/placements/deal-tab/",
        _ORDERS,
        {
            "en": "Online store orders linked to this deal",
            "ru": "Заказы интернет-магазина, связанные со сделкой",
            "de": "Mit diesem Auftrag verknüpfte Shop-Bestellungen",
        },
    ),
    INVOICE_TAB: Tab(
        "/placements/invoice-tab/",
        _ORDERS,
        {
            "en": "Online store orders linked to this invoice",
            "ru": "Заказы интернет-магазина, связанные со счётом",
            "de": "Mit dieser Rechnung verknüpfte Shop-Bestellungen",
        },
    ),
    ORDER_TAB: Tab(
        "/placements/order-tab/",
        {"en": "Linked deal", "ru": "Связанная сделка", "de": "Verknüpfter Auftrag"},
        {
            "en": "The deal this order is linked to",
            "ru": "Сделка, с которой связан этот заказ",
            "de": "Der Auftrag, mit dem diese Bestellung verknüpft ist",
        },
    ),
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
    return frozenset(Bound(code, f"{settings.APP_URL}{tab.path}") for code, tab in TABS.items())


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
    for one in sorted(wanted_set, key=str):
        if one not in present or one in doubled:
            commands[f"{kind}.bind.{one.name}"] = Command(
                f"{kind}.bind", _binding(one, field), write=True
            )
    return commands


def _binding(one: Bound, field: str) -> dict[str, object]:
    params: dict[str, object] = {field: one.name, "HANDLER": one.handler}
    if field == "PLACEMENT":
        tab = TABS[one.name]
        params["TITLE"], params["DESCRIPTION"] = tab.titles["en"], tab.descriptions["en"]
        params["LANG_ALL"] = {
            language: {
                "TITLE": title,
                "DESCRIPTION": tab.descriptions[language],
                "GROUP_NAME": "",
            }
            for language, title in tab.titles.items()
        }
    return params
