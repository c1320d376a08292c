"""What rules read from the portal: new orders, and the deals of their clients.

Followed pages: sale/order/sale-order-get.md, crm/universal/crm-item-list.md (open deals by
``contactIds``, all contacts of a deal), crm/duplicates/crm-duplicate-find-by-comm.md,
crm/contacts/crm-contact-list.md, crm/crm-stage-history-list.md.
"""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Final

from b24app.automation.facts import Deal, IncomingOrder, Stage
from b24app.bitrix24 import ask, batch, errors
from b24app.bitrix24.ask import Ask
from b24app.bitrix24.client import Answer, Command
from b24app.bitrix24.filters import Filter, Op, Order
from b24app.orders import links, parsing
from b24app.orders.matching import Buyer, Candidate
from b24app.orders.types import DEAL, OrderLink

MAX_DEALS_PAGES: Final = 4
"""Pages of a client's deals: of a client with more deals nobody can say which one is meant."""

MAX_DUPLICATES: Final = 20
"""So many contacts with one telephone or e-mail, and the portal stops counting."""

_DEAL_FIELDS: Final = (
    "id",
    "title",
    "categoryId",
    "stageId",
    "stageSemanticId",
    "createdTime",
    "updatedTime",
    "movedTime",
    "createdBy",
    "updatedBy",
    "contactId",
    "contactIds",
    "companyId",
    "assignedById",
    "isRecurring",
)


@dataclass(frozen=True, slots=True)
class ClientDeals:
    """Deals of clients. ``incomplete`` are contacts and companies with more deals than are read."""

    deals: Mapping[int, Deal] = field(default_factory=dict)
    incomplete: frozenset[tuple[str, int]] = frozenset()

    def are_complete_for(self, order: IncomingOrder) -> bool:
        """Whether all deals of the order's clients were read."""
        clients = {("contactIds", pk) for pk in order.candidate.contacts}
        clients |= {("companyId", pk) for pk in order.candidate.companies}
        return not clients & self.incomplete


def orders_of(ids: Iterable[int]) -> Ask[dict[int, IncomingOrder]]:
    """The orders with their clients, sources and links; one that is gone is left out.

    Raises the portal's refusal to show orders or links.
    """
    wanted = sorted(set(ids))
    return ask.together(ask.every(map(_order, wanted)), links.owners_of(wanted)).map(
        lambda found: {
            order.id: replace(order, link=found[1][order.id])
            for order in found[0]
            if order is not None
        }
    )


def _order(pk: int) -> Ask[IncomingOrder | None]:
    command = Command("sale.order.get", {"id": pk})
    read: Ask[IncomingOrder | None] = ask.of(command, lambda answer: _incoming(pk, answer))
    return read.otherwise(None, errors.OrderNotFound, whole=False)


def _incoming(pk: int, answer: Answer) -> IncomingOrder | None:
    result = answer.result
    row = result.get("order") if isinstance(result, Mapping) else None
    order = next((found for found in parsing.orders({"orders": [row]}) if found.id == pk), None)
    if order is None:
        return None
    # This page shows the values of properties and the sources without their order.
    values = [{**value, "orderId": pk} for value in parsing.rows(row, "propertyValues")]
    sources = [{**source, "orderId": pk} for source in parsing.rows(row, "tradeBindings")]
    customer = parsing.customers(values).get(pk, order.customer)
    candidate = Candidate(replace(order, customer=customer), *parsing.crm_clients(result))
    platforms = {platform for _, platform in parsing.sources({"tradeBindings": sources})}
    return IncomingOrder(candidate, frozenset(platforms))


def deals_of(
    orders: Collection[IncomingOrder], *, by_contact_data: bool, created_since: datetime | None
) -> Ask[ClientDeals]:
    """The deals of the clients of ``orders``: open ones, or all that were created since a date.

    ``by_contact_data``: also of contacts that have an order's telephone or e-mail. Raises the portal's
    refusals.
    """
    narrowed: dict[str, object] = (
        {"stageSemanticId": "P"}
        if created_since is None
        else {">=createdTime": created_since.isoformat()}
    )
    contacts = {pk for order in orders for pk in order.candidate.contacts}
    companies = {pk for order in orders for pk in order.candidate.companies}
    alike = _contacts_alike(orders) if by_contact_data else ask.known(frozenset[int]())

    def search(found: frozenset[int]) -> Ask[ClientDeals]:
        clients = [("contactIds", pk) for pk in sorted(contacts | found)]
        clients += [("companyId", pk) for pk in sorted(companies)]
        pages = ask.every(_deals(name, pk, narrowed) for name, pk in clients)
        return pages.map(lambda read: _together(clients, read)).then(
            lambda deals: _with_buyers(deals) if by_contact_data else ask.known(deals)
        )

    return alike.then(search)


