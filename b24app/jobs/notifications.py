"""A word to the person when a long job has ended: a notification in the portal, where it allows one."""

import logging

from django.utils import translation
from django.utils.translation import gettext as _

from b24app.bitrix24.errors import BitrixError
from b24app.connect import client_of
from b24app.jobs import transitions
from b24app.jobs.models import Job

logger = logging.getLogger(__name__)

# Seconds. Whoever started something shorter is still looking at it.
MIN_JOB_SECONDS = 60


def notify(job: Job) -> None:
    """Notify the person whose job has just ended; nothing that goes wrong here concerns the job."""
    if job.state not in transitions.ENDED or job.started_at is None or job.ended_at is None:
        return
    if (
        job.ended_at - job.started_at
    ).total_seconds() < MIN_JOB_SECONDS or "im" not in job.portal.scopes():
        return
    # Two slots may see the end; only one of them notifies.
    if not Job.objects.of(job.portal).filter(pk=job.pk, told=False).update(told=True):
        return
    with translation.override(job.language):
        message = _(
            "Linked Orders: job %(id)s has ended. Done: %(done)s, skipped: %(skipped)s, failed: %(failed)s."
        ) % {
            "id": job.pk,
            "done": job.done,
            "skipped": job.skipped,
            "failed": job.failed,
        }
    params = {"USER_ID": job.user.user_id, "MESSAGE": message, "TAG": f"linked-orders-job-{job.pk}"}
    try:
        client_of(job.user).call("im.notify.system.add", params, write=True)
    except BitrixError as error:
        logger.warning("job %s: nobody notified: %s", job.pk, error.code)
