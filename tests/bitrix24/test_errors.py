"""The table of codes."""

import pickle

import pytest

from b24app.bitrix24 import error_codes, errors


@pytest.mark.parametrize("code", error_codes.BY_CODE)
def test_every_row_finds_its_class(code: str) -> None:
    assert type(error_codes.classify(code, "any text")) is error_codes.BY_CODE[code]
    if code.isdecimal():
        assert type(error_codes.classify(int(code))) is error_codes.BY_CODE[code]


@pytest.mark.parametrize(
    ("code", "text", "kind"),
    [
        ("", "Access denied", errors.AccessDenied),
        ("", "Access denied.", errors.AccessDenied),
        ("", "Not found", errors.NotFound),
        ("", "Not found by somebody else", errors.UnknownError),
        (0, "Insufficient permissions", errors.AccessDenied),
        ("0", "Required fields: a", errors.UnknownError),
        ("expired_token", "Access denied", errors.ExpiredToken),
        ("EXPIRED_TOKEN", "", errors.UnknownError),
        ("INVALID_REQUEST", "Https required", errors.PortalClosed),
        ("invalid_request", "", errors.BadRequest),
        ("over the limit", "QUERY_LIMIT_EXCEEDED", errors.UnknownError),
        (None, "", errors.UnknownError),
        ({"x": 1}, ["y"], errors.UnknownError),
    ],
)
def test_texts_decide_only_for_listed_codes(
    code: object, text: object, kind: type[errors.BitrixError]
) -> None:
    assert type(error_codes.classify(code, text)) is kind


@pytest.mark.parametrize("http_status", [200, 400, 401, 402, 403, 500, 503])
@pytest.mark.parametrize(
    ("code", "text", "kind"),
    [
        ("ACCESS_DENIED", "REST API is available only on commercial plans.", errors.PlanEnded),
        ("ACCESS_DENIED", "REST is available only on Commercial plans", errors.PlanEnded),
        ("ACCESS_DENIED", "Webhooks are available only by subscription.", errors.PlanEnded),
        ("ACCESS_DENIED", "Access denied! Admin permissions required", errors.AccessDenied),
        ("ACCESS_DENIED", "Access denied! Application context required", errors.AccessDenied),
        ("ACCESS_DENIED", "Access denied.", errors.AccessDenied),
        ("ACCESS_DENIED", "", errors.AccessDenied),
        ("ACCESS_DENIED", "a text nobody has seen", errors.AccessDenied),
        ("PAYMENT_REQUIRED", "Subscription has been ended", errors.PlanEnded),
        ("PAYMENT_REQUIRED", "Payment required", errors.PaymentRequired),
        ("INVALID_CREDENTIALS", "only on commercial plans", errors.AccessDenied),
        ("OVERLOAD_LIMIT", "REST API is blocked due to overload.", errors.Overloaded),
        ("PORTAL_DELETED", "Portal was deleted", errors.PortalClosed),
    ],
)
def test_plan_without_rest_differs_from_refused_call_at_any_status(
    code: str, text: str, kind: type[errors.BitrixError], http_status: int
) -> None:
    assert type(error_codes.classify(code, text, http_status=http_status)) is kind
    assert not issubclass(errors.PlanEnded, errors.AccessDenied)


@pytest.mark.parametrize("status", [200, 400, 401, 403, 500, 503])
def test_known_code_decides_at_any_http_status(status: int) -> None:
    for code, kind in error_codes.BY_CODE.items():
        assert type(error_codes.classify(code, http_status=status)) is kind


@pytest.mark.parametrize(
    ("status", "kind"),
    [
        (401, errors.AccessUnclear),
        (400, errors.UnknownError),
        (403, errors.UnknownError),
        (500, errors.UnknownError),
        (None, errors.UnknownError),
    ],
)
def test_unknown_code_says_nothing_about_the_token(
    status: int | None, kind: type[errors.BitrixError]
) -> None:
    error = error_codes.classify("SOMETHING_NEW", http_status=status)
    assert type(error) is kind
    assert not isinstance(error, errors.AuthError)
    assert error.not_applied is (status == 401)


def test_only_listed_errors_are_retried() -> None:
    classes: set[type[errors.BitrixError]] = {
        errors.NotSent,
        errors.OutcomeUnknown,
        *error_codes.BY_CODE.values(),
        *error_codes.BY_WORD.values(),
        errors.UnknownError,
    }
    assert {item for item in classes if item.may_repeat(write=False)} == {
        errors.NotSent,
        errors.OutcomeUnknown,
        errors.RateLimited,
        errors.ServerFault,
    }
    assert {item for item in classes if item.may_repeat(write=True)} == {
        errors.NotSent,
        errors.RateLimited,
    }


def test_refused_read_and_refused_write_are_different_errors() -> None:
    for kind in (errors.ReadDenied, errors.WriteDenied, errors.AppClosedToUser):
        assert issubclass(kind, errors.AccessDenied)


def test_error_message_contains_only_code_and_text() -> None:
    error = error_codes.classify("NOT_FOUND", "x" * 9000, http_status=400, method="a.b")
    error.request_id = "r1"
    assert str(error) == f"a.b: NOT_FOUND, {'x' * 500}, HTTP 400, request r1"
    assert str(error.copied(method="c.d")).startswith("c.d: NOT_FOUND")


def test_error_survives_a_process_boundary() -> None:
    error = pickle.loads(pickle.dumps(error_codes.classify("NOT_FOUND", "gone", http_status=400)))
    assert (error.code, error.description, error.http_status) == ("NOT_FOUND", "gone", 400)


def test_wait_keeps_its_seconds_in_copies_and_over_a_process_boundary() -> None:
    wait = errors.Wait(12.5, method="a.b")
    assert (wait.copied(method="c.d").seconds, wait.copied(method="c.d").method) == (12.5, "c.d")
    over = pickle.loads(pickle.dumps(wait))
    assert (over.seconds, over.method, over.not_applied) == (12.5, "a.b", True)
