"""Tasks are shells: a slot in, one slice worked, the next one put at the end of the queue."""

import logging
import random

from celery import shared_task
from celery.app.task import Task
from django.core.exceptions import ObjectDoesNotExist
from redis.exceptions import RedisError

from b24app import upkeep
from b24app.bitrix24.errors import BitrixError
from b24app.jobs import control, notifications, queue, runner, transitions, worker_slots
from b24app.jobs.models import Job
from b24app.portals.models import Portal

logger = logging.getLogger(__name__)

LEFT_SECONDS = (1.0, 3.0)
"""How long a slice waits that has left its worker to others, at random: two may do so for each other."""

_JITTER = random.SystemRandom()


@shared_task(name="jobs.slice", bind=True)
def work(self: "Task[[int, int], None]", slot_pk: int, ticket: int) -> None:
    """Work one slice of a job, unless somebody else does or the message is older than the slot's ticket."""
    pause = _JITTER.uniform(*LEFT_SECONDS)
    if worker_slots.leave_to_others(slot_pk, ticket, pause):
        queue.send([(slot_pk, ticket)], pause)
        return
    slot = worker_slots.take(slot_pk, ticket, str(self.request.id or ""))
    if slot is None:
        return
    job = slot.job
    try:
        after = runner.run(slot)
        following = slot.release(after)
        job.refresh_from_db()
    except worker_slots.Lost:
        return
    except ObjectDoesNotExist:
        if Job.objects.filter(pk=job.pk).exists():
            raise
        logger.info("job %s was erased with its portal", job.pk)
        return
    if job.state == Job.State.STOPPING and worker_slots.idle(job):
        transitions.change(job, Job.State.STOPPED, job.reason)
    if following is not None and job.state in transitions.AT_WORK:
        queue.send([(slot_pk, following)], after or 0.0)
    notifications.notify(job)


@shared_task(name="jobs.sweep")
def sweep() -> None:
    """Send again what was lost with a worker or the broker; let go on what has its access back."""
    queue.send(worker_slots.overdue(messages_lost=queue.restarted()))
    control.resume_waiting()
    for portal in control.unpaid():
        try:
            if upkeep.may_ask_about_payment(portal):
                ask_about_payment.delay(portal)
        except RedisError:
            return


@shared_task(name="jobs.ask_about_payment")
def ask_about_payment(portal: int) -> None:
    """Ask a portal whose jobs wait for its subscription: the event may have been lost."""
    found = Portal.objects.installed().select_related("installer__portal").filter(pk=portal).first()
    if found is None:
        return
    try:
        upkeep.check_payment(found)
    except BitrixError as error:
        logger.warning("subscription of %s not known: %s", found.host, error.code)
        return
    control.resume_waiting(found)


@shared_task(name="jobs.forget")
def forget() -> None:
    """Drop jobs that are past their time, until none is left: the privacy policy names that time."""
    if control.forget():
        forget.delay()
