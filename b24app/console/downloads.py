"""What leaves the console as a file."""

from collections.abc import Sequence

from django.utils.translation import gettext as _

from b24app.bitrix24.client import Client
from b24app.bitrix24.filters import Filter
from b24app.console import link_descriptions
from b24app.console.audit_rows import Line
from b24app.console.link_descriptions import Described
from b24app.journal.models import AuditEntry
from b24app.orders import scan
from b24app.orders.types import Owner
from b24app.portals.models import Portal
from b24app.portals.templatetags.shown import local
from b24app.web.export_cells import moment, owner_type
from b24app.web.table_files import Cell, Table

MAX_ROWS = 2000


def links(client: Client, portal: Portal, filters: Sequence[Filter]) -> list[Described]:
    """Links that match, newest orders first, at most 2,000: two or three requests for each 500.

    Raises ``errors.BitrixError`` where the links cannot be read.
    """
    found: list[Described] = []
    below = 0
    while len(found) < MAX_ROWS:
        page = client.answer(scan.links_below(filters, below)).rows
        if not page:
            break
        found += link_descriptions.of(client, portal, page)[0]
        below = page[-1].order_id
    return found[:MAX_ROWS]


def links_table(found: Sequence[Described]) -> Table:
    headings = [
        _("Order ID"), _("Order"), _("Date"), _("Client"), _("Amount"), _("Currency"),
        _("Type"), _("Deal/invoice ID"), _("Linked to"), _("Linked by"),
    ]  # fmt: skip
    return Table(_("Order links"), headings, [_row(description) for description in found])


def _row(description: Described) -> list[Cell]:
    order = description.order
    return [
        description.order_id,
        order.number if order else "",
        local(order.created) if order else None,
        order.customer.title if order else "",
        order.price if order else None,
        order.currency if order else "",
        owner_type(description.owner),
        description.owner.id if description.owner else None,
        _("no longer exists") if description.gone else description.title or "",
        description.entry.user_name if description.entry else "",
    ]


def audit_table(lines: Sequence[Line]) -> Table:
    headings = [
        _("When"), _("Who"), _("What"), _("Order ID"), _("Order"), _("From"), _("To"),
        _("Source"), _("With whose permissions"), _("Confirmed"),
    ]  # fmt: skip
    return Table(_("Audit"), headings, [_audit_row(line) for line in lines])


def _audit_row(line: Line) -> list[Cell]:
    entry = line.entry
    throughs = {
        "tab": _("in the tab"), "order_card": _("in the order’s card"), "job": _("bulk job"),
        "undo": _("undo"), "console": _("in the console"),
        "opening": _("by opening the app"),
    }  # fmt: skip
    return [
        moment(entry.at),
        entry.user_name or str(entry.user_id),
        _what(line),
        entry.order_id or None,
        entry.order_number,
        _place(entry.source) or line.before,
        _place(entry.target) or line.after,
        throughs.get(entry.through, entry.through),
        _("the app’s") if entry.right == AuditEntry.Right.INSTALLER else _("their own"),
        _("yes") if entry.certain else _("no"),
    ]


def _what(line: Line) -> str:
    if line.entry.kind == AuditEntry.Kind.SETTING:
        return line.about
    whats = {
        "linked": _("linked"), "moved": _("moved"), "unlinked": _("unlinked"),
        "status": _("status changed"), "responsible": _("responsible changed"),
        "amount": _("amount changed"), "access": _("access taken over"),
        "support": _("support data read"),
    }  # fmt: skip
    found = whats.get(line.what, line.what)
    return f"{found}: {line.about}" if line.about else found


def _place(owner: Owner | None) -> str:
    return f"{owner_type(owner)} {owner.id}" if owner is not None else ""
