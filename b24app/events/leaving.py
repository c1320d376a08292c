"""A portal has removed the app: what is at work for it ends, and what is to be forgotten goes."""

import logging

from b24app.install import flow
from b24app.jobs import steering
from b24app.portals.models import Portal

logger = logging.getLogger(__name__)


def leave(portal: Portal, *, clean: bool) -> None:
    """Forget a portal: everything for ``clean``, otherwise only what gives access.

    May be run again after it was broken off. Each step has committed before the next one: nobody comes
    in any more when the jobs are ended, and no slice writes anything down when the rows go.
    """
    flow.close(portal)
    if not clean:
        steering.halt(portal)
        return
    steering.abandon(portal)
    portal.delete()
    logger.info("portal %s erased", portal.host)
