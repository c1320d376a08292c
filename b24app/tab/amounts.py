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
from b24app.portals import entry
from b24app.portals.models import PortalUser
from b24app.portals.rights import Asks
from b24app.portals.session import Session
from b24app.portals.templatetags.shown import money
from b24app.tab import forms, presenting, region
from b24app.tab.answering import answer, kept
from b24app.tab.notices import Notice


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


def set_to(
    user: PortalUser, through: str, card: Card, wanted: Typed, undoes: int | None = None
) -> tuple[Card, uuid.UUID | None]:
    """Write the amount and write it down; the card as read back, and what to take back.

    Raises the portal's refusal; where nobody knows whether it was written, that is recorded first.
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
        now = cards.set_amount(client_of(user), card, wanted.amount, manual=wanted.manual)
    except errors.BitrixError as error:
        if not error.not_applied:
            kept(user, through, [replace(change, certain=False)], [card.owner])
        raise
    return now, kept(user, through, [change], [card.owner])


def read_card(user: PortalUser, owner: Owner) -> Card:
    """The card as it stands now; raises the portal's refusal to open it."""
    return cards.opened(owner, client_of(user).batch(cards.opening(owner)))


def _region(opened: Session, user: PortalUser) -> tuple[Card, Decimal]:
    """The card and the exact sum of its orders in its currency; raises where they cannot be summed."""
    context = region.context(opened, user, client_of(user), QueryDict())
    shown = context["region"]
    if not isinstance(shown, presenting.Region) or shown.totals is None:
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
    card, price = _region(opened, user)
    if card.amount != seen or price != wanted:
        told = Notice(
            "conflict",
            _("The amount was not changed"),
            _("The orders or the amount have changed in the meantime. Look at both once more."),
        )
        return answer(request, opened, user, [told], "", None)
    now, made = set_to(user, AuditEntry.Through.TAB, card, Typed(wanted, card.currency))
    text = _("Amount set to %(amount)s") % {"amount": money(now.amount, now.currency)}
    return answer(request, opened, user, [], text, made)
