"""The client of a deal or an invoice, and the orders that may be theirs.

The portal cannot be asked for the orders of a CRM contact: sale.order.list filters by no client.
So orders are found through what people typed into them (telephone, e-mail, company), and what was
found is compared here, value by value. Three requests: the client, the places where their data
may be, the orders found.
"""

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from b24app.bitrix24 import ask, errors, references
from b24app.bitrix24.ask import Ask
from b24app.bitrix24.batch import Reference
from b24app.bitrix24.client import Command
from b24app.orders import cards, content, links, normalization, parsing
from b24app.orders.content import Kind
from b24app.orders.matching import Buyer, Candidate
from b24app.orders.types import DEAL, Card, Customer, Order, Owner

MAX_KEYS: Final = 4
"""Telephones, and e-mails: a card with more of them belongs to nobody in particular."""

MAX_CANDIDATES: Final = 40

BRIEF: Final = (Kind.ORDERS, Kind.PROPERTIES)
"""Enough to recognise an order and to show it where its payments do not matter."""


def buyer_of(owner: Owner) -> Ask[tuple[Buyer, Card]]:
    """The client of a card, and the card.

    A contact or company the person may not see leaves its part empty. One that came wrong though the
    card has it (a portal that does not resolve references) is asked for again by ID: one more
    request. Raises the portal's refusal to open the card.
    """
    command = cards.get_command(owner)
    contact, company = (
        (command.at("CONTACT_ID"), command.at("COMPANY_ID"))
        if owner.type_id == DEAL
        else (command.at("item", "contactId"), command.at("item", "companyId"))
    )
    return ask.together(
        ask.of(command, lambda answer: cards.read_card(owner, answer)),
        _row(CONTACT, contact),
        _row(COMPANY, company),
    ).then(lambda found: _buyer(*found))


CONTACT: Final = "crm.contact.get"
COMPANY: Final = "crm.company.get"


def _row(method: str, pk: int | Reference) -> Ask[object]:
    """A contact or a company; None where the person may not see it.

    Followed pages: crm/contacts/crm-contact-get.md, crm/companies/crm-company-get.md.
    """
    row: Ask[object] = ask.of(Command(method, {"id": pk}), lambda answer: answer.result or {})
    return row.otherwise(None, errors.AccessDenied, whole=False).otherwise({}, whole=False)


def _again(method: str, row: object, wanted: int) -> Ask[object]:
    """The row of the client ``wanted``; asked for by ID where another one came."""
    if row is None or not wanted:
        return ask.known(None)
    return ask.known(row) if _is_of(row, wanted) else _row(method, wanted)


def _is_of(row: object, wanted: int) -> bool:
    return isinstance(row, Mapping) and parsing.identifier(row.get("ID")) == wanted


def _buyer(card: Card, contact: object, company: object) -> Ask[tuple[Buyer, Card]]:
    def read(found: tuple[object, object]) -> tuple[Buyer, Card]:
        contact, company = found
        name, phones, emails = parsing.contacts_of(
            contact if _is_of(contact, card.contact_id) else None
        )
        title, more_phones, more_emails = parsing.contacts_of(
            company if _is_of(company, card.company_id) else None
        )
        buyer = Buyer(
            contact_id=card.contact_id,
            company_id=card.company_id,
            name=name,
            company=title,
            phones=tuple(dict.fromkeys(phones + more_phones))[:MAX_KEYS],
            emails=tuple(dict.fromkeys(emails + more_emails))[:MAX_KEYS],
        )
        return buyer, card

    return ask.together(
        _again(CONTACT, contact, card.contact_id), _again(COMPANY, company, card.company_id)
    ).map(read)


