"""What went wrong, in the words of the page that shows it.

One table from error to state; the texts stand in ``templates/portals/state.html``. A person reads
what happened, what it means and what to do, with a short reference; the portal's own words and
codes go to the log under that reference.
"""

import logging
import secrets
from dataclasses import dataclass

from b24app import tracing
from b24app.bitrix24 import error_codes, errors

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


_BY_ERROR: tuple[tuple[type[errors.BitrixError], str, int, bool], ...] = (
    (errors.RenewalPending, "busy", 503, True),
    (errors.ReadDenied, "no-read", 403, True),
    (errors.WriteDenied, "no-write", 403, True),
    (errors.AppClosedToUser, "app-closed", 403, True),
    (errors.AccessDenied, "no-deal", 403, True),
    (errors.NotFound, "no-deal", 403, True),
    (errors.StoreMissing, "no-store", 409, True),
    (errors.MissingScope, "no-scope", 403, True),
    (errors.PaymentRequired, "payment", 402, True),
    (errors.PlanEnded, "plan", 402, True),
    (errors.ExpiredToken, "session-ended", 401, False),
    (errors.DeadToken, "session-ended", 401, False),
    (errors.PortalClosed, "portal-closed", 502, True),
    (errors.RateLimited, "busy", 503, True),
    (errors.Crowded, "busy", 503, True),
    (errors.OperatingLimit, "busy", 503, True),
    (errors.Overloaded, "overload", 503, True),
    (errors.TransportError, "silent", 504, True),
    (errors.ServerFault, "silent", 502, True),
)

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
    name, status, retry = _row(error)
    seconds = next((after for kind, after in _RETRY_SECONDS if isinstance(error, kind)), 0)
    state = State(name, status, noted_reference(), retry, seconds)
    logger.warning("%s: %s after %s: %s", state.reference, name, error.method, error.code)
    return state


def name_of(error: errors.BitrixError) -> str:
    """The name of the state for a failure that is told beside what else a page shows."""
    return _row(error)[0]


def _row(error: errors.BitrixError) -> tuple[str, int, bool]:
    kind = errors.StoreMissing if error_codes.without_store(error) else type(error)
    rows = (row[1:] for row in _BY_ERROR if issubclass(kind, row[0]))
    return next(rows, ("failure", 502, True))


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
