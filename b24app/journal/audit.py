"""Writing and reading the audit trail."""

import uuid
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta

from django.db.models import Count, Max, Q
from django.db.models.functions import TruncDate
from django.utils import timezone

from b24app.changes.outcomes import Change, K, V
from b24app.changes.properties import Property
from b24app.journal.models import AuditEntry, AuditQuerySet
from b24app.orders.types import ORDER, Owner
from b24app.portals.models import Portal, PortalUser

# A person looks back over what happened lately; the whole trail is in the console.
SHOWN = 100


@dataclass(frozen=True, slots=True)
class Entry:
    """One change to be written down; the fields are those of :class:`AuditEntry`."""

    kind: str
    order_id: int = 0
    order_number: str = ""
    source: Owner | None = None
    target: Owner | None = None
    before: str = ""
    after: str = ""
    right: str = AuditEntry.Right.OWN
    certain: bool = True
    undoes: int | None = None
    details: Mapping[str, object] | None = None


def of_change(
    prop: Property[K, V],
    change: Change[K, V],
    *,
    number: str = "",
    card: Owner | None = None,
    right: str = AuditEntry.Right.OWN,
    certain: bool = True,
    undoes: int | None = None,
) -> Entry:
    """The entry for a change whose ``seen`` is the value that it has really replaced.

    ``card`` is the card that a change of an order itself was made from.
    """
    trail = prop.trail(change)
    return Entry(
        prop.name,
        trail.order_id,
        number,
        trail.source or card,
        trail.target or card,
        trail.before,
        trail.after,
        right,
        certain,
        undoes,
    )


def record(
    user: PortalUser, through: str, entries: Iterable[Entry], change: uuid.UUID | None = None
) -> uuid.UUID:
    """Write down what ``user`` did with one click; returns what groups it. One statement.

    ``change`` is given where what belongs together is written in pieces.
    """
    change = change or uuid.uuid4()
    AuditEntry.objects.bulk_create(
        AuditEntry(
            portal=user.portal,
            change=change,
            kind=one.kind,
            order_id=one.order_id,
            order_number=one.order_number[:64],
            from_type=one.source.type_id if one.source else 0,
            from_id=one.source.id if one.source else 0,
            to_type=one.target.type_id if one.target else 0,
            to_id=one.target.id if one.target else 0,
            before=one.before[:64],
            after=one.after[:64],
            user_id=user.user_id,
            user_name=user.name,
            through=through,
            right=one.right,
            certain=one.certain,
            undoes_id=one.undoes,
            details=one.details,
        )
        for one in entries
    )
    return change


def record_access(
    user: PortalUser, through: str, before: PortalUser | None, *, job: int | None = None
) -> None:
    """Write down that from now on ``user``'s access is used: for a job, or for all background work."""
    entry = Entry(
        AuditEntry.Kind.ACCESS,
        before=str(before.user_id) if before else "",
        after=str(user.user_id),
        details={"job": job} if job is not None else None,
    )
    record(user, through, [entry])


def record_unconfirmed(user: PortalUser, what: str) -> None:
    """Write down that support's data (``log`` or ``bundle``) went to an administrator of the last half hour.

    The portal did not answer whether they are one still. One entry a minute is enough for each kind.
    """
    entry = Entry(AuditEntry.Kind.SUPPORT, details={"what": what})
    lately = AuditEntry.objects.of(user.portal).filter(
        kind=entry.kind, user_id=user.user_id, at__gt=timezone.now() - timedelta(minutes=1)
    )
    if not any(one.details == entry.details for one in lately):
        record(user, AuditEntry.Through.CONSOLE, [entry])


def of_card(portal: Portal, owner: Owner) -> Sequence[AuditEntry]:
    """The latest 100 changes of a deal or an invoice, newest first."""
    return list(_shown(portal).filter(pk__in=_keys(portal, owner)).order_by("-pk"))


def _keys(portal: Portal, owner: Owner) -> list[int]:
    # Each half has its own index; one query with OR would walk all entries of the portal.
    came = AuditEntry.objects.of(portal).filter(to_type=owner.type_id, to_id=owner.id)
    went = AuditEntry.objects.of(portal).filter(from_type=owner.type_id, from_id=owner.id)
    keys = {
        pk
        for half in (came, went)
        for pk in half.order_by("-pk").values_list("pk", flat=True)[:SHOWN]
    }
    return sorted(keys, reverse=True)[:SHOWN]


def of_order(portal: Portal, order_id: int) -> Sequence[AuditEntry]:
    """The latest 100 changes of one order, newest first."""
    return list(_shown(portal).filter(order_id=order_id).order_by("-pk")[:SHOWN])


def _shown(portal: Portal) -> AuditQuerySet:
    return AuditEntry.objects.of(portal).prefetch_related("undone_by")


