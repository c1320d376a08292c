"""Everything that can go wrong between us and Bitrix24, as one tree and one table.

::

    BitrixError
    ├── TransportError            no answer of the portal that could be read
    │   ├── NotSent               no connection: certainly not applied
    │   ├── OutOfTime             its deadline had passed, so it was not sent
    │   ├── OutcomeUnknown        time-out, reset, cut-off body, HTML: applied perhaps
    │   └── UnexpectedRedirect    a 3xx to an address nobody confirmed; not followed
    ├── IncompleteAnswer          an answer without what the documentation promises
    ├── NotRun                    a batch command that the portal never started
    └── ApiError                  the portal, or the authorization server, said no
        ├── AuthError
        │   ├── ExpiredToken      renew and repeat, once
        │   ├── DeadToken         the app has to be opened again
        │   │   └── UserDismissed the portal lets this person in no more; the token itself is good
        │   ├── RenewalPending    another process renews the token: come back in a moment
        │   └── InvalidClient     our own client_id or client_secret, or not installed there
        ├── PaymentRequired       the app's own trial or subscription is over
        ├── PlanEnded             the portal's plan or Market subscription allows no REST: for everybody
        ├── AccessDenied
        │   ├── ReadDenied
        │   ├── WriteDenied
        │   └── AppClosedToUser   the administrator did not open the app to this user
        ├── MissingScope          the app was installed without this permission
        ├── LimitError            said by the portal, or with code BUDGET by our own budget
        │   ├── RateLimited       too many requests a second; refused before it ran
        │   ├── OperatingLimit    this method has used up its execution time
        │   ├── Overloaded        REST is blocked for the portal; only the vendor's support lifts it
        │   └── Wait              a job's request was not sent: come back in so many seconds
        ├── ServerFault           the portal broke down on the way; applied perhaps
        ├── PortalClosed          closed for a while (maintenance), or misconfigured; proves nothing
        ├── MethodNotFound        the feature is not on this portal
        ├── StoreMissing          no online store on this portal
        ├── NotFound
        │   ├── LinkNotFound
        │   └── OrderNotFound
        ├── AlreadyExists
        │   └── LinkExists        this very order link stands already
        ├── NotSaved              the portal's own checks refused to save the order
        ├── BadRequest            our mistake: wrong or missing parameters
        └── UnknownError          a code nobody has told us about: closed, never repeated
            └── AccessUnclear     the same with HTTP 401: proves nothing about the token

An error is classified by its code alone (:data:`BY_CODE`), never by the HTTP status: the vendor's own
tables give two statuses for one code. There are three exceptions. Methods that answer every refusal
with the same empty or zero code: there the documented texts decide (:data:`BY_TEXT`). Codes that mean
both one call and the whole portal: there a word of the text decides (:data:`BY_WORD`). And a 401
without a code we know, which is :class:`AccessUnclear`. Codes come as strings (crm.*) and integers
(sale.*); both find the same row.
Followed pages: error-codes (system-errors), settings/oauth/error-codes.md,
crm/universal/order-entity/*, crm/deals/crm-deal-get.md, sale/*.
"""

from collections.abc import Mapping
from types import MappingProxyType
from typing import ClassVar, Final, Self

DESCRIPTION_LIMIT = 500
UNAUTHORIZED: Final = 401


class BitrixError(Exception):
    """Base of all errors here.

    ``code`` is the portal's code as a string (or a word of ours in capitals), ``description`` its
    text, shortened, for administrators and logs only. ``http_status`` is None when no answer came.
    ``method`` and ``request_id`` are empty until the client knows them.
    """

    retryable: ClassVar[bool] = False
    """The same request may succeed in a moment; repeating a *read* is worth it."""

    not_applied: ClassVar[bool] = True
    """A write that ended like this has certainly changed nothing; False: read back to know."""

    def __init__(
        self,
        code: str,
        description: str = "",
        *,
        http_status: int | None = None,
        method: str = "",
        request_id: str = "",
    ) -> None:
        super().__init__(code, description)
        self.code = code
        self.description = description[:DESCRIPTION_LIMIT]
        self.http_status = http_status
        self.method = method
        self.request_id = request_id

    def __str__(self) -> str:
        facts = [f"{self.method or 'call'}: {self.code or '(empty code)'}"]
        if self.description:
            facts.append(self.description)
        if self.http_status is not None:
            facts.append(f"HTTP {self.http_status}")
        if self.request_id:
            facts.append(f"request {self.request_id}")
        return ", ".join(facts)

    def copied(self, *, method: str) -> Self:
        """An error of its own for one command of a batch that failed as a whole."""
        return type(self)(
            self.code,
            self.description,
            http_status=self.http_status,
            method=method,
            request_id=self.request_id,
        )

    @classmethod
    def may_repeat(cls, *, write: bool) -> bool:
        """Whether the same request may be sent again without anybody having looked."""
        return cls.retryable and (cls.not_applied or not write)


