"""Writes and reads the audit trail."""

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

# Entries in the history of a card or an order. The console shows the whole trail.
MAX_SHOWN = 100

MAX_VALUE_CHARACTERS = 64


@dataclass(frozen=True, slots=True)
class Entry:
    """One change to record; the fields are those of :class:`AuditEntry`."""

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
    """Record what ``user`` did with one click, in one statement. Returns the ID of the click.

    ``change`` is that ID if a part of the click was recorded before.
    """
    change = change or uuid.uuid4()
    AuditEntry.objects.bulk_create(
        AuditEntry(
            portal=user.portal,
            change=change,
            kind=entry.kind,
            order_id=entry.order_id,
            order_number=entry.order_number[:64],
            from_type=entry.source.type_id if entry.source else 0,
            from_id=entry.source.id if entry.source else 0,
            to_type=entry.target.type_id if entry.target else 0,
            to_id=entry.target.id if entry.target else 0,
            before=entry.before[:MAX_VALUE_CHARACTERS],
            after=entry.after[:MAX_VALUE_CHARACTERS],
            user_id=user.user_id,
            user_name=user.name,
            through=through,
            right=entry.right,
            certain=entry.certain,
            undoes_id=entry.undoes,
            details=_details(entry),
        )
        for entry in entries
    )
    return change


def _details(entry: Entry) -> Mapping[str, object] | None:
    """The entry's details, or its texts where they are too long for their columns."""
    longest = max(len(entry.before), len(entry.after))
    if entry.details is None and longest > MAX_VALUE_CHARACTERS:
        return {"before": entry.before, "after": entry.after}
    return entry.details


def record_access(
    user: PortalUser, through: str, before: PortalUser | None, *, job: int | None = None
) -> None:
    """Record that the access of ``user`` is used from now on: for a job, or for all background work.

    ``before`` is the person whose access was used until now, ``job`` the key of the job.
    """
    entry = Entry(
        AuditEntry.Kind.ACCESS,
        before=str(before.user_id) if before else "",
        after=str(user.user_id),
        details={"job": job} if job is not None else None,
    )
    record(user, through, [entry])


def record_unconfirmed(user: PortalUser, what: str) -> None:
    """Record that ``user`` got data for support (``what``: ``log`` or ``bundle``) without a fresh check.

    The portal confirmed them as an administrator within the last 30 minutes, and did not answer now. At
    most one entry per minute for each kind.
    """
    entry = Entry(AuditEntry.Kind.SUPPORT, details={"what": what})
    recent = AuditEntry.objects.of(user.portal).filter(
        kind=entry.kind, user_id=user.user_id, at__gt=timezone.now() - timedelta(minutes=1)
    )
    if not any(item.details == entry.details for item in recent):
        record(user, AuditEntry.Through.CONSOLE, [entry])


def of_card(portal: Portal, owner: Owner) -> Sequence[AuditEntry]:
    """The latest 100 changes of a deal or an invoice, newest first."""
    return list(_shown(portal).filter(pk__in=_keys(portal, owner)).order_by("-pk"))


def _keys(portal: Portal, owner: Owner) -> list[int]:
    # Each query uses an index. One query with OR would read all entries of the portal.
    linked = AuditEntry.objects.of(portal).filter(to_type=owner.type_id, to_id=owner.id)
    unlinked = AuditEntry.objects.of(portal).filter(from_type=owner.type_id, from_id=owner.id)
    keys = {
        pk
        for entries in (linked, unlinked)
        for pk in entries.order_by("-pk").values_list("pk", flat=True)[:MAX_SHOWN]
    }
    return sorted(keys, reverse=True)[:MAX_SHOWN]


def of_order(portal: Portal, order_id: int) -> Sequence[AuditEntry]:
    """The latest 100 changes of one order, newest first."""
    return list(_shown(portal).filter(order_id=order_id).order_by("-pk")[:MAX_SHOWN])


def _shown(portal: Portal) -> AuditQuerySet:
    return AuditEntry.objects.of(portal).prefetch_related("undone_by")


def undoable(
    user: PortalUser, owner: Owner, *, change: uuid.UUID | None, entries: Sequence[int]
) -> list[AuditEntry]:
    """The entries of one click (``change``) or with these keys that can be undone from a card.

    These are entries of ``owner`` (on the page of an order: of that order) that are not undone yet, and
    links that ``user`` made: a move that overrode a change may concern two other cards.
    """
    wanted = Q(change=change) if change is not None else Q(pk__in=entries)
    found = AuditEntry.objects.of(user.portal).filter(wanted).exclude(undone_by__certain=True)
    if owner.type_id == ORDER:
        return list(found.filter(order_id=owner.id).order_by("pk"))
    own = found.filter(user_id=user.user_id, kind=AuditEntry.Kind.LINK)
    keys = {entry.pk for entry in found.touching(owner)} | {entry.pk for entry in own}
    return list(found.filter(pk__in=keys).order_by("pk"))


def latest_of(
    portal: Portal, order_ids: Iterable[int], kind: str = AuditEntry.Kind.LINK
) -> dict[int, AuditEntry]:
    """The newest entry of this kind for each order that has one, by order ID."""
    found = AuditEntry.objects.of(portal).filter(kind=kind)
    return {
        entry.order_id: entry for entry in found.filter(order_id__in=list(order_ids)).order_by("pk")
    }


def entries_of(
    portal: Portal, change: uuid.UUID | None, order_ids: Iterable[int]
) -> dict[int, int]:
    """The keys of the entries of one click, by order ID; empty without a click."""
    if change is None:
        return {}
    found = AuditEntry.objects.of(portal).filter(change=change, order_id__in=list(order_ids))
    return dict(found.values_list("order_id", "pk"))


def before(
    portal: Portal, change: uuid.UUID | None, order_ids: Sequence[int], kind: str
) -> dict[int, AuditEntry]:
    """The newest entries of this kind by order ID, without those of the click ``change``."""
    found = AuditEntry.objects.of(portal).filter(kind=kind, order_id__in=order_ids)
    others = found.exclude(change=change) if change is not None else found
    return {entry.order_id: entry for entry in others.order_by("pk")} if order_ids else {}


@dataclass(frozen=True, slots=True)
class Day:
    """Numbers of changes on one day (UTC). An undo is counted as ``undone`` only."""

    day: date
    linked: int = 0
    moved: int = 0
    unlinked: int = 0
    undone: int = 0


@dataclass(frozen=True, slots=True)
class Busy:
    """A person and the number of their changes."""

    user_id: int
    name: str
    count: int


def days(portal: Portal, since: datetime) -> list[Day]:
    """Changes of links since a time, for each day that has any, by the active time zone."""
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
    """The five people who have changed the most links since a time."""
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
    """Filters of the trail; a default value does not filter. ``until`` is exclusive."""

    user_id: int = 0
    order_id: int = 0
    card: Owner | None = None
    kind: str = ""
    since: datetime | None = None
    until: datetime | None = None


def search(portal: Portal, filters: Search, *, before: int = 0, size: int) -> list[AuditEntry]:
    """At most ``size`` entries, newest first; older than the entry with the key ``before`` unless it is 0."""
    exact = {"user_id": filters.user_id, "order_id": filters.order_id, "kind": filters.kind}
    bounds = {"at__gte": filters.since, "at__lt": filters.until, "pk__lt": before or None}
    entries = _shown(portal).filter(
        **{name: value for name, value in exact.items() if value},
        **{name: value for name, value in bounds.items() if value is not None},
    )
    if filters.card is not None:
        entries = entries.touching(filters.card)
    return list(entries.order_by("-pk")[:size])
