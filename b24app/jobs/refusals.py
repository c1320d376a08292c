"""What a job does when the portal says no to it as a whole: wait, and for whom, or pause.

For the trouble of each error see :mod:`b24app.bitrix24.troubles`, the words for each reason in
:mod:`texts`.
"""

import logging
from collections.abc import Mapping
from datetime import datetime, timedelta

from django.db.models import F
from django.utils import timezone

from b24app import tracing
from b24app.bitrix24 import errors
from b24app.bitrix24.portal_limits import Priority
from b24app.bitrix24.troubles import Trouble, trouble_of
from b24app.jobs import job_clients, texts, transitions, work
from b24app.jobs.models import Job
from b24app.portals.budgets import budget_of
from b24app.portals.tokens import settle
from b24app.web.error_states import new_reference

logger = logging.getLogger(__name__)

FIRST_DELAY = 2.0
MAX_DELAY_SECONDS = 600.0
# Seconds of waiting for room in the portal's budget that a person need not read about.
WORTH_SAYING = 5.0

S = Job.State

_BY_TROUBLE: Mapping[Trouble, tuple[Job.State, str]] = {
    # For everybody of the portal: no other access would help, so the job asks again with its own.
    Trouble.PLAN: (S.WAITING_PORTAL, "plan"),
    Trouble.PAYMENT: (S.WAITING_AUTHORIZATION, "payment"),
    Trouble.OVERLOAD: (S.WAITING_PORTAL, "overload"),
    Trouble.OPERATING_LIMIT: (S.WAITING_PORTAL, "limit"),
    Trouble.BUSY: (S.WAITING_PORTAL, "busy"),
    Trouble.CLOSED: (S.WAITING_PORTAL, "portal_closed"),
    Trouble.NO_STORE: (S.PAUSED, "no_store"),
    Trouble.NO_METHOD: (S.PAUSED, "no_method"),
    Trouble.NO_SCOPE: (S.PAUSED, "no_scope"),
    Trouble.OUT_OF_TIME: (S.WAITING_PORTAL, "silent"),
    Trouble.SILENT: (S.WAITING_PORTAL, "silent"),
    Trouble.FAULT: (S.WAITING_PORTAL, "silent"),
    Trouble.INCOMPLETE: (S.WAITING_PORTAL, "silent"),
    # Renewed already, and refused again.
    Trouble.ACCESS_EXPIRED: (S.WAITING_PORTAL, "renewing"),
    Trouble.RENEWING: (S.WAITING_PORTAL, "renewing"),
    Trouble.APP_CREDENTIALS: (S.WAITING_PORTAL, "settings"),
    Trouble.ACCESS_ENDED: (S.WAITING_AUTHORIZATION, "token"),
    Trouble.ACCESS_UNCLEAR: (S.WAITING_PORTAL, "unclear"),
    Trouble.APP_CLOSED: (S.WAITING_AUTHORIZATION, "app_closed"),
    Trouble.NO_READ: (S.PAUSED, "no_read"),
    Trouble.NO_WRITE: (S.PAUSED, "no_write"),
    Trouble.NO_RIGHT: (S.PAUSED, "no_right"),
}

# What our own budget has no room for, by the word of ``errors.Wait``.
_BY_WAIT = {
    "rate": "busy",
    "operating": "limit",
    "overload": "overload",
    "away": texts.QUEUE_AWAY,
}

# Seconds; the rest grows with every setback in a row.
_DELAYS = {"limit": 60.0, "overload": MAX_DELAY_SECONDS, "plan": MAX_DELAY_SECONDS}


def meet(job: Job, error: errors.BitrixError) -> float | None:
    """Put the job into the state this error asks for; seconds after which to try again, if at all."""
    if isinstance(error, errors.WriteDenied) and job_clients.borrow(job):
        return 0.0
    if isinstance(error, errors.DeadToken) and job_clients.passed_on(job):
        return 0.0
    if isinstance(error, errors.Wait):
        return _wait(job, error)
    state, reason = _state_for(error)
    if isinstance(error, errors.ExpiredToken) and not job.setbacks:
        # What somebody had stored meanwhile was over as well: the next request renews that.
        _set_back(job)
        return 0.0
    # Somebody has to look at what the portal said before the job goes on.
    reference = new_reference() if state == S.PAUSED else ""
    logger.warning("job %s: %s after %s: %s %s", job.pk, state, error.method, error.code, reference)
    if isinstance(error, errors.PaymentRequired):
        settle(job.portal, payment_expired=True)
    delay = _delay(job, reason) if state == S.WAITING_PORTAL else None
    known = {"reference": reference, "again_at": _after(delay)}
    if transitions.change(job, state, reason, known) and reference:
        # The journal keeps it with the calls of this slice: support finds them by it.
        tracing.note_reference(reference)
    return delay


def _wait(job: Job, wait: errors.Wait) -> float:
    """Seconds until there is room in the portal's budget; a person sees it if it is long enough."""
    if wait.seconds >= WORTH_SAYING:
        again = {"again_at": _after(wait.seconds)}
        transitions.change(job, S.WAITING_PORTAL, _BY_WAIT[wait.why], again)
    return wait.seconds


def _after(seconds: float | None) -> datetime | None:
    return None if seconds is None else timezone.now() + timedelta(seconds=seconds)


def _delay(job: Job, reason: str) -> float:
    """Seconds until the next try after a refusal, or after silence."""
    _set_back(job)
    if reason == "limit":
        view = budget_of(job.portal, Priority.BULK).view()
        waits = (view.of(method).wait for method in work.subject_of(job).methods)
        return max(waits, default=0.0) or _DELAYS[reason]
    return _DELAYS.get(reason, min(FIRST_DELAY * 2.0 ** min(job.setbacks, 10), MAX_DELAY_SECONDS))


def _state_for(error: errors.BitrixError) -> tuple[Job.State, str]:
    """The state and the reason for an error that is no wait of our own budget."""
    return _BY_TROUBLE.get(trouble_of(error), (S.PAUSED, "failure"))


def _set_back(job: Job) -> None:
    Job.objects.of(job.portal).filter(pk=job.pk, setbacks__lt=100).update(
        setbacks=F("setbacks") + 1
    )
