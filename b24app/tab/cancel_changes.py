"""Cancelling one order with a reason, and taking the cancellation back; never several at once.

Off until an administrator allows it. The dialog names what keeps the portal from cancelling: a payment
that is paid, a shipment that has left.
"""

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils.translation import gettext as _

from b24app.bitrix24 import ask
from b24app.changes import acts, applying
from b24app.changes.cancellation import CANCELLED, MAX_REASON_CHARACTERS, Cancellation
from b24app.changes.outcomes import Change
from b24app.connect import client_of
from b24app.portals import access
from b24app.portals.models import PortalUser
from b24app.portals.rights import Asks
from b24app.tab import field_changes, forms, one_order, region
from b24app.tab.problem_texts import Notice
from b24app.tab.responses import answer
from b24app.web import entry
from b24app.web.forms import line
from b24app.web.session import Session


@entry.in_session("GET", asks=Asks.ALONG)
def confirm(request: HttpRequest, opened: Session, user: PortalUser) -> HttpResponse:
    """Ask for the reason, or whether the cancellation shall be taken back; says what stands in the way."""
    order_id, owner = forms.one_order(request.GET), region.owner_of(opened)
    parts = ask.together(
        applying.values_of(CANCELLED, [order_id]),
        acts.payments_of(order_id).otherwise({}),
        acts.shipments_of(order_id).otherwise({}),
    )
    order, (values, payments, shipments) = client_of(user).answer(
        one_order.at_card(owner, order_id, parts)
    )
    context = {
        "order": order,
        "now": values.get(order_id),
        "payments": [state for state in payments.values() if state.paid],
        "shipments": [state for state in shipments.values() if state.shipped],
        "allowed": user.portal.allow_cancel,
        "admins": access.who_can_grant(user.portal),
        "most": MAX_REASON_CHARACTERS,
        "portal_origin": user.portal.origin,
        "owner": owner,
    }
    return render(request, "tab/cancel.html", context)


@entry.in_session("POST", asks=Asks.ALONG)
def change(request: HttpRequest, opened: Session, user: PortalUser) -> HttpResponse:
    """Cancel one order, or take its cancellation back."""
    form = request.POST
    order_id, to = forms.one_order(form), form.get("to", "")
    reason = line(form, "reason", most=MAX_REASON_CHARACTERS)
    if to not in ("Y", "N"):
        raise forms.BadForm
    if not user.portal.allow_cancel:
        return answer(request, opened, user, [not_allowed()], "", None)
    cancels = to == "Y"
    changed = Change(order_id, Cancellation(not cancels), Cancellation(cancels, reason))
    outcome = field_changes.carry_out(user, region.owner_of(opened), CANCELLED, [changed])
    done = _("No. %(number)s cancelled") if cancels else _("No. %(number)s is no longer cancelled")
    text = done % {"number": outcome.number(order_id)}
    return field_changes.finished(request, opened, user, outcome, text)


def not_allowed() -> Notice:
    """About something that the administrator has not allowed, or does not allow any more."""
    return Notice(
        "failed",
        _("Nothing was changed"),
        _("An administrator has not allowed this in the app’s settings."),
    )
