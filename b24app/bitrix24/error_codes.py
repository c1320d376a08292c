"""Which error a code of the portal or of the authorization server is: one table.

An error is classified by its code alone (:data:`BY_CODE`), never by the HTTP status: the vendor's own
tables give two statuses for one code. There are three exceptions. Methods that answer every refusal
with the same empty or zero code: there the documented texts decide (:data:`BY_TEXT`). Codes that mean
both one call and the whole portal: there a word of the text decides (:data:`BY_WORD`). And a 401
without a code we know, which is :class:`errors.AccessUnclear`. Codes come as strings (crm.*) and integers
(sale.*); both find the same row.
Followed pages: error-codes (system-errors), settings/oauth/error-codes.md,
crm/universal/order-entity/*, crm/deals/crm-deal-get.md, sale/*.
"""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from b24app.bitrix24 import errors

UNAUTHORIZED: Final = 401

# Upper and lower case are different codes: INVALID_REQUEST is the portal's "https required",
# invalid_request is the authorization server's "malformed".
BY_CODE: Final[Mapping[str, type[errors.ApiError]]] = MappingProxyType(
    {
        "expired_token": errors.ExpiredToken,
        "NO_AUTH_FOUND": errors.DeadToken,
        "invalid_token": errors.DeadToken,
        "invalid_grant": errors.DeadToken,
        "APPLICATION_NOT_FOUND": errors.DeadToken,
        "authorization_error": errors.UserDismissed,
        # The portal could not ask the authorization server about the token.
        "CONNECTION_ERROR": errors.AccessUnclear,
        "invalid_client": errors.InvalidClient,
        "PAYMENT_REQUIRED": errors.PaymentRequired,
        "INVALID_CREDENTIALS": errors.AccessDenied,
        "ACCESS_DENIED": errors.AccessDenied,
        "AccessException": errors.AccessDenied,
        "WRONG_AUTH_TYPE": errors.AccessDenied,
        "200040300010": errors.ReadDenied,
        "200040300020": errors.WriteDenied,
        "user_access_error": errors.AppClosedToUser,
        "insufficient_scope": errors.MissingScope,
        "invalid_scope": errors.MissingScope,
        "ERROR_SCOPE": errors.MissingScope,
        "QUERY_LIMIT_EXCEEDED": errors.RateLimited,
        "OPERATION_TIME_LIMIT": errors.OperatingLimit,
        "OVERLOAD_LIMIT": errors.Overloaded,
        "INTERNAL_SERVER_ERROR": errors.ServerFault,
        "ERROR_UNEXPECTED_ANSWER": errors.ServerFault,
        "INVALID_REQUEST": errors.PortalClosed,
        "ERROR_MANIFEST_IS_NOT_AVAILABLE": errors.PortalClosed,
        "PORTAL_DELETED": errors.PortalClosed,
        "ERROR_METHOD_NOT_FOUND": errors.MethodNotFound,
        "200540400002": errors.StoreMissing,
        "NOT_FOUND": errors.NotFound,
        "OWNER_NOT_FOUND": errors.NotFound,
        "200640400001": errors.NotFound,
        "201140400001": errors.NotFound,
        "201340400001": errors.NotFound,
        "201040400001": errors.NotFound,
        "200140400001": errors.NotFound,
        "201740400001": errors.NotFound,
        "201640400004": errors.LinkNotFound,
        "200540400001": errors.OrderNotFound,
        "201240400001": errors.OrderNotFound,
        "200140400009": errors.OrderNotFound,
        "ERROR_PLACEMENT_MAX_COUNT": errors.AlreadyExists,
        "201650000001": errors.LinkExists,
        "201650000010": errors.NotSaved,
        "SALE_ORDER_CANCEL_PAYMENT_EXIST_ACTIVE": errors.NotSaved,
        "SALE_ORDER_CANCEL_SHIPMENT_EXIST_SHIPPED": errors.NotSaved,
        "BX_INVALID_VALUE": errors.NotSaved,
        "100": errors.BadRequest,
        "201640400001": errors.BadRequest,
        "201640400002": errors.BadRequest,
        "201640400003": errors.BadRequest,
        "200140400008": errors.BadRequest,
        "invalid_request": errors.BadRequest,
        "ERROR_BATCH_METHOD_NOT_ALLOWED": errors.BadRequest,
        "ERROR_BATCH_LENGTH_EXCEEDED": errors.BadRequest,
        "ERROR_ARGUMENT": errors.BadRequest,
        "INVALID_ARG_VALUE": errors.BadRequest,
        "Invalid parameters.": errors.BadRequest,
        "ArgumentNullException": errors.BadRequest,
        "CODE_EMPTY": errors.BadRequest,
        "ERROR_EVENT_NOT_FOUND": errors.BadRequest,
        "ERROR_PLACEMENT_USER_MODE": errors.BadRequest,
        "EMPTY_ERROR_HANDLER_URL": errors.BadRequest,
    }
)

# (code, text without its full stop, lower case). The pages write the same text with and without
# the full stop.
BY_TEXT: Final[Mapping[tuple[str, str], type[errors.ApiError]]] = MappingProxyType(
    {
        ("", "access denied"): errors.AccessDenied,
        ("", "not found"): errors.NotFound,
        ("", "id is not defined or invalid"): errors.BadRequest,
        ("", "parameter 'fields' must be array"): errors.BadRequest,
        ("", "parameter 'filter' must be array"): errors.BadRequest,
        ("", "parameter 'order' must be array"): errors.BadRequest,
        ("0", "access denied"): errors.AccessDenied,
        ("0", "insufficient permissions"): errors.AccessDenied,
    }
)

# (code, word in the text, lower case): the sentences differ between kernels, the word does not.
# Any other text of the code keeps the meaning it has in BY_CODE.
BY_WORD: Final[Mapping[tuple[str, str], type[errors.ApiError]]] = MappingProxyType(
    {
        ("ACCESS_DENIED", "commercial"): errors.PlanEnded,
        ("ACCESS_DENIED", "subscription"): errors.PlanEnded,
        ("PAYMENT_REQUIRED", "subscription"): errors.PlanEnded,
    }
)


def classify(
    code: object, description: object = "", *, http_status: int | None = None, method: str = ""
) -> errors.ApiError:
    """The error for a ``code`` (string or integer) and ``description`` as they came in JSON."""
    known = str(code).strip() if isinstance(code, str | int) else ""
    text = description if isinstance(description, str) else ""
    plain = text.strip().rstrip(".").casefold()
    kind = _by_word(known, plain) or BY_CODE.get(known) or BY_TEXT.get((known, plain))
    return (kind or unknown(http_status))(known, text, http_status=http_status, method=method)


def _by_word(code: str, plain: str) -> type[errors.ApiError] | None:
    """The class of :data:`BY_WORD` for a code and its lower-case text; None where it has no row."""
    return next(
        (kind for (text, word), kind in BY_WORD.items() if text == code and word in plain), None
    )


def without_store(error: errors.BitrixError) -> bool:
    """Whether an error says that the portal has no online store.

    Besides the documented code: without the store's module the portal does not know its methods.
    """
    unknown_method = (
        isinstance(error, errors.MethodNotFound) and error.method.lower() in _OF_EVERY_STORE
    )
    return isinstance(error, errors.StoreMissing) or unknown_method


_OF_EVERY_STORE: Final = frozenset({"sale.order.list", "sale.order.get", "sale.propertyvalue.list"})


def unknown(http_status: int | None) -> type[errors.ApiError]:
    """The error for an answer without a code we know."""
    return errors.AccessUnclear if http_status == UNAUTHORIZED else errors.UnknownError
