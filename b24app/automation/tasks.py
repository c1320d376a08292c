"""Celery tasks of automation: shells around one bounded slice each. They run behind people's clicks."""

from contextlib import suppress

from celery import shared_task
from celery.app.task import Task
from kombu.exceptions import OperationalError
from redis.exceptions import RedisError

from b24app.automation import arrivals, catch_up, trials, undoing, watches, working
from b24app.portals.models import Portal


def _installed(portal: int) -> Portal | None:
    rows = Portal.objects.installed().select_related("installer__portal")
    return rows.filter(pk=portal).first()


@shared_task(name="automation.sweep")
def sweep() -> None:
    """Start the tasks of everything that is due, or was lost with a worker or the broker."""
    for portal in catch_up.due():
        scan.delay(portal)
    for portal in arrivals.due():
        work.delay(portal)
    for portal in undoing.waiting():
        undo.delay(portal)
    for trial in trials.due():
        run_trial.delay(trial)


@shared_task(name="automation.scan")
def scan(portal: int) -> None:
    """One slice of the catch-up scan of a portal, then what it has found."""
    found = _installed(portal)
    if found is None or not catch_up.scan(found):
        return
    if portal in catch_up.due():
        scan.delay(portal)
    if portal in arrivals.due():
        work.delay(portal)


@shared_task(name="automation.work")
def work(portal: int) -> None:
    """Let the rules of a portal judge the orders whose wait is over."""
    found = _installed(portal)
    if found is not None and working.work(found):
        work.delay(portal)


@shared_task(name="automation.undo")
def undo(portal: int) -> None:
    """Undo links that are marked, a dozen at a time."""
    found = _installed(portal)
    if found is not None and undoing.carry_on(found):
        undo.delay(portal)


@shared_task(name="automation.trial")
def run_trial(trial: int) -> None:
    """One slice of a dry run."""
    if trials.run(trial):
        run_trial.delay(trial)


@shared_task(name="automation.forget")
def forget() -> None:
    """Drop what is past its time."""
    arrivals.forget_old()
    trials.forget_old()
    watches.forget_old()


def start(task: "Task[[int], None]", pk: int) -> None:
    """Start a task now; without a broker the sweep starts it later."""
    with suppress(OperationalError, RedisError):
        task.delay(pk)
