"""The client of a deal or an invoice, and the orders that may be theirs.

The portal cannot be asked for the orders of a CRM contact: sale.order.list filters by no client.
So orders are found through what people typed into them (telephone, e-mail, company), and what was
found is compared here, value by value. Three requests: the client, the places where their data
may be, the orders found. A card with several contacts costs one more, and so does each step of
a client with many orders.
"""

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from b24app.bitrix24 import ask, batch, errors, references
from b24app.bitrix24.ask import Ask
from b24app.bitrix24.batch import Reference
from b24app.bitrix24.client import Answer, Command
from b24app.orders import cards, content, links, normalization, parsing
from b24app.orders.content import Kind
from b24app.orders.matching import Buyer, Candidate
from b24app.orders.types import DEAL, Card, Customer, Order, Owner

MAX_KEYS: Final = 4
"""Telephones, and e-mails, of a contact that are compared: a shared contact may have hundreds."""

MAX_CONTACTS: Final = 10
"""Contacts of a card that are read."""

MAX_LOOKUPS: Final = batch.SIZE
"""Texts to look for: what fits into one request."""

FURTHER_PAGES: Final = 3
"""Pages of a lookup that are read after the first one, where there are more."""

MAX_READ: Final = 150
"""Orders that are read to find those of a client; with ``FIRST_CLIENTS`` they fit into one request."""

FIRST_CLIENTS: Final = 32
FURTHER_CLIENTS: Final = 50
"""Orders whose own CRM clients are asked for: those of the newest at once, others if they may count."""

BRIEF: Final = (Kind.ORDERS, Kind.PROPERTIES)
"""Enough to recognize whose an order is."""


def buyers_of(owner: Owner) -> Ask[tuple[tuple[Buyer, ...], Card]]:
    """The client of a card, and the card: one :class:`Buyer` for each contact, the main one first.

    A card without contacts has one buyer at most, the company. A contact or company the person may
    not see leaves its part empty. A main contact or a company that came wrong though the card has it
    (a portal that does not resolve references) is asked for again by ID, together with the other
    contacts: one more request. Raises the portal's refusal to open the card.
    """
    command = cards.get_command(owner)
    if owner.type_id == DEAL:
        contact, company = command.at("CONTACT_ID"), command.at("COMPANY_ID")
        # crm/deals/contacts/crm-deal-contact-items-get.md
        bound = Command("crm.deal.contact.items.get", {"id": owner.id})
        contact_ids = ask.of(bound, _deals_contacts).otherwise((), whole=False)
    else:
        contact, company = command.at("item", "contactId"), command.at("item", "companyId")
        contact_ids = ask.of(command, _invoices_contacts)
    return ask.together(
        ask.of(command, lambda answer: cards.read_card(owner, answer)),
        contact_ids,
        _row(CONTACT, contact),
        _row(COMPANY, company),
    ).then(lambda found: _buyers(*found))


CONTACT: Final = "crm.contact.get"
COMPANY: Final = "crm.company.get"


def _deals_contacts(answer: Answer) -> tuple[int, ...]:
    return tuple(parsing.identifier(row.get("CONTACT_ID")) for row in parsing.rows(answer.result))


def _invoices_contacts(answer: Answer) -> tuple[int, ...]:
    item = answer.result.get("item") if isinstance(answer.result, Mapping) else None
    found = item.get("contactIds") if isinstance(item, Mapping) else None
    return tuple(map(parsing.identifier, found)) if isinstance(found, list) else ()


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


def _contacts(ids: Sequence[int]) -> Ask[Mapping[int, object]]:
    """Contacts by ID (crm/contacts/crm-contact-list.md), without those the person may not see."""
    if not ids:
        return ask.known({})
    select = ["ID", "NAME", "LAST_NAME", "PHONE", "EMAIL"]
    command = Command("crm.contact.list", {"select": select, "filter": {"@ID": list(ids)}})
    return ask.of(
        command,
        lambda answer: {
            parsing.identifier(row.get("ID")): row for row in parsing.rows(answer.result)
        },
    ).otherwise({}, whole=False)


