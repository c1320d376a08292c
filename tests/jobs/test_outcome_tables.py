"""What follows from what: outcomes of rows, of clicks, of whole jobs, and kinds of errors, as tables.

Values in, values out. Each line of these tables is a promise; code that moves changes the imports only.
"""

import pytest

from b24app.bitrix24 import errors
from b24app.changes.properties import LINK_TEXT
from b24app.jobs import judging, refusals
from b24app.jobs.models import Job, JobItem

SEEN, WANTED, ELSEWHERE, NOWHERE = "2:1", "2:2", "2:3", ""


def row(seen: str = SEEN, wanted: str = WANTED, attempts: int = 0, reason: str = "") -> JobItem:
    return JobItem(
        order_id=7, seen=seen, wanted=wanted, attempts=attempts, reason=reason, detail="said"
    )


def refusal(kind: type[errors.BitrixError]) -> errors.BitrixError:
    return errors.Wait(9.0) if kind is errors.Wait else kind("CODE", "text")


BEFORE: list[tuple[JobItem, str | None, tuple[str, str, str, bool] | None]] = [
    # row, where its order stands, (state, reason, detail, happened) or None: to be written
    (row(), SEEN, None),
    (row(seen=NOWHERE), NOWHERE, None),
    (row(wanted=NOWHERE), SEEN, None),
    (row(), None, ("failed", "gone", "", False)),
    (row(seen=NOWHERE), None, ("failed", "gone", "", False)),
    (row(wanted=NOWHERE), None, ("failed", "gone", "", False)),
    (row(), WANTED, ("done", "already", "", False)),
    (row(attempts=1), WANTED, ("done", "already", "", True)),
    (row(wanted=NOWHERE), NOWHERE, ("done", "already", "", False)),
    (row(wanted=NOWHERE, attempts=2), NOWHERE, ("done", "already", "", True)),
    (row(), ELSEWHERE, ("skipped", "changed", ELSEWHERE, False)),
    (row(attempts=1), ELSEWHERE, ("skipped", "changed", ELSEWHERE, False)),
    (row(), NOWHERE, ("skipped", "changed", NOWHERE, False)),
]


@pytest.mark.parametrize(("item", "now", "expected"), BEFORE)
def test_row_state_before_a_write(
    item: JobItem, now: str | None, expected: tuple[str, str, str, bool] | None
) -> None:
    found = judging.before(item, now)
    shown = found and (found.state.value, found.reason, found.detail, found.happened)
    assert shown == expected


WRITTEN = [
    # row, where the writing request found the order, (reason, happened, seen)
    (row(), SEEN, ("", True, None)),
    (row(), None, ("", True, None)),
    (row(seen=NOWHERE), NOWHERE, ("", True, None)),
    (row(), WANTED, ("already", False, None)),
    (row(attempts=1), WANTED, ("already", True, None)),
    (row(), ELSEWHERE, ("overrode", True, ELSEWHERE)),
    (row(), NOWHERE, ("overrode", True, NOWHERE)),
    (row(seen=NOWHERE), ELSEWHERE, ("overrode", True, ELSEWHERE)),
    # A link is only taken from the card it is named with: nothing else can be overridden.
    (row(wanted=NOWHERE), ELSEWHERE, ("", True, None)),
    (row(wanted=NOWHERE), NOWHERE, ("", True, None)),
]


@pytest.mark.parametrize(("item", "first", "expected"), WRITTEN)
def test_row_state_after_confirmed_write(
    item: JobItem, first: str | None, expected: tuple[str, bool, str | None]
) -> None:
    found = judging.after(LINK_TEXT, item, None, first)
    assert (found.state.value, found.reason, found.happened, found.seen) == ("done", *expected)


# The refusal of one write: (state, reason), and whether it concerns the whole job.
REFUSED: dict[type[errors.BitrixError], tuple[str, str, bool]] = {
    errors.LinkExists: ("done", "already", False),
    errors.LinkNotFound: ("unknown", "not_ours", False),
    errors.OrderNotFound: ("failed", "gone", False),
    errors.NotFound: ("failed", "gone", False),
    errors.WriteDenied: ("failed", "denied", False),
    errors.BadRequest: ("failed", "refused", False),
    errors.AlreadyExists: ("failed", "refused", False),
    errors.NotSaved: ("unknown", "not_saved", False),
    errors.UnknownError: ("unknown", "refused", False),
    errors.OutcomeUnknown: ("unknown", "", False),
    errors.ServerFault: ("unknown", "", False),
    errors.IncompleteAnswer: ("unknown", "", False),
    errors.NotSent: ("pending", "", True),
    errors.OutOfTime: ("pending", "", True),
    errors.NotRun: ("pending", "", True),
    errors.UnexpectedRedirect: ("pending", "", True),
    errors.ExpiredToken: ("pending", "", True),
    errors.DeadToken: ("pending", "", True),
    errors.InvalidClient: ("pending", "", True),
    errors.PaymentRequired: ("pending", "", True),
    errors.AccessDenied: ("pending", "", True),
    errors.ReadDenied: ("pending", "", True),
    errors.AppClosedToUser: ("pending", "", True),
    errors.MissingScope: ("pending", "", True),
    errors.RateLimited: ("pending", "", True),
    errors.OperatingLimit: ("pending", "", True),
    errors.Overloaded: ("pending", "", True),
    errors.Wait: ("pending", "", True),
    errors.PortalClosed: ("pending", "", True),
    errors.MethodNotFound: ("pending", "", True),
    errors.StoreMissing: ("pending", "", True),
}


