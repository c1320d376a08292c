"""The columns of the grid, in their order: the one list for whatever shows, hides, sorts or exports them.

The grid, the menu of columns, the sort menu, the check of a saved choice and the export all read
:data:`COLUMNS`. A column's cell is ``templates/tab/cells/NAME.html``; its width and its place on a phone
are in ``static/src/css/``. CONTRIBUTING.md says how to add one.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy

from b24app.orders.filtering import Sort
from b24app.orders.types import DeliveryState, PaymentState
from b24app.portals.templatetags.shown import local
from b24app.tab.grid_row import Row
from b24app.web.table_files import Cell

Label = str | Promise

CONTROLS = 3
"""Cells in front of the columns: the checkbox, the menu, and the button that opens the row."""


@dataclass(frozen=True, slots=True)
class SortBy:
    """A way to sort by a column: ``label`` in its head, ``choice`` in the list of sorts."""

    sort: Sort
    label: Label
    choice: Label


@dataclass(frozen=True, slots=True)
class Field:
    """A column of the exported file: its heading, and the cell of an order."""

    heading: Label
    value: Callable[[Row], Cell]


@dataclass(frozen=True, slots=True)
class Column:
    """A column of the grid.

    ``name`` is the class of its cells (``NAME``) and of its head (``c-NAME``), the name under which a
    person hides it, and the name of its cell template. ``numeric`` aligns it to the right.
    """

    name: str
    label: Label
    fields: tuple[Field, ...]
    sorts: tuple[SortBy, ...] = ()
    numeric: bool = False
    hideable: bool = True

    @property
    def template(self) -> str:
        return f"tab/cells/{self.name}.html"


@dataclass(frozen=True, slots=True)
class SortButton:
    """A button in the head of a column. ``now`` is its ``aria-sort``, empty if not sorted by it."""

    sort: Sort
    label: Label
    now: str


@dataclass(frozen=True, slots=True)
class Head:
    """The head of a column, as the grid is sorted now."""

    column: Column
    buttons: tuple[SortButton, ...]

    @property
    def aria_sort(self) -> str:
        return next((sort_button.now for sort_button in self.buttons if sort_button.now), "")


_PAYMENT = {
    PaymentState.PAID: pgettext_lazy("order", "Paid"),
    PaymentState.PARTLY: pgettext_lazy("payment", "Partly"),
    PaymentState.NOT_PAID: _("Not paid"),
    PaymentState.REFUNDED: pgettext_lazy("order", "Refunded"),
}
_DELIVERY = {
    DeliveryState.SHIPPED: _("Shipped"),
    DeliveryState.PARTLY: pgettext_lazy("delivery", "Partly"),
    DeliveryState.NOT_SHIPPED: _("Not shipped"),
}

COLUMNS = (
    Column(
        "order",
        _("Order"),
        (
            Field(_("ID"), lambda row: row.order.id),
            Field(_("Number"), lambda row: row.order.number),
            Field(_("Date"), lambda row: local(row.order.created)),
        ),
        sorts=(
            SortBy(Sort.NUMBER, _("Order"), _("Number")),
            SortBy(Sort.DATE, _("Date"), _("Date")),
        ),
        hideable=False,
    ),
    Column(
        "cust",
        _("Client"),
        (
            Field(_("Client"), lambda row: row.order.customer.name),
            Field(_("Company"), lambda row: row.order.customer.company),
            Field(_("Phone"), lambda row: row.order.customer.phone),
            Field(_("E-mail"), lambda row: row.order.customer.email),
        ),
    ),
    Column(
        "status",
        _("Status"),
        (
            Field(_("Status"), lambda row: row.status),
            Field(_("Cancelled"), lambda row: str(_("Yes") if row.order.canceled else _("No"))),
        ),
        sorts=(SortBy(Sort.STATUS, _("Status"), _("Status")),),
    ),
    Column(
        "pay",
        _("Payment"),
        (Field(_("Payment"), lambda row: str(_PAYMENT[row.order.payment_state])),),
    ),
    Column(
        "ship",
        _("Delivery"),
        (
            Field(_("Delivery"), lambda row: str(_DELIVERY[row.order.delivery_state])),
            Field(_("Tracking number"), lambda row: row.order.tracking),
        ),
    ),
    Column(
        "sum",
        _("Amount"),
        (
            Field(_("Amount"), lambda row: row.order.price),
            Field(pgettext_lazy("sum", "Paid"), lambda row: row.order.paid),
            Field(_("To pay"), lambda row: row.order.to_pay),
            Field(pgettext_lazy("sum", "Refunded"), lambda row: row.order.refunded),
            Field(_("Currency"), lambda row: row.order.currency),
        ),
        sorts=(SortBy(Sort.AMOUNT, _("Amount"), _("Amount")),),
        numeric=True,
    ),
    Column(
        "resp",
        _("Responsible"),
        (Field(_("Responsible"), lambda row: row.responsible),),
    ),
)

HIDEABLE = tuple(column for column in COLUMNS if column.hideable)

SORTS: tuple[tuple[Sort, Label], ...] = (
    (Sort.ADDED, _("Newest links first")),
    *((by.sort, by.choice) for column in COLUMNS for by in column.sorts),
)
"""Each way to sort with its words for the list of sorts."""

FIELDS = tuple(field for column in COLUMNS for field in column.fields)
"""The columns of the exported file."""

SPAN = CONTROLS + len(COLUMNS)
"""How many columns a cell across the whole table spans."""


def heads(sorted_by: Mapping[Sort, str]) -> tuple[Head, ...]:
    """The heads of all columns. ``sorted_by`` holds the ``aria-sort`` of the sort in force."""
    return tuple(
        Head(
            column,
            tuple(SortButton(by.sort, by.label, sorted_by.get(by.sort, "")) for by in column.sorts),
        )
        for column in COLUMNS
    )
