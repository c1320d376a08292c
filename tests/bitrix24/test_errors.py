"""The table of codes."""

import pickle

import pytest

from b24app.bitrix24 import errors


@pytest.mark.parametrize("code", errors.BY_CODE)
def test_every_row_finds_its_class(code: str) -> None:
    assert type(errors.classify(code, "any text")) is errors.BY_CODE[code]
    if code.isdecimal():
        assert type(errors.classify(int(code))) is errors.BY_CODE[code]


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
def test_codes_decide_and_texts_only_where_listed(
    code: object, text: object, kind: type[errors.BitrixError]
) -> None:
    assert type(errors.classify(code, text)) is kind


@pytest.mark.parametrize("status", [200, 400, 401, 403, 500, 503])
def test_a_known_code_decides_whatever_the_http_status(status: int) -> None:
    for code, kind in errors.BY_CODE.items():
        assert type(errors.classify(code, http_status=status)) is kind


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
def test_an_unknown_code_says_nothing_about_the_token(
    status: int | None, kind: type[errors.BitrixError]
) -> None:
    error = errors.classify("SOMETHING_NEW", http_status=status)
    assert type(error) is kind
    assert not isinstance(error, errors.AuthError)
    assert error.not_applied is (status == 401)


def test_only_these_are_ever_repeated() -> None:
    classes: set[type[errors.BitrixError]] = {
        errors.NotSent,
        errors.OutcomeUnknown,
        *errors.BY_CODE.values(),
        errors.UnknownError,
    }
    assert {one for one in classes if one.may_repeat(write=False)} == {
        errors.NotSent,
        errors.OutcomeUnknown,
        errors.RateLimited,
        errors.ServerFault,
    }
    assert {one for one in classes if one.may_repeat(write=True)} == {
        errors.NotSent,
        errors.RateLimited,
    }


def test_rights_to_read_and_to_write_are_told_apart_below_one_refusal() -> None:
    for kind in (errors.ReadDenied, errors.WriteDenied, errors.AppClosedToUser):
        assert issubclass(kind, errors.AccessDenied)


def test_an_error_says_what_is_known_and_no_more() -> None:
    error = errors.classify("NOT_FOUND", "x" * 9000, http_status=400, method="a.b")
    error.request_id = "r1"
    assert str(error) == f"a.b: NOT_FOUND, {'x' * 500}, HTTP 400, request r1"
    assert str(error.copied(method="c.d")).startswith("c.d: NOT_FOUND")


def test_an_error_survives_a_process_boundary() -> None:
    error = pickle.loads(pickle.dumps(errors.classify("NOT_FOUND", "gone", http_status=400)))
    assert (error.code, error.description, error.http_status) == ("NOT_FOUND", "gone", 400)


def test_a_wait_keeps_its_seconds_in_copies_and_over_a_process_boundary() -> None:
    wait = errors.Wait(12.5, method="a.b")
    assert (wait.copied(method="c.d").seconds, wait.copied(method="c.d").method) == (12.5, "c.d")
    over = pickle.loads(pickle.dumps(wait))
    assert (over.seconds, over.method, over.not_applied) == (12.5, "a.b", True)
