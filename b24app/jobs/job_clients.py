"""On whose token a job reads and writes.

It runs on the token of its owner. Where :mod:`b24app.changes.credentials` allows it, links are written
with the installer's, after the owner's own token has shown that they may open the cards.
"""

import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from b24app.bitrix24 import batch, errors
from b24app.bitrix24.client import Answer, Client, Command
from b24app.bitrix24.portal_limits import Priority
from b24app.changes import credentials
from b24app.changes.credentials import Credentials
from b24app.connect import client_of, installer_client
from b24app.jobs import work
from b24app.jobs.models import Job
from b24app.orders import cards
from b24app.orders.types import Card, Owner
from b24app.portals import access

# A wait this short (seconds) is sat out: coming back would cost the portal requests to look anew.
SHORT_WAIT = 1.5

Outcomes = Mapping[str, Answer | errors.BitrixError]


@dataclass(frozen=True, slots=True)
class Hands:
    """``own`` is the person's client; ``writing`` the one that reads places and writes."""

    own: Client
    writing: Client

    def ask(self, personal: Mapping[str, Command], shared: Mapping[str, Command]) -> Outcomes:
        """Outcomes of both kinds of questions, in as few requests as the two tokens allow."""
        if self.own is self.writing:
            return sent(self.own, {**personal, **shared})
        return {**sent(self.own, personal), **sent(self.writing, shared)}


def sent(
    client: Client, commands: Mapping[str, Command], *, send_before: float | None = None
) -> Outcomes:
    """The outcomes of commands, 50 a request; raises what a whole request raises.

    Requests are asked for one by one: a wait for room between two of them loses nothing.
    ``send_before`` is a deadline as in :meth:`Client.batch`.
    """
    found: dict[str, Answer | errors.BitrixError] = {}
    for chunk in batch.chunks(commands):
        while True:
            try:
                found |= client.batch(chunk, send_before=send_before)
                break
            except errors.Wait as wait:
                if wait.seconds > SHORT_WAIT:
                    raise
                time.sleep(wait.seconds)
    return found


def hands_of(job: Job) -> Hands:
    """The clients of a job.

    Raises ``errors.DeadToken`` where the installer's access is gone, ``errors.PaymentRequired`` once the
    subscription has ended: then people may look, and nothing is written.
    """
    if job.portal.payment_expired:
        raise errors.PaymentRequired("PAYMENT_REQUIRED", "the subscription ended")
    own = client_of(job.user, Priority.BULK)
    refused = job.right == Job.Right.INSTALLER
    if credentials_of(job, refused=refused) is Credentials.OWN:
        return Hands(own, own)
    installer = installer_client(job.portal, Priority.BULK)
    if installer is None:
        raise errors.DeadToken("invalid_grant", "nobody has installed the app")
    return Hands(own, installer)


def credentials_of(job: Job, *, refused: bool) -> Credentials:
    """Whose token writes for a job; ``refused``: its owner's own permission is known to be refused."""
    prop = work.subject_of(job).kind
    return credentials.chosen(prop, named=job.named is True, refused=refused)


def borrow(job: Job) -> bool:
    """Go on with the installer's token, where the owner may borrow it; False where they may not.

    ``job.right`` is the right that has just been refused; another lane may have changed it already.
    """
    if job.right == Job.Right.INSTALLER:
        return False
    if credentials_of(job, refused=True) is Credentials.OWN:
        return False
    Job.objects.of(job.portal).filter(pk=job.pk).update(right=Job.Right.INSTALLER)
    return True


def passed_on(job: Job) -> bool:
    """Whether the installer's access that this job used has ended and somebody else's is in its place."""
    before = job.portal.installer_id
    job.portal.refresh_from_db(fields=["installer"])
    return job.right == Job.Right.INSTALLER and job.portal.installer_id not in (None, before)


def still_named(job: Job, outcomes: Outcomes) -> None:
    """Raises ``errors.WriteDenied`` where a job on the installer's right may not use it any more."""
    if job.right == Job.Right.INSTALLER and not access.named(outcomes):
        raise errors.WriteDenied("", "not named any more", method="user.access")


def openable(owners: Iterable[Owner]) -> dict[str, Command]:
    """Commands that tell which cards the person may open, 50 each, for :func:`opened`."""
    return cards.listing_of(owners)


def opened(outcomes: Outcomes) -> dict[Owner, Card]:
    """The cards that may be opened; raises a command's error: a gap would look like a missing right."""
    for key, outcome in outcomes.items():
        if key.startswith("cards:") and isinstance(outcome, errors.BitrixError):
            raise outcome
    return cards.listed(outcomes)


def gone(client: Client, owners: Iterable[Owner]) -> set[Owner]:
    """Cards that are there for nobody, of those this person was not shown.

    The portal says "not found" of these alone; of what is closed to somebody it says that it is closed
    (crm/deals/crm-deal-get.md, crm/universal/crm-item-get.md).
    """
    asked = list(owners)
    opening = {f"gone{at}": cards.opening(owner)["card"] for at, owner in enumerate(asked)}
    outcomes = sent(client, opening) if opening else {}
    return {
        owner
        for owner, outcome in zip(asked, outcomes.values(), strict=True)
        if isinstance(outcome, errors.NotFound)
    }
