"""The state of the error page or fragment for each error.

Which error is which trouble is decided in :mod:`b24app.bitrix24.troubles`. The texts are in
``templates/portals/state.html``: what happened, what it means, what to do, and a short reference. The
portal's error code is logged with the same reference.
"""

import logging
import secrets
from collections.abc import Mapping
from dataclasses import dataclass

from b24app import tracing
from b24app.bitrix24 import errors
from b24app.bitrix24.troubles import Trouble, trouble_of

logger = logging.getLogger(__name__)

# Without letters and digits that sound or look alike.
_ALPHABET = "23456789ABCDEFGHJKLMNPQRSTVWXYZ"


@dataclass(frozen=True, slots=True)
class State:
    """An error page or fragment. ``name`` selects its text, ``status`` is its HTTP status.

    ``retry`` shows a Retry button. ``retry_seconds`` is when the page first retries by itself, 0 for never.
    """

    name: str
    status: int
    reference: str = ""
    retry: bool = False
    retry_seconds: int = 0


# The state's name, the HTTP status, and whether the page offers to try again.
_BY_TROUBLE: Mapping[Trouble, tuple[str, int, bool]] = {
    Trouble.PLAN: ("plan", 402, True),
    Trouble.PAYMENT: ("payment", 402, True),
    Trouble.OVERLOAD: ("overload", 503, True),
    Trouble.OPERATING_LIMIT: ("busy", 503, True),
    Trouble.BUSY: ("busy", 503, True),
    Trouble.CLOSED: ("portal-closed", 502, True),
    Trouble.NO_STORE: ("no-store", 409, True),
    Trouble.NO_SCOPE: ("no-scope", 403, True),
    Trouble.OUT_OF_TIME: ("silent", 504, True),
    Trouble.SILENT: ("silent", 504, True),
    Trouble.FAULT: ("silent", 502, True),
    Trouble.ACCESS_EXPIRED: ("session-ended", 401, False),
    Trouble.RENEWING: ("busy", 503, True),
    Trouble.ACCESS_ENDED: ("session-ended", 401, False),
    Trouble.APP_CLOSED: ("app-closed", 403, True),
    Trouble.NO_READ: ("no-read", 403, True),
    Trouble.NO_WRITE: ("no-write", 403, True),
    Trouble.NO_RIGHT: ("no-deal", 403, True),
    Trouble.ORDER_GONE: ("no-deal", 403, True),
    Trouble.NOT_FOUND: ("no-deal", 403, True),
}
_FAILURE = ("failure", 502, True)

# Errors that pass by themselves. Not operating time: it takes minutes, and nobody should wait for that.
_RETRY_SECONDS: tuple[tuple[type[errors.BitrixError], int], ...] = (
    (errors.Crowded, 2),
    (errors.RateLimited, 5),
    (errors.TransportError, 15),
    (errors.ServerFault, 15),
)

# States of missing rights that an administrator of the portal can grant.
GRANTABLE = frozenset({"no-read", "no-write"})

_BY_REASON = {
    "not-installed": 404,
    "malformed": 400,
    "foreign": 403,
    "not-admin": 403,
    "admins-only": 403,
    "too-many": 409,
}


def of_error(error: errors.BitrixError) -> State:
    """The state for an error of the portal, with a new logged reference. Unknown errors: "failure"."""
    name, status, retry = _row(error)
    seconds = next((after for kind, after in _RETRY_SECONDS if isinstance(error, kind)), 0)
    state = State(name, status, noted_reference(), retry, seconds)
    logger.warning("%s: %s after %s: %s", state.reference, name, error.method, error.code)
    return state


def name_of(error: errors.BitrixError) -> str:
    """The name of the state for an error, for pages that show it beside their own content."""
    return _row(error)[0]


def _row(error: errors.BitrixError) -> tuple[str, int, bool]:
    return _BY_TROUBLE.get(trouble_of(error), _FAILURE)


def of_refusal(reason: str) -> State:
    """The state for a refused opening (``Refused.reason``), with a new reference that is logged."""
    state = State(reason, _BY_REASON[reason], noted_reference())
    tracing.count("refusals", reason)
    logger.warning("%s: refused, %s", state.reference, reason)
    return state


def noted_reference() -> str:
    """A new reference that is stored with the present request, so support finds its calls in the journal."""
    reference = new_reference()
    tracing.note_reference(reference)
    return reference


def new_reference() -> str:
    """A new reference for support, such as ``LO-7F3KQ``. The caller stores it."""
    return "LO-" + "".join(secrets.choice(_ALPHABET) for _ in range(5))
