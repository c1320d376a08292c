"""The client of a deal or an invoice, and the orders that may be theirs.

The portal cannot be asked for the orders of a CRM contact: sale.order.list filters by no client.
So orders are found through what people typed into them (telephone, e-mail, company), and what was
found is compared here, value by value. Three requests: the client, the places where their data
may stand, the orders found.
"""

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass

from b24app.bitrix24 import errors, references
from b24app.bitrix24.client import Answer, Client, Command
from b24app.orders import cards, content, links, normalization, parsing
from b24app.orders.content import Kind
from b24app.orders.matching import Buyer, Candidate
from b24app.orders.types import DEAL, Card, Customer, Owner

# Of each kind: a card with more telephones than this belongs to nobody in particular.
MOST_KEYS = 4
MOST_CANDIDATES = 40

# What an order is recognised by and drawn with where its money is not looked at.
BRIEF = (Kind.ORDERS, Kind.PROPERTIES)

Outcomes = Mapping[str, Answer | errors.BitrixError]


def commands(owner: Owner) -> dict[str, Command]:
    """Commands for :func:`read`: the card, and its contact and company by reference."""
    contact, company = (
        ("[CONTACT_ID]", "[COMPANY_ID]")
        if owner.type_id == DEAL
        else ("[item][contactId]", "[item][companyId]")
    )
    return cards.opening(owner) | _reading(f"$result[card]{contact}", f"$result[card]{company}")


def _reading(contact: int | str, company: int | str) -> dict[str, Command]:
    """crm/contacts/crm-contact-get.md, crm/companies/crm-company-get.md; none for an id of 0."""
    methods = {"contact": ("crm.contact.get", contact), "company": ("crm.company.get", company)}
    return {key: Command(method, {"id": pk}) for key, (method, pk) in methods.items() if pk}


def read(client: Client, owner: Owner, outcomes: Outcomes) -> tuple[Buyer, Card]:
    """The card and its client, from the outcomes of :func:`commands`.

    A contact or company the person may not see leaves its part empty. One that came wrong though the
    card has it (a portal that does not resolve references) is asked for again by number: one more
    request. Raises the portal's refusal to open the card.
    """
    card = cards.opened(owner, outcomes)
    wanted = {"contact": card.contact_id, "company": card.company_id}
    missing = {
        key: pk
        for key, pk in wanted.items()
        if pk and _own(outcomes[key], pk) is None
        if not isinstance(outcomes[key], errors.AccessDenied)
    }
    if missing:
        again = _reading(missing.get("contact", 0), missing.get("company", 0))
        outcomes = {**outcomes, **client.batch(again)}
    name, phones, emails = parsing.contacts_of(_own(outcomes["contact"], card.contact_id))
    title, more_phones, more_emails = parsing.contacts_of(
        _own(outcomes["company"], card.company_id)
    )
    buyer = Buyer(
        contact_id=card.contact_id,
        company_id=card.company_id,
        name=name,
        company=title,
        phones=tuple(dict.fromkeys(phones + more_phones))[:MOST_KEYS],
        emails=tuple(dict.fromkeys(emails + more_emails))[:MOST_KEYS],
    )
    return buyer, card


def _own(outcome: Answer | errors.BitrixError, wanted: int) -> object:
    if isinstance(outcome, errors.BitrixError) or not wanted:
        return None
    row = outcome.result
    return row if isinstance(row, Mapping) and parsing.identifier(row.get("ID")) == wanted else None


@dataclass(frozen=True, slots=True)
class Lookup:
    """A text to look for in properties of ``codes``; ``holds`` says whether a value is what was meant."""

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
        """Orders whose property really holds what was meant."""
        return {
            parsing.identifier(row.get("orderId"))
            for row in parsing.rows(result, "propertyValues")
            if parsing.text(row.get("code")).upper() in self.codes
            and self.holds(parsing.text(row.get("value")))
        } - {0}


