"""The demo portal's limits, with what a bench wants to know of the links made under them."""

import time

from demo.limits import Limits, Spent
from testing.persons import ADD


class Watched(Limits):
    """Limits that remember when each link was made, and count how often a method was refused."""

    def __init__(self) -> None:
        self.writes: list[float] = []
        self.blocked = 0
        super().__init__()

    def spend(self, method: str) -> Spent:
        spent = super().spend(method)
        self.blocked += not spent.allowed
        if method == ADD and spent.allowed:
            self.writes.append(time.monotonic())
        return spent
