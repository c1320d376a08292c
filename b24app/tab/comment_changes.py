"""Writing the manager's comment on an order, or as a job for those that were chosen."""

from django.http import HttpRequest, HttpResponse, QueryDict
from django.shortcuts import render
from django.utils.translation import gettext as _

from b24app.bitrix24 import errors
from b24app.changes import applying
from b24app.changes.outcomes import Change
from b24app.changes.properties import COMMENT, MAX_COMMENT_CHARACTERS
from b24app.connect import client_of
from b24app.portals.models import PortalUser
from b24app.portals.rights import Asks
from b24app.tab import field_changes, forms, one_order, region, selection
from b24app.web import entry
from b24app.web.forms import typed
from b24app.web.session import Session


@entry.in_session("GET", asks=Asks.ALONG)
def edit(request: HttpRequest, opened: Session, user: PortalUser) -> HttpResponse:
    """The comment of one order, to be changed; read now, with the order."""
    order_id, client = forms.one_order(request.GET), client_of(user)
    order, values = client.answer(
        one_order.at_card(
            region.owner_of(opened), order_id, applying.values_of(COMMENT, [order_id])
        )
    )
    if order_id not in values:
        raise errors.OrderNotFound("", "no such order", method="sale.order.list")
    context = {"order": order, "comment": values[order_id], "most": MAX_COMMENT_CHARACTERS}
    return render(request, "tab/comment.html", context)


@entry.in_session("POST", asks=Asks.ALONG)
def change(request: HttpRequest, opened: Session, user: PortalUser) -> HttpResponse:
    """Set the comment of one order, if it is still the one the person saw."""
    order_id, form = forms.one_order(request.POST), request.POST
    changed = Change(order_id, COMMENT.value(form.get("seen", "")), _text(form))
    outcome = field_changes.carry_out(user, region.owner_of(opened), COMMENT, [changed])
    text = _("Comment of No. %(number)s changed") % {"number": outcome.number(order_id)}
    return field_changes.finished(request, opened, user, outcome, text)


@entry.in_session("POST", asks=Asks.ALONG, limits=entry.reading)
def confirm(request: HttpRequest, opened: Session, user: PortalUser) -> HttpResponse:
    """Ask for the comment that a job gives to the chosen orders."""
    context = selection.asked(request, opened, user) | {
        "kind": "comment",
        "most": MAX_COMMENT_CHARACTERS,
    }
    return render(request, "tab/comments.html", context)


def _text(form: QueryDict) -> str:
    text = typed(COMMENT.value(form.get("text", ""))).strip()
    if len(text) > MAX_COMMENT_CHARACTERS:
        raise forms.BadForm
    return text
