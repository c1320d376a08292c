"""Install, update and uninstall: what happens to a portal, without any page.

Everything may be run again at any time: what is bound is compared with what is wanted
(:mod:`b24app.portals.bindings`), so a second installation changes nothing.
"""

import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from django.db import transaction
from django.utils import timezone

from b24app.bitrix24 import errors
from b24app.bitrix24.ask import Ask, Refusal, together
from b24app.bitrix24.client import Client
from b24app.bitrix24.troubles import Trouble, trouble_of
from b24app.portals import bindings, launch, renewal
from b24app.portals.bindings import Bound, Failure, Present
from b24app.portals.fields import Secret
from b24app.portals.launch import Identity, Posted, Refused
from b24app.portals.models import Portal, PortalUser
from b24app.portals.tokens import settle

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Step:
    """One line of the installation: how it went and, where it failed, what the person can do.

    ``missing`` are permissions the app needs, ``optional`` those that are missing without harm.
    ``trouble`` names a state of the whole portal in which nothing could succeed.
    """

    name: str
    done: bool
    detail: str = ""
    missing: tuple[str, ...] = ()
    optional: tuple[str, ...] = ()
    error: errors.BitrixError | None = None

    @property
    def trouble(self) -> str:
        found = trouble_of(self.error) if self.error is not None else Trouble.OTHER
        return _OF_THE_PORTAL.get(found, "")


_OF_THE_PORTAL: Mapping[Trouble, str] = {
    Trouble.PLAN: "plan",
    Trouble.PAYMENT: "payment",
    Trouble.OVERLOAD: "overload",
    Trouble.CLOSED: "portal-closed",
    Trouble.BUSY: "busy",
    Trouble.OPERATING_LIMIT: "busy",
    Trouble.RENEWING: "busy",
    Trouble.SILENT: "silent",
    Trouble.OUT_OF_TIME: "silent",
    Trouble.FAULT: "silent",
    Trouble.INCOMPLETE: "silent",
}


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
    identity, scopes = launch.client_for(posted, portal).answer(
        together(launch.identity(), bindings.granted_scopes().otherwise([]))
    )
    portal.app_code = identity.app_code
    person = launch.person_of(posted, portal, identity)
    if not person.is_admin:
        raise Refused("not-admin", portal)
    granted = scopes or sorted(proof.scope)
    with transaction.atomic():
        _remember(portal, posted, identity, granted)
        user = launch.opened(posted, portal, person, proof.grant)
        Portal.objects.filter(pk=portal.pk).update(installer=user)
    portal.installer = user
    renewal.prove(user)
    return PortalUser.objects.select_related("portal").get(pk=user.pk)


def _remember(portal: Portal, posted: Posted, identity: Identity, scope: list[str]) -> None:
    portal.scope = ",".join(scope)
    portal.status, portal.license = identity.app_status, identity.licence
    if posted.application_token:
        portal.application_token = Secret(posted.application_token)
    if portal.uninstalled_at is not None:
        portal.installed_at = timezone.now()
    portal.uninstalled_at = None
    portal.save()


def bind(client: Client, portal: Portal) -> list[Step]:
    """Place the tab and connect the events: one request to look, one to change what differs.

    Permissions are read again: an administrator may have withdrawn or added one meanwhile.
    Returns the steps for the page; a failed step has the portal's error.
    """
    verified = Step("verified", done=True, detail=portal.host)
    try:
        scopes, present, unknown = client.answer(_look(), strict=True)
        _note_scope(portal, scopes)
        made = bindings.failures_of(bindings.mending(portal, present))
        failures = client.answer(made, strict=True)
    except errors.BitrixError as error:
        refused = (Step(name, done=False, error=error) for name in ("links", "tabs", "events"))
        return [verified, _permissions(portal), *refused]
    return [
        verified,
        _permissions(portal),
        _links(unknown),
        _step("tabs", "placement", present.placements, failures),
        _step("events", "event", present.events, failures),
    ]


def _look() -> Ask[tuple[list[str], Present, list[str] | Refusal]]:
    return together(
        bindings.granted_scopes().otherwise([]),
        bindings.present(),
        bindings.unknown_link_fields().attempt(),
    )


def _permissions(portal: Portal) -> Step:
    granted = portal.scopes()
    missing = tuple(bindings.missing_scopes(granted))
    optional = tuple(bindings.missing_optional_scopes(granted))
    return Step("permissions", done=not missing, missing=missing, optional=optional)


def _links(unknown: list[str] | Refusal) -> Step:
    """Whether the portal's kernel knows order links as the app uses them.

    A portal without a store is ready for one; what this person may not ask keeps nobody from installing.
    """
    if not isinstance(unknown, Refusal):
        return Step("links", done=not unknown, missing=tuple(unknown))
    error = unknown.error
    if isinstance(error, errors.StoreMissing):
        return Step("links", done=True, detail="no-store")
    return Step("links", done=not isinstance(error, errors.MethodNotFound), error=error)


def _note_scope(portal: Portal, granted: list[str]) -> None:
    if granted and set(granted) != portal.scopes():
        settle(portal, scope=",".join(granted))


def _step(
    name: str, kind: str, present: Sequence[Bound] | Refusal, failures: Sequence[Failure]
) -> Step:
    refused = [
        failure for failure in failures if failure.change.kind == kind and failure.change.binds
    ]
    for failure in refused:
        logger.warning("%s %s not bound: %s", kind, failure.change.name, failure.error.code)
    error = next(
        (failure.error for failure in refused if failure.change.name in bindings.REQUIRED), None
    )
    if error is None and isinstance(present, Refusal):
        # Nothing was refused, but the previous bindings could not be read: duplicates are possible.
        error = present.error
    return Step(name, done=error is None, error=error)


def close(portal: Portal, proved: datetime) -> bool:
    """End everybody's access and session; what else is known of the portal stays.

    The caller has proved at that moment that the app is gone (see :mod:`removal`). False where somebody
    has come in since: then the app is there again, and nothing is changed.
    """
    live = PortalUser.objects.of(portal).filter(tokens=PortalUser.Tokens.LIVE)
    with transaction.atomic():
        Portal.objects.select_for_update().get(pk=portal.pk)
        if live.filter(renewed_at__gte=proved).exists():
            return False
        portal.application_token = Secret("")
        portal.uninstalled_at = timezone.now()
        portal.removal_told_at = portal.removal_look_at = None
        portal.removal_clean = False
        portal.save(
            update_fields=[
                "application_token",
                "uninstalled_at",
                "removal_told_at",
                "removal_look_at",
                "removal_clean",
            ]
        )
        PortalUser.objects.of(portal).update(
            access_token="", refresh_token="", offered_token="", tokens=PortalUser.Tokens.DEAD
        )
    logger.info("portal %s: access ended", portal.host)
    return True
