"""Install, update and uninstall: what happens to a portal, without a word about pages.

Everything may be run again at any time: what is bound is compared with what is wanted
(:mod:`b24app.portals.bindings`), so a second installation changes nothing.
"""

import logging
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from django.db import transaction
from django.utils import timezone

from b24app.bitrix24 import errors
from b24app.bitrix24.client import Answer, Client, Command
from b24app.orders import parsing
from b24app.portals import bindings, launch, renewal
from b24app.portals.fields import Secret
from b24app.portals.launch import Posted, Refused
from b24app.portals.models import Portal, PortalUser
from b24app.portals.tokens import settle

logger = logging.getLogger(__name__)

Outcomes = Mapping[str, Answer | errors.BitrixError]


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
        return next((name for kind, name in _TROUBLES if isinstance(self.error, kind)), "")


_TROUBLES: tuple[tuple[type[errors.BitrixError], str], ...] = (
    (errors.PlanEnded, "plan"),
    (errors.PaymentRequired, "payment"),
    (errors.Overloaded, "overload"),
    (errors.PortalClosed, "portal-closed"),
    (errors.LimitError, "busy"),
    (errors.RenewalPending, "busy"),
    (errors.TransportError, "silent"),
    (errors.ServerFault, "silent"),
    (errors.IncompleteAnswer, "silent"),
    (errors.NotRun, "silent"),
)


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
    granted = _granted(outcomes["scope"]) or sorted(proof.scope)
    with transaction.atomic():
        _remember(portal, posted, outcomes["app"], granted)
        user = launch.opened(posted, portal, person, proof.grant)
        Portal.objects.filter(pk=portal.pk).update(installer=user)
    portal.installer = user
    renewal.prove(user)
    return PortalUser.objects.select_related("portal").get(pk=user.pk)


def _remember(
    portal: Portal, posted: Posted, app: Answer | errors.BitrixError, scope: list[str]
) -> None:
    about = app.result if isinstance(app, Answer) and isinstance(app.result, Mapping) else {}
    portal.scope = ",".join(scope)
    portal.status = parsing.text(about.get("STATUS"))[:8]
    portal.license = parsing.text(about.get("LICENSE_FAMILY"))[:64]
    if posted.application_token:
        portal.application_token = Secret(posted.application_token)
    if portal.uninstalled_at is not None:
        portal.installed_at = timezone.now()
    portal.uninstalled_at = None
    portal.save()


def bind(client: Client, portal: Portal) -> list[Step]:
    """Place the tab and connect the events: one request to look, one to change what differs.

    Permissions are asked for anew: an administrator may have withdrawn or added one meanwhile.
    Returns the steps for the page; a failed step carries the portal's error.
    """
    verified = Step("verified", done=True, detail=portal.host)
    try:
        asked = {"scope": Command("scope"), **bindings.looking(), **bindings.link_fields()}
        present = client.batch(asked)
        _note_scope(portal, present["scope"])
        wanted = bindings.mending(portal, present)
        outcomes: Outcomes = client.batch(wanted) if wanted else {}
    except errors.BitrixError as error:
        refused = (Step(name, done=False, error=error) for name in ("links", "tabs", "events"))
        return [verified, _permissions(portal), *refused]
    return [
        verified,
        _permissions(portal),
        _links(present["links"]),
        _step("tabs", "placement", present, outcomes),
        _step("events", "event", present, outcomes),
    ]


def _permissions(portal: Portal) -> Step:
    granted = portal.scopes()
    missing = tuple(bindings.missing_scopes(granted))
    optional = tuple(bindings.missing_optional_scopes(granted))
    return Step("permissions", done=not missing, missing=missing, optional=optional)


def _links(outcome: Answer | errors.BitrixError) -> Step:
    """Whether the portal's kernel knows order links as the app uses them.

    A portal without a store is ready for one; what this person may not ask keeps nobody from installing.
    """
    if isinstance(outcome, Answer):
        unknown = bindings.unknown_link_fields(outcome)
        return Step("links", done=not unknown, missing=tuple(unknown))
    if isinstance(outcome, errors.StoreMissing):
        return Step("links", done=True, detail="no-store")
    return Step("links", done=not isinstance(outcome, errors.MethodNotFound), error=outcome)


def _note_scope(portal: Portal, outcome: Answer | errors.BitrixError) -> None:
    granted = _granted(outcome)
    if granted and set(granted) != portal.scopes():
        settle(portal, scope=",".join(granted))


def _granted(outcome: Answer | errors.BitrixError) -> list[str]:
    """Permissions as ``scope`` answers them; nothing where the portal does not say."""
    if isinstance(outcome, errors.BitrixError) or not isinstance(outcome.result, list):
        return []
    return [str(one) for one in outcome.result]


def _step(name: str, kind: str, present: Outcomes, outcomes: Outcomes) -> Step:
    looked = present[f"{kind}s"]
    failures = {
        key.removeprefix(f"{kind}.bind."): one
        for key, one in outcomes.items()
        if key.startswith(f"{kind}.bind.") and isinstance(one, errors.BitrixError)
    }
    for binding, failure in failures.items():
        logger.warning("%s %s not bound: %s", kind, binding, failure.code)
    error = next((failures[one] for one in failures if one in bindings.REQUIRED), None)
    if error is None and isinstance(looked, errors.BitrixError):
        # Nothing was refused, but what stood there before could not be read: duplicates are possible.
        error = looked
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