class TransportError(BitrixError):
    pass


class NotSent(TransportError):
    retryable = True


class OutOfTime(TransportError):
    """The deadline of the request passed before it could be sent; nothing left this process."""


class OutcomeUnknown(TransportError):
    retryable = True
    not_applied = False


class UnexpectedRedirect(TransportError):
    pass


class IncompleteAnswer(BitrixError):
    not_applied = False


class NotRun(BitrixError):
    pass


class ApiError(BitrixError):
    pass


class AuthError(ApiError):
    pass


class ExpiredToken(AuthError):
    pass


class DeadToken(AuthError):
    pass


class RenewalPending(AuthError):
    """Another process has the renewal of this token, or may still bring the new pair; nothing was sent."""


class UserDismissed(DeadToken):
    pass


class InvalidClient(AuthError):
    pass


class PaymentRequired(ApiError):
    pass


class PlanEnded(ApiError):
    pass


class AccessDenied(ApiError):
    pass


class ReadDenied(AccessDenied):
    pass


class WriteDenied(AccessDenied):
    pass


class AppClosedToUser(AccessDenied):
    pass


class MissingScope(ApiError):
    pass


class LimitError(ApiError):
    pass


class RateLimited(LimitError):
    retryable = True


class OperatingLimit(LimitError):
    pass


class Overloaded(LimitError):
    pass


class Crowded(LimitError):
    pass


class Wait(LimitError):
    """Our own budget has no room for a job's request now; nothing was sent.

    The job ends its slice and comes back after ``seconds``, holding no worker meanwhile. ``why`` says
    what has no room: ``rate`` (requests), ``operating`` (a method's execution time), ``overload`` (the
    portal has blocked the app), or ``away`` (the budget itself cannot be asked).
    """

    def __init__(self, seconds: float, *, method: str = "", why: str = "rate") -> None:
        super().__init__("BUDGET", f"not before {seconds:.1f} s", method=method)
        self.seconds = seconds
        self.why = why

    def copied(self, *, method: str) -> Self:
        return type(self)(self.seconds, method=method, why=self.why)

    def __reduce__(self) -> tuple[type[Self], tuple[float], dict[str, object]]:
        return type(self), (self.seconds,), self.__dict__


class BudgetUnavailable(Wait):
    """A job's request waits because the shared budget cannot be asked: Redis is away, not the portal."""


class ServerFault(ApiError):
    retryable = True
    not_applied = False


class PortalClosed(ApiError):
    pass


class MethodNotFound(ApiError):
    pass


class StoreMissing(ApiError):
    pass


class NotFound(ApiError):
    pass


class LinkNotFound(NotFound):
    pass


class OrderNotFound(NotFound):
    pass


class AlreadyExists(ApiError):
    pass


class LinkExists(AlreadyExists):
    pass


class NotSaved(ApiError):
    not_applied = False


class BadRequest(ApiError):
    pass


class UnknownError(ApiError):
    not_applied = False


class AccessUnclear(UnknownError):
    """HTTP 401 with an unknown code, or without JSON.

    The token is not renewed because of it, and nobody's access has ended: only the authorization
    server's refusal to renew a token ends it. Access is checked before anything is carried out, so
    nothing was.
    """

    not_applied = True


