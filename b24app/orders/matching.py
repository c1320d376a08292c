"""Suggestions: which orders belong to a client, with the reasons.

Wrong suggestions cost more than missing ones. A reason is a fact that nearly always means the same
client. A fact against it outweighs one reason. Closeness in time alone is not a reason.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Final

from b24app.orders import normalization
from b24app.orders.types import Customer, Order

CLOSE: Final = timedelta(days=7)


class Reason(StrEnum):
    CONTACT = "contact"
    COMPANY = "company"
    PHONE = "phone"
    EMAIL = "email"
    CLOSE = "close"


@dataclass(frozen=True, slots=True)
class Buyer:
    """A contact and the company of a card, as the CRM knows them.

    IDs are 0 and texts empty where it does not.
    """

    contact_id: int = 0
    company_id: int = 0
    name: str = ""
    company: str = ""
    phones: tuple[str, ...] = ()
    emails: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Candidate:
    """An order that is linked to nothing, with the CRM clients the store keeps for it."""

    order: Order
    contacts: frozenset[int] = frozenset()
    companies: frozenset[int] = frozenset()


@dataclass(frozen=True, slots=True)
class Suggestion:
    """An order that seems to belong to a card. ``days`` from the card's date, where it is close."""

    order: Order
    reasons: tuple[Reason, ...]
    days: int = 0


def suggestions(
    buyers: Sequence[Buyer],
    candidates: Iterable[Candidate],
    *,
    made: datetime | None,
    since: datetime,
) -> tuple[Suggestion, ...]:
    """Those of ``candidates`` that belong to one of the buyers, newest first.

    ``made`` is the card's own date, ``since`` the oldest date an order may have. Cancelled orders
    and orders without a date are left out.
    """
    found: list[tuple[datetime, Suggestion]] = []
    for candidate in candidates:
        order = candidate.order
        reasons = _reasons_for_any(buyers, candidate) if may_count(order, since) else ()
        if not reasons or order.created is None:
            continue
        apart = abs(order.created - made) if made is not None else None
        if apart is not None and apart <= CLOSE:
            suggestion = Suggestion(order, (*reasons, Reason.CLOSE), apart.days)
        else:
            suggestion = Suggestion(order, reasons)
        found.append((order.created, suggestion))
    found.sort(key=lambda pair: (pair[0], pair[1].order.id), reverse=True)
    return tuple(suggestion for _, suggestion in found)


def may_count(order: Order, since: datetime) -> bool:
    """Whether an order is of the kind that is suggested: not cancelled, made ``since`` or later."""
    return not order.canceled and order.created is not None and order.created >= since


def _reasons_for_any(buyers: Iterable[Buyer], candidate: Candidate) -> tuple[Reason, ...]:
    """Why the order belongs to one of the buyers, each reason once."""
    found = {reason for buyer in buyers for reason in reasons_for(buyer, candidate)}
    return tuple(reason for reason in Reason if reason in found)


def reasons_for(buyer: Buyer, candidate: Candidate) -> tuple[Reason, ...]:
    """Why the order belongs to the buyer; empty if it does not, or if that is uncertain."""
    customer = candidate.order.customer
    contact = buyer.contact_id in candidate.contacts
    company = buyer.company_id in candidate.companies
    phone = any(normalization.same_phone(customer.phone, text) for text in buyer.phones)
    email = any(normalization.same_email(customer.email, text) for text in buyer.emails)
    if not (contact or company):
        # If the store names another client, a company of the same name is another company.
        stranger = bool(candidate.contacts or candidate.companies)
        company = not stranger and _same_company(buyer, customer)
        if not company and not _same_client(buyer, customer, phone, email, stranger=stranger):
            return ()
    reasons = {
        Reason.CONTACT: contact,
        Reason.COMPANY: company,
        Reason.PHONE: phone,
        Reason.EMAIL: email,
    }
    return tuple(reason for reason, holds in reasons.items() if holds)


def _same_company(buyer: Buyer, customer: Customer) -> bool:
    """Same name, unless each side has e-mail domains of its own: names of firms repeat in other towns."""
    ours, theirs = (
        normalization.firms_domains(buyer.emails),
        normalization.firms_domains([customer.email]),
    )
    apart = bool(ours and theirs) and not ours & theirs
    return not apart and normalization.same_company(customer.company, buyer.company)


def _same_client(
    buyer: Buyer, customer: Customer, phone: bool, email: bool, *, stranger: bool
) -> bool:
    """Whether telephone and e-mail say enough, given what speaks against them.

    For another company it has to be the same person. For another person, by the store's clients or
    by the name, one shared telephone is a family's or an office's: two facts must agree.
    """
    name = normalization.same_person(customer.name, buyer.name)
    if normalization.other_company(customer.company, buyer.company):
        return name and (phone or email)
    if stranger or normalization.other_person(customer.name, f"{buyer.name} {buyer.company}"):
        return phone + email + name >= 2
    return phone or email
