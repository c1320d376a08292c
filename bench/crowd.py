"""Two hundred portals with a job each at once: does everybody get their turn? A part of bench.queue."""


def show(portals: int, *, postgres: bool) -> None:
    raise NotImplementedError
