"""Changes are stored together: one statement and one commit for all requests that wait at a moment.

A portal posts dozens of events side by side. The request that comes first writes its own; those that
come meanwhile are written by one of them, all at once. Each is answered after the commit that holds it.
"""

import threading
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from django.db import DatabaseError, IntegrityError, connection
from django.utils import timezone

MAX_TOGETHER = 200


@dataclass(frozen=True, slots=True, order=True)
class Change:
    """``entity`` of a portal (its key) has changed, as the event ``name`` tells."""

    portal: int
    name: str
    entity: int


@dataclass(eq=False, slots=True)
class _Waiting:
    change: Change
    leads: bool = False
    stored: bool = False
    error: DatabaseError | None = None
    woken: threading.Event = field(default_factory=threading.Event)


class _Line:
    """The requests that wait. One of them leads: it writes for all, then hands the lead on."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._waiting: list[_Waiting] = []
        self._led = False

    def store(self, change: Change) -> bool:
        mine = _Waiting(change)
        with self._lock:
            self._waiting.append(mine)
            mine.leads, self._led = not self._led, True
        if not mine.leads:
            mine.woken.wait()
        if mine.leads:
            self._lead()
        if mine.error is not None:
            raise mine.error
        return mine.stored

    def _lead(self) -> None:
        with self._lock:
            group = self._waiting[:MAX_TOGETHER]
            del self._waiting[:MAX_TOGETHER]
        try:
            _write(group)
        finally:
            with self._lock:
                following = self._waiting[0] if self._waiting else None
                self._led = following is not None
            if following is not None:
                following.leads = True
                following.woken.set()
            for one in group:
                one.woken.set()


_line = _Line()


def store(change: Change) -> bool:
    """Keep the change until it is worked; returns once it is committed.

    False where the portal does not have the app any more. Raises ``DatabaseError``.
    """
    return _line.store(change)


def _write(group: Sequence[_Waiting]) -> None:
    """Store a group and say to each what became of it. Raises nothing of the database's."""
    try:
        stored = upsert(Counter(one.change for one in group))
    except IntegrityError as error:
        if len(group) == 1:
            group[0].error = error
            return
        # A portal was erased at this moment; the others' changes are kept all the same.
        for one in group:
            _write([one])
    except DatabaseError as error:
        for one in group:
            one.error = error
    else:
        for one in group:
            one.stored = one.change in stored


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


def upsert(told: Mapping[Change, int]) -> set[Change]:
    """Add to the waiting rows how often each change was told; those whose portal has the app.

    One statement. Rows are locked in order, so that two processes never wait for each other.
    """
    now = timezone.now()
    rows = ", ".join(["(%s, %s, %s, %s)"] * len(told))
    values = [
        part
        for change, times in sorted(told.items())
        for part in (change.portal, change.name, change.entity, times)
    ]
    with connection.cursor() as cursor:
        cursor.execute(_UPSERT.format(rows=rows), [now, now, *values])
        return {Change(*row) for row in cursor.fetchall()}
