"""Whose token a job reads and writes with.

A job uses its owner's token. If :mod:`b24app.changes.credentials` allows it, links are written with the
installer's token, after the owner's own token has shown that they may open the cards.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import TypeVar

from b24app.bitrix24 import errors
from b24app.bitrix24.ask import Ask, every, known, of, together
from b24app.bitrix24.client import Client
from b24app.bitrix24.portal_limits import Priority
from b24app.changes import credentials
from b24app.changes.credentials import Credentials
from b24app.connect import (
    answer_in_background,
    bulk_installer_client,
    check_subscription,
    client_of,
)
from b24app.jobs import work
from b24app.jobs.models import Job
from b24app.orders import cards
from b24app.orders.types import Card, Owner
from b24app.portals import access

T = TypeVar("T")
U = TypeVar("U")


@dataclass(frozen=True, slots=True)
class Clients:
    """``own`` uses the owner's token; ``writing`` reads the current values and writes."""

    own: Client
    writing: Client

    def answer(self, personal: Ask[T], shared: Ask[U]) -> tuple[T, U]:
        """The answers of both kinds of questions, in as few requests as the two tokens allow."""
        if self.own is self.writing:
            return answer_in_background(self.own, together(personal, shared))
        return answer_in_background(self.own, personal), answer_in_background(self.writing, shared)


def clients_of(job: Job) -> Clients:
    """The clients of a job.

    Raises ``errors.DeadToken`` if the installer's access is gone, and ``errors.PaymentRequired`` after the
    subscription has ended: people may then view orders, and nothing is written.
    """
    check_subscription(job.portal)
    own = client_of(job.user, Priority.BULK)
    refused = job.right == Job.Right.INSTALLER
    if credentials_of(job, refused=refused) is Credentials.OWN:
        return Clients(own, own)
    return Clients(own, bulk_installer_client(job.portal))


def credentials_of(job: Job, *, refused: bool) -> Credentials:
    """Whose token writes for a job; ``refused``: its owner's own permission is known to be refused."""
    prop = work.subject_of(job).kind
    return credentials.chosen(prop, named=job.named is True, refused=refused)


def borrow(job: Job) -> bool:
    """Continue with the installer's token if the owner may use it; False if they may not.

    ``job.right`` is what has just been refused; another slot may have changed it in the database already.
    """
    if job.right == Job.Right.INSTALLER:
        return False
    if credentials_of(job, refused=True) is Credentials.OWN:
        return False
    Job.objects.of(job.portal).filter(pk=job.pk).update(right=Job.Right.INSTALLER)
    return True


def passed_on(job: Job) -> bool:
    """Whether another person's access has replaced the installer's that this job used."""
    before = job.portal.installer_id
    job.portal.refresh_from_db(fields=["installer"])
    return job.right == Job.Right.INSTALLER and job.portal.installer_id not in (None, before)


def still_named(job: Job) -> Ask[None]:
    """Raises ``errors.WriteDenied`` if a job on the installer's right may not use it any more."""

    def check(named: bool) -> None:
        if not named:
            raise errors.WriteDenied("", "not named any more", method="user.access")

    installer = job.right == Job.Right.INSTALLER
    return access.is_named(job.portal).map(check) if installer else known(None)


def openable(owners: Iterable[Owner]) -> Ask[Mapping[Owner, Card]]:
    """The cards among these that the person may open.

    Raises the refusal of a list: a gap would look like a missing right.
    """
    return cards.cards_of_any_type(owners).map(cards.CardList.complete)


def gone(client: Client, owners: Iterable[Owner]) -> set[Owner]:
    """The deleted ones among cards that the portal did not show to this person.

    The portal answers "not found" for a deleted card and "access denied" for a closed one
    (crm/deals/crm-deal-get.md, crm/universal/crm-item-get.md).
    """
    asked = list(owners)
    found = answer_in_background(client, every(_is_gone(owner) for owner in asked))
    return {owner for owner, gone in zip(asked, found, strict=True) if gone}


def _is_gone(owner: Owner) -> Ask[bool]:
    read = of(cards.get_command(owner), lambda _: False)
    return read.otherwise(True, errors.NotFound).otherwise(False)
