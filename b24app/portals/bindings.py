"""What the app binds in a portal, as data."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from django.conf import settings
from django.urls import reverse

from b24app.bitrix24.client import Answer, Command
from b24app.bitrix24.errors import BitrixError
from b24app.portals.models import Portal
from b24app.portals.placements import (
    DEAL_LIST_MENU,
    DEAL_LIST_TOOLBAR,
    DEAL_TAB,
    INVOICE_TAB,
    ORDER_TAB,
)

# Each method the app calls needs one of these; nothing is asked for that is not used.
SCOPES: Mapping[str, str] = {
    "crm": "crm.deal.*, crm.item.*, crm.contact.get, crm.company.get, crm.orderentity.*, "
    "crm.timeline.comment.add",
    "sale": "sale.order.*, sale.basketitem.list, sale.payment.list, sale.shipment.list, "
    "sale.propertyvalue.list, sale.status.list, sale.statusLang.list",
    "placement": "placement.bind, placement.unbind, placement.get",
    "user_brief": "user.get",
}

# What is used where it is granted; everything else works without it.
OPTIONAL_SCOPES: Mapping[str, str] = {"im": "im.notify.system.add"}

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

ORDERS: Mapping[str, str] = {"en": "Orders", "ru": "Заказы", "de": "Bestellungen"}


@dataclass(frozen=True, slots=True)
class Place:
    """Where the app shows itself in a portal: the portal's code, our route, what stands there."""

    code: str
    route: str
    titles: Mapping[str, str]
    descriptions: Mapping[str, str]


# By the name under which the portal's settings switch a place off.
PLACES: Mapping[str, Place] = {
    "deal": Place(
        DEAL_TAB,
        "deal-tab",
        ORDERS,
        {
            "en": "Online store orders linked to this deal",
            "ru": "Заказы интернет-магазина, привязанные к сделке",
            "de": "Mit diesem Auftrag verknüpfte Shop-Bestellungen",
        },
    ),
    "invoice": Place(
        INVOICE_TAB,
        "invoice-tab",
        ORDERS,
        {
            "en": "Online store orders linked to this invoice",
            "ru": "Заказы интернет-магазина, привязанные к счёту",
            "de": "Mit dieser Rechnung verknüpfte Shop-Bestellungen",
        },
    ),
    "order": Place(
        ORDER_TAB,
        "order-tab",
        {"en": "Linked deal", "ru": "Связанная сделка", "de": "Verknüpfter Auftrag"},
        {
            "en": "The deal this order is linked to",
            "ru": "Сделка, к которой привязан этот заказ",
            "de": "Der Auftrag, mit dem diese Bestellung verknüpft ist",
        },
    ),
    "list_menu": Place(
        DEAL_LIST_MENU,
        "deal-list-menu",
        ORDERS,
        {
            "en": "Online store orders linked to this deal",
            "ru": "Заказы интернет-магазина, привязанные к сделке",
            "de": "Mit diesem Auftrag verknüpfte Shop-Bestellungen",
        },
    ),
    "list_toolbar": Place(
        DEAL_LIST_TOOLBAR,
        "deal-list-toolbar",
        {"en": "Order links", "ru": "Привязки заказов", "de": "Bestellverknüpfungen"},
        {
            "en": "All links between orders and deals",
            "ru": "Все привязки заказов к сделкам",
            "de": "Alle Verknüpfungen von Bestellungen mit Aufträgen",
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


def missing_optional_scopes(granted: Iterable[str]) -> list[str]:
    """Permissions the portal did not grant and the app can do without."""
    have = set(granted)
    return [one for one in OPTIONAL_SCOPES if one not in have]


def wanted_placements(portal: Portal) -> frozenset[Bound]:
    """Every place but those the portal's settings switch off."""
    return frozenset(
        Bound(place.code, f"{settings.APP_URL}{reverse(place.route)}")
        for name, place in PLACES.items()
        if name not in portal.places_off
    )


def wanted_events() -> frozenset[Bound]:
    return frozenset(Bound(event, f"{settings.APP_URL}/events/") for event in EVENTS)


# What the app reads, filters and writes of an order link (crm/universal/order-entity/index.md).
LINK_FIELDS = frozenset({"orderId", "ownerId", "ownerTypeId"})


def link_fields() -> dict[str, Command]:
    """The command that tells which fields of an order link the portal's kernel knows.

    It drops a filter by a field it does not know, and then answers every link: so the names are asked
    for (crm/universal/order-entity/crm-order-entity-get-fields.md). For :func:`unknown_link_fields`.
    """
    return {"links": Command("crm.orderentity.getFields")}


def unknown_link_fields(answer: Answer) -> list[str]:
    """The fields the app needs and the kernel does not know."""
    found = answer.result.get("orderEntity") if isinstance(answer.result, Mapping) else None
    return sorted(LINK_FIELDS - set(found if isinstance(found, Mapping) else {}))


def looking() -> dict[str, Command]:
    """Commands that read what is bound now, for :func:`bound_placements` and :func:`bound_events`."""
    return {"placements": Command("placement.get"), "events": Command("event.get")}


def bound_placements(outcomes: Mapping[str, Answer | BitrixError]) -> list[Bound]:
    """What :func:`looking` found; nothing where it could not be read."""
    return _bound(outcomes["placements"], "placement")


def bound_events(outcomes: Mapping[str, Answer | BitrixError]) -> list[Bound]:
    """What :func:`looking` found; nothing where it could not be read."""
    return _bound(outcomes["events"], "event")


def _bound(outcome: Answer | BitrixError, key: str) -> list[Bound]:
    found = outcome.result if isinstance(outcome, Answer) else []
    return [
        Bound(str(row.get(key)).upper(), str(row.get("handler")))
        for row in (found if isinstance(found, list) else [])
        if isinstance(row, Mapping)
    ]


def mending(portal: Portal, outcomes: Mapping[str, Answer | BitrixError]) -> dict[str, Command]:
    """Commands that make what :func:`looking` found what is wanted; none where nothing differs."""
    return changes(
        wanted_placements(portal), bound_placements(outcomes), "placement", "PLACEMENT"
    ) | changes(wanted_events(), bound_events(outcomes), "event", "EVENT")


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


_BY_CODE: Mapping[str, Place] = {place.code: place for place in PLACES.values()}


def _binding(one: Bound, field: str) -> dict[str, object]:
    params: dict[str, object] = {field: one.name, "HANDLER": one.handler}
    if field == "PLACEMENT":
        place = _BY_CODE[one.name]
        params["TITLE"], params["DESCRIPTION"] = place.titles["en"], place.descriptions["en"]
        params["LANG_ALL"] = {
            language: {
                "TITLE": title,
                "DESCRIPTION": place.descriptions[language],
                "GROUP_NAME": "",
            }
            for language, title in place.titles.items()
        }
    return params
