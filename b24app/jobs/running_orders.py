"""Which orders jobs are writing at this moment."""

from collections.abc import Collection

from b24app.jobs.models import Job, JobItem

_ENDED = (Job.State.DONE, Job.State.STOPPED, Job.State.FAILED)


def orders_being_written(portal_id: int, order_ids: Collection[int]) -> set[int]:
    """Those of ``order_ids`` for which a job of the portal has begun a write and not yet recorded it."""
    jobs = Job.objects.filter(portal=portal_id).exclude(state__in=_ENDED)
    rows = JobItem.objects.filter(
        job__in=jobs, state=JobItem.State.WRITING, order_id__in=list(order_ids)
    )
    return set(rows.values_list("order_id", flat=True))
