"""``manage.py doctor``: is everything there that the app needs? One line each, 1 when not.

Asks the database, Redis, the worker, and the authorization server; calls no portal.
"""

from collections.abc import Callable, Iterable
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from b24app.operations import examination
from b24app.operations.examination import Finding, Grade


class Command(BaseCommand):
    help = "Look at settings, database, Redis, worker, authorization server and clock."
    # It speaks of what is wrong itself, in its own words.
    requires_system_checks: list[str] = []

    def handle(self, *_args: object, **_options: Any) -> None:
        if nothing := examination.no_settings():
            raise CommandError(nothing)
        worst = Grade.OK
        for examine in examination.ALL:
            for finding in _found(examine):
                worst = max(worst, finding.grade)
                self.stdout.write(f"{finding.grade.name.lower():5} {finding.name}: {finding.text}")
        if worst is Grade.WRONG:
            raise CommandError("not everything is there")


def _found(examine: Callable[[], Iterable[Finding]]) -> Iterable[Finding]:
    """Findings; whatever breaks an examination is one of them."""
    try:
        yield from examine()
    except examination.TROUBLES as error:
        name = examine.__name__.replace("_", " ")
        yield Finding(Grade.WRONG, name, f"{type(error).__name__}: {error}".splitlines()[0])