def lookups(buyer: Buyer) -> list[Lookup]:
    """Where the buyer's telephones, e-mails and company may stand.

    None for a buyer of whom nothing is known, or only what stands for nothing.
    """

    def is_phone(value: str) -> bool:
        return is_buyers(buyer, Customer(phone=value))

    def is_email(value: str) -> bool:
        return is_buyers(buyer, Customer(email=value))

    def is_company(value: str) -> bool:
        return is_buyers(buyer, Customer(company=value))

    phones = (one for one in buyer.phones if is_phone(one))
    fragments = dict.fromkeys(
        one for phone in phones for one in normalization.phone_fragments(phone)
    )
    emails = dict.fromkeys(filter(None, map(normalization.email_fragment, buyer.emails)))
    wanted = [Lookup(one, parsing.PHONE_CODES, is_phone) for one in fragments]
    wanted += [Lookup(one, parsing.EMAIL_CODES, is_email) for one in emails]
    if is_company(buyer.company):
        word = normalization.company_word(buyer.company)
        wanted.append(Lookup(word, parsing.COMPANY_CODES, is_company))
    return wanted


def is_buyers(buyer: Buyer, customer: Customer) -> bool:
    """Whether an order's customer has one of the buyer's telephones or e-mails, or the company's name."""
    return (
        any(normalization.same_phone(customer.phone, one) for one in buyer.phones)
        or any(normalization.same_email(customer.email, one) for one in buyer.emails)
        or normalization.same_company(customer.company, buyer.company)
    )


def order_ids(client: Client, buyer: Buyer) -> list[int]:
    """The newest orders that hold one of the buyer's telephones, e-mails or the company's name.

    Newest first, of the 50 newest values of each kind; one request, none for a buyer of whom nothing
    is known. Raises the portal's refusal to show what people typed into orders.
    """
    places = {f"lookup{at}": one for at, one in enumerate(lookups(buyer))}
    outcomes = client.batch({key: one.command() for key, one in places.items()}) if places else {}
    found: set[int] = set()
    for key, one in places.items():
        outcome = outcomes[key]
        if isinstance(outcome, errors.BitrixError):
            raise outcome
        found |= one.orders(outcome.result)
    return sorted(found, reverse=True)


def candidates(client: Client, ids: Collection[int]) -> tuple[Candidate, ...]:
    """Those of the orders that are linked to nothing, with their own CRM clients; one request.

    At most the first 40. Whoever may not read an order's clients (sale/order/sale-order-get.md)
    gets candidates without them. Raises the portal's refusal to show orders or links.
    """
    wanted = list(ids)[:MOST_CANDIDATES]
    if not wanted:
        return ()
    outcomes = client.batch(
        content.commands(wanted, "candidates", BRIEF)
        | links.place_commands(wanted)
        | {f"whole{pk}": Command("sale.order.get", {"id": pk}) for pk in wanted}
    )
    gathered = gather({"candidates": wanted}, outcomes)
    places = links.places(wanted, outcomes)
    return tuple(
        Candidate(order, *_clients_of(outcomes[f"whole{order.id}"]))
        for order in gathered.built(wanted)
        if places[order.id] is None
    )


def gather(blocks: Mapping[str, Sequence[int]], outcomes: Outcomes) -> content.Content:
    """The orders of each block from the outcomes of ``content.commands(ids, tag, BRIEF)``.

    Raises what kept them from being read: orders that are missing for it were not "not found".
    """
    gathered = content.Content()
    for tag, ids in blocks.items():
        read = outcomes[f"{Kind.ORDERS}:{tag}:0"]
        if isinstance(read, errors.BitrixError):
            raise read
        gathered.expect(tag, ids, BRIEF, by_number=True)
    gathered.take(outcomes)
    return gathered


def _clients_of(outcome: Answer | errors.BitrixError) -> tuple[frozenset[int], frozenset[int]]:
    return parsing.crm_clients(outcome.result if isinstance(outcome, Answer) else None)
