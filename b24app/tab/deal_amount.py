"""Setting a card's amount to the sum of its orders, with the person's own token only."""

import uuid
from dataclasses import dataclass
from decimal import Decimal

from django.http import HttpRequest, HttpResponse, QueryDict
from django.shortcuts import render
from django.utils.translation import gettext as _

from b24app.changes import applying
from b24app.changes.outcomes import Change, Result
from b24app.changes.properties import DEAL_AMOUNT, Amount, AmountChange
from b24app.connect import client_of
from b24app.journal import audit
from b24app.journal.models import AuditEntry
from b24app.orders import cards
from b24app.orders.types import Card, Owner
from b24app.portals.models import PortalUser
from b24app.portals.rights import Asks
from b24app.portals.templatetags.shown import money
from b24app.tab import forms, order_rows, region, write_locks
from b24app.tab.problem_texts import Notice
from b24app.tab.responses import answer, kept
from b24app.web import entry
from b24app.web.session import Session


@dataclass(frozen=True, slots=True)
class Written:
    """An amount that was written: the amount since, what to undo, and what people have to know.

    ``done`` is False where the amount is another one, or the portal never answered.
    """

    amount: Amount
    change: uuid.UUID | None
    notices: tuple[Notice, ...] = ()
    done: bool = True


def set_to(
    user: PortalUser,
    through: str,
    wanted: AmountChange,
    send_before: float,
    undoes: int | None = None,
) -> Written:
    """Set the amount that was read as ``wanted.seen`` a moment ago, and record it.

    Nothing is written past ``send_before`` (wall clock, seconds since 1970). Raises the portal's
    refusal.
    """
    owner, seen = wanted.key, wanted.seen
    (made,) = applying.apply(
        client_of(user), DEAL_AMOUNT, [wanted], {owner: seen}, send_before=send_before
    )
    now = made.now or seen
    if made.error is not None and made.error.not_applied:
        raise made.error
    if made.result is Result.ALREADY:
        return Written(now, None)
    if made.result is Result.CONFLICT:
        return Written(now, None, (changed_since(now),), done=False)
    done = made.result is Result.DONE
    replaced = Change(owner, made.before, wanted.wanted)
    entry = audit.of_change(DEAL_AMOUNT, replaced, certain=done, undoes=undoes)
    change = kept(user, through, [entry], [owner])
    if not done:
        return Written(now, None, (_unknown(),), done=False)
    return Written(now, change, (_overridden(made.before),) if made.overrode else ())


def _overridden(before: Amount) -> Notice:
    """About somebody's change that came between the look and the write; Undo brings it back."""
    text = _("Someone had just changed it to %(amount)s. Undo restores that amount.")
    shown = text % {"amount": money(before.amount, before.currency)}
    return Notice("overridden", _("Your change replaced someone else’s"), shown)


def changed_since(now: Amount) -> Notice:
    """About an amount that is not the one this person saw or set any more."""
    text = _("Someone has changed it since: now it is %(amount)s.")
    shown = text % {"amount": money(now.amount, now.currency)}
    return Notice("conflict", _("The amount was not changed"), shown)


def of_card(owner: Owner) -> list[str]:
    """The name of a card for :func:`write_locks.claimed`."""
    return [f"card:{owner.type_id}:{owner.id}"]


def _unknown() -> Notice:
    return Notice(
        "unknown",
        _("It is not known whether the amount was changed"),
        _("Bitrix24 stopped responding. Check the amount before you try again."),
    )


def being_changed() -> Notice:
    """Said where the amount is being changed by another request at this moment."""
    return Notice(
        "conflict",
        _("The amount was not changed"),
        _("It is being changed right now. Check again in a few seconds."),
    )


def read_card(user: PortalUser, owner: Owner) -> Card:
    """The card read now; raises the portal's refusal to open it."""
    return client_of(user).answer(cards.card_of(owner))


def _region(opened: Session, user: PortalUser) -> tuple[Card, Decimal]:
    """The card and the exact sum of its orders in its currency; raises where they cannot be summed."""
    context = region.context(opened, user, client_of(user), QueryDict())
    shown = context["region"]
    if not isinstance(shown, order_rows.Region) or shown.totals is None:
        raise forms.BadForm
    price = next(
        (
            total.price
            for total in shown.totals.by_currency
            if total.currency == shown.card.currency
        ),
        Decimal(0),
    )
    return shown.card, price


@entry.in_session("GET", asks=Asks.ALONG)
def confirm(request: HttpRequest, opened: Session, user: PortalUser) -> HttpResponse:
    """Ask before the card's amount is set, with the sum as it is at this moment."""
    card, price = _region(opened, user)
    return render(request, "tab/amount.html", {"card": card, "price": price})


@entry.in_session("POST", asks=Asks.ALONG)
def change(request: HttpRequest, opened: Session, user: PortalUser) -> HttpResponse:
    """Set the amount, if both it and the orders' sum are still what the person agreed to."""
    seen, wanted = forms.amount(request.POST, "seen"), forms.amount(request.POST, "to")
    try:
        with write_locks.claimed(user.portal, of_card(region.owner_of(opened))) as send_before:
            card, price = _region(opened, user)
            if card.amount != seen or price != wanted:
                return answer(request, opened, user, [_changed_meanwhile()], "", None)
            to = Change(card.owner, Amount.of(card), Amount(wanted, card.currency))
            written = set_to(user, AuditEntry.Through.TAB, to, send_before)
    except write_locks.BeingChanged:
        return answer(request, opened, user, [being_changed()], "", None)
    text = _("Amount changed to %(amount)s") % {
        "amount": money(written.amount.amount, written.amount.currency)
    }
    toast = text if written.done else ""
    return answer(request, opened, user, written.notices, toast, written.change)


def _changed_meanwhile() -> Notice:
    return Notice(
        "conflict",
        _("The amount was not changed"),
        _("The orders or the amount have changed in the meantime. Check both again."),
    )
