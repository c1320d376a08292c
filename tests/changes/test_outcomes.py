"""What became of a change of a link or a status, as tables.

Values in, values out; code that moves changes the imports only.
"""

import pytest

from b24app.bitrix24 import errors
from b24app.changes.outcomes import Absent, Change, judge
from b24app.changes.properties import LINK, STATUS, LinkChange
from b24app.orders.types import Owner

HERE, THERE, OTHER = Owner(2, 1), Owner(2, 2), Owner(31, 1)
UNREAD = Absent.UNREAD

DENIED = errors.WriteDenied("200040300020")
EXISTS = errors.LinkExists("201650000001")
MISSING = errors.LinkNotFound("201640400004")
DELETED = errors.OrderNotFound("200540400001")
LOST = errors.OutcomeUnknown("TIMEOUT")
LATE = errors.OutOfTime("TOO_LATE")
UNSAVED = errors.NotSaved("201650000010")
CONFIRMED = None

MOVE, PLACE, UNLINK = (
    LinkChange(7, HERE, THERE),
    LinkChange(7, None, THERE),
    LinkChange(7, HERE, None),
)

LINKS = [
    # change, found by the writing request, its answer, where the order stands now,
    # (result, before, now, error), whether somebody's change was overridden
    (PLACE, None, CONFIRMED, THERE, ("done", None, THERE, None), False),
    (MOVE, HERE, CONFIRMED, THERE, ("done", HERE, THERE, None), False),
    (UNLINK, HERE, CONFIRMED, None, ("done", HERE, None, None), False),
    (PLACE, OTHER, CONFIRMED, THERE, ("done", OTHER, THERE, None), True),
    (MOVE, OTHER, CONFIRMED, THERE, ("done", OTHER, THERE, None), True),
    (MOVE, None, CONFIRMED, THERE, ("done", None, THERE, None), True),
    (UNLINK, OTHER, CONFIRMED, None, ("done", OTHER, None, None), False),
    (PLACE, None, CONFIRMED, UNREAD, ("done", None, THERE, None), False),
    (PLACE, None, CONFIRMED, OTHER, ("conflict", None, OTHER, None), False),
    (PLACE, THERE, EXISTS, THERE, ("already", THERE, THERE, None), False),
    (PLACE, None, EXISTS, THERE, ("already", THERE, THERE, None), False),
    (UNLINK, HERE, MISSING, None, ("already", None, None, None), False),
    (UNLINK, OTHER, MISSING, OTHER, ("failed", OTHER, OTHER, MISSING), False),
    (UNLINK, HERE, MISSING, OTHER, ("conflict", HERE, OTHER, None), False),
    (PLACE, None, DENIED, None, ("failed", None, None, DENIED), False),
    (PLACE, None, DENIED, UNREAD, ("failed", None, None, DENIED), False),
    (PLACE, None, DENIED, OTHER, ("conflict", None, OTHER, None), False),
    (PLACE, None, DENIED, THERE, ("already", THERE, THERE, None), False),
    (MOVE, HERE, LATE, HERE, ("failed", HERE, HERE, LATE), False),
    (PLACE, None, LOST, THERE, ("done", None, THERE, None), False),
    (PLACE, None, LOST, None, ("failed", None, None, LOST), False),
    (PLACE, None, LOST, UNREAD, ("unknown", None, None, LOST), False),
    (MOVE, HERE, UNSAVED, THERE, ("done", HERE, THERE, None), False),
    (MOVE, HERE, DELETED, None, ("failed", HERE, None, DELETED), False),
    (PLACE, None, DELETED, UNREAD, ("failed", None, None, DELETED), False),
    (UNLINK, HERE, DELETED, None, ("failed", HERE, None, DELETED), False),
]


@pytest.mark.parametrize(("change", "first", "error", "now", "expected", "overrode"), LINKS)
def test_outcome_of_a_link(
    change: LinkChange, first: Owner | None, error: errors.BitrixError | None,
    now: Owner | Absent | None, expected: tuple[object, ...], *, overrode: bool,
) -> None:  # fmt: skip
    found = judge(LINK, change, first, error, now)
    assert (found.result.value, found.before, found.now, found.error) == expected
    assert found.overrode is overrode


WANTED = Change(7, "N", "F")

STATUSES = [
    # found by the writing request, its answer, what the order has now, (result, before, now, error)
    ("N", CONFIRMED, "F", ("done", "N", "F", None), False),
    (UNREAD, CONFIRMED, "F", ("done", "N", "F", None), False),
    ("P", CONFIRMED, "F", ("done", "P", "F", None), True),
    ("F", CONFIRMED, "F", ("already", "F", "F", None), False),
    ("N", CONFIRMED, "P", ("conflict", "N", "P", None), False),
    ("N", CONFIRMED, UNREAD, ("unknown", "N", "N", None), False),
    ("N", DENIED, "N", ("failed", "N", "N", DENIED), False),
    ("N", DENIED, UNREAD, ("failed", "N", "N", DENIED), False),
    ("N", LATE, UNREAD, ("failed", "N", "N", LATE), False),
    ("N", LOST, "F", ("done", "N", "F", None), False),
    ("N", LOST, UNREAD, ("unknown", "N", "N", LOST), False),
    ("N", UNSAVED, "F", ("done", "N", "F", None), False),
    ("N", DELETED, UNREAD, ("failed", "N", None, DELETED), False),
]


@pytest.mark.parametrize(("first", "error", "now", "expected", "overrode"), STATUSES)
def test_outcome_of_a_status(
    first: str | Absent, error: errors.BitrixError | None, now: str | Absent,
    expected: tuple[object, ...], *, overrode: bool,
) -> None:  # fmt: skip
    found = judge(STATUS, WANTED, "N" if isinstance(first, Absent) else first, error, now)
    assert (found.result.value, found.before, found.now, found.error) == expected
    assert found.overrode is overrode
