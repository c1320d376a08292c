"""``manage.py portals``: which portals there are, how they do, bind anew, erase.

    portals list [TEXT]         those whose address or member_id holds TEXT
    portals health [MEMBER_ID]  ask each installed portal, or the one
    portals rebind MEMBER_ID    tabs and events, as an installation does
    portals erase MEMBER_ID     everything we keep about it; asks first

``health`` and ``rebind`` end with status 1 when something is wrong.
"""

from argparse import ArgumentParser
from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.db.models import Q
from django.utils import timezone

from b24app import collecting
from b24app.bitrix24 import errors
from b24app.connect import installer_client
from b24app.console import health
from b24app.console.health import Grade
from b24app.events import leaving
from b24app.events.models import InboxEvent
from b24app.install import flow
from b24app.journal import calls
from b24app.portals.models import Portal, PortalUser

LATELY = timedelta(hours=1)


class Command(BaseCommand):
    help = "List portals, look after their health, bind anew, erase."

    def add_arguments(self, parser: ArgumentParser) -> None:
        actions = parser.add_subparsers(dest="action", required=True)
        actions.add_parser("list").add_argument("text", nargs="?", default="")
        actions.add_parser("health").add_argument("member_id", nargs="?", default="")
        actions.add_parser("rebind").add_argument("member_id")
        erase = actions.add_parser("erase")
        erase.add_argument("member_id")
        erase.add_argument("--yes", action="store_true", help="do not ask")

    def handle(self, *_args: object, **options: Any) -> None:
        act = {
            "list": self._list,
            "health": self._health,
            "rebind": self._rebind,
            "erase": self._erase,
        }[options["action"]]
        with collecting.command(f"portals {options['action']}"):
            act(options)

    def _list(self, options: dict[str, Any]) -> None:
        text = options["text"]
        found = Portal.objects.filter(Q(endpoint__icontains=text) | Q(member_id__icontains=text))
        for portal in found.select_related("installer").order_by("pk"):
            gone = portal.uninstalled_at
            since = (
                f"uninstalled {_day(gone)}" if gone else f"installed {_day(portal.installed_at)}"
            )
            installer = portal.installer
            access = installer.tokens if installer else "none"
            self.stdout.write(
                f"{portal.member_id}  {portal.host}  {since}  "
                f"access {access}, people {portal.users.count()}"
            )

    def _health(self, options: dict[str, Any]) -> None:
        chosen = options["member_id"]
        portals = [_named(chosen)] if chosen else Portal.objects.installed().order_by("pk")
        wrong = 0
        for portal in portals:
            troubles = list(_troubles(portal))
            wrong += bool(troubles)
            self.stdout.write(f"{portal.member_id}  {portal.host}  {'; '.join(troubles) or 'ok'}")
        if wrong:
            raise CommandError(f"{wrong} with troubles")

    def _rebind(self, options: dict[str, Any]) -> None:
        portal = _named(options["member_id"])
        client = installer_client(portal)
        if client is None:
            raise CommandError("nobody's access is left; an administrator has to open the app")
        steps = flow.bind(client, portal)
        for step in steps:
            why = str(step.error or ", ".join(step.missing))
            self.stdout.write(f"{step.name}: {'done' if step.done else why}")
        if not all(step.done for step in steps):
            raise CommandError("not complete")

    def _erase(self, options: dict[str, Any]) -> None:
        portal = _named(options["member_id"])
        if not options["yes"]:
            self.stdout.write(
                f"Everything about {portal.host} goes: tokens, settings, audit trail, jobs. The app "
                "stays in the portal until it is removed there. Type the member_id to go on:"
            )
            if input().strip() != portal.member_id:
                raise CommandError("nothing was erased")
        host = portal.host
        leaving.leave(portal, clean=True)
        self.stdout.write(f"{host} erased")


def _troubles(portal: Portal) -> Iterable[str]:
    if portal.uninstalled_at:
        yield f"uninstalled {_day(portal.uninstalled_at)}"
        return
    if portal.removal_told_at:
        yield f"removal reported {_minute(portal.removal_told_at)}, not confirmed"
    yield from _seen_from_here(portal)
    events = InboxEvent.objects.filter(portal=portal)
    for state in (InboxEvent.State.FAILED, InboxEvent.State.WAITING):
        old = events.filter(state=state, received_at__lt=timezone.now() - LATELY).count()
        if old:
            yield f"{old} events {state}"
    lately = calls.search(portal, since=timezone.now() - LATELY)
    failed = lately.exclude(outcome="ok").count()
    if failed * 10 > lately.count():
        yield f"{failed} of {lately.count()} requests of the last hour failed"


def _seen_from_here(portal: Portal) -> Iterable[str]:
    """What the console's overview finds, in one line each."""
    client = installer_client(portal)
    if client is None or portal.installer is None:
        yield "no installer: an administrator has to open the app"
        return
    if portal.installer.tokens == PortalUser.Tokens.DEAD:
        yield "the installer's access has ended: an administrator has to open the app"
        return
    try:
        client.call("app.info")
        found = health.checks(client, portal)
    except errors.BitrixError as error:
        yield f"does not answer as it should: {error.code}"
        return
    for check in found:
        # The queue is everybody's; the doctor looks at it.
        if check.name != "queue" and check.grade is not Grade.FINE:
            missing = check.facts.get("missing")
            what = f"missing {', '.join(map(str, missing))}" if isinstance(missing, list) else ""
            yield f"{check.name} {check.grade.value}{': ' + what if missing else ''}"


def _named(member_id: str) -> Portal:
    portal = Portal.objects.named(member_id).select_related("installer__portal").first()
    if portal is None:
        raise CommandError(f"no portal {member_id}")
    return portal


def _day(moment: datetime) -> str:
    return f"{moment:%Y-%m-%d}"


def _minute(moment: datetime) -> str:
    return f"{moment:%Y-%m-%d %H:%M}"
