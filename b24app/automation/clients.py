"""The client that rules read and write with: the installer's, behind everybody's clicks."""

import time
from collections.abc import Mapping
from functools import partial
from typing import TypeVar

from b24app.bitrix24 import batch, errors
from b24app.bitrix24.ask import Ask, answered
from b24app.bitrix24.batch import Outcome
from b24app.bitrix24.client import Client, Command
from b24app.bitrix24.portal_limits import Priority
from b24app.connect import installer_client
from b24app.portals.models import Portal

SHORT_WAIT_SECONDS = 1.5
"""A wait this short is sat out: coming back would cost the portal the same requests again."""

NO_ACCESS = (
    errors.AuthError,
    errors.AccessDenied,
    errors.MissingScope,
    errors.PaymentRequired,
    errors.PlanEnded,
    errors.StoreMissing,
)
"""Refusals that last until an administrator does something: rules wait for that."""

T = TypeVar("T")


def of_rules(portal: Portal) -> Client:
    """The installer's client at bulk priority.

    Raises ``errors.DeadToken`` where nobody's access is left, ``errors.PaymentRequired`` once the
    subscription has ended.
    """
    if portal.payment_expired:
        raise errors.PaymentRequired("PAYMENT_REQUIRED", "the subscription ended")
    client = installer_client(portal, Priority.BULK)
    if client is None:
        raise errors.DeadToken("invalid_grant", "nobody has installed the app")
    return client


def answer(client: Client, question: Ask[T]) -> T:
    """As :meth:`Client.answer`: short waits for room are sat out, and a request that fails is raised."""
    return answered(question, partial(_sent, client), strict=True)


def _sent(client: Client, commands: Mapping[str, Command]) -> Mapping[str, Outcome]:
    found: dict[str, Outcome] = {}
    for chunk in batch.chunks(commands):
        while True:
            try:
                found |= client.batch(chunk)
                break
            except errors.Wait as wait:
                if wait.seconds > SHORT_WAIT_SECONDS:
                    raise
                time.sleep(wait.seconds)
    return found
