"""Who a person is and whether they administer the portal, as the portal itself says at this moment.

An opening proves that once; the session it starts lasts half an hour, and people are dismissed or lose
a role meanwhile. So each route says how the portal is asked again (:class:`Asks`), and a test holds that
every route does. The portal's word counts for :data:`CONFIRMED_FOR`; it is kept with the person, so that all
pages of a person together ask at most once in that time (``profile``: common/users/profile.md).
"""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from enum import Enum, auto

from django.utils import timezone

from b24app.bitrix24 import ask, batch, errors
from b24app.bitrix24.answers import WAITED_FOR, Bounds
from b24app.bitrix24.ask import Refusal
from b24app.bitrix24.budget import Budget
from b24app.bitrix24.client import Answer, Client, Command, Outcome, Timeouts
from b24app.bitrix24.encoding import Params
from b24app.bitrix24.portal_limits import Priority
from b24app.portals import call_listener
from b24app.portals.budgets import budget_of
from b24app.portals.models import PortalUser
from b24app.portals.renewal import StoredTokens
from b24app.portals.tokens import bury

CONFIRMED_FOR = timedelta(minutes=1)
"""How long the portal's word counts before it is asked again."""

FRESH_IN_JOBS = timedelta(seconds=10)
"""The same for jobs: nobody who could notice something sits in front of them."""

MAX_UNCONFIRMED = timedelta(minutes=30)
"""How long it counts, where the portal does not answer, for what holds no file of customers' data."""

QUESTION = "who"

# What is said of a person's access, and not of the portal's state.
_REFUSALS = (errors.AuthError, errors.AppClosedToUser)


class Asks(Enum):
    """How a route asks the portal who sits in front of the page, where its word is not fresh."""

    OPENING = auto()
    """The portal itself opens it: the token that comes along is asked about in this very request."""

    NOBODY = auto()
    """Not at all: it shows nothing of the portal's. It ends once the end of the access is known."""

    ALONG = auto()
    """In the request that reads or writes at the portal anyway, with the person's own token."""

    FIRST = auto()
    """Before anything is looked up; where the portal does not answer, nothing is shown."""

    FIRST_OR_LATELY = auto()
    """Before anything is looked up; where the portal does not answer, its word of the last 30 minutes
    is taken, except for what only administrators may see of others.
    """


class AskingClient(Client):
    """A client of a person's own requests, which asks along whose token it uses, at most once a minute.

    ``fresh`` is a shorter time, for what writes and for what has room for the question. Raises
    ``errors.DeadToken`` where the token has become somebody else's: a portal may give a dismissed
    person's access to another user.
    """

    def __init__(
        self,
        user: PortalUser,
        *,
        budget: Budget,
        timeouts: Timeouts | None = None,
        bounds: Bounds = WAITED_FOR,
        fresh: timedelta = CONFIRMED_FOR,
    ) -> None:
        super().__init__(
            StoredTokens(user),
            budget=budget,
            listener=call_listener.listener(user.portal, user.user_id),
            timeouts=timeouts,
            bounds=bounds,
        )
        self._user = user
        self._fresh = fresh

    def call(self, method: str, params: Params | None = None, *, write: bool = False) -> Answer:
        """As :meth:`Client.call`; a request of its own comes before it where the question is due."""
        if due(self._user, self._fresh if write else CONFIRMED_FOR):
            self.ask()
        with self._noting_the_end():
            return super().call(method, params, write=write)

    def batch(
        self,
        commands: Mapping[str, Command],
        halt: bool = False,
        *,
        send_before: float | None = None,
    ) -> dict[str, Outcome]:
        """As :meth:`Client.batch`; the question rides along where that costs no request more.

        Nothing is written before it is answered.
        """
        along: dict[str, Command] = {}
        if due(self._user, self._fresh):
            writes = any(command.write for command in commands.values())
            if not (halt or writes) and len(commands) % batch.SIZE:
                along = {QUESTION: _PROFILE.commands[0]}
            elif writes or due(self._user):
                self.ask()
        with self._noting_the_end(asked=bool(along)):
            found = super().batch(along | dict(commands), halt, send_before=send_before)
        if along:
            outcome = found.pop(QUESTION)
            profile = ask.answered(
                _PROFILE.attempt(), lambda commands: dict.fromkeys(commands, outcome)
            )
            _record(self._user, profile)
        return found

    def ask(self) -> None:
        """Ask in a request of its own. Raises what the portal refuses."""
        with self._noting_the_end(asked=True):
            answer = super().call("profile")
        _record(self._user, _profile(answer))

    @contextmanager
    def _noting_the_end(self, *, asked: bool = False) -> Iterator[None]:
        """Keep that the person's access has ended, and why a question they had ``asked`` has no answer."""
        try:
            yield
        except errors.BitrixError as error:
            if asked:
                self._user.unanswered = error
            if isinstance(error, errors.DeadToken):
                _end(self._user)
            raise


