"""What an error means to people: one table for pages, jobs, health checks and the installation.

Each room has its own words and acts for a :class:`Trouble`, because it says different things: a page
offers Retry, a job waits or pauses, the overview names who can help. Which error is which trouble is
decided here.
"""

from enum import StrEnum
from typing import Final

from b24app.bitrix24 import error_codes, errors


class Trouble(StrEnum):
    """What keeps something from being done, and by that who can help."""

    # Of the whole portal.
    PLAN = "plan"
    PAYMENT = "payment"
    OVERLOAD = "overload"
    OPERATING_LIMIT = "operating-limit"
    BUSY = "busy"
    CLOSED = "closed"
    NO_STORE = "no-store"
    NO_METHOD = "no-method"
    NO_SCOPE = "no-scope"
    # Of the answer.
    OUT_OF_TIME = "out-of-time"
    SILENT = "silent"
    FAULT = "fault"
    INCOMPLETE = "incomplete"
    # Of a person's access.
    ACCESS_EXPIRED = "access-expired"
    RENEWING = "renewing"
    ACCESS_ENDED = "access-ended"
    ACCESS_UNCLEAR = "access-unclear"
    APP_CREDENTIALS = "app-credentials"
    APP_CLOSED = "app-closed"
    # Of a person's rights.
    NO_READ = "no-read"
    NO_WRITE = "no-write"
    NO_RIGHT = "no-right"
    # Of one order or card.
    ORDER_GONE = "order-gone"
    NOT_FOUND = "not-found"
    NOT_SAVED = "not-saved"
    # Anything unexpected.
    OTHER = "other"


# The first that fits decides.
_BY_ERROR: Final[tuple[tuple[type[errors.BitrixError], Trouble], ...]] = (
    (errors.PlanEnded, Trouble.PLAN),
    (errors.PaymentRequired, Trouble.PAYMENT),
    (errors.Overloaded, Trouble.OVERLOAD),
    (errors.OperatingLimit, Trouble.OPERATING_LIMIT),
    (errors.LimitError, Trouble.BUSY),
    (errors.PortalClosed, Trouble.CLOSED),
    (errors.StoreMissing, Trouble.NO_STORE),
    (errors.MethodNotFound, Trouble.NO_METHOD),
    (errors.MissingScope, Trouble.NO_SCOPE),
    (errors.OutOfTime, Trouble.OUT_OF_TIME),
    (errors.TransportError, Trouble.SILENT),
    (errors.ServerFault, Trouble.FAULT),
    (errors.IncompleteAnswer, Trouble.INCOMPLETE),
    (errors.NotRun, Trouble.INCOMPLETE),
    (errors.ExpiredToken, Trouble.ACCESS_EXPIRED),
    (errors.RenewalPending, Trouble.RENEWING),
    (errors.InvalidClient, Trouble.APP_CREDENTIALS),
    (errors.AuthError, Trouble.ACCESS_ENDED),
    (errors.AccessUnclear, Trouble.ACCESS_UNCLEAR),
    (errors.AppClosedToUser, Trouble.APP_CLOSED),
    (errors.ReadDenied, Trouble.NO_READ),
    (errors.WriteDenied, Trouble.NO_WRITE),
    (errors.AccessDenied, Trouble.NO_RIGHT),
    (errors.OrderNotFound, Trouble.ORDER_GONE),
    (errors.NotFound, Trouble.NOT_FOUND),
    (errors.NotSaved, Trouble.NOT_SAVED),
)


def trouble_of(error: errors.BitrixError) -> Trouble:
    """What the error means; ``OTHER`` if the table has no row for it."""
    if error_codes.without_store(error):
        return Trouble.NO_STORE
    return next((trouble for kind, trouble in _BY_ERROR if isinstance(error, kind)), Trouble.OTHER)