def undoable(
    user: PortalUser, owner: Owner, *, change: uuid.UUID | None, entries: Sequence[int]
) -> list[AuditEntry]:
    """What is to be undone at a card: all of one click, or entries, not undone already.

    Only entries that touched ``owner`` (an order's own page: that order) are found from there, and
    links that ``user`` made: a move that overrode a change may have touched two other cards.
    """
    wanted = Q(change=change) if change is not None else Q(pk__in=entries)
    found = AuditEntry.objects.of(user.portal).filter(wanted).exclude(undone_by__certain=True)
    if owner.type_id == ORDER:
        return list(found.filter(order_id=owner.id).order_by("pk"))
    mine = found.filter(user_id=user.user_id, kind=AuditEntry.Kind.LINK)
    there = {one.pk for one in found.touching(owner)} | {one.pk for one in mine}
    return list(found.filter(pk__in=there).order_by("pk"))


def latest_of(
    portal: Portal, order_ids: Iterable[int], kind: str = AuditEntry.Kind.LINK
) -> dict[int, AuditEntry]:
    """The newest change of this kind to each order, as far as the app made it."""
    found = AuditEntry.objects.of(portal).filter(kind=kind)
    return {one.order_id: one for one in found.filter(order_id__in=list(order_ids)).order_by("pk")}


def entries_of(
    portal: Portal, change: uuid.UUID | None, order_ids: Iterable[int]
) -> dict[int, int]:
    """The entries of one click by order id, of these orders; empty for no click."""
    if change is None:
        return {}
    found = AuditEntry.objects.of(portal).filter(change=change, order_id__in=list(order_ids))
    return dict(found.values_list("order_id", "pk"))


def before(
    portal: Portal, change: uuid.UUID | None, order_ids: Sequence[int], kind: str
) -> dict[int, AuditEntry]:
    """The newest entries of this kind by order id, apart from those of the click ``change``."""
    found = AuditEntry.objects.of(portal).filter(kind=kind, order_id__in=order_ids)
    others = found.exclude(change=change) if change is not None else found
    return {one.order_id: one for one in others.order_by("pk")} if order_ids else {}


@dataclass(frozen=True, slots=True)
class Day:
    """What was done on one day (UTC). What was taken back counts as that alone."""

    day: date
    linked: int = 0
    moved: int = 0
    unlinked: int = 0
    undone: int = 0


@dataclass(frozen=True, slots=True)
class Busy:
    """A person, and how many changes they made."""

    user_id: int
    name: str
    count: int


def days(portal: Portal, since: datetime) -> list[Day]:
    """Changes of links since a moment, by day of the active time zone; a day without any is left out."""
    undone = Q(through=AuditEntry.Through.UNDO)
    rows = (
        AuditEntry.objects.of(portal)
        .filter(at__gte=since, kind=AuditEntry.Kind.LINK)
        .annotate(day=TruncDate("at"))
        .values("day")
        .annotate(
            linked=Count("pk", filter=Q(from_id=0, to_id__gt=0) & ~undone),
            moved=Count("pk", filter=Q(from_id__gt=0, to_id__gt=0) & ~undone),
            unlinked=Count("pk", filter=Q(to_id=0) & ~undone),
            undone=Count("pk", filter=undone),
        )
        .order_by("day")
    )
    return [Day(**row) for row in rows]


def busiest(portal: Portal, since: datetime) -> list[Busy]:
    """The five people who changed most since a moment."""
    rows = (
        AuditEntry.objects.of(portal)
        .filter(at__gte=since, kind=AuditEntry.Kind.LINK)
        .values("user_id")
        .annotate(name=Max("user_name"), count=Count("pk"))
        .order_by("-count", "user_id")[:5]
    )
    return [Busy(**row) for row in rows]


@dataclass(frozen=True, slots=True)
class Search:
    """Conditions on the trail; those left at their default do not narrow. ``until`` is not included."""

    user_id: int = 0
    order_id: int = 0
    card: Owner | None = None
    kind: str = ""
    since: datetime | None = None
    until: datetime | None = None


def search(portal: Portal, wanted: Search, *, before: int = 0, size: int) -> list[AuditEntry]:
    """At most ``size`` entries, newest first, older than the entry ``before`` where one is given."""
    exact = {"user_id": wanted.user_id, "order_id": wanted.order_id, "kind": wanted.kind}
    bounds = {"at__gte": wanted.since, "at__lt": wanted.until, "pk__lt": before or None}
    narrowed = _shown(portal).filter(
        **{name: value for name, value in exact.items() if value},
        **{name: value for name, value in bounds.items() if value is not None},
    )
    if wanted.card is not None:
        narrowed = narrowed.touching(wanted.card)
    return list(narrowed.order_by("-pk")[:size])
