"""Linking with the person's own token and, where that is refused, with the installer's on their behalf.

:mod:`credentials` decides whose token it is. The order link methods check no right on a card
(crm/universal/order-entity/*), so the caller has opened every card with the person's own token first.
"""

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass

from b24app.bitrix24 import errors
from b24app.bitrix24.client import Client
from b24app.changes import applying, credentials
from b24app.changes.credentials import Credentials
from b24app.changes.outcomes import Result
from b24app.changes.properties import LINK, LinkChange, LinkChanged
from b24app.orders.types import Owner


@dataclass(slots=True)
class LinkAttempt:
    """One try. ``places`` is where the orders are linked, ``open_cards`` what the person can open.

    ``named``: an administrator has named the person. Afterwards ``used`` says whose token was used
    last, and ``refused`` whether the person's own permission is known to be refused.
    """

    own: Client
    installer: Callable[[], Client | None]
    places: Mapping[int, Owner | None]
    open_cards: Collection[Owner]
    send_before: float
    named: bool
    used: Credentials = Credentials.OWN
    refused: bool = False

    def carry_out(
        self, changes: Sequence[LinkChange], *, refused_lately: bool
    ) -> list[LinkChanged]:
        """Every change with what became of it.

        ``refused_lately``: the portal has refused the person's permission a while ago, so for the
        named the app does not ask again.
        """
        allowed = [
            change
            for change in changes
            if change.wanted is None or change.wanted in self.open_cards
        ]
        found = {change.key: self._closed(change) for change in changes if change not in allowed}
        if self._whose(refused=refused_lately) is Credentials.OWN:
            found |= self._with(self.own, allowed)
        else:
            found |= {change.key: self._still_refused(change) for change in allowed}
        refused = [
            change for change in allowed if isinstance(found[change.key].error, errors.AccessDenied)
        ]
        self.refused = bool(refused)
        if refused and self._whose(refused=True) is Credentials.INSTALLER:
            found |= self._on_their_behalf(refused)
        return [found[change.key] for change in changes]

    def _whose(self, *, refused: bool) -> Credentials:
        return credentials.chosen(LINK.name, named=self.named, refused=refused)

    def _on_their_behalf(self, changes: Sequence[LinkChange]) -> dict[int, LinkChanged]:
        client = self.installer()
        if client is None:
            return {}
        allowed = [
            change
            for change in changes
            if credentials.cards_needed(
                Credentials.INSTALLER, self.places[change.key], change.wanted
            )
            <= set(self.open_cards)
        ]
        found = {change.key: self._closed(change) for change in changes if change not in allowed}
        self.used = Credentials.INSTALLER
        return found | self._with(client, allowed)

    def _with(self, client: Client, changes: Sequence[LinkChange]) -> dict[int, LinkChanged]:
        done = applying.apply(client, LINK, changes, self.places, send_before=self.send_before)
        return {change.change.key: change for change in done}

    def _closed(self, change: LinkChange) -> LinkChanged:
        error = errors.NotFound("", "a card this person cannot open", method="crm.deal.list")
        return self._failed(change, error)

    def _still_refused(self, change: LinkChange) -> LinkChanged:
        error = errors.WriteDenied(
            "200040300020", "refused a while ago", method="crm.orderentity.add"
        )
        return self._failed(change, error)

    def _failed(self, change: LinkChange, error: errors.BitrixError) -> LinkChanged:
        place = self.places[change.key]
        return LinkChanged(change, Result.FAILED, place, place, error)
