"""The words of the step *Check columns*: what a column is taken for, and why."""

from collections.abc import Mapping

from django.utils.functional import Promise
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from b24app.imports.columns import Column, Kind, Why
from b24app.orders.types import Owner

KINDS: Mapping[Kind, str | Promise] = {
    Kind.NUMBER: gettext_lazy("Order number"),
    Kind.ID: gettext_lazy("Order ID"),
    Kind.DEAL: gettext_lazy("Deal"),
    Kind.INVOICE: gettext_lazy("Invoice"),
    Kind.IGNORE: gettext_lazy("Ignore"),
}

LOST = frozenset({"no_order_given", "order_too_long", "bad_id"})
"""Problems of the cell that names the order."""

_WHY: Mapping[Why, str | Promise] = {
    Why.HEADING: gettext_lazy("By its heading"),
    Why.VALUES: gettext_lazy("By its values"),
    Why.LETTERS: gettext_lazy("Headed as an ID, but it holds more than digits"),
    Why.COUNTER: gettext_lazy("Only counts the rows"),
    Why.OWN_BILLS: gettext_lazy("Looks like your store’s own bill numbers"),
    Why.SAME_ORDER: gettext_lazy("The IDs of the same orders"),
    Why.HIDDEN: gettext_lazy("Hidden in the file"),
    Why.POSITION: gettext_lazy("By its place only: check it"),
    Why.CHOSEN: gettext_lazy("You chose this"),
    Why.REMEMBERED: gettext_lazy("As you chose for an earlier file with these headings"),
    Why.NOTHING: gettext_lazy("Not needed"),
}


def why(column: Column) -> str:
    """Why a column was taken for what it is, and how many of its values the store knows."""
    if column.why == Why.LINKS:
        return _("Links to deals") if column.kind == Kind.DEAL else _("Links to invoices")
    said = str(_WHY[column.why])
    if column.kind not in (Kind.NUMBER, Kind.ID) or not column.looked:
        return said
    return _("%(why)s. %(found)s of the first %(looked)s are in your store") % {
        "why": said, "found": column.found, "looked": column.looked,
    }  # fmt: skip


def place(owner: Owner) -> str:
    return (_("deal %(id)s") if owner.is_deal else _("invoice %(id)s")) % {"id": owner.id}
