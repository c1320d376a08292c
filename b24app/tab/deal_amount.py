"""Setting a card's amount to the sum of its orders, on the person's own right only."""

import uuid
from dataclasses import dataclass, replace
from decimal import Decimal

from django.http import HttpRequest, HttpResponse, QueryDict
from django.shortcuts import render
from django.utils.translation import gettext as _

from b24app.bitrix24 import errors
from b24app.connect import client_of
from b24app.journal.audit import Entry
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
class Typed:
    """A card's amount as the audit keeps it: ``20430.50 EUR``, with ``auto`` where products make it."""

    amount: Decimal
    currency: str
    manual: bool = True

    def __str__(self) -> str:
        return f"{self.amount} {self.currency}" + ("" if self.manual else " auto")

    @classmethod
    def of(cls, card: Card) -> "Typed":
        return cls(card.amount, card.currency, card.manual)

    @classmethod
    def parsed(cls, text: str) -> "Typed":
        """From what :meth:`__str__` wrote."""
        amount, currency, *auto = text.split(" ")
        return cls(Decimal(amount), currency, not auto)


@dataclass(frozen=True, slots=True)
class Written:
    """An amount that was written: the card since, what to undo, and what people have to know.

    ``certain`` is False where the portal never answered whether it has written it.
    """

    card: Card
    change: uuid.UUID | None
    notices: tuple[Notice, ...]
    certain: bool = True


def set_to(
    user: PortalUser,
    through: str,
    card: Card,
    wanted: Typed,
    send_before: float,
    undoes: int | None = None,
) -> Written:
    """Write the amount and write it down. Nothing is written past ``send_before`` (wall clock).

    Raises the portal's refusal.
    """
    change = Entry(
        AuditEntry.Kind.AMOUNT,
        source=card.owner,
        target=card.owner,
        before=str(Typed.of(card)),
        after=str(wanted),
        undoes=undoes,
    )
    try:
        before, now = cards.set_amount(
            client_of(user),
            card,
            wanted.amount,
            manual=wanted.manual,
            send_before=send_before,
        )
    except errors.BitrixError as error:
        if error.not_applied:
            raise
        kept(user, through, [replace(change, certain=False)], [card.owner])
        return Written(card, None, (_unknown(),), certain=False)
    made = kept(user, through, [replace(change, before=str(Typed.of(before)))], [card.owner])
    return Written(now, made, _overridden(card, before))


def _overridden(card: Card, before: Card) -> tuple[Notice, ...]:
    """A word about somebody's change that came between the look and the write; Undo brings it back."""
    if (before.amount, before.currency) == (card.amount, card.currency):
        return ()
    text = _("Someone had just changed it to %(amount)s. Undo restores that amount.")
    shown = text % {"amount": money(before.amount, before.currency)}
    return (Notice("overridden", _("Your change replaced someone else’s"), shown),)


def of_card(owner: Owner) -> list[str]:
    """The name of a card for :func:`claims.claimed`."""
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
    """The card as it stands now; raises the portal's refusal to open it."""
    return cards.opened(owner, client_of(user).batch(cards.opening(owner)))


def _region(opened: Session, user: PortalUser) -> tuple[Card, Decimal]:
    """The card and the exact sum of its orders in its currency; raises where they cannot be summed."""
    context = region.context(opened, user, client_of(user), QueryDict())
    shown = context["region"]
    if not isinstance(shown, order_rows.Region) or shown.totals is None:
        raise forms.BadForm
    price = next(
        (one.price for one in shown.totals.by_currency if one.currency == shown.card.currency),
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
            to = Typed(wanted, card.currency)
            written = set_to(user, AuditEntry.Through.TAB, card, to, send_before)
    except write_locks.BeingChanged:
        return answer(request, opened, user, [being_changed()], "", None)
    text = _("Amount changed to %(amount)s") % {
        "amount": money(written.card.amount, written.card.currency)
    }
    told = text if written.certain else ""
    return answer(request, opened, user, written.notices, told, written.change)


def _changed_meanwhile() -> Notice:
    return Notice(
        "conflict",
        _("The amount was not changed"),
        _("The orders or the amount have changed in the meantime. Check both again."),
    )