def _buyers(
    card: Card, bound: Sequence[int], contact: object, company: object
) -> Ask[tuple[tuple[Buyer, ...], Card]]:
    every = [pk for pk in dict.fromkeys((card.contact_id, *bound)) if pk][:MAX_CONTACTS]
    further = [pk for pk in every if pk != card.contact_id]

    def read(main: object, others: Mapping[int, object], company: object) -> tuple[Buyer, ...]:
        rows = {card.contact_id: main, **others}
        found = [rows.get(pk) if _is_of(rows.get(pk), pk) else None for pk in every]
        firm = company if _is_of(company, card.company_id) else None
        people = zip(every, found, strict=True)
        buyers = tuple(_buyer(pk, row, card.company_id, firm) for pk, row in people)
        return buyers or (_buyer(0, None, card.company_id, firm),)

    return ask.together(
        _again(CONTACT, contact, card.contact_id),
        _contacts(further),
        _again(COMPANY, company, card.company_id),
    ).map(lambda found: (read(*found), card))


def _buyer(contact_id: int, contact: object, company_id: int, company: object) -> Buyer:
    name, phones, emails = parsing.contacts_of(contact)
    title, more_phones, more_emails = parsing.contacts_of(company)
    return Buyer(
        contact_id=contact_id,
        company_id=company_id,
        name=name,
        company=title,
        phones=tuple(dict.fromkeys(phones + more_phones))[:MAX_KEYS],
        emails=tuple(dict.fromkeys(emails + more_emails))[:MAX_KEYS],
    )


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


def lookups(buyers: Sequence[Buyer]) -> list[Lookup]:
    """Where the buyers' telephones, e-mails and company may stand, at most ``MAX_LOOKUPS``.

    None for a buyer of whom nothing is known, or only placeholders.
    """

    def is_phone(value: str) -> bool:
        return is_buyers(buyers, Customer(phone=value))

    def is_email(value: str) -> bool:
        return is_buyers(buyers, Customer(email=value))

    def is_company(value: str) -> bool:
        return is_buyers(buyers, Customer(company=value))

    phones = dict.fromkeys(text for buyer in buyers for text in buyer.phones if is_phone(text))
    fragments = [normalization.phone_fragments(phone) for phone in phones]
    # The last four digits in a row come first: most numbers are written so.
    ends = dict.fromkeys(found[0] for found in fragments if found)
    spaced = dict.fromkeys(part for found in fragments for part in found[1:])
    emails = dict.fromkeys(
        filter(None, (normalization.email_fragment(text) for one in buyers for text in one.emails))
    )
    words = dict.fromkeys(
        normalization.company_word(one.company) for one in buyers if is_company(one.company)
    )
    wanted = [Lookup(end, parsing.PHONE_CODES, is_phone) for end in ends]
    wanted += [Lookup(email, parsing.EMAIL_CODES, is_email) for email in emails]
    wanted += [Lookup(word, parsing.COMPANY_CODES, is_company) for word in words]
    wanted += [Lookup(part, parsing.PHONE_CODES, is_phone) for part in spaced]
    return wanted[:MAX_LOOKUPS]


def is_buyers(buyers: Iterable[Buyer], customer: Customer) -> bool:
    """Whether an order's customer has a telephone or an e-mail of the buyers, or the company's name."""
    return any(
        any(normalization.same_phone(customer.phone, phone) for phone in buyer.phones)
        or any(normalization.same_email(customer.email, email) for email in buyer.emails)
        or normalization.same_company(customer.company, buyer.company)
        for buyer in buyers
    )


@dataclass(frozen=True, slots=True)
class Part:
    """Orders found by ID, the newest first; ``whole`` says that there are no others."""

    ids: tuple[int, ...]
    whole: bool