class BackgroundClient(Client):
    """A client on a person's stored token for work that nobody waits for; it asks nothing along.

    It notes the end of the person's access if the portal says that it no longer lets them in. A token
    that has ended is noted where it is renewed.
    """

    def __init__(
        self, user: PortalUser, *, budget: Budget, timeouts: Timeouts, bounds: Bounds
    ) -> None:
        super().__init__(
            StoredTokens(user),
            budget=budget,
            listener=call_listener.listener(user.portal, user.user_id),
            timeouts=timeouts,
            bounds=bounds,
        )
        self._user = user

    def call(self, method: str, params: Params | None = None, *, write: bool = False) -> Answer:
        with self._noting_a_dismissal():
            return super().call(method, params, write=write)

    def batch(
        self,
        commands: Mapping[str, Command],
        halt: bool = False,
        *,
        send_before: float | None = None,
    ) -> dict[str, Outcome]:
        with self._noting_a_dismissal():
            return super().batch(commands, halt, send_before=send_before)

    @contextmanager
    def _noting_a_dismissal(self) -> Iterator[None]:
        try:
            yield
        except errors.UserDismissed:
            _end(self._user)
            raise


def due(user: PortalUser, fresh: timedelta = CONFIRMED_FOR) -> bool:
    """Whether the portal is to be asked again who ``user`` is: its word is older than ``fresh``."""
    return user.confirmed_at is None or timezone.now() - user.confirmed_at > fresh


def confirm(user: PortalUser) -> None:
    """Ask the portal who ``user`` is, unless its word is fresh: one request.

    ``user.is_admin`` is then as the portal says. Raises ``errors.BitrixError`` where it refuses or does
    not answer; in one web request it is asked once.
    """
    if not due(user):
        return
    if user.unanswered is not None:
        raise user.unanswered
    _client(user).ask()


def confirm_or_lately(user: PortalUser) -> None:
    """As :func:`confirm`, but a portal that does not answer is forgiven for :data:`MAX_UNCONFIRMED`.

    ``user.unanswered`` then holds its error.
    """
    try:
        confirm(user)
    except _REFUSALS:
        raise
    except errors.BitrixError:
        if user.confirmed_at is None or timezone.now() - user.confirmed_at > MAX_UNCONFIRMED:
            raise


def before(asks: Asks, user: PortalUser) -> None:
    """Ask as the route says, before its view is called.

    Raises ``errors.DeadToken`` once the end of the person's access is known, for every kind of route, and
    what the portal refuses.
    """
    if user.tokens == PortalUser.Tokens.DEAD:
        raise errors.DeadToken("invalid_grant", "this access has ended")
    if asks is Asks.NOBODY and user.confirmed_at is None:
        raise errors.DeadToken("invalid_grant", "the portal has not said who this is")
    if asks is Asks.FIRST:
        confirm(user)
    elif asks is Asks.FIRST_OR_LATELY:
        confirm_or_lately(user)


def after(asks: Asks, user: PortalUser) -> None:
    """Make the question good where a view has asked the portal nothing by itself.

    A view that writes has asked along with what it read first, so that its answer always goes out.
    """
    if asks is Asks.ALONG:
        confirm_or_lately(user)


def _client(user: PortalUser) -> AskingClient:
    budget = budget_of(user.portal, Priority.INTERACTIVE)
    return AskingClient(user, budget=budget, timeouts=Timeouts(reading=10.0))


@dataclass(frozen=True, slots=True)
class _Profile:
    """``profile``: whose token it is, and whether that person administers the portal."""

    user_id: str
    is_admin: bool


def _profile(answer: Answer) -> _Profile:
    row = answer.result if isinstance(answer.result, Mapping) else {}
    return _Profile(str(row.get("ID", "")), row.get("ADMIN") is True)


_PROFILE = ask.of(Command("profile"), _profile)


def _record(user: PortalUser, profile: _Profile | Refusal) -> None:
    """Store what the portal says of ``user``. Raises a refusal of their access."""
    if isinstance(profile, Refusal):
        if isinstance(profile.error, _REFUSALS):
            raise profile.error
        # The token works, because the request was answered. The portal is asked again next time.
        return
    if profile.user_id != str(user.user_id):
        _end(user)
        raise errors.DeadToken("invalid_token", "the token belongs to somebody else")
    user.confirmed_at, user.is_admin = timezone.now(), profile.is_admin
    PortalUser.objects.filter(pk=user.pk).update(
        confirmed_at=user.confirmed_at, is_admin=user.is_admin
    )


def _end(user: PortalUser) -> None:
    """Keep that the portal does not take ``user``'s tokens, or takes them for somebody else's.

    The installer's stay as they are: whose they have become, the next renewal says, and the background
    work goes on with that.
    """
    same = PortalUser.objects.filter(pk=user.pk, renewed_at=user.renewed_at)
    same.update(confirmed_at=None)
    user.confirmed_at = None
    if user.portal.installer_id != user.pk:
        bury(user)
