"""The orders a confirming dialog is about: those ticked, or all that match what the tab shows."""

from dataclasses import dataclass

from django.http import HttpRequest

from b24app.connect import client_of
from b24app.portals.models import PortalUser
from b24app.tab import forms, region
from b24app.tab.forms import BadForm
from b24app.web.session import Session

# Beyond what is done at once; a bulk job takes it from there.
MAX_ORDERS = 1000


@dataclass(frozen=True, slots=True)
class Choice:
    """An order as the dialogs pass it on; ``status`` is what the person saw, where it matters."""

    order_id: int
    number: str
    status: str = ""


def asked(request: HttpRequest, opened: Session, user: PortalUser) -> dict[str, object]:
    """What the confirming dialogs say of the chosen orders; ``many`` where it takes a bulk job.

    Raises ``BadForm`` for a form that is not our page's, and what keeps all orders from being read.
    """
    chosen = _all(request, opened, user) or _ticked(request)
    if not 0 < len(chosen) <= MAX_ORDERS:
        raise BadForm
    return {
        "chosen": chosen,
        "numbers": [choice.number for choice in chosen],
        "count": len(chosen),
        "many": len(chosen) > forms.MAX_ORDERS,
        "empties": request.POST.get("of", "") == str(len(chosen)),
        "invoice": region.owner_of(opened).is_invoice,
    }


def _all(request: HttpRequest, opened: Session, user: PortalUser) -> list[Choice]:
    if request.POST.get("all") != "on":
        return []
    orders = region.chosen(opened, user, client_of(user), request.POST)
    return [Choice(order.id, order.number, order.status_id) for order in orders]


def _ticked(request: HttpRequest) -> list[Choice]:
    statuses = {
        pick.order_id: pick.seen
        for pick in forms.status_picks(request.POST, most=MAX_ORDERS, least=0)
    }
    picked = forms.picks(request.POST, most=MAX_ORDERS)
    numbers = request.POST.getlist("number")
    named = numbers if len(numbers) == len(picked) else [str(pick.order_id) for pick in picked]
    return [
        Choice(pick.order_id, number, statuses.get(pick.order_id, ""))
        for pick, number in zip(picked, named, strict=True)
    ]
