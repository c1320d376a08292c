"""Composition root: a person, or a portal's installer, becomes a ready client."""

from typing import TypeVar

from b24app.bitrix24 import answers, errors
from b24app.bitrix24.ask import Ask
from b24app.bitrix24.client import Client, Timeouts
from b24app.bitrix24.portal_limits import Priority
from b24app.portals.budgets import budget_of
from b24app.portals.models import Portal, PortalUser
from b24app.portals.rights import CONFIRMED_FOR, FRESH_IN_JOBS, AskingClient, BackgroundClient

WAITED_FOR = Timeouts(reading=25.0)
"""For requests of a person at a page. Nobody waits for a job."""

SHORT_WAIT_SECONDS = 1.5
"""Waits for room up to this long are slept through: returning later would cost requests to read again."""

T = TypeVar("T")


def client_of(
    user: PortalUser,
    priority: Priority = Priority.INTERACTIVE,
    timeouts: Timeouts = WAITED_FOR,
) -> Client:
    """A client that acts with this person's own token and rights, for what they do themselves.

    It asks along whether the token is still theirs, at most once a minute. Jobs ask with
    ``Priority.BULK``: they leave room for people, get ``errors.Wait`` instead of waiting, wait longer for
    an answer, may get a larger one, and ask more often.
    """
    bulk = priority is Priority.BULK
    return AskingClient(
        user,
        budget=budget_of(user.portal, priority),
        timeouts=Timeouts() if bulk else timeouts,
        bounds=answers.IN_JOBS if bulk else answers.WAITED_FOR,
        fresh=FRESH_IN_JOBS if bulk else CONFIRMED_FOR,
    )


def background_client(
    user: PortalUser,
    priority: Priority = Priority.INTERACTIVE,
    timeouts: Timeouts = WAITED_FOR,
) -> Client:
    """A client on a person's stored token for work in the background.

    Nothing is asked along: a portal may give an installer's access to another user, and the work goes on.
    """
    bulk = priority is Priority.BULK
    return BackgroundClient(
        user,
        budget=budget_of(user.portal, priority),
        timeouts=Timeouts() if bulk else timeouts,
        bounds=answers.IN_JOBS if bulk else answers.WAITED_FOR,
    )


def installer_client(portal: Portal, priority: Priority = Priority.INTERACTIVE) -> Client | None:
    """A client on the installer's stored token; None when the portal has no installer any more."""
    return background_client(portal.installer, priority) if portal.installer is not None else None


def bulk_installer_client(portal: Portal) -> Client:
    """The installer's client for work in the background. Raises ``errors.DeadToken`` if there is none."""
    client = installer_client(portal, Priority.BULK)
    if client is None:
        raise errors.DeadToken("invalid_grant", "nobody has installed the app")
    return client


def check_subscription(portal: Portal) -> None:
    """Raises ``errors.PaymentRequired`` after the subscription has ended: nothing is written then."""
    if portal.payment_expired:
        raise errors.PaymentRequired("PAYMENT_REQUIRED", "the subscription ended")


def answer_in_background(
    client: Client, question: Ask[T], *, send_before: float | None = None
) -> T:
    """As :meth:`Client.answer`; short waits for room are slept through, and any failed request raises."""
    return client.answer(
        question, send_before=send_before, strict=True, max_wait=SHORT_WAIT_SECONDS
    )
