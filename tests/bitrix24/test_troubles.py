"""Which error is which trouble, as values."""

import pytest

from b24app.bitrix24 import errors
from b24app.bitrix24.troubles import Trouble, trouble_of

T = Trouble

TROUBLES: dict[type[errors.BitrixError], Trouble] = {
    errors.TransportError: T.SILENT,
    errors.NotSent: T.SILENT,
    errors.OutOfTime: T.OUT_OF_TIME,
    errors.OutcomeUnknown: T.SILENT,
    errors.UnexpectedRedirect: T.SILENT,
    errors.IncompleteAnswer: T.INCOMPLETE,
    errors.NotRun: T.INCOMPLETE,
    errors.ApiError: T.OTHER,
    errors.AuthError: T.ACCESS_ENDED,
    errors.ExpiredToken: T.ACCESS_EXPIRED,
    errors.DeadToken: T.ACCESS_ENDED,
    errors.UserDismissed: T.ACCESS_ENDED,
    errors.RenewalPending: T.RENEWING,
    errors.InvalidClient: T.APP_CREDENTIALS,
    errors.PaymentRequired: T.PAYMENT,
    errors.PlanEnded: T.PLAN,
    errors.AccessDenied: T.NO_RIGHT,
    errors.ReadDenied: T.NO_READ,
    errors.WriteDenied: T.NO_WRITE,
    errors.AppClosedToUser: T.APP_CLOSED,
    errors.MissingScope: T.NO_SCOPE,
    errors.LimitError: T.BUSY,
    errors.RateLimited: T.BUSY,
    errors.OperatingLimit: T.OPERATING_LIMIT,
    errors.Overloaded: T.OVERLOAD,
    errors.Crowded: T.BUSY,
    errors.ServerFault: T.FAULT,
    errors.PortalClosed: T.CLOSED,
    errors.MethodNotFound: T.NO_METHOD,
    errors.StoreMissing: T.NO_STORE,
    errors.NotFound: T.NOT_FOUND,
    errors.LinkNotFound: T.NOT_FOUND,
    errors.OrderNotFound: T.ORDER_GONE,
    errors.AlreadyExists: T.OTHER,
    errors.LinkExists: T.OTHER,
    errors.NotSaved: T.NOT_SAVED,
    errors.BadRequest: T.OTHER,
    errors.UnknownError: T.OTHER,
    errors.AccessUnclear: T.ACCESS_UNCLEAR,
}


def kinds(base: type[errors.BitrixError]) -> set[type[errors.BitrixError]]:
    below = (
        kinds(subclass)
        for subclass in base.__subclasses__()
        if subclass.__module__ == errors.__name__
    )
    return {base}.union(*below)


def test_every_error_is_in_the_table() -> None:
    assert kinds(errors.BitrixError) == {*TROUBLES, errors.BitrixError, errors.Wait}


@pytest.mark.parametrize(("kind", "trouble"), TROUBLES.items(), ids=str)
def test_trouble_of_each_error(kind: type[errors.BitrixError], trouble: Trouble) -> None:
    assert trouble_of(kind("CODE", method="crm.deal.list")) is trouble


def test_wait_for_room_in_the_budget_is_a_busy_portal() -> None:
    assert trouble_of(errors.Wait(2.0)) is T.BUSY


def test_portal_without_methods_of_orders_has_no_store() -> None:
    assert trouble_of(errors.MethodNotFound("CODE", method="sale.order.list")) is T.NO_STORE
