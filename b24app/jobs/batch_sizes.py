"""How many rows go together: into a slice, and into one writing request."""

from collections.abc import Sequence

from b24app.bitrix24 import errors
from b24app.bitrix24.portal_limits import View
from b24app.connect import SHORT_WAIT_SECONDS
from b24app.jobs import work, worker_slots
from b24app.jobs.models import Job, JobItem

SLICE = 30.0
BATCH = 5.0
"""Seconds a batch may take by the measured cost of its writes. Within them somebody else's change can
be overridden, so they are few."""

MIN_REQUEST_SECONDS = 4.0
"""Seconds of work that are worth a request of their own, to read where their orders are linked."""

MAX_CLAIMED_ROWS = 1200


def capacity(job: Job, view: View, left: int) -> int:
    """Rows to claim: what a slice can write at the present cost, this slot's share of those ``left``.

    Raises ``errors.Wait`` while no method of the job has execution time left: nothing is looked at that
    cannot be written.
    """
    subject = work.subject_of(job)
    soonest = min(subject.methods, key=lambda method: view.of(method).wait)
    if (wait := view.of(soonest).wait) > SHORT_WAIT_SECONDS:
        raise errors.Wait(wait, method=soonest, why="operating")
    most = max(_fitting(view, method) for method in subject.methods)
    # Where the bucket is the ceiling this slot works alone, and looking at rows costs it requests.
    # Elsewhere the slots end together: towards the end they take less and less.
    known = [method for method in subject.methods if view.of(method).cost is not None]
    least = min(
        [subject.most, *(1 + int(MIN_REQUEST_SECONDS / cost(view, method)) for method in known)]
    )
    share = left if view.wait else max(least, -(-left // worker_slots.SLOTS))
    # Whole batches, as far as there is room: each that is not full costs one more request.
    full = min([subject.most, *(max(1, int(BATCH / cost(view, method))) for method in known)])
    return min(MAX_CLAIMED_ROWS, most + 1, -(-share // full) * full)


def _fitting(view: View, method: str) -> int:
    """Rows a slice can write; any number while nobody knows what one costs: the rest goes back."""
    account = view.of(method)
    if account.cost is None and account.room >= SLICE:
        return MAX_CLAIMED_ROWS
    return int(min(SLICE, account.room) / cost(view, method))


def cost(view: View, method: str) -> float:
    """Seconds one write takes, at least a millisecond."""
    return max(0.001, view.cost(method))


def is_scrap(job: Job, view: View, chunk: Sequence[JobItem]) -> bool:
    """Whether the last rows of a claim are too few for a request: the next claim begins with them."""
    subject = work.subject_of(job)
    seconds = sum(cost(view, subject.method(item)) for item in chunk)
    if len(chunk) == subject.most or seconds > MIN_REQUEST_SECONDS:
        return False
    pending = JobItem.objects.filter(job=job, state=JobItem.State.PENDING)
    return pending.count() >= subject.most