def orders_with_data_of(buyers: Sequence[Buyer]) -> Ask[Part]:
    """The newest orders that hold one of the buyers' telephones, e-mails or the company's name.

    Of the 50 newest values of each kind, of 200 where there are more: one more request. Nothing is
    sent for a buyer of whom nothing is known. Raises the portal's refusal to show what people typed
    into orders.
    """
    wanted = lookups(buyers)

    def joined(found: Iterable[Part]) -> Part:
        parts = list(found)
        ids = sorted({pk for part in parts for pk in part.ids}, reverse=True)
        known = len(wanted) < MAX_LOOKUPS and len(buyers) < MAX_CONTACTS
        return Part(tuple(ids), known and all(part.whole for part in parts))

    return ask.every(_orders(lookup) for lookup in wanted).map(joined)


def _orders(lookup: Lookup) -> Ask[Part]:
    command = lookup.command()

    def further(first: Answer) -> Ask[Part]:
        if first.next is None:
            return ask.known(Part(tuple(lookup.orders(first.result)), whole=True))
        starts = (batch.SIZE * page for page in range(1, FURTHER_PAGES + 1))
        pages = ask.every(
            ask.of(Command(command.method, {**command.params, "start": start}), lambda page: page)
            for start in starts
        )
        return pages.map(lambda read: joined((first, *read)))

    def joined(pages: Sequence[Answer]) -> Part:
        ids = {pk for page in pages for pk in lookup.orders(page.result)}
        return Part(tuple(ids), whole=pages[-1].next is None)

    return ask.of(command, lambda answer: answer).then(further)


@dataclass(frozen=True, slots=True)
class Candidates:
    """Orders that are linked to nothing; ``whole`` says that none was left out."""

    found: tuple[Candidate, ...]
    whole: bool


def candidates(order_ids: Collection[int], may_count: Callable[[Order], bool]) -> Ask[Candidates]:
    """Those of the orders that are linked to nothing, with their own CRM clients.

    At most the first ``MAX_READ``. Beyond the newest, clients are asked for only where an order
    ``may_count``: one more request, and where they would be too many, the others are left out.
    A person who may not read an order's clients (sale/order/sale-order-get.md) gets candidates
    without them. Raises the portal's refusal to show orders or links.
    """
    wanted = list(order_ids)[:MAX_READ]
    newest = wanted[:FIRST_CLIENTS]

    def unlinked(
        read: content.Content, owners: Mapping[int, Owner | None], known: Mapping[int, _Clients]
    ) -> Ask[Candidates]:
        orders = [one for one in read.built(wanted) if owners[one.id] is None]
        unsure = [one.id for one in orders if one.id not in known and may_count(one)]
        return _clients_of_all(unsure[:FURTHER_CLIENTS]).map(
            lambda more: Candidates(
                _with_clients(orders, {**known, **more}),
                whole=len(wanted) == len(order_ids) and len(unsure) <= FURTHER_CLIENTS,
            )
        )

    return ask.together(
        content.strictly(wanted, BRIEF), links.owners_of(wanted), _clients_of_all(newest)
    ).then(lambda found: unlinked(*found))


_Clients = tuple[frozenset[int], frozenset[int]]
"""Contacts and companies."""


def _clients_of_all(order_ids: Sequence[int]) -> Ask[Mapping[int, _Clients]]:
    return ask.every(_clients_of(pk) for pk in order_ids).map(
        lambda found: dict(zip(order_ids, found, strict=True))
    )


def _clients_of(order_id: int) -> Ask[_Clients]:
    command = Command("sale.order.get", {"id": order_id})
    none: _Clients = (frozenset(), frozenset())
    return ask.of(command, lambda answer: parsing.crm_clients(answer.result)).otherwise(none)


def _with_clients(orders: Iterable[Order], known: Mapping[int, _Clients]) -> tuple[Candidate, ...]:
    return tuple(Candidate(one, *known[one.id]) for one in orders if one.id in known)