# Upper and lower case are different codes: INVALID_REQUEST is the portal's "https required",
# invalid_request is the authorization server's "malformed".
BY_CODE: Final[Mapping[str, type[ApiError]]] = MappingProxyType(
    {
        "expired_token": ExpiredToken,
        "NO_AUTH_FOUND": DeadToken,
        "invalid_token": DeadToken,
        "invalid_grant": DeadToken,
        "APPLICATION_NOT_FOUND": DeadToken,
        "authorization_error": UserDismissed,
        # The portal could not ask the authorization server about the token.
        "CONNECTION_ERROR": AccessUnclear,
        "invalid_client": InvalidClient,
        "PAYMENT_REQUIRED": PaymentRequired,
        "INVALID_CREDENTIALS": AccessDenied,
        "ACCESS_DENIED": AccessDenied,
        "AccessException": AccessDenied,
        "WRONG_AUTH_TYPE": AccessDenied,
        "200040300010": ReadDenied,
        "200040300020": WriteDenied,
        "user_access_error": AppClosedToUser,
        "insufficient_scope": MissingScope,
        "invalid_scope": MissingScope,
        "ERROR_SCOPE": MissingScope,
        "QUERY_LIMIT_EXCEEDED": RateLimited,
        "OPERATION_TIME_LIMIT": OperatingLimit,
        "OVERLOAD_LIMIT": Overloaded,
        "INTERNAL_SERVER_ERROR": ServerFault,
        "ERROR_UNEXPECTED_ANSWER": ServerFault,
        "INVALID_REQUEST": PortalClosed,
        "ERROR_MANIFEST_IS_NOT_AVAILABLE": PortalClosed,
        "PORTAL_DELETED": PortalClosed,
        "ERROR_METHOD_NOT_FOUND": MethodNotFound,
        "200540400002": StoreMissing,
        "NOT_FOUND": NotFound,
        "OWNER_NOT_FOUND": NotFound,
        "200640400001": NotFound,
        "201140400001": NotFound,
        "201340400001": NotFound,
        "201040400001": NotFound,
        "200140400001": NotFound,
        "201740400001": NotFound,
        "201640400004": LinkNotFound,
        "200540400001": OrderNotFound,
        "201240400001": OrderNotFound,
        "200140400009": OrderNotFound,
        "ERROR_PLACEMENT_MAX_COUNT": AlreadyExists,
        "201650000001": LinkExists,
        "201650000010": NotSaved,
        "SALE_ORDER_CANCEL_PAYMENT_EXIST_ACTIVE": NotSaved,
        "BX_INVALID_VALUE": NotSaved,
        "100": BadRequest,
        "201640400001": BadRequest,
        "201640400002": BadRequest,
        "201640400003": BadRequest,
        "200140400008": BadRequest,
        "invalid_request": BadRequest,
        "ERROR_BATCH_METHOD_NOT_ALLOWED": BadRequest,
        "ERROR_BATCH_LENGTH_EXCEEDED": BadRequest,
        "ERROR_ARGUMENT": BadRequest,
        "INVALID_ARG_VALUE": BadRequest,
        "Invalid parameters.": BadRequest,
        "ArgumentNullException": BadRequest,
        "CODE_EMPTY": BadRequest,
        "ERROR_EVENT_NOT_FOUND": BadRequest,
        "ERROR_PLACEMENT_USER_MODE": BadRequest,
        "EMPTY_ERROR_HANDLER_URL": BadRequest,
    }
)

# (code, text without its full stop, lower case). The pages write the same text with and without
# the full stop.
BY_TEXT: Final[Mapping[tuple[str, str], type[ApiError]]] = MappingProxyType(
    {
        ("", "access denied"): AccessDenied,
        ("", "not found"): NotFound,
        ("", "id is not defined or invalid"): BadRequest,
        ("", "parameter 'fields' must be array"): BadRequest,
        ("", "parameter 'filter' must be array"): BadRequest,
        ("", "parameter 'order' must be array"): BadRequest,
        ("0", "access denied"): AccessDenied,
        ("0", "insufficient permissions"): AccessDenied,
    }
)

# (code, word in the text, lower case): the sentences differ between kernels, the word does not.
# Any other text of the code keeps the meaning it has in BY_CODE.
BY_WORD: Final[Mapping[tuple[str, str], type[ApiError]]] = MappingProxyType(
    {
        ("ACCESS_DENIED", "commercial"): PlanEnded,
        ("ACCESS_DENIED", "subscription"): PlanEnded,
        ("PAYMENT_REQUIRED", "subscription"): PlanEnded,
    }
)


def classify(
    code: object, description: object = "", *, http_status: int | None = None, method: str = ""
) -> ApiError:
    """The error for a ``code`` (string or integer) and ``description`` as they came in JSON."""
    known = str(code).strip() if isinstance(code, str | int) else ""
    text = description if isinstance(description, str) else ""
    plain = text.strip().rstrip(".").casefold()
    kind = _by_word(known, plain) or BY_CODE.get(known) or BY_TEXT.get((known, plain))
    return (kind or unknown(http_status))(known, text, http_status=http_status, method=method)


def _by_word(code: str, plain: str) -> type[ApiError] | None:
    """The class of :data:`BY_WORD` for a code and its lower-case text; None where it has no row."""
    return next(
        (kind for (one, word), kind in BY_WORD.items() if one == code and word in plain), None
    )


def without_store(error: BitrixError) -> bool:
    """Whether an error says that the portal has no online store.

    Besides the documented code: without the store's module the portal does not know its methods.
    """
    unknown_method = isinstance(error, MethodNotFound) and error.method.lower() in _OF_EVERY_STORE
    return isinstance(error, StoreMissing) or unknown_method


_OF_EVERY_STORE: Final = frozenset({"sale.order.list", "sale.order.get"})


def unknown(http_status: int | None) -> type[ApiError]:
    """The error for an answer without a code we know."""
    return AccessUnclear if http_status == UNAUTHORIZED else UnknownError
