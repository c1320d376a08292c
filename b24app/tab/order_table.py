"""The orders of a card as a table to be exported."""

from collections.abc import Sequence

from django.utils.translation import gettext as _

from b24app.orders.types import Order
from b24app.tab.grid_columns import FIELDS
from b24app.tab.grid_row import Names
from b24app.web.table_files import Table


def table(orders: Sequence[Order], names: Names) -> Table:
    """One row per order, its amounts in major units of the currency beside them."""
    rows = [names.row(order) for order in orders]
    return Table(
        _("Orders"),
        [str(field.heading) for field in FIELDS],
        [[field.value(row) for field in FIELDS] for row in rows],
    )
