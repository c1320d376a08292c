"""The client of a deal or an invoice, and the orders that may be theirs.

The portal cannot be asked for the orders of a CRM contact: sale.order.list filters by no client.
So orders are found through what people typed into them (telephone, e-mail, company), and what was
found is compared here, number by number. Three requests: the client, the places where their data
may stand, the orders found.
"""

from collections.abc import Iterable, Mapping
from datetime import datetime

from b24app.bitrix24 import errors, references
from b24app.bitrix24.client import Answer, Client, Command
from b24app.orders import cards, content, links, rows
from b24app.orders.matching import (
    Buyer,
    Candidate,
    company_word,
    phone_fragments,
    same_company,
    same_email,
    same_phone,
)
from b24app.orders.types import DEAL, Owner

# Of each kind: a card with more telephones than this belongs to nobody in particular.
MOST_KEYS = 4
MOST_CANDIDATES = 40

Outcomes = Mapping[str, Answer | errors.BitrixError]


def commands(owner: Owner) -> dict[str, Command]:
    """Commands for :func:`buyer_of`: the card, and its contact and company by reference."""
    path = "[{}_ID]".format if owner.type_id == DEAL else lambda name: f"[item][{name.lower()}Id]"
    return cards.opening(owner) | {
        "contact": Command("crm.contact.get", {"id": f"$result[card]{path('CONTACT')}"}),
        "company": Command("crm.company.get", {"id": f"$result[card]{path('COMPANY')}"}),
    }


def buyer_of(owner: Owner, outcomes: Outcomes) -> tuple[Buyer, datetime | None]:
    """The card's client and the card's date; raises the portal's refusal to open the card.

    A contact or company the person may not see leaves its part empty, and so does one that is not
    the card's own (a portal that does not resolve references).
    """
    card = cards.opened(owner, outcomes)
    contact = _own(outcomes["contact"], card.contact_id)
    company = _own(outcomes["company"], card.company_id)
    name, phones, emails = rows.contacts_of(contact)
    title, more_phones, more_emails = rows.contacts_of(company)
    buyer = Buyer(
        contact_id=card.contact_id,
        company_id=card.company_id,
        name=name,
        company=title,
        phones=tuple(dict.fromkeys(phones + more_phones))[:MOST_KEYS],
        emails=tuple(dict.fromkeys(emails + more_emails))[:MOST_KEYS],
    )
    return buyer, card.created


def _own(outcome: Answer | errors.BitrixError, wanted: int) -> object:
    if isinstance(outcome, errors.BitrixError) or not wanted:
        return None
    row = outcome.result
    return row if isinstance(row, Mapping) and rows.integer(row.get("ID")) == wanted else None


def order_ids(client: Client, buyer: Buyer) -> list[int]:
    """Orders that hold one of the buyer's telephones, e-mails or the company's name; newest first.

    One request; none for a buyer of whom nothing is known.
    """
    asked = _lookups(buyer)
    if not asked:
        return []
    found: set[int] = set()
    outcomes = client.batch(asked)
    refusal = next(iter(outcomes.values()))
    if isinstance(refusal, errors.BitrixError):
        raise refusal
    for outcome in outcomes.values():
        for row in (
            rows.rows(outcome.result, "propertyValues") if isinstance(outcome, Answer) else []
        ):
            if _is_buyers(buyer, rows.text(row.get("code")).upper(), rows.text(row.get("value"))):
                found.add(rows.integer(row.get("orderId")))
    return sorted(found - {0}, reverse=True)


def _lookups(buyer: Buyer) -> dict[str, Command]:
    fragments = dict.fromkeys(part for phone in buyer.phones for part in phone_fragments(phone))
    wanted: list[tuple[str, tuple[str, ...]]] = [(part, rows.PHONE_CODES) for part in fragments]
    wanted += [(email, rows.EMAIL_CODES) for email in buyer.emails]
    if buyer.company:
        wanted.append((company_word(buyer.company), rows.COMPANY_CODES))
    return {
        f"lookup{number}": Command(
            "sale.propertyvalue.list",
            {
                "select": ["id", "orderId", "code", "value"],
                "filter": {"%value": references.plain(text), "@code": list(codes)},
                "order": {"id": "desc"},
            },
        )
        for number, (text, codes) in enumerate(wanted)
    }


def _is_buyers(buyer: Buyer, code: str, value: str) -> bool:
    if code in rows.PHONE_CODES:
        return any(same_phone(value, one) for one in buyer.phones)
    if code in rows.EMAIL_CODES:
        return any(same_email(value, one) for one in buyer.emails)
    return code in rows.COMPANY_CODES and same_company(value, buyer.company)


def candidates(client: Client, ids: Iterable[int]) -> tuple[Candidate, ...]:
    """Those of the orders that are linked to nothing, with their own CRM clients; one request.

    Whoever may not read an order's clients (sale.order.get) gets candidates without them.
    """
    wanted = list(ids)[:MOST_CANDIDATES]
    if not wanted:
        return ()
    gathered = content.Content()
    gathered.expect("candidates", wanted, content.EVERYTHING, by_number=True)
    outcomes = client.batch(
        content.commands(wanted, "candidates", content.EVERYTHING)
        | links.place_commands(wanted)
        | {f"whole{pk}": Command("sale.order.get", {"id": pk}) for pk in wanted}
    )
    gathered.take(outcomes)
    while asked := gathered.gaps():
        gathered.take(client.batch(asked))
    if gathered.refused is not None:
        raise gathered.refused
    places = links.places(wanted, outcomes)
    found = []
    for order in gathered.built(wanted):
        if places[order.id] is not None:
            continue
        whole = outcomes[f"whole{order.id}"]
        known = rows.crm_clients(whole.result) if isinstance(whole, Answer) else ()
        found.append(Candidate(order, *known))
    return tuple(found)
