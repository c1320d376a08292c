"""Whose order is it? Telephones, e-mails and company names compared, and suggestions with reasons.

Precision first: a person who is offered a stranger's order twice does not look a third time. So a
reason is given only for facts that nearly always mean the same client, closeness in time alone is
never one, and data that stands for "none" (info@, 000-00-00) is no data.
"""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Final

import phonenumbers
from phonenumbers import MatchType

from b24app.orders.types import Order

LEAST_DIGITS: Final = 7
CLOSE: Final = timedelta(days=7)

_PHONE = re.compile(r"[+(]?[\d\s().,/+-]*\d[\d\s().,/+-]*")
_NOT_DIGIT = re.compile(r"\D+")
_WORD = re.compile(r"[^\W_]+")

# Mailboxes shared by many, and what people type where a form insists on an address.
_NOBODYS_MAILBOX = frozenset(
    {
        "info",
        "noreply",
        "no-reply",
        "no",
        "none",
        "test",
        "mail",
        "office",
        "sales",
        "shop",
        "order",
    }
)
_LEGAL_FORMS = frozenset(
    {
        "ltd",
        "limited",
        "llc",
        "llp",
        "inc",
        "corp",
        "corporation",
        "co",
        "company",
        "plc",
        "gmbh",
        "ag",
        "kg",
        "ug",
    }
    | {
        "ohg",
        "mbh",
        "se",
        "sa",
        "sas",
        "srl",
        "bv",
        "oy",
        "ab",
        "as",
        "ооо",
        "оао",
        "зао",
        "ао",
        "пао",
        "ип",
        "чп",
    }
)


class Reason(StrEnum):
    CONTACT = "contact"
    COMPANY = "company"
    PHONE = "phone"
    EMAIL = "email"
    CLOSE = "close"


@dataclass(frozen=True, slots=True)
class Buyer:
    """The client of a card, as the CRM knows them; ids are 0 and texts empty where it does not."""

    contact_id: int = 0
    company_id: int = 0
    name: str = ""
    company: str = ""
    phones: tuple[str, ...] = ()
    emails: tuple[str, ...] = ()

    @property
    def known(self) -> bool:
        """Whether there is anything an order could be recognised by."""
        return bool(self.phones or self.emails or self.company)


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
    buyer: Buyer,
    candidates: Iterable[Candidate],
    *,
    made: datetime | None,
    since: datetime,
) -> tuple[Suggestion, ...]:
    """Those of ``candidates`` that are the buyer's, newest first.

    ``made`` is the card's own date, ``since`` the oldest date an order may have. Cancelled orders
    are left out.
    """
    found = []
    for candidate in candidates:
        order = candidate.order
        if order.canceled or order.created is None or order.created < since:
            continue
        reasons = _reasons(buyer, candidate)
        if not reasons:
            continue
        apart = abs(order.created - made) if made is not None else None
        close = apart is not None and apart <= CLOSE
        found.append(
            Suggestion(
                order,
                (*reasons, Reason.CLOSE) if close else reasons,
                apart.days if apart is not None and close else 0,
            )
        )
    found.sort(key=lambda one: (one.order.created, one.order.id), reverse=True)
    return tuple(found)


def _reasons(buyer: Buyer, candidate: Candidate) -> tuple[Reason, ...]:
    customer = candidate.order.customer
    facts: Mapping[Reason, bool] = {
        Reason.CONTACT: buyer.contact_id in candidate.contacts,
        Reason.COMPANY: buyer.company_id in candidate.companies
        or same_company(customer.company, buyer.company),
        Reason.PHONE: any(same_phone(customer.phone, one) for one in buyer.phones),
        Reason.EMAIL: any(same_email(customer.email, one) for one in buyer.emails),
    }
    # The store's own clients speak louder than typed text: where it names somebody else, a company
    # of the same name is another branch's, and a shared telephone needs the e-mail to agree.
    stranger = bool(candidate.contacts or candidate.companies) and not (
        buyer.contact_id in candidate.contacts or buyer.company_id in candidate.companies
    )
    if stranger and not (facts[Reason.PHONE] and facts[Reason.EMAIL]):
        return ()
    return tuple(reason for reason, holds in facts.items() if holds)


def looks_like_phone(text: str) -> bool:
    """Whether somebody typed (a part of) a telephone number."""
    return bool(_PHONE.fullmatch(text.strip())) and len(digits(text)) >= 4


def digits(text: str) -> str:
    return _NOT_DIGIT.sub("", text)


def phone_fragments(text: str) -> tuple[str, ...]:
    """Pieces to look for where a portal can only compare text: the last four digits, as people space them."""
    if not looks_like_phone(text):
        return ()
    end = digits(text)[-4:]
    return (end, f"{end[:2]}-{end[2:]}", f"{end[:2]} {end[2:]}", f"{end[:2]}.{end[2:]}")


def same_phone(one: str, other: str) -> bool:
    """Whether two spellings are one telephone, with or without the country's code or a trunk prefix."""
    if not (_is_phone(one) and _is_phone(other)):
        return False
    if digits(one) == digits(other):
        return True
    match = phonenumbers.is_number_match(_international(one), _international(other))
    return match in (MatchType.EXACT_MATCH, MatchType.NSN_MATCH)


def phone_holds(whole: str, part: str) -> bool:
    """Whether ``part`` of a number, however spaced, stands in ``whole``."""
    return digits(part).lstrip("0") in digits(whole) or same_phone(whole, part)


def _is_phone(text: str) -> bool:
    number = digits(text)
    return len(number) >= LEAST_DIGITS and len(set(number[-LEAST_DIGITS:])) > 1


def _international(text: str) -> str:
    """``8 912 …`` and ``7 912 …`` are the two ways Russians write their own +7."""
    number = digits(text)
    if len(number) == 11 and number[0] in "78" and not text.strip().startswith("+"):
        return f"+7{number[1:]}"
    return text


def same_email(one: str, other: str) -> bool:
    """Whether two addresses are one person's mailbox; a mailbox of many is nobody's."""
    first, second = one.strip().casefold(), other.strip().casefold()
    box, _, host = first.partition("@")
    return first == second and bool(box) and "." in host and box not in _NOBODYS_MAILBOX


def same_company(one: str, other: str) -> bool:
    """Whether two names are one company's, whatever their legal form and quotation marks."""
    first, second = _company(one), _company(other)
    return first == second and sum(len(word) for word in first) >= 4


def company_word(name: str) -> str:
    """The word of a company's name to look for where a portal can only compare text; the longest."""
    return max(_company(name), key=len, default="")


def _company(name: str) -> frozenset[str]:
    words = frozenset(_WORD.findall(name.casefold()))
    return words - _LEGAL_FORMS or words
