"""The client that rules read and write with: the installer's, behind everybody's clicks."""

from b24app.bitrix24 import errors
from b24app.bitrix24.client import Client
from b24app.connect import bulk_installer_client, check_subscription
from b24app.portals.models import Portal

NO_ACCESS = (
    errors.AuthError,
    errors.AccessDenied,
    errors.MissingScope,
    errors.PaymentRequired,
    errors.PlanEnded,
    errors.StoreMissing,
)
"""Refusals that last until an administrator does something: rules wait for that."""


def client_of_rules(portal: Portal) -> Client:
    """The installer's client at bulk priority.

    Raises ``errors.DeadToken`` where nobody's access is left, ``errors.PaymentRequired`` once the
    subscription has ended.
    """
    check_subscription(portal)
    return bulk_installer_client(portal)
