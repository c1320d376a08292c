"""Who gets a record of every request to a portal: the journal, which registers itself at start."""

from collections.abc import Callable

from b24app.bitrix24.client import CallRecord
from b24app.bitrix24.retry import Listener
from b24app.portals.models import Portal

Observer = Callable[[Portal, int, CallRecord], None]

_observers: list[Observer] = []


def observe(observer: Observer) -> None:
    """Call ``observer`` for every request from now on: the portal, the user (0: unknown), the record."""
    if observer not in _observers:
        _observers.append(observer)


def listener(portal: Portal, user_id: int = 0) -> Listener:
    """The listener of a client that calls ``portal`` as ``user_id``; 0 while that is not proven."""

    def report(record: CallRecord) -> None:
        for observer in _observers:
            observer(portal, user_id, record)

    return report
