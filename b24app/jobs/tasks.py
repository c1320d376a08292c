"""Tasks are shells: a lane in, one slice worked, the next one put at the end of the queue."""

from celery import shared_task
from celery.app.task import Task

from b24app.jobs import ends, lanes, queueing, runner, states, steering
from b24app.jobs.models import Job


@shared_task(name="jobs.slice", bind=True)
def work(self: "Task[[int, int], None]", lane: int, ticket: int) -> None:
    """Work one slice of a job, unless somebody else does or the message is older than the lane's ticket."""
    held = lanes.take(lane, ticket, str(self.request.id or ""))
    if held is None:
        return
    try:
        after = runner.run(held)
        following = held.release(after)
    except lanes.Lost:
        return
    job = held.job
    job.refresh_from_db()
    if job.state == Job.State.STOPPING and lanes.idle(job):
        states.change(job, Job.State.STOPPED)
    if following is not None and job.state in states.AT_WORK:
        queueing.send([(lane, following)], after or 0.0)
    ends.tell(job)


@shared_task(name="jobs.sweep")
def sweep() -> None:
    """Send again what was lost with a worker or the broker; let go on what has its access back."""
    queueing.send(lanes.overdue(states.SWEPT))
    steering.resume_waiting()


@shared_task(name="jobs.forget")
def forget() -> None:
    """Drop jobs that are past their time."""
    steering.forget()
