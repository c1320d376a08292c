"""Cells that several exports have."""

from datetime import datetime

from django.utils import timezone
from django.utils.translation import gettext as _

from b24app.orders.types import DEAL, INVOICE, Owner


def owner_type(owner: Owner | None) -> str:
    """The type of a card in words, its number if the type has no word; empty for no card."""
    if owner is None:
        return ""
    return {DEAL: _("Deal"), INVOICE: _("Invoice")}.get(owner.type_id, str(owner.type_id))


def moment(at: datetime | None) -> str:
    """A date and time by the portal's clock, to the second; empty for none."""
    return f"{timezone.localtime(at):%Y-%m-%d %H:%M:%S}" if at else ""
