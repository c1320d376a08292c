"""The table from the portal's codes to kinds of errors, and what each kind promises, row by row.

Values in, values out. Followed pages: see :mod:`b24app.bitrix24.errors`.
"""

import pytest

from b24app.bitrix24 import error_codes, errors

CODES = {
    "expired_token": errors.ExpiredToken,
    "NO_AUTH_FOUND": errors.DeadToken,
    "invalid_token": errors.DeadToken,
    "invalid_grant": errors.DeadToken,
    "APPLICATION_NOT_FOUND": errors.DeadToken,
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

TEXTS = {
    ("", "access denied"): errors.AccessDenied,
    ("", "not found"): errors.NotFound,
    ("", "id is not defined or invalid"): errors.BadRequest,
    ("", "parameter 'fields' must be array"): errors.BadRequest,
    ("", "parameter 'filter' must be array"): errors.BadRequest,
    ("", "parameter 'order' must be array"): errors.BadRequest,
    ("0", "access denied"): errors.AccessDenied,
    ("0", "insufficient permissions"): errors.AccessDenied,
}

# Kind: whether a repeated read may succeed, whether a write has certainly changed nothing.
PROMISES = {
    errors.BitrixError: (False, True),
    errors.TransportError: (False, True),
    errors.NotSent: (True, True),
    errors.OutOfTime: (False, True),
    errors.OutcomeUnknown: (True, False),
    errors.UnexpectedRedirect: (False, True),
    errors.IncompleteAnswer: (False, False),
    errors.NotRun: (False, True),
    errors.ApiError: (False, True),
    errors.AuthError: (False, True),
    errors.ExpiredToken: (False, True),
    errors.DeadToken: (False, True),
    errors.InvalidClient: (False, True),
    errors.PaymentRequired: (False, True),
    errors.AccessDenied: (False, True),
    errors.ReadDenied: (False, True),
    errors.WriteDenied: (False, True),
    errors.AppClosedToUser: (False, True),
    errors.MissingScope: (False, True),
    errors.LimitError: (False, True),
    errors.RateLimited: (True, True),
    errors.OperatingLimit: (False, True),
    errors.Overloaded: (False, True),
    errors.Wait: (False, True),
    errors.ServerFault: (True, False),
    errors.PortalClosed: (False, True),
    errors.MethodNotFound: (False, True),
    errors.StoreMissing: (False, True),
    errors.NotFound: (False, True),
    errors.LinkNotFound: (False, True),
    errors.OrderNotFound: (False, True),
    errors.AlreadyExists: (False, True),
    errors.LinkExists: (False, True),
    errors.NotSaved: (False, False),
    errors.BadRequest: (False, True),
    errors.UnknownError: (False, False),
}


@pytest.mark.parametrize("code", CODES)
@pytest.mark.parametrize("status", [200, 400, 401, 403, 500, 503])
def test_error_code_decides_regardless_of_http_status(code: str, status: int) -> None:
    assert type(error_codes.classify(code, "text", http_status=status)) is CODES[code]


@pytest.mark.parametrize("code", [code for code in CODES if code.isdigit()])
def test_code_may_come_as_a_number(code: str) -> None:
    assert type(error_codes.classify(int(code))) is CODES[code]


@pytest.mark.parametrize(("code", "text"), TEXTS)
def test_text_decides_if_code_is_generic(code: str, text: str) -> None:
    for written in (text, f"{text.capitalize()}.", f" {text.upper()} "):
        assert type(error_codes.classify(code, written)) is TEXTS[code, text]


@pytest.mark.parametrize(
    ("code", "text"),
    [("", ""), ("", "Access denied to this"), ("0", "not found"), ("NEW", "x"), (None, "")],
)
def test_undocumented_code_is_unknown(code: object, text: str) -> None:
    assert type(error_codes.classify(code, text)) is errors.UnknownError


@pytest.mark.parametrize("kind", PROMISES, ids=lambda kind: kind.__name__)
def test_error_classes_have_documented_properties(kind: type[errors.BitrixError]) -> None:
    retryable, not_applied = PROMISES[kind]
    assert (kind.retryable, kind.not_applied) == (retryable, not_applied)
    assert kind.may_repeat(write=False) is retryable
    assert kind.may_repeat(write=True) is (retryable and not_applied)
