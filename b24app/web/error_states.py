"""What went wrong, in the words of the page that shows it.

Which error is which trouble stands in :mod:`b24app.bitrix24.troubles`, the texts in
``templates/portals/state.html``. A person reads
what happened, what it means and what to do, with a short reference; the portal's own words and
codes go to the log under that reference.
"""

import logging
import secrets
from collections.abc import Mapping
from dataclasses import dataclass

from b24app import tracing
from b24app.bitrix24 import errors
from b24app.bitrix24.troubles import Trouble, trouble_of

logger = logging.getLogger(__name__)

# No letters or digits that are mistaken for one another over the telephone.
_ALPHABET = "23456789ABCDEFGHJKLMNPQRSTVWXYZ"


@dataclass(frozen=True, slots=True)
class State:
    """A designed page or fragment. ``status`` is the HTTP status it is sent with.

    ``retry_seconds`` is when the page tries again by itself for the first time; 0 for not at all.
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

# What passes by itself, and how soon. Operating time takes minutes: people are not kept waiting for it.
_RETRY_SECONDS: tuple[tuple[type[errors.BitrixError], int], ...] = (
    (errors.Crowded, 2),
    (errors.RateLimited, 5),
    (errors.TransportError, 15),
    (errors.ServerFault, 15),
)

# Rights that an administrator of the portal can give.
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
    """The state for a failure; an error nobody foresaw has its own, and is never "no orders"."""
    name, status, retry = _BY_TROUBLE.get(trouble_of(error), _FAILURE)
    seconds = next((after for kind, after in _RETRY_SECONDS if isinstance(error, kind)), 0)
    state = State(name, status, noted_reference(), retry, seconds)
    logger.warning("%s: %s after %s: %s", state.reference, name, error.method, error.code)
    return state


def of_refusal(reason: str) -> State:
    """The state for an opening that could not be proved."""
    state = State(reason, _BY_REASON[reason], noted_reference())
    tracing.count("refusals", reason)
    logger.warning("%s: refused, %s", state.reference, reason)
    return state


def noted_reference() -> str:
    """A reference that is noted with the present request, for a state made elsewhere."""
    made = new_reference()
    # The journal keeps it with the calls of this request: support finds them by it.
    tracing.note_reference(made)
    return made


def new_reference() -> str:
    """A short reference to give to support; whoever shows it notes it with what is under way."""
    return "LO-" + "".join(secrets.choice(_ALPHABET) for _ in range(5))
