"""What may follow what: the one table of a job's states, and the only way to change them."""

from collections.abc import Collection, Mapping

from django.db.models import Case, F, Value, When
from django.utils import timezone

from b24app.jobs.models import Job

S = Job.State

FOLLOWING: Mapping[S, frozenset[S]] = {
    S.PLANNING: frozenset(
        {S.PLANNED, S.PAUSED, S.WAITING_PORTAL, S.WAITING_AUTHORIZATION, S.STOPPED, S.FAILED}
    ),
    S.PLANNED: frozenset({S.PLANNING, S.RUNNING, S.STOPPED}),
    S.RUNNING: frozenset(
        {S.PAUSED, S.WAITING_PORTAL, S.WAITING_AUTHORIZATION, S.STOPPING, S.DONE, S.FAILED}
    ),
    S.PAUSED: frozenset({S.PLANNING, S.RUNNING, S.STOPPED}),
    S.WAITING_PORTAL: frozenset(
        {
            S.PLANNING,
            S.RUNNING,
            S.PAUSED,
            S.WAITING_PORTAL,
            S.WAITING_AUTHORIZATION,
            S.STOPPED,
            S.STOPPING,
            S.FAILED,
        }
    ),
    S.WAITING_AUTHORIZATION: frozenset({S.PLANNING, S.RUNNING, S.STOPPED, S.STOPPING}),
    S.STOPPING: frozenset({S.STOPPED}),
    S.STOPPED: frozenset({S.PLANNING, S.RUNNING}),
    S.DONE: frozenset({S.RUNNING}),
    S.FAILED: frozenset({S.PLANNING}),
}

AT_WORK = frozenset({S.PLANNING, S.RUNNING, S.WAITING_PORTAL})
"""A slice of such a job may go on."""

SWEPT = AT_WORK | {S.STOPPING}
ENDED = frozenset({S.DONE, S.FAILED, S.STOPPED})
RESUMABLE = frozenset({S.PAUSED, S.STOPPED, S.WAITING_AUTHORIZATION})
RESTING = frozenset({S.PLANNED, S.PAUSED, *ENDED})
"""Nothing happens by itself: the page of such a job need not ask again."""


def change(
    job: Job,
    to: Job.State,
    reason: str = "",
    fields: Mapping[str, object] | None = None,
    *,
    of: Collection[Job.State] = frozenset(S),
) -> bool:
    """Move ``job`` to ``to`` if its state allows that now, and set ``fields`` with it.

    ``of`` are the states it may leave for it.

    What is said about the state before, its reason, reference and next try, is dropped. A wait that
    goes on for another reason has begun when the first one did.
    False if the state does not allow it. One statement.
    """
    now, more = timezone.now(), dict[str, object](fields or {})
    before = [state for state, following in FOLLOWING.items() if to in following and state in of]
    more["reason"] = reason
    more.setdefault("reference", "")
    more.setdefault("again_at", None)
    if to in (S.WAITING_PORTAL, S.WAITING_AUTHORIZATION):
        begun = When(state=to, then=F("waiting_since"))
        more["waiting_since"] = Case(begun, default=Value(now))
    if to in ENDED:
        more["ended_at"] = now
    changed = Job.objects.of(job.portal).filter(pk=job.pk, state__in=before)
    if not changed.update(state=to, **more):
        return False
    job.refresh_from_db(
        fields=["state", "reason", "reference", "waiting_since", "again_at", "ended_at"]
    )
    return True


def answered(job: Job) -> None:
    """The portal has carried out what the job asked: a wait for the portal is over.

    Until then the job waits, however often it tries: a try is not work.
    """
    if job.state == S.WAITING_PORTAL:
        change(job, working(job))


def working(job: Job) -> Job.State:
    """The state in which this job goes on: with its preview while there is none."""
    return S.PLANNING if job.planned_at is None else S.RUNNING
