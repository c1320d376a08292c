"""What the app binds in a portal, as data."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from django.conf import settings
from django.urls import reverse

from b24app.bitrix24 import ask, errors
from b24app.bitrix24.ask import Ask, Refusal
from b24app.bitrix24.client import Answer, Command
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

# What makes an open tab stale (sale/events/index.md, crm/deals/events/index.md). A changed link
# comes as a saved order; of the two events for a saved order one is enough. The event for a changed
# invoice comes for every item of every smart process, so invoices are not followed.
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
    """Where the app shows itself in a portal: the portal's code, our route, what is bound there."""

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
    return [
        scope
        for scope in SCOPES
        if scope not in have and not (WIDER.get(scope, frozenset()) & have)
    ]


def missing_optional_scopes(granted: Iterable[str]) -> list[str]:
    """Permissions the portal did not grant and the app can do without."""
    have = set(granted)
    return [scope for scope in OPTIONAL_SCOPES if scope not in have]


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


def unknown_link_fields() -> Ask[list[str]]:
    """The fields of an order link that the app needs and the portal's kernel does not know.

    A kernel drops a filter by a field it does not know, and then answers every link: so the names are
    asked for (crm/universal/order-entity/crm-order-entity-get-fields.md). Raises the portal's refusal.
    """
    return ask.of(Command("crm.orderentity.getFields"), _unknown_fields)


def _unknown_fields(answer: Answer) -> list[str]:
    found = answer.result.get("orderEntity") if isinstance(answer.result, Mapping) else None
    return sorted(LINK_FIELDS - set(found if isinstance(found, Mapping) else {}))


def granted_scopes() -> Ask[list[str]]:
    """Permissions as the portal grants them now (common/system/scope.md); empty if it does not say.

    Raises the portal's refusal.
    """
    return ask.of(
        Command("scope"),
        lambda answer: (
            [str(item) for item in answer.result] if isinstance(answer.result, list) else []
        ),
    )


@dataclass(frozen=True, slots=True)
class Present:
    """What the app has bound in a portal now; a refusal if the portal did not list it."""

    placements: tuple[Bound, ...] | Refusal
    events: tuple[Bound, ...] | Refusal

    @property
    def refusals(self) -> list[errors.BitrixError]:
        parts = (self.placements, self.events)
        return [refusal.error for refusal in parts if isinstance(refusal, Refusal)]


def bound_placements() -> Ask[tuple[Bound, ...]]:
    """The placements bound now (widgets/placement-get.md). Raises the portal's refusal."""
    return ask.of(Command("placement.get"), lambda answer: _bound(answer, "placement"))


def bound_events() -> Ask[tuple[Bound, ...]]:
    """The events bound now (events/event-get.md). Raises the portal's refusal."""
    return ask.of(Command("event.get"), lambda answer: _bound(answer, "event"))


def present() -> Ask[Present]:
    """What is bound now, both lists in one request."""
    return ask.together(bound_placements().attempt(), bound_events().attempt()).map(
        lambda found: Present(*found)
    )


def _bound(answer: Answer, key: str) -> tuple[Bound, ...]:
    return tuple(
        Bound(str(row.get(key)).upper(), str(row.get("handler")))
        for row in (answer.result if isinstance(answer.result, list) else [])
        if isinstance(row, Mapping)
    )


@dataclass(frozen=True, slots=True)
class Change:
    """A placement or an event to be bound or unbound. ``name`` is the portal's code for it."""

    kind: str
    name: str
    binds: bool
    command: Command


@dataclass(frozen=True, slots=True)
class Failure:
    """A change that the portal refused, or that nobody knows the outcome of."""

    change: Change
    error: errors.BitrixError


def failures_of(changes: Sequence[Change]) -> Ask[list[Failure]]:
    """Make the changes; those that failed."""
    return ask.every(_made(change) for change in changes).map(
        lambda found: [failure for failure in found if failure is not None]
    )


def _made(change: Change) -> Ask[Failure | None]:
    def failure(outcome: Refusal | None) -> Failure | None:
        return Failure(change, outcome.error) if outcome is not None else None

    return ask.of(change.command, lambda _: None).attempt().map(failure)


def mending(portal: Portal, present: Present) -> list[Change]:
    """Changes that make what is bound what is wanted; none where nothing differs.

    What the portal did not list counts as not bound.
    """
    return [
        *placement_changes(
            portal, () if isinstance(present.placements, Refusal) else present.placements
        ),
        *_changes(
            wanted_events(),
            () if isinstance(present.events, Refusal) else present.events,
            "event",
            "EVENT",
        ),
    ]


def placement_changes(portal: Portal, bound: Iterable[Bound]) -> list[Change]:
    """Changes that make the placements what the portal's settings want."""
    return _changes(wanted_placements(portal), bound, "placement", "PLACEMENT")


def _changes(
    wanted: Iterable[Bound], bound: Iterable[Bound], kind: str, field: str
) -> list[Change]:
    """Changes that make what is bound what is wanted: leftovers unbound first, gaps bound.

    ``kind`` is ``placement`` or ``event`` and ``field`` the parameter naming it
    (widgets/placement-bind.md, events/event-bind.md). Nothing for bindings that are right already.
    """
    wanted_set, present = frozenset(wanted), list(bound)
    changes = []
    spare = [binding for binding in present if binding not in wanted_set]
    # The same binding twice shows the tab twice; unbinding takes both, so it is bound again.
    doubled = {
        binding for binding in present if binding in wanted_set and present.count(binding) > 1
    }
    for binding in [*dict.fromkeys(spare), *sorted(doubled, key=str)]:
        params = {field: binding.name, "HANDLER": binding.handler}
        command = Command(f"{kind}.unbind", params, write=True)
        changes.append(Change(kind, binding.name, binds=False, command=command))
    for binding in sorted(wanted_set, key=str):
        if binding not in present or binding in doubled:
            command = Command(f"{kind}.bind", _binding(binding, field), write=True)
            changes.append(Change(kind, binding.name, binds=True, command=command))
    return changes


_BY_CODE: Mapping[str, Place] = {place.code: place for place in PLACES.values()}


def _binding(binding: Bound, field: str) -> dict[str, object]:
    params: dict[str, object] = {field: binding.name, "HANDLER": binding.handler}
    if field == "PLACEMENT":
        place = _BY_CODE[binding.name]
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
