"""The client of a deal or an invoice, and the orders that may be theirs.

The portal cannot be asked for the orders of a CRM contact: sale.order.list filters by no client.
So orders are found through what people typed into them (telephone, e-mail, company), and what was
found is compared here, value by value. Three requests: the client, the places where their data
may stand, the orders found.
"""

from collections.abc import Callable, Collection, Mapping, Sequence
from datetime import datetime

from b24app.bitrix24 import errors, references
from b24app.bitrix24.client import Answer, Client, Command
from b24app.orders import cards, content, facts, links, rows
from b24app.orders.content import Kind
from b24app.orders.matching import Buyer, Candidate
from b24app.orders.types import DEAL, Owner

# Of each kind: a card with more telephones than this belongs to nobody in particular.
MOST_KEYS = 4
MOST_CANDIDATES = 40

# What an order is recognised by and drawn with where its money is not looked at.
BRIEF = (Kind.ORDERS, Kind.PROPERTIES)

Outcomes = Mapping[str, Answer | errors.BitrixError]


def commands(owner: Owner) -> dict[str, Command]:
    """Commands for :func:`buyer_of`: the card, and its contact and company by reference.

    crm/contacts/crm-contact-get.md, crm/companies/crm-company-get.md.
    """
    contact, company = (
        ("[CONTACT_ID]", "[COMPANY_ID]")
        if owner.type_id == DEAL
        else ("[item][contactId]", "[item][companyId]")
    )
    return cards.opening(owner) | {
        "contact": Command("crm.contact.get", {"id": f"$result[card]{contact}"}),
        "company": Command("crm.company.get", {"id": f"$result[card]{company}"}),
    }


def buyer_of(owner: Owner, outcomes: Outcomes) -> tuple[Buyer, datetime | None]:
    """The card's client and the card's date; raises the portal's refusal to open the card.

    A contact or company the person may not see leaves its part empty, and so does one that is not
    the card's own (a portal that does not resolve references).
    """
    card = cards.opened(owner, outcomes)
    name, phones, emails = rows.contacts_of(_own(outcomes["contact"], card.contact_id))
    title, more_phones, more_emails = rows.contacts_of(_own(outcomes["company"], card.company_id))
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

    One request; none for a buyer of whom nothing is known. Raises the portal's refusal to show
    what people typed into orders.
    """
    lookups = _lookups(buyer)
    if not lookups:
        return []
    asked = {f"lookup{at}": holding(text, codes) for at, (text, codes, _) in enumerate(lookups)}
    outcomes = client.batch(asked)
    found: set[int] = set()
    for outcome, (_, codes, is_buyers) in zip(outcomes.values(), lookups, strict=True):
        if isinstance(outcome, errors.BitrixError):
            raise outcome
        found |= holders(outcome.result, codes, is_buyers)
    return sorted(found, reverse=True)


Lookup = tuple[str, Sequence[str], Callable[[str], bool]]


def _lookups(buyer: Buyer) -> list[Lookup]:
    """What to ask for, in which properties, and whether a value that came back is the buyer's."""

    def is_phone(value: str) -> bool:
        return any(facts.same_phone(value, one) for one in buyer.phones)

    def is_email(value: str) -> bool:
        return any(facts.same_email(value, one) for one in buyer.emails)

    def is_company(value: str) -> bool:
        return facts.same_company(value, buyer.company)

    fragments = dict.fromkeys(one for phone in buyer.phones for one in facts.phone_fragments(phone))
    wanted: list[Lookup] = [(one, rows.PHONE_CODES, is_phone) for one in fragments]
    wanted += [(one, rows.EMAIL_CODES, is_email) for one in buyer.emails]
    if word := facts.company_word(buyer.company):
        wanted.append((word, rows.COMPANY_CODES, is_company))
    return wanted


def holding(text: str, codes: Sequence[str], below: int = 0) -> Command:
    """The newest values that hold a text (sale/property-value/sale-property-value-list.md), 50 at most.

    ``below`` is the order to go on under, 0 for none. The page does not name the prefix ``@``; were
    it dropped in silence, more would come, and :func:`holders` sorts that out.
    """
    narrowed: dict[str, object] = {"%value": references.plain(text), "@code": list(codes)}
    if below:
        narrowed["<orderId"] = below
    return Command(
        "sale.propertyvalue.list",
        {
            "select": ["id", "orderId", "code", "value"],
            "filter": narrowed,
            "order": {"orderId": "desc"},
            "start": 0,
        },
    )


def holders(result: object, codes: Sequence[str], holds: Callable[[str], bool]) -> set[int]:
    """Orders whose property of one of ``codes`` really holds what was asked for."""
    return {
        rows.integer(row.get("orderId"))
        for row in rows.rows(result, "propertyValues")
        if rows.text(row.get("code")).upper() in codes and holds(rows.text(row.get("value")))
    } - {0}


def candidates(client: Client, ids: Collection[int]) -> tuple[Candidate, ...]:
    """Those of the orders that are linked to nothing, with their own CRM clients; one request.

    At most the first 40. Whoever may not read an order's clients (sale/order/sale-order-get.md)
    gets candidates without them. Raises the portal's refusal to show orders or links.
    """
    wanted = list(ids)[:MOST_CANDIDATES]
    if not wanted:
        return ()
    gathered = content.Content()
    gathered.expect("candidates", wanted, BRIEF, by_number=True)
    outcomes = client.batch(
        content.commands(wanted, "candidates", BRIEF)
        | links.place_commands(wanted)
        | {f"whole{pk}": Command("sale.order.get", {"id": pk}) for pk in wanted}
    )
    gathered.take(outcomes)
    if gathered.refused is not None:
        raise gathered.refused
    places = links.places(wanted, outcomes)
    return tuple(
        Candidate(order, *_clients_of(outcomes[f"whole{order.id}"]))
        for order in gathered.built(wanted)
        if places[order.id] is None
    )


def _clients_of(outcome: Answer | errors.BitrixError) -> tuple[frozenset[int], frozenset[int]]:
    return rows.crm_clients(outcome.result if isinstance(outcome, Answer) else None)
