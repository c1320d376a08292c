"""Group commit of changes: requests that arrive together are stored by one statement and one commit.

A portal posts dozens of events at once. The first request stores its own change. Those that arrive
meanwhile form the next group, which one of them stores. Each is answered after the commit that holds its
change.
"""

import threading
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from django.db import DatabaseError, IntegrityError, connection
from django.utils import timezone

MAX_GROUP = 200


@dataclass(frozen=True, slots=True, order=True)
class Change:
    """The event ``name`` reported that ``entity`` of a portal (its primary key) has changed."""

    portal: int
    name: str
    entity: int


def store(change: Change) -> bool:
    """Store the change; returns once it is committed.

    False if the portal no longer has the app. Raises ``DatabaseError``.
    """
    return _group_commit.store(change)


@dataclass(eq=False, slots=True)
class _Request:
    """A request that waits until its change is committed."""

    change: Change
    leads: bool = False
    stored: bool = False
    error: DatabaseError | None = None
    ready: threading.Event = field(default_factory=threading.Event)


class _GroupCommit:
    """The waiting requests. One of them leads: it stores the group, then the next one leads."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._waiting: list[_Request] = []
        self._busy = False

    @property
    def waiting(self) -> int:
        """How many requests wait for the next group."""
        return len(self._waiting)

    def store(self, change: Change) -> bool:
        request = _Request(change)
        with self._lock:
            self._waiting.append(request)
            request.leads, self._busy = not self._busy, True
        if not request.leads:
            request.ready.wait()
        if request.leads:
            self._lead()
        if request.error is not None:
            raise request.error
        return request.stored

    def _lead(self) -> None:
        with self._lock:
            group = self._waiting[:MAX_GROUP]
            del self._waiting[:MAX_GROUP]
        try:
            _write(group)
        finally:
            with self._lock:
                next_leader = self._waiting[0] if self._waiting else None
                self._busy = next_leader is not None
            if next_leader is not None:
                next_leader.leads = True
                next_leader.ready.set()
            for request in group:
                request.ready.set()


_group_commit = _GroupCommit()


def _write(group: Sequence[_Request]) -> None:
    """Store a group and set the result of each request. Raises no ``DatabaseError``."""
    try:
        stored = upsert(Counter(request.change for request in group))
    except IntegrityError as error:
        if len(group) == 1:
            group[0].error = error
            return
        # A portal was erased at this moment. The changes of the others are still stored.
        for request in group:
            _write([request])
    except DatabaseError as error:
        for request in group:
            request.error = error
    else:
        for request in group:
            request.stored = request.change in stored


_UPSERT = """
    INSERT INTO events_changenotice
        (portal_id, name, entity, data, claim, told, attempts, received_at, try_at)
    SELECT portals_portal.id, given.column2, CAST(given.column3 AS bigint), '{{}}', '',
        CAST(given.column4 AS integer), 0, %s, %s
    FROM (VALUES {rows}) AS given
    JOIN portals_portal ON portals_portal.id = CAST(given.column1 AS bigint)
    WHERE portals_portal.uninstalled_at IS NULL
    ORDER BY 1, 2, 3
    ON CONFLICT (portal_id, name, entity, claim)
        DO UPDATE SET told = events_changenotice.told + excluded.told
    RETURNING portal_id, name, entity
"""


def upsert(counts: Mapping[Change, int]) -> set[Change]:
    """Add how often each change was reported to the waiting rows, in one statement.

    Returns the changes of portals that have the app. Rows are locked in order, so two processes cannot
    deadlock. Raises ``DatabaseError``.
    """
    now = timezone.now()
    rows = ", ".join(["(%s, %s, %s, %s)"] * len(counts))
    values = [
        value
        for change, times in sorted(counts.items())
        for value in (change.portal, change.name, change.entity, times)
    ]
    with connection.cursor() as cursor:
        cursor.execute(_UPSERT.format(rows=rows), [now, now, *values])
        return {Change(*row) for row in cursor.fetchall()}
