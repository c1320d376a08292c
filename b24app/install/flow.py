"""Install, update and uninstall: what happens to a portal, without a word about pages.

Everything may be run again at any time: what is bound is compared with what is wanted
(:mod:`placements`), so a second installation changes nothing.
"""

import logging
from collections.abc import Mapping
from dataclasses import dataclass

from django.db import transaction
from django.utils import timezone

from b24app.bitrix24 import errors
from b24app.bitrix24.client import Answer, Client, Command
from b24app.connect import installer_client
from b24app.install import placements
from b24app.install.placements import Bound
from b24app.orders import rows
from b24app.portals import launch
from b24app.portals.fields import Secret
from b24app.portals.launch import Posted, Refused
from b24app.portals.models import Portal, PortalUser

logger = logging.getLogger(__name__)

Outcomes = Mapping[str, Answer | errors.BitrixError]


@dataclass(frozen=True, slots=True)
class Step:
    """One line of the installation: how it went and, where it failed, what the person can do."""

    name: str
    done: bool
    detail: str = ""
    missing: tuple[str, ...] = ()
    error: errors.BitrixError | None = None


def install(posted: Posted) -> PortalUser:
    """Prove the opening, store portal and installer.

    The authorization server says whose token it is and where the portal lives; the DOMAIN of the
    request is not called. Raises :class:`Refused` (``not-admin`` for an ordinary employee) and
    ``errors.BitrixError``; nothing is stored then.
    """
    proof = launch.proved(posted)
    posted = proof.posted
    portal = Portal.objects.named(posted.member_id).first() or Portal(member_id=posted.member_id)
    portal.endpoint = proof.endpoint
    outcomes = launch.client_for(posted, portal).batch(
        {**launch.identity_commands(), "scope": Command("scope")}
    )
    portal.app_code = launch.app_code(outcomes["app"])
    person = launch.identified(posted, portal, outcomes)
    if not person.is_admin:
        raise Refused("not-admin", portal)
    scope = outcomes["scope"]
    granted = scope.result if isinstance(scope, Answer) and isinstance(scope.result, list) else []
    with transaction.atomic():
        _remember(
            portal, posted, outcomes["app"], [str(one) for one in granted] or sorted(proof.scope)
        )
        user = launch.opened(posted, portal, person)
        Portal.objects.filter(pk=portal.pk).update(installer=user)
    return user


def _remember(
    portal: Portal, posted: Posted, app: Answer | errors.BitrixError, scope: list[str]
) -> None:
    about = app.result if isinstance(app, Answer) and isinstance(app.result, Mapping) else {}
    portal.scope = ",".join(scope)
    portal.status = rows.text(about.get("STATUS"))[:8]
    portal.license = rows.text(about.get("LICENSE_FAMILY"))[:64]
    if posted.application_token:
        portal.application_token = Secret(posted.application_token)
    if portal.uninstalled_at is not None:
        portal.installed_at = timezone.now()
    portal.uninstalled_at = None
    portal.save()


def bind(client: Client, portal: Portal) -> list[Step]:
    """Place the tab and connect the events: one request to look, one to change what differs.

    Returns the steps for the page; a failed step carries the portal's error.
    """
    missing = placements.missing_scopes(portal.scopes())
    steps = [
        Step("verified", done=True, detail=portal.host),
        Step("permissions", done=not missing, missing=tuple(missing)),
    ]
    try:
        present = client.batch(
            {
                "placements": Command("placement.get"),
                "events": Command("event.get"),
            }
        )
        wanted = placements.changes(
            placements.wanted_placements(),
            _bound(present["placements"], "placement"),
            "placement",
            "PLACEMENT",
        ) | placements.changes(
            placements.wanted_events(), _bound(present["events"], "event"), "event", "EVENT"
        )
        outcomes: Outcomes = client.batch(wanted) if wanted else {}
    except errors.BitrixError as error:
        return [
            *steps,
            Step("tabs", done=False, error=error),
            Step("events", done=False, error=error),
        ]
    return [
        *steps,
        _step("tabs", "placement", present, outcomes),
        _step("events", "event", present, outcomes),
    ]


def _bound(outcome: Answer | errors.BitrixError, key: str) -> list[Bound]:
    if isinstance(outcome, errors.BitrixError):
        return []
    return [
        Bound(rows.text(row.get(key)).upper(), rows.text(row.get("handler")))
        for row in rows.rows(outcome.result)
    ]


def _step(name: str, kind: str, present: Outcomes, outcomes: Outcomes) -> Step:
    looked = present[f"{kind}s"]
    failures = {
        key.removeprefix(f"{kind}.bind."): one
        for key, one in outcomes.items()
        if key.startswith(f"{kind}.bind.") and isinstance(one, errors.BitrixError)
    }
    for binding, failure in failures.items():
        logger.warning("%s %s not bound: %s", kind, binding, failure.code)
    error = next((failures[one] for one in failures if one in placements.REQUIRED), None)
    if error is None and isinstance(looked, errors.BitrixError):
        # Nothing was refused, but what stood there before could not be read: duplicates are possible.
        error = looked
    return Step(name, done=error is None, error=error)


def uninstall(portal: Portal, *, clean: bool) -> None:
    """Forget a portal: everything for ``clean``, otherwise only what gives access.

    The caller has proved that the app is gone (see events.handlers).
    """
    with transaction.atomic():
        if clean:
            portal.delete()
            return
        portal.application_token = Secret("")
        portal.uninstalled_at = timezone.now()
        portal.save(update_fields=["application_token", "uninstalled_at"])
        PortalUser.objects.of(portal).update(
            access_token="", refresh_token="", tokens=PortalUser.Tokens.DEAD
        )
    logger.info("portal %s uninstalled, clean=%s", portal.host, clean)


def still_installed(portal: Portal) -> bool:
    """True when our own access still works, so that the app cannot be gone.

    Raises ``errors.BitrixError`` where the portal cannot be asked: that proves nothing either way.
    """
    client = installer_client(portal)
    if client is None:
        return False
    try:
        client.call("app.info")
    except (errors.DeadToken, errors.PortalClosed, errors.PaymentRequired):
        return False
    return True
