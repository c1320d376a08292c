"""What a person has chosen on the columns step of a file or a list, as it is kept and remembered."""

import hashlib
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

from django.utils import timezone

from b24app.imports.columns import Columns, Kind
from b24app.imports.headings import plain
from b24app.jobs.models import RememberedColumns
from b24app.portals.models import PortalUser

COLUMNS_CAN_BE_CHOSEN = frozenset({"no_order_column", "no_card_column"})
"""Why a file could not be read, where choosing its columns mends it."""

MAX_REMEMBERED = 50
"""Choices remembered for one person; the oldest goes."""

WHOLE, OTHER = "whole", "other"
FIRST, LAST = "first", "last"

ORDER_KINDS = frozenset({Kind.NUMBER, Kind.ID})
CARD_KINDS = frozenset({Kind.DEAL, Kind.INVOICE})


@dataclass(frozen=True, slots=True)
class ColumnChoice:
    """``kinds`` names the columns that are used, by index; ``heading_row`` is 0 for none.

    The rest decides what is doubtful, and leaves it out where it says nothing: ``readings`` which of
    two readings of a number is taken, ``ids`` whether what is nobody's number is an ID, ``duplicates``
    which row of an order is taken where they name different deals, ``hidden_rows`` whether hidden rows
    are read, ``unmerged`` that merged cells are not filled, ``fill`` whether rows without a deal get
    the one for all.
    """

    sheet: int = 0
    heading_row: int = 0
    kinds: Mapping[int, Kind] = field(default_factory=dict)
    readings: str = ""
    ids: bool = False
    duplicates: str = ""
    hidden_rows: bool = False
    unmerged: bool = False
    fill: bool = False

    @classmethod
    def kept(cls, kept: Mapping[str, Any]) -> "ColumnChoice | None":
        """The choice that :meth:`to_keep` has written; None where nothing was chosen."""
        if not kept:
            return None
        kinds = {int(index): Kind(kind) for index, kind in kept["kinds"].items()}
        return cls(**{**kept, "kinds": kinds})

    def to_keep(self) -> dict[str, Any]:
        kinds = {str(index): kind.value for index, kind in self.kinds.items()}
        return {**asdict(self), "kinds": kinds}

    @property
    def orders(self) -> list[int]:
        """The columns that are said to hold orders: exactly one makes a choice complete."""
        return sorted(index for index, kind in self.kinds.items() if kind in ORDER_KINDS)

    @property
    def cards(self) -> list[int]:
        return sorted(index for index, kind in self.kinds.items() if kind in CARD_KINDS)

    @property
    def complete(self) -> bool:
        return len(self.orders) == 1 and len(self.cards) <= 1


def remembered(user: PortalUser, recognized: Columns) -> Mapping[int, Kind] | None:
    """What this person has chosen for the columns of a file with the same headings."""
    key = _key(recognized)
    found = RememberedColumns.objects.filter(user=user, headings=key).first() if key else None
    choice = ColumnChoice.kept(found.choice) if found else None
    return choice.kinds if choice else None


def remember(user: PortalUser, recognized: Columns, choice: ColumnChoice) -> None:
    """Take the columns chosen for the next file with these headings; never what was doubtful in this one.

    What would be recognized without a question anyway needs no memory.
    """
    key = _key(recognized)
    if not key or choice.heading_row != recognized.heading_row:
        return
    remembered = RememberedColumns.objects.filter(user=user)
    if recognized.sure and recognized.kinds == choice.kinds:
        remembered.filter(headings=key).delete()
        return
    kept = {"choice": ColumnChoice(kinds=choice.kinds).to_keep(), "used_at": timezone.now()}
    RememberedColumns.objects.update_or_create(user=user, headings=key, defaults=kept)
    old = list(remembered.order_by("-used_at", "-pk").values_list("pk", flat=True)[MAX_REMEMBERED:])
    RememberedColumns.objects.filter(pk__in=old).delete()


def _key(recognized: Columns) -> str:
    """A hash of the headings as the file has them; empty for a file without."""
    headings = [plain(column.heading) for column in recognized.columns]
    if not recognized.heading_row or not any(headings):
        return ""
    return hashlib.sha256("\n".join(headings).encode()).hexdigest()
