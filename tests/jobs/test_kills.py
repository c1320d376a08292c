"""``kill -9`` of every part of the app while a job is at work: nothing is lost, nothing done twice.

Real processes, a real Redis, on SQLite and on PostgreSQL. Only the clock is helped: leases that would
run out after 90 seconds are let run out at once.
"""

from collections import Counter
from pathlib import Path

import pytest

from testing import machine
from testing.persons import Person, added, quiet, slow
from testing.waiting import until

pytestmark = pytest.mark.bare

ORDERS = 130
KILL_AFTER = 60  # one batch recorded, the next one under way


def end(person: Person, job: str, what: str) -> None:
    def ended() -> bool:
        person.machine.look_after()
        return person.state(job) == "done"

    until(ended, what)


@pytest.mark.parametrize(
    ("database", "victims"),
    [
        ("sqlite", ["worker", "redis"]),
        ("postgres", ["database", "worker", "beat", "web", "redis"]),
    ],
    ids=["sqlite", "postgres"],
)
def test_job_survives_kill_of_every_part(tmp_path: Path, database: str, victims: list[str]) -> None:
    with machine.running(tmp_path, postgres=database == "postgres") as app:
        slow(app.portal)
        person = Person(app)
        for victim in victims:
            orders, (deal,) = app.portal.many(orders=ORDERS, deals=1)
            app.portal.reset_counts()
            job = person.started(orders, deal)
            until(lambda: len(added(app.portal)) >= KILL_AFTER, f"work before {victim} dies")
            app.kill(victim)
            assert len(added(app.portal)) < ORDERS
            app.start(victim)
            quiet(app)
            app.look_after()
            until(app.ready, f"{victim} back")
            app.let_time_pass()
            end(person, job, f"the end after {victim} died")
            assert {app.portal.link_of(order) for order in orders} == {(2, deal)}
            assert added(app.portal) == Counter(orders), f"after {victim} died"
            trail = f"SELECT a.order_id FROM journal_auditentry a JOIN jobs_job j ON a.change = j.change WHERE j.id = {int(job)}"  # noqa: S608, E501
            found = Counter(row[0] for row in app.query(trail))
            assert found == Counter(orders), f"after {victim} died"
            counters = f"SELECT total, done, skipped, failed FROM jobs_job WHERE id = {int(job)}"  # noqa: S608
            assert app.query(counters) == [(ORDERS, ORDERS, 0, 0)], f"after {victim} died"
