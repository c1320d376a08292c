"""Whose token makes a change: the person's own, or the installer's on their behalf.

The one place that decides it, for clicks in a card and for jobs alike. The installer's token is used
for order links only, only for people whom an administrator has named and whose own permission
Bitrix24 has refused, and only between cards that person may open. Everything else, statuses and
responsible persons above all, is changed with the person's own permissions or not at all.
"""

from enum import StrEnum

from b24app.orders.types import Owner

LINK = "link"
"""The property that may be changed with the installer's token: the card an order is linked to."""


class Credentials(StrEnum):
    """Whose token is used; the values are those stored with jobs and audit entries."""

    OWN = "own"
    INSTALLER = "installer"


def chosen(prop: str, *, named: bool, refused: bool) -> Credentials:
    """Whose token changes ``prop`` of an order.

    ``named``: an administrator has named the person, as the portal confirms. ``refused``: Bitrix24 has
    refused the person's own permission for this change.
    """
    return Credentials.INSTALLER if prop == LINK and named and refused else Credentials.OWN


def cards_needed(
    credentials: Credentials, source: Owner | None, target: Owner | None
) -> frozenset[Owner]:
    """The cards a person must be able to open to take an order from ``source`` to ``target``.

    None means no card. With their own permissions this is where the order goes, or the card it is
    taken out of; with the installer's it is both.
    """
    both = credentials is Credentials.INSTALLER
    needed = (source, target) if both else (target or source,)
    return frozenset(owner for owner in needed if owner is not None)
