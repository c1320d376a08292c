"""``manage.py portals``: which portals there are, their health, bind again, erase.

    portals list [TEXT]         those whose address or member_id holds TEXT
    portals health [MEMBER_ID]  ask each installed portal, or the one
    portals rebind MEMBER_ID    tabs and events, as an installation does
    portals rebind --all        the same in each installed portal, one after another
    portals erase MEMBER_ID     everything we keep about it; asks first

``health`` and ``rebind`` end with status 1 when something is wrong. A portal whose stored secrets no key
of TOKEN_KEYS reads is reported, and the next one is looked at.
"""

from argparse import ArgumentParser
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from urllib.parse import urlsplit

from django.core.management.base import BaseCommand, CommandError
from django.db.models import Count, F, Q
from django.utils import timezone

from b24app import collecting
from b24app.bitrix24 import errors
from b24app.connect import installer_client
from b24app.console import diagnosis
from b24app.console.diagnosis import Grade
from b24app.events import uninstall
from b24app.events.models import InboxEvent
from b24app.install import lifecycle
from b24app.journal import calls
from b24app.portals.fields import UnreadableSecret
from b24app.portals.models import Portal, PortalUser

RECENT = timedelta(hours=1)


class Command(BaseCommand):
    help = "List portals, check their health, bind again, erase."

    def add_arguments(self, parser: ArgumentParser) -> None:
        actions = parser.add_subparsers(dest="action", required=True)
        actions.add_parser("list").add_argument("text", nargs="?", default="")
        actions.add_parser("health").add_argument("member_id", nargs="?", default="")
        rebind = actions.add_parser("rebind")
        which = rebind.add_mutually_exclusive_group(required=True)
        which.add_argument("member_id", nargs="?", default="")
        which.add_argument("--all", action="store_true", help="every installed portal")
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
        # One query, and no secret in it: this works whatever has become of the keys.
        rows = found.annotate(people=Count("users"), access=F("installer__tokens")).values(
            "member_id", "endpoint", "installed_at", "uninstalled_at", "access", "people"
        )
        row = None
        for row in rows.order_by("pk").iterator(chunk_size=1000):
            gone = row["uninstalled_at"]
            since = (
                f"uninstalled {_day(gone)}" if gone else f"installed {_day(row['installed_at'])}"
            )
            self.stdout.write(
                f"{row['member_id']}  {urlsplit(row['endpoint']).netloc}  {since}  "
                f"access {row['access'] or 'none'}, people {row['people']}"
            )
        if row is None:
            self.stderr.write(f"no portal matches {text}" if text else "no portal yet")

    def _health(self, options: dict[str, Any]) -> None:
        wrong = 0
        for member_id, host in self._chosen(options["member_id"]):
            try:
                troubles = list(_troubles(_named(member_id)))
            except UnreadableSecret as error:
                troubles = [_unreadable(error)]
            wrong += bool(troubles)
            self.stdout.write(f"{member_id}  {host}  {'; '.join(troubles) or 'ok'}")
        if wrong:
            raise CommandError(f"{wrong} with troubles")

    def _rebind(self, options: dict[str, Any]) -> None:
        if not options["all"]:
            for line in (problems := _rebound(options["member_id"])).lines:
                self.stdout.write(line)
            if problems.left:
                raise CommandError(problems.left)
            return
        wrong = 0
        for member_id, host in self._chosen(""):
            done = _rebound(member_id)
            wrong += bool(done.left)
            failed = "; ".join(line for line in done.lines if not line.endswith(": done"))
            self.stdout.write(f"{member_id}  {host}  {failed or done.left or 'done'}")
        if wrong:
            raise CommandError(f"{wrong} not complete")

    def _chosen(self, member_id: str) -> list[tuple[str, str]]:
        """(member_id, host) of the one portal, or of every installed one; reads no secret."""
        portals = Portal.objects.named(member_id) if member_id else Portal.objects.installed()
        found = list(portals.order_by("pk").values_list("member_id", "endpoint"))
        if member_id and not found:
            raise CommandError(f"no portal {member_id}")
        if not found:
            self.stderr.write("no portal has the app installed")
        return [(text, urlsplit(endpoint).netloc) for text, endpoint in found]

    def _erase(self, options: dict[str, Any]) -> None:
        try:
            portal = _named(options["member_id"])
        except UnreadableSecret as error:
            raise CommandError(_unreadable(error)) from None
        if not options["yes"]:
            self.stdout.write(
                f"Everything about {portal.host} goes: tokens, settings, audit trail, jobs. The app "
                "stays in the portal until it is removed there. Type the member_id to go on:"
            )
            if input().strip() != portal.member_id:
                raise CommandError("nothing was erased")
        host = portal.host
        uninstall.leave(portal, clean=True)
        self.stdout.write(f"{host} erased")


@dataclass(frozen=True, slots=True)
class Rebound:
    """What binding again has done: a line for each step, and what is left to do, "" when nothing is."""

    lines: Sequence[str]
    left: str = ""


def _rebound(member_id: str) -> Rebound:
    try:
        portal = _named(member_id)
    except UnreadableSecret as error:
        return Rebound((), _unreadable(error))
    client = installer_client(portal)
    if client is None:
        return Rebound((), "nobody's access is left; an administrator has to open the app")
    steps = lifecycle.bind(client, portal)
    lines = [
        f"{step.name}: {'done' if step.done else step.error or ', '.join(step.missing)}"
        for step in steps
    ]
    return Rebound(lines, "" if all(step.done for step in steps) else "not complete")


def _unreadable(error: UnreadableSecret) -> str:
    return f"{error}; put the old key back behind the new one"


def _troubles(portal: Portal) -> Iterable[str]:
    if portal.uninstalled_at:
        yield f"uninstalled {_day(portal.uninstalled_at)}"
        return
    if portal.removal_told_at:
        yield f"removal reported {_minute(portal.removal_told_at)}, not confirmed"
    yield from _seen_from_here(portal)
    events = InboxEvent.objects.filter(portal=portal)
    for state in (InboxEvent.State.FAILED, InboxEvent.State.WAITING):
        old = events.filter(state=state, received_at__lt=timezone.now() - RECENT).count()
        if old:
            yield f"{old} events {state}"
    lately = calls.search(portal, since=timezone.now() - RECENT)
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
        found = diagnosis.checks(client, portal)
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
    """Raises ``CommandError`` where there is none, ``UnreadableSecret`` where the keys do not fit."""
    portal = Portal.objects.named(member_id).select_related("installer__portal").first()
    if portal is None:
        raise CommandError(f"no portal {member_id}")
    return portal


def _day(moment: datetime) -> str:
    return f"{moment:%Y-%m-%d}"


def _minute(moment: datetime) -> str:
    return f"{moment:%Y-%m-%d %H:%M}"
