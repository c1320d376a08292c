"""Who may link where their own right is not enough.

A person's own rights come first. Where the portal's admin has named people or departments, the app
acts for them with the installer's token, once their own token has shown that they may open the
card. Whether somebody is among the named is the portal's to say: ``user.access`` with the person's
own token (common/users/user-access.md).
"""

from b24app.bitrix24 import ask
from b24app.bitrix24.ask import Ask
from b24app.bitrix24.client import Command
from b24app.portals.launch import Refused
from b24app.portals.models import Portal, PortalUser


def can_be_named(portal: Portal) -> bool:
    """Whether anybody is named, and the app has an installer to act with."""
    return bool(portal.named_codes) and portal.installer_id is not None


def is_named(portal: Portal) -> Ask[bool]:
    """Whether a person is among the named, as the portal says it; nothing is sent where nobody is.

    False where the portal does not answer.
    """
    if not can_be_named(portal):
        return ask.known(False)
    command = Command("user.access", {"ACCESS": portal.named_codes})
    return ask.of(command, lambda answer: answer.result is True).otherwise(False)


def can_link(user: PortalUser, *, is_named: bool) -> bool:
    """False where the portal has refused the person's own right and the app may not act for them.

    False for everybody once the subscription has ended.
    """
    return not user.portal.payment_expired and (user.may_link is not False or is_named)


def is_administrator() -> Ask[bool]:
    """Whether a person administers the portal (common/users/user-admin.md).

    Raises the portal's refusal to say.
    """
    return ask.of(Command("user.admin"), lambda answer: answer.result is True)


def confirm_administrator(user: PortalUser, *, is_administrator: bool) -> None:
    """Raises :class:`Refused` if the portal says that ``user`` is no administrator any more."""
    if not is_administrator:
        PortalUser.objects.of(user.portal).filter(pk=user.pk).update(is_admin=False)
        raise Refused("admins-only", user.portal)


def forget_refusal(user: PortalUser) -> None:
    """What the portal has refused once it may allow now: the next try will show."""
    if user.may_link is False:
        user.may_link = None
        user.save(update_fields=["may_link"])


def who_can_grant(portal: Portal) -> list[PortalUser]:
    """Administrators of the portal known to the app, at most three, the installer first."""
    admins = PortalUser.objects.of(portal).filter(is_admin=True).order_by("pk")[:10]
    return sorted(admins, key=lambda user: user.pk != portal.installer_id)[:3]