@pytest.mark.parametrize("kind", REFUSED, ids=lambda kind: kind.__name__)
def test_row_state_after_refused_write(kind: type[errors.BitrixError]) -> None:
    state, reason, of_job = REFUSED[kind]
    found = judging.after(LINK_TEXT, row(), refusal(kind))
    assert (found.state.value, found.reason, found.happened) == (state, reason, False)
    wide = judging.job_wide([None, refusal(kind)])
    assert (wide is not None) is of_job


def test_row_state_after_write_sent_before_refusal() -> None:
    again = row(attempts=1)
    found = judging.after(LINK_TEXT, again, refusal(errors.LinkExists))
    assert (found.state.value, found.reason, found.happened) == ("done", "already", True)
    found = judging.after(LINK_TEXT, again, refusal(errors.LinkNotFound))
    assert (found.state.value, found.reason) == ("unknown", "")


READ_BACK = [
    # row, where its order stands, in doubt, (state, reason, happened) or None: to be asked again
    (row(), WANTED, False, ("done", "", True)),
    (row(), WANTED, True, ("done", "", True)),
    (row(reason="not_ours"), WANTED, False, ("done", "already", False)),
    (row(reason="not_saved"), WANTED, False, ("done", "", True)),
    (row(), None, False, ("failed", "gone", False)),
    (row(), None, True, ("failed", "gone", False)),
    (row(wanted=NOWHERE), None, True, ("failed", "gone", False)),
    (row(), SEEN, True, None),
    (row(), ELSEWHERE, True, None),
    (row(), ELSEWHERE, False, ("skipped", "changed", False)),
    (row(reason="not_saved"), ELSEWHERE, False, ("skipped", "changed", False)),
    (row(reason="not_saved"), SEEN, False, ("failed", "not_saved", False)),
    (row(attempts=3), SEEN, False, ("failed", "portal", False)),
    (row(attempts=2), SEEN, False, ("pending", "", False)),
    (row(), SEEN, False, ("pending", "", False)),
]


@pytest.mark.parametrize(("item", "now", "in_doubt", "expected"), READ_BACK)
def test_row_state_after_read_back(
    item: JobItem, now: str | None, *, in_doubt: bool, expected: tuple[str, str, bool] | None
) -> None:
    found = judging.read_back(LINK_TEXT, item, now, in_doubt=in_doubt)
    assert (found and (found.state.value, found.reason, found.happened)) == expected


# What a whole job does: its state, and the reason people read.
JOBS: dict[type[errors.BitrixError], tuple[str, str]] = {
    errors.OperatingLimit: ("waiting_portal", "limit"),
    errors.Overloaded: ("waiting_portal", "overload"),
    errors.RateLimited: ("waiting_portal", "busy"),
    errors.Wait: ("waiting_portal", "busy"),
    errors.PaymentRequired: ("waiting_authorization", "payment"),
    errors.AppClosedToUser: ("waiting_authorization", "app_closed"),
    errors.InvalidClient: ("waiting_portal", "settings"),
    errors.ExpiredToken: ("waiting_portal", "renewing"),
    errors.DeadToken: ("waiting_authorization", "token"),
    errors.PortalClosed: ("waiting_portal", "portal_closed"),
    errors.NotSent: ("waiting_portal", "silent"),
    errors.OutcomeUnknown: ("waiting_portal", "silent"),
    errors.UnexpectedRedirect: ("waiting_portal", "silent"),
    errors.ServerFault: ("waiting_portal", "silent"),
    errors.IncompleteAnswer: ("waiting_portal", "silent"),
    errors.NotRun: ("waiting_portal", "silent"),
    errors.ReadDenied: ("paused", "no_read"),
    errors.WriteDenied: ("paused", "no_write"),
    errors.AccessDenied: ("paused", "no_right"),
    errors.MissingScope: ("paused", "no_scope"),
    errors.StoreMissing: ("paused", "no_store"),
    errors.MethodNotFound: ("paused", "no_method"),
    errors.BadRequest: ("paused", "failure"),
    errors.UnknownError: ("paused", "failure"),
}


@pytest.mark.django_db
@pytest.mark.parametrize("kind", JOBS, ids=lambda kind: kind.__name__)
def test_what_a_job_does_after_a_refusal_of_everything(
    kind: type[errors.BitrixError], running: Job
) -> None:
    refusals.meet(running, refusal(kind))
    assert (running.state, running.reason) == JOBS[kind]
