"""The deal or invoice that orders are moved or linked to, as a person names it in a dialog."""

from dataclasses import dataclass

from django.http import HttpResponse, QueryDict

from b24app.connect import client_of
from b24app.orders import cards
from b24app.orders.card_reference import card_of_field, field_of_card
from b24app.orders.types import Card, Owner
from b24app.portals.models import PortalUser

SAME = "same"
MISSING = "missing"


@dataclass(frozen=True, slots=True)
class Target:
    """``card`` is None if none was named, or if ``wrong`` says why the one named cannot be used.

    ``wrong`` is a ``CardProblem``, :data:`SAME` or :data:`MISSING`.
    """

    card: Card | None = None
    wrong: str = ""

    @property
    def field(self) -> str:
        """The value of the dialog's hidden field."""
        return field_of_card(self.card.owner) if self.card is not None else ""


def named(user: PortalUser, query: QueryDict, seen: Owner | None) -> Target:
    """The card in the field ``to``, read with the person's own access in at most one request.

    ``seen`` is where the orders are linked now. Raises ``errors.BitrixError`` if it cannot be read.
    """
    found = card_of_field(query.get("to", ""), user.portal.host)
    owner = found.owner
    if owner is None:
        return Target(wrong=found.problem or "")
    if owner == seen:
        return Target(wrong=SAME)
    card = client_of(user).answer(cards.cards_of([owner])).found.get(owner)
    return Target(card) if card is not None else Target(wrong=MISSING)


def confirmed(user: PortalUser, form: QueryDict, seen: Owner | None) -> Owner | Target:
    """The card a confirmed dialog sends, without a request to the portal.

    The target with what is wrong, for the dialog to ask again, where the field names no card, or names
    the one in ``seen``.
    """
    found = card_of_field(form.get("to", ""), user.portal.host)
    if found.owner is None:
        return Target(wrong=found.problem or "")
    return Target(wrong=SAME) if found.owner == seen else found.owner


def asked_again(response: HttpResponse) -> HttpResponse:
    """The dialog ``response``, shown in place of the dialog that was sent."""
    response["HX-Retarget"] = "#dialog-host"
    response["HX-Reswap"] = "innerHTML"
    return response
