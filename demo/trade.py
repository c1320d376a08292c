"""Trade goes on by itself: orders come in, deals are opened, moved and closed."""

import random
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from demo import changes, rows
from demo.changes import SendEvent
from demo.methods.pipeline import STAGES, stage_id
from demo.people import CLIENTS, COMPANY_IDS
from demo.plans import STORE
from demo.rows import COMPANY, CONTACT
from demo.seed import property_row
from demo.state import State
from demo.tables import Row

CREATED, MOVED, CLOSED = 1, 2, 3


@dataclass(frozen=True)
class Purchase:
    """An order that comes in. ``client`` is a contact's id, 0 for somebody the CRM does not know.

    ``named`` says whether the store knows the CRM's contact; what the buyer typed is ``name``, ``phone``
    and ``email``, the contact's own where they are empty.
    """

    client: int = 1
    price: float = 100.0
    currency: str = "EUR"
    company: bool = False
    source: int = STORE
    responsible: int = 5
    named: bool = True
    name: str = ""
    phone: str = ""
    email: str = ""
    at: datetime | None = None
    number: str = ""


@dataclass(frozen=True)
class NewDeal:
    """A deal that somebody opens. ``contacts`` are all of its contacts, the main one first."""

    title: str
    contacts: Sequence[int] = ()
    company: int = 0
    funnel: int = 0
    stage: str = "NEW"
    responsible: int = 7
    at: datetime | None = None


def order_comes(state: State, send_event: SendEvent, purchase: Purchase) -> int:
    """The order's id."""
    pk = max(state.orders, default=0) + 1
    at = (purchase.at or datetime.now(UTC)).isoformat(timespec="seconds")
    number = purchase.number or f"N{pk}"
    order = rows.order(
        pk, number, purchase.price, purchase.currency, 0, dateInsert=at, dateUpdate=at, dateStatus=at,
        responsibleId=purchase.responsible, personTypeId=4 if purchase.company else 3,
    )  # fmt: skip
    state.orders[pk] = order
    payment = max(state.payments, default=0) + 1
    state.payments[payment] = rows.payment(payment, order, 1, purchase.price)
    for code, value in _typed(purchase):
        row = property_row(order, code, value, of_a_company=purchase.company)
        state.properties.add(row)
    if purchase.named and purchase.client:
        _named(state, order, purchase)
    source = max(state.sources, default=0) + 1
    state.sources[source] = rows.source(source, order, state.platforms[purchase.source])
    changes.order_saved(send_event, order)
    return pk


def _typed(purchase: Purchase) -> list[tuple[str, str]]:
    """What the buyer typed into the order."""
    known = CLIENTS[purchase.client - 1] if 0 < purchase.client <= len(CLIENTS) else None
    mail = f"client{purchase.client}@example.com" if known else ""
    typed = [
        ("FIO", purchase.name or (known.name if known else "")),
        ("PHONE", purchase.phone or (known.phone if known else "")),
        ("EMAIL", purchase.email or mail),
        ("COMPANY", known.company if known and purchase.company else ""),
    ]
    return [(code, value) for code, value in typed if value]


def _named(state: State, order: Row, purchase: Purchase) -> None:
    known = CLIENTS[purchase.client - 1] if purchase.client <= len(CLIENTS) else None
    company = COMPANY_IDS.get(known.company, 0) if known and purchase.company else 0
    for type_id, entity in ((CONTACT, purchase.client), (COMPANY, company)):
        if entity:
            pk = max(state.clients, default=0) + 1
            state.clients[pk] = rows.client(pk, order, type_id, entity, primary=type_id == CONTACT)


def open_deal(state: State, send_event: SendEvent, deal: NewDeal) -> int:
    """The deal's id."""
    pk = max(state.deals, default=0) + 1
    at = (deal.at or datetime.now(UTC)).isoformat(timespec="seconds")
    main = deal.contacts[0] if deal.contacts else 0
    dates = dict.fromkeys(
        ("DATE_CREATE", "DATE_MODIFY", "MOVED_TIME", "BEGINDATE", "CLOSEDATE"), at
    )
    state.deals[pk] = rows.deal(
        pk, deal.title, deal.responsible, 0, "EUR", CONTACT_ID=str(main), COMPANY_ID=str(deal.company),
        CATEGORY_ID=str(deal.funnel), STAGE_ID=stage_id(deal.funnel, deal.stage), **dates,
    )  # fmt: skip
    state.deal_contacts[pk] = list(deal.contacts[1:])
    _remember(state, pk, CREATED, at)
    send_event("ONCRMDEALADD", {"FIELDS": {"ID": str(pk)}})
    return pk


def move_deal(
    state: State, send_event: SendEvent, deal_id: int, stage: str, at: datetime | None = None
) -> None:
    """Somebody moves the deal to a stage of its funnel, such as ``WON``."""
    deal = state.deals[deal_id]
    moment = (at or datetime.now(UTC)).isoformat(timespec="seconds")
    semantics = STAGES[stage][1]
    closed = semantics != "P"
    fields = {
        "STAGE_ID": stage_id(int(deal["CATEGORY_ID"]), stage), "STAGE_SEMANTIC_ID": semantics,
        "CLOSED": "Y" if closed else "N", "MOVED_TIME": moment, "MOVED_BY_ID": "7",
        "MODIFY_BY_ID": "7", **({"CLOSEDATE": moment} if closed else {}),
    }  # fmt: skip
    changes.change_deal(state, send_event, deal_id, fields)
    deal["DATE_MODIFY"] = moment
    _remember(state, deal_id, CLOSED if closed else MOVED, moment)


def _remember(state: State, deal_id: int, kind: int, at: str) -> None:
    deal, pk = state.deals[deal_id], max(state.stage_history, default=0) + 1
    state.stage_history[pk] = {
        "ID": pk, "TYPE_ID": kind, "OWNER_ID": deal_id, "CREATED_TIME": at,
        "CATEGORY_ID": int(deal["CATEGORY_ID"]), "STAGE_SEMANTIC_ID": deal["STAGE_SEMANTIC_ID"],
        "STAGE_ID": deal["STAGE_ID"],
    }  # fmt: skip


class Trade:
    """New orders that come in by themselves, one each so many seconds, until :meth:`pause`.

    ``happens`` carries out a change of the portal's state.
    """

    def __init__(self, happens: Callable[..., object]) -> None:
        self.seconds = 0.0
        self._happens = happens
        self._paused = threading.Event()
        self._chance = random.Random(24)

    def go_on(self, seconds: float) -> None:
        """One order each ``seconds``; none for 0."""
        self.pause()
        if seconds <= 0:
            return
        self.seconds, self._paused = seconds, threading.Event()
        threading.Thread(target=self._run, args=(seconds, self._paused), daemon=True).start()

    def pause(self) -> None:
        self.seconds = 0.0
        self._paused.set()

    def _run(self, seconds: float, paused: threading.Event) -> None:
        while not paused.wait(seconds):
            self._happens(order_comes, self.next())

    def next(self) -> Purchase:
        """The next buyer by chance."""
        return Purchase(
            client=self._chance.randint(1, len(CLIENTS)),
            price=round(self._chance.uniform(10, 900), 2),
            company=self._chance.random() < 0.5,
        )
