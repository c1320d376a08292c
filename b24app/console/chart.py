"""The last 30 days as bars: numbers become places in a drawing of 488 × 148."""

from dataclasses import dataclass
from datetime import date, datetime, time, timedelta

from django.utils import timezone

from b24app.journal import audit
from b24app.journal.audit import Busy, Day
from b24app.portals.models import Portal

DAYS = 30
LEFT, RIGHT, TOP, BOTTOM = 32, 480, 20, 120
_STEP = (RIGHT - LEFT - 1) / DAYS


@dataclass(frozen=True, slots=True)
class Bar:
    """One day: the position of its bar, how high each part is, and its date for every seventh."""

    x: str
    linked_y: str
    linked: str
    moved_y: str
    moved: str
    middle: str
    label: date | None


@dataclass(frozen=True, slots=True)
class Chart:
    bars: tuple[Bar, ...]
    ticks: tuple[tuple[int, int], ...]
    first: date
    last: date
    linked: int
    moved: int
    unlinked: int
    undone: int
    people: tuple[Busy, ...]


def of_month(portal: Portal, today: date) -> Chart:
    """What was done in the 30 days up to ``today``, by day of the portal's clock and by person."""
    first = today - timedelta(days=DAYS - 1)
    since = datetime.combine(first, time.min, timezone.get_current_timezone())
    found = {day.day: day for day in audit.days(portal, since)}
    days = [
        found.get(first + timedelta(days=n), Day(first + timedelta(days=n))) for n in range(DAYS)
    ]
    top = _round_up(max(day.linked + day.moved for day in days))
    return Chart(
        bars=tuple(_bar(number, day, top) for number, day in enumerate(days)),
        ticks=((0, BOTTOM), (top // 2, (TOP + BOTTOM) // 2), (top, TOP)),
        first=first,
        last=today,
        linked=sum(day.linked for day in days),
        moved=sum(day.moved for day in days),
        unlinked=sum(day.unlinked for day in days),
        undone=sum(day.undone for day in days),
        people=tuple(audit.busiest(portal, since)),
    )


def _round_up(most: int) -> int:
    """An even number with one digit that is not zero, not below ``most``: 2, 4, 6, 10, 20, 40 …"""
    power: int = 10 ** (len(str(most)) - 1)
    return next(step * power for step in (2, 4, 6, 10) if step * power >= most)


def _height(count: int, top: int) -> float:
    """How high a bar is; whatever is there at all is seen."""
    return max((BOTTOM - TOP) * count / top, 1.0) if count else 0.0


def _bar(number: int, day: Day, top: int) -> Bar:
    x = LEFT + 4 + number * _STEP
    linked, moved = _height(day.linked, top), _height(day.moved, top)
    return Bar(
        x=f"{x:.1f}",
        linked_y=f"{BOTTOM - linked:.1f}",
        linked=f"{linked:.1f}" if linked else "",
        moved_y=f"{BOTTOM - linked - moved:.1f}",
        moved=f"{moved:.1f}" if moved else "",
        middle=f"{x + 4.5:.1f}",
        label=day.day if number % 7 == 0 else None,
    )