def _contacts_alike(orders: Collection[IncomingOrder]) -> Ask[frozenset[int]]:
    """Contacts with the telephone or e-mail of one of the orders; none of a value that many have."""
    customers = [order.candidate.order.customer for order in orders]
    values = {("PHONE", customer.phone) for customer in customers}
    values |= {("EMAIL", customer.email) for customer in customers}
    return ask.every(_alike(kind, value) for kind, value in sorted(values) if value).map(
        lambda found: frozenset(pk for ids in found for pk in ids)
    )


def _alike(kind: str, value: str) -> Ask[frozenset[int]]:
    params = {"entity_type": "CONTACT", "type": kind, "values": [value]}

    def read(answer: Answer) -> frozenset[int]:
        result = answer.result
        ids = result.get("CONTACT") if isinstance(result, Mapping) else None
        found = frozenset(map(parsing.identifier, ids if isinstance(ids, list) else ())) - {0}
        return found if len(found) < MAX_DUPLICATES else frozenset()

    return ask.of(Command("crm.duplicate.findbycomm", params), read)


def _deals(
    name: str, pk: int, narrowed: Mapping[str, object], below: int = 0, page: int = 1
) -> Ask[tuple[tuple[Deal, ...], bool]]:
    """Deals of one client, and whether these are all."""
    wanted = {name: pk, **narrowed, **({"<id": below} if below else {})}
    params = {
        "entityTypeId": DEAL,
        "select": list(_DEAL_FIELDS),
        "filter": wanted,
        "order": {"id": "DESC"},
        "start": -1,
    }

    def follow(answer: Answer) -> Ask[tuple[tuple[Deal, ...], bool]]:
        rows = parsing.rows(answer.result, "items")
        found = tuple(deal for row in rows if (deal := _deal(row)) and _is_of(row, name, pk))
        if len(rows) < batch.SIZE:
            return ask.known((found, True))
        last = min(parsing.identifier(row.get("id")) for row in rows)
        if page == MAX_DEALS_PAGES or last <= 0 or (below and last >= below):
            return ask.known((found, False))
        return _deals(name, pk, narrowed, last, page + 1).map(
            lambda more: (found + more[0], more[1])
        )

    return ask.of(Command("crm.item.list", params), lambda answer: answer).then(follow)


def _is_of(row: Mapping[str, object], name: str, pk: int) -> bool:
    """Whether the row has the client it was asked for: a portal may drop a filter in silence."""
    if name == "companyId":
        return parsing.identifier(row.get("companyId")) == pk
    return pk in _contact_ids(row)


def _contact_ids(row: Mapping[str, object]) -> list[int]:
    given = row.get("contactIds")
    ids = [parsing.identifier(pk) for pk in given] if isinstance(given, list) else []
    ids.append(parsing.identifier(row.get("contactId")))
    return [pk for pk in dict.fromkeys(ids) if pk]


def _deal(row: Mapping[str, object]) -> Deal | None:
    """A deal; None for a row that cannot be understood and for the template of recurring deals."""
    pk, created = parsing.identifier(row.get("id")), parsing.moment(row.get("createdTime"))
    if not pk or created is None or parsing.flag(row.get("isRecurring")):
        return None
    moved = parsing.moment(row.get("movedTime")) or created
    company = parsing.identifier(row.get("companyId"))
    stage = Stage(
        moved,
        parsing.integer(row.get("categoryId")),
        parsing.text(row.get("stageId")),
        parsing.text(row.get("stageSemanticId")) == "P",
    )
    contacts = _contact_ids(row)
    buyers = tuple(Buyer(contact_id=contact, company_id=company) for contact in contacts)
    author, editor = (parsing.identifier(row.get(name)) for name in ("createdBy", "updatedBy"))
    return Deal(
        id=pk,
        title=parsing.text(row.get("title")),
        created=created,
        changed=parsing.moment(row.get("updatedTime")) or created,
        stage=stage,
        buyers=buyers or (Buyer(company_id=company),),
        responsible_id=parsing.identifier(row.get("assignedById")),
        touched=author != editor or (moved - created).total_seconds() > 1,
    )


def _together(
    clients: Sequence[tuple[str, int]], read: Sequence[tuple[tuple[Deal, ...], bool]]
) -> ClientDeals:
    deals = {deal.id: deal for found, _ in read for deal in found}
    pairs = zip(clients, read, strict=True)
    return ClientDeals(deals, frozenset(client for client, (_, whole) in pairs if not whole))