@dataclass(frozen=True, slots=True)
class Lookup:
    """A text to look for in properties of ``codes``; ``holds`` says whether a value really matches."""

    text: str
    codes: Sequence[str]
    holds: Callable[[str], bool]

    def command(self, below: int = 0) -> Command:
        """The newest values with the text (sale/property-value/sale-property-value-list.md), 50 a page.

        ``below`` is the order to go on under, 0 for none. The page does not name the prefix ``@``;
        were it dropped in silence, more would come, and :meth:`orders` sorts that out.
        """
        narrowed: dict[str, object] = {
            "%value": references.plain(self.text),
            "@code": list(self.codes),
        }
        if below:
            narrowed["<orderId"] = below
        return Command(
            "sale.propertyvalue.list",
            {
                "select": ["id", "orderId", "code", "value"],
                "filter": narrowed,
                "order": {"orderId": "desc"},
            },
        )

    def orders(self, result: object) -> set[int]:
        """Orders with a property of ``codes`` that really matches."""
        return {
            parsing.identifier(row.get("orderId"))
            for row in parsing.rows(result, "propertyValues")
            if parsing.text(row.get("code")).upper() in self.codes
            and self.holds(parsing.text(row.get("value")))
        } - {0}


def lookups(buyer: Buyer) -> list[Lookup]:
    """Where the buyer's telephones, e-mails and company may be.

    None for a buyer of whom nothing is known, or only placeholders.
    """

    def is_phone(value: str) -> bool:
        return is_buyers(buyer, Customer(phone=value))

    def is_email(value: str) -> bool:
        return is_buyers(buyer, Customer(email=value))

    def is_company(value: str) -> bool:
        return is_buyers(buyer, Customer(company=value))

    phones = (text for text in buyer.phones if is_phone(text))
    fragments = dict.fromkeys(
        fragment for phone in phones for fragment in normalization.phone_fragments(phone)
    )
    emails = dict.fromkeys(filter(None, map(normalization.email_fragment, buyer.emails)))
    wanted = [Lookup(fragment, parsing.PHONE_CODES, is_phone) for fragment in fragments]
    wanted += [Lookup(email, parsing.EMAIL_CODES, is_email) for email in emails]
    if is_company(buyer.company):
        word = normalization.company_word(buyer.company)
        wanted.append(Lookup(word, parsing.COMPANY_CODES, is_company))
    return wanted


def is_buyers(buyer: Buyer, customer: Customer) -> bool:
    """Whether an order's customer has one of the buyer's telephones or e-mails, or the company's name."""
    return (
        any(normalization.same_phone(customer.phone, phone) for phone in buyer.phones)
        or any(normalization.same_email(customer.email, email) for email in buyer.emails)
        or normalization.same_company(customer.company, buyer.company)
    )


def orders_with_data_of(buyer: Buyer) -> Ask[list[int]]:
    """The newest orders that hold one of the buyer's telephones, e-mails or the company's name.

    Newest first, of the 50 newest values of each kind; nothing is sent for a buyer of whom nothing is
    known. Raises the portal's refusal to show what people typed into orders.
    """
    return ask.every(_orders(lookup) for lookup in lookups(buyer)).map(
        lambda found: sorted({pk for ids in found for pk in ids}, reverse=True)
    )


def _orders(lookup: Lookup) -> Ask[set[int]]:
    return ask.of(lookup.command(), lambda answer: lookup.orders(answer.result))


def candidates(order_ids: Collection[int]) -> Ask[tuple[Candidate, ...]]:
    """Those of the orders that are linked to nothing, with their own CRM clients.

    At most the first 40. Whoever may not read an order's clients (sale/order/sale-order-get.md)
    gets candidates without them. Raises the portal's refusal to show orders or links.
    """
    wanted = list(order_ids)[:MAX_CANDIDATES]
    return ask.together(
        content.strictly(wanted, BRIEF),
        links.owners_of(wanted),
        ask.every(_clients_of(pk) for pk in wanted),
    ).map(
        lambda found: _unlinked(
            found[0].built(wanted), found[1], dict(zip(wanted, found[2], strict=True))
        )
    )


def _clients_of(order_id: int) -> Ask[tuple[frozenset[int], frozenset[int]]]:
    command = Command("sale.order.get", {"id": order_id})
    nobody = (frozenset[int](), frozenset[int]())
    return ask.of(command, lambda answer: parsing.crm_clients(answer.result)).otherwise(nobody)


def _unlinked(
    orders: Iterable[Order],
    owners: Mapping[int, Owner | None],
    clients: Mapping[int, tuple[frozenset[int], frozenset[int]]],
) -> tuple[Candidate, ...]:
    return tuple(
        Candidate(order, *clients[order.id]) for order in orders if owners[order.id] is None
    )
