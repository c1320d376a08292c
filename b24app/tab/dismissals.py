"""Dismissed suggestions: for whom a dismissal counts, and how many are kept.

A person who may link dismisses for everybody at the card. Others dismiss for themselves: a reader must
not hide orders from the people who would link them. A person may link once the portal has accepted a
write of theirs, or if the administrator has named them.
"""

from collections.abc import Iterable

from b24app.orders.types import Owner
from b24app.portals.models import PortalUser
from b24app.tab.models import (
    Dismissal,
    DismissalQuerySet,
    PersonalDismissal,
    PersonalDismissalQuerySet,
)

Rows = DismissalQuerySet | PersonalDismissalQuerySet

# The oldest are dropped beyond these: such an order is suggested once more.
MAX_PER_CARD = 200
MAX_PER_PERSON = 1_000
MAX_PER_PORTAL = 20_000


def counts_for_everybody(user: PortalUser) -> bool:
    """Whether this person's dismissals hide an order from their colleagues as well."""
    return user.may_link is True or f"U{user.user_id}" in user.portal.named_codes


def dismiss(user: PortalUser, owner: Owner, order_id: int) -> bool:
    """Stop suggesting an order at a card; True if that is so for everybody, False for ``user`` alone."""
    card = {"owner_type": owner.type_id, "owner_id": owner.id}
    if counts_for_everybody(user):
        Dismissal.objects.get_or_create(
            defaults={"user_id": user.user_id},
            portal=user.portal,
            owner_type=owner.type_id,
            owner_id=owner.id,
            order_id=order_id,
        )
        shared = Dismissal.objects.of(user.portal)
        own = shared.filter(user_id=user.user_id)
        _drop_oldest(shared, ((shared.filter(**card), MAX_PER_CARD), (own, MAX_PER_PERSON)))
        return True
    PersonalDismissal.objects.get_or_create(
        portal=user.portal,
        user_id=user.user_id,
        owner_type=owner.type_id,
        owner_id=owner.id,
        order_id=order_id,
    )
    everybody = PersonalDismissal.objects.of(user.portal)
    own_only = everybody.filter(user_id=user.user_id)
    _drop_oldest(everybody, ((own_only.filter(**card), MAX_PER_CARD), (own_only, MAX_PER_PERSON)))
    return False


def restore(user: PortalUser, owner: Owner, order_id: int) -> None:
    """Suggest the order again: to everybody where ``user`` decides that or had dismissed it, else to them."""
    wanted = {"owner_type": owner.type_id, "owner_id": owner.id, "order_id": order_id}
    PersonalDismissal.objects.of(user.portal).filter(user_id=user.user_id, **wanted).delete()
    shared = Dismissal.objects.of(user.portal).filter(**wanted)
    if not counts_for_everybody(user):
        shared = shared.filter(user_id=user.user_id)
    shared.delete()


def dismissed(user: PortalUser, owner: Owner) -> set[int]:
    """The orders not to be suggested to ``user`` at a card."""
    card = {"owner_type": owner.type_id, "owner_id": owner.id}
    shared = Dismissal.objects.of(user.portal).filter(**card)
    own = PersonalDismissal.objects.of(user.portal).filter(user_id=user.user_id, **card)
    return {*shared.values_list("order_id", flat=True), *own.values_list("order_id", flat=True)}


def _drop_oldest(portals: Rows, bounds: Iterable[tuple[Rows, int]]) -> None:
    for rows, most in (*bounds, (portals, MAX_PER_PORTAL)):
        surplus = rows.count() - most
        if surplus > 0:
            oldest = list(rows.order_by("at", "pk").values_list("pk", flat=True)[:surplus])
            portals.filter(pk__in=oldest).delete()
