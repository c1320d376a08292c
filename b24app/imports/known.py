"""What the store knows of some values of a table, and how it is asked."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

SAMPLE_VALUES = 50
"""Rows that are looked at, and values that the store is asked about, in one request."""


@dataclass(frozen=True, slots=True)
class Known:
    """What the store knows of some values: ids by number (case folded), numbers by id."""

    ids: dict[str, int] = field(default_factory=dict)
    numbers: dict[int, str] = field(default_factory=dict)


Ask = Callable[[Sequence[str]], Known]
"""Answers for at most :data:`SAMPLE_VALUES` values which are numbers or IDs of orders, in one request."""
