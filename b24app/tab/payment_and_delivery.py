"""Marking a payment as paid, a shipment as shipped, and giving a shipment its tracking number.

Each is off until an administrator allows it, and made with the person's own token only. It is written
once: what is there is read before, in the request that writes, and after it; where the portal never
answers, another reading decides. There is no undo.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Generic, TypeVar

from django.http import HttpRequest, HttpResponse, QueryDict
from django.shortcuts import render
from django.utils.translation import gettext as _

from b24app.bitrix24 import errors
from b24app.changes import acts, applying
from b24app.changes.acts import PAYMENT, SHIPPED, TRACKING, Act, PaymentState, ShipmentState
from b24app.changes.outcomes import Change, Changed, Result
from b24app.connect import client_of
from b24app.journal import audit
from b24app.journal.models import AuditEntry
from b24app.orders.types import Order, Owner
from b24app.portals.models import PortalUser
from b24app.portals.rights import Asks
from b24app.portals.templatetags.shown import money
from b24app.tab import cancel_changes, field_problems, forms, one_order, region, write_locks
from b24app.tab.problem_texts import Notice
from b24app.tab.responses import answer, kept
from b24app.web import entry
from b24app.web.forms import line, whole_number
from b24app.web.session import Session

S = TypeVar("S", PaymentState, ShipmentState)


class PriceWouldChange(errors.NotRun):
    """The delivery is discounted: an update of the shipment would change what the client pays."""


@dataclass(frozen=True)
class Done(Generic[S]):
    """What became of an act; ``order`` is the one it belongs to."""

    order: Order
    changed: Changed[int, S]


def carry_out(
    user: PortalUser,
    owner: Owner,
    act: Act[int, S],
    order_id: int,
    part: int,
    wanted: Callable[[S], Change[int, S]],
) -> Done[S]:
    """Do something to a payment or a shipment of an order at the card ``owner``, and record it.

    ``wanted`` makes the change from the part as it stands now. Raises the portal's refusal to show the
    card or the order, ``errors.NotFound`` for a part of another order, and ``BeingChanged``; nothing is
    written then.
    """
    client = client_of(user)
    with write_locks.claimed(user.portal, write_locks.of_orders([order_id])) as send_before:
        looked = one_order.at_card(owner, order_id, applying.values_of(act, [part]))
        order, values = client.answer(looked, strict=True)
        if part not in values or values[part].order_id != order_id:
            raise errors.NotFound("", "not a part of this order", method=next(iter(act.writes)))
        change = wanted(values[part])
        (made,) = applying.apply(client, act, [change], values, send_before=send_before)
        written = made.result is Result.DONE and made.before != made.now
        if written or made.result is Result.UNKNOWN:
            replaced = Change(part, made.before, change.wanted)
            item = audit.of_change(
                act, replaced, number=order.number, card=owner, certain=made.result is Result.DONE
            )
            kept(user, AuditEntry.Through.TAB, [item], [owner])
    return Done(order, made)


@entry.in_session("GET", asks=Asks.ALONG)
def confirm_pay(request: HttpRequest, opened: Session, user: PortalUser) -> HttpResponse:
    """Ask which payment is paid, and say what follows and what cannot be undone."""
    order_id, owner = forms.one_order(request.GET), region.owner_of(opened)
    order, found = client_of(user).answer(
        one_order.at_card(owner, order_id, acts.payments_of(order_id))
    )
    payable = [pk for pk, state in found.items() if state.payable]
    context = {"order": order, "payments": found.items(), "first": next(iter(payable), None)}
    return render(request, "tab/pay.html", context | _common(user))


@entry.in_session("POST", asks=Asks.ALONG)
def pay(request: HttpRequest, opened: Session, user: PortalUser) -> HttpResponse:
    """Mark one payment as paid, if it is still open and of the amount the person saw."""
    order_id, part = _parts(request.POST)
    amount = forms.amount(request.POST, f"amount-{part}")
    if not amount:
        # The dialog does not offer a payment of nothing.
        raise forms.BadForm

    def wanted(now: PaymentState) -> Change[int, PaymentState]:
        seen = replace(now, amount=amount, paid=False, returned=False)
        return Change(part, seen, seen.as_paid)

    def run() -> tuple[list[Notice], str]:
        done = carry_out(user, region.owner_of(opened), PAYMENT, order_id, part, wanted)
        shown = money(amount, done.order.currency)
        title = _("The payment of No. %(number)s was not marked as paid")
        named = {"number": done.order.number, "amount": shown}
        return _notices(done, title % named, _paid_instead(done)), _(
            "%(amount)s marked as paid"
        ) % named

    return _answered(request, opened, user, run, allowed=user.portal.allow_pay)


@entry.in_session("GET", asks=Asks.ALONG)
def confirm_ship(request: HttpRequest, opened: Session, user: PortalUser) -> HttpResponse:
    """Ask which shipment has left, with which tracking number; says what follows."""
    return _shipments(request, opened, user, "tab/ship.html", shipped=False)


@entry.in_session("POST", asks=Asks.ALONG)
def ship(request: HttpRequest, opened: Session, user: PortalUser) -> HttpResponse:
    """Mark one shipment as shipped, with its tracking number, if it still is as the person saw it."""
    return _change_shipment(
        request,
        opened,
        user,
        SHIPPED,
        done=_("Shipment of No. %(number)s marked as shipped"),
        failed=_("The shipment of No. %(number)s was not marked as shipped"),
    )


@entry.in_session("GET", asks=Asks.ALONG)
def edit_tracking(request: HttpRequest, opened: Session, user: PortalUser) -> HttpResponse:
    """Ask for the tracking number of a shipment."""
    return _shipments(request, opened, user, "tab/tracking.html", shipped=None)


@entry.in_session("POST", asks=Asks.ALONG)
def tracking(request: HttpRequest, opened: Session, user: PortalUser) -> HttpResponse:
    """Set the tracking number of one shipment, if it still is the one the person saw."""
    return _change_shipment(
        request,
        opened,
        user,
        TRACKING,
        done=_("Tracking number of No. %(number)s changed"),
        failed=_("The tracking number of No. %(number)s was not changed"),
    )


def _change_shipment(
    request: HttpRequest,
    opened: Session,
    user: PortalUser,
    act: Act[int, ShipmentState],
    *,
    done: str,
    failed: str,
) -> HttpResponse:
    """Write the tracking number of a shipment; ``SHIPPED`` marks it as shipped as well."""
    (order_id, part), form = _parts(request.POST), request.POST
    number = _tracking(form, "tracking")

    def wanted(now: ShipmentState) -> Change[int, ShipmentState]:
        ships = act is SHIPPED
        seen = replace(
            now,
            shipped=now.shipped and not ships,
            tracking=_tracking(form, f"seen-{part}"),
        )
        written = replace(_writable(now), shipped=now.shipped or ships, tracking=number)
        return Change(part, seen, written)

    def run() -> tuple[list[Notice], str]:
        made = carry_out(user, region.owner_of(opened), act, order_id, part, wanted)
        named = {"number": made.order.number}
        return _notices(made, failed % named, _shipped_instead(made)), done % named

    return _answered(request, opened, user, run, allowed=user.portal.allow_ship)


def _shipments(
    request: HttpRequest,
    opened: Session,
    user: PortalUser,
    template: str,
    *,
    shipped: bool | None,
) -> HttpResponse:
    """A dialog about the shipments of an order; those that are ``shipped`` or not can be chosen."""
    order_id, owner = forms.one_order(request.GET), region.owner_of(opened)
    order, found = client_of(user).answer(
        one_order.at_card(owner, order_id, acts.shipments_of(order_id))
    )
    open_ones = {
        pk
        for pk, state in found.items()
        if state.writable and (shipped is None or state.shipped is shipped)
    }
    context = {
        "order": order,
        "shipments": found.items(),
        "open": open_ones,
        "first": next((pk for pk in found if pk in open_ones), None),
        "most": acts.MAX_TRACKING_CHARACTERS,
    }
    return render(request, template, context | _common(user))


def _common(user: PortalUser) -> dict[str, object]:
    return {"portal": user.portal, "portal_origin": user.portal.origin}


def _parts(form: QueryDict) -> tuple[int, int]:
    """The order and its payment or shipment; raises ``BadForm``."""
    return forms.one_order(form), whole_number(form.get("part", ""), least=1)


def _tracking(form: QueryDict, name: str) -> str:
    """A tracking number on one line; raises ``BadForm`` where it is too long."""
    return line(form, name, most=acts.MAX_TRACKING_CHARACTERS)


def _writable(now: ShipmentState) -> ShipmentState:
    if not now.writable:
        raise PriceWouldChange("PRICE_WOULD_CHANGE", "the delivery is discounted")
    return now


def _answered(
    request: HttpRequest,
    opened: Session,
    user: PortalUser,
    run: Callable[[], tuple[list[Notice], str]],
    *,
    allowed: bool,
) -> HttpResponse:
    """The region after ``run``, which gives what people have to know and the toast of a success."""
    if not allowed:
        return answer(request, opened, user, [cancel_changes.not_allowed()], "", None)
    try:
        notices, text = run()
    except PriceWouldChange:
        notices, text = [_price_notice()], ""
    except write_locks.BeingChanged as error:
        reason = field_problems.refusal(error)
        notices, text = [Notice("conflict", _("Nothing was changed"), reason)], ""
    return answer(request, opened, user, notices, "" if notices else text, None)


def _price_notice() -> Notice:
    return Notice(
        "failed",
        _("Nothing was changed"),
        _(
            "The delivery of this shipment is discounted, and Bitrix24 would change its price. Do it in "
            "the order."
        ),
    )


def _notices(done: Done[S], title: str, instead: str) -> list[Notice]:
    """What people have to know; nothing where it was done. ``instead`` is how the part stands now."""
    changed = done.changed
    if changed.result is Result.DONE:
        return []
    if changed.result is Result.ALREADY:
        return [
            Notice("conflict", _("It was already done"), _("Nothing was changed a second time."))
        ]
    if changed.result is Result.CONFLICT:
        return [Notice("conflict", title, instead)]
    if changed.result is Result.UNKNOWN:
        text = _("Bitrix24 stopped responding. Check the order before you try again.")
        return [Notice("unknown", _("It is not known whether the change was saved"), text)]
    return [Notice("failed", title, field_problems.refusal(changed.error))]


def _paid_instead(done: Done[PaymentState]) -> str:
    now = done.changed.now
    if now is not None and now.payable:
        text = _("Its amount is %(amount)s now. Open the dialog again.")
        return text % {"amount": money(now.amount, done.order.currency)}
    return _("It was paid or returned in the meantime. Nothing was changed.")


def _shipped_instead(done: Done[ShipmentState]) -> str:
    now = done.changed.now
    if now is not None and now.shipped:
        return _("It was shipped in the meantime. Nothing was changed.")
    return _("It was changed in the meantime. Open the dialog again.")
