"""Jobs worked in the test's own process, lane by lane, as the workers would."""

from datetime import timedelta

from django.utils import timezone

from b24app.jobs import states, tasks
from b24app.jobs.models import Job, JobItem, JobLane


def work(job: Job, slices: int = 200) -> Job:
    """Work the job until it rests, with no regard to how long its lanes would have to wait."""
    for _ in range(slices):
        job.refresh_from_db()
        if job.state in states.RESTING:
            return job
        lanes = JobLane.objects.filter(job=job).order_by("due_at", "number")
        lane = lanes.first()
        if lane is None or job.state not in states.SWEPT:
            return job
        tasks.work(lane.pk, lane.ticket)
    raise AssertionError(f"{job} does not come to rest")


def step(job: Job) -> Job:
    """One slice of the lane that is due first."""
    lane = JobLane.objects.filter(job=job).order_by("due_at", "number").first()
    assert lane is not None
    tasks.work(lane.pk, lane.ticket)
    job.refresh_from_db()
    return job


def lose_workers(job: Job) -> None:
    """Every lease is over: what a sweep finds after a worker died."""
    JobLane.objects.filter(job=job).exclude(token=None).update(
        leased_until=timezone.now() - timedelta(seconds=1)
    )


def rows(job: Job) -> dict[int, tuple[str, str, str]]:
    """Verdict, state and reason by row."""
    items = JobItem.objects.filter(job=job).order_by("row")
    return {item.row: (item.verdict, item.state, item.reason) for item in items}