def _with_buyers(found: ClientDeals) -> Ask[ClientDeals]:
    """The same deals with names, telephones and e-mails of their contacts."""
    ids = {buyer.contact_id for deal in found.deals.values() for buyer in deal.buyers} - {0}
    return ask.many(sorted(ids), _contacts).map(
        lambda pages: _known_buyers(found, {pk: row for page in pages for pk, row in page.items()})
    )


def _contacts(ids: Sequence[int]) -> Ask[dict[int, Mapping[str, object]]]:
    select = ["ID", "NAME", "LAST_NAME", "PHONE", "EMAIL"]
    params = {"select": select, "filter": {"@ID": list(ids)}, "start": -1}
    return ask.of(
        Command("crm.contact.list", params),
        lambda answer: {
            pk: row
            for row in parsing.rows(answer.result)
            if (pk := parsing.identifier(row.get("ID"))) in ids
        },
    )


def _known_buyers(found: ClientDeals, rows: Mapping[int, Mapping[str, object]]) -> ClientDeals:
    def known(buyer: Buyer) -> Buyer:
        name, phones, emails = parsing.contacts_of(rows.get(buyer.contact_id))
        return replace(buyer, name=name, phones=phones, emails=emails)

    deals = {
        pk: replace(deal, buyers=tuple(map(known, deal.buyers))) for pk, deal in found.deals.items()
    }
    return replace(found, deals=deals)


def histories_of(deal_ids: Iterable[int]) -> Ask[dict[int, list[Stage]]]:
    """Where deals stood and since when, by deal. Raises the portal's refusals."""
    return ask.many(sorted(set(deal_ids)), _history).map(_by_deal)


def _history(ids: Sequence[int], above: int = 0) -> Ask[list[tuple[int, Stage]]]:
    wanted = {"@OWNER_ID": list(ids), **({">ID": above} if above else {})}
    params = {"entityTypeId": DEAL, "order": {"ID": "ASC"}, "filter": wanted, "start": -1}

    def follow(answer: Answer) -> Ask[list[tuple[int, Stage]]]:
        rows = parsing.rows(answer.result, "items")
        found = [
            (parsing.identifier(row.get("OWNER_ID")), stage)
            for row in rows
            if (stage := _stage(row))
        ]
        last = max((parsing.identifier(row.get("ID")) for row in rows), default=0)
        if len(rows) < batch.SIZE or last <= above:
            return ask.known(found)
        return _history(ids, last).map(lambda more: found + more)

    return ask.of(Command("crm.stagehistory.list", params), lambda answer: answer).then(follow)


def _stage(row: Mapping[str, object]) -> Stage | None:
    since = parsing.moment(row.get("CREATED_TIME"))
    if since is None:
        return None
    return Stage(
        since,
        parsing.integer(row.get("CATEGORY_ID")),
        parsing.text(row.get("STAGE_ID")),
        parsing.text(row.get("STAGE_SEMANTIC_ID")) == "P",
    )


def _by_deal(pages: Iterable[Iterable[tuple[int, Stage]]]) -> dict[int, list[Stage]]:
    found: dict[int, list[Stage]] = {}
    for page in pages:
        for deal_id, stage in page:
            found.setdefault(deal_id, []).append(stage)
    return found


def links_of_deals(deal_ids: Iterable[int]) -> Ask[dict[int, frozenset[int]]]:
    """The orders of each deal. Raises the portal's refusals: a gap would look like an unlinked order."""
    wanted = sorted(set(deal_ids))

    def by_deal(pages: Iterable[Iterable[OrderLink]]) -> dict[int, frozenset[int]]:
        orders: dict[int, set[int]] = {pk: set() for pk in wanted}
        for link in (link for page in pages for link in page):
            if link.owner.is_deal and link.owner.id in orders:
                orders[link.owner.id].add(link.order_id)
        return {pk: frozenset(found) for pk, found in orders.items()}

    return ask.many(wanted, _links).map(by_deal)


def _links(ids: Sequence[int], above: int = 0) -> Ask[list[OrderLink]]:
    filters = [Filter("ownerTypeId", Op.EQUAL, DEAL), Filter("ownerId", Op.IN, list(ids))]
    if above:
        filters.append(Filter("orderId", Op.GREATER, above))
    command = links.listing(filters, order=[Order("orderId")], start=-1)

    def follow(found: list[OrderLink]) -> Ask[list[OrderLink]]:
        last = max((link.order_id for link in found), default=0)
        if len(found) < batch.SIZE or last <= above:
            return ask.known(found)
        return _links(ids, last).map(lambda more: found + more)

    return ask.of(command, links.read_links).then(follow)
